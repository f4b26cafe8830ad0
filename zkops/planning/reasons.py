"""Why each step is taken, in words for the people who read the plan; pure."""

from collections.abc import Iterator

from zkops.ensemble.summary import lag as behind
from zkops.ensemble.summary import short
from zkops.manifests.roster import Roster
from zkops.planning.state import Place, Standing
from zkops.zookeeper.four_letter import LEADING


def differs(now: Standing, place: Place) -> str:
    """Say what a member runs with, and what it is to run with."""
    found = []
    config = f"{now.rendered.name}-{now.rendered.config_hash}"
    if place.member.config not in {"", config}:
        found.append(f"config {_hash(place.member.config)} → {_hash(config)}")
    if place.member.image not in {"", now.rendered.image}:
        found.append(f"image {short(place.member.image)} → {short(now.rendered.image)}")
    return ", ".join(found) or (
        "its pod was made from a former description" if place.member.stale else "its machine has another address now"
    )


def condition(now: Standing, place: Place) -> str:
    """Say what a member does now, and how far it is behind."""
    if not place.serving:
        return place.member.state.partition(": ")[0]  # the rest is for those who look for the cause
    role = place.mode if place.seat else "follows without a vote"
    leader = next((other.member.server for other in now.places if other.mode in LEADING), None)
    server = place.member.server
    lag = behind(server.zxid if server else None, leader.zxid if leader else None)
    return f"{role}, {lag} transactions behind" if lag else str(role)


def restart(now: Standing, place: Place) -> str:
    """Say why a pod is made anew."""
    why = differs(now, place) if place.outdated else "is to be mended"
    if place.votes and place.serving and len(now.membership.voters) == 1:
        return f"{why}; the only voter: clients wait meanwhile"
    return f"{why}; {condition(now, place)}"


def leave_for_turn(now: Standing, place: Place) -> str:
    """Say why a voter is taken out before its turn."""
    turn = f"its restart ({differs(now, place)})" if place.outdated else "its address changes"
    if place == now.leader:
        return f"last, it leads: another one takes over before {turn}"
    return f"one of two voters: the other goes on alone during {turn}"


def enter(now: Standing, place: Place) -> str:
    """Say what a member's seat becomes."""
    if place.wanted is None:
        raise ValueError(f"{place.host} is not wanted")
    if place.seat is None:
        return (
            "has learnt everything; votes from now on" if place.wanted.role == "participant" else "observes from now on"
        )
    if place.displaced:
        return f"address {_address(place.seat.spec)} → {_address(place.wanted.spec)}; {condition(now, place)}"
    return f"{place.seat.role} → {place.wanted.role}; {condition(now, place)}"


def depart(now: Standing, place: Place) -> str:
    """Say why a member's part in the ensemble ends."""
    leads = "; leader, another one leads from then on" if place == now.leader else f"; {condition(now, place)}"
    return f"is not in the description any more{leads}"


def roster(now: Standing) -> str:
    """Say why the machines are told anew who belongs to the ensemble."""
    live, wanted = now.observed.roster, now.roster()
    if live is None:
        return "is not there; it tells the machines who belongs to the ensemble"
    if live.founders and not wanted.founders:
        return "the first quorum stood: nobody may begin empty any more"
    return f"tell the machines who belongs to it: {'; '.join(_news(live, wanted)) or 'its order'}"


def _news(live: Roster, wanted: Roster) -> Iterator[str]:
    for host in sorted(live.hosts.keys() | wanted.hosts.keys()):
        old, new = live.hosts.get(host), wanted.hosts.get(host)
        if old is None or new is None:
            yield f"{host} is {'new' if new else 'gone'}"
        elif old != new:
            yield f"{host} is to be {new}"
    for number in sorted({seat.id for seat in (*live.membership.seats, *wanted.membership.seats)}):
        before, now = live.membership.seat(number), wanted.membership.seat(number)
        if before != now:
            yield f"server {number} is out" if now is None else f"server {number} is in" if before is None else f"{now}"
    if live.membership.version != wanted.membership.version and live.membership.seats == wanted.membership.seats:
        yield f"the membership has the version {wanted.membership.version:x}"


def _address(spec: str) -> str:
    return spec.replace(":participant", "").replace(":observer", "")


def _hash(name: str) -> str:
    return f"{name.rpartition('-')[2][:4]}…"
