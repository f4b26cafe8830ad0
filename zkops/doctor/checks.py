"""The checks of `invoke doctor`, pure: what was found out → findings, each with its cause and its mend."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from zkops.config.cluster import Cluster, Machine, Toleration
from zkops.doctor.node_probe import Trouble
from zkops.kube.access import Right, together

State = Literal["ok", "warning", "failed", "skipped"]
HEADERS = ("Check", "Where", "State", "What and mend")

# The DaemonSet controller adds these to every pod on the host's network.
_SELF_TOLERATED = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
TOLERATED = frozenset({f"node.kubernetes.io/{name}" for name in (*_SELF_TOLERATED, "network-unavailable")})


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One row of the doctor's table."""

    check: str
    where: str
    state: State
    what: str
    mend: str = ""

    def row(self) -> tuple[str, str, str, str]:
        """Give the row as text."""
        return self.check, self.where, self.state, f"{self.what}; mend: {self.mend}" if self.mend else self.what


@dataclass(frozen=True, kw_only=True)
class Taint:
    """What keeps pods off a node."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, kw_only=True)
class Node:
    """What Kubernetes tells of one node."""

    name: str
    ips: tuple[str, ...]
    ready: bool
    label: str | None
    """The value that the ensemble's label has here."""
    taints: tuple[Taint, ...] = ()
    memory: int = 0
    """Bytes that pods may ask for in all."""
    asked: int = 0
    """Bytes that the pods of others ask for."""
    holders: Mapping[int, str]
    """Port of the host → the pod of somebody else that declares it."""
    own_pod: bool = False
    """Whether a member's server runs here now."""


def engine(version: str | Trouble) -> Finding:
    """Whether the Docker Engine answers."""
    return told("docker", "this machine", version, f"the Docker Engine answers, version {version}")


def registry(cluster: Cluster, answer: str | Trouble | None, user: str | None) -> Finding:
    """Whether the registry answers and takes the credentials; *answer* is the image's digest, None without one."""
    domain = cluster.registry.domain
    login = f"takes the login of {user}" if user else "wants no login to read"
    finding = told("registry", domain, answer or "", f"answers and {login}")
    local = domain.partition(":")[0] in {"localhost", "127.0.0.1"}
    if finding.state == "ok" and cluster.registry.plain_http and not local:
        what = f"{finding.what}, over plain HTTP: anybody on the way can read the password and change the image"
        return Finding(check="registry", where=domain, state="warning", what=what, mend="give the registry TLS")
    return finding


def image(tagged: str, digest: str | Trouble | None, *, ready_made: bool) -> Finding:
    """Whether the image is in the registry; that ours is not there yet is a warning: `build push` comes next."""
    if isinstance(digest, Trouble):
        return skipped("image", tagged, "the registry does not tell")
    if digest:
        return Finding(check="image", where=tagged, state="ok", what=f"is in the registry as {digest[:19]}")
    mend = "mend image.reference, or push that image" if ready_made else "run `invoke build push`"
    state: State = "failed" if ready_made else "warning"
    return Finding(check="image", where=tagged, state=state, what="has not been pushed", mend=mend)


def kubernetes(version: str | Trouble) -> Finding:
    """Whether the API server answers."""
    return told("kubernetes", "API server", version, f"answers, version {version}")


def rights(needed: Mapping[Right, str], missing: Sequence[Right] | Trouble) -> Iterator[Finding]:
    """Name every right that this user lacks; what only some tasks need is a warning."""
    if isinstance(missing, Trouble):
        yield told("rights", "API server", missing, "")
        return
    for tasks in dict.fromkeys(needed[right] for right in missing):
        lacking = together(right for right in missing if needed[right] == tasks)
        state: State = "failed" if {"deploy", "status"} & set(tasks.split()) else "warning"
        names = ", ".join(f"`{task}`" for task in tasks.split())
        mend = f"let an administrator grant it, {names} cannot work without"
        yield Finding(check="rights", where="API server", state=state, what=f"may not {'; '.join(lacking)}", mend=mend)
    if not missing:
        yield Finding(check="rights", where="API server", state="ok", what=f"has all {len(needed)} rights needed")


def node(cluster: Cluster, machine: Machine, nodes: Mapping[str, Node]) -> Iterator[Finding]:
    """Whether the machine is a node as described, ready, labelled for nobody else, and lets the member in."""
    here = machine.hostname
    found = nodes.get(here)
    if not found:
        mend = f"its nodes are {', '.join(sorted(nodes)) or 'none'}; write a node's name as hostname"
        yield Finding(check="node", where=here, state="failed", what="is not a node of this Kubernetes", mend=mend)
        return
    problems = [
        Finding(check="node", where=here, state="failed", what=what, mend=mend)
        for what, mend in _node_problems(cluster, machine, found)
    ]
    labelled = "labelled" if found.label else "`deploy` will label it"
    yield from problems or [Finding(check="node", where=here, state="ok", what=f"ready at {machine.ip}, {labelled}")]


def _node_problems(cluster: Cluster, machine: Machine, found: Node) -> Iterator[tuple[str, str]]:
    if found.ips and machine.ip not in found.ips:
        actual = ", ".join(found.ips)
        yield f"has the ip {machine.ip} in the description and {actual} in Kubernetes", f"write ip: {found.ips[0]}"
    if not found.ready:
        yield "is not ready", "bring the node back, see `kubectl describe node`"
    label = cluster.kubernetes.node_label
    if found.label not in {None, cluster.name}:
        yield (
            f"carries {label}={found.label}, so it belongs to the ensemble {found.label}",
            f"set another kubernetes.node_label, or `kubectl label node {found.name} {label}-`",
        )
    for taint in found.taints:
        if not any(_tolerates(one, taint) for one in cluster.kubernetes.tolerations):
            shown = f"{taint.key}={taint.value}:{taint.effect}".replace("=:", ":")
            yield (
                f"has the taint {shown}, which keeps the member off",
                f"add {{key: {taint.key}, effect: {taint.effect}}} to kubernetes.tolerations, or take the taint away",
            )


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    return (
        toleration.key in {None, taint.key}
        and toleration.effect in {None, taint.effect}
        and (toleration.operator == "Exists" or (toleration.value or "") == taint.value)
    )


def strangers(cluster: Cluster, nodes: Mapping[str, Node]) -> Iterator[Finding]:
    """Name nodes that carry the ensemble's label and are not in its description."""
    known = {machine.hostname for machine in cluster.machines}
    label = cluster.kubernetes.node_label
    for found in nodes.values():
        if found.label == cluster.name and found.name not in known:
            yield Finding(
                check="node",
                where=found.name,
                state="failed",
                what=f"carries {label}={cluster.name} and is not in the description",
                mend=f"add it to machines, or `kubectl label node {found.name} {label}-`",
            )


def told(check: str, where: str, answer: str | Trouble, good: str) -> Finding:
    """Give the finding of a check that is good as soon as it got an answer."""
    if isinstance(answer, Trouble):
        return Finding(check=check, where=where, state="failed", what=answer.what, mend=answer.mend)
    return Finding(check=check, where=where, state="ok", what=good)


def skipped(check: str, where: str, why: str) -> Finding:
    """Give the finding of a check that could not run."""
    return Finding(check=check, where=where, state="skipped", what=why)
