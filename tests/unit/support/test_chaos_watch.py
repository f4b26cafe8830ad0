"""What the looks at all members tell: who led, who was down, and whether a fault explains it."""

from collections.abc import Sequence

import pytest

from tests.chaos import watch
from tests.chaos.watch import Answer, Disturbance, Look

UP, LEADS, IDLE, DOWN = Answer(True, "follower", 1), Answer(True, "leader", 1), Answer(up=True), Answer(up=False)
SHOWN = {"f": UP, "L": LEADS, "-": IDLE, "x": DOWN, "M": Answer(True, "leader", 2)}


def looks(*texts: str, period: float = 1.0) -> list[Look]:
    """Give a look a text; its letters are what a, b, c, … said, see `SHOWN`; `M` leads in the next epoch."""
    return [
        Look(time=number * period, answers={name: SHOWN[letter] for name, letter in zip("abcde", text, strict=False)})
        for number, text in enumerate(texts)
    ]


def fault(begin: float, end: float, *victims: str, silent: bool = False) -> Disturbance:
    return Disturbance(begin=begin, end=end, victims=frozenset(victims), silent=silent)


@pytest.mark.parametrize(
    ("seen", "right"),
    [
        (["Lff", "Lff", "fLf"], True),
        (["Lff", "LMf", "LMf", "fMf"], True),  # one cut off leads on for a while, in its own epoch
        (["LLf", "fLf", "fLf"], True),  # once: a leader that begins still says the former epoch
        (["LLf", "LLf"], False),
        (["Lff", "Lff", "fLf", "fLf"], False),
    ],
)
def test_two_leaders_of_one_epoch_are_found(seen: list[str], right: bool) -> None:
    found = watch.leaders(looks(*seen))
    assert found == ([] if right else ["a and b both led in epoch 1"])


@pytest.mark.parametrize("seen", [["Lff", "Lfx", "Lfx", "Lff"], ["Lxf", "Lff", "Lfx"], ["---", "---"], ["Lxx", "Lff"]])
def test_one_member_down_at_a_time_and_an_election_are_right(seen: list[str]) -> None:
    assert watch.two_down(looks(*seen), []) == []


def test_two_members_down_at_once_are_found_where_no_fault_is_on() -> None:
    seen = looks("Lff", "Lxx", "Lxx", "Lff")
    assert watch.two_down(seen, []) == ["b and c were down at once at 1.0 s, and no fault was on"]
    assert len(watch.two_down(seen, [fault(10, 20, "b")])) == 1
    assert len(watch.two_down(seen, [fault(0, 20)])) == 1  # a fault that takes nobody down explains nothing


def test_of_five_two_down_at_once_are_one_too_many_although_a_quorum_stands() -> None:
    assert len(watch.two_down(looks("Lffxx", "Lffxx"), [])) == 1


def test_a_fault_explains_its_victim_beside_the_one_that_the_tool_had_taken_down() -> None:
    seen = looks("Lfx", "Lfx", "Lxx", "Lxx", "Lff")
    assert watch.two_down(seen, [fault(2, 5, "b")]) == []


@pytest.mark.parametrize("victim", ["x", "-"])
def test_a_member_taken_down_beside_the_victim_of_a_fault_is_found_where_the_quorum_goes(victim: str) -> None:
    seen = looks(*[f"L{victim}f"] * 12, *[f"L{victim}x"] * 3)
    (found,) = watch.two_down(seen, [fault(0, 20, "b")])
    assert found == "c went down at 12.0 s beside b: a quorum was lost"


def test_a_member_taken_down_beside_the_victim_is_right_where_a_quorum_stays() -> None:
    assert watch.two_down(looks(*["Lxfff"] * 12, *["Lxxff"] * 3), [fault(0, 20, "b")]) == []


def test_a_member_taken_down_before_the_fault_could_be_seen_is_right() -> None:
    assert watch.two_down(looks("Lxf", "Lxf", "Lxx", "Lxx"), [fault(0, 20, "b")]) == []


def test_a_short_handover_is_right_and_a_long_time_without_a_quorum_is_found() -> None:
    assert watch.unserved(looks("Lff", "---", "fMf"), []) == []
    assert watch.unserved(looks(*["fff"] * 5), []) == []  # the leader may be one that leaves, and is not looked at
    long = looks("Lff", "---", "-x-", "---", "fMf", "fMf")
    assert watch.unserved(long, []) == ["nobody served for 4.0 s until 4.0 s, and no fault was on"]
    assert watch.unserved(long, [fault(0, 9)]) != []
    assert watch.unserved(long, [fault(1, 9, "b")]) == []


def test_nobody_serves_while_the_disk_of_all_stalls_and_only_so_long() -> None:
    assert watch.unserved(looks("Lff", *["---"] * 9, "Lff"), [], [(1.0, 4.0)]) == []
    assert watch.unserved(looks("Lff", *["---"] * 20, "Lff"), [], [(1.0, 4.0)]) != []
    assert watch.unserved(looks("Lff", *["---"] * 9, "Lff"), [], [(20.0, 24.0)]) != []


def test_a_session_may_end_only_in_a_fault_that_silences_a_server() -> None:
    silent, loud = fault(10, 30, "b", silent=True), fault(10, 30, "b")
    assert watch.expiries({"0x1": 20}, [silent]) == []
    assert watch.expiries({"0x1": 20}, [loud]) == ["session 0x1 expired at 20.0 s, and no fault explains it"]
    assert len(watch.expiries({"0x1": 31, "0x2": 9, "0x3": 11}, [silent])) == 2


@pytest.mark.parametrize(
    ("times", "gap"), [([], 10.0), ([1, 2, 3], 7.0), ([6], 6.0), ([2, 9, -5, 40], 7.0), (range(11), 1.0)]
)
def test_the_longest_gap_counts_from_the_begin_and_to_the_end(times: Sequence[float], gap: float) -> None:
    assert watch.longest_gap(times, 0, 10) == gap
