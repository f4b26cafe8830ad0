"""Preflight: finds out what the checks need, whatever fails meanwhile, and has them judge it; nothing is changed."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar

from zkops.config.cluster import Cluster
from zkops.core.console import step
from zkops.core.errors import ZkopsError
from zkops.doctor import checks
from zkops.doctor import deep_checks as deepchecks
from zkops.doctor import deep_probe as deepprobe
from zkops.doctor import node_checks as nodechecks
from zkops.doctor import node_probe as nodeprobe
from zkops.doctor.checks import TOLERATED, Finding, Node, Taint, skipped
from zkops.doctor.node_probe import Look, Trouble
from zkops.ensemble.observed import is_true, node_ips
from zkops.images import docker as engine
from zkops.images import image as room
from zkops.images import registry
from zkops.images.registry import Login
from zkops.kube import access as rights
from zkops.kube.client import Kube, byte_count
from zkops.manifests import monitoring
from zkops.manifests.objects import Object, named

T = TypeVar("T")

ENGINE_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """All findings."""

    name: str
    healthy: bool
    """Whether no check failed."""
    findings: tuple[Finding, ...]

    def headline(self) -> str:
        """Count the findings by state, in one sentence."""
        states = [finding.state for finding in self.findings]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(("ok", *sorted(states))))
        return f"{self.name}: {counts}"

    def table(self) -> list[tuple[str, str, str, str]]:
        """Give the rows as text."""
        return [finding.row() for finding in self.findings]


def examine(cluster: Cluster, *, deep: bool = False) -> Diagnosis:
    """Run every check, the *deep* ones that write to the machines' disks too; one that cannot run is a finding."""
    with step(f"examining what {cluster.name} needs") as current:
        current.update("Docker and the registry")
        here, image = _here(cluster)
        current.update("Kubernetes, and the machines' disks" if deep else "Kubernetes")
        rest = _attempt(lambda: tuple(_there(cluster, image, deep=deep)))
    # Data and log often share what is wrong with their disk: once is enough.
    findings = tuple(dict.fromkeys((*here, *((checks.kubernetes(rest),) if isinstance(rest, Trouble) else rest))))
    healthy = all(finding.state != "failed" for finding in findings)
    return Diagnosis(name=cluster.name, healthy=healthy, findings=findings)


def _attempt(look: Callable[[], T]) -> T | Trouble:
    try:
        return look()
    except ZkopsError as error:
        return Trouble(what=error.what, mend=error.mend)
    except Exception as error:
        return Trouble(what=f"{type(error).__name__}: {error}", mend="this is a defect of ours; report it")


def _here(cluster: Cluster) -> tuple[list[Finding], str | Trouble]:
    """Check what is near the operator; give the image for the looks at the nodes too, or why there is none."""
    version = _attempt(_engine_version)
    wanted = _attempt(lambda: room.wanted(cluster))
    if isinstance(wanted, Trouble):
        return [checks.engine(version), checks.image("image.reference", wanted, ready_made=True)], wanted
    if isinstance(version, Trouble):
        left = [skipped(name, cluster.registry.domain, "is asked through Docker") for name in ("registry", "image")]
        return [checks.engine(version), *left], _recorded(cluster)
    user = _attempt(lambda: registry.login(cluster))
    digest = user if isinstance(user, Trouble) else _attempt(lambda: _digest(cluster, wanted.tagged, user))
    findings = [
        checks.engine(version),
        checks.registry(cluster, digest, user.username if isinstance(user, Login) else None),
        checks.image(wanted.tagged, digest, ready_made=bool(cluster.image.reference)),
    ]
    return findings, f"{wanted.repository}@{digest}" if isinstance(digest, str) else _recorded(cluster)


def _recorded(cluster: Cluster) -> str | Trouble:
    """Give the image as the last push recorded it: the nodes may reach the registry where this machine does not."""
    known = room.known(cluster)
    missing = Trouble(what="need the image in the registry", mend="run `invoke build push`", tried=False)
    return known if "@" in known else missing


def _engine_version() -> str:
    with closing(engine.connect(timeout=ENGINE_SECONDS)) as client:
        return str(client.version()["Version"])


def _digest(cluster: Cluster, tagged: str, user: Login | None) -> str | None:
    registry.check_scheme(cluster)
    with closing(engine.connect(timeout=ENGINE_SECONDS)) as client:
        return registry.digest(client, tagged, cluster, user)


def _there(cluster: Cluster, image: str | Trouble, *, deep: bool) -> Iterator[Finding]:
    kube = _attempt(lambda: Kube(cluster))
    before = time.time()
    answer = kube if isinstance(kube, Trouble) else _attempt(kube.version)
    now = (before + time.time()) / 2
    if isinstance(kube, Trouble) or isinstance(answer, Trouble):
        yield checks.kubernetes(answer if isinstance(answer, Trouble) else answer[0])
        yield skipped("rights, nodes", "API server", "need Kubernetes")
        return
    version, date = answer
    yield checks.kubernetes(version)
    yield from _server_clock(date, now)
    needed = rights.needed(cluster, namespace_exists=_namespace_exists(cluster, kube), version=version)
    yield from checks.rights(needed, _attempt(lambda: rights.missing(needed, kube)))
    yield from _kinds(cluster, kube)
    yield from _nodes(cluster, kube, image, deep=deep)


def _server_clock(date: str, now: float) -> Iterator[Finding]:
    try:
        # The header has whole seconds, cut off.
        yield nodechecks.clock("API server", parsedate_to_datetime(date).timestamp() + 0.5 - now)
    except ValueError:
        yield skipped("clock", "API server", "its answers carry no time")


