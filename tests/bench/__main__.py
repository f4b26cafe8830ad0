"""Build both images, measure them in turns, write the report."""

import argparse
import datetime
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from invoke.exceptions import Exit

from tests.bench import changes, gaps, images, memory, plots, probes, report, startup, throughput
from tests.bench.clock import Clock
from tests.support.measuring import machine
from tests.support.measuring.lab import Lab, lab
from tests.support.measuring.measures import Samples
from zkops import ROOT, cli
from zkops.config import loader as config
from zkops.core.console import result, say
from zkops.core.errors import ZkopsError
from zkops.images import daemon
from zkops.images import docker as engine

MINUTES, QUICK_MINUTES = 36, 9

Run = Callable[[Lab, images.Images, Clock], Samples | list[Samples]]
GROUPS: Mapping[str, Run] = {
    "size": lambda lab, both, clock: images.measure(lab.client, both, clock),
    "startup": startup.measure,
    "memory": memory.measure,
    "probes": probes.measure,
    "throughput": throughput.measure,
    "gaps": gaps.measure,
    "changes": changes.measure,
}


def options(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line; argparse ends with code 2 on bad input."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"fewer rounds, about {QUICK_MINUTES} minutes")
    parser.add_argument("--only", action="append", choices=GROUPS, help="measure this group; may be repeated")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench", help="where the report goes")
    parser.add_argument("--image", default="", help="measure this image in place of the one that image/ makes")
    parser.add_argument("--prefix", default="zkops-bench", help="how names of containers and networks begin")
    return parser.parse_args(words)


@cli.script
def main() -> None:
    """Run the benchmark; nothing stays behind but the images and the report, also when it is interrupted."""
    wanted = options(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with the first one ignored
        signal.signal(number, signal.default_int_handler)
    daemon.ensure()
    both = images.build(config.load(ROOT), wanted.image)
    clock = Clock(wanted.quick, 60 * (QUICK_MINUTES if wanted.quick else MINUTES))
    done = report.Report(
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        images=dict(both.columns()),
        quick=wanted.quick,
        notes=clock.notes,
    )
    try:
        with closing(engine.connect(timeout=180)) as client, lab(client, wanted.prefix) as place:
            place.notes = done.notes
            done.machine.update(machine.describe(client))
            for name in wanted.only or GROUPS:
                group(done, place, both, clock, name)
    except (ZkopsError, KeyboardInterrupt) as end:
        if done.measures:  # worth keeping, but no whole run
            write(done, wanted.out)
        if isinstance(end, KeyboardInterrupt):
            raise Exit("interrupted; containers and network are removed, the next run begins anew", code=130) from None
        raise
    write(done, wanted.out)
    if not (wanted.quick or wanted.only or wanted.image):
        report.publish(done, ROOT)
        say("bench: README.md and docs/internals/benchmarks.md hold the new tables")
    result(report.full_table(done))


def group(done: report.Report, place: Lab, both: images.Images, clock: Clock, name: str) -> None:
    """Measure one group into the report."""
    before = os.getloadavg()[0]
    found = GROUPS[name](place, both, clock)
    done.load[name] = [before, os.getloadavg()[0]]
    done.measures.extend(m for samples in (found if isinstance(found, list) else [found]) for m in samples.measures())


def write(done: report.Report, directory: Path) -> None:
    """Write JSON, tables and pictures."""
    report.write(done, directory)
    plots.draw(done, directory)
    say(f"bench: report.json, report.md and pictures are in {directory}")


if __name__ == "__main__":
    main()
