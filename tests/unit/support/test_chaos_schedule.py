"""A schedule is the same for the same seed, can be carried out, and meets every pair of operation and fault."""

from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chaos import operations, schedule
from tests.chaos.schedule import AROUND, FOUNDERS, MACHINES, PAIRS, WITHIN, Moment, Round, World
from tests.chaos.tool import Ran

HOSTS = {machine: f"m{machine}" for machine in MACHINES}
SEEDS = st.integers(0, 2**31)
LIGHT = settings(deadline=None, max_examples=30)


def some(seed: int, count: int = 80) -> list[Round]:
    return list(islice(schedule.rounds(seed), count))


@given(SEEDS)
@LIGHT
def test_the_same_seed_gives_the_same_schedule_and_a_file_gives_it_back(seed: int) -> None:
    made = some(seed, 20)
    assert made == some(seed, 20)
    assert schedule.parse(schedule.dump(seed, made)) == (seed, made)


@given(SEEDS)
@LIGHT
def test_each_round_begins_where_the_one_before_ended(seed: int) -> None:
    made = some(seed)
    assert made[0].before == World()
    assert all(one.after == two.before for one, two in pairwise(made))


@given(SEEDS)
@LIGHT
def test_every_round_can_be_carried_out(seed: int) -> None:
    for one in some(seed):
        before, after = set(one.before.machines), set(one.after.machines)
        assert len(FOUNDERS) <= len(after) <= len(MACHINES)
        assert {one.victim, one.other} <= before
        assert one.victim != one.other
        assert (one.fault in AROUND) or (one.fault in WITHIN[one.action])
        gone, new = before - after, after - before
        sizes = {"join": (0, len(new) or 1), "leave": (1, 0), "replace": (1, 1)}
        assert (len(gone), len(new)) == sizes.get(one.action, (0, 0))
        assert one.action not in {"leave", "replace"} or gone == {one.target}
        assert len(before & after) > len(before) // 2  # who stays is a quorum


@given(SEEDS)
@LIGHT
def test_every_pair_of_operation_and_fault_comes_before_any_has_come_three_times(seed: int) -> None:
    made = [(one.action, one.fault) for one in some(seed, 2 * len(PAIRS))]
    third = next((n for n in range(len(made)) if made[: n + 1].count(made[n]) == 3), len(made))
    assert set(made[:third]) == set(PAIRS)


def test_every_fault_of_the_issue_and_every_operation_is_there() -> None:
    assert {action for action, _ in PAIRS} == {
        "refresh", "upgrade", "rollback", "join", "leave", "replace", "drain"
    }  # fmt: skip
    assert {fault for _, fault in PAIRS} - {"none", "node paused", "isolated"} == {
        "tool killed", "node killed", "partition", "API server restarted",
        "disk full", "bad image", "bad config", "crashing image", "dying image", "late image",
    }  # fmt: skip


def a_round(action: schedule.Action, fault: schedule.Fault) -> Round:
    made = (one for seed in range(200) for one in some(seed, 40))
    return next(one for one in made if (one.action, one.fault) == (action, fault))


def ran(code: int, *, killed: bool = False, out: str = "") -> Ran:
    return Ran(words=("deploy",), code=code, seconds=1.0, out=out, err="error: no", killed=killed)


def wrong(action: schedule.Action, fault: schedule.Fault, code: int, *, killed: bool = False, out: str = "") -> bool:
    one = a_round(action, fault)
    command = operations.commands(one, "chaos", HOSTS)[-1]
    return bool(operations.misjudged(one, command, ran(code, killed=killed, out=out)))


@pytest.mark.parametrize(
    ("action", "fault", "right"),
    [
        ("refresh", "none", {0}),
        ("leave", "tool killed", {0}),
        ("upgrade", "node killed", {0, 1, 3, 4}),
        ("drain", "partition", {0, 1, 3, 4}),
        ("upgrade", "bad image", {4}),
        ("refresh", "bad config", {4}),
        ("join", "crashing image", {1, 4}),
        ("upgrade", "dying image", {4}),
        ("upgrade", "late image", {0, 4}),
    ],
)
def test_a_command_ends_with_what_the_fault_explains(
    action: schedule.Action, fault: schedule.Fault, right: set[int]
) -> None:
    assert {code for code in (-9, 0, 1, 2, 3, 4, 5, 130) if not wrong(action, fault, code)} == right
    assert not wrong(action, fault, -9, killed=True)


def test_what_the_tools_own_client_lost_is_told() -> None:
    assert wrong("refresh", "none", 0, out='{"heartbeat": {"lost": ["write 7"], "sessions_lost": 0}}')
    assert wrong("refresh", "none", 0, out='{"heartbeat": {"lost": [], "sessions_lost": 1}}')
    assert not wrong("refresh", "none", 0, out='{"heartbeat": {"lost": [], "sessions_lost": 0}}')
    assert not wrong("refresh", "node killed", 0, out='{"heartbeat": {"lost": [], "sessions_lost": 1}}')


def test_the_setup_of_a_rollback_is_not_disturbed_and_ends_well() -> None:
    one = a_round("rollback", "node killed")
    first, second = operations.commands(one, "chaos", HOSTS)
    assert (first.words[0], first.faulty, second.words[0], second.faulty) == ("refresh", False, "rollback", True)
    assert first.world not in {one.before, one.after}
    assert second.world == one.before
    assert operations.misjudged(one, first, ran(3))


def test_shrinking_names_the_ensemble_and_a_drain_its_machine() -> None:
    (leave,) = operations.commands(a_round("leave", "none"), "chaos", HOSTS)
    assert "--confirm=chaos" in leave.words
    one = a_round("drain", "none")
    out, back = operations.commands(one, "chaos", HOSTS)
    assert out.words[:2] == ("drain", f"--node=m{one.target}")
    assert back.words[:2] == ("undrain", f"--node=m{one.target}")


def test_a_moment_is_told_in_words() -> None:
    assert str(Moment(unit="steps", count=3)) == "after 3 steps"
    assert str(Moment(unit="seconds", count=2.5)) == "after 2.5 seconds"
