"""What is done to the ensemble, and the alerts that must come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kazoo.client import KazooClient

from tests.alerts.place import CLIENT_PORT, DISK, DISK_MIB, IPS, SMALL, Place

SLOW_MS = 400
"""An fsync of 200 ms is told; from 900 ms on the member would be left."""
CLIENTS = 55
"""From one address; 60 are let in, and 48 are told."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong while its block runs."""

    name: str
    made: Callable[[Place], "Made"]
    fires: Mapping[str, float]
    """Alert, without the common prefix → minutes in which it must: its `for`, and before it the window it looks at."""


class Made:
    """A fault that is there until `end`."""

    def __init__(self, *ends: Callable[[], object]) -> None:
        self._ends = ends

    def end(self) -> None:
        """Take it away."""
        for end in self._ends:
            end()


def killed(*victims: int) -> Callable[[Place], Made]:
    """Kill machines."""

    def make(place: Place) -> Made:
        nodes = [place.machines.containers[victim] for victim in victims]
        for node in nodes:
            node.kill()
        return Made(*(node.start for node in nodes))

    return make


def isolated(place: Place) -> Made:
    """Cut the leader off the others; Prometheus still reaches all of them."""
    leader = place.leader()
    others = [machine for machine in IPS if machine != leader]
    place.machines.cut(leader, others)
    return Made(lambda: place.machines.join(leader, others))


def filled(*, full: bool) -> Callable[[Place], Made]:
    """Fill one machine's disk, to the last byte or so far that its server still goes on."""

    def make(place: Place) -> Made:
        filler = f"{DISK}/filler"
        rest = 0 if full else DISK_MIB * 3 // 100
        place.machines.run(
            SMALL, f"dd if=/dev/zero of={filler} bs=1M count=$(($(df -m --output=avail {DISK} | tail -1) - {rest}))"
        )
        return Made(lambda: place.machines.run(SMALL, f"rm -f {filler}"))

    return make


def slow(place: Place) -> Made:
    """Make each fsync of one member take long."""
    file = "/tmp/slow-disk-ms"
    place.in_member(2, f"echo {SLOW_MS} > {file}")
    return Made(lambda: place.in_member(2, f"rm {file}"))


def flooded(place: Place) -> Made:
    """Hold many sessions from one address."""
    del place
    clients = [KazooClient(f"{IPS[1]}:{CLIENT_PORT}") for _ in range(CLIENTS)]
    for client in clients:
        client.start(timeout=60)
    return Made(*(client.stop for client in clients), *(client.close for client in clients))


ROUNDS: Mapping[str, tuple[Fault, ...]] = {
    "strain": (
        Fault(name="connection flood", made=flooded, fires={"ConnectionsNearLimit": 1}),
        Fault(name="disk filled to 97 %", made=filled(full=False), fires={"DiskAlmostFull": 1}),
        Fault(name="slow fsync", made=slow, fires={"FsyncSlow": 5}),
    ),
    "quorum": (Fault(name="two members killed", made=killed(1, 2), fires={"QuorumLost": 1}),),
    "kill": (Fault(name="a member killed", made=killed(1), fires={"MemberNotServing": 3, "OneLossFromOutage": 5}),),
    "partition": (
        Fault(name="the leader cut off", made=isolated, fires={"MemberNotServing": 3, "OneLossFromOutage": 5}),
    ),
    "disk": (Fault(name="disk full", made=filled(full=True), fires={"MemberNotServing": 3, "OneLossFromOutage": 5}),),
}
"""What is done at the same time, each to another member; a round begins when the one before has cleared."""
SHORT = ("strain",)
"""Ten minutes; a lost quorum is also made by `tests/integration/test_prometheus.py`."""
