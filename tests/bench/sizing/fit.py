"""Fit the model to the points: least squares of the relative error, in plain Python."""

from collections.abc import Mapping, Sequence
from typing import Any

from zkops.zoocfg.sizing import MIB, RECENT

Point = Mapping[str, Any]
TRANSPORTS = ("nio", "netty", "tls")


def model(points: Sequence[Point]) -> dict[str, dict[str, float]]:
    """Fit `live`, `snapshot` and `sync` of `sizing.yaml` to the points that are not held out; bytes, seconds."""
    known = [point for point in points if not point.get("held_out")]
    started = [point for point in known if point.get("start_seconds")]
    live = _fit(known, _live_terms, "live_mib", MIB)
    snapshot = _fit(started, _snapshot_terms, "snapshot_mib", MIB)
    sync = _fit(started, _sync_terms, "start_seconds", 1)
    return {"live": live, "snapshot": snapshot, "sync": sync}


def _live_terms(point: Point) -> dict[str, float]:
    transport, znodes, size = point["transport"], point.get("znodes", 0), point.get("znode_bytes", 0)
    terms = {f"base_{name}": float(name == transport) for name in TRANSPORTS}
    terms |= {f"connection_{name}": point.get("connections", 0) * (name == transport) for name in TRANSPORTS}
    return terms | {
        "znode": znodes,
        "data": znodes * size,
        "recent": (RECENT if znodes else 0) * size,
        "watch": point.get("watches", 0),
        "ephemeral": point.get("ephemerals", 0),
    }


def _snapshot_terms(point: Point) -> dict[str, float]:
    return {"znode": point["znodes"], "data": point["znodes"] * point.get("znode_bytes", 0)}


def _sync_terms(point: Point) -> dict[str, float]:
    return {"znode": point["znodes"], "byte": point["znodes"] * point.get("znode_bytes", 0)}


def _fit(points: Sequence[Point], terms: Any, measured: str, unit: float) -> dict[str, float]:
    names = list(terms(points[0]))
    values = [float(point[measured]) * unit for point in points]
    # Each row divided by what was measured: the error that is made small is the relative one.
    rows = [[float(terms(point)[name]) / value for name in names] for point, value in zip(points, values, strict=True)]
    found = solve(rows, [1.0] * len(rows))
    return {name: float(f"{value:.4g}") for name, value in zip(names, found, strict=True)}


def solve(rows: Sequence[Sequence[float]], wanted: Sequence[float]) -> list[float]:
    """Solve the normal equations of least squares by elimination; ZeroDivisionError when columns depend."""
    size = len(rows[0])
    scale = [max(abs(row[i]) for row in rows) for i in range(size)]
    scaled = [[row[i] / scale[i] for i in range(size)] for row in rows]
    matrix = [
        [sum(row[i] * row[j] for row in scaled) for j in range(size)]
        + [sum(row[i] * value for row, value in zip(scaled, wanted, strict=True))]
        for i in range(size)
    ]
    for i in range(size):
        pivot = max(range(i, size), key=lambda k: abs(matrix[k][i]))
        matrix[i], matrix[pivot] = matrix[pivot], matrix[i]
        for k in range(size):
            if k != i:
                factor = matrix[k][i] / matrix[i][i]
                matrix[k] = [a - factor * b for a, b in zip(matrix[k], matrix[i], strict=True)]
    return [matrix[i][size] / matrix[i][i] / scale[i] for i in range(size)]
