"""The report: all samples as JSON, tables for people. Pure, but for `write`."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from tests.support.measuring.measures import Measure, spread


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run."""

    date: str
    images: Mapping[str, str]
    quick: bool
    machine: dict[str, Any] = field(default_factory=dict)
    measures: list[Measure] = field(default_factory=list)
    load: dict[str, Sequence[float]] = field(default_factory=dict)
    """Load average of the last minute at the begin and at the end of each group."""
    notes: list[str] = field(default_factory=list)
    """What went not as it should, in words."""

    def as_json(self) -> str:
        """Give everything, each sample included."""
        measures = [asdict(measure) | {"ratio": measure.ratio} for measure in self.measures]
        return json.dumps(asdict(self) | {"measures": measures}, indent=1) + "\n"


def number(value: float) -> str:
    """Write a number with three digits that count, large ones whole with commas."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


def cell(samples: Sequence[float], unit: str) -> str:
    """Write median and spread; a dash where nothing was measured."""
    if not samples:
        return "-"
    low, high = spread(samples)
    text = f"{number(median(samples))} {unit}".strip()
    return text if number(low) == number(high) else f"{text} ({number(low)}-{number(high)})"


def ratio(measure: Measure) -> str:
    """Write ours divided by the peer's: bold where ours is better, worse where it is, plain where spreads meet."""
    if measure.ratio is None:
        return "-"
    text = f"{measure.ratio:.2f}" if measure.ratio >= 0.1 else f"{measure.ratio:.2g}"
    (low, high), (peer_low, peer_high) = spread(measure.ours), spread(measure.peer)
    few = min(len(measure.ours), len(measure.peer)) < 2 and not measure.exact
    if few or (low <= peer_high and peer_low <= high):
        return text
    return f"**{text}**" if (measure.ratio > 1) == measure.more_is_better else f"{text} worse"


HEAD = "| {} | peer | ours | ours/peer |\n|---|---|---|---|\n"


def full_table(report: Report) -> str:
    """Give a table for each group."""
    parts = []
    for group, measures in groupby(report.measures, key=lambda measure: measure.group):
        rows = (
            f"| {m.name} | {cell(m.peer, m.unit)} | {cell(m.ours, m.unit)} | {ratio(m)} |\n"
            for m in measures
            if m.peer or m.ours
        )
        parts.append(HEAD.format(group) + "".join(rows))
    return "\n".join(parts) + "\n" + conditions(report)


def short_table(report: Report) -> str:
    """Give the table of what matters most, medians only."""
    rows = (
        f"| {m.headline} | {plain(m.peer, m.unit)} | {plain(m.ours, m.unit)} | {ratio(m)} |\n"
        for m in report.measures
        if m.headline
    )
    return HEAD.format("median") + "".join(rows) + "\n" + conditions(report)


def plain(samples: Sequence[float], unit: str) -> str:
    """Write the median."""
    return f"{number(median(samples))} {unit}".strip() if samples else "-"


def conditions(report: Report) -> str:
    """Say on what machine, when and under what load."""
    m, loads = report.machine, [value for pair in report.load.values() for value in pair]
    text = (
        f"Measured {report.date[:10]} on {m['cores']} cores of {m['cpu']}, {m['memory_gib']:.0f} GiB, "
        f"Linux {m['kernel']}, Docker {m['docker']}; peer `{report.images['peer']}`, ours `{report.images['ours']}`; "
        f"load average {min(loads):.1f}-{max(loads):.1f} (its own load included).\n"
    )
    if report.quick:
        text += "A quick run, with few rounds.\n"
    return text + "".join(f"Note: {what}.\n" for what in report.notes)


def between_marks(page: str, table: str) -> str:
    """Put *table* between the page's marks `bench:begin` and `bench:end`."""
    return re.sub(
        r"(?s)(<!-- bench:begin -->\n).*(<!-- bench:end -->)", lambda marks: marks[1] + table + marks[2], page
    )


def write(report: Report, directory: Path) -> None:
    """Write report.json and report.md."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.json").write_text(report.as_json(), encoding="utf-8")
    (directory / "report.md").write_text(full_table(report), encoding="utf-8")


def publish(report: Report, root: Path) -> None:
    """Put the newest tables into README.md and docs/internals/benchmarks.md."""
    tables = {"README.md": short_table(report), "docs/internals/benchmarks.md": full_table(report)}
    for name, table in tables.items():
        page = root / name
        page.write_text(between_marks(page.read_text(encoding="utf-8"), table), encoding="utf-8")
