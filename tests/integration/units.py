"""Writes a number as Grafana does for a unit, about, and tells where to rule a line."""

import math

FACTORS: dict[str, list[tuple[float, str]]] = {
    "bytes": [(1024**4, " TiB"), (1024**3, " GiB"), (1024**2, " MiB"), (1024, " KiB"), (1, " B")],
    "s": [(86400, " days"), (3600, " h"), (60, " min"), (1, " s"), (0.001, " ms")],
    "h": [(1, " hour")],
    "ms": [(1000, " s"), (1, " ms")],
    "percentunit": [(0.01, " %")],
    "short": [(1e9, " Bil"), (1e6, " Mil"), (1e3, " K"), (1, "")],
}
SUFFIXES = {"wps": " wr/s", "ops": " ops/s", "reqps": " req/s"}


def written(number: float, unit: str) -> str:
    """Write *number* with at most three digits that count."""
    if number == 0:
        return "0" + {"percentunit": " %", "bytes": " B"}.get(unit, "")
    if unit == "none":
        return f"{number:.10g}"
    factors = FACTORS.get(unit, FACTORS["short"])
    factor, suffix = next((pair for pair in factors if abs(number) >= pair[0]), factors[-1])
    return f"{number / factor:.3g}{suffix}{SUFFIXES.get(unit, '')}"


def apart(high: float, unit: str) -> float:
    """Give a round distance between lines, about five of them up to *high*."""
    factor = next((pair[0] for pair in FACTORS.get(unit, ()) if high >= pair[0]), 1)
    rough = high / factor / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return factor * power * next(round for round in (1, 2, 2.5, 5, 10) if round * power >= rough)
