"""`plan` brings a new ensemble up, changes a running one in a safe order, and refuses with what to do instead."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import factories
from tests.support.factories import roster, running, seat
from zkops import ROOT
from zkops.config.loader import load
from zkops.core.errors import Refused
from zkops.ensemble.observed import Change, Observed
from zkops.manifests.render import Rendered, render, with_object
from zkops.planning.planner import Plan, plan

CLUSTER = load(ROOT / "cluster.yaml")
IMAGE = "registry.example/zookeeper:3.9.6@sha256:" + "a" * 64
RENDERED = render(CLUSTER, IMAGE)
NOTHING = factories.nothing(CLUSTER, RENDERED)
SERVING = factories.serving(CLUSTER, RENDERED)
NAMES = [f"{item['kind']} {item['metadata']['name']}" for item in RENDERED.objects]
DAEMONSET = NAMES[-1]
FORMER = "registry.example/zookeeper:3.9.3@sha256:" + "b" * 64


def change(name: str, field: str = "spec.template.x") -> Change:
    return Change(object=name, field=field, live=1, wanted=2)


def described(*numbers: int) -> Rendered:
    return factories.described(RENDERED, *map(seat, numbers))


def outdated(observed: Observed, *hosts: str) -> Observed:
    """The same, with pods of a former image and configuration."""
    for host in hosts:
        pod = factories.pod(host, FORMER, config="demo-3f2a000000")
        observed = factories.edited(observed, host, stale=True, pod=pod)
    return observed


def broken(observed: Observed, *hosts: str) -> Observed:
    """The same, with members that crash again and again."""
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    for host in hosts:
        pod = factories.pod(host, IMAGE, config=f"demo-{RENDERED.config_hash}", ready=False, state=waiting)
        observed = factories.edited(observed, host, server=None, pod=pod)
    return observed


def moves(found: Plan) -> list[str]:
    """The steps in short, without what tells the machines about them."""
    return [f"{step.action} {step.target}" for step in found.steps if step.action not in {"roster", "wait"}]


def reasons(found: Plan) -> dict[str, str]:
    return {f"{step.action} {step.target}": step.reason for step in found.steps}


def test_a_new_ensemble_is_described_to_its_machines_before_they_carry_members() -> None:
    found = plan(RENDERED, NOTHING)
    hosts = [machine.hostname for machine in CLUSTER.machines]
    assert [f"{step.action} {step.target}" for step in found.steps] == [
        *(f"apply {name}" for name in NAMES[:-1]),
        "roster demo",
        f"apply {DAEMONSET}",
        *(f"label {host}" for host in hosts),
        "wait demo",
        "roster demo",
    ]
    first, last = (step.roster for step in found.steps if step.roster)
    assert first.founders == (1, 2, 3)
    assert last.founders == ()
    assert not found.moves


def test_all_as_described_is_no_step() -> None:
    assert plan(RENDERED, SERVING) == Plan(steps=())
    assert plan(RENDERED, SERVING).text() == "nothing to do: everything is as described"


def test_a_member_that_does_not_serve_is_waited_for_and_nothing_is_written() -> None:
    gone = replace(broken(SERVING, "demo-1", "demo-2", "demo-3"), membership=None)
    for found in (broken(SERVING, "demo-3"), gone):
        assert [step.action for step in plan(RENDERED, found).steps] == ["wait"]


def test_a_deploy_that_was_killed_half_way_is_finished() -> None:
    bare = factories.edited(
        NOTHING, "demo-1", label="demo", pod=factories.pod("demo-1", IMAGE), server=factories.server(None)
    )
    half = replace(bare, exists=True, missing=(DAEMONSET,), roster=RENDERED.roster)
    assert moves(plan(RENDERED, half)) == [f"apply {DAEMONSET}", "label demo-2", "label demo-3"]


def test_a_machine_that_starts_before_all_are_labelled_holds_nobody_up() -> None:
    """A server that was just started may be silent, and two of three may form before the third has its label."""
    new = replace(NOTHING, exists=True, missing=(), roster=RENDERED.roster)
    pod = factories.pod("demo-1", IMAGE)
    silent = factories.edited(new, "demo-1", label="demo", pod=pod, server=None)
    assert moves(plan(RENDERED, silent)) == ["label demo-2", "label demo-3"]
    formed = replace(factories.edited(SERVING, "demo-3", label=None, pod=None, server=None), formed=False)
    assert moves(plan(RENDERED, formed)) == ["label demo-3"]


def test_founders_end_with_the_first_quorum() -> None:
    founding = replace(RENDERED.roster, membership=replace(RENDERED.roster.membership))
    found = plan(RENDERED, replace(SERVING, roster=founding))
    assert [str(step) for step in found.steps] == [
        "roster demo: the first quorum stood: nobody may begin empty any more"
    ]
    starting = replace(NOTHING, exists=True, missing=(), roster=founding)
    assert all(not step.roster for step in plan(RENDERED, starting).steps[:4])


def test_a_stopped_ensemble_starts_with_the_membership_it_had() -> None:
    kept = roster(seat(1), seat(2), seat(3), version=99)
    found = plan(RENDERED, replace(NOTHING, roster=kept))
    assert "roster demo" not in [f"{step.action} {step.target}" for step in found.steps][: len(NAMES) + 1]


def test_a_stopped_ensemble_starts_at_its_machines_new_addresses_with_the_same_votes() -> None:
    kept = roster(seat(1), seat(2), seat(3), version=99)
    moved = factories.described(RENDERED, seat(1), seat(2), replace(seat(3), ip="172.31.77.99"))
    found = plan(moved, replace(factories.nothing(CLUSTER, moved), roster=kept))
    told = next(step.roster for step in found.steps if step.roster)
    assert told.membership.version == 100, "newer than what any machine keeps"
    assert [str(s) for s in told.membership.seats] == [str(s) for s in moved.roster.membership.seats]
    assert told.founders == ()
    assert [step.action for step in found.steps].count("roster") == 1


def test_a_running_ensemble_keeps_its_client_port() -> None:
    seats = [replace(seat(number), client=12181) for number in (1, 2, 3)]
    with pytest.raises(Refused, match="on another port"):
        plan(factories.described(RENDERED, *seats), SERVING)


def test_a_change_goes_through_followers_and_last_the_leader_which_is_out_meanwhile() -> None:
    found = plan(RENDERED, outdated(SERVING, "demo-1", "demo-2", "demo-3"))
    assert moves(found) == [
        "restart demo-2",
        "restart demo-3",
        "leave demo-1",
        "restart demo-1",
        "enter demo-1",
    ]
    assert found.steps[-1].action == "wait"
    assert found.moves
    why = reasons(found)
    what = (
        f"config 3f2a… → {RENDERED.config_hash[:4]}…, image zookeeper:3.9.3@bbbbbbbbbbbb → zookeeper:3.9.6@aaaaaaaaaaaa"
    )
    assert why["restart demo-2"] == f"{what}; follower"
    assert why["leave demo-1"] == f"last, it leads: another one takes over before its restart ({what})"
    assert why["restart demo-1"] == f"{what}; follows without a vote"


def test_a_restart_tells_how_far_the_member_is_behind() -> None:
    behind = factories.edited(outdated(SERVING, "demo-2"), "demo-1", server=factories.server("leader", 8))
    behind = factories.edited(behind, "demo-2", server=factories.server("follower", 5))
    assert reasons(plan(RENDERED, behind))["restart demo-2"].endswith("; follower, 3 transactions behind")


def test_observers_go_before_followers() -> None:
    mixed = factories.described(RENDERED, seat(1), seat(2), seat(3), seat(4, "observer"))
    found = outdated(running(mixed, leader=3), "demo-1", "demo-2", "demo-3", "demo-4")
    assert moves(plan(mixed, found))[:3] == ["restart demo-4", "restart demo-1", "restart demo-2"]


def test_a_changed_daemonset_is_applied_and_all_pods_are_made_anew() -> None:
    found = plan(RENDERED, replace(SERVING, changes=(change(DAEMONSET),)))
    assert moves(found)[:2] == [f"apply {DAEMONSET}", "restart demo-2"]
    assert reasons(found)["restart demo-2"] == "its pod was made from a former description; follower"
    assert f"{DAEMONSET}: spec.template.x: 1 → 2" in found.text()


def test_what_pods_do_not_see_restarts_none() -> None:
    found = plan(RENDERED, replace(SERVING, changes=(change(DAEMONSET, "metadata.labels.x"), change("Service demo"))))
    assert moves(found) == ["apply Service demo", f"apply {DAEMONSET}"]
    secret = {"kind": "Secret", "metadata": {"name": "pull"}}
    found = plan(with_object(RENDERED, secret), replace(SERVING, changes=(change("Secret pull"),)))
    assert moves(found) == ["apply Secret pull"]


def test_going_back_restarts_only_the_member_that_had_gone_forward() -> None:
    image = f"{DAEMONSET.lower()}: spec.template.spec.containers[zookeeper].image"
    forward = factories.edited(
        SERVING, "demo-2", pod=factories.pod("demo-2", FORMER, config=f"demo-{RENDERED.config_hash}")
    )
    stale = factories.edited(factories.edited(forward, "demo-1", stale=True), "demo-3", stale=True)
    assert moves(plan(RENDERED, replace(stale, changes=(change(DAEMONSET, image.partition(": ")[2]),)))) == [
        f"apply {DAEMONSET}",
        "restart demo-2",
    ]


def test_the_only_voter_is_restarted_in_place_with_a_warning() -> None:
    one = described(1)
    found = plan(one, outdated(running(one, leader=1), "demo-1"))
    assert moves(found) == ["restart demo-1"]
    assert reasons(found)["restart demo-1"].endswith("the only voter: clients wait meanwhile")
    assert any("single voter" in warning for warning in found.warnings)


def test_the_only_voter_is_no_longer_alone_when_it_restarts_where_others_join() -> None:
    found = plan(RENDERED, outdated(running(RENDERED, leader=1, among=roster(seat(1))), "demo-1"))
    assert moves(found)[-3:] == ["leave demo-1", "restart demo-1", "enter demo-1"]
    assert not found.warnings


def test_each_of_two_voters_is_out_for_its_restart() -> None:
    two = described(1, 2)
    found = plan(two, outdated(running(two, leader=1), "demo-1", "demo-2"))
    turns = [f"{action} demo-{number}" for number in (2, 1) for action in ("leave", "restart", "enter")]
    assert moves(found) == turns
    assert any("1 or 3 are advised" in warning for warning in found.warnings)


def test_machines_join_one_by_one_and_vote_when_they_have_learnt() -> None:
    five = described(1, 2, 3, 4, 5)
    found = plan(five, running(five, leader=2, among=roster(seat(1), seat(2), seat(3))))
    assert moves(found) == ["label demo-4", "enter demo-4", "label demo-5", "enter demo-5"]
    assert found.steps[0].action == "roster"
    assert next(step.seat for step in found.steps if step.action == "enter") == seat(4)


def test_what_serves_without_a_seat_enters_before_anything_else_moves() -> None:
    without = replace(SERVING, membership=SERVING.membership.left(3) if SERVING.membership else None)
    assert moves(plan(RENDERED, outdated(without, "demo-2"))) == ["enter demo-3", "restart demo-2"]
    assert moves(plan(RENDERED, outdated(without, "demo-3"))) == ["restart demo-3", "enter demo-3"]


def test_machines_leave_one_by_one_the_leader_last_before_their_pods() -> None:
    one = described(1)
    found = plan(one, running(one, leader=2, among=roster(seat(1), seat(2), seat(3))))
    assert moves(found) == ["leave demo-3", "unlabel demo-3", "leave demo-2", "unlabel demo-2"]
    assert found.shrinks == ("demo-2", "demo-3")
    last = [step.roster for step in found.steps if step.roster][-1]
    assert list(last.hosts) == ["demo-1"]


def test_the_dead_leave_before_anybody_else_moves() -> None:
    wanted = described(1, 2, 4)
    observed = running(wanted, leader=1, among=roster(seat(1), seat(2), seat(3)))
    dead = factories.edited(observed, "demo-3", node_ready=False, server=None)
    found = plan(wanted, outdated(dead, "demo-2"))
    assert moves(found)[:4] == ["leave demo-3", "unlabel demo-3", "label demo-4", "enter demo-4"]
    assert reasons(found)["leave demo-3"] == "is not in the description any more; node not ready"


def test_an_observer_follows_before_it_votes_and_a_voter_observes_at_once() -> None:
    wanted = factories.described(RENDERED, seat(1), seat(2, "observer"), seat(3))
    found = plan(wanted, running(wanted, leader=1, among=roster(seat(1), seat(2), seat(3, "observer"))))
    assert moves(found) == ["leave demo-3", "enter demo-3", "enter demo-2"]
    still = running(wanted, leader=1, among=roster(seat(1), seat(2, "observer"), seat(3)))
    out = replace(still, membership=still.membership.left(3) if still.membership else None)
    waiting = plan(wanted, factories.edited(out, "demo-3", server=factories.server("observer"))).steps
    assert (waiting[0].action, waiting[1].action, waiting[1].host) == ("roster", "wait", "demo-3")


def test_a_leader_that_is_to_observe_goes_last() -> None:
    wanted = factories.described(RENDERED, seat(1, "observer"), seat(2), seat(3))
    observed = running(wanted, leader=1, among=roster(seat(1), seat(2), seat(3)))
    assert moves(plan(wanted, outdated(observed, "demo-2"))) == ["restart demo-2", "enter demo-1"]


def test_a_voter_gives_its_vote_up_only_when_the_last_one_needs_it_no_more() -> None:
    wanted = factories.described(RENDERED, replace(seat(1), ip="172.31.77.99"), seat(2, "observer"))
    for leader in (1, 2):
        found = plan(wanted, running(wanted, leader=leader, among=roster(seat(1), seat(2))))
        assert moves(found) == ["leave demo-1", "enter demo-1", "enter demo-2"]


def test_a_member_that_crashed_unseen_by_the_roster_is_the_one_that_is_mended() -> None:
    """It entered, the tool was killed before it told the roster, and without a quorum nobody tells the membership."""
    two = described(1, 2)
    before = replace(running(two, leader=1), membership=None)
    known = replace(roster(seat(1), seat(2)), membership=roster(seat(1)).membership)
    lost = broken(factories.edited(before, "demo-1", server=factories.server(None)), "demo-2")
    assert moves(plan(two, replace(lost, roster=known), repair=True))[0] == "restart demo-2"


MOVED = replace(seat(3), ip="172.31.77.99")


@pytest.mark.parametrize(
    ("leader", "steps"),
    [(1, ["enter demo-3", "restart demo-3"]), (3, ["leave demo-3", "restart demo-3", "enter demo-3"])],
)
def test_a_machine_with_another_address_is_told_to_the_others_first(leader: int, steps: list[str]) -> None:
    wanted = factories.described(RENDERED, seat(1), seat(2), MOVED)
    observed = running(wanted, leader=leader, among=roster(seat(1), seat(2), seat(3)))
    assert moves(plan(wanted, outdated(observed, "demo-3"))) == steps


def test_a_member_that_is_broken_by_its_new_address_is_mended_unasked() -> None:
    wanted = factories.described(RENDERED, seat(1), seat(2), MOVED)
    observed = running(wanted, leader=1, among=roster(seat(1), seat(2), seat(3)))
    found = plan(wanted, factories.edited(observed, "demo-3", server=None, stale=True))
    assert moves(found) == ["enter demo-3", "restart demo-3"]
    assert "172.31.77.13:2888:3888;2181 → 172.31.77.99:2888:3888;2181" in reasons(found)["enter demo-3"]


def test_a_pod_that_was_started_with_a_former_address_is_outdated() -> None:
    pod = factories.pod("demo-3", IMAGE, config=f"demo-{RENDERED.config_hash}")
    pod["status"] |= {"podIP": "172.31.77.13", "hostIP": "172.31.77.99"}
    found = plan(RENDERED, factories.edited(SERVING, "demo-3", pod=pod))
    assert reasons(found)["restart demo-3"] == "its machine has another address now; follower"


def test_an_id_moves_to_another_machine_only_after_it_left_the_former() -> None:
    wanted = factories.described(RENDERED, seat(1), seat(2), seat(3))
    hosts = {"demo-1": seat(1), "demo-2": seat(2), "new": replace(seat(3), ip="172.31.77.99")}
    wanted = replace(wanted, roster=replace(wanted.roster, hosts=hosts))
    found = plan(wanted, running(wanted, leader=1, among=roster(seat(1), seat(2), seat(3))))
    assert moves(found) == ["leave demo-3", "unlabel demo-3", "label new", "enter new"]
    ending = running(wanted, leader=1, among=roster(seat(1), seat(2), seat(3)))
    ending = factories.edited(ending, "demo-3", label=None, server=None)
    ending = replace(ending, membership=ending.membership.left(3) if ending.membership else None)
    waiting = next(step for step in plan(wanted, ending).steps if step.action == "wait")
    assert (waiting.host, plan(wanted, ending).steps[-2].target) == ("demo-3", "demo")
    with pytest.raises(Refused, match="its server may still run"):
        plan(wanted, factories.edited(ending, "demo-3", node_ready=False))


@pytest.mark.parametrize("numbers", [(1, 2, 3), (1,)])
def test_an_ensemble_that_is_not_whole_is_not_changed(numbers: tuple[int, ...]) -> None:
    wanted = described(*numbers)
    lost = broken(outdated(running(wanted, leader=1), "demo-1"), f"demo-{numbers[-1]}")
    with pytest.raises(Refused, match=rf"demo-{numbers[-1]} \(id {numbers[-1]}\): CrashLoopBackOff") as caught:
        plan(wanted, replace(lost, changes=(change(DAEMONSET),)))
    assert caught.value.exit_code == 3
    assert caught.value.mend


def test_the_one_broken_member_is_mended_first_where_somebody_asks() -> None:
    lost = broken(outdated(SERVING, "demo-1", "demo-2"), "demo-3")
    found = plan(RENDERED, lost, repair=True)
    assert moves(found)[:2] == ["restart demo-3", "restart demo-2"]
    assert reasons(found)["restart demo-3"] == "is to be mended; CrashLoopBackOff"
    with pytest.raises(Refused, match="--repair"):
        plan(RENDERED, lost)


def test_a_begun_change_goes_on_with_its_broken_member() -> None:
    lost = replace(broken(outdated(SERVING, "demo-1"), "demo-2"), rolling=True)
    assert [(step.action, step.host) for step in plan(RENDERED, lost).steps][:1] == [("wait", "demo-2")]
    stale = factories.edited(lost, "demo-2", stale=True)
    assert moves(plan(RENDERED, stale))[0] == "restart demo-2"


def test_two_broken_members_are_more_than_can_be_mended() -> None:
    five = described(1, 2, 3, 4, 5)
    lost = broken(outdated(running(five, leader=1), "demo-1"), "demo-4", "demo-5")
    for repair in (True, False):
        with pytest.raises(Refused, match=r"(?s)lacks more than one member.*demo-4.*demo-5"):
            plan(five, lost, repair=repair)


def test_without_a_quorum_nothing_is_changed() -> None:
    lost = replace(broken(outdated(SERVING, "demo-1"), "demo-2", "demo-3"), membership=None)
    lost = factories.edited(lost, "demo-1", server=factories.server(None))
    for repair in (True, False):
        with pytest.raises(Refused, match=r"(?s)no quorum.*demo-1.*demo-2.*demo-3"):
            plan(RENDERED, lost, repair=repair)


def test_the_only_voter_and_the_second_of_two_are_mended_without_a_quorum() -> None:
    for numbers in ((1,), (1, 2)):
        wanted = described(*numbers)
        lost = replace(broken(running(wanted, leader=1), "demo-1"), membership=None)
        for number in numbers[1:]:
            lost = factories.edited(lost, f"demo-{number}", server=factories.server(None))
        assert moves(plan(wanted, lost, repair=True)) == ["restart demo-1"]


def test_a_broken_member_on_a_lost_node_cannot_be_mended_but_taken_out() -> None:
    lost = factories.edited(outdated(SERVING, "demo-2"), "demo-3", node_ready=False, server=None)
    for found in (lost, replace(lost, rolling=True)):
        with pytest.raises(Refused, match=r"demo-3 .*node not ready") as caught:
            plan(RENDERED, found, repair=True)
        assert "take demo-3 out of machines" in caught.value.mend


def test_an_election_in_the_middle_of_a_change_is_waited_for() -> None:
    voting = outdated(SERVING, "demo-1")
    for host in ("demo-1", "demo-2", "demo-3"):
        voting = factories.edited(voting, host, server=factories.server(None))
    voting = replace(voting, membership=None)
    assert plan(RENDERED, replace(voting, rolling=True)).steps[0].action == "wait"
    with pytest.raises(Refused, match="no quorum"):
        plan(RENDERED, voting)


def test_machines_that_were_just_switched_on_are_waited_for_before_one_joins() -> None:
    four = described(1, 2, 3, 4)
    observed = running(four, leader=1, among=roster(seat(1), seat(2), seat(3)))
    for host in ("demo-1", "demo-2", "demo-3"):
        observed = factories.edited(observed, host, server=factories.server(None))
    steps = plan(four, replace(observed, membership=None)).steps
    assert [step.action for step in steps][:3] == ["roster", "wait", "label"]


def test_two_leaders_or_none_are_waited_for_before_anything_moves() -> None:
    for mode in ("leader", "follower"):
        unclear = factories.edited(SERVING, "demo-1", server=factories.server(mode))
        unclear = factories.edited(outdated(unclear, "demo-3"), "demo-2", server=factories.server(mode))
        assert plan(RENDERED, unclear).steps[0].action == "wait"


def test_a_leader_that_cannot_be_asked_hands_over_before_it_is_mended() -> None:
    silent = factories.edited(SERVING, "demo-1", server=None)
    assert moves(plan(RENDERED, silent, repair=True)) == ["leave demo-1", "restart demo-1", "enter demo-1"]


def test_a_drained_member_is_brought_back_first_unless_it_leaves() -> None:
    drained = factories.edited(SERVING, "demo-3", label=None, pod=None, server=None, drained=True)
    with pytest.raises(Refused, match="drained") as caught:
        plan(RENDERED, drained)
    assert "invoke undrain --node=demo-3" in caught.value.mend
    two = described(1, 2)
    gone = running(two, leader=1, among=roster(seat(1), seat(2), seat(3)))
    gone = factories.edited(gone, "demo-3", label=None, pod=None, server=None, drained=True)
    assert moves(plan(two, gone)) == ["leave demo-3"]


def refused(wanted: Rendered, observed: Observed) -> str:
    with pytest.raises(Refused) as caught:
        plan(wanted, observed)
    assert caught.value.mend
    return str(caught.value)


def test_what_no_order_of_steps_reaches_is_refused_before_the_first() -> None:
    now = roster(seat(1), seat(2), seat(3))
    path = replace(SERVING, changes=(change(DAEMONSET, "spec.template.spec.volumes[data].hostPath.path"),))
    assert "look for their data elsewhere" in refused(RENDERED, path)
    renumbered = replace(RENDERED, roster=replace(RENDERED.roster, hosts={**now.hosts, "demo-3": seat(4)}))
    assert "demo-3 has the data of id 3" in refused(renumbered, running(renumbered, leader=1, among=now))
    crossed = factories.described(
        RENDERED, seat(1), replace(seat(2), ip="172.31.77.13"), replace(seat(3), ip="172.31.77.12")
    )
    assert "another member has its id or its address" in refused(crossed, running(crossed, leader=1, among=now))
    one = factories.described(RENDERED, replace(seat(1), ip="172.31.77.99"))
    assert "is the only voter" in refused(one, running(one, leader=1, among=roster(seat(1))))
    other = factories.described(RENDERED, seat(1))
    other = replace(other, roster=replace(other.roster, hosts={"new": replace(seat(1), ip="172.31.77.99")}))
    assert "without it nobody" in refused(other, running(other, leader=1, among=roster(seat(1))))
    assert "tells who belongs to it" in refused(RENDERED, replace(SERVING, membership=None))


def test_an_ensemble_that_never_served_is_made_anew() -> None:
    silent = factories.members(CLUSTER, RENDERED.image, None, None, None)
    never = replace(SERVING, formed=False, changes=(change(DAEMONSET),), members=silent, roster=RENDERED.roster)
    actions = [step.action for step in plan(RENDERED, replace(never, membership=None)).steps]
    assert actions == ["apply", "replace", "replace", "replace", "wait", "roster"]


def test_members_that_never_served_start_anew_with_another_roster() -> None:
    """They have read the former one, with a wrong address perhaps, and would look for each other there for ever."""
    silent = factories.members(CLUSTER, RENDERED.image, None, None, None)
    former = replace(described(1, 2, 4).roster, hosts=RENDERED.roster.hosts)
    never = replace(SERVING, formed=False, members=silent, roster=former, membership=None)
    actions = [step.action for step in plan(RENDERED, never).steps]
    assert actions == ["roster", "replace", "replace", "replace", "wait", "roster"]


def test_a_pod_of_a_former_description_is_replaced_before_the_first_serving() -> None:
    silent = factories.members(CLUSTER, RENDERED.image, None, None, None)
    stale = (replace(silent[0], stale=True), *silent[1:])
    never = replace(SERVING, formed=False, members=stale, roster=RENDERED.roster, membership=None)
    assert [(step.action, step.target) for step in plan(RENDERED, never).steps][:2] == [
        ("replace", "demo-1"),
        ("wait", "demo"),
    ]


def test_a_node_of_another_ensemble_is_never_taken_from_it() -> None:
    with pytest.raises(Refused, match="demo-1 carries a member of the ensemble another"):
        plan(RENDERED, factories.edited(NOTHING, "demo-1", label="another"))


def test_a_server_that_runs_and_cannot_be_asked_is_not_taken_for_one_that_never_served() -> None:
    silent = tuple(replace(member, server=None) for member in SERVING.members)
    with pytest.raises(Refused, match="no quorum"):
        plan(RENDERED, replace(SERVING, formed=False, changes=(change(DAEMONSET),), members=silent))


def test_a_strange_node_with_the_label_is_refused() -> None:
    with pytest.raises(Refused, match="other-node"):
        plan(RENDERED, replace(SERVING, strangers=("other-node",)))


def test_a_plan_is_plain_data_too() -> None:
    found = plan(RENDERED, outdated(SERVING, "demo-2")).as_json()
    assert found["moves"] is True
    assert found["steps"][0]["host"] == "demo-2"


@st.composite
def observations(draw: st.DrawFn) -> Observed:
    """Any state that can be met."""
    modes = st.sampled_from([None, "leader", "follower", "observer", "read-only"])
    found = factories.members(CLUSTER, RENDERED.image, *(draw(modes) for _ in CLUSTER.machines))
    labels = st.sampled_from([None, CLUSTER.name, "another"])
    exists = draw(st.booleans())
    return Observed(
        exists=exists,
        formed=exists and draw(st.booleans()),
        missing=tuple(draw(st.lists(st.sampled_from(NAMES), unique=True))),
        changes=tuple(map(change, draw(st.lists(st.sampled_from(NAMES), unique=True)))),
        strangers=tuple(draw(st.lists(st.just("other-node"), max_size=1))),
        members=tuple(replace(member, label=draw(labels), stale=draw(st.booleans())) for member in found),
        membership=draw(st.sampled_from([None, SERVING.membership])),
        roster=draw(st.sampled_from([None, SERVING.roster, RENDERED.roster])),
        rolling=draw(st.booleans()),
    )


def told(steps: Iterable[object]) -> str:
    return "\n".join(map(str, steps))


@given(observations(), st.booleans())
def test_any_state_gives_a_plan_that_ends_or_a_refusal_with_a_mend(observed: Observed, repair: bool) -> None:
    try:
        found = plan(RENDERED, observed, repair=repair)
    except Refused as refusal:
        assert refusal.mend
        return
    assert not found.steps or {step.action for step in found.steps[-2:]} & {"wait", "roster"}, told(found.steps)


@given(observations(), st.booleans())
def test_founders_are_never_named_where_a_quorum_stood(observed: Observed, repair: bool) -> None:
    try:
        found = plan(RENDERED, observed, repair=repair)
    except Refused:
        return
    once = observed.formed or (observed.roster and not observed.roster.founders)
    assert not once or all(not step.roster.founders for step in found.steps if step.roster)
