"""Carries a plan out, one gated step at a time, watched by a client, and undoes what spoils a member."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from zkops.config.cluster import Cluster
from zkops.core import console
from zkops.core.errors import BadInput, Failed, Refused, RolledBack, Spoilt, ZkopsError
from zkops.ensemble.observed import config_of, node_ips
from zkops.kube import lease
from zkops.kube.client import Kube
from zkops.kube.observe import observe
from zkops.manifests.objects import Object
from zkops.manifests.render import Rendered, password
from zkops.planning.plan import Plan
from zkops.planning.planner import plan
from zkops.rollout import history, permissions
from zkops.rollout import rollback as former
from zkops.rollout.converge import converge
from zkops.rollout.guard import Watch, watching
from zkops.rollout.options import Wish
from zkops.rollout.recorder import Record, recorded
from zkops.zookeeper.heartbeat.result import Beats


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a deploy did."""

    changed: bool
    steps: tuple[str, ...] = ()
    seconds: float = 0.0
    connect_string: str
    heartbeat: Beats | None = None
    """What a client saw meanwhile; None where nothing was done that it could have noticed."""
    report: str | None = None
    """The page that tells all of it; None where nothing was done, or it could not be written."""

    def sentence(self) -> str:
        """Say what was done, and how clients connect."""
        done = f"deployed in {self.seconds:.0f} s" if self.changed else "nothing to do: everything is as described"
        return "\n".join(filter(None, (done, str(self.heartbeat or ""), f"connect string: {self.connect_string}")))


def planned(cluster: Cluster, rendered: Rendered, kube: Kube, *, repair: bool = False) -> Plan:
    """Tell what a deploy would do now; nothing is changed.

    Raises:
        BadInput: a machine is not a node of this Kubernetes.
        Refused: it would not be safe.
    """
    check_nodes(cluster, kube.nodes())
    return plan(rendered, observe(cluster, rendered, kube), repair=repair)


def deploy(cluster: Cluster, rendered: Rendered, kube: Kube, wish: Wish) -> Report:
    """Bring the ensemble to what is described, or see that there is nothing to do.

    Raises:
        BadInput: a machine is not a node of this Kubernetes.
        Refused: it would not be safe, or somebody else is at it.
        RolledBack: a member did not come back, or clients waited too long; everything is as it was before.
        Failed: a step could not be done; says which, why and what to do.
    """
    started = time.monotonic()
    todo = planned(cluster, rendered, kube, repair=wish.repair)
    if not todo.steps:
        return Report(changed=False, connect_string=cluster.connect_string)
    _confirm(todo, cluster, wish)
    permissions.demand(todo.steps, kube)
    for warning in todo.warnings:
        console.warn(warning)
    with lease.hold(kube, cluster, wish.doing) as held:
        with recorded(cluster, rendered, kube, wish, todo) as record:
            _watched(cluster, rendered, kube, wish, todo, held, record)
        _sweep(cluster, rendered, kube)
    return Report(
        changed=True,
        steps=tuple(record.steps),
        seconds=time.monotonic() - started,
        connect_string=cluster.connect_string,
        heartbeat=record.seen,
        report=str(record.page) if record.page else None,
    )


def _watched(
    cluster: Cluster, rendered: Rendered, kube: Kube, wish: Wish, todo: Plan, held: lease.Held, record: Record
) -> None:
    watch = None
    secret = password(rendered)
    try:
        with watching(cluster, kube, held, wish.max_gap, moves=todo.moves, password=secret, log=record.log) as watch:
            _roll(cluster, rendered, kube, wish, watch, record.steps)
    except ZkopsError:
        if watch and watch.seen:
            console.say(str(watch.seen))
        raise
    finally:
        record.seen = watch.seen if watch else None


def _sweep(cluster: Cluster, rendered: Rendered, kube: Kube) -> None:
    """Delete the configurations that nobody can need again."""
    used = {str(rendered.object("ConfigMap")["metadata"]["name"]), *map(config_of, kube.pods(cluster.name))}
    for name in history.sweep(kube, cluster, frozenset(used)):
        console.say(f"deleted ConfigMap {name}: no revision and no pod names it")


def _confirm(todo: Plan, cluster: Cluster, wish: Wish) -> None:
    if todo.shrinks and wish.confirm != cluster.name:
        raise Refused(
            f"{', '.join(todo.shrinks)} would leave {cluster.name} for good",
            f"if that is meant, run it again with --confirm={cluster.name}",
        )


def _roll(cluster: Cluster, rendered: Rendered, kube: Kube, wish: Wish, watch: Watch, steps: list[str]) -> None:
    """Converge; where a member is spoilt by it, converge to the former revision instead."""
    earlier = former.before(kube, cluster, rendered)
    try:
        converge(cluster, rendered, kube, wish, watch, steps)
    except Spoilt as spoilt:
        if not earlier:
            raise
        console.say(f"undoing: {spoilt.what}", style="yellow")
        watch.forgive()
        try:
            back = replace(wish, repair=True)
            converge(cluster, earlier.rendered, kube, back, watch, steps, proven=True)
        except ZkopsError as error:
            raise Failed(f"{spoilt.what}\nand undoing it failed, too: {error.what}", error.mend) from error
        raise RolledBack(
            f"{spoilt.what}\nundone: every member is on revision {earlier.number} again, image and configuration",
            "remove the cause that is named, then run `invoke deploy` again",
            earlier.number,
        ) from spoilt


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
