"""How long writes took, as a curve over the time: the slowest and the typical one, and each step's longest gap; pure.

The scale of the times that writes took is logarithmic: milliseconds and seconds are to be seen at once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor, log10

from zkops.core.units import lasting, milliseconds
from zkops.report.timeline import Timeline, gaps
from zkops.zookeeper.heartbeat.result import Bucket, Gap

LEAST = 0.1
"""Milliseconds below which no write is drawn."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From seconds to percents of the width."""

    end: float

    def x(self, at: float) -> float:
        """Give the place of a time."""
        return round(min(max(100 * at / self.end, 0), 100), 3)

    def share(self, seconds: float) -> float:
        """Give the width of a span of time."""
        return round(min(100 * seconds / self.end, 100), 3)


@dataclass(frozen=True, kw_only=True)
class Level:
    """A line at 1, 10, 100, … ms."""

    y: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Point:
    """The longest gap of a step."""

    x: float
    y: float
    step: int
    """The number of the step."""
    longest: bool
    """Whether it is the longest of all."""
    text: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Some time of the curve, to be asked for its figures."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Paths are in a box of 1000 by 100."""

    slowest: str
    below: str
    """The slowest one's path, closed along the bottom."""
    typical: str
    levels: tuple[Level, ...]
    spots: tuple[Spot, ...]
    silences: tuple[Spot, ...]
    """Where no write was acknowledged for a whole bucket or more."""
    points: tuple[Point, ...]
    budget: Level | None
    """The gap that was allowed."""


def curve(timeline: Timeline, scale: Scale) -> Curve | None:
    """Draw what the heartbeat saw; None where there is none."""
    if not timeline.beats:
        return None
    buckets = timeline.beats.timeline
    low, high = _range(timeline, buckets)

    def y(amount: float) -> float:
        return round(100 * (1 - (log10(max(amount, LEAST)) - low) / (high - low)), 2)

    pieces = _pieces(timeline, scale)
    budget = timeline.max_gap
    return Curve(
        slowest="".join(_line(piece, lambda bucket: y(bucket.slowest)) for piece in pieces),
        below="".join(f"{_line(piece, lambda b: y(b.slowest), 'V')}V100Z" for piece in pieces),
        typical="".join(_line(piece, lambda bucket: y(bucket.typical)) for piece in pieces),
        levels=tuple(Level(y=y(10**power), label=_level(power)) for power in range(low, high + 1)),
        spots=tuple(_spots(timeline, scale)),
        silences=tuple(_silences(timeline, scale)),
        points=tuple(_points(timeline, scale, y)),
        budget=Level(y=y(budget * 1000), label=f"limit {lasting(budget)}") if budget else None,
    )


def _range(timeline: Timeline, buckets: Sequence[Bucket]) -> tuple[int, int]:
    """Give the powers of ten, in milliseconds, that all lies between."""
    written = [bucket for bucket in buckets if bucket.writes]
    top = [bucket.slowest for bucket in written] + [gap.seconds * 1000 for gap in _all_gaps(timeline)]
    top += [timeline.max_gap * 1000] if timeline.max_gap else []
    low = floor(log10(max(LEAST, min((bucket.typical for bucket in written), default=1.0))))
    return low, max(low + 2, ceil(log10(max(LEAST, *top, 1.0) * 1.4)))


def _all_gaps(timeline: Timeline) -> Sequence[Gap]:
    return (timeline.beats.longest, *timeline.beats.gaps) if timeline.beats else ()


def _level(power: int) -> str:
    return f"{10 ** (power - 3)} s" if power >= 3 else f"{10.0**power:g} ms"


Piece = list[tuple[float, float, Bucket]]
"""Buckets without a hole between them, each with its two places in a width of 1000."""


def _places(timeline: Timeline, scale: Scale) -> Piece:
    beats = timeline.beats
    if not beats:
        return []
    begins = [timeline.first_write + bucket.at for bucket in beats.timeline]
    ends = [*begins[1:], timeline.first_write + beats.seconds]
    return [
        (10 * scale.x(begin), 10 * scale.x(end), bucket)
        for begin, end, bucket in zip(begins, ends, beats.timeline, strict=True)
    ]


def _pieces(timeline: Timeline, scale: Scale) -> list[Piece]:
    grouped = groupby(_places(timeline, scale), key=lambda place: bool(place[2].writes))
    return [list(piece) for written, piece in grouped if written]


def _line(piece: Piece, y: Callable[[Bucket], float], first: str = "") -> str:
    """Draw buckets as stairs; with `V` from the bottom up."""
    start = piece[0][0]
    head = f"M{start:.5g} 100" if first else f"M{start:.5g} {y(piece[0][2]):g}"
    return head + "".join(f"V{y(bucket):g}H{end:.5g}" for _, end, bucket in piece)


def _spots(timeline: Timeline, scale: Scale) -> Iterator[Spot]:
    for begin, end, bucket in _places(timeline, scale):
        if bucket.writes:
            at = lasting(timeline.first_write + bucket.at)
            worst, typical = milliseconds(bucket.slowest), milliseconds(bucket.typical)
            yield Spot(
                x=round(begin / 10, 3),
                width=round((end - begin) / 10, 3),
                title=f"after {at}: slowest {worst}, typical {typical}, {bucket.writes} writes",
            )


def _silences(timeline: Timeline, scale: Scale) -> Iterator[Spot]:
    for written, found in groupby(_places(timeline, scale), key=lambda place: bool(place[2].writes)):
        places = list(found)
        begin, end = places[0][0] / 10, places[-1][1] / 10
        if not written:
            title = f"no write acknowledged for {lasting((end - begin) / 100 * scale.end)} or more"
            yield Spot(x=round(begin, 3), width=round(end - begin, 3), title=title)


def _points(timeline: Timeline, scale: Scale, y: Callable[[float], float]) -> Iterator[Point]:
    longest = timeline.beats.longest if timeline.beats else None
    for number, (gap, step) in enumerate(zip(gaps(timeline), timeline.steps, strict=True), 1):
        if gap:
            yield Point(
                x=scale.x(gap.at - timeline.begun + gap.seconds / 2),
                y=y(gap.seconds * 1000),
                step=number,
                longest=gap == longest,
                text=f"longest gap {lasting(gap.seconds)}",
                title=f"Longest gap of step {number}, {step.intent.label}: {lasting(gap.seconds)}",
            )
