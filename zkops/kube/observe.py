"""Looks at what runs now: objects, nodes, pods, and what each member says of itself; changes nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from zkops.config.cluster import Cluster, Machine
from zkops.core.errors import Failed, ZkopsError
from zkops.ensemble import retained as kept
from zkops.ensemble.observed import Change, Member, Observed, differences, is_true, newest_by_node, runs
from zkops.kube.client import Kube
from zkops.manifests.daemonset import roster_name
from zkops.manifests.objects import Object
from zkops.manifests.render import Rendered
from zkops.manifests.roster import Roster, parse_roster
from zkops.zoocfg.lint.linter import is_secret
from zkops.zookeeper import four_letter as fourletter
from zkops.zookeeper.four_letter import Ask, Srvr
from zkops.zookeeper.membership import Membership, parse_membership

FORMED = "zkops/formed"
"""Annotation of the DaemonSet, set when it first had a quorum: from then on its data is somebody's."""
ROLLING = "zkops/rolling"
"""Annotation of the DaemonSet, set while a change is rolled through a running ensemble: who rolls, and which change."""
DRAINED = "zkops/drained"
"""Annotation of a node whose member was taken out for maintenance: the ensembles' names, with commas."""

_DIRECT_TIMEOUT = 1.0  # seconds; a node port that is filtered must not hold up `status`
_FORWARD_TIMEOUT = 5.0


def observe(cluster: Cluster, rendered: Rendered, kube: Kube) -> Observed:
    """Look at everything that decides what `deploy` has to do; nothing is changed."""
    live = {_name(item): kube.get(item) for item in rendered.objects}
    daemonset = live[_name(rendered.object("DaemonSet"))]
    annotations = daemonset["metadata"].get("annotations") or {} if daemonset else {}
    nodes = kube.nodes()
    roster = live_roster(cluster.name, kube)
    gone = _gone(cluster, roster) if daemonset else ()
    members = observe_members(cluster, kube, nodes, (*cluster.machines, *gone))
    return Observed(
        exists=daemonset is not None,
        formed=FORMED in annotations,
        missing=tuple(name for name, item in live.items() if item is None),
        changes=(*config_changes(rendered, daemonset, kube), *_changes(rendered, live, kube)),
        strangers=_strangers((*cluster.machines, *gone), cluster, nodes),
        members=members[: len(cluster.machines)],
        displaced=kept.displaced(live[_name(rendered.object("ServiceAccount"))], rendered),
        membership=agreed_on(members),
        roster=roster,
        leaving=members[len(cluster.machines) :],
        rolling=ROLLING in annotations,
    )


def live_roster(ensemble: str, kube: Kube) -> Roster | None:
    """Read who belongs to the ensemble as its machines are told; None where there is no such ConfigMap."""
    name = {"name": roster_name(ensemble), "namespace": kube.namespace}
    found = kube.get({"apiVersion": "v1", "kind": "ConfigMap", "metadata": name})
    try:
        return parse_roster(found.get("data") or {}) if found else None
    except ValueError as error:
        raise Failed(
            f"ConfigMap {name['name']} cannot be read: {error}",
            "it was changed by hand; delete it, and `invoke deploy` writes it from what the servers agreed on",
        ) from error


def _gone(cluster: Cluster, roster: Roster | None) -> tuple[Machine, ...]:
    """Give the machines of the roster that the description no longer has."""
    described = {machine.hostname for machine in cluster.machines}
    seats = roster.hosts.items() if roster else ()
    return tuple(
        Machine(hostname=host, ip=seat.ip, id=seat.id, role=seat.role) for host, seat in seats if host not in described
    )


def agreed_on(members: Sequence[Member]) -> Membership | None:
    """Give the membership as the leader tells it, else the newest that any member tells."""
    told = [member for member in members if member.membership]
    leaders = [member for member in told if member.server and member.server.mode in {"leader", "standalone"}]
    newest = max(leaders or told, key=lambda m: m.membership.version if m.membership else 0, default=None)
    return newest.membership if newest else None


