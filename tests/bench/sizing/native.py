"""Measure what a JVM needs beside its heap: the heap is touched in full, so that all above it is native."""

from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from .load import Filler, Load, transport_of
from .server import server
from .work import large, work

LARGE_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Native:
    """Memory beside the heap, in MiB: anonymous and the kernel's, at the worst moment."""

    heap_mib: int
    transport: str
    connections: int
    processors: int
    """As the JVM was told; the threads and buffers follow their number."""
    large: int
    """Clients that wrote and read a MB each at the same time."""
    native_mib: float = 0

    def record(self) -> dict[str, Any]:
        """Give it as flat data."""
        return asdict(self) | {"native_mib": round(self.native_mib, 1)}


def _case(heap: int, transport: str, connections: int = 0, processors: int = 2, large: int = 0) -> Native:
    return Native(heap_mib=heap, transport=transport, connections=connections, processors=processors, large=large)


CASES = (
    _case(64, "nio"),
    _case(256, "nio", 1000),
    _case(512, "nio", 0, 2, 20),
    _case(512, "nio", 1000, 16, 20),
    _case(1024, "nio", 5000),
    _case(2100, "nio", 1000, 2, 20),
    _case(64, "tls", 100),
    _case(512, "netty", 1000, 2, 20),
    _case(512, "tls", 1000, 2, 20),
    _case(512, "tls", 1000, 16, 8),
)


def native(image: str, case: Native, *, flags: str = "", **options: Any) -> Native:
    """Load a server of 20,000 znodes as the case says; give the case with its memory."""
    told = f"{flags} -Xms{case.heap_mib}m -XX:+AlwaysPreTouch -XX:ActiveProcessorCount={case.processors}"
    load = Load(znodes=20_000, connections=case.connections, transport=case.transport)
    with (
        transport_of(case.transport) as chosen,
        server(image, heap_mib=case.heap_mib, flags=told, **chosen, **options) as made,
        closing(Filler(made, case.transport)) as filler,
        made.watched() as peak,
    ):
        filler.fill(load)
        work(filler, load, writes=20_000, reads=40_000)
        if case.large:
            large(filler, case.large, LARGE_BYTES, rounds=5)
        return Native(**asdict(case) | {"native_mib": peak.both - case.heap_mib})
