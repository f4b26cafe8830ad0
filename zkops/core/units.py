"""Numbers as people read them: in a few columns of a table, or in a sentence; pure."""

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
UNITS = ("", "K", "M", "G", "T", "P")
SPANS = ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s"))


def count(value: float | None) -> str:
    """Write a count in up to 5 characters: 9999, 12.3k, 1.2M."""
    if value is None:
        return "-"
    if abs(value) < 9999.5:
        return _tenths(value) if abs(value) < 9.95 else f"{value:.0f}"
    size, unit = next((size, unit) for size, unit in STEPS if abs(value) >= size * 0.9995)
    return _short(value / size) + unit


def amount(value: float | None) -> str:
    """Write bytes in up to 5 characters, in steps of 1024: 512M, 1.2G."""
    if value is None:
        return "-"
    power = next((power for power in range(len(UNITS) - 1) if abs(value) < 999.5 * 1024**power), len(UNITS) - 1)
    return _short(value / 1024**power) + UNITS[power]


def _short(value: float) -> str:
    if abs(value) >= 9999.5:
        return f"{value:.0e}".replace("+", "")
    return _tenths(value) if abs(value) < 99.95 else f"{value:.0f}"


def _tenths(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def millis(value: float | None) -> str:
    """Write milliseconds in up to 5 characters: 0.4, 12, 850, 1.2s, 95s, 12m."""
    if value is None:
        return "-"
    if value < 999.5:
        return _tenths(value) if value < 9.95 else f"{value:.0f}"
    if value < 99_500:
        return f"{_tenths(value / 1000) if value < 9_950 else round(value / 1000)}s"
    return span(value / 1000).split()[0]


def span(seconds: float | None) -> str:
    """Write a span of time by its two largest units: 12s, 3m 12s, 4h 5m, 3d 4h."""
    if seconds is None:
        return "-"
    for size, unit, part, name in SPANS:
        if seconds >= size:
            rest = int(seconds % size // part)
            return f"{int(seconds // size)}{unit}" + (f" {rest}{name}" if rest else "")
    return f"{int(seconds)}s"


def share(part: float | None, whole: float | None) -> float | None:
    """Give what share *part* is, 0 to 1; None where one of the two is not known."""
    return None if part is None or not whole else part / whole


def spark(values: Sequence[float | None], width: int, top: float) -> str:
    """Draw the last *width* values as blocks, *top* as the highest; a blank is what is not known."""
    last = list(values)[-width:] if width > 0 else []
    return "".join(_block(value, top) for value in last).rjust(max(width, 0))


def _block(value: float | None, top: float) -> str:
    if value is None:
        return " "
    return BLOCKS[math.ceil(min(max(value, 0.0), top) / top * (len(BLOCKS) - 1))] if top > 0 else BLOCKS[0]


def highest(histories: Sequence[Sequence[float | None]]) -> float:
    """Give the highest value of all, 0 where there is none."""
    return max((value for history in histories for value in history if value is not None), default=0.0)


def lasting(seconds: float) -> str:
    """Write how long something took: `0.22 s`, `12 s`, `3 min 05 s`, `1 h 02 min`."""
    if seconds < 9.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02} s" if whole < 3600 else f"{whole // 3600} h {whole // 60 % 60:02} min"


def milliseconds(amount: float) -> str:
    """Write how long a write took: `1.7 ms`, `210 ms`, `2.30 s`."""
    if amount >= 1000:
        return f"{amount / 1000:.2f} s"
    return f"{amount:.0f} ms" if amount >= 10 else f"{amount:.1f} ms"


def times(count: int) -> str:
    """Write how often something happened."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
