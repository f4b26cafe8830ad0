"""Whether an ensemble is fit for a change: refuses with what lacks and how to mend it; pure."""

from collections.abc import Iterable

from zkops.core.errors import Refused
from zkops.ensemble.observed import pod_trouble
from zkops.planning.state import Place, Standing

COMING = frozenset({"", "Pending", "going away"})
"""What is said of a pod that will serve by waiting."""


def check_claims(now: Standing) -> None:
    """Refuse nodes that somebody else uses.

    Raises:
        Refused: naming them.
    """
    name = now.rendered.name
    strangers = sorted(set(now.observed.strangers) - {place.host for place in now.leaving})
    if strangers:
        raise Refused(
            f"nodes {', '.join(strangers)} carry the label of {name} and are not in its description",
            "add them to machines, or take the label off them with kubectl label",
        )
    for member in now.observed.members:
        if member.label not in {None, name}:
            raise Refused(
                f"node {member.machine.hostname} carries a member of the ensemble {member.label}",
                "set another kubernetes.node_label for this ensemble: its label would take the node from the other",
            )


def check_stopped(now: Standing) -> None:
    """Refuse to start a stopped ensemble as another one than it was.

    Raises:
        Refused: saying what differs.
    """
    name = now.rendered.name
    if now.observed.displaced:
        raise Refused(
            f"{name} was stopped, and cannot be started on its data like this:\n    "
            + "\n    ".join(now.observed.displaced),
            "go back to the machines, ids, roles and paths it was stopped with; or end it with `invoke delete`",
        )


def check_change(now: Standing) -> None:
    """Refuse what cannot be rolled through a running ensemble.

    Raises:
        Refused: saying what, and what can be done instead.
    """
    paths = [str(change) for change in now.observed.changes if "hostPath" in change.field]
    if paths:
        raise Refused(
            f"the members of {now.rendered.name} would look for their data elsewhere:\n    " + "\n    ".join(paths),
            "go back to the paths it was deployed with",
        )
    _check_ids(now)
    _check_client_port(now)
    if now.observed.membership is None and any(place.serving for place in now.places):
        raise Refused(
            f"{now.rendered.name} serves, and none of its members tells who belongs to it",
            "see `invoke status` and `invoke logs`, then run it again",
        )
    drained = [place.host for place in now.places if place.wanted and place.member.drained]
    if drained:
        raise Refused(
            f"{', '.join(drained)}: drained, its member is out for maintenance",
            f"run `invoke undrain --node={drained[0]}` first",
        )


def _check_client_port(now: Standing) -> None:
    """Half-way through such a change clients would need to know both ports, and so would we."""
    places = [place for place in now.places if place.seat and place.wanted and place.seat.client != place.wanted.client]
    if places:
        raise Refused(
            f"the clients of {now.rendered.name} would have to find it on another port, each member at another moment",
            "go back to the client port it was deployed with; or run `invoke stop`, then `invoke deploy`, which keeps"
            " the data and interrupts the clients",
        )


def _check_ids(now: Standing) -> None:
    live = now.observed.roster.hosts if now.observed.roster else {}
    for place in now.places:
        known = live.get(place.host)
        if place.wanted and known and known.id != place.id:
            raise Refused(
                f"{place.host} has the data of id {known.id}, the description says id {place.id}",
                f"write id: {known.id}; an id stays with its machine for the life of the data",
            )
    for place in now.joining:
        user = now.in_the_way(place)
        if user and user.member.pod and not user.member.node_ready:
            raise Refused(
                f"{place.host} is to have the id or the address of {user.host}, whose node is not ready: its server may"
                " still run",
                f"give {place.host} others; or switch {user.host} off for good, then `kubectl delete node {user.host}`",
            )


def check(now: Standing, *, repair: bool) -> None:
    """Refuse to change an ensemble that is not whole.

    One broken member may be mended where somebody asks for it, or where a change was begun already.

    Raises:
        Refused: naming each member that lacks, with its state.
    """
    broken, quorum = now.broken, now.quorum
    bringing = [place for place in now.places if place.wanted and place.seat and not place.here]
    if not (changing(now) or repair) or (not broken and (quorum or bringing)):
        return
    _check_nodes(now, broken)
    begun = now.observed.rolling or repair
    if len(broken) == 1 and (_mendable(now, broken[0]) if begun else quorum and broken[0].displaced):
        return
    if begun and now.relics and (quorum or now.revived(*now.relics)):
        return
    if broken and all(_coming(place) for place in broken) and _patient(now, broken):
        return
    _refuse(now, broken, begun=begun)


def changing(now: Standing) -> bool:
    """Whether a running member is to change. A renewed Secret touches none."""
    if any(not change.object.startswith("Secret ") for change in now.observed.changes):
        return True
    return any(
        place.outdated or place.seat != place.wanted if place.wanted else place.seat or place.labelled
        for place in now.places
    )


def _mendable(now: Standing, place: Place) -> bool:
    """Whether a quorum stands, or would stand with this one: a pod that does not serve has none to take away."""
    return now.quorum if now.quorum or now.serving else now.revived(place)


def _coming(place: Place) -> bool:
    return place.member.pod is None or pod_trouble(place.member.pod) in COMING


def _patient(now: Standing, broken: Iterable[Place]) -> bool:
    """Whether waiting is all that is needed before a change goes on: in its middle, or when all machines started."""
    if now.observed.rolling:
        return True
    return not now.quorum and not now.observed.changes and not any(place.outdated for place in broken)


def _check_nodes(now: Standing, broken: Iterable[Place]) -> None:
    lost = [place for place in broken if not place.member.node_ready]
    if lost:
        hosts = ", ".join(place.host for place in lost)
        raise Refused(
            f"{now.rendered.name} is not whole:\n{_states(lost)}",
            f"bring the node back; or take {hosts} out of machines, and the others go on without it",
        )


def _refuse(now: Standing, broken: tuple[Place, ...], *, begun: bool) -> None:
    name = now.rendered.name
    if not now.quorum:
        lacking = [place for place in now.places if place.votes and not place.serving]
        raise Refused(
            f"{name} has no quorum, no change of it is safe now:\n{_states(lacking)}",
            "bring these members back, see `invoke status` and `invoke logs`; then run `invoke deploy` again",
        )
    if len(broken) > 1 or begun:
        raise Refused(
            f"{name} lacks more than one member:\n{_states(broken)}",
            "bring all but one back, see `invoke logs`; the last one is mended by `invoke deploy --repair`",
        )
    raise Refused(
        f"{name} is not whole:\n{_states(broken)}",
        "wait until it serves again, or mend it with `invoke deploy --repair`",
    )


def _states(places: Iterable[Place]) -> str:
    return "\n".join(f"    {place.host} (id {place.id}): {place.member.state}" for place in places)
