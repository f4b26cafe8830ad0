"""What a server needs for what it is to hold: memory, heap, initLimit, disk; and the heap that fits a memory limit.

Pure. The coefficients are fitted to points measured on real servers, both in `sizing.yaml`; docs/plan/sizing.md tells
how, how large the error is and where the model ends.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MIB = 1024**2
LEAST_HEAP_MIB = 32
LEAST_INIT_MS = 60_000
"""initLimit's default. Longer costs nothing: what must not wait so long has its own limits (docs/plan/failover.md)."""
MOST_REQUESTS = 1000
"""globalOutstandingLimit: more requests than these are not taken from the connections."""
RECENT = 500
"""commitLogCount: the last proposals, kept in memory for followers that fall behind."""
CLIENT_MIB = 6 / 1024
"""Memory of the kernel and of buffers beside the heap, for each connection."""
CAUTION = 4
"""Times the measured seconds of a sync: slower disks, slower processors, and all followers at once."""
HEADERS = ("what", "value", "why")


def reserve_mib(tls: bool) -> int:
    """Give the MiB beside a small heap: code, threads, buffers, the kernel's share; *tls* also stands for Netty."""
    return 128 if tls else 72


def heap_bytes(limit_bytes: int, tls: bool = False) -> int:
    """Give the heap in bytes, whole MiB, that fits a container's memory limit. image/zkServer.sh computes the same.

    Raises:
        ValueError: the limit leaves less than `LEAST_HEAP_MIB`; 107 MiB are the least, 163 with *tls*.
    """
    heap = (limit_bytes // MIB - reserve_mib(tls)) * 15 // 16
    if heap < LEAST_HEAP_MIB:
        least = limit_bytes_for(LEAST_HEAP_MIB * MIB, tls) // MIB
        raise ValueError(f"{limit_bytes // MIB} MiB leave no room for a heap; write {least}Mi or more")
    return heap * MIB


def limit_bytes_for(heap: int, tls: bool = False) -> int:
    """Give the smallest limit in bytes, whole MiB, whose `heap_bytes` are *heap* bytes or more."""
    return (-(-(-(-heap // MIB) * 16) // 15) + reserve_mib(tls)) * MIB


def contradictions(heap: int | None, limit: int, tls: bool = False) -> tuple[str, ...]:
    """Say in sentences what in a heap (None: derived from the limit) and a memory limit, in bytes, cannot both be."""
    needed = limit_bytes_for(heap if heap is not None else LEAST_HEAP_MIB * MIB, tls)
    if limit >= needed:
        return ()
    if heap is None:
        return (f"memory.limit: {mebibytes(limit)} leaves no room for a heap; write {mebibytes(needed)} or more",)
    beside = needed - heap
    return (
        f"heap: {mebibytes(heap)} and the {mebibytes(beside)} that the JVM needs beside it are more than memory.limit"
        f" {mebibytes(limit)}, so that the kernel may kill the server; raise the limit to {mebibytes(needed)}, or"
        " leave heap out",
    )


@dataclass(frozen=True, kw_only=True)
class Size:
    """What a server is to hold and to do."""

    znodes: int
    znode_bytes: int = 0
    connections: int = 0
    watches: int = 0
    ephemerals: int = 0
    """Of the znodes, those that end with their session."""
    writes: int = 100
    """A second, in the mean."""
    tls: bool = False
    """Clients are served by Netty, with TLS."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What of zoo.cfg the needs depend on."""

    tick_ms: int
    retained: int
    """Snapshots that a purge leaves."""
    purge_hours: int
    """From purge to purge; 0 for never."""
    snap_count: int
    """Writes from snapshot to snapshot, at most."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """One proposed value and the reason in a phrase."""

    value: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a server of a size needs; memory in Kubernetes' units, `initLimit` in ticks."""

    needs: Mapping[str, Need]
    beyond: str
    """What of it is larger than anything measured; empty where nothing is."""

    def table(self) -> list[tuple[str, str, str]]:
        """Give the rows under `HEADERS`."""
        return [(name, need.value, need.why) for name, need in self.needs.items()]


@functools.cache
def data() -> dict[str, Any]:
    """Read `sizing.yaml`: `model`, the coefficients; `points`, `natives` and `trials`, what was measured."""
    loaded: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "sizing.yaml").read_text("utf-8"))
    return loaded


def live_bytes(size: Size, transport: str = "") -> float:
    """Give the bytes of heap that live on after a collection; *transport* nio, netty or tls, by default as *size*."""
    live: Mapping[str, float] = data()["model"]["live"]
    transport = transport or ("tls" if size.tls else "nio")
    recent = (RECENT if size.znodes else 0) * size.znode_bytes
    return (
        live[f"base_{transport}"]
        + live["znode"] * size.znodes
        + live["data"] * size.znodes * size.znode_bytes
        + live["recent"] * recent
        + live[f"connection_{transport}"] * size.connections
        + live["watch"] * size.watches
        + live["ephemeral"] * size.ephemerals
    )


def snapshot_bytes(size: Size) -> float:
    """Give the bytes of a snapshot."""
    snapshot = data()["model"]["snapshot"]
    return float(snapshot["znode"] + snapshot["data"] * size.znode_bytes) * size.znodes


def sync_seconds(size: Size) -> float:
    """Give the seconds in which a follower of this size takes in a snapshot and writes it, at its measured speed."""
    sync = data()["model"]["sync"]
    return float(sync["znode"] * size.znodes + sync["byte"] * size.znodes * size.znode_bytes)


def propose(size: Size, chosen: Settings) -> Proposal:
    """Propose what a server of *size* needs, with the reason for each."""
    live, snapshot, seconds = live_bytes(size), snapshot_bytes(size), sync_seconds(size)
    requests = 2 * min(size.connections, MOST_REQUESTS) * size.znode_bytes
    heap = max(LEAST_HEAP_MIB * MIB, _up(2 * live + 16 * MIB + requests, MIB))
    beside = f"heap, {reserve_mib(size.tls)} MiB and a fifteenth of it for the JVM, {size.connections} connections"
    # Netty holds requests and replies outside the heap too.
    clients = size.connections * CLIENT_MIB * MIB + size.tls * requests
    limit = limit_bytes_for(heap, size.tls) + _up(clients, MIB)
    kept, log = _kept(size, chosen), _log_bytes(size, chosen)
    ticks = math.ceil(max(LEAST_INIT_MS, CAUTION * seconds * 1000) / chosen.tick_ms)
    cpu = _up(200 + size.writes * 0.2 + size.connections * 0.02, 50)
    spans = f"{chosen.purge_hours} h between purges" if chosen.purge_hours else "a day, for nothing is purged"
    needs = {
        "memory.request": Need(value=mebibytes(limit), why="as the limit: the heap is used in full sooner or later"),
        "memory.limit": Need(value=mebibytes(limit), why=beside),
        "heap": Need(value=mebibytes(heap), why=f"twice the {live / MIB:.0f} MiB that live on, and requests under way"),
        "cpu.request": Need(value=f"{cpu}m", why=f"{size.writes} writes a second and the pings of connections"),
        "cpu.limit": Need(value="none", why="a server slowed down misses heartbeats, and loads its data late"),
        "initLimit": Need(value=str(ticks), why=f"{CAUTION} times the {seconds:.1f} s of a sync, 60 s at least"),
        "disk": Need(
            value=mebibytes(_up(kept * (snapshot + log), MIB)),
            why=f"{kept} snapshots of {snapshot / MIB:.0f} MiB, as many logs of {log // MIB} MiB: {spans}",
        ),
    }
    return Proposal(needs=needs, beyond=_beyond(size, live))


def _kept(size: Size, chosen: Settings) -> int:
    """Count the snapshots on the disk before a purge: a new one after 75 % of snapCount writes, in the mean."""
    between = size.writes * 3600 * (chosen.purge_hours or 24) / (0.75 * chosen.snap_count)
    return chosen.retained + 1 + math.ceil(between)


def _log_bytes(size: Size, chosen: Settings) -> int:
    """Give the bytes of one log: it grows by 64 MiB at a time; a record has 100 bytes beside the data."""
    return _up(chosen.snap_count * (size.znode_bytes + 100), 64 * MIB)


def _beyond(size: Size, live: float) -> str:
    points = data()["points"]
    most = max(point["live_mib"] for point in points) * MIB
    over = [
        f"{getattr(size, key)} {key} (measured to {top})"
        for key in ("znodes", "connections", "watches", "ephemerals")
        if getattr(size, key) > (top := max(point.get(key, 0) for point in points))
    ]
    heap = [f"{live / MIB:.0f} MiB of live heap (measured to {most / MIB:.0f})"] if live > most else []
    return ", ".join(over + heap)


def mebibytes(count: int) -> str:
    """Write bytes as Kubernetes does, in whole Mi."""
    return f"{count // MIB}Mi"


def _up(value: float, step: int) -> int:
    return math.ceil(value / step) * step
