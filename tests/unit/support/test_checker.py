"""The checkers of histories find what is wrong, and nothing else: histories known to be good and bad."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.linearizability import checker, sessions
from tests.support.linearizability.history import GONE, Operation
from tests.support.linearizability.made import KEY, MADE, cas, operation, read, refused, true_history, unanswered, write

GOOD: dict[str, Sequence[Operation]] = {
    "one after the other": [write("x", 1, 1, 2), read("x", 1, 3, 4), cas("y", 2, 5, 6), read("y", 2, 7, 8)],
    "overlapping writes in either order": [write("x", 2, 1, 4), write("y", 1, 2, 3), read("x", 2, 5, 6)],
    "a read beside a write sees the old value": [write("x", 1, 1, 4), read("made", 0, 2, 3, "b")],
    "a read beside a write sees the new value": [write("x", 1, 1, 4), read("x", 1, 2, 3, "b")],
    "a compare-and-set refused as another came first": [write("x", 1, 1, 2), refused("y", 0, 3, 4)],
    "a compare-and-set refused beside the other": [cas("x", 1, 1, 4), refused("y", 0, 2, 3)],
    "a write without an answer never happened": [unanswered("x", 1), read("made", 0, 3, 4), write("y", 1, 5, 6)],
    "a write without an answer happened": [unanswered("x", 1), read("x", 1, 3, 4)],
    "a write without an answer happened much later": [
        unanswered("x", 1),
        write("y", 1, 2, 3),
        read("y", 1, 4, 5),
        read("x", 2, 6, 7),
    ],
    "a write without an answer was overwritten unseen": [unanswered("x", 1), write("y", 2, 2, 3), read("y", 2, 4, 5)],
    "a compare-and-set without an answer makes another fail": [unanswered("x", 1, expected=0), refused("y", 0, 2, 3)],
    "two without an answer, the second one first": [
        unanswered("x", 1),
        unanswered("y", 1.5),
        read("y", 1, 2, 3),
        read("x", 2, 4, 5),
    ],
}

BAD: dict[str, Sequence[Operation]] = {
    "stale read": [write("x", 1, 1, 2), read("made", 0, 3, 4, "b")],
    "read of the future": [read("x", 1, 1, 2, "b"), write("x", 1, 3, 4)],
    "lost update": [write("x", 1, 1, 2), write("y", 2, 3, 4), read("x", 1, 5, 6)],
    "lost update, and the version goes on": [write("x", 1, 1, 2), write("y", 1, 3, 4), read("y", 1, 5, 6)],
    "two writes made the same version": [write("x", 1, 1, 4), write("y", 1, 2, 3)],
    "double compare-and-set": [cas("x", 1, 1, 4), cas("y", 1, 2, 3), read("y", 1, 5, 6)],
    "a refused compare-and-set happened": [refused("x", 5, 1, 2), read("x", 1, 3, 4)],
    "refused without a reason": [refused("x", 0, 1, 2), read("made", 0, 3, 4)],
    "resurrected write": [
        unanswered("x", 1),
        read("x", 1, 2, 3),
        write("y", 2, 4, 5),
        read("x", 3, 6, 7),
    ],
    "a write without an answer, seen and gone again": [unanswered("x", 1), read("x", 1, 2, 3), read("made", 0, 4, 5)],
    "a write without an answer, seen before it began": [read("x", 1, 1, 2), unanswered("x", 3)],
    "a compare-and-set without an answer that could not happen": [
        write("y", 1, 1, 2),
        unanswered("x", 3, expected=0),
        read("x", 2, 4, 5),
    ],
    "split brain: both sides go on": [
        write("x", 1, 1, 2, "a"),
        write("y", 1, 1.5, 3, "b"),
        read("x", 1, 4, 5, "a"),
        read("y", 1, 4, 5, "b"),
    ],
    "split brain: one side goes on where it was": [
        write("x", 1, 1, 2, "a"),
        write("y", 2, 3, 4, "a"),
        read("x", 1, 5, 6, "b"),
        write("z", 2, 7, 8, "b"),
    ],
    "the key is gone": [write("x", 1, 1, 2), operation("read", 3, 4, version=GONE)],
    "a write into nothing": [operation("write", 1, 2, value="x", version=GONE)],
    "a version is left out": [write("x", 1, 1, 2), read("x", 2, 3, 4)],
}


@pytest.mark.parametrize("name", GOOD)
def test_a_history_that_an_order_explains_passes(name: str) -> None:
    assert checker.check([MADE, *GOOD[name]]) == []


@pytest.mark.parametrize("name", BAD)
def test_a_history_that_no_order_explains_is_found(name: str) -> None:
    (found,) = checker.check([MADE, *BAD[name]])
    assert found.startswith(f"{KEY}: no order of its")


def test_what_is_wrong_is_told_with_the_operations_that_clash() -> None:
    (found,) = checker.check([MADE, write("x", 1, 1, 2), read("made", 0, 3, 4, "b")])
    assert "at version 1, value x, none can be next of: read made: ok version 0, 3.000 to 4.000 s, session b" in found


def test_keys_are_judged_by_themselves_and_one_nobody_made_is_told() -> None:
    other = replace(write("x", 1, 1, 2), key="/other")
    found = checker.check([MADE, *BAD["stale read"], other])
    assert len(found) == 2
    assert "/other: the history does not say how it was made" in found


def test_many_operations_without_an_answer_do_not_make_the_search_endless() -> None:
    lost = [unanswered(f"u{n}", 1) for n in range(40)]
    late = [read("u7", 1, 2, 3), write("y", 30, 4, 5), read("u3", 35, 6, 7), read("u7", 36, 8, 9)]
    assert len(checker.check([MADE, *lost, *late])) == 1
    assert checker.check([MADE, *lost, *late[:3]]) == []


# --- histories from a register that is right ---------------------------------------------------------------------

RUNS = st.builds(
    true_history,
    seed=st.integers(0, 2**32),
    clients=st.integers(1, 6),
    count=st.integers(1, 60),
    unanswered_share=st.sampled_from([0, 0.05, 0.3, 0.8]),
)


@given(RUNS)
@settings(deadline=None)
def test_every_history_of_a_right_register_passes(run: list[Operation]) -> None:
    assert checker.check(run) == []
    assert sessions.check(run) == []


@given(RUNS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_read_of_a_value_that_was_overwritten_before_is_found(run: list[Operation], rng: random.Random) -> None:
    writes = [one for one in run if one.acknowledged]
    last = max((one.returned for one in run if one.status != "unknown"), default=1.0)
    if not writes:
        return
    stale = rng.choice(writes)
    late = read("made", 0, last + 1, last + 2, "late")
    older = read(stale.value, stale.version - 1, last + 1, last + 2, "late")
    assert checker.check([*run, late])
    assert checker.check([*run, older])


@given(RUNS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_an_acknowledged_write_that_is_left_out_is_found(run: list[Operation], rng: random.Random) -> None:
    answered = [one for one in run if one.acknowledged and all(o.status != "unknown" for o in run)]
    if len(answered) < 2:
        return
    gone = rng.choice(sorted(answered, key=lambda one: one.version)[:-1])
    assert checker.check([one for one in run if one is not gone])


@given(RUNS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_two_answers_swapped_are_found(run: list[Operation], rng: random.Random) -> None:
    reads = [one for one in run if one.kind == "read"]
    if len({one.version for one in reads}) < 2:
        return
    one = rng.choice(reads)
    # Neither had ended when the other began: swapping two that overlap may be right.
    apart = [o for o in reads if o.version != one.version and (o.returned < one.invoked or one.returned < o.invoked)]
    if not apart:
        return
    two = rng.choice(apart)
    swapped = {
        id(one): replace(one, value=two.value, version=two.version),
        id(two): replace(two, value=one.value, version=one.version),
    }
    assert checker.check([swapped.get(id(o), o) for o in run])


@given(RUNS)
@settings(deadline=None)
def test_the_search_finds_what_trying_every_order_finds(run: list[Operation]) -> None:
    """Against a judge without any shortcut, on histories short enough for it, right and spoilt."""
    short = [one for one in run if one.kind != "create"][:6]
    for number, one in enumerate(short):
        for version in {one.version, one.version + 1, 0}:
            spoilt = [
                *short[:number],
                replace(one, version=version) if one.status == "ok" else one,
                *short[number + 1 :],
            ]
            assert (checker.check([MADE, *spoilt]) == []) == _tried(spoilt, (0, "made"))


def _tried(left: list[Operation], state: tuple[int, str]) -> bool:
    if all(one.status == "unknown" for one in left):
        return True
    end = min(one.returned for one in left)
    for one in left:
        if one.invoked <= end:
            after = checker.stepped(one, state)
            if after and _tried([other for other in left if other is not one], after):
                return True
    return False
