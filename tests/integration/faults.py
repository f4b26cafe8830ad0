"""What goes wrong in an ensemble, as its metrics tell it, and the alerts that fire for it; and what fires none."""

from collections.abc import Callable
from dataclasses import dataclass

from .series import DAY, EPOCH, World, rolling

BEGIN = 10.0
"""Minute at which faults begin."""
END = 36.0
"""Minute at which those end that can be mended."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong, and the alerts that fire for it."""

    make: Callable[[World], None]
    fires: dict[float, set[str]]
    """Minutes after the beginning → alerts that fire then, without their common prefix; all that fire, and no other."""
    members: int = 3
    hours: float = 1
    seconds: int = 15
    clears: bool = True
    """Whether the fault is gone from `END` on, and all alerts a few minutes later."""


def value(metric: str, number: float, member: int = 2) -> Callable[[World], None]:
    """Let one member tell another value."""
    return lambda world: world.set(member, metric, lambda _: number, world.step(BEGIN), world.step(END))


def growing(metric: str, a_step: float, member: int = 2) -> Callable[[World], None]:
    """Let a counter grow."""

    def make(world: World) -> None:
        begin, end = world.step(BEGIN), world.step(END)
        values = world.series[member, metric]
        for step in range(begin, world.steps):
            values[step] = float(values[begin] or 0) + a_step * (min(step, end) - begin)

    return make


def gone(*members: int) -> Callable[[World], None]:
    """Let members be dead."""

    def make(world: World) -> None:
        for member in members:
            world.remove(member, world.step(BEGIN), world.step(END))
            world.miss(world.step(BEGIN), world.step(END))

    return make


def without_quorum(world: World) -> None:
    """Two of three are dead; the third looks for them."""
    gone(1, 2)(world)
    world.look(3, world.step(BEGIN), world.step(END))


def cut_off(world: World) -> None:
    """A member runs, and changes between two states without ever serving."""
    world.look(2, world.step(BEGIN), world.step(END))
    world.miss(world.step(BEGIN), world.step(END))
    for number, state in enumerate(("looking", "starting")):
        info = f'zookeeper_server_info{{version="3.9.6",state="{state}"}}'
        world.set(2, info, lambda step, n=number: 1 if step % 2 == n else None, world.step(BEGIN), world.step(END))  # type: ignore[misc]


def elections(world: World) -> None:
    """The leader changes every minute."""
    for minute in range(10):
        world.lead(1 + minute % 3, world.step(BEGIN + minute), epoch=6 + minute)


def stands_still(world: World) -> None:
    """A member serves what it had."""
    begin = world.step(BEGIN)
    world.set(2, "zookeeper_last_zxid", lambda _: 5 * EPOCH + 100 * begin + 1, begin, world.step(END))


def idle_after_an_election(world: World) -> None:
    """A new leader has no transaction yet, the others still tell the last one of the term before."""
    world.lead(2, world.step(BEGIN), epoch=6)
    for member in range(1, 4):
        world.set(member, "zookeeper_last_zxid", lambda _: None if member == 2 else 5 * EPOCH + 77, world.step(BEGIN))  # noqa: B023


def slow_fsync(world: World) -> None:
    """Each fsync takes half a second, and there are few of them."""
    growing("fsynctime_count", 20)(world)
    growing("fsynctime_sum", 20 * 500)(world)
    for step in range(world.step(END), world.steps):
        for metric, each in (("fsynctime_count", 50), ("fsynctime_sum", 400)):
            values = world.series[2, metric]
            values[step] = float(values[step - 1] or 0) + each


def fills_up(world: World) -> None:
    """A disk loses 10 GB an hour, after 200 minutes."""
    begin = world.step(200)
    metric = 'zookeeper_disk_free_bytes{dir="data"}'
    world.set(2, metric, lambda step: 40e9 - 10e9 * (step - begin) * world.seconds / 3600, begin)


def old_snapshot(world: World, writes: float = 20) -> None:
    """There are writes, and no snapshot since the world began."""
    world.set(3, "proposal_count", lambda step: writes * step * world.seconds)


def drifting(world: World) -> None:
    """A member runs with another configuration."""
    begin, end = world.step(BEGIN), world.step(END)
    world.set(2, 'zookeeper_config_info{config="demo-bbbbbbbbbb"}', lambda _: 1, begin, end)
    world.set(2, 'zookeeper_config_info{config="demo-aaaaaaaaaa"}', lambda _: None, begin, end)


def other_version(world: World) -> None:
    """A member is of another release."""
    begin, end = world.step(BEGIN), world.step(END)
    world.set(2, 'zookeeper_server_info{version="3.9.3",state="follower"}', lambda _: 1, begin, end)
    world.set(2, 'zookeeper_server_info{version="3.9.6",state="follower"}', lambda _: None, begin, end)


