"""Whatever is met on the way: carrying plans out keeps the quorum, has one voter down at most, and ends as described.

The world is simulated; leadership moves, members crash and the tool is killed whenever the draw says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import factories
from tests.support.fakes.ensemble import Host, World
from zkops import ROOT
from zkops.config.loader import load
from zkops.core.errors import Refused
from zkops.manifests.render import render
from zkops.planning.planner import plan
from zkops.zookeeper.membership import Role, Seat

RENDERED = render(load(ROOT / "cluster.yaml"), "registry.example/zookeeper@sha256:" + "a" * 64)
BOUND = 120
"""Steps: the longest way met, seven members changed into seven others amid all faults, takes less."""
EVENTS = st.sampled_from(["calm", "calm", "lead", "crash", "stuck", "half"])
ROLES: st.SearchStrategy[Role] = st.sampled_from(["participant", "participant", "participant", "observer"])
NUMBERS = st.integers(1, 9)


@dataclass(frozen=True)
class Case:
    """An ensemble, what it is to become, and what happens meanwhile."""

    now: list[Seat]
    wanted: list[Seat]
    leader: int
    applied: bool
    """Whether the pods are as described already."""
    events: list[tuple[str, int]]
    elsewhere: frozenset[int] = frozenset()
    """Ids that go to other machines."""
    dead: int = 0
    """Id of a machine that leaves because it is lost."""

    def world(self) -> World:
        """The ensemble as it serves before."""
        roster = factories.roster(*self.now)
        wanted = {self.host(seat): seat for seat in self.wanted}
        carried = {f"demo-{seat.id}": wanted.get(f"demo-{seat.id}", seat) for seat in self.now}
        serves = {
            host: Host(
                seat=seat, labelled=True, pod=True, data=True, up=seat.id != self.dead, alive=seat.id != self.dead
            )
            for host, seat in carried.items()
        }
        described = factories.described(RENDERED, *self.wanted)
        world = World(
            rendered=replace(described, roster=replace(described.roster, hosts=wanted)),
            hosts={host: Host(seat=seat) for host, seat in wanted.items()} | serves,
            membership=roster.membership,
            roster=roster,
            applied=self.applied,
        )
        world.move_leader(self.leader)
        return world

    def host(self, seat: Seat) -> str:
        """The machine that is to carry a member."""
        return f"{'new' if seat.id in self.elsewhere else 'demo'}-{seat.id}"

    @property
    def possible(self) -> bool:
        """Whether there is a way at all: one voter alone cannot change itself, another one must vote before."""
        voters = [seat for seat in self.now if seat.role == "participant"]
        if len(voters) > 1 or voters[0] in self.wanted:
            return True
        return any(seat.role == "participant" and seat.id != voters[0].id for seat in self.wanted)


@st.composite
def seats(draw: st.DrawFn, numbers: list[int]) -> list[Seat]:
    """Seats of these ids, at least one of which votes."""
    roles: list[Role] = [draw(ROLES) for _ in numbers]
    if "participant" not in roles:
        roles[0] = "participant"
    return [factories.seat(number, role) for number, role in zip(numbers, roles, strict=True)]


@st.composite
def wishes(draw: st.DrawFn, now: list[Seat]) -> list[Seat]:
    """What an ensemble is to become: the same, or machines more, fewer, others, with other roles and addresses."""
    kept = [seat for seat in now if draw(st.integers(0, 4))]
    free = [number for number in range(1, 10) if number not in {seat.id for seat in now}]
    added = draw(st.lists(st.sampled_from(free), unique=True, max_size=7 - len(kept))) if free else []
    if draw(st.booleans()):
        kept, added = now, []
    numbers = sorted({*(seat.id for seat in kept), *added}) or [now[0].id]
    wanted = draw(seats(numbers)) if draw(st.booleans()) else _same(numbers, now)
    return [_moved(seat) if draw(st.integers(0, 5)) == 0 and len(now) > 1 else seat for seat in wanted]


def _same(numbers: list[int], now: list[Seat]) -> list[Seat]:
    known = {seat.id: seat for seat in now}
    found = [known.get(number, factories.seat(number)) for number in numbers]
    return found if any(seat.role == "participant" for seat in found) else [factories.seat(numbers[0]), *found[1:]]


def _moved(seat: Seat) -> Seat:
    return replace(seat, ip=f"172.31.78.{seat.id}")


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any ensemble of up to seven machines, any change of it, and any faults."""
    now = draw(seats(draw(st.lists(NUMBERS, unique=True, min_size=1, max_size=7))))
    wanted = draw(wishes(now))
    moved = {seat.id for seat in wanted if seat.ip != factories.seat(seat.id).ip}
    voters = [seat.id for seat in now if seat.role == "participant"]
    leaving = {seat.id for seat in now} - {seat.id for seat in wanted}
    losable = sorted(leaving if len(voters) > 2 else leaving - set(voters))
    return Case(
        now=now,
        wanted=wanted,
        leader=draw(st.integers(0, 6)),
        applied=draw(st.booleans()),
        events=draw(st.lists(st.tuples(EVENTS, st.integers(0, 6)), max_size=20)),
        elsewhere=frozenset(moved) if draw(st.booleans()) else frozenset(),
        dead=draw(st.sampled_from([0, *losable])),
    )


