"""Measure the points: live heap, native memory, snapshot, load time, for each load."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from .load import Filler, Load, transport_of
from .server import MIB, Server, server

HEAP_MIB = 2000
"""Ample: only what lives after a full collection is read."""


def steps(key: str, values: str, **fixed: Any) -> list[Load]:
    """Make loads that grow in one key."""
    return [Load(**(fixed | {key: int(value)})) for value in values.split()]


SERIES = (
    *(steps("znodes", "0 10000 100000 300000 1000000", znode_bytes=size) for size in (0, 100, 200)),
    steps("znodes", "10000 100000 400000", znode_bytes=1000),
    steps("znodes", "10000 100000", znode_bytes=4000),
    steps("znodes", "100", znode_bytes=100_000),
    steps("connections", "500 1000 2000 5000"),
    steps("connections", "0 500 1000 2000 5000", transport="netty"),
    steps("connections", "0 250 500 1000 2000", transport="tls"),
    steps("watches", "50000 100000 200000 500000", connections=10),
    *([load] for load in steps("ephemerals", "0 10000 50000 100000", connections=100, znodes=100_000, znode_bytes=100)),
)
HELD_OUT = tuple(
    [Load(znodes=z, znode_bytes=b, connections=c, watches=w, ephemerals=e, transport=t)]
    for z, b, c, w, e, t in (
        (20_000, 500, 200, 10_000, 1_000, "nio"),
        (50_000, 200, 3_000, 200_000, 20_000, "nio"),
        (150_000, 2_000, 500, 0, 0, "nio"),
        (300_000, 100, 1_000, 50_000, 10_000, "nio"),
        (500_000, 300, 2_000, 100_000, 5_000, "nio"),
        (700_000, 50, 100, 300_000, 0, "nio"),
        (100_000, 200, 1_500, 50_000, 5_000, "netty"),
        (50_000, 300, 800, 20_000, 1_000, "tls"),
        (200_000, 100, 1_500, 100_000, 2_000, "tls"),
    )
)


@dataclass(frozen=True, kw_only=True)
class Point:
    """What a load cost. Times are processor time, which other work on the machine does not stretch."""

    load: Load
    live_mib: float
    """Heap in use after a full collection."""
    collect_seconds: float
    """Of that collection: its pause on a processor of its own."""
    reloaded_mib: float = 0
    """Live heap after a restart from the snapshot; 0 where it was not tried."""
    snapshot_mib: float = 0
    start_seconds: float = 0
    """From the container's start until it serves: the snapshot is read, and written anew."""
    held_out: bool = False

    def record(self) -> dict[str, Any]:
        """Give it as flat data, without what is nought."""
        flat = asdict(self.load) | {key: value for key, value in asdict(self).items() if key != "load"}
        return {key: round(value, 2) if isinstance(value, float) else value for key, value in flat.items() if value}


def series(image: str, loads: list[Load], *, held_out: bool = False, **options: Any) -> Iterator[Point]:
    """Fill one server step by step; the last step of znodes alone is restarted, twice, to load a snapshot alone."""
    transport = loads[0].transport
    with (
        transport_of(transport) as chosen,
        server(image, heap_mib=HEAP_MIB, **chosen, **options) as made,
        closing(Filler(made, transport)) as filler,
    ):
        for load in loads:
            filler.fill(load)
            before = made.cpu_seconds()
            live = made.live_mib()
            collect = (made.cpu_seconds() - before) / 2  # it collects twice
            last = load is loads[-1] and load.znodes > 1000 and not load.connections
            reloaded = _reloaded(made) if last else {}
            yield Point(load=load, live_mib=live, collect_seconds=collect, held_out=held_out, **reloaded)


def _reloaded(made: Server) -> dict[str, float]:
    made.restart()
    made.restart()
    seconds = made.cpu_seconds()
    return {
        "start_seconds": seconds,
        "reloaded_mib": made.live_mib(),
        "snapshot_mib": made.files("/data", "snapshot")[-1] / MIB,
    }
