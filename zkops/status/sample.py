"""What one member tells of itself when it is asked once, as plain figures; pure."""

from dataclasses import dataclass

from zkops.zookeeper.four_letter import Srvr
from zkops.zookeeper.metrics import Page

Quantiles = tuple[float, float]
"""The 0.5 and the 0.99 quantile of the last 8 to 10 minutes."""

DISKS = ("data", "log")
NAMES = (
    *("packets_received", "num_alive_connections", "znode_count", "watch_count", "approximate_data_size"),
    *("uptime", "leader_uptime", "quorum_size", "synced_followers", "synced_non_voting_followers"),
    *("readlatency", "updatelatency"),
    *("fsynctime", "fsynctime_sum", "fsynctime_count", "zookeeper_server_info"),
    *("zookeeper_disk_free_bytes", "zookeeper_disk_size_bytes", "jvm_memory_bytes_used", "jvm_memory_bytes_max"),
)
"""The samples that are asked for: those that `figures` reads."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a member's /metrics page told; None is what it did not tell."""

    state: str | None = None
    """leader, follower, observer, standalone, read-only, looking, starting or stopping."""
    requests: float | None = None
    """Received since the server began to serve."""
    connections: float | None = None
    read_ms: Quantiles | None = None
    write_ms: Quantiles | None = None
    fsync_p50_ms: float | None = None
    fsync_sum_ms: float | None = None
    """Of all times that the transaction log was written through to the disk, since the process started."""
    fsync_count: float | None = None
    znodes: float | None = None
    watches: float | None = None
    data_bytes: float | None = None
    heap_used: float | None = None
    heap_max: float | None = None
    disk_free: float | None = None
    """Bytes, of the data's or the log's disk: the one with the smaller share free."""
    disk_size: float | None = None
    uptime_ms: float | None = None
    """Since the server began to serve in its role."""
    leading_ms: float | None = None
    voters: float | None = None
    """Voting members of the ensemble, as the member knows it."""
    voters_in_sync: float | None = None
    """Those of them that a leader has with it, itself one of them."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one member told when it was asked once."""

    at: float
    """Seconds of this machine's monotonic clock."""
    server: Srvr | None = None
    """None where it did not answer."""
    figures: Figures = Figures()
    refused: bool = False
    """Whether its machine answered that nobody listens on the client port: there is no server now."""
    trouble: str = ""
    """Why it told less than it should, in words."""


def figures(page: Page) -> Figures:
    """Pick the figures out of a page."""
    heap_max = page.value("jvm_memory_bytes_max", area="heap")
    free, size = _disk(page)
    return Figures(
        state=page.label("zookeeper_server_info", "state"),
        requests=page.value("packets_received"),
        connections=page.value("num_alive_connections"),
        read_ms=_quantiles(page, "readlatency"),
        write_ms=_quantiles(page, "updatelatency"),
        fsync_p50_ms=page.value("fsynctime", quantile="0.5"),
        fsync_sum_ms=page.value("fsynctime_sum"),
        fsync_count=page.value("fsynctime_count"),
        znodes=page.value("znode_count"),
        watches=page.value("watch_count"),
        data_bytes=page.value("approximate_data_size"),
        heap_used=page.value("jvm_memory_bytes_used", area="heap"),
        heap_max=heap_max if heap_max and heap_max > 0 else None,  # -1 says: without a bound
        disk_free=free,
        disk_size=size,
        uptime_ms=page.value("uptime"),
        leading_ms=page.value("leader_uptime"),
        voters=page.value("quorum_size"),
        voters_in_sync=_in_sync(page),
    )


def _in_sync(page: Page) -> float | None:
    """Without those that follow and have no vote: who joins, and who is restarted without its vote."""
    followers, voteless = (page.value(f"synced_{who}followers") for who in ("", "non_voting_"))
    return None if followers is None or voteless is None else followers - voteless + 1


def _quantiles(page: Page, name: str) -> Quantiles | None:
    middle, high = (page.value(name, quantile=quantile) for quantile in ("0.5", "0.99"))
    return None if middle is None or high is None else (middle, high)


def _disk(page: Page) -> tuple[float | None, float | None]:
    pairs = [[page.value(f"zookeeper_disk_{what}_bytes", dir=name) for what in ("free", "size")] for name in DISKS]
    known = [(free, size) for free, size in pairs if free is not None and size]
    return min(known, key=lambda disk: disk[0] / disk[1], default=(None, None))