FAULTS = {
    "two of three are lost": Fault(make=without_quorum, fires={2: {"QuorumLost"}}),
    "all are lost at once": Fault(make=gone(1, 2, 3), fires={2: {"QuorumLost"}, 25: {"QuorumLost"}}),
    "one of three is lost": Fault(
        make=gone(2), fires={4: {"MemberNotServing"}, 6: {"MemberNotServing", "OneLossFromOutage"}}
    ),
    "one of five is lost": Fault(make=gone(2), members=5, fires={4: {"MemberNotServing"}, 20: {"MemberNotServing"}}),
    "two of five are lost": Fault(
        make=gone(1, 2), members=5, fires={4: {"MemberNotServing"}, 6: {"MemberNotServing", "OneLossFromOutage"}}
    ),
    "a member never joins": Fault(
        make=cut_off, fires={4: {"MemberNotServing"}, 6: {"MemberNotServing", "OneLossFromOutage"}}
    ),
    "leaders come and go": Fault(make=elections, fires={6: {"LeaderChangesOften"}}),
    "a member lags": Fault(make=stands_still, fires={4: {"MemberLagging"}}),
    "requests pile up": Fault(make=value("outstanding_requests", 500), fires={4: {"OutstandingRequests"}}),
    "a disk is slow": Fault(make=slow_fsync, fires={6: {"FsyncSlow"}}),
    "a disk fills up within hours": Fault(
        make=fills_up, hours=5, seconds=60, clears=False, fires={189: set(), 200 + 75 - BEGIN: {"DiskFilling"}}
    ),
    "a disk is full": Fault(
        make=value('zookeeper_disk_free_bytes{dir="data"}', 3e9), fires={2: {"DiskAlmostFull"}, 5: {"DiskAlmostFull"}}
    ),
    "old files stay": Fault(make=value("zookeeper_autopurge_interval_hours", 0), fires={6: {"NoAutopurge"}}),
    "no snapshot is written": Fault(
        make=old_snapshot,
        hours=26,
        seconds=60,
        clears=False,
        fires={23 * 60: set(), 24.5 * 60 - BEGIN: {"SnapshotOld"}},
    ),
    "a client has many connections": Fault(
        make=value("zookeeper_busiest_client_cnxns", 55), fires={2: {"ConnectionsNearLimit"}}
    ),
    "a flood of connections is refused": Fault(
        make=growing("connection_rejected", 20), fires={2: {"ConnectionsNearLimit"}}
    ),
    "the heap is full of what lives": Fault(
        make=value('jvm_memory_pool_collection_used_bytes{pool="Tenured Gen"}', 280e6), fires={6: {"HeapNearLimit"}}
    ),
    "the JVM does nothing but collect": Fault(
        make=growing('jvm_gc_collection_seconds_sum{gc="Copy"}', 7.5), fires={7: {"HeapNearLimit"}}
    ),
    "the data differs": Fault(make=growing("digest_mismatches_count", 1), fires={9: set(), 11: {"DigestMismatch"}}),
    "a certificate runs out": Fault(
        make=value('zookeeper_certificate_expiry_timestamp_seconds{use="client"}', 10 * DAY),
        fires={6: {"CertificateExpiring"}},
    ),
    "a change was left half-done": Fault(make=drifting, fires={19: set(), 21: {"ConfigDrift"}}),
    "an upgrade was left half-done": Fault(make=other_version, fires={19: set(), 21: {"ConfigDrift"}}),
}
QUIET: dict[str, Callable[[], World]] = {
    "nothing happens": World,
    "nothing happens to one alone": lambda: World(members=1, leader=1),
    "a change is rolled through three": lambda: rolling(3, 15),
    "a change is rolled through four, with elections that nobody sees": lambda: rolling(4, 15, seen=0),
    "a change is rolled through five": lambda: rolling(5, 15),
    "a change is rolled through seven, scraped twice a minute": lambda: rolling(7, 30),
    "a change is rolled through, and all have written large snapshots": lambda: rolling(3, 30, hours=8, begin=200),
    "an election in an idle ensemble": lambda: changed(World(), idle_after_an_election),
    "a member learnt everything anew under load": lambda: changed(World(), value("digest_mismatches_count", 5)),
    "an old snapshot where little is written": lambda: changed(
        World(steps=26 * 60, seconds=60), lambda world: old_snapshot(world, writes=1)
    ),
}


def changed(world: World, make: Callable[[World], None]) -> World:
    """Lay a fault over a world."""
    make(world)
    return world
