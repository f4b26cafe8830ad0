"""Where everything stands in a report's chart: steps, writes and members over one axis of time; pure.

Places are percents of the chart's width or height, so that it fits any screen and its letters stay as they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from zkops.core.units import lasting
from zkops.report import latency as curve
from zkops.report.latency import Curve, Scale
from zkops.report.timeline import Span, Taken, Timeline, lanes
from zkops.zookeeper.four_letter import LEADING

SLOTS = 400
"""A member's lane is drawn in so many slots, each as the worst that was seen in it: however long a rollout took."""
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
MOST_TICKS = 6
_WORST = ("down", "leads", "observes", "follows", "none")
_OBSERVING = frozenset({"observer"})


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A mark of the axis of time."""

    x: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Box:
    """A step, or a member's state, over its time."""

    x: float
    width: float
    kind: str
    """How it is drawn: `move`, `apply`, `undo`, `failed`; `leads`, `follows`, `observes`, `down`, `none`."""
    text: str
    """What is written in it, where there is room."""
    title: str
    """What is said of it."""


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One member over the time."""

    host: str
    boxes: tuple[Box, ...]
    summary: str
    """The same in words."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """All of it."""

    ticks: tuple[Tick, ...]
    steps: tuple[Box, ...]
    lanes: tuple[Lane, ...]
    curve: Curve | None
    """None where no client wrote."""


def chart(timeline: Timeline) -> Chart:
    """Lay it out."""
    scale = Scale(end=max(timeline.end, 0.1))
    return Chart(
        ticks=tuple(Tick(x=scale.x(at), label=label) for at, label in ticks(scale.end)),
        steps=tuple(_step(number, step, scale) for number, step in enumerate(timeline.steps, 1)),
        lanes=tuple(_lane(host, spans, scale) for host, spans in lanes(timeline).items()),
        curve=curve.curve(timeline, scale),
    )


def ticks(end: float) -> list[tuple[float, str]]:
    """Give the times to mark, and what is written there."""
    width = next((width for width in TICKS if end / width <= MOST_TICKS), end / MOST_TICKS)
    return [(number * width, _tick(number * width, end)) for number in range(int(end / width + 1e-9) + 1)]


def _tick(at: float, end: float) -> str:
    if end <= 6:
        return f"{at:.1f} s"
    hours, minutes, seconds = int(at) // 3600, int(at) // 60 % 60, int(at) % 60
    return f"{hours}:{minutes:02}:{seconds:02}" if end >= 3600 else f"{minutes}:{seconds:02}"


def kind_of(step: Taken) -> str:
    """Tell how a step is drawn."""
    if step.failure:
        return "failed"
    if step.undoing:
        return "undo"
    return "move" if step.intent.moves else "apply"


def _step(number: int, step: Taken, scale: Scale) -> Box:
    end = " not finished" if step.failure else ""
    undo = ", undoing" if step.undoing else ""
    return Box(
        x=scale.x(step.begun),
        width=scale.share(step.ended - step.begun),
        kind=kind_of(step),
        text=str(number),
        title=f"Step {number}{undo}: {step.intent.label},{end} after {lasting(step.ended - step.begun)}",
    )


def _lane(host: str, spans: Sequence[Span], scale: Scale) -> Lane:
    said = "; ".join(f"{span.value or 'no member'} for {lasting(span.seconds)}" for span in spans[:20])
    more = f"; and {len(spans) - 20} more changes" if len(spans) > 20 else ""
    return Lane(host=host, boxes=tuple(_boxes(spans, scale)), summary=f"{host}: {said}{more}")


def _boxes(spans: Sequence[Span], scale: Scale) -> Iterable[Box]:
    slots: list[Span | None] = [None] * SLOTS
    for span in spans:
        first = int(scale.x(span.begun) / 100 * SLOTS)
        after = round(scale.x(span.ended) / 100 * SLOTS)
        for place in range(first, min(max(after, first + 1), SLOTS)):
            slots[place] = _worse(slots[place], span)
    for value, found in groupby(enumerate(slots), key=lambda slot: slot[1].value if slot[1] else ""):
        places, inside = zip(*found, strict=True)
        long = lasting(inside[0].seconds) if inside[0] else ""
        if value:
            yield Box(
                x=100 * places[0] / SLOTS,
                width=100 * len(places) / SLOTS,
                kind=_look(value),
                text=value,
                title=f"{value} for {long}" if len(set(inside)) == 1 else f"{value}, again and again",
            )


def _worse(one: Span | None, other: Span) -> Span:
    return other if one is None or _WORST.index(_look(other.value)) < _WORST.index(_look(one.value)) else one


def _look(state: str) -> str:
    if not state:
        return "none"
    if state in LEADING:
        return "leads"
    return "follows" if state == "follower" else "observes" if state in _OBSERVING else "down"
