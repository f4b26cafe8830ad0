"""The reports of rollouts on this machine: `build/reports/TIME.html`, beside each page its record as JSON."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zkops import ROOT
from zkops.core import console
from zkops.core.errors import Failed
from zkops.core.redaction import redacted
from zkops.core.units import lasting
from zkops.report import page as report
from zkops.report.timeline import Timeline

DIRECTORY = ROOT / "build" / "reports"
HEADERS = ("Begun", "Ensemble", "What", "By", "Result", "Steps", "Took", "Longest gap", "Report")

_TIMELINES = TypeAdapter(Timeline)


def write(timeline: Timeline) -> Path | None:
    """Write the page and the JSON beside it, and tell where; None where that is not possible, which is a warning.

    A rollout must not fail for its report: no error leaves this function.
    """
    try:
        page = _write(timeline)
    except Exception as error:
        said = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        console.warn(redacted(f"there is no report of this rollout: {DIRECTORY} cannot be written: {said}"))
        return None
    console.say(f"report: {page}")
    return page


def _write(timeline: Timeline) -> Path:
    html = report.page(timeline)
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    page = _new(f"{datetime.fromtimestamp(timeline.begun, UTC):%Y-%m-%dT%H-%M-%SZ}")
    try:
        page.with_suffix(".json").write_bytes(_TIMELINES.dump_json(timeline, indent=1))
        page.write_text(html, encoding="utf-8")
    except OSError:  # half a page is none
        page.unlink(missing_ok=True)
        page.with_suffix(".json").unlink(missing_ok=True)
        raise
    return page


def _new(name: str) -> Path:
    """Make an empty page of a name that no other has: two rollouts may begin in one second."""
    for number in count(1):
        page = DIRECTORY / (f"{name}.html" if number == 1 else f"{name}-{number}.html")
        try:
            page.touch(exist_ok=False)
        except FileExistsError:
            continue
        return page
    raise AssertionError("unreachable")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One report in a few words; of one whose record cannot be read only the page is known."""

    page: str
    begun: str = ""
    """In UTC, as ISO 8601."""
    ensemble: str = ""
    what: str = ""
    who: str = ""
    outcome: str = "cannot be read"
    steps: int = 0
    seconds: float | None = None
    longest_gap: float | None = None

    def row(self) -> list[str]:
        """Give the cells below `HEADERS`, `-` for what is not known."""
        took = "-" if self.seconds is None else lasting(self.seconds)
        gap = "-" if self.longest_gap is None else f"{self.longest_gap:.2f} s"
        steps = str(self.steps) if self.seconds is not None else "-"
        texts = (self.begun, self.ensemble, self.what, self.who)
        return [*(text or "-" for text in texts), self.outcome, steps, took, gap, self.page]


def pages() -> tuple[Path, ...]:
    """Give the pages there are, the newest first."""
    return tuple(sorted(DIRECTORY.glob("*.html"), key=lambda page: page.stem, reverse=True))


def listed() -> tuple[Summary, ...]:
    """Give all reports, the newest first."""
    return tuple(map(_summary, pages()))


def _summary(page: Path) -> Summary:
    try:
        found = read(page)
    except Failed:
        return Summary(page=str(page))
    return Summary(
        page=str(page),
        begun=f"{datetime.fromtimestamp(found.begun, UTC):%Y-%m-%dT%H:%M:%SZ}",
        ensemble=found.ensemble,
        what=found.what,
        who=found.who,
        outcome=found.outcome,
        steps=len(found.steps),
        seconds=round(found.seconds, 3),
        longest_gap=round(found.beats.longest.seconds, 3) if found.beats else None,
    )


def read(page: Path) -> Timeline:
    """Read what was recorded for a page.

    Raises:
        Failed: it is not there, or no record of ours.
    """
    file = page.with_suffix(".json")
    try:
        return _TIMELINES.validate_json(file.read_bytes())
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}", f"open {page} itself") from error
    except ValidationError as error:
        raise Failed(f"{file} is no record of a rollout, or of another version", f"open {page} itself") from error


def newest() -> Path:
    """Give the newest page.

    Raises:
        Failed: there is none.
    """
    found = pages()
    if not found:
        raise Failed(f"there is no report in {DIRECTORY}", "`invoke deploy` writes one where it changes something")
    return found[0]


def plain(timeline: Timeline) -> dict[str, Any]:
    """Give what was recorded as JSON has it."""
    found: dict[str, Any] = _TIMELINES.dump_python(timeline, mode="json")
    return found
