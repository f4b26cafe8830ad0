"""Draws a dashboard's panels from Prometheus' answers, on the dashboard's grid."""

import math
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, TypeAlias

from . import grafana, units
from .grafana import Series, Target

# Like the benchmark's pictures: only where the extra [bench] is installed.
import_module("matplotlib").use("Agg")
pyplot: Any = import_module("matplotlib.pyplot")
Rectangle: Any = import_module("matplotlib.patches").Rectangle
Figure: TypeAlias = Any
Axes: TypeAlias = Any

WIDTH, UNIT, GAP, DPI = 1240, 34, 8, 100
"""Pixels: of the page, of a row of the grid, between panels."""
INK, FAINT, LINE, PAGE = "#24292e", "#6e7781", "#d8dee4", "#f4f5f5"
PALETTE = ("#1f78c1", "#e8833a", "#3fa45b", "#b35cc7", "#c4a000", "#d1495b")
NAMED = {
    "green": "#3fa45b",
    "super-light-green": "#a6d8ae",
    "orange": "#f2994a",
    "yellow": "#f2cc0c",
    "red": "#e02f44",
    "blue": "#3274d9",
    "text": INK,
    "purple": "#8f3bb8",
}
LEGEND = {
    "fontsize": 7,
    "frameon": False,
    "borderpad": 0,
    "handlelength": 1.4,
    "handletextpad": 0.5,
    "columnspacing": 1.2,
}
Box = tuple[float, float, float, float]
"""Left, top, width and height on the page, in pixels."""


def draw(answers: Mapping[str, Any], picture: Path) -> None:
    """Draw all panels into one picture."""
    panels = answers["dashboard"]["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) * UNIT + 2 * GAP
    figure = pyplot.figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, facecolor=PAGE)
    for panel in panels:
        box = _box(panel["gridPos"])
        if panel["type"] == "row":
            title = panel["title"].replace("$ensemble", ", ".join(answers["chosen"]["ensemble"]))
            _write(figure, box[0] + 2, box[1] + UNIT / 2 + 4, f"▾ {title}", size=11, weight="bold")
        else:
            _panel(figure, panel, box, answers)
    figure.savefig(picture)
    pyplot.close(figure)


def _box(grid: Mapping[str, int]) -> Box:
    column = (WIDTH - GAP) / 24
    return GAP + grid["x"] * column, GAP + grid["y"] * UNIT, grid["w"] * column - GAP, grid["h"] * UNIT - GAP


def _panel(figure: Figure, panel: Mapping[str, Any], box: Box, answers: Mapping[str, Any]) -> None:
    left, top, width, height = box
    x, y = left / WIDTH, 1 - (top + height) / _height(figure)
    card = Rectangle((x, y), width / WIDTH, height / _height(figure), transform=figure.transFigure)
    card.set(facecolor="white", edgecolor=LINE, linewidth=0.8, zorder=-2)
    figure.add_artist(card)
    _write(figure, left + 8, top + 16, panel["title"], size=8.5, weight="bold")
    found = [
        (Target(panel, query).legend(series), series)
        for query in panel["targets"]
        for series in answers["asked"][Target(panel, query).name]
    ]
    kinds: dict[str, Callable[..., None]] = {
        "stat": _stat,
        "table": _table,
        "timeseries": _lines,
        "state-timeline": _states,
    }
    if found:
        kinds[panel["type"]](figure, panel, box, found, answers)
    else:
        nothing = panel["fieldConfig"]["defaults"].get("noValue", "No data")
        _write(figure, left + width / 2, top + height / 2 + 8, nothing, size=13, colour=FAINT, ha="center")


