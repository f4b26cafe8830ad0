"""What is told of a recorded rollout: who led when, what each member was, which step each gap belongs to."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import factories, timelines
from zkops.config.cluster import Cluster
from zkops.report import timeline
from zkops.report.timeline import Sight, Timeline

IMAGE = "registry.example/zookeeper@sha256:" + "a" * 64


def seen(*looks: tuple[float, dict[str, str]], end: float) -> Timeline:
    """A rollout of which only this was seen."""
    step = replace(timelines.taken()[0], begun=0.0, ended=end)
    found = tuple(Sight(at=at, states=states) for at, states in looks)
    return replace(timelines.done(), sights=found, steps=(step,), beats=None)


def test_who_led_when_is_told_without_a_hole() -> None:
    found = seen(
        (1.0, {"a": "leader", "b": "follower"}),
        (2.0, {"a": "leader", "b": "no pod"}),
        (5.0, {"a": "going away", "b": "looking"}),
        (7.0, {"a": "no pod", "b": "leader"}),
        end=9.0,
    )
    spans = [(span.value, span.begun, span.ended) for span in timeline.reigns(found)]
    assert spans == [("a", 1.0, 5.0), ("", 5.0, 7.0), ("b", 7.0, 9.0)]
    assert timeline.changes_of_leader(found) == 1


def test_a_leader_that_was_lost_and_came_back_is_no_change() -> None:
    found = seen((0.0, {"a": "leader"}), (1.0, {"a": "no pod"}), (2.0, {"a": "standalone"}), end=3.0)
    assert timeline.changes_of_leader(found) == 0


def test_two_that_say_they_lead_are_both_named() -> None:
    found = seen((0.0, {"b": "leader", "a": "leader"}), end=1.0)
    assert [span.value for span in timeline.reigns(found)] == ["a and b"]


def test_a_member_that_joins_later_has_been_none_before() -> None:
    found = seen((0.0, {"a": "leader"}), (4.0, {"a": "leader", "b": "follower"}), end=6.0)
    spans = {host: [(s.value, s.begun, s.ended) for s in spans] for host, spans in timeline.lanes(found).items()}
    assert spans == {"a": [("leader", 0.0, 6.0)], "b": [("", 0.0, 4.0), ("follower", 4.0, 6.0)]}


@given(st.lists(st.tuples(st.floats(0.01, 9), st.sampled_from(["leader", "follower", "no pod"])), min_size=1))
def test_every_moment_from_the_first_look_to_the_end_is_in_exactly_one_span(looks: list[tuple[float, str]]) -> None:
    at, found = 0.0, []
    for pause, state in looks:
        found.append((at, {"a": state}))
        at += pause
    made = seen(*found, end=at)
    for spans in (timeline.reigns(made), timeline.lanes(made)["a"]):
        assert (spans[0].begun, spans[-1].ended) == (0.0, at)
        assert all(before.ended == after.begun and before.value != after.value for before, after in pairwise(spans))


def test_each_gap_belongs_to_the_step_after_whose_begin_it_came() -> None:
    found = timelines.done()
    gaps = timeline.gaps(found)
    assert len(gaps) == len(found.steps)
    longest = max((gap for gap in gaps if gap), key=lambda gap: gap.seconds)
    assert found.steps[gaps.index(longest)].intent.label == "leave demo-3"
    assert found.beats
    assert longest == found.beats.longest


def test_steps_that_no_client_saw_have_no_gap() -> None:
    found = timelines.done()
    assert found.beats
    cut = replace(found, beats=replace(found.beats, gaps=found.beats.gaps[:3]))
    assert [gap is None for gap in timeline.gaps(cut)] == [False] * 3 + [True] * 7
    assert timeline.gaps(replace(found, beats=None)) == (None,) * 10


def test_what_a_member_lacks_is_one_short_line(cluster: Cluster) -> None:
    member = factories.members(cluster, IMAGE, "leader", "follower", "follower")[0]
    waiting: Any = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off\npulling " + "x" * 999}}}
    bad = replace(member, server=None, pod=factories.pod("demo-1", IMAGE, ready=False, **waiting))
    (said,) = timeline.states([bad]).values()
    assert said.startswith("ImagePullBackOff: Back-off pulling x")
    assert len(said) <= 200


@pytest.mark.parametrize("minutes", [1, 30])
def test_it_ends_with_the_last_step_or_the_last_write(minutes: int) -> None:
    assert timelines.long(minutes).end == pytest.approx(60 * minutes)
