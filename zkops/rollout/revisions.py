"""The revisions of an ensemble as data: who changed what, how it ended, and what brings each back; pure."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from zkops.core.errors import BadInput
from zkops.ensemble.summary import short
from zkops.manifests.objects import Object

KEEP = 10
"""So many revisions are kept, and the newest two different ones that were done where they are older."""
MAX_BYTES = 900_000
"""A ConfigMap may hold 1 MiB."""
MAX_STEPS = 100
WIDTH = 200
"""Of a revision's steps so many are kept, in so many characters each."""

RUNNING, DONE, INTERRUPTED = "running", "done", "interrupted"
HEADERS = ("Revision", "Started", "By", "What", "Image", "Config", "Outcome", "Took", "Longest gap")


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One change of an ensemble."""

    number: int
    time: str
    """When it was begun, in UTC, as ISO 8601."""
    who: str
    """`user@host`."""
    what: str
    """The command, such as `deploy` or `rollback to 3`."""
    image: str
    """Pinned by digest."""
    config: str
    """Name of the ConfigMap."""
    outcome: str = RUNNING
    """`running`, `done`, `interrupted`, `rolled back to N` or `failed: WHY`."""
    seconds: float | None = None
    """None until it ended."""
    heartbeat: Mapping[str, Any] = field(default_factory=dict)
    """What a client saw meanwhile, `longest_gap` in seconds among it; empty where it saw nothing."""
    steps: tuple[str, ...] = ()
    daemonset: Object = field(default_factory=dict)
    """As it was applied: image, configuration and resources."""

    def as_json(self) -> dict[str, Any]:
        """Give plain data, without the DaemonSet."""
        return {key: value for key, value in asdict(self).items() if key != "daemonset"}

    def row(self) -> list[str]:
        """Give the cells below `HEADERS`, `-` for what is not known."""
        gap = self.heartbeat.get("longest_gap")
        return [
            str(self.number),
            self.time,
            self.who,
            self.what,
            short(self.image),
            self.config,
            self.outcome.partition("\n")[0],
            "-" if self.seconds is None else f"{self.seconds:.0f} s",
            "-" if gap is None else f"{gap:.2f} s",
        ]


History = tuple[Revision, ...]
"""Oldest first."""


def parse(data: Mapping[str, str]) -> tuple[History, tuple[str, ...]]:
    """Read the ConfigMap's data; give the revisions, and the keys that cannot be read."""
    found, unreadable = [], []
    for key, text in data.items():
        try:
            found.append(_revision(key, text))
        except (ValueError, TypeError, KeyError, AttributeError):
            unreadable.append(key)
    return tuple(sorted(found, key=lambda revision: revision.number)), tuple(sorted(unreadable))


def data(history: Iterable[Revision]) -> dict[str, str]:
    """Write the ConfigMap's data: number → JSON."""
    return {str(revision.number): _text(revision) for revision in history}


def begun(history: History, new: Revision, above: int = 0) -> History:
    """Add a revision that begins, numbered above all others and *above*.

    Nothing else runs while this one holds the lock: what was left running was interrupted.
    """
    number = max((above, *(revision.number for revision in history))) + 1
    ended = (replace(r, outcome=INTERRUPTED) if r.outcome == RUNNING else r for r in history)
    return pruned((*ended, _clipped(replace(new, number=number))))


def put(history: History, ended: Revision) -> History:
    """Put a revision in the place of the one of its number."""
    others = (revision for revision in history if revision.number != ended.number)
    return pruned(tuple(sorted((*others, _clipped(ended)), key=lambda revision: revision.number)))


def pruned(history: History) -> History:
    """Leave out what is too old or too much; the newest stays, and before others what can be gone back to."""
    newest = history[::-1]
    done = [revision for revision in newest if revision.outcome == DONE]
    other = next((revision for revision in done if revision.daemonset != done[0].daemonset), None)
    needed = [*newest[:1], *done[:1], *((other,) if other else ())]
    kept: dict[int, Revision] = {}
    size = 0
    for revision in (*needed, *newest[:KEEP]):
        length = len(_text(revision).encode())
        if revision.number not in kept and (size + length <= MAX_BYTES or not kept):
            kept[revision.number] = revision
            size += length
    return tuple(kept[number] for number in sorted(kept))


def unneeded(name: str, history: History, used: Collection[str], config_maps: Iterable[str]) -> tuple[str, ...]:
    """Tell which ConfigMaps of the ensemble *name* hold a configuration that nobody can need again.

    *used* are those that the live DaemonSet and the pods name: a pod cannot start again without its own.
    """
    needed = {*used, *(revision.config for revision in history)}
    ours = re.compile(rf"{re.escape(name)}-[0-9a-f]{{10}}")
    return tuple(sorted(item for item in config_maps if ours.fullmatch(item) and item not in needed))


def shown(history: History, *, held: bool) -> History:
    """Give the history as it is told: what is running while nobody holds the lock was interrupted."""
    return tuple(replace(r, outcome=INTERRUPTED) if r.outcome == RUNNING and not held else r for r in history)


def table(history: History) -> list[list[str]]:
    """Give a row a revision, the newest first."""
    return [revision.row() for revision in history[::-1]]


def revision_to(history: History, number: int | None = None) -> Revision:
    """Give the revision that a rollback goes to: the one of *number*, else what was there before the newest.

    Raises:
        BadInput: there is none, or it never worked; says which there are.
    """
    done = [revision for revision in history[::-1] if revision.outcome == DONE]
    known = ", ".join(f"{revision.number} ({revision.time})" for revision in done)
    mend = f"revisions that worked: {known}" if known else "there is none yet that worked; see `invoke history`"
    if number is not None:
        found = next((revision for revision in history if revision.number == number), None)
        if not found:
            raise BadInput(f"--to: there is no revision {number}", mend)
        if found.outcome != DONE:
            raise BadInput(f"--to: revision {number} never worked: {found.outcome}", mend)
        return found
    now = live(history)
    before = next((revision for revision in done if now and revision.daemonset != now.daemonset), None)
    if not before:
        raise BadInput("there is no earlier revision to go back to", mend)
    return before


def live(history: History) -> Revision | None:
    """Give the revision that runs now, or of which a part runs: the newest, or the one it was rolled back to."""
    newest = history[-1] if history else None
    back = re.fullmatch(r"rolled back to (\d+)", newest.outcome) if newest else None
    return next((revision for revision in history if back and revision.number == int(back[1])), newest)


def _clipped(revision: Revision) -> Revision:
    steps = tuple(step[:WIDTH] for step in revision.steps[:MAX_STEPS])
    return replace(revision, steps=steps, outcome=revision.outcome[: 10 * WIDTH])


def _text(revision: Revision) -> str:
    return json.dumps(asdict(revision), sort_keys=True)


def _revision(key: str, text: str) -> Revision:
    """Read one.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it was changed by hand.
    """
    values = json.loads(text)
    found = Revision(**values | {"steps": tuple(values["steps"])})
    texts = (found.time, found.who, found.what, found.image, found.config, found.outcome, *found.steps)
    numbers = (found.number, found.seconds or 0, found.heartbeat.get("longest_gap", 0))
    sound = all(isinstance(item, str) for item in texts) and all(isinstance(item, int | float) for item in numbers)
    if str(found.number) != key or not sound or not isinstance(found.daemonset, dict):
        raise ValueError(f"no revision: {key}")
    return found
