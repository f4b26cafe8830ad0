"""What servers keep in memory: idle, and with 100,000 znodes of 100 bytes; no limit is set, each has its own heap."""

import time
from contextlib import ExitStack

from tests.bench.clock import Clock
from tests.bench.images import Images
from tests.support.measuring.jute import fill
from tests.support.measuring.lab import Lab, Member
from tests.support.measuring.measures import Samples

MIB = 1 << 20
SETTLE = 15
"""Seconds after serving, and after filling, until memory is read: the same in both columns."""
ZNODES, BYTES = 100_000, 100


def measure(lab: Lab, images: Images, clock: Clock) -> Samples:
    """Read the working sets of a lone server and of three members, then fill the lone one."""
    samples = Samples("memory")
    for _ in clock.rounds("memory", 3, 1, share=0.25):
        with ExitStack() as stack:
            alone, three = {}, {}
            for column, image in images.columns():
                (alone[column],) = stack.enter_context(lab.running(image, {}))
                three[column] = stack.enter_context(lab.running(image, {}, 3))
            time.sleep(SETTLE)
            for column, members in three.items():
                for member in members:
                    samples.add(column, "member of three, idle", "MiB", _read(member), headline="idle member of three")
                samples.add(column, "standalone, idle", "MiB", _read(alone[column]))
            _filled(alone, samples)
    return samples


def _filled(alone: dict[str, Member], samples: Samples) -> None:
    for member in alone.values():
        fill(member.address, ZNODES, BYTES)
    time.sleep(SETTLE)
    for column, member in alone.items():
        name = f"standalone, after {ZNODES:,} znodes of {BYTES} bytes"
        samples.add(column, name, "MiB", _read(member), headline=f"memory after {ZNODES // 1000}k znodes")


def _read(member: Member) -> float:
    return member.usage().working_set / MIB