def _stat(figure: Figure, panel: Mapping[str, Any], box: Box, found: list[tuple[str, Series]], _: Any) -> None:
    """Write the last value of each series, its name below where there are several."""
    left, top, width, height = box
    for place, (name, series) in enumerate(found):
        number = grafana.numbers(series)[-1]
        text, colour = _shown(panel, number)
        if panel["options"]["textMode"] == "name":
            text = name
        if panel["options"]["colorMode"] == "background":
            card = Rectangle(
                ((left + 8 + place * width / len(found)) / WIDTH, 1 - (top + height - 8) / _height(figure)),
                (width / len(found) - 16) / WIDTH,
                (height - 34) / _height(figure),
                transform=figure.transFigure,
            )
            card.set(facecolor=colour, edgecolor="none", zorder=-1)
            figure.add_artist(card)
            colour = "white"
        middle = left + (place + 0.5) * width / len(found)
        centre = top + height / 2 + 20
        _write(
            figure, middle, centre, text, size=16 if len(found) == 1 else 13, weight="bold", colour=colour, ha="center"
        )
        if len(found) > 1:
            _write(figure, middle, centre + 22, name, size=8, colour=FAINT, ha="center")


def _shown(panel: Mapping[str, Any], number: float) -> tuple[str, str]:
    """Give a value's text and colour: of its mapping, else of its unit and the highest step below it."""
    defaults = panel["fieldConfig"]["defaults"]
    for mapping in defaults.get("mappings", ()):
        if word := mapping["options"].get(f"{number:.0f}"):
            return word["text"], NAMED[word["color"]]
    steps = [step for step in defaults["thresholds"]["steps"] if step["value"] is None or number >= step["value"]]
    return units.written(number, defaults["unit"]), NAMED[steps[-1]["color"]]


def _table(figure: Figure, panel: Mapping[str, Any], box: Box, found: list[tuple[str, Series]], _: Any) -> None:
    left, top, width = box[:3]
    (organised,) = [change for change in panel["transformations"] if change["id"] == "organize"]
    columns = organised["options"]["renameByName"]
    rows = [list(columns.values()), *([s["metric"].get(label, "") for label in columns] for _, s in found)]
    lengths = [max(len(row[n]) for row in rows) + 2 for n in range(len(columns))]
    for number, row in enumerate(rows):
        y = top + 42 + 21 * number
        for n, text in enumerate(row):
            x = left + 10 + (width - 14) * sum(lengths[:n]) / sum(lengths)
            _write(figure, x, y, text, size=7.5, colour=INK if number else NAMED["blue"])


def _lines(
    figure: Figure, panel: Mapping[str, Any], box: Box, found: list[tuple[str, Series]], answers: Mapping[str, Any]
) -> None:
    axes = _axes(figure, box, answers, 18 * math.ceil(len(found) / 3))
    defaults = panel["fieldConfig"]["defaults"]
    colours = {name: PALETTE[n % len(PALETTE)] for n, name in enumerate(sorted({_who(name) for name, _ in found}))}
    for name, series in found:
        times, values = zip(*((at, float(text)) for at, text in series["values"]), strict=True)
        style = "--" if name.endswith(("p50", "log", "needed")) else "-"
        axes.plot(*_gaps(times, values), style, color=colours[_who(name)], linewidth=1.3, label=name)
    _scale(axes, defaults, [number for _, series in found for number in grafana.numbers(series)])
    small = {"fontsize": 6, "columnspacing": 0.7} if len(found) > 3 else {}
    axes.legend(loc="upper left", bbox_to_anchor=(-62 / (box[2] - 76), -0.13), ncol=3, **LEGEND | small)


def _scale(axes: Axes, defaults: Mapping[str, Any], values: list[float]) -> None:
    """Begin at 0, unless it goes below, and rule lines at round numbers; draw the steps that are in sight."""
    low, high = min(0.0, *values), defaults.get("max", max(values)) or 1.0
    axes.set_ylim(low * 1.05 - high * 0.015, high * 1.08)
    between = units.apart(high - low, defaults["unit"])
    whole = all(value == int(value) for value in values)
    axes.yaxis.set_major_locator(pyplot.MultipleLocator(math.ceil(between) if whole else between))
    axes.yaxis.set_major_formatter(lambda value, _place: units.written(value, defaults["unit"]))
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is not None and low <= step["value"] <= high:
            axes.axhline(step["value"], color=NAMED["orange"], linestyle=(0, (4, 3)), linewidth=1)


