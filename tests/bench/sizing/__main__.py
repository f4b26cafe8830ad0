"""Measure again, fit, try: `python -m tests.bench.sizing --help`."""

import argparse
import datetime
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from zkops import ROOT
from zkops.commands import sizing as sizing_input
from zkops.config.types import memory_bytes
from zkops.zoocfg import sizing

from . import fit, measure, native, trial
from .load import Load

DATA = ROOT / "zkops" / "zoocfg" / "sizing.yaml"
# Dead objects must not count: without this flag the serial collector leaves some on three of four occasions.
COMPACT = "-XX:MarkSweepAlwaysCompactCount=1"
TRIALS = (
    Load(znodes=1_000, znode_bytes=100, connections=10),
    Load(znodes=1_000, znode_bytes=100, connections=10, transport="tls"),
    Load(znodes=100_000, znode_bytes=100, connections=200),
    Load(znodes=1_000_000, znode_bytes=200, connections=2000),
    Load(znodes=300_000, znode_bytes=500, connections=1000, watches=100_000, ephemerals=10_000),
    Load(znodes=100_000, znode_bytes=200, connections=1000, transport="tls"),
    Load(znodes=2_200_000, znode_bytes=200, connections=1000),
)
HEAD = """# What servers were measured to need, and the model fitted to it. Written by `python -m tests.bench.sizing`.
"""


def points(image: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Measure all points."""
    found = []
    flags = f"{options['flags']} {COMPACT}"
    for held_out, group in ((False, measure.SERIES), (True, measure.HELD_OUT)):
        for loads in group:
            for point in measure.series(image, loads, held_out=held_out, **options | {"flags": flags}):
                print(point.record(), flush=True)  # noqa: T201
                found.append(point.record())
    return found


def natives(image: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Measure the memory beside the heap."""
    return [_shown(native.native(image, case, **options).record()) for case in native.CASES]


def trials(image: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Try the sizes with what the model proposes for them."""
    tried = [(trial.alone, load) for load in TRIALS] + [(trial.joining, TRIALS[4])]
    return [
        _shown(found.record()) for attempt, load in tried for found in attempt(image, load, proposed(load), **options)
    ]


def proposed(load: Load) -> trial.Bounds:
    """Give what the model proposes."""
    held = {key: value for key, value in asdict(load).items() if key != "transport"}
    needs = sizing.propose(sizing.Size(tls=load.transport != "nio", **held), sizing_input.settings({})).needs
    limit, heap = (memory_bytes(needs[name].value) // sizing.MIB for name in ("memory.limit", "heap"))
    return trial.Bounds(limit_mib=limit, heap_mib=heap, init_limit=int(needs["initLimit"].value))


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    print(record, flush=True)  # noqa: T201
    return record


PARTS = {"points": points, "natives": natives, "trials": trials}


def main() -> None:
    """Do the parts asked for and write them into the model's data."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sizing", description=__doc__)
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "fit"], help="what to measure anew; fit alone is quick")
    parser.add_argument("--image", default="", help="the image to measure")
    parser.add_argument("--flags", default="", help="JVM flags beside the image's own, as --flags=-X…")
    parser.add_argument("--variable", nargs="*", default=[], metavar="NAME=VALUE", help="of the environment")
    parser.add_argument("--prefix", default="zkops-sizing", help="of the containers' names")
    asked = parser.parse_args()
    if not asked.image and asked.parts != ["fit"]:
        parser.error("--image is needed to measure")
    held = yaml.safe_load(DATA.read_text("utf-8")) if DATA.exists() else {}
    for part in asked.parts:
        if part != "fit":
            variables = dict(text.split("=", 1) for text in asked.variable)
            options = {"flags": asked.flags, "prefix": asked.prefix, "variables": variables}
            held[part] = PARTS[part](asked.image, options)
            held.setdefault("measured", {})[part] = _where(asked.image, asked.flags)
        if "points" in held:
            held["model"] = fit.model(held["points"])
        write(DATA, held)


def _where(image: str, flags: str) -> dict[str, Any]:
    today = datetime.datetime.now(datetime.UTC).date()
    tag = image.rpartition("/")[2]
    return {"date": today, "image": tag, "flags": flags, "processors": os.cpu_count()}


def write(path: Path, held: dict[str, Any]) -> None:
    """Write the data, a point a line."""
    parts = []
    for key in ("measured", "model", *PARTS):
        if key in held and key in PARTS:
            lines = (yaml.safe_dump(point, default_flow_style=True, width=1000, sort_keys=False) for point in held[key])
            parts.append(f"{key}:\n" + "".join(f"- {line}" for line in lines))
        elif key in held:
            parts.append(yaml.safe_dump({key: held[key]}, sort_keys=False))
    path.write_text(HEAD + "\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