def _kinds(cluster: Cluster, kube: Kube) -> Iterator[Finding]:
    """Whether Kubernetes knows what it does not bring itself: rights are had also to kinds that are not there."""
    for kind in monitoring.kinds(cluster):
        known = _attempt(partial(kube.get, named(monitoring.OPERATOR, kind, cluster)))
        yield checks.told("kinds", "API server", known if isinstance(known, Trouble) else "", f"knows {kind}")


def _namespace_exists(cluster: Cluster, kube: Kube) -> bool:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.kubernetes.namespace}}
    return isinstance(_attempt(lambda: kube.get(namespace)), dict)


def _nodes(cluster: Cluster, kube: Kube, image: str | Trouble, *, deep: bool) -> Iterator[Finding]:
    objects = _attempt(kube.nodes)
    if isinstance(objects, Trouble):
        yield checks.told("nodes", "API server", objects, "")
        return
    # Who may not list the pods of others does without: then only the looks from inside tell who has a port.
    pods = _attempt(lambda: kube.objects("Pod"))
    others = () if isinstance(pods, Trouble) else pods
    nodes = {item["metadata"]["name"]: read_node(cluster, item, others) for item in objects}
    for machine in cluster.machines:
        yield from checks.node(cluster, machine, nodes)
    yield from checks.strangers(cluster, nodes)
    here = {machine.hostname: nodes[machine.hostname] for machine in cluster.machines if machine.hostname in nodes}
    looks = _looks(cluster, kube, image, [name for name, found in here.items() if found.ready])
    for name, found in here.items():
        yield from _inside(cluster, found, looks.get(name, Trouble(what="need a node that is ready", tried=False)))
    if deep:
        seen = {name: one for name, one in looks.items() if isinstance(one, Look)}
        yield from deepchecks.judge(cluster, here, seen, _measured(cluster, kube, image, seen))


def read_node(cluster: Cluster, item: Object, pods: tuple[Object, ...]) -> Node:
    """Read what counts of a node, and of the pods that run on it."""
    name = str(item["metadata"]["name"])
    alive = [pod for pod in pods if pod["spec"].get("nodeName") == name and pod["status"].get("phase") == "Running"]
    own = [pod for pod in alive if _is_own(cluster, pod)]
    others = [pod for pod in alive if not _is_own(cluster, pod)]
    taints = [taint for taint in item["spec"].get("taints") or () if taint["key"] not in TOLERATED]
    return Node(
        name=name,
        ips=node_ips(item),
        ready=is_true(item, "Ready"),
        label=(item["metadata"].get("labels") or {}).get(cluster.kubernetes.node_label),
        taints=tuple(
            Taint(key=taint["key"], value=taint.get("value") or "", effect=taint["effect"])
            for taint in taints
            if taint["effect"] != "PreferNoSchedule"
        ),
        memory=byte_count((item["status"].get("allocatable") or {}).get("memory", "0")),
        asked=sum(map(_memory_asked, others)),
        holders={port: _full_name(pod) for pod in others for port in _host_ports(pod)},
        own_pod=bool(own),
    )


def _is_own(cluster: Cluster, pod: Object) -> bool:
    labels = pod["metadata"].get("labels") or {}
    mine = labels.get("app.kubernetes.io/instance") == cluster.name
    return mine and pod["metadata"]["namespace"] == cluster.kubernetes.namespace


def _full_name(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _memory_asked(pod: Object) -> int:
    requests = ((container.get("resources") or {}).get("requests") or {} for container in pod["spec"]["containers"])
    return sum(byte_count(asked["memory"]) for asked in requests if "memory" in asked)


def _host_ports(pod: Object) -> Iterator[int]:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            if port.get("hostPort") and port.get("protocol", "TCP") == "TCP":
                yield int(port["hostPort"])


def _looks(cluster: Cluster, kube: Kube, image: str | Trouble, ready: list[str]) -> Mapping[str, Look | Trouble]:
    if isinstance(image, Trouble):
        return dict.fromkeys(ready, image)
    machines = [machine for machine in cluster.machines if machine.hostname in ready]
    found = _attempt(lambda: nodeprobe.look(cluster, _placed(cluster, kube), image, registry.login(cluster), machines))
    return dict.fromkeys(ready, found) if isinstance(found, Trouble) else found


def _measured(
    cluster: Cluster, kube: Kube, image: str | Trouble, seen: Mapping[str, Look]
) -> Mapping[str, deepprobe.Deep | Trouble]:
    if isinstance(image, Trouble):
        return {}
    looks = {machine: seen[machine.hostname] for machine in cluster.machines if machine.hostname in seen}
    found = _attempt(lambda: deepprobe.look(cluster, _placed(cluster, kube), image, registry.login(cluster), looks))
    return dict.fromkeys(seen, found) if isinstance(found, Trouble) else found


def _placed(cluster: Cluster, kube: Kube) -> Kube:
    """Give Kubernetes for pods that look: before the first deploy its namespace is not there, nor made for a look."""
    namespace = cluster.kubernetes.namespace if _namespace_exists(cluster, kube) else "default"
    settings = cluster.kubernetes.model_copy(update={"namespace": namespace})
    return Kube(cluster.model_copy(update={"kubernetes": settings}))


def _inside(cluster: Cluster, here: Node, seen: Look | Trouble) -> Iterator[Finding]:
    if isinstance(seen, Trouble):
        yield from nodechecks.unseen(here.name, seen)
    yield from nodechecks.ports(cluster, here, seen)
    yield nodechecks.memory(cluster, here)
    if isinstance(seen, Look):
        yield from (nodechecks.disk(here.name, place) for place in seen.places)
        yield nodechecks.clock(here.name, seen.skew)
