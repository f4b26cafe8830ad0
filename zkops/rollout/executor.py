"""Carries out one step of a plan against the real Kubernetes and the real servers, and waits behind its gate."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace

from zkops.config.cluster import Cluster, Machine
from zkops.core import console
from zkops.core.errors import Failed
from zkops.ensemble.observed import Member, agreed, ended, has_quorum, running_in
from zkops.kube import tunnel as forward
from zkops.kube.client import Kube
from zkops.kube.observe import FORMED, live_roster
from zkops.manifests.daemonset import super_name
from zkops.manifests.objects import Object
from zkops.manifests.render import roster_object
from zkops.manifests.roster import seat_of
from zkops.planning.plan import Step
from zkops.rollout import gate
from zkops.rollout.gate import POLL_SECONDS, Members, Site
from zkops.zookeeper import reconfig as membership
from zkops.zookeeper.membership import Membership

GRACE_SECONDS = 2
"""The server stops at once when told to. On Kubernetes 1.36 the pod is then gone after 2 to 3 s, whatever the grace
period; 1.20, the oldest version supported, may let the whole period pass."""
END_SECONDS = 10.0
"""So long the end of a pod's server is watched for; the gate behind waits longer."""


def carry_out(step: Step, site: Site, members: Members, known: Membership | None) -> None:
    """Carry out one step; *members* and the membership *known* are as observed when the step was planned.

    Raises:
        Spoilt: a member did not come back as it should.
        Failed: the step could not be done; what was done before it stays.
    """
    site.watch.mark(str(step).partition(":")[0])
    match step.action:
        case "restart":
            _restart(step, site, members)
        case "enter" | "leave" if known:
            _reseat(step, site, members, known)
        case "label" if known:
            _change(step, site)
            _until_learnt(step, site)
        case "unlabel":
            _change(step, site)
            _until_gone(step, site, gate.of(step.host, members))
        case "wait":
            return _wait(step, site, members)
        case _:
            _change(step, site)
    return console.say(f"{step.action} {step.target}: {step.reason}")


def _change(step: Step, site: Site) -> None:
    """Change what Kubernetes holds; nobody is waited for."""
    key = site.cluster.kubernetes.node_label
    match step.action:
        case "apply":
            _apply(step, site)
        case "roster" if step.roster:
            site.kube.apply(roster_object(site.cluster, step.roster))
        case "label":
            site.kube.label_node(step.target, key, site.cluster.name)
        case "unlabel":
            site.kube.unlabel_node(step.target, key)
        case "replace":
            site.kube.delete_pod(step.target, grace_seconds=1)  # it serves nobody and never did


def _apply(step: Step, site: Site) -> None:
    found = next(o for o in site.rendered.objects if f"{o['kind']} {o['metadata']['name']}" == step.target)
    applied = site.kube.apply(found)
    if found["kind"] == "DaemonSet":
        _until_seen(applied, site.kube)


def _until_seen(daemonset: Object, kube: Kube) -> None:
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


def _restart(step: Step, site: Site, members: Members) -> None:
    """Replace a member's pod and wait until it is back, in sync, and nobody else is lost."""
    before = gate.of(step.host, members)
    if before.pod:
        _end(before.pod, site)

    def back(now: Members) -> bool:
        member = gate.of(step.host, now)
        if member.uid in {"", before.uid}:
            return False
        if any(gate.relic(other) for other in gate.concerned(now, site)):
            # These have their turn after it, and before there is a quorum it cannot do more than answer.
            return member.serving if has_quorum(now) else member.server is not None
        return member.ready and gate.settled(now, site)

    def hopeless(now: Members) -> str:
        member = gate.of(step.host, now)
        return "" if member.uid == before.uid else gate.hopeless(member)

    gate.until(str(step), back, site, spoilt_by=step.host, hopeless=hopeless, proof=site.proof)


