"""Observed worlds for the tests of what is decided from them."""

from dataclasses import replace
from typing import Any

from zkops.config.cluster import Cluster, Machine
from zkops.doctor.checks import Node
from zkops.doctor.node_probe import Look, Place, Trouble
from zkops.ensemble.observed import Member, Observed
from zkops.manifests.render import Rendered
from zkops.manifests.roster import Roster
from zkops.zookeeper.four_letter import Srvr
from zkops.zookeeper.membership import Membership, Role, Seat

EPOCH = 7 << 32
VERSION = EPOCH
"""Of the membership: the zxid of the change that made it."""
GIB = 1024**3
IMAGE = "registry.example/zookeeper@sha256:" + "a" * 64

TROUBLE = Trouble(what="it broke", mend="do this")
NODE = Node(name="demo-1", ips=("172.31.77.11",), ready=True, label=None, memory=4 * GIB, holders={})
PLACE = Place(
    wanted="/var/lib/zkops/demo/data",
    nearest="/var/lib/zkops/demo/data",
    kind="directory",
    owner="1000:1000",
    mode="755",
    read_only=False,
    available=50 * GIB,
    size=99 * GIB,
)
LOOK = Look(listeners={}, places=(PLACE,), skew=0.0)


def pod(name: str, image: str, *, ready: bool = True, config: str = "", **container: Any) -> dict[str, Any]:
    """A pod as the API gives it, with the fields that are read."""
    volumes = [{"name": "config", "configMap": {"name": config}}] if config else []
    status = {"name": "zookeeper", "ready": ready, "state": {"running": {}}} | container
    return {
        "metadata": {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"nodeName": name, "containers": [{"name": "zookeeper", "image": image}], "volumes": volumes},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def server(mode: str | None, counter: int = 0) -> Srvr:
    """A server in epoch 7; without a mode it is in no quorum."""
    zxid = EPOCH + counter if mode else None
    return Srvr(mode=mode, zxid=zxid, version="3.9.6", connections=1, reason="" if mode else "not serving")


def members(cluster: Cluster, image: str, *modes: str | None) -> tuple[Member, ...]:
    """One member a machine, in the modes given."""
    return tuple(
        Member(
            machine=machine,
            node_ready=True,
            label=cluster.name,
            pod=pod(machine.hostname, image),
            server=server(mode),
            synced=len(cluster.machines) - 1 if mode == "leader" else None,
        )
        for machine, mode in zip(cluster.machines, modes, strict=True)
    )


def nothing(cluster: Cluster, rendered: Rendered) -> Observed:
    """A Kubernetes that has never seen the ensemble."""
    bare = members(cluster, rendered.image, *(None for _ in cluster.machines))
    return Observed(
        exists=False,
        formed=False,
        missing=tuple(f"{item['kind']} {item['metadata']['name']}" for item in rendered.objects),
        changes=(),
        strangers=(),
        members=tuple(replace(member, label=None, pod=None, server=None) for member in bare),
    )


def serving(cluster: Cluster, rendered: Rendered) -> Observed:
    """The ensemble as described, complete and serving; the first machine's member leads."""
    return running(rendered, leader=cluster.machines[0].id)


def running(rendered: Rendered, *, leader: int, among: Roster | None = None) -> Observed:
    """An ensemble that serves, of the machines of the roster *among*, by default the described ones.

    Machines that are not described are leaving; those that are described and not in *among* have nothing yet.
    """
    live = among or Roster(hosts=rendered.roster.hosts, membership=replace(rendered.roster.membership, version=VERSION))
    live = replace(live, founders=())
    serves = {host: member(rendered, host, seat, leader=leader, of=live) for host, seat in live.hosts.items()}
    bare = {host: absent(host, seat) for host, seat in rendered.roster.hosts.items() if host not in serves}
    known = bare | serves
    # What is described decides, not what runs: the machine is as it is to be.
    described = ((host, machine(host, seat)) for host, seat in rendered.roster.hosts.items())
    return Observed(
        exists=True,
        formed=True,
        missing=(),
        changes=(),
        strangers=(),
        members=tuple(replace(known[host], machine=wanted) for host, wanted in described),
        membership=live.membership,
        roster=live,
        leaving=tuple(found for host, found in serves.items() if host not in rendered.roster.hosts),
    )


def member(rendered: Rendered, host: str, seat: Seat, *, leader: int, of: Roster) -> Member:
    """A member that serves."""
    mode = "leader" if seat.id == leader else "observer" if seat.role == "observer" else "follower"
    return Member(
        machine=machine(host, seat),
        node_ready=True,
        label=rendered.name,
        pod=pod(host, rendered.image, config=f"{rendered.name}-{rendered.config_hash}"),
        server=server(mode),
        synced=len(of.hosts) - 1 if mode == "leader" else None,
    )


def absent(host: str, seat: Seat) -> Member:
    """A machine that carries nothing yet."""
    return Member(machine=machine(host, seat), node_ready=True, label=None, pod=None, server=None)


def machine(host: str, seat: Seat) -> Machine:
    """The machine of a seat."""
    return Machine(hostname=host, ip=seat.ip, id=seat.id, role=seat.role)


def seat(number: int, role: Role = "participant") -> Seat:
    """The seat that the machine `demo-N` has in the shipped description, or would have."""
    return Seat(id=number, ip=f"172.31.77.{10 + number}", quorum=2888, election=3888, client=2181, role=role)


def roster(*seats: Seat, version: int = VERSION) -> Roster:
    """A formed roster of machines named `demo-ID`."""
    ordered = tuple(sorted(seats, key=lambda seat: seat.id))
    hosts = {f"demo-{seat.id}": seat for seat in ordered}
    return Roster(hosts=hosts, membership=Membership(version=version, seats=ordered))


def described(rendered: Rendered, *seats: Seat) -> Rendered:
    """The same, with other machines: `demo-ID` with the seats given."""
    wanted = roster(*seats, version=0)
    return replace(rendered, roster=replace(wanted, founders=tuple(seat.id for seat in wanted.membership.seats)))


def edited(observed: Observed, host: str, **changes: Any) -> Observed:
    """The same, with one machine's member changed."""

    def edit(found: Member) -> Member:
        return replace(found, **changes) if found.machine.hostname == host else found

    return replace(observed, members=tuple(map(edit, observed.members)), leaving=tuple(map(edit, observed.leaving)))


def nodes(cluster: Cluster) -> list[dict[str, Any]]:
    """The machines of the description as nodes, with the fields that are read."""
    return [
        {
            "metadata": {"name": machine.hostname},
            "status": {"addresses": [{"type": "InternalIP", "address": machine.ip}]},
        }
        for machine in cluster.machines
    ]
