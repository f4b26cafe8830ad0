"""The figures of a heartbeat: each gap is counted once, for what caused it, and no acknowledged write is left out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zkops.core.errors import Failed
from zkops.zookeeper.heartbeat import heartbeat, writer
from zkops.zookeeper.heartbeat import result as beats
from zkops.zookeeper.heartbeat.result import Beats, Mark, Record
from zkops.zookeeper.heartbeat.znodes import Slot


def record(*acknowledged: float, marks: tuple[Mark, ...] = (), ended: float = 0) -> Record:
    """Writes that were acknowledged at these seconds, each after a millisecond."""
    end = ended or acknowledged[-1]
    return Record(acknowledged=acknowledged, took=[0.001] * len(acknowledged), marks=marks, ended=end, offset=1000)


def made(*acknowledged: float, marks: tuple[Mark, ...] = (), ended: float = 0) -> Beats:
    """The figures of such a record."""
    return beats.beats(record(*acknowledged, marks=marks, ended=ended), sessions_lost=0)


def test_the_longest_gap_is_told_with_its_time_and_its_mark() -> None:
    marks = (Mark(time=1.0, label="restart a"), Mark(time=3.0, label="restart b"))
    result = made(0.0, 0.9, 1.5, 2.0, 3.1, 3.2, 4.0, marks=marks)
    assert (result.longest.at, result.longest.mark) == (1002.0, "restart a")
    assert [(gap.mark, round(gap.seconds, 3)) for gap in result.gaps] == [("restart a", 1.1), ("restart b", 0.8)]


def test_a_write_on_its_way_when_something_is_begun_counts_for_that() -> None:
    result = made(0.0, 0.1, 1.1, 1.2, marks=(Mark(time=0.15, label="kill"),))
    assert result.longest.mark == "kill"


def test_a_gap_goes_on_counting_for_what_caused_it_when_the_next_thing_begins() -> None:
    marks = (Mark(time=0.15, label="leave"), Mark(time=1.0, label="restart"))
    assert made(0.0, 0.1, 1.1, 1.2, marks=marks).longest.mark == "leave"


def test_a_gap_that_lasts_to_the_end_counts() -> None:
    assert made(0.0, 0.1, ended=9.0).longest.seconds == pytest.approx(8.9)


@given(
    st.lists(st.floats(0.001, 5), min_size=1, max_size=50),
    st.lists(st.floats(-1, 100), max_size=5),
    st.floats(0, 500),
)
def test_every_gap_and_every_write_is_counted(steps: list[float], marked: list[float], rest: float) -> None:
    times = [sum(steps[:count]) for count in range(1, len(steps) + 1)]
    marks = tuple(Mark(time=time, label=f"m{index}") for index, time in enumerate(sorted(marked)))
    result = made(*times, marks=marks, ended=times[-1] + rest)
    seen = [later - earlier for earlier, later in pairwise([*times, times[-1] + rest])]
    assert result.longest.seconds == max(seen)
    assert all(gap.seconds == 0 or gap.seconds in seen for gap in result.gaps)
    assert result.acknowledged == len(times) == sum(bucket.writes for bucket in result.timeline)
    assert [gap.mark for gap in result.gaps] == [mark.label for mark in marks]


@pytest.mark.parametrize("seconds", [0.5, 59.0, 61.0, 3600.0, 86400.0])
def test_the_timeline_is_short_however_long_it_took(seconds: float) -> None:
    result = made(0.0, seconds / 2, seconds)
    assert len(result.timeline) <= beats.BUCKETS + 1
    assert sum(bucket.writes for bucket in result.timeline) == 3
    assert result.timeline[0].slowest == pytest.approx(1)


def test_percentiles_are_of_writes() -> None:
    found = beats.latency([0.001] * 98 + [0.5, 1.0])
    assert (found.p50, found.p99, found.max) == (1, 500, 1000)


def test_the_line_for_people_says_all_that_counts() -> None:
    marks = (Mark(time=0.1, label="restart demo-1"),)
    result = made(0.0, 0.1, 0.31, marks=marks)
    assert str(result) == (
        "heartbeat: longest gap 0.21 s (restart demo-1), 3 writes acknowledged, not read back, session kept"
    )
    lost = beats.beats(record(0.0, 1.0), sessions_lost=3, lost=["a", "b"])
    assert str(lost) == "heartbeat: longest gap 1.00 s, 2 writes acknowledged, 2 lost, session lost 3 times"


def test_a_slot_holds_what_was_acknowledged_or_what_was_on_its_way() -> None:
    slot = Slot("/h/05", number=70, version=2)
    assert slot.holds(70, 2)
    assert not slot.holds(134, 3)
    slot.pending = 134
    assert slot.holds(70, 2)
    assert slot.holds(134, 3)
    for number, version in [(6, 1), (134, 2), (70, 3), (134, 4), (-1, -1)]:
        assert not slot.holds(number, version), "an acknowledged write is missing, or somebody else wrote"
    assert slot.told(-1, -1) == "/h/05 is gone, write 70 with it"


def test_without_a_server_it_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "BEGIN_SECONDS", 0.5)
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.1)
    with (
        pytest.raises(Failed, match="demo lets nobody write") as caught,
        heartbeat.beating("127.0.0.1:1", "demo"),
    ):
        raise AssertionError("begun")
    assert "invoke status" in caught.value.mend
