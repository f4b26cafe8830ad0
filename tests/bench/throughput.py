"""Sets and gets a second, and how long one takes, of three members with the same client, connections and load."""

import json
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack

from tests.bench.clock import Clock
from tests.bench.images import Images
from tests.bench.load import BUCKET
from tests.support.measuring.lab import Lab, Member
from tests.support.measuring.measures import Samples, from_buckets
from zkops import ROOT
from zkops.core.errors import Failed

PROCESSES, CONNECTIONS, DEPTH = 4, 2, 32
SECONDS, QUICK_SECONDS = 5, 2


def measure(lab: Lab, images: Images, clock: Clock) -> Samples:
    """Load both ensembles in turn: many requests in flight for the rate, one a connection for the time one takes."""
    samples, seconds = Samples("throughput"), QUICK_SECONDS if clock.quick else SECONDS
    with ExitStack() as stack:
        ensembles = {column: stack.enter_context(lab.running(image, {}, 3)) for column, image in images.columns()}
        for members in ensembles.values():  # the JVMs compile what is hot
            for operation in ("set", "get"):
                _load(members, operation, DEPTH, seconds)
        for _ in clock.rounds("throughput", 5, 2, share=0.25):
            for operation in ("set", "get"):
                for column, members in ensembles.items():
                    counted, took = _load(members, operation, DEPTH, seconds)
                    name = f"{operation}: {DEPTH} in flight on each of {PROCESSES * CONNECTIONS} connections"
                    rate = sum(counted.values()) / took
                    samples.add(column, name, "/s", rate, more_is_better=True, headline=f"{operation}s a second")
                for column, members in ensembles.items():
                    _latency(column, _load(members, operation, 1, seconds)[0], operation, samples)
    return samples


def _latency(column: str, counted: Counter[int], operation: str, samples: Samples) -> None:
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        milliseconds = 1000 * from_buckets(counted, share, BUCKET)
        headline = f"one {operation}, {name}" if name == "p99" else ""
        samples.add(
            column, f"{operation}: {name}, one in flight on each connection", "ms", milliseconds, headline=headline
        )


def _load(members: list[Member], operation: str, depth: int, length: float) -> tuple[Counter[int], float]:
    """Run the load's processes at the same time; give the counted latencies and the seconds they were counted in."""
    hosts = ",".join(member.address for member in members)
    words = [sys.executable, "-m", "tests.bench.load", hosts, operation, str(CONNECTIONS), str(depth), str(length)]
    running = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    counted: Counter[int] = Counter()
    seconds = 0.0
    try:
        for process in running:
            output, _ = process.communicate(timeout=60 + length)
            if process.returncode:
                raise Failed("a process of load failed, see above")
            found = json.loads(output)
            counted.update({int(bucket): count for bucket, count in found["buckets"].items()})
            seconds = max(seconds, found["seconds"])
    finally:
        for process in running:
            process.kill()
            process.wait()
    return counted, seconds
