"""How the ensemble stands: every machine with the seat it has and the seat it is to have, and who votes; pure."""

from dataclasses import dataclass, replace
from functools import cached_property

from zkops.ensemble.observed import Member, Observed
from zkops.manifests.render import Rendered
from zkops.manifests.roster import Roster
from zkops.zookeeper.four_letter import LEADING
from zkops.zookeeper.membership import Membership, Seat


@dataclass(frozen=True, kw_only=True)
class Place:
    """One machine and its member."""

    member: Member
    seat: Seat | None
    """In the membership now; None of a member that has no part in it."""
    wanted: Seat | None
    """As described; None of a machine that leaves."""
    labelled: bool

    @property
    def host(self) -> str:
        """The node's name."""
        return self.member.machine.hostname

    @property
    def id(self) -> int:
        """The member's id."""
        return self.member.machine.id

    @property
    def serving(self) -> bool:
        """Whether the member serves reads and writes: then it has the data."""
        return self.member.serving

    @property
    def mode(self) -> str | None:
        """What the member says it is."""
        return self.member.server.mode if self.member.server else None

    @property
    def votes(self) -> bool:
        """Whether the member has a vote now."""
        return self.seat is not None and self.seat.role == "participant"

    @property
    def here(self) -> bool:
        """Whether anything of a member is on the machine still, or comes to it."""
        return self.labelled or self.member.pod is not None

    @property
    def outdated(self) -> bool:
        """Whether its pod must be made anew: from the present template, or for the machine's present address."""
        status = (self.member.pod or {}).get("status", {})
        started, now = status.get("podIP"), status.get("hostIP")
        # Of a pod on the host's network Kubernetes keeps the address it started with.
        return self.member.stale or bool(started and now and started != now)

    @property
    def displaced(self) -> bool:
        """Whether its seat is to have another address."""
        return bool(self.seat and self.wanted and replace(self.seat, role=self.wanted.role) != self.wanted)


def template_changes(observed: Observed) -> tuple[str, ...]:
    """Give the fields of the pods' template that differ from the described ones: applying it restarts nobody yet."""
    fields = (change.field for change in observed.changes if change.object.startswith("DaemonSet "))
    return tuple(field for field in fields if field.startswith("spec.template"))


def becomes_stale(member: Member, observed: Observed, rendered: Rendered) -> bool:
    """Whether a pod is one of a former template once the described one is applied.

    Not where image and configuration are as described already: then it is the last change that is taken back.
    """
    fields = template_changes(observed)
    usual = all(field.endswith((".image", ".configMap.name")) for field in fields)
    described = (member.image, member.config) == (rendered.image, f"{rendered.name}-{rendered.config_hash}")
    return bool(fields and member.pod) and not (usual and described)


