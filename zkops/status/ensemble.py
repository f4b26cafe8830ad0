"""All members' vital signs → the ensemble's: how many more losses it stands, who leads since when, how much is written.

Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from zkops.ensemble.observed import Member
from zkops.status.sample import Figures, Reading
from zkops.status.vitals import History, Moment, Track, Vitals, present, vitals
from zkops.zookeeper.four_letter import LEADING

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is known at one moment."""

    name: str
    members: tuple[Member, ...]
    """As Kubernetes tells of them; what their servers say is in the readings."""
    readings: Mapping[int, Sequence[Reading]]
    """Id → what the member told, in the order of time."""
    moment: Moment
    trouble: str = ""
    """Why Kubernetes did not tell, or not lately, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """The ensemble as it is now."""

    name: str
    serving: int
    """How many of those who vote serve: as the leader counts them, else as they are described and say themselves."""
    voters: int
    leader: str | None
    epoch: int | None
    leading_ms: float | None
    """Since its election."""
    former: str | None
    """Who led before, where that was seen."""
    claims: tuple[tuple[str, int], ...]
    """Who says that it leads, with its epoch; more than one is a split view."""
    writes: float | None
    """Transactions per second, as the leader counts them."""
    writes_history: History
    members: tuple[Vitals, ...]
    trouble: str

    @property
    def margin(self) -> int:
        """How many more who vote may be lost before nothing is written any more; negative where so many are lacking."""
        return self.serving - (self.voters // 2 + 1)

    def margin_words(self) -> str:
        """Say how far it is from losing its quorum."""
        serving = f"{self.serving} of {self.voters} serving"
        more = " more" if self.serving < self.voters else ""
        silent = sum(found.votes and found.state in {"silent", "asked"} for found in self.members)
        if self.margin < 0 <= self.margin + silent:
            return f"{serving}, {_number(silent)} cannot be asked: whether there is a quorum is not known"
        if self.margin < 0:
            lacking = "one more is needed" if self.margin == -1 else f"{_number(-self.margin)} more are needed"
            return f"{serving}: NO QUORUM is seen, reads and writes wait; {lacking}"
        if self.margin == 0:
            return f"{serving}: one{more} loss stops writes"
        return f"{serving}: {_number(self.margin)}{more} may be lost"

    def split_words(self) -> str:
        """Say who claim to lead, empty where at most one does."""
        if len(self.claims) < 2:
            return ""
        named = ", ".join(f"{node} (epoch {epoch})" for node, epoch in self.claims)
        return (
            f"SPLIT VIEW: {_number(len(self.claims))} leaders claimed: {named}; only the one of the highest epoch can"
            " have a quorum, the others give up when they miss their followers"
        )

    def as_json(self) -> dict[str, object]:
        """Give plain data: the ensemble's, without the members."""
        return {
            "voters": self.voters,
            "voters_serving": self.serving,
            "margin": self.margin,
            "margin_words": self.margin_words(),
            "leader": self.leader,
            "leader_epoch": self.epoch,
            "leader_seconds": _seconds(self.leading_ms),
            "leaders_claimed": [node for node, _epoch in self.claims],
            "writes_per_second": self.writes,
        }


def ensemble(scene: Scene) -> Ensemble:
    """Put together what is known at a moment."""
    claims = _claims(scene)
    lead, epoch = claims[-1] if claims else (None, None)
    track = _track(scene.readings.get(lead.machine.id, ()), epoch) if lead and epoch is not None else Track()
    moment = replace(scene.moment, track=track)
    members = tuple(vitals(member, scene.readings.get(member.machine.id, ()), moment) for member in scene.members)
    rates = track.rates()
    told = next((found.figures for found in members if lead and found.id == lead.machine.id), None)
    voters = int(told.voters) if told and told.voters else sum(found.votes for found in members)
    return Ensemble(
        name=scene.name,
        serving=_serving(told, members, voters),
        voters=voters,
        leader=lead.machine.hostname if lead else None,
        epoch=epoch,
        leading_ms=(told.leading_ms or told.uptime_ms) if told else None,
        former=_former(scene, epoch),
        claims=tuple((member.machine.hostname, claimed) for member, claimed in claims),
        writes=rates[-1] if rates else None,
        writes_history=rates,
        members=members,
        trouble=scene.trouble,
    )


def _serving(leader: Figures | None, members: Sequence[Vitals], voters: int) -> int:
    """Count the voters that serve; who follows may have no vote, and who votes need not be described any more."""
    if leader and leader.voters_in_sync is not None:
        return int(leader.voters_in_sync)
    seen = sum(found.votes and found.role in {"leader", "follower", "standalone"} for found in members)
    return min(seen, voters)


def _claims(scene: Scene) -> list[tuple[Member, int]]:
    """Give who says now that it leads, with its epoch, the newest epoch last.

    Members are not asked at the same instant: an older leader counts only if it was heard after the newest began.
    """
    found = []
    for member in scene.members:
        readings = scene.readings.get(member.machine.id, ())
        last = present(readings, scene.moment)
        if last and last.server and last.server.mode in LEADING:
            epoch = last.server.epoch or 0
            found.append((epoch, _began(readings, epoch), last.at, member))
    found.sort(key=lambda claim: claim[:2])
    return [(member, epoch) for epoch, _began, at, member in found if at >= found[-1][1]]


def _began(readings: Sequence[Reading], epoch: int) -> float:
    return min(r.at for r in readings if r.server and r.server.mode in LEADING and (r.server.epoch or 0) == epoch)


def _track(readings: Sequence[Reading], epoch: int) -> Track:
    told = [(r.at, r.server) for r in readings if r.server and r.server.mode in LEADING and r.server.epoch == epoch]
    points: list[tuple[float, int]] = []
    for at, server in told:
        count = server.counter or 0
        if not points or (at > points[-1][0] and count >= points[-1][1]):
            points.append((at, count))
    return Track(epoch, tuple(at for at, _count in points), tuple(count for _at, count in points))


def _former(scene: Scene, epoch: int | None) -> str | None:
    """Give who led last in an earlier epoch, as far back as the readings go."""
    led = [
        (reading.at, member.machine.hostname)
        for member in scene.members
        for reading in scene.readings.get(member.machine.id, ())
        if reading.server and reading.server.mode == "leader" and (reading.server.epoch or 0) < (epoch or 0)
    ]
    return max(led)[1] if led else None


def member_json(found: Vitals) -> dict[str, object]:
    """Give plain data of one member: units stand in the names, null is what is not known."""
    told = found.figures
    read, write = told.read_ms or (None, None), told.write_ms or (None, None)
    lag = asdict(found.lag) if found.lag else {}
    return {
        "condition": found.state,
        "condition_words": found.words,
        "lag_ms": lag.get("ms"),
        "lag_ms_is_at_least": lag.get("at_least"),
        "requests_per_second": found.requests,
        "connections": told.connections,
        "read_p50_ms": read[0],
        "read_p99_ms": read[1],
        "write_p50_ms": write[0],
        "write_p99_ms": write[1],
        "fsync_p50_ms": told.fsync_p50_ms,
        "fsync_mean_ms": found.fsync_mean_ms,
        "znodes": told.znodes,
        "watches": told.watches,
        "data_bytes": told.data_bytes,
        "heap_used_bytes": told.heap_used,
        "heap_max_bytes": told.heap_max,
        "disk_free_bytes": told.disk_free,
        "disk_size_bytes": told.disk_size,
        "uptime_seconds": _seconds(told.uptime_ms),
        "restarts": found.restarts,
        "config": found.config,
    }


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
