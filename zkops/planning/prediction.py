"""What a step leads to if all goes well, so that a plan can show the steps after it; pure."""

from collections.abc import Callable
from dataclasses import replace

from zkops.ensemble.observed import Member, Observed
from zkops.manifests.objects import Object
from zkops.manifests.render import Rendered
from zkops.planning.plan import Step
from zkops.planning.state import Standing, becomes_stale, template_changes
from zkops.zookeeper.four_letter import Srvr
from zkops.zookeeper.membership import Membership


def after(step: Step, now: Standing) -> Observed:
    """Give what will be observed once *step* is carried out."""
    observed = now.observed
    match step.action:
        case "apply":
            return _applied(step.target, observed, now.rendered)
        case "roster":
            # Members that never served read the roster when they start: those that run read a former one.
            told = observed if now.formed else _each(observed, lambda member: replace(member, stale=bool(member.pod)))
            return replace(told, roster=step.roster)
        case "wait":
            return _waited(step, now)
        case "enter" | "leave":
            return _led(replace(observed, membership=_next(_reseated(step, now)), rolling=True), now.rendered)
        case _:
            return _moved(step, now)


def _reseated(step: Step, now: Standing) -> Membership:
    if step.seat:
        return now.membership.entered(step.seat)
    return now.membership.left(now.at(step.host).id)


def _moved(step: Step, now: Standing) -> Observed:
    """Give what follows a pod's beginning or end."""
    serves = now.quorum or (step.action == "restart" and now.revived(now.at(step.host)))

    def moved(member: Member) -> Member:
        if step.action == "unlabel":
            # On a lost node the pod stays until the node is back, or is taken out of Kubernetes.
            return replace(member, label=None, server=None, pod=None if member.node_ready else member.pod)
        return _started(member, now.rendered, serves=serves)

    done = _only(step.host, now.observed, moved)
    done = replace(done, rolling=done.rolling or step.action == "restart")
    # Where a quorum was lacking it stands now, and those that only waited for it serve again.
    return _led(done, now.rendered, everybody=not now.quorum) if serves else done


def _waited(step: Step, now: Standing) -> Observed:
    ending = [place for place in now.leaving if place.host == step.host and not place.labelled]
    if ending:
        return _only(step.host, now.observed, lambda member: replace(member, pod=None, server=None))
    serving = _each(now.observed, lambda m: m if m.label is None else replace(m, server=m.server or _server()))
    first = now.membership if now.membership.version else _next(now.membership)
    return _led(replace(serving, formed=True, membership=first), now.rendered, everybody=True)


def _applied(name: str, observed: Observed, rendered: Rendered) -> Observed:
    done = replace(
        observed,
        exists=observed.exists or name.startswith("DaemonSet "),
        missing=tuple(other for other in observed.missing if other != name),
        changes=tuple(change for change in observed.changes if change.object != name),
    )
    if not name.startswith("DaemonSet ") or not template_changes(observed):
        return done
    return _each(done, lambda m: replace(m, stale=becomes_stale(m, observed, rendered)))


def _started(member: Member, rendered: Rendered, *, serves: bool) -> Member:
    server = _server() if serves else Srvr(mode=None, zxid=None, version=None, connections=0, reason="starts")
    return replace(member, label=rendered.name, pod=_pod(rendered), stale=False, server=server)


def _server() -> Srvr:
    return Srvr(mode="follower", zxid=None, version=None, connections=0)


def _pod(rendered: Rendered) -> Object:
    return {
        "metadata": {"name": rendered.name},
        "spec": {
            "containers": [{"name": "zookeeper", "image": rendered.image}],
            "volumes": [{"name": "config", "configMap": {"name": f"{rendered.name}-{rendered.config_hash}"}}],
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "zookeeper", "ready": True, "state": {"running": {}}}],
        },
    }


def _led(observed: Observed, rendered: Rendered, *, everybody: bool = False) -> Observed:
    """Let the leader lead on while it votes, else another voter; and the others follow or observe."""
    now = Standing(rendered, observed)
    running = [place for place in now.places if place.serving or (everybody and place.member.server)]
    voters = sorted((p for p in running if p.votes), key=lambda p: (p.mode != "leader", p.outdated, not p.wanted, p.id))
    leader = voters[0].host if voters else ""
    roles = {place.host: "observer" if place.seat and not place.votes else "follower" for place in running}
    modes = roles | ({leader: "leader"} if leader else {})
    zxid = next((place.member.server.zxid for place in running if place.member.server), None)

    def led(member: Member) -> Member:
        mode = modes.get(member.machine.hostname)
        if not mode:
            return member
        server = replace(member.server or _server(), mode=mode, reason="")
        server = replace(server, zxid=zxid if server.zxid is None else server.zxid)
        return replace(member, server=server, synced=len(running) - 1 if mode == "leader" else None)

    return _each(observed, led)


def _next(membership: Membership) -> Membership:
    return replace(membership, version=membership.version + 1)


def _each(observed: Observed, change: Callable[[Member], Member]) -> Observed:
    return replace(
        observed,
        members=tuple(map(change, observed.members)),
        leaving=tuple(map(change, observed.leaving)),
    )


def _only(host: str, observed: Observed, change: Callable[[Member], Member]) -> Observed:
    return _each(observed, lambda member: change(member) if member.machine.hostname == host else member)
