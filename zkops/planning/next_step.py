"""The one next step of a running ensemble, from how it stands now: one member at a time, the leader last; pure."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from zkops.core.errors import Refused
from zkops.ensemble.observed import pod_trouble
from zkops.planning import reasons
from zkops.planning.plan import Step
from zkops.planning.state import Place, Standing
from zkops.zookeeper.membership import Seat


def next_step(now: Standing, *, repair: bool) -> Step | None:
    """Give the step that is safe now and leads towards what is described, None where nothing is left.

    Raises:
        Refused: no order of steps is safe.
    """
    if not now.quorum:
        return _mend(now, repair=repair)
    step = (
        _settle(now)
        or _first(_bury, now.leaving, now)
        or _mend(now, repair=repair)
        or _join(now, repair=repair)
        or _promote(now)
        or _first(_renew, _followers_first(now), now)
        or _first(_part, _departures(now), now)
    )
    if step is None:
        _check_end(now)
    return step


Look = Callable[[Standing, Place], Step | None]


def _first(look: Look, places: Iterable[Place], now: Standing) -> Step | None:
    return next(filter(None, (look(now, place) for place in places)), None)


def _followers_first(now: Standing) -> list[Place]:
    """Those whose loss costs nothing first: observers, then followers, the leader last."""
    return sorted(now.places, key=lambda place: (place == now.leader, place.votes))


def _departures(now: Standing) -> list[Place]:
    """Those first whose id or address a joining voter waits for: it can vote before the others leave."""
    voting = (place for place in now.joining if place.wanted and place.wanted.role == "participant")
    users = [now.in_the_way(place) for place in voting]
    return sorted(_followers_first(now), key=lambda place: place not in users)


def _settle(now: Standing) -> Step | None:
    return None if now.leader else _wait(now, "its members must agree on one leader first")


def _bury(now: Standing, place: Place) -> Step | None:
    """Let a leaving member go that does not serve; then take it off its machine."""
    if place.seat and not place.serving and now.stands(now.membership.left(place.id)):
        return _leave(place, reasons.depart(now, place))
    if place.labelled and not place.seat:
        return Step(action="unlabel", target=place.host, host=place.host, reason="is not in the description any more")
    return None


def _mend(now: Standing, *, repair: bool) -> Step | None:
    """Bring a broken member back before anything else moves."""
    if not now.broken:
        return None
    place, *others = now.broken
    if now.relics and (others or not now.quorum):
        return _restart(now, now.relics[0])
    if now.quorum and place.displaced and place.seat and place.wanted and not now.taken(place.wanted):
        return _enter(now, place, replace(place.wanted, role=place.seat.role))
    if now.quorum and place == now.leader and len(now.membership.voters) > 1:
        return _leave(place, "leads, and cannot be asked; another one leads before it is mended")
    if not others and place.member.pod and (place.outdated or repair):
        return _restart(now, place)
    return _wait(now, f"{place.host} must serve first: {place.member.state}", place)


def _join(now: Standing, *, repair: bool) -> Step | None:
    """Bring one new member at a time from its label to its seat."""
    held_up = None
    for place in now.joining:
        user = now.in_the_way(place)
        if not user and not (place.wanted and now.taken(place.wanted) and place.serving):
            return _admit(now, place, repair=repair)
        if user and not user.seat and not user.labelled:
            why = f"its pod must end before {place.host} takes its id or its address"
            held_up = held_up or _wait(now, f"{user.host}: {why}", user)
    return held_up


def _admit(now: Standing, place: Place, *, repair: bool) -> Step:
    member = place.member
    if not member.node_ready:
        raise Refused(
            f"{place.host} cannot join {now.rendered.name}: {member.state}",
            f"bring the node back, or take {place.host} out of machines",
        )
    if not place.labelled:
        reason = "joins, and learns first, without a vote"
        return Step(action="label", target=place.host, host=place.host, reason=reason)
    spoilt = repair and not place.serving and member.pod and (pod_trouble(member.pod) or member.silent)
    if member.pod and (place.outdated or spoilt):
        return _restart(now, place)
    if not place.serving:
        return _wait(now, f"{place.host} must learn everything first: {member.state}", place)
    if place.wanted is None or (place.wanted.role == "participant" and place.mode == "observer"):
        return _wait(now, f"{place.host} must follow before it votes: an observer's word would not count", place)
    return _enter(now, place, place.wanted)


def _promote(now: Standing) -> Step | None:
    """Take out observers that are to vote: outside they follow, and then their word counts for entering."""
    for place in now.places:
        if place.wanted and place.seat and (place.seat.role, place.wanted.role) == ("observer", "participant"):
            return _leave(place, "observer → participant; follows first, then votes")
    return None


def _renew(now: Standing, place: Place) -> Step | None:
    """Bring one member that serves to its described role, address and pod."""
    if place.wanted is None or place.seat is None:
        return None
    voters = len(now.membership.voters)
    if place.votes and place.wanted.role == "observer":
        return _enter(now, place, place.wanted) if _may_observe(now, place, place.wanted) else None
    alone = place.votes and voters == 1
    if not (place.outdated or (place.displaced and not alone and not now.taken(place.wanted))):
        return None
    # A leader would take clients with it, and of two voters each is needed for a quorum: these go out for their turn.
    if place.votes and not alone and (place == now.leader or voters == 2):
        return _leave(place, reasons.leave_for_turn(now, place))
    if place.displaced and not alone and not now.taken(place.wanted):
        return _enter(now, place, place.wanted)
    return _restart(now, place)


def _may_observe(now: Standing, place: Place, seat: Seat) -> bool:
    """Whether a voter may give its vote up: not where the only one left still needs another."""
    after = now.membership.entered(seat)
    left = [other for other in now.places if other.votes and other.id != place.id]
    waiting = len(left) == 1 and (left[0].displaced or left[0].outdated or not left[0].wanted)
    return now.stands(after) and not now.taken(seat) and not waiting


def _part(now: Standing, place: Place) -> Step | None:
    """Let a leaving member go that serves."""
    if place.wanted or not place.seat or not now.stands(now.membership.left(place.id)):
        return None
    return _leave(place, reasons.depart(now, place))


def _check_end(now: Standing) -> None:
    """Refuse what no safe step leads to."""
    undone = [place for place in now.places if place.seat != place.wanted]
    alone = [place for place in undone if place.votes and len(now.membership.voters) == 1]
    for place in alone:
        raise Refused(
            f"{place.host} is the only voter of {now.rendered.name}: without it nobody could agree to the change",
            "let another machine vote first: add one to machines, with an id and an address of its own, and deploy",
        )
    for place in undone:
        raise Refused(
            f"{place.host} cannot get {place.wanted}: another member has its id or its address",
            "change one of them to a free id or address first, deploy, then change the other",
        )


def _enter(now: Standing, place: Place, seat: Seat) -> Step:
    after = now.membership.entered(seat)
    if not (now.quorum and now.stands(after)):
        _refuse_unsafe(now, f"{place.host} as {seat}")
    return Step(action="enter", target=place.host, host=place.host, seat=seat, reason=reasons.enter(now, place))


def _leave(place: Place, reason: str) -> Step:
    return Step(action="leave", target=place.host, host=place.host, reason=reason)


def _restart(now: Standing, place: Place) -> Step:
    alone = len(now.membership.voters) == 1
    if place.votes and now.quorum and not alone and not now.stands(now.membership, without=place.id):
        _refuse_unsafe(now, f"a restart of {place.host}")
    return Step(action="restart", target=place.host, host=place.host, reason=reasons.restart(now, place))


def _wait(now: Standing, reason: str, place: Place | None = None) -> Step:
    return Step(action="wait", target=now.rendered.name, host=place.host if place else "", reason=reason)


def _refuse_unsafe(now: Standing, what: str) -> None:
    raise Refused(
        f"{now.rendered.name} would have no serving majority of voters with {what}",
        "bring the members back that do not serve, see `invoke status`; then run `invoke deploy` again",
    )
