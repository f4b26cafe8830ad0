"""What a heartbeat measured, as plain figures, and how they are made from the times of its writes; pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from zkops.core.units import times

BUCKET_SECONDS = 0.1
BUCKETS = 600


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that was begun, and when: seconds of the monotonic clock."""

    time: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A time without an acknowledged write: the longest one of a mark, or of all."""

    seconds: float
    at: float
    """When it began: seconds since 1970."""
    mark: str = ""
    """The mark that it came after, empty before the first."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Some time of the timeline."""

    at: float
    """Its begin, in seconds since the first write."""
    writes: int
    """How many were acknowledged in it."""
    slowest: float
    """Milliseconds that the slowest of them took, 0 where there is none."""
    typical: float = 0.0
    """Milliseconds of their median."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How long writes took until they were acknowledged, in milliseconds."""

    p50: float
    p99: float
    max: float


@dataclass(frozen=True, kw_only=True)
class Beats:
    """What a client saw that wrote all along."""

    begun: float
    """When the first write was acknowledged: seconds since 1970."""
    seconds: float
    """From then to the end."""
    acknowledged: int
    """How many writes were."""
    longest: Gap
    gaps: tuple[Gap, ...]
    """The longest of each mark, in the order of the marks."""
    latency: Latency
    sessions_lost: int
    """How often the session expired, and all its ephemeral nodes went with it."""
    timeline: tuple[Bucket, ...]
    lost: tuple[str, ...] = ()
    """Acknowledged writes that were not found afterwards, in sentences; there must be none."""
    verified: tuple[str, ...] = ()
    """The members from which all was read back."""
    unread: tuple[str, ...] = ()
    """Members that could not be asked, each with the reason."""

    def __str__(self) -> str:
        mark = f" ({self.longest.mark})" if self.longest.mark else ""
        kept = "session kept" if not self.sessions_lost else f"session lost {times(self.sessions_lost)}"
        return (
            f"heartbeat: longest gap {self.longest.seconds:.2f} s{mark}, {self.acknowledged} writes acknowledged,"
            f" {self._found()}, {kept}"
        )

    def _found(self) -> str:
        if self.lost:
            return f"{len(self.lost)} lost"
        if not self.verified:
            return "not read back"
        return (
            f"none lost on {len(self.verified)} members; not asked: {len(self.unread)}" if self.unread else "none lost"
        )


@dataclass(frozen=True, kw_only=True)
class Record:
    """The times of all acknowledged writes, in their order, by the monotonic clock; at least one."""

    acknowledged: Sequence[float]
    took: Sequence[float]
    """Seconds from the first try to the acknowledgement."""
    marks: Sequence[Mark]
    ended: float
    offset: float
    """Seconds to add for the time since 1970."""


def beats(record: Record, sessions_lost: int, lost: Sequence[str] = ()) -> Beats:
    """Make the figures."""
    begun = record.acknowledged[0]
    gaps = _gaps(record)
    return Beats(
        begun=begun + record.offset,
        seconds=record.ended - begun,
        acknowledged=len(record.acknowledged),
        longest=max(gaps, key=lambda gap: gap.seconds),
        gaps=tuple(gap for gap in gaps if gap.mark),
        latency=latency(record.took),
        sessions_lost=sessions_lost,
        timeline=timeline(record),
        lost=tuple(lost),
    )


def latency(took: Sequence[float]) -> Latency:
    """Give the percentiles of seconds, in milliseconds."""
    ordered = sorted(took)
    last = len(ordered) - 1
    p50, p99, longest = (ordered[round(last * share)] * 1000 for share in (0.5, 0.99, 1))
    return Latency(p50=p50, p99=p99, max=longest)


def timeline(record: Record) -> tuple[Bucket, ...]:
    """Count writes per 100 ms, or per as many times that as makes it short enough."""
    begun = record.acknowledged[0]
    width = BUCKET_SECONDS * (int((record.ended - begun) / BUCKET_SECONDS / BUCKETS) + 1)
    buckets: list[list[float]] = [[] for _ in range(int((record.ended - begun) / width) + 1)]
    for time, took in zip(record.acknowledged, record.took, strict=True):
        buckets[min(int((time - begun) / width), len(buckets) - 1)].append(took * 1000)
    return tuple(
        Bucket(
            at=round(place * width, 1),
            writes=len(times),
            slowest=max(times, default=0.0),
            typical=median(times) if times else 0.0,
        )
        for place, times in enumerate(buckets)
    )


def _gaps(record: Record) -> list[Gap]:
    """Give the longest gap after each mark, and first the longest before them.

    What is done right after a mark holds up the write that was sent just before it: a gap is a mark's that comes in
    the gap's first half.
    """
    longest = [(0.0, record.acknowledged[0])] * (len(record.marks) + 1)
    times = [mark.time for mark in record.marks]
    ends = [*record.acknowledged[1:], record.ended]
    for begin, end in zip(record.acknowledged, ends, strict=True):
        place = bisect_right(times, (begin + end) / 2)
        longest[place] = max(longest[place], (end - begin, begin), key=lambda found: found[0])
    labels = ["", *(mark.label for mark in record.marks)]
    return [
        Gap(seconds=seconds, at=begin + record.offset, mark=label)
        for (seconds, begin), label in zip(longest, labels, strict=True)
    ]