def strike(world: World, what: str, choice: int) -> None:
    """Let something happen between two steps."""
    if what == "lead":
        world.move_leader(choice)
    if what in {"crash", "stuck"} and not world.lame():
        running = sorted(name for name, host in world.hosts.items() if host.up)
        host = world.hosts[running[choice % len(running)]]
        # One that has lost its address and its quorum needs more than this tool.
        if world.reachable(host) or world.stands(world.membership, without=host.seat.id):
            host.up, host.stuck = False, what == "stuck"
            world.elect(choice)
            world.log.append(f"{what} server {host.seat.id}")


def settle(case: Case) -> World:
    """Make an ensemble what it is to become."""
    return finish(case.world(), case.events)


def finish(world: World, struck: Sequence[tuple[str, int]]) -> World:
    """Run `deploy` until nothing is left to do, as an operator would who reads its refusals."""
    events = list(struck)
    for _ in range(BOUND):
        what, choice = events.pop(0) if events else ("calm", 0)
        strike(world, what, choice)
        try:
            steps = plan(world.rendered, world.observed(), repair=world.repair).steps
        except Refused as refusal:
            assert any(not host.up for host in world.hosts.values() if host.labelled), refusal
            world.log.append(f"refused: {refusal.what}")
            world.repair = any(host.stuck for host in world.hosts.values())
            world.pass_time()
            continue
        if not steps:
            return world
        if steps[0].action == "wait":
            world.repair = any(host.stuck for host in world.hosts.values())
        world.carry_out(steps[0], half=what == "half", choice=choice)
        # Whoever runs it again after it was killed need not ask for the same.
        world.repair = world.repair and what != "half"
    raise AssertionError("no end:\n" + "\n".join(world.log))


@settings(max_examples=100, deadline=None)
@given(cases().filter(lambda case: case.possible))
def test_every_change_ends_as_described_and_keeps_the_promises_on_its_way(case: Case) -> None:
    world = settle(case)
    assert not list(world.differences()), "\n".join([*world.differences(), *world.log])


@settings(max_examples=100, deadline=None)
@given(cases(), st.lists(st.booleans(), min_size=7, max_size=7), st.booleans())
def test_a_revision_that_kills_any_number_of_its_members_is_undone(case: Case, killed: list[bool], cut: bool) -> None:
    case = replace(case, wanted=case.now, dead=0, elsewhere=frozenset())
    world = case.world()
    for host, dies in zip(world.hosts.values(), killed, strict=False):
        if dies:  # made from the revision that is undone, and only a pod of the former one serves again
            host.up, host.stuck = False, True
            host.current = not case.applied  # what is undone is the present revision until the former one is applied
    world.move_leader(case.leader)
    world.rolling, world.repair = cut, not cut
    assert not list(finish(world, case.events if cut else []).differences()), "\n".join(world.log)


@settings(max_examples=30, deadline=None)
@given(cases().filter(lambda case: case.possible))
def test_where_nothing_happens_exactly_what_was_planned_is_done(case: Case) -> None:
    case = replace(case, events=[])
    world = case.world()
    planned = plan(world.rendered, world.observed()).steps
    done = settle(case).log
    assert sorted(map(short, done)) == sorted(short(str(step)) for step in planned if step.action != "wait")


def short(step: str) -> str:
    """What a step does, without its reason: who leads next is not known before."""
    return step.partition(":")[0]
