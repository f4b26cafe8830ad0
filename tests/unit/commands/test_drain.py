"""One member goes for maintenance while a quorum stays, and comes back; cut off anywhere, it is simply run again."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import pytest

from tests.conftest import MakeCluster
from tests.support import factories
from tests.support.fakes.kubernetes import Api
from zkops.commands import drain
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput, Failed, Refused
from zkops.ensemble.observed import Member
from zkops.kube.observe import DRAINED, drained_of
from zkops.manifests.roster import founding

IMAGE = "registry.example/zookeeper@sha256:" + "a" * 64


class Lock:
    """The lease, held until it is lost."""

    lost = False

    def check(self) -> None:
        if self.lost:
            raise Failed("the lock was lost", "run it again")


HELD = Lock()


def machines(roles: str) -> list[dict[str, Any]]:
    """One machine a letter: `v` votes, `o` observes."""
    return [
        {"hostname": f"demo-{n}", "ip": f"172.31.77.1{n}", "id": n, "role": {"v": "participant", "o": "observer"}[role]}
        for n, role in enumerate(roles, 1)
    ]


class World(Api):
    """A Kubernetes whose nodes carry pods as their labels say, and an ensemble in them."""

    def __init__(self, cluster: Cluster, leader: str = "demo-1") -> None:
        self.key = cluster.kubernetes.node_label
        self.leader = leader
        self.lost: set[str] = set()
        """Machines that do not answer: their pods stay."""
        self.held: set[str] = set()
        """Machines whose pods do not end."""
        self.described = self.membership = founding(cluster).membership
        names = [machine.hostname for machine in cluster.machines]
        super().__init__(
            *({"kind": "Node", "metadata": {"name": name, "labels": {self.key: "demo"}}} for name in names)
        )

    def node(self, name: str) -> dict[str, Any]:
        return self.objects["Node", name]

    def runs(self, name: str) -> bool:
        return self.key in self.node(name)["metadata"]["labels"] or bool({name} & (self.lost | self.held))

    def pods(self, _instance: str) -> tuple[dict[str, Any], ...]:
        self._request("list Pod")
        return tuple(factories.pod(name, IMAGE) for kind, name in self.objects if kind == "Node" and self.runs(name))

    def observe(self, cluster: Cluster, _kube: Any) -> tuple[Member, ...]:
        self._request("observe")
        up = [m.hostname for m in cluster.machines if self.runs(m.hostname) and m.hostname not in self.lost]
        modes = {
            host: "leader" if host == self.leader else "follower" if host in up else None
            for host in (machine.hostname for machine in cluster.machines)
        }
        found = factories.members(cluster, IMAGE, *modes.values())
        return tuple(
            replace(
                member,
                node_ready=member.machine.hostname not in self.lost,
                label=self.node(member.machine.hostname)["metadata"]["labels"].get(self.key),
                pod=member.pod if self.runs(member.machine.hostname) else None,
                server=member.server if member.machine.hostname in up else None,
                synced=len(up) - 1 if member.machine.hostname == self.leader else None,
                membership=self.membership if member.machine.hostname in up else None,
                drained=cluster.name in drained_of(self.node(member.machine.hostname)),
            )
            for member in found
        )

    def move(self, member: Member) -> None:
        """As the true one: the member leaves the membership where it leads, then enters again."""
        seat = self.described.seat(member.machine.id)
        assert seat is not None
        self._request("leave")
        if self.leader == member.machine.hostname:
            self.membership = self.membership.left(member.machine.id)
            self.leader = next(name for _, name in self.objects if name.startswith("demo-") and name != self.leader)
        self._request("enter")
        self.membership = self.membership.entered(seat)


@pytest.fixture
def world(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(cluster)
    monkeypatch.setattr(drain, "observe_members", made.observe)
    monkeypatch.setattr(drain, "POLL_SECONDS", 0.001)
    return made


def out(world: World, cluster: Cluster, node: str, timeout: float = 60) -> drain.Drained:
    return drain.drain(cluster, world, node, timeout, world.move, HELD)  # type: ignore[arg-type]


def back(world: World, cluster: Cluster, node: str, timeout: float = 60) -> drain.Drained:
    return drain.undrain(cluster, world, node, timeout, HELD)  # type: ignore[arg-type]


def members(cluster: Cluster, states: tuple[str, ...]) -> tuple[Member, ...]:
    """Members that serve, are down or are drained."""
    serving = factories.members(cluster, IMAGE, *("follower" if state == "serves" else None for state in states))
    return tuple(
        replace(member, drained=state == "drained", server=member.server if state == "serves" else None)
        for member, state in zip(serving, states, strict=True)
    )


@pytest.mark.parametrize("roles", ["v", "vv", "vvv", "vvvv", "vvvvv", "vo", "vvo", "vvvo", "ovvvo"])
def test_in_every_state_a_drain_leaves_a_majority_or_is_refused(make_cluster: MakeCluster, roles: str) -> None:
    cluster = make_cluster(machines=machines(roles))
    hosts = [machine.hostname for machine in cluster.machines]
    for states in product(("serves", "down", "drained"), repeat=len(roles)):
        for target, host in enumerate(hosts):
            others = [s for n, (s, role) in enumerate(zip(states, roles, strict=True)) if n != target and role == "v"]
            safe = roles[target] == "o" or (set(others) <= {"serves"} and len(others) > roles.count("v") // 2)
            if safe:
                drain.refuse_unsafe(host, members(cluster, states), None)
            else:
                with pytest.raises(Refused):
                    drain.refuse_unsafe(host, members(cluster, states), None)


@pytest.mark.parametrize("voters", [set(found) for size in range(1, 6) for found in combinations(range(1, 6), size)])
def test_who_votes_is_what_the_servers_say(make_cluster: MakeCluster, voters: set[int]) -> None:
    """Also while a machine of the description has not entered yet, or one left the description and votes still."""
    cluster = make_cluster(machines=machines("vvv"))
    full = founding(make_cluster(machines=machines("vvvvv"))).membership
    membership = replace(full, seats=tuple(seat for seat in full.seats if seat.id in voters))
    serving = members(cluster, ("serves",) * 3)
    for target in (1, 2, 3):
        left = voters - {target}
        safe = target not in voters or (left <= {1, 2, 3} and len(left) > len(voters) // 2)
        if safe:
            drain.refuse_unsafe(f"demo-{target}", serving, membership)
        else:
            with pytest.raises(Refused):
                drain.refuse_unsafe(f"demo-{target}", serving, membership)


@pytest.mark.parametrize(
    ("roles", "states", "what", "mend"),
    [
        ("vvv", ("serves", "serves", "down"), "demo-3 does not serve (does not answer): demo-1 cannot", "mend demo-3"),
        ("vvv", ("serves", "serves", "drained"), "demo-3 is drained already", "invoke undrain --node demo-3"),
        ("vv", ("serves", "serves"), "without demo-1 there is no quorum: 1 of 2 voters", "at least 3 vote"),
        ("v", ("serves",), "without demo-1 there is no quorum: 0 of 1 voters", "at least 3 vote"),
    ],
)
def test_a_refusal_names_the_reason_and_the_mend(
    make_cluster: MakeCluster, roles: str, states: tuple[str, ...], what: str, mend: str
) -> None:
    cluster = make_cluster(machines=machines(roles))
    with pytest.raises(Refused) as caught:
        drain.refuse_unsafe("demo-1", members(cluster, states), None)
    assert what in caught.value.what
    assert mend in caught.value.mend


@pytest.mark.parametrize("wanted", ["", "demo-9", "4", "DEMO-1"])
def test_an_unknown_machine_is_told_with_the_known_ones(cluster: Cluster, world: World, wanted: str) -> None:
    for act in (out, back):
        with pytest.raises(BadInput) as caught:
            act(world, cluster, wanted)
        assert "demo-1 (1), demo-2 (2), demo-3 (3)" in caught.value.mend
    assert world.asked == []


@pytest.mark.parametrize("node", ["demo-1", "1", "demo-3", "3"])
def test_a_member_goes_and_comes_back(cluster: Cluster, world: World, node: str) -> None:
    host = drain.machine_of(cluster, node).hostname
    assert out(world, cluster, node).changed
    assert not world.runs(host)
    assert world.leader != host
    assert world.node(host)["metadata"]["annotations"][DRAINED] == "demo"
    assert {seat.id for seat in world.membership.seats} == {1, 2, 3}
    again = out(world, cluster, node)
    assert (again.changed, again.sentence()) == (False, f"{host} is drained already")
    assert back(world, cluster, node).sentence() == f"{host} serves again"
    assert world.runs(host)
    assert not world.node(host)["metadata"]["annotations"]
    assert not back(world, cluster, node).changed


def test_a_second_one_is_refused_until_the_first_is_back(cluster: Cluster, world: World) -> None:
    out(world, cluster, "demo-3")
    with pytest.raises(Refused, match="demo-3 is drained already"):
        out(world, cluster, "demo-2")
    assert world.runs("demo-2")
    back(world, cluster, "demo-3")
    assert out(world, cluster, "demo-2").changed


def test_a_refused_drain_touches_nothing(cluster: Cluster, world: World) -> None:
    world.lost.add("demo-2")
    before = {key: item["metadata"] for key, item in world.objects.items()}
    with pytest.raises(Refused, match="demo-2 does not serve"):
        out(world, cluster, "demo-1")
    assert world.leader == "demo-1"
    assert {key: item["metadata"] for key, item in world.objects.items()} == before


def test_leadership_moves_before_anything_is_taken_away(cluster: Cluster, world: World) -> None:
    out(world, cluster, "demo-1")
    changes = [what for what in world.asked if "=" in what or what in {"leave", "enter"}]
    assert changes == ["leave", "enter", f"annotations {DRAINED}=demo", f"labels {world.key}=None"]


def test_a_member_that_goes_on_leading_is_not_drained(cluster: Cluster, world: World) -> None:
    with pytest.raises(Failed, match="waiting until demo-1 follows another leader: demo-1 leader"):
        drain.drain(cluster, world, "demo-1", 0, lambda _member: None, HELD)  # type: ignore[arg-type]
    assert world.runs("demo-1")
    assert DRAINED not in (world.node("demo-1")["metadata"].get("annotations") or {})


def test_who_lost_the_lock_takes_nothing_away(cluster: Cluster, world: World) -> None:
    lock = Lock()

    def move(member: Member) -> None:
        world.move(member)
        lock.lost = True

    with pytest.raises(Failed, match="the lock was lost"):
        drain.drain(cluster, world, "demo-1", 60, move, lock)  # type: ignore[arg-type]
    assert world.runs("demo-1")
    assert DRAINED not in (world.node("demo-1")["metadata"].get("annotations") or {})


def test_after_leadership_moved_nobody_goes_before_all_others_are_back(cluster: Cluster, world: World) -> None:
    looks = 0

    def move(member: Member) -> None:
        world.move(member)
        world.lost.add("demo-3")

        def returns(what: str) -> None:
            nonlocal looks
            looks += what == "observe"
            if looks == 5:
                world.lost.clear()
            assert looks >= 5 or "=" not in what

        world.before = returns

    assert drain.drain(cluster, world, "demo-1", 60, move, HELD).changed  # type: ignore[arg-type]
    assert not world.runs("demo-1")


def cut_off(world: World, number: int) -> None:
    """Let the tool die at the *number*-th request from now."""
    left = number

    def die(_what: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt

    world.before = die


@pytest.mark.parametrize("act", [out, back])
@pytest.mark.parametrize("node", ["demo-1", "demo-2"])
def test_cut_off_anywhere_it_is_run_again_and_finishes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, act: Callable[..., drain.Drained], node: str
) -> None:
    monkeypatch.setattr(drain, "POLL_SECONDS", 0.001)
    for number in range(100):
        world = World(cluster)
        monkeypatch.setattr(drain, "observe_members", world.observe)
        if act is back:
            out(world, cluster, node)
        cut_off(world, number)
        try:
            act(world, cluster, node)
        except KeyboardInterrupt:
            world.before = lambda _what: None
            act(world, cluster, node)
            ended = False
        else:
            ended = True
        world.before = lambda _what: None
        assert world.runs(node) == (act is back)
        assert bool(world.node(node)["metadata"].get("annotations")) == (act is out)
        assert {seat.id for seat in world.membership.seats} == {1, 2, 3}
        if ended:
            assert number > 4
            return
    raise AssertionError("it never ended")


def test_on_a_node_that_is_away_nothing_is_waited_for(cluster: Cluster, world: World) -> None:
    world.lost.add("demo-3")
    done = out(world, cluster, "demo-3")
    assert "its node is not ready" in done.sentence()
    assert world.key not in world.node("demo-3")["metadata"]["labels"]


def test_a_member_that_does_not_end_in_time_is_told(cluster: Cluster, world: World) -> None:
    world.held.add("demo-3")
    with pytest.raises(Failed, match="after 0 s of waiting until the member on demo-3 has ended: pod demo-3") as caught:
        out(world, cluster, "demo-3", timeout=0)
    assert "invoke drain --node demo-3" in caught.value.mend


def test_a_member_that_does_not_come_back_in_time_stays_noted_as_drained(cluster: Cluster, world: World) -> None:
    out(world, cluster, "demo-3")
    world.lost.add("demo-3")
    with pytest.raises(Failed, match="demo-3 node not ready") as caught:
        back(world, cluster, "demo-3", timeout=0)
    assert "invoke undrain --node demo-3" in caught.value.mend
    world.lost.clear()
    assert back(world, cluster, "demo-3").changed


def test_an_api_server_that_restarts_meanwhile_is_waited_for(cluster: Cluster, world: World) -> None:
    refusals = 3

    def restart(what: str) -> None:
        nonlocal refusals
        if what == "list Pod" and refusals:
            refusals -= 1
            raise Failed("the Kubernetes API does not answer")

    world.before = restart
    assert out(world, cluster, "demo-3").changed
    assert refusals == 0


def test_two_ensembles_on_one_machine_are_drained_each_for_itself(cluster: Cluster, world: World) -> None:
    world.node("demo-3")["metadata"]["annotations"] = {DRAINED: "prod", "else": "x"}
    out(world, cluster, "demo-3")
    assert drained_of(world.node("demo-3")) == ("prod", "demo")
    back(world, cluster, "demo-3")
    assert world.node("demo-3")["metadata"]["annotations"] == {DRAINED: "prod", "else": "x"}


def test_another_ensembles_node_is_left_alone(cluster: Cluster, world: World) -> None:
    world.node("demo-3")["metadata"]["labels"][world.key] = "prod"
    with pytest.raises(Refused, match="carries a member of the ensemble prod"):
        out(world, cluster, "demo-3")
    world.node("demo-3")["metadata"]["annotations"] = {DRAINED: "demo"}
    with pytest.raises(Refused, match="carries a member of the ensemble prod"):
        back(world, cluster, "demo-3")
    assert world.node("demo-3")["metadata"]["labels"][world.key] == "prod"


def test_a_node_that_was_deleted_is_told(cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = tuple(node for node in world.nodes() if node["metadata"]["name"] != "demo-3")
    monkeypatch.setattr(world, "nodes", lambda: nodes)
    with pytest.raises(Failed, match="demo-3 is no node of this Kubernetes any more"):
        out(world, cluster, "demo-3")


@pytest.mark.parametrize(
    ("modes", "synced", "synced_here"),
    [
        (("leader", "follower", "follower"), 2, True),
        (("leader", "follower", "follower"), 1, False),
        (("leader", None, "follower"), 1, True),
        (("leader", "follower", None), 1, False),
        (("leader", "leader", "follower"), 2, False),
        ((None, None, "follower"), None, False),
        ((None, None, "standalone"), None, True),
    ],
)
def test_a_member_is_back_when_it_serves_in_sync_whoever_else_is_away(
    cluster: Cluster, modes: tuple[str | None, ...], synced: int | None, synced_here: bool
) -> None:
    found = factories.members(cluster, IMAGE, *modes)
    found = tuple(replace(member, synced=synced if member.synced is not None else None) for member in found)
    assert drain.in_sync("demo-3", found) == synced_here
    stale = tuple(replace(member, stale=member.machine.hostname == "demo-3") for member in found)
    assert not drain.in_sync("demo-3", stale)