def observe_members(
    cluster: Cluster, kube: Kube, nodes: Sequence[Object] | None = None, machines: Sequence[Machine] = ()
) -> tuple[Member, ...]:
    """Look at *machines*, by default those of the description: node, pod and server of each, in their order."""
    machines = machines or cluster.machines
    by_name = {node["metadata"]["name"]: node for node in nodes or kube.nodes()}
    pods = newest_by_node(kube.pods(cluster.name))
    revision = kube.revision(cluster.name)

    def look(machine: Machine) -> Member:
        node = by_name.get(machine.hostname) or {"metadata": {}}
        pod = pods.get(machine.hostname)
        ready = is_true(node, "Ready")
        told = _told(cluster, machine, pod, kube) if ready and pod else Told()
        return Member(
            machine=machine,
            node_ready=ready,
            label=_labels(node).get(cluster.kubernetes.node_label),
            pod=pod,
            stale=pod is not None and _labels(pod).get("controller-revision-hash") != revision,
            server=told.server,
            synced=told.synced,
            membership=told.membership,
            drained=cluster.name in drained_of(node),
        )

    with ThreadPoolExecutor(max_workers=min(16, len(machines))) as pool:
        return tuple(pool.map(look, machines))


def drained_of(node: Object) -> tuple[str, ...]:
    """Give the ensembles whose members `drain` took off a node: there may be several on it."""
    return tuple(filter(None, (node["metadata"].get("annotations") or {}).get(DRAINED, "").split(",")))


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


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a server told of itself; nothing where it could not be asked."""

    server: Srvr | None = None
    synced: int | None = None
    membership: Membership | None = None


def _told(cluster: Cluster, machine: Machine, pod: Object, kube: Kube) -> Told:
    # Without a started container there is nobody to ask, and a port-forward would wait for its timeout.
    if not runs(pod):
        return Told()
    word = ask(cluster, machine, pod, kube)
    try:
        server = fourletter.parse_srvr(word("srvr"))
        if not server.serving:
            return Told(server=server)
        metrics = fourletter.parse_mntr(word("mntr")) if server.mode == "leader" else {}
        membership = parse_membership(fourletter.membership(word("conf")))
    except (OSError, ValueError, ZkopsError):
        return Told()
    counts = [int(metrics.get(name, 0)) for name in ("zk_synced_followers", "zk_synced_observers")]
    return Told(server=server, synced=sum(counts) if metrics else None, membership=membership)


def _strangers(known: Sequence[Machine], cluster: Cluster, nodes: Sequence[Object]) -> tuple[str, ...]:
    carriers = (n["metadata"]["name"] for n in nodes if _labels(n).get(cluster.kubernetes.node_label) == cluster.name)
    return tuple(sorted(set(carriers) - {machine.hostname for machine in known}))


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
                yield _change(_name(item), field, old, new, hidden=item["kind"] == "Secret")


def config_changes(rendered: Rendered, daemonset: Object | None, kube: Kube) -> Iterator[Change]:
    """Compare the configuration that the DaemonSet names now with the wanted one, line by line."""
    volumes = daemonset["spec"]["template"]["spec"].get("volumes") or () if daemonset else ()
    name = next((volume["configMap"]["name"] for volume in volumes if volume.get("configMap")), None)
    wanted = rendered.object("ConfigMap")
    if name and name != wanted["metadata"]["name"]:
        live = kube.get(wanted | {"metadata": wanted["metadata"] | {"name": name}}) or {"data": {}}
        for field, old, new in differences(_lines(live["data"]), _lines(wanted["data"])):
            yield _change(f"ConfigMap {name}", field, old, new, hidden=is_secret(field.removeprefix("zoo.cfg.")))


def _change(name: str, field: str, old: Any, new: Any, *, hidden: bool) -> Change:
    # What was not there, or will not be, says so also where the value is nobody's to see.
    live, wanted = ("(secret)" if hidden and value is not None else value for value in (old, new))
    return Change(object=name, field=field, live=live, wanted=wanted)


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
