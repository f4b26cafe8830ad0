"""What runs now: objects, nodes, pods, and what each member says of itself, put together as plain frozen data."""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from zkops import fourletter, kept
from zkops.cluster import Cluster, Machine
from zkops.errors import ZkopsError
from zkops.fourletter import Ask, Srvr
from zkops.kube import Kube
from zkops.render import Object, Rendered

FORMED = "zkops/formed"
"""Annotation of the DaemonSet, set when all members served for the first time: from then on its data is somebody's."""

_DIRECT_TIMEOUT = 1.0  # seconds; a node port that is filtered must not hold up `status`
_FORWARD_TIMEOUT = 5.0


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field that differs between a live object and the wanted one."""

    object: str
    field: str
    live: Any
    wanted: Any

    def __str__(self) -> str:
        return f"{self.object}: {self.field}: {self.live} → {self.wanted}"


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

    @property
    def serving(self) -> bool:
        """Whether the member serves reads and writes."""
        return bool(self.server and self.server.serving)

    @property
    def ready(self) -> bool:
        """Whether the pod, as Kubernetes sees it, is ready and of the present template."""
        statuses = (self.pod or {}).get("status", {}).get("containerStatuses") or ()
        return not self.stale and bool(statuses) and all(status["ready"] for status in statuses)

    @property
    def silent(self) -> bool:
        """Whether a server runs that could not be asked: it may well serve others."""
        return self.server is None and self.pod is not None and _runs(self.pod)

    @property
    def image(self) -> str:
        """The image of the pod, empty without a pod."""
        return str(self.pod["spec"]["containers"][0]["image"]) if self.pod else ""

    @property
    def state(self) -> str:
        """The member's state in a few words: its mode, or what it lacks."""
        if not self.node_ready:
            return "node not ready"
        if not self.pod:
            return "no pod"
        if self.server and self.server.mode:
            return self.server.mode
        return pod_trouble(self.pod) or (self.server.reason if self.server else "does not answer")


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What runs now."""

    exists: bool
    """Whether there is a DaemonSet of the ensemble's name."""
    formed: bool
    """Whether all its members have once served together."""
    missing: tuple[str, ...]
    """Objects that are not there, as `Kind name`."""
    changes: tuple[Change, ...]
    """Fields of live objects that differ from the wanted ones."""
    strangers: tuple[str, ...]
    """Nodes that carry the ensemble's label and are not in the description."""
    members: tuple[Member, ...]
    displaced: tuple[str, ...] = ()
    """How the description differs from what the stopped ensemble keeps on its machines."""


def observe(cluster: Cluster, rendered: Rendered, kube: Kube) -> Observed:
    """Look at everything that decides what `deploy` has to do; nothing is changed."""
    live = {_name(item): kube.get(item) for item in rendered.objects}
    daemonset = live[_name(rendered.object("DaemonSet"))]
    annotations = daemonset["metadata"].get("annotations") or {} if daemonset else {}
    nodes = kube.nodes()
    return Observed(
        exists=daemonset is not None,
        formed=FORMED in annotations,
        missing=tuple(name for name, item in live.items() if item is None),
        changes=(*_config_changes(rendered, daemonset, kube), *_changes(rendered, live, kube)),
        strangers=_strangers(cluster, nodes),
        members=observe_members(cluster, kube, nodes),
        displaced=kept.displaced(live[_name(rendered.object("ServiceAccount"))], rendered),
    )


def agreed(members: Sequence[Member]) -> bool:
    """Whether all members serve under one leader, and the leader says that all others are in sync with it.

    The zxids cannot tell: a follower that joined an idle ensemble reports 0x0 until the first write.
    """
    leaders = [member for member in members if member.server and member.server.mode in {"leader", "standalone"}]
    if len(leaders) != 1 or not all(member.serving for member in members):
        return False
    return len(members) == 1 or leaders[0].synced == len(members) - 1


def whole(members: Sequence[Member]) -> bool:
    """Whether the ensemble is as it should be: agreed, and every pod ready and of the present template."""
    return agreed(members) and all(member.ready for member in members)


def has_quorum(members: Sequence[Member]) -> bool:
    """Whether a majority of the voters serves."""
    voters = [member for member in members if member.machine.role == "participant"]
    return sum(member.serving for member in voters) > len(voters) // 2


