"""The columns of the live view, in the order of their weight: the narrowest terminal begins with the first; pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zkops.core import units as amounts
from zkops.status.vitals import Vitals

Cell = tuple[str, str]
"""Text, and the style of rich that it is shown in."""

SPARK = 10
NEARLY_FULL = 0.9
"""A heap or a disk fuller than this is marked."""
SLOW_MS = 200
"""A transaction log that takes longer than this to be written through is marked: the alert FsyncSlow's limit."""

STATES = {
    "serving": "green",
    "lagging": "yellow",
    "looking": "yellow",
    "starting": "yellow",
    "stopping": "yellow",
    "read-only": "yellow",
    "asked": "dim",
    "drained": "cyan",
    "silent": "bold red",
    "lost": "bold red",
    "no pod": "bold red",
    "down": "bold red",
}
"""The words for a member's state, each with its colour."""


@dataclass(frozen=True)
class Scale:
    """The highest values among all members: what their sparklines are drawn against."""

    requests: float
    connections: float

    @classmethod
    def of(cls, members: Sequence[Vitals]) -> "Scale":
        """Find them."""
        return cls(
            amounts.highest([found.requests_history[-SPARK:] for found in members]),
            amounts.highest([found.connections_history[-SPARK:] for found in members]),
        )


@dataclass(frozen=True)
class Column:
    """One column: header, width in cells, and what it shows of a member."""

    header: str
    width: int
    show: Callable[[Vitals, Scale], Cell]
    left: bool = False
    """Whether text begins at the left."""
    adapts: bool = False
    """Whether it is as narrow as what it holds: only where that seldom changes, or the columns would jump."""


def _role(found: Vitals, _scale: Scale) -> Cell:
    return found.role or "-", "bold" if found.role == "leader" else "dim" if not found.role else ""


def _state(found: Vitals, _scale: Scale) -> Cell:
    return found.state, STATES.get(found.state, "yellow")


def _lag(found: Vitals, _scale: Scale) -> Cell:
    lag = found.lag
    if not lag:
        return "-", "dim"
    if not lag.transactions:
        return "0", ""
    more = ">" if lag.at_least else ""
    late = f"{more}{amounts.millis(lag.ms)}"
    unit = "ms" if late[-1].isdigit() else ""
    return f"{amounts.count(lag.transactions)} {late}{unit}", "yellow" if lag.lagging else ""


def _pair(values: tuple[float, float] | None) -> Cell:
    return ("/".join(map(amounts.millis, values)), "") if values else ("-", "dim")


def _number(written: str) -> Cell:
    return written, "dim" if written == "-" else ""


def _heap(found: Vitals, _scale: Scale) -> Cell:
    used, most = found.figures.heap_used, found.figures.heap_max
    part = amounts.share(used, most)
    if part is None:
        return _number(amounts.amount(used))
    full = part >= NEARLY_FULL
    return f"{part:.0%}{'!' if full else ''} {amounts.amount(most)}", "bold red" if full else ""


def _disk(found: Vitals, _scale: Scale) -> Cell:
    free = found.figures.disk_free
    part = amounts.share(free, found.figures.disk_size)
    if part is None:
        return _number(amounts.amount(free))
    full = part <= 1 - NEARLY_FULL
    return f"{part:.0%}{'!' if full else ''} {amounts.amount(free)}", "bold red" if full else ""


def _fsync(found: Vitals, _scale: Scale) -> Cell:
    told = found.fsync_mean_ms if found.fsync_mean_ms is not None else found.figures.fsync_p50_ms
    slow = told is not None and told > SLOW_MS
    return (f"{amounts.millis(told)}!", "bold red") if slow else _number(amounts.millis(told))


def _uptime(found: Vitals, _scale: Scale) -> Cell:
    told = found.figures.uptime_ms
    return _number(amounts.span(None if told is None else told / 1000))


def _restarts(found: Vitals, _scale: Scale) -> Cell:
    return _number(amounts.count(found.restarts))[0], "yellow" if found.restarts else ""


def _config(found: Vitals, _scale: Scale) -> Cell:
    return _number(found.config.rpartition("-")[2] if found.config else "-")


COLUMNS = (
    Column("Role", 10, _role, left=True),
    Column("State", 9, _state, left=True),
    Column("Lag", 11, _lag),
    Column("Write ms", 9, lambda found, _scale: _pair(found.figures.write_ms)),
    Column("Req/s", 5, lambda found, _scale: _number(amounts.count(found.requests))),
    Column("Requests", SPARK, lambda v, scale: (amounts.spark(v.requests_history, SPARK, scale.requests), "cyan")),
    Column("Conns", 5, lambda found, _scale: _number(amounts.count(found.figures.connections))),
    Column("Connected", SPARK, lambda v, s: (amounts.spark(v.connections_history, SPARK, s.connections), "cyan")),
    Column("Fsync ms", 8, _fsync),
    Column("Heap", 10, _heap),
    Column("Disk free", 10, _disk),
    Column("Up", 7, _uptime),
    Column("Restarts", 8, _restarts),
    Column("Epoch", 5, lambda found, _scale: _number("-" if found.epoch is None else str(found.epoch)), adapts=True),
    Column("Zxid", 18, lambda found, _scale: _number("-" if found.zxid is None else f"{found.zxid:#x}"), adapts=True),
    Column("Read ms", 9, lambda found, _scale: _pair(found.figures.read_ms)),
    Column("Znodes", 6, lambda found, _scale: _number(amounts.count(found.figures.znodes))),
    Column("Watches", 7, lambda found, _scale: _number(amounts.count(found.figures.watches))),
    Column("Data", 5, lambda found, _scale: _number(amounts.amount(found.figures.data_bytes))),
    Column("Config", 12, _config, left=True, adapts=True),
    Column("Version", 12, lambda found, _scale: _number(found.version or "-"), left=True, adapts=True),
    Column("Image", 34, lambda found, _scale: _number(found.image or "-"), left=True, adapts=True),
)
