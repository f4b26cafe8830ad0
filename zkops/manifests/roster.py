"""The roster, which tells each machine of an ensemble its own seat; pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from zkops.config.cluster import Cluster, Machine
from zkops.zookeeper.membership import Membership, Seat, in_order, parse_membership


@dataclass(frozen=True, kw_only=True)
class Roster:
    """What every machine reads before its member starts.

    The membership in it is the last one known: what counts is the one that the servers themselves agreed on; this one
    leads a machine to them that has not heard of it, such as a new one or one whose disk was replaced.
    """

    hosts: Mapping[str, Seat]
    """Hostname → the seat the machine has, or is to have."""
    membership: Membership
    founders: tuple[int, ...] = ()
    """Ids that may begin with empty data and vote: only before the ensemble was first formed."""

    def data(self) -> dict[str, str]:
        """Write the ConfigMap's files: `members` with lines `HOSTNAME ID SPEC`, `servers`, `founders`."""
        hosts = sorted(self.hosts.items(), key=lambda item: item[1].id)
        return {
            "members": "".join(f"{host} {seat.id} {seat.spec}\n" for host, seat in hosts),
            "servers": self.membership.text(),
            "founders": "".join(f"{number}\n" for number in self.founders),
        }


def seat_of(machine: Machine, cluster: Cluster) -> Seat:
    """Give the seat that a machine of the description is to have."""
    ports = cluster.ports
    return Seat(
        id=machine.id,
        ip=machine.ip,
        quorum=ports.quorum,
        election=ports.election,
        client=ports.client,
        role=machine.role,
    )


def founding(cluster: Cluster) -> Roster:
    """Give the roster of an ensemble that is about to be formed from the machines of its description."""
    hosts = {machine.hostname: seat_of(machine, cluster) for machine in cluster.machines}
    membership = Membership(seats=in_order(hosts.values()))
    return Roster(hosts=hosts, membership=membership, founders=tuple(seat.id for seat in membership.seats))


def parse_roster(data: Mapping[str, str]) -> Roster:
    """Read what `Roster.data` wrote.

    Raises:
        ValueError: somebody else wrote it.
    """
    hosts = {}
    for line in data.get("members", "").splitlines():
        host, number, spec = line.split()
        hosts[host] = parse_membership(f"server.{number}={spec}").seats[0]
    return Roster(
        hosts=hosts,
        membership=parse_membership(data.get("servers", "")),
        founders=tuple(map(int, data.get("founders", "").split())),
    )
