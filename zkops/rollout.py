"""Carries a plan out against the real Kubernetes and waits until the ensemble serves."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from zkops import console
from zkops.cluster import Cluster
from zkops.errors import BadInput, Failed
from zkops.kube import Kube
from zkops.observe import FORMED, Member, node_ip, observe, observe_members, pod_trouble
from zkops.plan import Step, plan
from zkops.render import Object, Rendered

POLL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a deploy did."""

    changed: bool
    steps: tuple[str, ...]
    seconds: float
    connect_string: str

    def sentence(self) -> str:
        """Say what was done, and how clients connect."""
        done = f"deployed in {self.seconds:.0f} s" if self.changed else "nothing to do: everything is as described"
        return f"{done}\nconnect string: {self.connect_string}"


def deploy(cluster: Cluster, rendered: Rendered, kube: Kube, timeout: float) -> Report:
    """Bring a new ensemble up, or see that there is nothing to do; *timeout* in seconds for the members to serve.

    Raises:
        BadInput: a machine is not a node of this Kubernetes.
        Refused: the ensemble runs and would have to change.
        Failed: not all members serve in time; says which, why and what to do.
    """
    started = time.monotonic()
    check_nodes(cluster, kube.nodes())
    todo = plan(rendered, observe(cluster, rendered, kube))
    for item in todo.steps:
        _carry_out(item, cluster, rendered, kube, timeout)
    return Report(
        changed=bool(todo.steps),
        steps=tuple(map(str, todo.steps)),
        seconds=time.monotonic() - started,
        connect_string=cluster.connect_string,
    )


def check_nodes(cluster: Cluster, nodes: Sequence[Object]) -> None:
    """Refuse machines that are no nodes, or whose address is another than the node's."""
    addresses = {node["metadata"]["name"]: node_ip(node) for node in nodes}
    for machine in cluster.machines:
        if machine.hostname not in addresses:
            raise BadInput(
                f"machines: {machine.hostname} is not a node of this Kubernetes",
                f"its nodes are {', '.join(sorted(addresses))}; write a node's name as hostname",
            )
        actual = addresses[machine.hostname]
        if actual not in {machine.ip, None}:
            raise BadInput(
                f"machines: {machine.hostname} has the ip {machine.ip} here and {actual} in Kubernetes",
                f"write ip: {actual}",
            )


def agreed(members: Sequence[Member]) -> bool:
    """Whether all members serve under one leader, and the leader says that all others are in sync with it.

    The zxids cannot tell: a follower that joined an idle ensemble reports 0x0 until the first write.
    """
    leaders = [member for member in members if member.server and member.server.mode in {"leader", "standalone"}]
    if len(leaders) != 1 or not all(member.serving for member in members):
        return False
    return len(members) == 1 or leaders[0].synced == len(members) - 1


def _carry_out(item: Step, cluster: Cluster, rendered: Rendered, kube: Kube, timeout: float) -> None:
    match item.action:
        case "apply":
            found = next(o for o in rendered.objects if f"{o['kind']} {o['metadata']['name']}" == item.target)
            applied = kube.apply(found)
            if found["kind"] == "DaemonSet":
                _wait_until_seen(applied, kube)
            console.say(f"applied {item.target}: {item.reason}")
        case "label":
            kube.label_node(item.target, cluster.kubernetes.node_label, cluster.name)
            console.say(f"labelled node {item.target} {cluster.kubernetes.node_label}={cluster.name}")
        case "replace":
            kube.delete_pod(item.target, grace_seconds=1)  # it serves nobody and never did
            console.say(f"replaced pod {item.target}: {item.reason}")
        case "wait":
            _wait_until_agreed(cluster, rendered, kube, timeout)


def _wait_until_seen(daemonset: Object, kube: Kube) -> None:
    """Until its controller has seen the new template, a deleted pod would be made anew from the former one."""
    deadline = time.monotonic() + 60
    generation = daemonset["metadata"]["generation"]
    while (kube.get(daemonset) or {}).get("status", {}).get("observedGeneration", 0) < generation:
        if time.monotonic() > deadline:
            raise Failed(
                "the DaemonSet controller of this Kubernetes does not act on a new DaemonSet for 60 s",
                "see whether kube-controller-manager runs, then run `invoke deploy` again",
            )
        time.sleep(0.1)


def _wait_until_agreed(cluster: Cluster, rendered: Rendered, kube: Kube, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    with console.step(f"waiting until {len(cluster.machines)} members serve and agree on one leader") as step:
        while True:
            late = time.monotonic() > deadline
            try:
                members = observe_members(cluster, kube)
            except Failed as error:  # an API server that restarts meanwhile is no reason to give up early
                if late:
                    raise
                step.update(error.what)
            else:
                if agreed(members) and all(map(_ready, members)):
                    break
                if late:
                    raise _too_late(cluster, members, kube, timeout)
                step.update(", ".join(f"{member.machine.hostname} {member.state}" for member in members))
            time.sleep(POLL_SECONDS)
    kube.annotate(rendered.object("DaemonSet"), FORMED, "true")


def _too_late(cluster: Cluster, members: Sequence[Member], kube: Kube, timeout: float) -> Failed:
    lacking = "\n".join(_why(member, cluster, kube) for member in members if not (member.serving and _ready(member)))
    return Failed(
        f"after {timeout:.0f} s not all members of {cluster.name} serve:\n"
        + (lacking or "    all serve, but they do not agree on one leader"),
        "remove the cause that is named, then run `invoke deploy` again; it goes on from here",
    )


def _ready(member: Member) -> bool:
    """Whether the pod, as Kubernetes sees it, is ready and of the present template."""
    statuses = (member.pod or {}).get("status", {}).get("containerStatuses") or ()
    return not member.stale and bool(statuses) and all(status["ready"] for status in statuses)


def _why(member: Member, cluster: Cluster, kube: Kube) -> str:
    """Tell of one member: its state, the last warnings of Kubernetes, and the last log lines, as far as can be had."""
    lines = [f"    {member.machine.hostname} (id {member.machine.id}, {member.machine.ip}): {member.state}"]
    if not member.node_ready:
        return "\n".join([*lines, "      bring the node back, or see `kubectl describe node`"])
    try:
        if not member.pod:
            hint = "      no pod was placed here: has the node a taint? see kubernetes.tolerations"
            return "\n".join([*lines, *_warnings(cluster.name, kube), hint])
        name = str(member.pod["metadata"]["name"])
        container = "prepare-data" if pod_trouble(member.pod).startswith("prepare-data") else "zookeeper"
        log = kube.logs(name, container=container, lines=5).splitlines()
        return "\n".join([*lines, *_warnings(name, kube), *(f"      log: {line}" for line in log)])
    except Failed as error:
        return "\n".join([*lines, f"      {error.what}"])


def _warnings(name: str, kube: Kube) -> list[str]:
    found = [event for event in kube.events(name) if event.get("type") == "Warning"][-3:]
    return [f"      event: {event.get('reason')}: {event.get('message')}" for event in found]
