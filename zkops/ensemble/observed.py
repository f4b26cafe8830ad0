"""What was observed, as plain frozen data, and what can be told from it; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from zkops.config.cluster import Machine
from zkops.manifests.objects import Object
from zkops.manifests.roster import Roster
from zkops.zookeeper.four_letter import Srvr
from zkops.zookeeper.membership import Membership


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field that differs between a live object and the wanted one."""

    object: str
    field: str
    live: Any
    wanted: Any

    def __str__(self) -> str:
        live, wanted = (text if len(text := str(value)) < 500 else "…" for value in (self.live, self.wanted))
        return f"{self.object}: {self.field}: {live} → {wanted}"


@dataclass(frozen=True, kw_only=True)
class Member:
    """One machine of the description with its node, its pod and what its server says."""

    machine: Machine
    node_ready: bool
    label: str | None
    """The ensemble that the node's label names: this one, another, or none."""
    pod: Object | None
    stale: bool = False
    """Whether the pod was made from a former template of the DaemonSet."""
    server: Srvr | None
    synced: int | None = None
    """Of a leader: how many followers and observers are in sync with it."""
    membership: Membership | None = None
    """What the member takes for the ensemble's membership, None where it tells none."""
    drained: bool = False
    """Whether `drain` took the member out for maintenance of its machine."""

    @property
    def serving(self) -> bool:
        """Whether the member serves reads and writes."""
        return bool(self.server and self.server.serving)

    @property
    def pod_ready(self) -> bool:
        """Whether the pod is ready, as Kubernetes sees it."""
        statuses = (self.pod or {}).get("status", {}).get("containerStatuses") or ()
        return bool(statuses) and all(status["ready"] for status in statuses)

    @property
    def ready(self) -> bool:
        """Whether the pod is ready and of the present template."""
        return not self.stale and self.pod_ready

    @property
    def uid(self) -> str:
        """What tells the pod from the one before and after it, empty without a pod."""
        return str(self.pod["metadata"].get("uid", "")) if self.pod else ""

    @property
    def silent(self) -> bool:
        """Whether a server runs that could not be asked: it may well serve others."""
        return self.server is None and self.pod is not None and runs(self.pod)

    @property
    def dead(self) -> bool:
        """Whether there is a pod and no server ran in it when its node told last: making it anew takes nobody away."""
        return self.pod is not None and self.node_ready and not runs(self.pod)

    @property
    def image(self) -> str:
        """The image of the pod, empty without a pod."""
        return str(self.pod["spec"]["containers"][0]["image"]) if self.pod else ""

    @property
    def config(self) -> str:
        """The name of the ConfigMap that the pod was started with, empty without a pod."""
        return config_of(self.pod) if self.pod else ""

    @property
    def crashes(self) -> int:
        """How often Kubernetes has started the server again in this pod."""
        statuses = (self.pod or {}).get("status", {}).get("containerStatuses") or ()
        return sum(int(status.get("restartCount", 0)) for status in statuses)

    @property
    def state(self) -> str:
        """The member's state in a few words: its mode, or what it lacks."""
        if not self.node_ready:
            return "node not ready, drained" if self.drained else "node not ready"
        if not self.pod:
            return "drained" if self.drained else "no pod"
        if self.server and self.server.mode:
            return self.server.mode
        return pod_trouble(self.pod) or (self.server.reason if self.server else "does not answer")


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What runs now."""

    exists: bool
    """Whether there is a DaemonSet of the ensemble's name."""
    formed: bool
    """Whether it once had a quorum."""
    missing: tuple[str, ...]
    """Objects that are not there, as `Kind name`."""
    changes: tuple[Change, ...]
    """Fields of live objects that differ from the wanted ones."""
    strangers: tuple[str, ...]
    """Nodes that carry the ensemble's label and are not in the description."""
    members: tuple[Member, ...]
    displaced: tuple[str, ...] = ()
    """How the description differs from what the stopped ensemble keeps on its machines."""
    membership: Membership | None = None
    """What the servers agreed on; None where none of them serves."""
    roster: Roster | None = None
    """The live roster; None where there is none."""
    leaving: tuple[Member, ...] = ()
    """Members of the live roster that the description no longer has; `machine` is as the roster knows it."""
    rolling: bool = False
    """Whether a change was begun and not finished: somebody's deploy was interrupted."""


