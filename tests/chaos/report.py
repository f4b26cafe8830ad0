"""The report of a run: a row a round, as a table for people and as JSON for scripts; pure but for the writing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(kw_only=True)
class Row:
    """What came of one round. Times are in seconds."""

    number: int
    operation: str
    fault: str
    moment: str
    members: int
    codes: list[str] = field(default_factory=list)
    """Exit codes in order; `killed` for a command that was killed."""
    mending: list[str] = field(default_factory=list)
    """Exit codes of the `deploy` that ends the round, the last of them 0."""
    seconds: float = 0.0
    """Of the operation, without mending and checks."""
    gap: float = 0.0
    """The longest time in which no client had a write acknowledged, from the operation's begin to the mending's end."""
    heartbeat: str = ""
    """The longest gap that the tool's own client saw, with its unit; empty where it told none."""
    fsync: float = 0.0
    """The slowest fsync of a probe on the disk that all members share."""
    operations: int = 0
    unknown: int = 0
    expired: int = 0
    note: str = ""
    broken: list[str] = field(default_factory=list)
    """The promises that were broken; none is good."""

    @property
    def verdict(self) -> str:
        """In one word or two."""
        return f"{len(self.broken)} broken" if self.broken else "kept"


HEADERS = (
    "round",
    "operation",
    "fault",
    "begins",
    "members",
    "exit codes",
    "deploy again",
    "seconds",
    "longest gap",
    "tool's gap",
    "slowest fsync",
    "operations",
    "no answer",
    "expired",
    "verdict",
)


@dataclass(kw_only=True)
class Report:
    """What came of a run."""

    seed: int
    replay: str
    """The command that runs the same schedule again."""
    machine: Mapping[str, Any]
    started: str
    minutes: float = 0.0
    rows: list[Row] = field(default_factory=list)
    keys: int = 0
    checked: float = 0.0
    """Seconds of all checks."""

    @property
    def broken(self) -> list[str]:
        """All broken promises, with their rounds."""
        return [f"round {row.number}: {what}" for row in self.rows for what in row.broken]

    def cells(self) -> Sequence[Sequence[str]]:
        """Give the table's rows."""
        return [
            (
                str(row.number),
                row.operation,
                row.fault,
                row.moment + (f" ({row.note})" if row.note else ""),
                str(row.members),
                ", ".join(row.codes),
                ", ".join(row.mending),
                f"{row.seconds:.0f}",
                f"{row.gap:.2f} s",
                row.heartbeat,
                f"{row.fsync:.2f} s",
                str(row.operations),
                str(row.unknown),
                str(row.expired),
                row.verdict,
            )
            for row in self.rows
        ]

    def text(self) -> str:
        """Write the report as Markdown."""
        lines = [
            f"# Chaos, seed {self.seed}",
            "",
            f"{self.headline()}",
            "",
            f"Started {self.started}, {self.minutes:.1f} minutes; again with `{self.replay}`.",
            "Machine: " + ", ".join(f"{name} {_short(value)}" for name, value in self.machine.items()) + ".",
            "",
            _line(HEADERS),
            _line(["---"] * len(HEADERS)),
            *map(_line, self.cells()),
            "",
            *self._totals(),
        ]
        if self.broken:
            lines += ["", "## Broken promises", "", *(f"- {what}" for what in self.broken)]
        return "\n".join(lines) + "\n"

    def headline(self) -> str:
        """Say how it went in one sentence."""
        kept = f"{len(self.rows)} rounds, every promise kept"
        return f"{len(self.broken)} promises broken in {len(self.rows)} rounds" if self.broken else kept

    def _totals(self) -> list[str]:
        operations, unknown = sum(row.operations for row in self.rows), sum(row.unknown for row in self.rows)
        gaps = {
            "no fault": max((row.gap for row in self.rows if row.fault == "none"), default=0.0),
            "any fault": max((row.gap for row in self.rows), default=0.0),
        }
        expired = [row for row in self.rows if row.expired]
        where = f"in rounds {', '.join(str(row.number) for row in expired)}" if expired else "in no round"
        return [
            f"{operations} operations on {self.keys} keys, {unknown} of them without an answer; "
            f"{sum(row.expired for row in expired)} sessions expired, {where}.",
            f"Longest gap: {gaps['no fault']:.2f} s without a fault, {gaps['any fault']:.2f} s with one.",
            f"The checks took {self.checked:.1f} s.",
        ]

    def write(self, directory: Path) -> None:
        """Write `report.md` and `report.json`."""
        (directory / "report.md").write_text(self.text())
        data = asdict(self) | {"kept": not self.broken}
        (directory / "report.json").write_text(json.dumps(data, indent=1) + "\n")


def _short(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
