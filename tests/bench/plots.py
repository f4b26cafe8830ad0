"""One picture a group: medians with their spread, the peer beside ours. Only where matplotlib is installed."""

import importlib
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.report import Report
from tests.support.measuring.measures import Measure, spread
from zkops.core.console import say

APART = 50
COLOURS = {"peer": "#9aa5b1", "ours": "#1f6feb"}


def draw(report: Report, directory: Path) -> None:
    """Write GROUP.png for each group."""
    try:
        importlib.import_module("matplotlib").use("Agg")
        pyplot = importlib.import_module("matplotlib.pyplot")
    except ImportError:
        say("bench: no pictures: matplotlib is not installed (extra [bench])")
        return
    for group, found in groupby(report.measures, key=lambda measure: measure.group):
        figure = _figure(pyplot, group, list(found))
        figure.savefig(directory / f"{re.sub(r'[^a-z]+', '-', group)}.png", dpi=110)
        pyplot.close(figure)


def _figure(pyplot: Any, group: str, measures: Sequence[Measure]) -> Any:
    """Draw the measures of a group below each other, one axis for each unit."""
    units = list(dict.fromkeys(measure.unit for measure in measures))
    panels = [[m for m in measures if m.unit == unit and (m.peer or m.ours)] for unit in units]
    figure, axes = pyplot.subplots(
        len(units),
        squeeze=False,
        figsize=(10, 1.2 + 0.55 * len(measures)),
        height_ratios=[len(panel) + 0.5 for panel in panels],
        layout="constrained",
    )
    figure.suptitle(f"{group}: median and spread")
    for axis, unit, panel in zip(axes[:, 0], units, panels, strict=True):
        _panel(axis, unit, panel)
    axes[0, 0].legend(loc="best")
    return figure


def _panel(axis: Any, unit: str, measures: Sequence[Measure]) -> None:
    for place, column in enumerate(COLOURS):
        shown = [(row, samples) for row, m in enumerate(measures) if (samples := getattr(m, column))]
        rows = [row + 0.4 * place - 0.2 for row, _ in shown]
        values = [median(samples) for _, samples in shown]
        edges = [spread(samples) for _, samples in shown]
        errors = [
            [max(0, value - low) for value, (low, _) in zip(values, edges, strict=True)],
            [max(0, high - value) for value, (_, high) in zip(values, edges, strict=True)],
        ]
        axis.barh(rows, values, height=0.38, xerr=errors, color=COLOURS[column], ecolor="#444", label=column)
    axis.set_yticks(range(len(measures)), [measure.name for measure in measures], fontsize=8)
    axis.invert_yaxis()
    _scale(axis, unit, [median(samples) for m in measures for samples in (m.peer, m.ours) if samples])


def _scale(axis: Any, unit: str, values: Sequence[float]) -> None:
    """Let bars begin at 0, but for values so far apart that the small ones could not be seen."""
    apart = min(values) > 0 and max(values) > APART * min(values)
    if apart:
        axis.set_xscale("log")
    else:
        axis.set_xlim(left=0)
    axis.set_xlabel(f"{unit} (logarithmic)" if apart else unit)