def agreed(members: Sequence[Member]) -> bool:
    """Whether all members serve under one leader, and the leader says that all others are in sync with it.

    The zxids cannot tell: a follower that joined an idle ensemble reports 0x0 until the first write.
    """
    leaders = [member for member in members if member.server and member.server.mode in {"leader", "standalone"}]
    if len(leaders) != 1 or not all(member.serving for member in members):
        return False
    # More than the others: a member that was taken out may follow still.
    return len(members) == 1 or (leaders[0].synced or 0) >= len(members) - 1


def whole(members: Sequence[Member]) -> bool:
    """Whether the ensemble is as it should be: agreed, and every pod ready and of the present template."""
    return agreed(members) and all(member.ready for member in members)


def has_quorum(members: Sequence[Member]) -> bool:
    """Whether a majority of the voters serves."""
    voters = [member for member in members if member.machine.role == "participant"]
    return sum(member.serving for member in voters) > len(voters) // 2


def pod_trouble(pod: Object) -> str:
    """Say in a few words why a pod does not run, empty when it does."""
    if ending(pod):
        return "going away"
    status = pod["status"]
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state = container.get("state") or {}
        waiting, ended = state.get("waiting"), state.get("terminated")
        if waiting and waiting.get("reason") != "PodInitializing":
            return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
        if ended and ended.get("exitCode"):
            return f"{container['name']} ended with exit code {ended['exitCode']}"
    phase = status.get("phase", "Unknown")
    return "" if phase == "Running" else phase


def ended(pod: Object, ran: frozenset[str]) -> bool:
    """Whether a pod was told to end, and its node says that the containers which *ran* then, by id, have since.

    One that had crashed before may be about to be started again, by a node that has not heard of the end yet.
    """
    told = pod["metadata"].get("deletionTimestamp")
    if not told or not ran:
        return False
    asked = _time(told) - timedelta(seconds=pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    states = [(status.get("state") or {}).get("terminated") for status in pod["status"].get("containerStatuses") or ()]
    since = [end for end in states if end and end.get("containerID") in ran and _time(end["finishedAt"]) >= asked]
    return bool(states) and len(since) == len(states)


def running_in(pod: Object) -> frozenset[str]:
    """Give the ids of the containers that run in a pod."""
    statuses = pod["status"].get("containerStatuses") or ()
    return frozenset(s["containerID"] for s in statuses if (s.get("state") or {}).get("running") is not None)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def ending(pod: Object) -> bool:
    """Whether a pod was told to end."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_true(item: Object, condition: str) -> bool:
    """Whether an object's condition is True."""
    found = item.get("status", {}).get("conditions") or ()
    return any(entry["type"] == condition and entry["status"] == "True" for entry in found)


def config_of(pod: Object) -> str:
    """Give the name of the ConfigMap that a pod was started with, empty where it names none."""
    volumes = pod["spec"].get("volumes") or ()
    return next((str(volume["configMap"]["name"]) for volume in volumes if volume["name"] == "config"), "")


def runs(pod: Object) -> bool:
    """Whether a container of the pod runs now."""
    statuses = pod["status"].get("containerStatuses") or ()
    return any((status.get("state") or {}).get("running") is not None for status in statuses)


def node_ips(node: Object) -> tuple[str, ...]:
    """Give a node's internal addresses, IPv4 first; none of a node that tells none."""
    addresses = node.get("status", {}).get("addresses") or ()
    internal = (entry["address"] for entry in addresses if entry["type"] == "InternalIP")
    return tuple(sorted(internal, key=lambda address: ":" in address))


def newest_by_node(pods: Sequence[Object]) -> dict[str, Object]:
    """Give the newest pod of each machine."""
    ordered = sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
    return {_node_name(pod): pod for pod in ordered}


def _node_name(pod: Object) -> str:
    """Give the node a pod is on, or is meant for: a DaemonSet's pod names it while the scheduler keeps it waiting."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ()
    fields = (field for term in terms for field in term.get("matchFields") or () if field["key"] == "metadata.name")
    return str(pod["spec"].get("nodeName") or next((field["values"][0] for field in fields), None))


def differences(old: Any, new: Any, field: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield every field that differs between two objects, as `(path, old, new)`; list items by name or index."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from differences(old.get(key), new.get(key), f"{field}.{key}".lstrip("."))
    elif isinstance(old, list) and isinstance(new, list):
        before, after = _by_name(old), _by_name(new)
        for key in (*before, *(key for key in after if key not in before)):
            yield from differences(before.get(key), after.get(key), f"{field}[{key}]")
    elif old != new:
        yield field, old, new


def _by_name(items: list[Any]) -> dict[str, Any]:
    named = all(isinstance(item, dict) and "name" in item for item in items)
    return {str(item["name"] if named else index): item for index, item in enumerate(items)}
