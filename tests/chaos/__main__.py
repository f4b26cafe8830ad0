"""Run a schedule of operations and faults on a sandbox of five machines, and check every promise after each."""

import argparse
import datetime
import logging
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from invoke.exceptions import Exit

from tests.chaos import schedule
from tests.chaos.arena import arena
from tests.chaos.report import Report
from tests.chaos.runner import Runner
from tests.chaos.schedule import Round
from tests.support.linearizability import checker, history, sessions
from tests.support.measuring import machine
from zkops import ROOT, cli
from zkops.core.console import result, say
from zkops.images import daemon
from zkops.images import docker as engine

MINUTES = 3.0
"""Of rounds begun; a round that has begun is finished."""


def options(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line; argparse ends with code 2 on bad input."""
    parser = argparse.ArgumentParser(prog="nox -s chaos --", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"begin rounds for so long (default: {MINUTES})")
    parser.add_argument("--seed", type=int, help="of the schedule (default: a new one, which is printed)")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run the schedule of a former run, all of it")
    parser.add_argument("--rounds", type=int, default=0, help="end after so many rounds")
    parser.add_argument("--keep-going", action="store_true", help="go on after a round that broke a promise")
    parser.add_argument("--keep", action="store_true", help="leave the sandbox as it is in the end")
    parser.add_argument("--check", type=Path, metavar="DIR", help="only check the histories of a former run again")
    return parser.parse_args(words)


@cli.script
def main() -> None:
    """Run rounds; exit code 1 where a promise was broken."""
    wanted = options(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with the first one ignored
        signal.signal(number, signal.default_int_handler)
    if wanted.check:
        return check_again(wanted.check)
    daemon.ensure()
    seed, rounds = planned(wanted)
    directory = ROOT / "build" / "chaos" / str(seed)
    directory.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=directory / "clients.log", format="%(asctime)s %(threadName)s %(message)s")
    report = run(wanted, seed, rounds, directory)
    result(report.text())
    say(f"chaos: report, schedule, histories and logs are in {directory.relative_to(ROOT)}")
    if report.broken:
        raise Exit(f"chaos: {report.headline()}; again with: {report.replay}", code=1)
    return None


def planned(wanted: argparse.Namespace) -> tuple[int, Iterator[Round]]:
    """Give seed and rounds: those of a file, or new ones, without end."""
    if wanted.replay:
        seed, kept = schedule.parse(wanted.replay.read_text())
        return seed, iter(kept)
    seed = random.SystemRandom().randrange(1_000_000) if wanted.seed is None else wanted.seed
    return seed, schedule.rounds(seed)


def run(wanted: argparse.Namespace, seed: int, rounds: Iterator[Round], directory: Path) -> Report:
    """Run rounds until the time is over, or a promise is broken."""
    file = directory / "schedule.json"
    replay = f"nox -s chaos -- --replay {file.relative_to(ROOT)}"
    say(f"chaos: seed {seed}; what happens is in {directory.relative_to(ROOT)}; again with: {replay}")
    with closing(engine.connect()) as client:
        about = machine.describe(client)
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    report = Report(seed=seed, replay=replay, machine=about, started=started)
    limited = islice(rounds, wanted.rounds or None)
    with arena(directory / "transcript.txt", keep=wanted.keep) as place:
        runner = Runner(place, directory, report)
        runner.begin()
        begin, played = time.monotonic(), list[Round]()
        try:
            while wanted.replay or time.monotonic() < begin + 60 * wanted.minutes:
                if (one := next(limited, None)) is None:
                    break
                played.append(one)
                file.write_text(schedule.dump(seed, played))
                row = runner.play(one)
                report.minutes = (time.monotonic() - begin) / 60
                report.write(directory)
                if row.broken and not wanted.keep_going:
                    break
        finally:
            runner.workload.end()
    return report


def check_again(directory: Path) -> None:
    """Check the histories that a run left, as they would be checked now."""
    files = sorted((directory / "histories").glob("*.jsonl.gz"))
    operations = [one for file in files if file.name.startswith("round-") for one in history.load(file)]
    backs = [file for file in files if file.name.startswith("readback-")]
    operations += list(history.load(backs[-1])) if backs else []
    begin = time.monotonic()
    found = [*checker.check(operations), *sessions.check(operations)]
    say(f"chaos: {len(operations)} operations checked in {time.monotonic() - begin:.1f} s")
    result("\n".join(found) or "every promise kept")
    if found:
        raise Exit(code=1)


if __name__ == "__main__":
    main()
