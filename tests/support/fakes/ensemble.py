"""An ensemble in memory that carries steps out as a real one does, and fails when one of them breaks a promise."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support import factories
from zkops.ensemble.observed import Change, Member, Observed
from zkops.manifests.render import Rendered
from zkops.manifests.roster import Roster
from zkops.planning.planner import Step
from zkops.zookeeper.membership import Membership, Seat

CHANGE = Change(object="DaemonSet demo", field="spec.template.x", live=1, wanted=2)


@dataclass
class Host:
    """A machine and what is on it, as it truly is."""

    seat: Seat
    """As its machine is: its id and its present address; the membership may know a former address."""
    labelled: bool = False
    pod: bool = False
    current: bool = True
    """Whether the pod was made from the present template."""
    up: bool = False
    """Whether the server process works."""
    data: bool = False
    """Whether it has what the ensemble agreed on."""
    stuck: bool = False
    """Whether only a new pod brings it back."""
    alive: bool = True
    """Whether the machine works."""


@dataclass(repr=False)
class World:
    """An ensemble, its machines, and what Kubernetes holds of it."""

    rendered: Rendered
    hosts: dict[str, Host]
    membership: Membership
    roster: Roster
    leader: int = 0
    applied: bool = True
    rolling: bool = False
    repair: bool = False
    log: list[str] = field(default_factory=list)

    def up(self) -> frozenset[int]:
        """Ids of the members that work and have the data."""
        return frozenset(host.seat.id for host in self.hosts.values() if host.up and host.data)

    def stands(self, membership: Membership, without: int = 0) -> bool:
        """Whether a majority of a membership's voters works."""
        return len(membership.voters & (self.up() - {without})) >= membership.majority

    @property
    def quorum(self) -> bool:
        return self.stands(self.membership)

    def elect(self, choice: int) -> None:
        """Let a voter lead: the present one if it can, else the one chosen."""
        able = sorted(self.membership.voters & self.up())
        if not self.quorum:
            self.leader = 0
        elif self.leader not in able:
            self.leader = able[choice % len(able)]

    def move_leader(self, choice: int) -> None:
        """Let leadership go to any voter that works."""
        self.leader = 0
        self.elect(choice)

    def down(self) -> list[str]:
        """Voters that do not work."""
        voters = self.membership.voters
        return [
            name for name, host in self.hosts.items() if host.seat.id in voters and self._seated(host) and not host.up
        ]

    def lame(self) -> list[str]:
        """Members that do not work and are needed: to be described is enough, and so is a vote."""
        lost = {name for name, host in self.hosts.items() if host.labelled and not host.up}
        return [*(lost & self.rendered.roster.hosts.keys()), *self.down()]

    def _seated(self, host: Host) -> bool:
        """Whether a host is the one that has its id's seat: an id may move to another host."""
        rivals = [other for other in self.hosts.values() if other.seat.id == host.seat.id]
        return len(rivals) == 1 or host.pod

    def pass_time(self) -> None:
        """Let everything that can come up by itself come up; those without data learn it from a quorum."""
        for host in self.hosts.values():
            if host.alive and host.labelled:
                host.current = host.current if host.pod else True
                host.pod = True
                host.up = host.up or (not host.stuck and self.reachable(host))
                host.data = host.data or (host.up and self.quorum)
        self.elect(0)

    def reachable(self, host: Host) -> bool:
        """Whether a server that starts now can listen where the others look for it."""
        seat = self.membership.seat(host.seat.id)
        return seat is None or not self._seated(host) or seat.ip == host.seat.ip

    def observed(self) -> Observed:
        """What the tool sees."""
        wanted = self.rendered.roster.hosts
        members = tuple(
            self._member(name, self.hosts[name], factories.machine(name, seat)) for name, seat in wanted.items()
        )
        gone = [name for name in self.roster.hosts if name not in wanted]
        serves = any(member.serving for member in members) or self.quorum
        return Observed(
            exists=True,
            formed=True,
            missing=(),
            changes=() if self.applied else (CHANGE,),
            strangers=tuple(
                name for name, host in self.hosts.items() if host.labelled and name not in {*wanted, *gone}
            ),
            members=members,
            membership=self.membership if serves else None,
            roster=self.roster,
            leaving=tuple(
                self._member(name, self.hosts[name], factories.machine(name, self.roster.hosts[name])) for name in gone
            ),
            rolling=self.rolling,
        )

    def _member(self, name: str, host: Host, machine: Any) -> Member:
        serving = host.up and host.data and host.alive and self.quorum
        running: dict[str, Any] = {"running": {}} if host.up else {"waiting": {"reason": "PodInitializing"}}
        if host.stuck:
            running = {"waiting": {"reason": "CrashLoopBackOff"}}
        seat = self.membership.seat(host.seat.id)
        mode = (
            "leader" if host.seat.id == self.leader else "observer" if seat and seat.role == "observer" else "follower"
        )
        answering = host.up and host.alive
        pod = factories.pod(name, self.rendered.image, ready=serving, state=running)
        return Member(
            machine=machine,
            node_ready=host.alive,
            label=self.rendered.name if host.labelled else None,
            pod=pod if host.pod else None,
            stale=host.pod and not host.current,
            server=factories.server(mode if serving else None) if answering else None,
            synced=len(self.up()) - 1 if serving and mode == "leader" else None,
        )

    def carry_out(self, step: Step, *, half: bool, choice: int) -> None:
        """Carry a step out, or *half*: up to where the tool was killed before its gate; promises are checked."""
        self.log.append(f"{'HALF ' if half else ''}{step}")
        if step.action in {"leave", "restart", "enter"}:
            self.rolling = True
        stood, alone, lame = self.quorum, len(self.membership.voters) == 1, set(self.down())
        getattr(self, f"_{step.action}")(step)
        only_voter = step.action == "restart" and alone
        assert self.quorum or only_voter or not stood, f"the quorum is gone after {step}"
        assert len(self.down()) <= 1 or set(self.down()) <= lame, f"{self.down()} are down after {step}"
        self.elect(choice)
        if not half:
            self.pass_time()

    def _apply(self, _step: Step) -> None:
        described = (self.hosts[name] for name in self.down() if name in self.rendered.roster.hosts)
        # One that lost its address may be down: that is what is to be mended.
        lost = [host for host in described if self.reachable(host)]
        assert not lost or self.rolling or self.repair, "a change is begun while a member is down"
        self.applied = True
        for host in self.hosts.values():
            host.current = False

    def _roster(self, step: Step) -> None:
        assert step.roster and not step.roster.founders, "a formed ensemble has no founders"
        assert step.roster.membership == self.membership, "the roster tells a membership that is not"
        self.roster = step.roster

    def _label(self, step: Step) -> None:
        host = self.hosts[step.host]
        twins = [n for n, o in self.hosts.items() if n != step.host and o.pod and o.seat.id == host.seat.id]
        assert not twins, f"{step.host} and {twins} would run with one id"
        assert step.host in self.roster.hosts, f"{step.host} would start without being told who it is"
        host.labelled = host.pod = host.current = True

    def _unlabel(self, step: Step) -> None:
        host = self.hosts[step.host]
        seat = self.membership.seat(host.seat.id)
        assert seat is None or seat.ip != host.seat.ip, f"{step.host} has a seat and would be stopped"
        host.labelled = False
        if host.alive:
            host.pod = host.up = host.current = False

    def _restart(self, step: Step) -> None:
        host = self.hosts[step.host]
        voters = self.membership.voters
        if host.seat.id in voters and host.up and len(voters) > 1:
            assert host.seat.id != self.leader, f"the leader {step.host} is restarted while it votes"
            assert self.stands(self.membership, without=host.seat.id), f"{step.host} is needed for the quorum"
        told = self.roster.membership
        # Without a quorum nobody tells the roster what it lacks; the server's own disk knows the newer membership then.
        assert told.seats == self.membership.seats or not self.quorum, (
            f"{step.host} is restarted with a former membership"
        )
        assert self.reachable(host), f"{step.host} would start at an address it has not"
        host.current, host.up, host.stuck, host.pod = True, False, False, True

    def _enter(self, step: Step) -> None:
        host, seat = self.hosts[step.host], step.seat
        assert seat and seat.id == host.seat.id, "the seat is another's"
        before, after = self.membership, self.membership.entered(seat)
        assert all(other.ip != seat.ip for other in before.seats if other.id != seat.id), "the address is taken"
        if before.seat(seat.id) is None:
            assert host.up and host.data, f"{step.host} enters without data"
        self._reconfigure(step, after)

    def _leave(self, step: Step) -> None:
        self._reconfigure(step, self.membership.left(self.hosts[step.host].seat.id))

    def _reconfigure(self, step: Step, after: Membership) -> None:
        assert after.voters, f"no voter is left after {step}"
        assert self.stands(self.membership), f"no quorum before {step}"
        assert self.stands(after), f"no quorum of the new membership after {step}"
        changed = {seat.id for seat in set(after.seats) ^ set(self.membership.seats)}
        assert len(changed) == 1, "one at a time"
        self.membership = replace(after, version=self.membership.version + 1)

    def _wait(self, _step: Step) -> None:
        return

    def differences(self) -> Iterator[str]:
        """Yield what is not as described."""
        wanted = self.rendered.roster
        if self.membership.seats != wanted.membership.seats:
            yield f"membership {self.membership.text()}"
        if self.roster.membership != self.membership or self.roster.founders:
            yield "the roster's membership"
        lingering = {name for name, host in self.hosts.items() if not host.alive and host.pod}
        if self.roster.hosts.keys() - lingering != wanted.hosts.keys():
            yield f"the roster's hosts {sorted(self.roster.hosts)}"
        for name, host in self.hosts.items():
            if host.labelled != (name in wanted.hosts):
                yield f"the label of {name}"
            if name in wanted.hosts and not (host.up and host.data and host.current):
                yield f"the member of {name}: {host}"
