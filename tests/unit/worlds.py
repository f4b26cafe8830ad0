"""Observed worlds for the tests of what is decided from them."""

from dataclasses import replace
from typing import Any

from zkops.checks import Node
from zkops.cluster import Cluster
from zkops.fourletter import Srvr
from zkops.nodeprobe import Look, Place, Trouble
from zkops.observed import Member, Observed
from zkops.render import Rendered

EPOCH = 7 << 32
GIB = 1024**3

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


def pod(name: str, image: str, *, ready: bool = True, **container: Any) -> dict[str, Any]:
    """A pod as the API gives it, with the fields that are read."""
    status = {"name": "zookeeper", "ready": ready, "state": {"running": {}}} | container
    return {
        "metadata": {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"nodeName": name, "containers": [{"name": "zookeeper", "image": image}]},
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
    """The ensemble as described, complete and serving."""
    modes = ["leader", *("follower" for _ in cluster.machines[1:])]
    return Observed(
        exists=True,
        formed=True,
        missing=(),
        changes=(),
        strangers=(),
        members=members(cluster, rendered.image, *modes),
    )