def _end(pod: Object, site: Site) -> None:
    """End a pod; have it forgotten as soon as its node says that the server has ended.

    This is for Kubernetes 1.20, the oldest version supported: a kubelet cleans up before it lets a pod go, and before
    1.22 it checks for that only every ten seconds. A restart took 13 s there and takes 5; on 1.36 this saves nothing.
    """
    name, uid = (str(pod["metadata"][key]) for key in ("name", "uid"))
    ran = running_in(pod)
    site.kube.delete_pod(name, GRACE_SECONDS)
    deadline = time.monotonic() + END_SECONDS
    with contextlib.suppress(Failed):  # the API server restarts: the gate waits for it
        while ran and time.monotonic() < deadline:
            left = [found for found in site.kube.pods(site.cluster.name) if found["metadata"]["uid"] == uid]
            if not left or ended(left[0], ran):
                site.kube.delete_pod(name, 0, uid)
                break
            time.sleep(POLL_SECONDS)


def _until_learnt(step: Step, site: Site) -> None:
    """Wait until a machine that was labelled carries a member that has learnt everything."""
    gate.until(
        f"{step.host} learns, not voting yet",
        lambda now: gate.of(step.host, now).ready and gate.settled(now, site),
        site,
        hopeless=lambda now: gate.hopeless(gate.of(step.host, now)),
    )


def _until_gone(step: Step, site: Site, before: Member) -> None:
    """Wait until the member that left has ended; a machine that is away ends it when it is back."""
    if before.pod and before.node_ready:
        _end(before.pod, site)

    def gone(now: Members) -> bool:
        member = gate.of(step.host, now)
        return not member.pod or not member.node_ready

    gate.until(str(step), gone, site)


def _reseat(step: Step, site: Site, members: Members, known: Membership) -> None:
    """Change the membership by one, and wait until all serve under one leader again."""
    secret = super_name(site.cluster)
    serving = [member for member in members if member.serving]
    # Not through the member itself: it would cut the line it is told on, when leadership moves away from it.
    others = [member.machine for member in serving if member.machine.hostname != step.host]
    with forward.servers(_with(others or [m.machine for m in serving], site.cluster), lambda: site.kube) as servers:
        if step.seat:
            membership.enter(servers, site.password, step.seat, known, secret=secret)
        else:
            number = gate.of(step.host, members).machine.id
            membership.leave(servers, site.password, number, known, secret=secret)
    gate.until(str(step), lambda now: agreed(_alive(now, site)), site)


def _alive(now: Members, site: Site) -> Members:
    """Leave out a member that is down anyway: it is dealt with by a step of its own."""
    return [member for member in gate.concerned(now, site) if member.serving or member.pod_ready]


def _with(machines: Sequence[Machine], cluster: Cluster) -> Cluster:
    return cluster.model_copy(update={"machines": tuple(machines)})


def move_leadership(cluster: Cluster, kube: Kube, password: str, member: Member) -> None:
    """Have another member lead: *member* leaves the membership, and votes again as a follower."""
    others = [machine for machine in cluster.machines if machine.hostname != member.machine.hostname]
    secret = super_name(cluster)
    with forward.servers(_with(others, cluster), lambda: kube) as servers:
        known = membership.read(servers)
        seat = known.seat(member.machine.id)
        left = membership.leave(servers, password, seat.id, known, secret=secret) if seat else known
        # Without a seat it was cut off between the two.
        now = membership.enter(servers, password, seat or seat_of(member.machine, cluster), left, secret=secret)
    if roster := live_roster(cluster.name, kube):
        kube.apply(roster_object(cluster, replace(roster, membership=now)))


def _wait(step: Step, site: Site, members: Members) -> None:
    if not step.host:
        return _until_settled(site)
    before = gate.of(step.host, members)
    leaves = step.host in {machine.hostname for machine in site.leaving}
    if leaves and before.label != site.cluster.name:  # one that has a seat still is needed until it has none
        return _until_gone(step, site, before)
    # Of the new revision, and on a node that works: then it is the revision that spoils it.
    new = before.node_ready and before.pod and not before.stale and not leaves
    return gate.until(str(step), lambda now: gate.of(step.host, now).serving, site, spoilt_by=step.host if new else "")


def _until_settled(site: Site) -> None:
    """Wait until all serve and agree; note the ensemble's first quorum."""
    seen = False

    def done(now: Members) -> bool:
        nonlocal seen
        if not seen and has_quorum(now):
            # From its first quorum on somebody's data may be in it, even if not all members ever come up.
            site.kube.annotate(site.rendered.object("DaemonSet"), FORMED, "true")
            seen = True
        return gate.settled(now, site)

    gate.until(f"waiting until {len(site.cluster.machines)} members serve and agree on one leader", done, site)
