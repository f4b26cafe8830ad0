"""What Prometheus sees of an ensemble, step by step, written as `promtool test rules` reads it.

A world begins quiet: all serve, clients write. Tests lay faults over it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

EPOCH = 1 << 32
DAY = 86400.0
LEADER_ONLY = ("synced_followers", "synced_non_voting_followers")
WHILE_SERVING = (
    *("quorum_size", "zookeeper_epoch", "zookeeper_last_zxid", "outstanding_requests", "zookeeper_max_client_cnxns"),
    *LEADER_ONLY,
)
"""What ZooKeeper takes away, or we do, while a member does not serve."""

Value = float | None
"""None where a scrape found nothing."""
At = Callable[[int], Value]
"""Gives a series' value at a step."""


@dataclass
class World:
    """Some members' series: (member, metric with its own labels) → values, one a step."""

    members: int = 3
    steps: int = 160
    """40 minutes of 15 s."""
    seconds: int = 15
    """Of a step: the time between two scrapes."""
    leader: int = 3
    series: dict[tuple[int, str], list[Value]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for member in range(1, self.members + 1):
            for metric, at in self._quiet(member).items():
                self.set(member, metric, at)

    def _quiet(self, member: int) -> dict[str, At]:
        leads = member == self.leader
        state = "leader" if leads else "follower"
        known = {
            f'zookeeper_member_info{{member="{other}",role="participant",address="10.0.0.{other}"}}': _constant(1)
            for other in range(1, self.members + 1)
        }
        serving = {
            f'zookeeper_serving{{member="{member}"}}': _constant(1),
            f'zookeeper_server_info{{version="3.9.6",state="{state}"}}': _constant(1),
            "quorum_size": _constant(self.members),
            "zookeeper_epoch": _constant(5),
            "zookeeper_last_zxid": lambda step: 5 * EPOCH + 100 * step + 1,
            "outstanding_requests": lambda step: step % 5,
            "zookeeper_max_client_cnxns": _constant(60),
        }
        leading = dict(zip(LEADER_ONLY, (_constant(self.members - 1), _constant(0)), strict=True)) if leads else {}
        return known | serving | leading | self._process()

    def _process(self) -> dict[str, At]:
        """Give what a process tells whether it serves or not."""
        return {
            'zookeeper_config_info{config="demo-aaaaaaaaaa"}': _constant(1),
            "zookeeper_busiest_client_cnxns": _constant(20),
            "connection_rejected": _constant(0),
            "fsynctime_count": lambda step: 50 * step,
            "fsynctime_sum": lambda step: 50 * step * 8,
            'zookeeper_disk_free_bytes{dir="data"}': lambda step: 40e9 - 1e6 * (step % 240),
            'zookeeper_disk_size_bytes{dir="data"}': _constant(100e9),
            "zookeeper_autopurge_interval_hours": _constant(1),
            "zookeeper_snapshot_age_seconds": lambda step: float(self.seconds * step),
            "proposal_count": _constant(0),
            'jvm_memory_pool_collection_used_bytes{pool="Tenured Gen"}': _constant(100e6),
            'jvm_memory_pool_bytes_max{pool="Tenured Gen"}': _constant(300e6),
            'jvm_gc_collection_seconds_sum{gc="Copy"}': lambda step: 0.05 * step,
            "digest_mismatches_count": _constant(0),
            'zookeeper_certificate_expiry_timestamp_seconds{use="client"}': _constant(90 * DAY),
        }

    def step(self, minutes: float) -> int:
        """Give the step at *minutes*."""
        return round(minutes * 60 / self.seconds)

    def set(self, member: int, metric: str, at: At, begin: int = 0, end: int | None = None) -> None:
        """Set a series from step *begin* to before *end*; a new one is absent elsewhere."""
        values = self.series.setdefault((member, metric), [None] * self.steps)
        for step in range(begin, self.steps if end is None else min(end, self.steps)):
            values[step] = at(step)

    def remove(self, member: int, begin: int, end: int | None = None, only: tuple[str, ...] = ("",)) -> None:
        """Let a member's series be absent, by default all: its process is dead, or cannot be reached."""
        for number, metric in list(self.series):
            if number == member and metric.startswith(only):
                self.set(member, metric, _constant(None), begin, end)

    def look(self, member: int, begin: int, end: int | None = None) -> None:
        """Let a member run and not serve."""
        self.remove(member, begin, end, (*WHILE_SERVING, "zookeeper_server_info"))
        self.set(member, f'zookeeper_serving{{member="{member}"}}', _constant(0), begin, end)
        self.set(member, 'zookeeper_server_info{version="3.9.6",state="looking"}', _constant(1), begin, end)

    def restart(self, member: int, begin: int, end: int) -> None:
        """Let a member be away from *begin* to before *end*: half of it dead, half of it without serving."""
        middle = (begin + end) // 2
        self.look(member, middle, end)
        self.remove(member, begin, middle)
        self.miss(begin, end)
        for metric in ("fsynctime_count", "fsynctime_sum", "zookeeper_snapshot_age_seconds"):
            at = self._process()[metric]
            self.set(member, metric, lambda step, at=at: at(step - middle), middle)  # type: ignore[misc]

    def miss(self, begin: int, end: int) -> None:
        """Let the leader be followed by one less."""
        for (_, metric), values in self.series.items():
            if metric == "synced_followers":
                for step in range(begin, min(end, self.steps)):
                    now = values[step]
                    values[step] = now if now is None else now - 1

    def lead(self, leader: int, begin: int, epoch: int, seen: int = 2) -> None:
        """Let another member lead from *begin* on, after an election that *seen* scrapes of all members see."""
        for member in range(1, self.members + 1):
            self.set(member, "zookeeper_epoch", _constant(epoch), begin)
            self.set(member, "zookeeper_last_zxid", lambda step: epoch * EPOCH + 100 * (step - begin) + 1, begin)
            for state in ("leader", "follower"):
                here = state == ("leader" if member == leader else "follower")
                info = f'zookeeper_server_info{{version="3.9.6",state="{state}"}}'
                self.set(member, info, _constant(1 if here else None), begin)
            for metric, count in zip(LEADER_ONLY, (self.members - 1, 0), strict=True):
                self.set(member, metric, _constant(count if member == leader else None), begin)
            self.look(member, begin - seen, begin)

    def lines(self) -> Iterator[dict[str, str]]:
        """Give the series as promtool reads them."""
        for (member, metric), values in self.series.items():
            name, _, own = metric.partition("{")
            target = {
                "namespace": "zookeeper",
                "ensemble": "demo",
                "instance": f"10.0.0.{member}:7000",
                "job": "zookeeper",
                "node": f"demo-{member}",
            }
            labels = ",".join(f'{key}="{value}"' for key, value in target.items())
            inside = ",".join(filter(None, (labels, own.removesuffix("}"))))
            yield {"series": f"{name}{{{inside}}}", "values": " ".join(_written(values))}


def rolling(members: int, seconds: int, hours: int = 1, begin: float = 20, seen: int = 2) -> World:
    """Give hours in which a change is rolled through: each member is away for a minute, one right after the other.

    *seen* scrapes of all members fall into each election.
    The leader, the last one, gives leadership away first, and gets it back later. At the end all have another
    configuration.
    """
    world = World(members=members, seconds=seconds, steps=hours * 3600 // seconds, leader=members)
    away = 60 // seconds
    first = world.step(begin)
    for member in range(1, members + 1):
        at = first + (member - 1) * away
        if member == members:
            world.lead(1, at, epoch=6, seen=seen)
        back = at + away
        new = 'zookeeper_config_info{config="demo-bbbbbbbbbb"}'
        world.set(member, new, _constant(1), back)
        world.set(member, 'zookeeper_config_info{config="demo-aaaaaaaaaa"}', _constant(None), back)
        free = 'zookeeper_disk_free_bytes{dir="data"}'
        world.set(member, free, lambda step: 36e9 - 1e6 * (step % 240), back)  # a snapshot is written at the start
    world.lead(members, first + members * away + world.step(2), epoch=7, seen=seen)
    for member in range(1, members + 1):
        at = first + (member - 1) * away
        world.restart(member, at, at + away)
    return world


def _constant(value: Value) -> At:
    return lambda _step: value


def _written(values: list[Value]) -> Iterator[str]:
    """Write values; what ends is marked stale, as a scrape does that no longer finds a series."""
    before: Value = None
    for value in values:
        yield repr(value) if value is not None else "_" if before is None else "stale"
        before = value