class Standing:
    """The ensemble as observed, beside what is wanted."""

    def __init__(self, rendered: Rendered, observed: Observed) -> None:
        self.rendered, self.observed = rendered, observed
        live = observed.roster.membership if observed.roster else rendered.roster.membership
        self.membership: Membership = observed.membership or live
        wanted = tuple(self._place(member, wanted=True) for member in observed.members)
        self.places: tuple[Place, ...] = (*wanted, *(self._place(member, wanted=False) for member in observed.leaving))

    @cached_property
    def serving(self) -> frozenset[int]:
        """Ids of the members that serve, with a seat or without."""
        return frozenset(place.id for place in self.places if place.serving)

    @cached_property
    def quorum(self) -> bool:
        """Whether a majority of those who vote now serves."""
        return self.stands(self.membership)

    def stands(self, membership: Membership, *, without: int = 0) -> bool:
        """Whether a membership would have a serving majority, also *without* an id."""
        return len(membership.voters & (self.serving - {without})) >= membership.majority

    @cached_property
    def leader(self) -> Place | None:
        """The one that leads; None while that is not clear."""
        leading = [place for place in self.places if place.serving and place.mode in LEADING]
        # Where the others follow somebody, and just one cannot be asked, that one leads.
        silent = [place for place in self.places if place.votes and place.member.silent]
        found = leading or silent
        return found[0] if len(found) == 1 and found[0].votes else None

    @property
    def formed(self) -> bool:
        """Whether it has a quorum or once had one: from then on nobody may begin empty."""
        return self.observed.formed or (self.observed.membership is not None and self.quorum)

    @property
    def broken(self) -> tuple[Place, ...]:
        """Described members that have a seat and do not serve; not those whose machine only lacks its label.

        Without a quorum nobody serves, and nobody tells the membership: then it is those that do not even answer, where
        there are any: voters, also those that are to leave but not on lost nodes, and those without a known seat.
        """
        if self.quorum:
            return tuple(place for place in self.places if place.wanted and place.seat and self._fails(place))
        known = (p for p in self.places if (p.wanted and (p.votes or not p.seat)) or (p.votes and p.member.node_ready))
        failing = [place for place in known if self._fails(place)]
        silent = [place for place in failing if place.member.server is None]
        return tuple(silent or failing)

    @property
    def answering(self) -> frozenset[int]:
        """Ids of the members that answer, whether or not they serve."""
        return frozenset(place.id for place in self.places if place.member.server)

    @property
    def relics(self) -> tuple[Place, ...]:
        """Dead members of another revision, voters first: it may be what killed them, and all can be made anew."""
        dead = (place for place in self.places if place.seat and place.member.dead)
        found = (place for place in dead if self._renewed(place) and not place.displaced)
        return tuple(sorted(found, key=lambda place: not place.votes))

    def _renewed(self, place: Place) -> bool:
        return place.outdated or becomes_stale(place.member, self.observed, self.rendered)

    def at(self, host: str) -> Place:
        """Give the place on a machine."""
        return next(place for place in self.places if place.host == host)

    def revived(self, *places: Place) -> bool:
        """Whether the voters that answer would be a majority with the members of *places* among them."""
        back = self.answering | {place.id for place in places}
        return len(self.membership.voters & back) >= self.membership.majority

    @property
    def joining(self) -> tuple[Place, ...]:
        """Described members that have no seat yet, those already on their machine first."""
        found = (place for place in self.places if place.wanted and not place.seat)
        return tuple(sorted(found, key=lambda place: not place.here))

    @property
    def leaving(self) -> tuple[Place, ...]:
        """Members that the description no longer has."""
        return tuple(place for place in self.places if not place.wanted)

    def in_the_way(self, place: Place) -> Place | None:
        """Give the leaving machine that still uses the id or the address that *place* is to have."""
        users = (other for other in self.leaving if other.here or other.seat)
        ip = place.member.machine.ip
        return next((user for user in users if user.id == place.id or user.member.machine.ip == ip), None)

    def taken(self, seat: Seat) -> bool:
        """Whether another id has the address now."""
        return any(other.ip == seat.ip and other.id != seat.id for other in self.membership.seats)

    def roster(self) -> Roster:
        """Give what the machines are to be told now."""
        described = self.rendered.roster
        live = self.observed.roster
        if not self.formed and (live is None or live.founders):
            return described
        # Without a clear leader it may be an old membership that is told.
        membership = self.membership if self.leader or live is None else live.membership
        if not self.observed.exists:
            membership = self._readdressed(membership)
        leaving = {place.host: self._known_seat(place) for place in self.leaving if place.here or place.seat}
        return Roster(hosts={**leaving, **described.hosts}, membership=membership)

    def _readdressed(self, membership: Membership) -> Membership:
        """Give a stopped ensemble's membership with the addresses and ports of today: same ids, same votes.

        A machine takes the newest version that it knows of, so this one is made newer than what all of them wrote.
        """
        wanted = {seat.id: seat for seat in self.rendered.roster.hosts.values()}
        seats = tuple(
            replace(wanted[seat.id], role=seat.role) if seat.id in wanted else seat for seat in membership.seats
        )
        changed = seats != membership.seats
        return Membership(version=membership.version + 1, seats=seats) if changed else membership

    def _known_seat(self, place: Place) -> Seat:
        live = self.observed.roster.hosts.get(place.host) if self.observed.roster else None
        known = live or place.seat
        if known is None:
            raise ValueError(f"{place.host} is in no roster and in no membership")
        return known

    @staticmethod
    def _fails(place: Place) -> bool:
        return not place.serving and (place.labelled or place.member.pod is not None)

    def _place(self, member: Member, *, wanted: bool) -> Place:
        return Place(
            member=member,
            seat=self._seat(member, wanted=wanted),
            wanted=self.rendered.roster.hosts[member.machine.hostname] if wanted else None,
            labelled=member.label == self.rendered.name,
        )

    def _seat(self, member: Member, *, wanted: bool) -> Seat | None:
        """Give the seat that is the member's own: an id may move from a leaving machine to a new one."""
        seat = self.membership.seat(member.machine.id)
        others = self.observed.leaving if wanted else self.observed.members
        rival = next((other for other in others if other.machine.id == member.machine.id), None)
        if seat is None or rival is None:
            return seat
        new, old = (member, rival) if wanted else (rival, member)
        old_here = old.label == self.rendered.name or old.pod is not None
        new_has_it = seat.ip == new.machine.ip and not (old_here and old.machine.ip == new.machine.ip)
        return seat if new_has_it == wanted else None
