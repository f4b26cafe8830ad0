"""A client that writes all along while an ensemble is changed, as a program would that must not notice it.

It holds a session with an ephemeral znode and tells the longest time without an acknowledged write, whether the session
was kept, and whether every acknowledged write is found on every member afterwards.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from zkops.zookeeper.heartbeat import result as beats
from zkops.zookeeper.heartbeat import znodes as slots
from zkops.zookeeper.heartbeat.result import Beats, Mark
from zkops.zookeeper.heartbeat.writer import Writer


class Heartbeat:
    """A heartbeat under way; what `beating` gives."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._marks: list[Mark] = []
        self._readings: tuple[slots.Reading, ...] = ()

    def mark(self, label: str) -> None:
        """Say what is begun now, in a few words: gaps from here on are counted as its own."""
        self._marks.append(Mark(time=time.monotonic(), label=label))

    def gap_now(self) -> float:
        """Give the seconds since the last acknowledged write."""
        return self._writer.gap_now()

    @property
    def longest(self) -> float:
        """Seconds of the longest gap until now, also of one that still lasts."""
        return max(self._writer.longest, self.gap_now())

    def over(self, budget: float) -> bool:
        """Whether a gap, over or not, is longer than *budget* seconds."""
        return self.longest > budget

    @property
    def result(self) -> Beats:
        """The figures until now, or to the end."""
        record = self._writer.record(self._marks)
        wrong = [text for reading in self._readings for text in reading.wrong]
        made = beats.beats(record, self._writer.expired, lost=[*self._writer.damage, *wrong])
        return replace(
            made,
            verified=tuple(reading.member for reading in self._readings if not reading.silent),
            unread=tuple(reading.silent for reading in self._readings if reading.silent),
        )

    def verify(self, members: Mapping[str, str]) -> Beats:
        """Stop writing, read all back from each of *members*, name → HOST:PORT, and give the figures."""
        self._writer.stop()
        self._readings = slots.read_back(members, self._writer.slots)
        return self.result


@contextmanager
def beating(servers: str, name: str, password: str = "") -> Iterator[Heartbeat]:
    """Write meanwhile to the ensemble *name*; `verify` is to be called before the end, its znodes go with it.

    Args:
        servers: HOST:PORT,HOST:PORT,…: tried in this order, round and round.
        name: the ensemble, for people.
        password: of ZooKeeper's super user, where not everybody may create znodes below `/`.

    Raises:
        Failed: no server lets it begin.
    """
    writer = Writer(servers, password)
    try:
        writer.begin(name)
        yield Heartbeat(writer)
    finally:
        writer.end()
