"""Make each fault on a sandbox, see the alerts fire and clear, and tell how long that took."""

import argparse
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial

from invoke.exceptions import Exit

from tests.alerts.faults import ROUNDS, SHORT, Fault
from tests.alerts.place import Place, load
from tests.alerts.spans import Spans
from tests.support.measuring.writer import Writer
from tests.support.waiting import until
from zkops import ROOT, cli
from zkops.core.console import result, say
from zkops.images import daemon
from zkops.images import docker as engine

DIRECTORY = ROOT / "build" / "alerts"
PREFIX = "ZooKeeper"
MARGIN = 90.0
"""Seconds beyond that time in which an alert must fire: two scrapes, and two evaluations of the rules."""
CLEAR = 420.0
"""Seconds after the fault in which it must clear: the longest window of a rule is two minutes, and Kubernetes waits for
up to five before it starts a server anew that ended again and again."""


@dataclass(kw_only=True)
class Row:
    """What became of one alert."""

    fault: str
    alert: str
    within: float
    """Minutes."""
    fired: float | None = None
    """Seconds after the fault began; None when it did not in time."""
    cleared: float | None = None
    """Seconds after the fault ended; None when it did not in time."""


@dataclass
class Matrix:
    """What was seen."""

    rows: list[Row] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    @property
    def broken(self) -> bool:
        """Whether an alert was missing, or one too many."""
        return bool(self.unexpected) or any(None in (row.fired, row.cleared) for row in self.rows)

    def text(self) -> str:
        """Give a table."""
        lines = ["| fault | alert | within | fires after | clears after |", "|---|---|---|---|---|"]
        lines += [
            f"| {row.fault} | {row.alert} | {row.within:g} min | {_seconds(row.fired)} | {_seconds(row.cleared)} |"
            for row in self.rows
        ]
        return "\n".join([*lines, *(f"unexpected: {text}" for text in self.unexpected)])


def options(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line; argparse ends with code 2 on bad input."""
    parser = argparse.ArgumentParser(prog="nox -s alerts --", description=__doc__)
    parser.add_argument("--only", choices=[*ROUNDS, "none"], action="append", help="only this round")
    parser.add_argument("--all", action="store_true", help=f"all rounds: half an hour (default: {', '.join(SHORT)})")
    parser.add_argument("--quiet", type=float, default=0, help="first so many minutes of load with an upgrade in them")
    parser.add_argument("--keep", action="store_true", help="leave the sandbox as it is in the end")
    return parser.parse_args(words)


@cli.script
def main() -> None:
    """Run; exit code 1 where an alert did not do as it must."""
    wanted = options(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    daemon.ensure()
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=DIRECTORY / "clients.log", format="%(asctime)s %(threadName)s %(message)s")
    matrix = Matrix()
    with closing(engine.connect(timeout=180)) as client:
        place = Place(DIRECTORY, client)
        try:
            place.up()
            with place.watched() as spans, load() as writers:
                if wanted.quiet:
                    be_quiet(place, spans, writers, wanted.quiet * 60, matrix)
                for name in wanted.only or (ROUNDS if wanted.all else SHORT):
                    play(place, spans, ROUNDS.get(name, ()), matrix)
            if matrix.broken:
                place.logs()
        finally:
            if not wanted.keep:
                place.down()
    (DIRECTORY / "matrix.json").write_text(json.dumps(asdict(matrix), indent=2) + "\n")
    result(matrix.text())
    if matrix.broken:
        raise Exit("alerts: not all did as they must", code=1)


def be_quiet(place: Place, spans: Spans, writers: list[Writer], seconds: float, matrix: Matrix) -> None:
    """Let clients write for so long, upgrade in the midst of it, and see that nothing fires."""
    begin = time.monotonic()
    say(f"alerts: {seconds / 60:.0f} minutes of load, with an upgrade in them")
    _pass(begin + seconds / 2)
    place.deploy("b")
    say("alerts: upgraded")
    _pass(begin + seconds)
    matrix.unexpected += [f"{span.alert} while all was well" for span in spans.all]
    written = sum(len(writer.acknowledged) for writer in writers)
    say(f"alerts: {written} writes; fired: {', '.join(span.alert for span in spans.all) or 'none'}")


def _pass(end: float) -> None:
    """Let time pass: it is the time itself that is tried here."""
    time.sleep(max(0.0, end - time.monotonic()))


def play(place: Place, spans: Spans, faults: Sequence[Fault], matrix: Matrix) -> None:
    """Make faults together, wait until all that must fire does, take them away, and wait until all has cleared."""
    until(place.whole, "all members serve", within=180, pause=1)
    rows = [Row(fault=fault.name, alert=alert, within=time) for fault in faults for alert, time in fault.fires.items()]
    since = time.monotonic()
    begun, made = {}, {}
    for fault in faults:
        begun[fault.name] = time.monotonic()
        made[fault.name] = fault.made(place)
        say(f"alerts: {fault.name}")
    try:
        for row in sorted(rows, key=lambda row: row.within):
            end = begun[row.fault] + 60 * row.within + MARGIN
            fired = _seen(partial(spans.fired, PREFIX + row.alert, since), end)
            row.fired = fired and fired - begun[row.fault]
            say(f"alerts: {row.alert} fires after {_seconds(row.fired)}")
    finally:
        ended = {}
        for name, one in made.items():
            one.end()
            ended[name] = time.monotonic()
    for row in (row for row in rows if row.fired):
        cleared = _seen(partial(spans.cleared, PREFIX + row.alert), ended[row.fault] + CLEAR)
        row.cleared = cleared and max(0.0, cleared - ended[row.fault])
        say(f"alerts: {row.alert} clears after {_seconds(row.cleared)}")
    _seen(lambda: not spans.firing() or None, time.monotonic() + CLEAR)
    expected = {PREFIX + row.alert for row in rows}
    matrix.rows += rows
    matrix.unexpected += [
        f"{span.alert} at {' and '.join(fault.name for fault in faults)}"
        for span in spans.all
        if span.fired >= since and span.alert not in expected
    ]


def _seen(look: Callable[[], float | bool | None], end: float) -> float | None:
    """Look until there is something to see, or the time of the monotonic clock is over."""
    while not (found := look()) and time.monotonic() < end:
        time.sleep(1)  # between two looks
    return float(found) if found else None


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} s"


if __name__ == "__main__":
    main()
