"""`delete`: the members end, then their data is removed from every machine, then what Kubernetes knows of them."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from zkops.commands import stop as halt
from zkops.commands.wipe_pod import Wiped, cleaner, outcome
from zkops.config.cluster import Cluster, Machine
from zkops.core import console
from zkops.core.errors import BadInput, Failed, Refused
from zkops.ensemble import observed
from zkops.ensemble import retained as kept
from zkops.ensemble.retained import Kept
from zkops.images import image
from zkops.kube.client import Kube
from zkops.manifests import monitoring, render
from zkops.manifests.daemonset import super_name
from zkops.manifests.objects import Object, named

HEADERS = ("Node", "State", "Files", "Freed", "Note")
MEND = {
    "away": "run `invoke delete` again when it is back; where it never comes back, after `kubectl delete node`",
    "refused": "see on that machine what it is, remove it by hand, then run `invoke delete` again",
    "failed": "remove the cause, then run `invoke delete` again",
}


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """What a delete freed, and whether it is finished."""

    name: str
    finished: bool
    nodes: tuple[Wiped, ...]

    def headline(self) -> str:
        """Say how far it is."""
        return f"{self.name} is deleted" if self.finished else f"{self.name} is not deleted everywhere"

    def table(self) -> list[list[str]]:
        """Give a row a machine."""
        return [[row.node, row.state, str(row.files), amount(row.bytes), row.note] for row in self.nodes]

    def check(self) -> None:
        """Raise `Failed` where it is not finished."""
        left = [row for row in self.nodes if row.state in MEND]
        if left:
            told = "; ".join(f"{row.node}: {row.note or row.state}" for row in left)
            raise Failed(f"the data of {self.name} is not removed everywhere: {told}", MEND[left[0].state])


def confirm(cluster: Cluster, given: str) -> None:
    """See that the ensemble's name was given, on the command line or now on the terminal.

    Raises:
        BadInput: it was not, or another; nothing is touched.
    """
    if not given and not sys.stdin.isatty():
        raise BadInput(f"deleting {cluster.name} with all its data must be confirmed", f"pass --confirm={cluster.name}")
    if not given:
        hosts = ", ".join(machine.hostname for machine in cluster.machines)
        console.say(f"This removes {cluster.name} and all its data, {' and '.join(directories(cluster))} on {hosts}.")
        console.say(f"Nothing brings it back. Type the name {cluster.name} to go on:")
        given = sys.stdin.readline().strip()
    if given != cluster.name:
        raise BadInput(
            f"{given!r} is not the ensemble's name, nothing was touched", f"give {cluster.name}, exactly as it is"
        )


def directories(cluster: Cluster) -> list[str]:
    """Give the directories that are removed on every machine."""
    parents = dict.fromkeys((cluster.paths.data, cluster.paths.log or cluster.paths.data))
    return [f"{parent}/{cluster.name}" for parent in parents]


def delete(cluster: Cluster, kube: Kube, timeout: float) -> Deletion:
    """Stop the ensemble, wipe its machines, and remove its objects when all are wiped; *timeout* in seconds, per part.

    Raises:
        Refused: data is kept where the description does not say, or on a node that it does not name.
    """
    daemonset = kube.get(named("apps/v1", "DaemonSet", cluster))
    account = kube.get(named("v1", "ServiceAccount", cluster))
    if not daemonset and not account:
        console.say(f"there is no {cluster.name} in this Kubernetes, nothing to delete")
        return Deletion(name=cluster.name, finished=True, nodes=())
    found = _kept(cluster, daemonset, account, kube)
    refuse_abandoned(cluster, found, kube.nodes())
    if account:
        halt.note(found, cluster, kube)
    halt.stop(cluster, kube, timeout, for_good=True)
    rows = _wipe(cluster, found.image, kube, timeout)
    finished = all(row.state in {"wiped", "gone"} for row in rows)
    if finished:
        _remove_objects(cluster, kube)
    return Deletion(name=cluster.name, finished=finished, nodes=rows)


def _kept(cluster: Cluster, daemonset: Object | None, account: Object | None, kube: Kube) -> Kept:
    """Tell where the data is and mark it as being deleted: `deploy` then no longer starts what is left."""
    found = halt.of_live(daemonset, kube) if daemonset else kept.noted(account)
    if not found:  # its deploy was cut off before any member started
        found = kept.wanted(render.render(cluster, image.resolve(cluster).pinned))
    return replace(found, deleting=True)


def refuse_abandoned(cluster: Cluster, found: Kept, nodes: Sequence[Object]) -> None:
    """Refuse a description by which data that is *found* would stay on a machine."""
    now = kept.wanted(render.render(cluster, found.image))
    left = sorted(kept.abandoned(found, now))
    key = cluster.kubernetes.node_label
    for node in nodes:
        name = node["metadata"]["name"]
        carries = (node["metadata"].get("labels") or {}).get(key) == cluster.name
        if carries and name not in now.members and name not in found.members:
            left.append(f"{name} carries the label {key}={cluster.name} and is not in the description")
    if left:
        raise Refused(
            f"data of {cluster.name} would be left behind:\n    " + "\n    ".join(left),
            "describe it as it was deployed, or take the label off a node that is not its own",
        )


def _wipe(cluster: Cluster, reference: str, kube: Kube, timeout: float) -> tuple[Wiped, ...]:
    """Run one cleaner on every machine that answers, all at once, and gather what they tell."""
    deadline = time.monotonic() + timeout
    done: dict[str, Wiped] = {}
    started: set[str] = set()
    with console.step(f"removing the data from {len(cluster.machines)} machines") as step:
        while len(done) < len(cluster.machines):
            nodes = {node["metadata"]["name"]: node for node in kube.nodes()}
            busy = {halt.on(pod) for pod in kube.pods(cluster.name)}
            for machine in cluster.machines:
                host = machine.hostname
                if host not in done:
                    pod = cleaner(cluster, machine, reference)
                    row = _unable(machine, nodes, busy) or _advance(pod, host, started, kube)
                    row = row or (_late(pod, host, kube) if time.monotonic() > deadline else None)
                    if row:
                        done[host] = row
                        kube.delete_pod(pod["metadata"]["name"], grace_seconds=0)
            step.update(f"{len(done)} done")
            time.sleep(halt.POLL_SECONDS)
    return tuple(done[machine.hostname] for machine in cluster.machines)


def _unable(machine: Machine, nodes: dict[str, Object], busy: set[str]) -> Wiped | None:
    """Tell why a machine cannot be wiped: away, gone from Kubernetes, or a member may still run on it."""
    host = machine.hostname
    if host not in nodes:
        return Wiped(node=host, state="gone", note="is no longer a node of this Kubernetes")
    if not observed.is_true(nodes[host], "Ready"):
        return Wiped(node=host, state="away", note="the machine does not answer")
    return Wiped(node=host, state="away", note="a member still runs there") if host in busy else None


def _advance(pod: Object, host: str, started: set[str], kube: Kube) -> Wiped | None:
    """Start the cleaner where it is not, in place of one of an earlier run, and read what it tells."""
    name = str(pod["metadata"]["name"])
    live = kube.get(pod)
    if host in started:
        return outcome(host, live) if live else Wiped(node=host, state="failed", note=f"pod {name} was removed")
    if live:
        kube.delete_pod(name, grace_seconds=0)
    else:
        kube.apply(pod)
        started.add(host)
    return None


def _late(pod: Object, host: str, kube: Kube) -> Wiped:
    live = kube.get(pod) or pod | {"status": {}}
    warnings = [
        str(event.get("message")) for event in kube.events(pod["metadata"]["name"]) if event.get("type") != "Normal"
    ]
    why = observed.pod_trouble(live) or "it is still at work"
    return Wiped(node=host, state="failed", note=" ".join(f"{why} {' '.join(warnings[-1:])}".split()))


def _remove_objects(cluster: Cluster, kube: Kube) -> None:
    """Remove what Kubernetes knows of the ensemble; the ServiceAccount last: it tells that work is left."""
    key = cluster.kubernetes.node_label
    for node in kube.nodes():
        if (node["metadata"].get("labels") or {}).get(key) == cluster.name:
            kube.unlabel_node(node["metadata"]["name"], key)
    for config in kube.config_maps(cluster.name):
        kube.delete(config)
    secret = named("v1", "Secret", cluster)
    pull = cluster.pull_secret if cluster.registry.credentials else None
    for name in filter(None, (super_name(cluster), pull)):
        kube.delete(secret | {"metadata": secret["metadata"] | {"name": name}})
    for kind in monitoring.kinds(cluster):
        kube.delete(named(monitoring.OPERATOR, kind, cluster))
    kube.delete(named("coordination.k8s.io/v1", "Lease", cluster))
    kube.delete(named("v1", "Service", cluster))
    kube.delete(named("v1", "ServiceAccount", cluster))


def amount(size: int) -> str:
    """Write bytes for people."""
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
