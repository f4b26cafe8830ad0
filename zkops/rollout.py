"""Carries a plan out against the real Kubernetes and waits until the ensemble serves."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from zkops import causes, console, rights
from zkops.cluster import Cluster
from zkops.errors import BadInput, Failed
from zkops.kube import Kube
from zkops.observe import FORMED, observe, observe_members
from zkops.observed import Member, has_quorum, node_ips, pod_trouble, whole
from zkops.plan import Step, plan
from zkops.render import Object, Rendered

POLL_SECONDS = 0.5
LOG_LINES = 200
"""So far back the cause is looked for; five lines are shown, of this many characters."""
WIDTH = 240


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
    rights.demand(todo.steps, kube)
    for item in todo.steps:
        _carry_out(item, cluster, rendered, kube, timeout)
    return Report(
        changed=any(item.action != "wait" for item in todo.steps),
        steps=tuple(map(str, todo.steps)),
        seconds=time.monotonic() - started,
        connect_string=cluster.connect_string,
    )


def check_nodes(cluster: Cluster, nodes: Sequence[Object]) -> None:
    """Refuse machines that are no nodes, or whose address is another than the node's."""
    addresses = {str(node["metadata"]["name"]): node_ips(node) for node in nodes}
    for machine in cluster.machines:
        if machine.hostname not in addresses:
            raise BadInput(
                f"machines: {machine.hostname} is not a node of this Kubernetes",
                f"its nodes are {', '.join(sorted(addresses))}; write a node's name as hostname",
            )
        actual = addresses[machine.hostname]
        if actual and machine.ip not in actual:
            raise BadInput(
                f"machines: {machine.hostname} has the ip {machine.ip} here and {', '.join(actual)} in Kubernetes",
                f"write ip: {actual[0]}",
            )


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
    formed = False
    with console.step(f"waiting until {len(cluster.machines)} members serve and agree on one leader") as step:
        while True:
            late = time.monotonic() > deadline
            try:
                members = observe_members(cluster, kube)
                if not formed and has_quorum(members):
                    # From its first quorum on somebody's data may be in it, even if not all members ever come up.
                    kube.annotate(rendered.object("DaemonSet"), FORMED, "true")
                    formed = True
            except Failed as error:  # an API server that restarts meanwhile is no reason to give up early
                if late:
                    mend = f"{error.mend}; then run `invoke deploy` again, it goes on from here"
                    raise Failed(f"after {timeout:.0f} s of waiting for the members: {error.what}", mend) from error
                step.update(error.what)
            else:
                if whole(members):
                    return
                if late:
                    raise _too_late(cluster, members, kube, timeout)
                step.update(", ".join(f"{member.machine.hostname} {member.state}" for member in members))
            time.sleep(POLL_SECONDS)


def _too_late(cluster: Cluster, members: Sequence[Member], kube: Kube, timeout: float) -> Failed:
    lacking = "\n".join(_why(member, cluster, kube) for member in members if not (member.serving and member.ready))
    return Failed(
        f"after {timeout:.0f} s not all members of {cluster.name} serve:\n"
        + (lacking or "    all serve, but they do not agree on one leader"),
        "remove the cause that is named, then run `invoke deploy` again; it goes on from here",
    )


def _why(member: Member, cluster: Cluster, kube: Kube) -> str:
    """Tell of one member: its state, the last warnings of Kubernetes, and the last log lines, as far as can be had."""
    lines = [f"    {member.machine.hostname} (id {member.machine.id}, {member.machine.ip}): {member.state}"]
    if not member.node_ready:
        return "\n".join([*lines, "      bring the node back, or see `kubectl describe node`"])
    try:
        if not member.pod:
            warnings = _warnings(cluster.name, kube)
            cause = causes.known(warnings, cluster.ports) or "has the node a taint? see kubernetes.tolerations"
            return "\n".join([*lines, *warnings, f"      cause: no pod was placed here: {cause}"])
        name = str(member.pod["metadata"]["name"])
        container = "prepare-data" if pod_trouble(member.pod).startswith("prepare-data") else "zookeeper"
        log = kube.logs(name, container=container, lines=LOG_LINES).splitlines()
        log = log or kube.logs(name, container=container, lines=LOG_LINES, previous=True).splitlines()
        warnings = _warnings(name, kube)
        cause = causes.known([*log, *warnings, member.state], cluster.ports)
        told = [f"      cause: {cause}"] if cause else [f"      log: {line[:WIDTH]}" for line in log[-5:]]
        return "\n".join([*lines, *warnings, *told])
    except Failed as error:
        return "\n".join([*lines, f"      {error.what}"])


def _warnings(name: str, kube: Kube) -> list[str]:
    found = (event for event in kube.events(name) if event.get("type") == "Warning")
    told = (f"      event: {event.get('reason')}: {' '.join(str(event.get('message')).split())}" for event in found)
    return list(dict.fromkeys(told))[-3:]  # the same words come again and again
