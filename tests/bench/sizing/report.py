"""The measured points against the line, as docs/plan/sizing.md shows them."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zkops.zoocfg import sizing
from zkops.zoocfg.sizing import MIB, Size

HELD = ("znodes", "znode_bytes", "connections", "watches", "ephemerals")


def size_of(point: Mapping[str, Any]) -> Size:
    """Give a point's load as the model takes it."""
    return Size(**{key: point.get(key, 0) for key in HELD}, tls=point["transport"] != "nio")


def modelled_mib(point: Mapping[str, Any]) -> float:
    """Give the live heap that the model tells for a point."""
    return sizing.live_bytes(size_of(point), point["transport"]) / MIB


def error(point: Mapping[str, Any]) -> float:
    """Give the relative error: above 0 where the model tells too much."""
    return modelled_mib(point) / float(point["live_mib"]) - 1


def markdown() -> str:
    """Write the tables."""
    held = sizing.data()
    points = held["points"]
    fitted = [abs(error(point)) for point in points if not point.get("held_out")]
    others = [abs(error(point)) for point in points if point.get("held_out")]
    return (
        _table(
            ("measured", "date", "image", "flags beside the image's", "processors"),
            ((part, *map(str, where.values())) for part, where in held["measured"].items()),
        )
        + "\n| live heap | points | median error | largest error |\n|---|---|---|---|\n"
        + "".join(
            f"| {name} | {len(errors)} | {statistics.median(errors):.1%} | {max(errors):.1%} |\n"
            for name, errors in (("fitted", fitted), ("held out", others))
        )
        + "\n### Live heap: points and line\n\n"
        + _table(
            ("", *HELD, "clients by", "measured MiB", "line MiB", "error"),
            (_pointed(point) for point in points),
        )
        + "\n### Snapshots and how long they take\n\n"
        + _table(
            ("znodes", "bytes", "snapshot MiB", "line MiB", "start, CPU-s", "line s", "collection, CPU-s"),
            (_started(point) for point in points if point.get("start_seconds")),
        )
        + "\n### Beside the heap\n\n"
        + _table(
            ("heap MiB", "clients by", "connections", "processors", "MB at once", "measured MiB", "reserved MiB"),
            (_native(native) for native in held["natives"]),
        )
        + "\n### Tried under the proposed limit\n\n"
        + _table(
            (*HELD, "clients by", "member", "limit MiB", "heap MiB", "anonymous MiB", "with kernel's", "to spare"),
            (_tried(tried) for tried in held["trials"]),
        )
    )


def _pointed(point: Mapping[str, Any]) -> tuple[str, ...]:
    held_out = "held out" if point.get("held_out") else ""
    return held_out, *_load(point), f"{point['live_mib']:.1f}", f"{modelled_mib(point):.1f}", f"{error(point):+.1%}"


def _load(point: Mapping[str, Any]) -> tuple[str, ...]:
    return (*(f"{point.get(key, 0):,}" for key in HELD), str(point["transport"]))


def _started(point: Mapping[str, Any]) -> tuple[str, ...]:
    size = size_of(point)
    snapshot = sizing.snapshot_bytes(size) / MIB
    numbers = (point["snapshot_mib"], snapshot, point["start_seconds"], sizing.sync_seconds(size))
    shown = (f"{number:.1f}" for number in (*numbers, point["collect_seconds"]))
    return (f"{size.znodes:,}", f"{size.znode_bytes:,}", *shown)


def _native(native: Mapping[str, Any]) -> tuple[str, ...]:
    heap = native["heap_mib"]
    reserved = sizing.limit_bytes_for(heap * MIB, native["transport"] != "nio") // MIB - heap
    first = (heap, native["transport"], native["connections"], native["processors"], native["large"])
    return (*map(str, first), f"{native['native_mib']:.0f}", str(reserved))


def _tried(tried: Mapping[str, Any]) -> tuple[str, ...]:
    memory = (f"{tried[key]:.0f}" for key in ("limit_mib", "heap_mib", "anonymous_mib", "both_mib"))
    return (*_load(tried), tried["member"], *memory, f"{tried['spare']:.0%}")


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
