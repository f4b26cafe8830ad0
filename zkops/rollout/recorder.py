"""Writes down what a rollout does while it does it: for the history in Kubernetes, and for the report's page here."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from zkops.config.cluster import Cluster
from zkops.core.errors import RolledBack, ZkopsError
from zkops.core.redaction import redacted
from zkops.ensemble.observed import Member
from zkops.kube.client import Kube
from zkops.manifests.render import Rendered
from zkops.planning.plan import MOVING, Plan, Step
from zkops.report import files as reports
from zkops.report import timeline
from zkops.report.timeline import Gate, Intent, Outcome, Sight, Taken, Timeline
from zkops.rollout import history, revisions
from zkops.rollout.options import Wish
from zkops.rollout.revisions import Revision
from zkops.zookeeper.heartbeat.result import Beats


class Log:
    """Collects the times of steps and gates, and what the members are at each look."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._gate: Gate | None = None
        self.steps: list[Taken] = []
        self.sights: list[Sight] = []
        self.undoing = False
        """Whether what follows is done to go back."""

    @property
    def now(self) -> float:
        """Seconds since the begin."""
        return time.monotonic() - self._begun

    @contextmanager
    def step(self, step: Step) -> Iterator[None]:
        """Note a step's times, and why it was not finished."""
        begun, self._gate = self.now, None
        intent = intent_of(step)
        failure = ""
        try:
            yield
        except BaseException as error:
            failure = redacted(_line(error)).removeprefix(f"{step}: ").rstrip(":")
            raise
        finally:
            ended, undoing = self.now, self.undoing
            gate = self._closed(ended)
            self.steps.append(
                Taken(intent=intent, begun=begun, ended=ended, gate=gate, undoing=undoing, failure=failure)
            )

    def _closed(self, ended: float) -> Gate | None:
        return replace(self._gate, ended=ended) if self._gate else None

    def waits(self, proof: float) -> None:
        """Note that the gate of the step under way begins: all must be well for *proof* seconds."""
        self._gate = Gate(begun=self.now, held=None, ended=self.now, proof=proof)

    def passes(self, since: float) -> None:
        """Note that the gate was passed: all has been well *since*, by the monotonic clock."""
        if self._gate:
            self._gate = replace(self._gate, held=since - self._begun)

    def saw(self, members: Sequence[Member]) -> None:
        """Note what the members are."""
        found = {host: redacted(state) for host, state in timeline.states(members).items()}
        if not self.sights or self.sights[-1].states != found:
            self.sights.append(Sight(at=self.now, states=found))


@dataclass
class Record:
    """What the history and the report are told at the end."""

    log: Log = field(default_factory=Log)
    steps: list[str] = field(default_factory=list)
    seen: Beats | None = None
    page: Path | None = None
    """The report, once it is written."""


@contextmanager
def recorded(cluster: Cluster, rendered: Rendered, kube: Kube, wish: Wish, todo: Plan) -> Iterator[Record]:
    """Write into the history what is begun and how it ended, and the report, however it ended."""
    revision = history.begin(kube, cluster, wish.doing, rendered.object("DaemonSet"))
    record = Record()
    ended: BaseException | None = None
    try:
        yield record
    except BaseException as error:
        ended = error
        raise
    finally:
        # First what needs nobody: the API server may be the very thing that is gone.
        record.page = reports.write(_timeline(cluster.name, revision, wish, todo, record, ended))
        history.finish(
            kube,
            cluster,
            revision,
            outcome=_noted(ended),
            seconds=record.log.now,
            steps=tuple(record.steps),
            heartbeat=_summary(record.seen),
        )


def intent_of(step: Step) -> Intent:
    """Give a step as the report tells it."""
    reason, moves = redacted(step.reason), step.action in MOVING
    return Intent(action=step.action, target=step.target, reason=reason, moves=moves)


def _noted(ended: BaseException | None) -> str:
    """Give the outcome as the history tells it."""
    if ended is None:
        return revisions.DONE
    if isinstance(ended, RolledBack):
        return f"rolled back to {ended.number}"
    return f"failed: {ended.what.splitlines()[0]}" if isinstance(ended, ZkopsError) else revisions.INTERRUPTED


def _timeline(
    ensemble: str, revision: Revision, wish: Wish, todo: Plan, record: Record, ended: BaseException | None
) -> Timeline:
    seconds = record.log.now
    return Timeline(
        ensemble=ensemble,
        what=revision.what,
        who=revision.who,
        revision=revision.number,
        image=revision.image,
        config=revision.config,
        # Told at the end, as the heartbeat tells its own begin: a clock that was set meanwhile moves both alike.
        begun=time.time() - seconds,
        seconds=seconds,
        outcome=_outcome(ended),
        cause=redacted(_told(ended)) if ended else "",
        mend=_mend(ended),
        plan=tuple(map(intent_of, todo.steps)),
        differences=tuple(redacted(str(change))[:400] for change in todo.changes),
        warnings=tuple(map(redacted, todo.warnings)),
        steps=tuple(record.log.steps),
        sights=tuple(record.log.sights),
        beats=record.seen,
        max_gap=wish.max_gap,
    )


def _outcome(ended: BaseException | None) -> Outcome:
    if ended is None:
        return "done"
    if isinstance(ended, RolledBack):
        return "undone"
    return "failed" if isinstance(ended, Exception) else "interrupted"


def _told(error: BaseException) -> str:
    if isinstance(error, ZkopsError):
        return error.what
    if isinstance(error, KeyboardInterrupt):
        return "interrupted by the operator"
    return f"a defect of ours: {type(error).__name__}: {error}"


def _mend(error: BaseException | None) -> str:
    if isinstance(error, ZkopsError):
        return redacted(error.mend)
    return "run the same command again, it goes on from here" if error else ""


def _line(error: BaseException) -> str:
    return next(iter(_told(error).splitlines()), "")


def _summary(seen: Beats | None) -> dict[str, float] | None:
    if not seen:
        return None
    return {
        "longest_gap": round(seen.longest.seconds, 3),
        "sessions_lost": seen.sessions_lost,
        "writes_lost": len(seen.lost),
    }
