"""What watches a change: the lease that nobody else may hold, and a client that must not wait for too long."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from zkops.config.cluster import Cluster
from zkops.core import console
from zkops.core.errors import Spoilt
from zkops.kube import tunnel as forward
from zkops.kube.client import Kube
from zkops.rollout.recorder import Log
from zkops.zookeeper.heartbeat import heartbeat
from zkops.zookeeper.heartbeat.result import Beats


class Held(Protocol):
    """The lease."""

    def check(self) -> None:
        """Raise when it was lost."""


class Watch:
    """Asked before each step and all along its gate."""

    def __init__(
        self, held: Held, beat: heartbeat.Heartbeat | None, max_gap: float | None, log: Log | None = None
    ) -> None:
        self._held, self._beat, self._max_gap = held, beat, max_gap
        self.log = log or Log()
        """What is done and seen is written down there."""
        self.seen: Beats | None = None
        """What the client saw, once the change is over."""

    def check(self) -> None:
        """Raise what stops a change.

        Raises:
            Spoilt: clients waited for longer than allowed.
            Failed: the lease was lost.
        """
        self._held.check()
        if self._beat and self._max_gap is not None and self._beat.over(self._max_gap):
            raise Spoilt(
                f"clients could not write for longer than {self._max_gap:g} s",
                "see `invoke history`; allow more with --max-gap, or find out what is slow with `invoke logs`",
            )

    def forgive(self) -> None:
        """Go on whatever clients wait: undoing has no better choice."""
        self._max_gap = None
        self.log.undoing = True

    def mark(self, label: str) -> None:
        """Tell the client what begins now, so that its gaps can be told apart."""
        if self._beat:
            self._beat.mark(label)


@contextmanager
def watching(
    cluster: Cluster, kube: Kube, held: Held, max_gap: float | None, *, moves: bool, password: str, log: Log
) -> Iterator[Watch]:
    """Watch a change; with a client where clients could notice it, that is where it *moves* members."""
    if not moves:
        yield Watch(held, None, None, log)
        return
    with (
        forward.ways(cluster, lambda: kube) as ways,
        heartbeat.beating(",".join(ways.values()), cluster.name, password) as beat,
    ):
        watch = Watch(held, beat, max_gap, log)
        try:
            yield watch
        finally:
            with console.step("reading every acknowledged write back from every member"):
                watch.seen = beat.verify(ways)
