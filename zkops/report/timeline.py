"""What a rollout recorded: its plan, each step with its times, who led when, what a client saw, the end; pure.

Times are seconds since the rollout was begun, unless they are said to be of the clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from zkops.ensemble.observed import Member
from zkops.zookeeper.four_letter import LEADING
from zkops.zookeeper.heartbeat.result import Beats, Gap

Outcome = Literal["done", "undone", "failed", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What a step is to do, and why."""

    action: str
    target: str
    reason: str
    moves: bool = False
    """Whether clients could notice it."""

    @property
    def label(self) -> str:
        """In short: as the heartbeat's marks name it."""
        return f"{self.action} {self.target}"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a step waited behind."""

    begun: float
    held: float | None
    """Since when all was as it must be, without a break; None where it was not at the end."""
    ended: float
    proof: float
    """So many seconds it had to stay so."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A step that was carried out, or begun."""

    intent: Intent
    begun: float
    ended: float
    gate: Gate | None = None
    """None where nothing was waited for."""
    undoing: bool = False
    """Whether it was done to go back."""
    failure: str = ""
    """Why it was not finished, in a line; empty where it was."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What the members were when they were looked at; kept where it differs from the look before."""

    at: float
    states: Mapping[str, str]
    """Hostname → leader, follower, observer, standalone, or what it lacks."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """One rollout."""

    ensemble: str
    what: str
    """The command, such as `deploy` or `rollback to 3`."""
    who: str
    """`user@host`."""
    revision: int
    """Its number in the history."""
    image: str
    config: str
    """Name of the ConfigMap."""
    begun: float
    """By the clock: seconds since 1970."""
    seconds: float
    """From then to the end."""
    outcome: Outcome
    cause: str = ""
    """Why it was not done; empty where it was."""
    mend: str = ""
    plan: tuple[Intent, ...] = ()
    """As it was at the begin."""
    differences: tuple[str, ...] = ()
    """Fields of live objects that differed from the description then."""
    warnings: tuple[str, ...] = ()
    steps: tuple[Taken, ...] = ()
    sights: tuple[Sight, ...] = ()
    beats: Beats | None = None
    """None where nothing was done that clients could notice."""
    max_gap: float | None = None
    """Seconds without an acknowledged write that were allowed; None for no limit."""

    @property
    def end(self) -> float:
        """When the last step ended, or the last write; what comes after is reading back."""
        beats_end = self.first_write + self.beats.seconds if self.beats else 0.0
        return max([beats_end, *(step.ended for step in self.steps)]) or self.seconds

    @property
    def first_write(self) -> float:
        """When the heartbeat's first write was acknowledged; its curve counts from then."""
        return self.beats.begun - self.begun if self.beats else 0.0


@dataclass(frozen=True, kw_only=True)
class Span:
    """A time in which something stayed as it was."""

    value: str
    begun: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.ended - self.begun


def states(members: Sequence[Member]) -> dict[str, str]:
    """Give what members are, each in a few words."""
    return {member.machine.hostname: " ".join(member.state.split())[:200] for member in members}


def reigns(timeline: Timeline) -> tuple[Span, ...]:
    """Tell who led when: a hostname, several with ` and ` where more than one said so, empty where nobody did."""
    return _merged((sight.at, " and ".join(_leaders(sight))) for sight in _closed(timeline))


def lanes(timeline: Timeline) -> dict[str, tuple[Span, ...]]:
    """Tell what each member was when, hostname → spans; empty for the time in which it was no member."""
    hosts = dict.fromkeys(host for sight in timeline.sights for host in sight.states)
    looks = tuple(_closed(timeline))
    return {host: _merged((sight.at, sight.states.get(host, "")) for sight in looks) for host in sorted(hosts)}


def changes_of_leader(timeline: Timeline) -> int:
    """Count how often another one led than before."""
    known = [span.value for span in reigns(timeline) if span.value]
    return sum(before != after for before, after in pairwise(known))


def gaps(timeline: Timeline) -> tuple[Gap | None, ...]:
    """Give the longest gap that clients saw in each step, None where no write fell into it."""
    seen = timeline.beats.gaps if timeline.beats else ()
    known = [gap if gap.seconds and gap.mark == step.intent.label else None for gap, step in _paired(seen, timeline)]
    return (*known, *[None] * (len(timeline.steps) - len(known)))


def _paired(seen: Sequence[Gap], timeline: Timeline) -> Iterator[tuple[Gap, Taken]]:
    return zip(seen, timeline.steps, strict=False)  # each step is marked once, at its begin


def _leaders(sight: Sight) -> list[str]:
    return sorted(host for host, state in sight.states.items() if state in LEADING)


def _closed(timeline: Timeline) -> Iterator[Sight]:
    """Yield the looks, and the last one again at the end: until then it is taken to be true."""
    yield from timeline.sights
    if timeline.sights:
        last = timeline.sights[-1]
        yield Sight(at=max(timeline.end, last.at), states=last.states)


def _merged(looks: Iterator[tuple[float, str]]) -> tuple[Span, ...]:
    pairs = pairwise(looks)
    whole = ((value, begun, ended) for (begun, value), (ended, _) in pairs)
    grouped = ((value, list(found)) for value, found in groupby(whole, key=lambda look: look[0]))
    return tuple(Span(value=value, begun=found[0][1], ended=found[-1][2]) for value, found in grouped)