def observe_members(cluster: Cluster, kube: Kube, nodes: Sequence[Object] | None = None) -> tuple[Member, ...]:
    """Look at the machines of the description: node, pod and server of each, in the order of the description."""
    by_name = {node["metadata"]["name"]: node for node in nodes or kube.nodes()}
    pods = newest_by_node(kube.pods(cluster.name))
    revision = kube.revision(cluster.name)

    def look(machine: Machine) -> Member:
        node = by_name.get(machine.hostname)
        pod = pods.get(machine.hostname)
        ready = bool(node) and is_true(node or {}, "Ready")
        server, synced = _server(cluster, machine, pod, kube) if ready and pod else (None, None)
        return Member(
            machine=machine,
            node_ready=ready,
            label=_labels(node or {"metadata": {}}).get(cluster.kubernetes.node_label),
            pod=pod,
            stale=pod is not None and _labels(pod).get("controller-revision-hash") != revision,
            server=server,
            synced=synced,
        )

    with ThreadPoolExecutor(max_workers=min(16, len(cluster.machines))) as pool:
        return tuple(pool.map(look, cluster.machines))


def ask(cluster: Cluster, machine: Machine, pod: Object, kube: Kube) -> Ask:
    """Ask a member directly where its port can be reached from here, else through the Kubernetes API."""
    direct = fourletter.over_tcp(machine.ip, cluster.ports.client, _DIRECT_TIMEOUT)
    forward = kube.ask(pod["metadata"]["name"], cluster.ports.client, _FORWARD_TIMEOUT)

    def either(word: str) -> str:
        try:
            return direct(word)
        except ConnectionRefusedError:  # the node is reached, and nothing listens there
            return ""
        except OSError:
            return forward(word)

    return either


def _server(cluster: Cluster, machine: Machine, pod: Object, kube: Kube) -> tuple[Srvr | None, int | None]:
    # Without a started container there is nobody to ask, and a port-forward would wait for its timeout.
    if not _runs(pod):
        return None, None
    word = ask(cluster, machine, pod, kube)
    try:
        server = fourletter.parse_srvr(word("srvr"))
        metrics = fourletter.parse_mntr(word("mntr")) if server.mode == "leader" else {}
    except (OSError, ZkopsError):
        return None, None
    counts = [int(metrics.get(name, 0)) for name in ("zk_synced_followers", "zk_synced_observers")]
    return server, sum(counts) if metrics else None


def pod_trouble(pod: Object) -> str:
    """Say in a few words why a pod does not run, empty when it does."""
    if pod["metadata"].get("deletionTimestamp"):
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


def is_true(item: Object, condition: str) -> bool:
    """Whether an object's condition is True."""
    found = item.get("status", {}).get("conditions") or ()
    return any(entry["type"] == condition and entry["status"] == "True" for entry in found)


def _runs(pod: Object) -> bool:
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


def _strangers(cluster: Cluster, nodes: Sequence[Object]) -> tuple[str, ...]:
    known = {machine.hostname for machine in cluster.machines}
    carriers = (n["metadata"]["name"] for n in nodes if _labels(n).get(cluster.kubernetes.node_label) == cluster.name)
    return tuple(sorted(set(carriers) - known))


def _labels(item: Object) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}


def _name(item: Object) -> str:
    return f"{item['kind']} {item['metadata']['name']}"


def _changes(rendered: Rendered, live: Mapping[str, Object | None], kube: Kube) -> Iterator[Change]:
    """Compare by asking the server what applying would make of each object: defaults then are no differences."""
    for item in rendered.objects:
        before = live[_name(item)]
        if before is not None:
            after = kube.apply(item, dry_run=True)
            for field, old, new in differences(_comparable(before), _comparable(after)):
                secret = item["kind"] == "Secret"
                shown = ("(secret)", "(secret)") if secret else (old, new)
                yield Change(object=_name(item), field=field, live=shown[0], wanted=shown[1])


def _config_changes(rendered: Rendered, daemonset: Object | None, kube: Kube) -> Iterator[Change]:
    """Compare the configuration that the DaemonSet names now with the wanted one, line by line."""
    volumes = daemonset["spec"]["template"]["spec"].get("volumes") or () if daemonset else ()
    name = next((volume["configMap"]["name"] for volume in volumes if volume.get("configMap")), None)
    wanted = rendered.object("ConfigMap")
    if name and name != wanted["metadata"]["name"]:
        live = kube.get(wanted | {"metadata": wanted["metadata"] | {"name": name}}) or {"data": {}}
        for field, old, new in differences(_lines(live["data"]), _lines(wanted["data"])):
            yield Change(object=f"ConfigMap {name}", field=field, live=old, wanted=new)


def _lines(data: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Split every file of a configuration into its keys and values: `key=value` or `node id`."""
    return {
        name: {m[1]: m[2] for m in re.finditer(r"^([^= ]+)[= ](.*)$", text, re.MULTILINE)}
        for name, text in data.items()
    }


def _comparable(item: Object) -> Object:
    """Leave out what only the server writes."""
    server_side = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")
    metadata = {key: value for key, value in item["metadata"].items() if key not in server_side}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if not k.startswith("deprecated.")}
    metadata["annotations"] = annotations
    return {key: value for key, value in item.items() if key != "status"} | {"metadata": metadata}


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