def _who(name: str) -> str:
    """Tell whose line it is: one member's lines have one colour."""
    return name.removesuffix(" p99").removesuffix(" p50").removesuffix(" data").removesuffix(" log")


def _gaps(times: tuple[float, ...], values: tuple[float, ...]) -> tuple[list[float], list[float]]:
    """Break the line where samples are missing."""
    step = min((b - a for a, b in pairwise(times)), default=0)
    at: list[float] = []
    shown: list[float] = []
    for moment, value in zip(times, values, strict=True):
        if at and moment - at[-1] > 1.5 * step:
            at, shown = [*at, moment], [*shown, math.nan]
        at, shown = [*at, moment], [*shown, value]
    return at, shown


def _states(
    figure: Figure, panel: Mapping[str, Any], box: Box, found: list[tuple[str, Series]], answers: Mapping[str, Any]
) -> None:
    axes = _axes(figure, box, answers, 18, margin=80)
    step = min(b[0] - a[0] for _, s in found for a, b in pairwise(s["values"]))
    ordered = sorted(found, reverse=True)
    for row, (_, series) in enumerate(ordered):
        for text, run in groupby(series["values"], key=lambda pair: pair[1]):
            begin, *_, end = [at for at, _ in run] * 2
            shown, colour = _shown(panel, float(text))
            axes.broken_barh([(begin, end - begin + step)], (row - 0.4, 0.8), color=colour, alpha=0.8)
            if end - begin > 40:
                axes.text(begin + 4, row, shown, va="center", fontsize=7.5, color="white")
    axes.set_yticks(range(len(ordered)), [name for name, _ in ordered], fontsize=8)
    axes.grid(visible=False)
    words = panel["fieldConfig"]["defaults"]["mappings"][0]["options"].values()
    handles = [Rectangle((0, 0), 1, 1, color=NAMED[word["color"]]) for word in words]
    axes.legend(
        handles, [word["text"] for word in words], loc="upper left", bbox_to_anchor=(-0.12, -0.13), ncol=6, **LEGEND
    )


def _axes(figure: Figure, box: Box, answers: Mapping[str, Any], below: float, margin: float = 62) -> Axes:
    """Give axes over the time of the answers, with leader changes marked."""
    left, top, width, height = box
    inner = (left + margin, top + 30, width - margin - 14, height - 56 - below)
    place = (
        inner[0] / WIDTH,
        1 - (inner[1] + inner[3]) / _height(figure),
        inner[2] / WIDTH,
        inner[3] / _height(figure),
    )
    axes: Axes = figure.add_axes(place)
    axes.set_xlim(answers["begin"], answers["end"])
    axes.xaxis.set_major_locator(pyplot.MultipleLocator(120))
    axes.xaxis.set_major_formatter(lambda at, _place: time.strftime("%H:%M", time.localtime(at)))
    axes.tick_params(labelsize=7, colors=FAINT, length=0)
    axes.grid(color=LINE, linewidth=0.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for begin in _begins(answers["marks"]):
        axes.axvline(begin, color=NAMED["purple"], linestyle="--", linewidth=1, alpha=0.7)
    return axes


def _begins(marks: list[Series]) -> list[float]:
    """Tell when each event begins: it lasts while values follow each other."""
    times = [[at for at, _ in mark["values"]] for mark in marks]
    return [at for found in times for before, at in pairwise([-math.inf, *found]) if at - before > 15]


def _height(figure: Figure) -> float:
    return float(figure.get_figheight() * DPI)


def _write(figure: Figure, x: float, y: float, text: str, *, colour: str = INK, **style: Any) -> None:
    figure.text(x / WIDTH, 1 - y / _height(figure), text, color=colour, **style)
