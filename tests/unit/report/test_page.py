"""The report's page: complete whatever happened, safe whatever it was told, one file that asks for nothing else."""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import timelines
from zkops.core.units import lasting, milliseconds
from zkops.report import chart
from zkops.report import latency as curve
from zkops.report import page as report
from zkops.report.timeline import Timeline

MAKERS = (timelines.done, timelines.undone, timelines.failed, timelines.interrupted, timelines.refused, timelines.long)
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Keeps the tags, the text, and whether every tag that was opened is closed again."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)

    def values(self, name: str) -> list[str]:
        return [str(attributes[name]) for _, attributes in self.tags if name in attributes]

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


@pytest.fixture(params=MAKERS, ids=lambda make: make.__name__)
def timeline(request: pytest.FixtureRequest) -> Timeline:
    make: Callable[[], Timeline] = request.param
    return make()


def test_every_tag_is_closed_every_id_is_its_own_and_every_link_leads_somewhere(timeline: Timeline) -> None:
    found = Reader(report.page(timeline))
    assert found.open == []
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in found.values("href") if link != "data:,"} <= set(ids)
    named = {name for value in found.values("aria-labelledby") for name in value.split()}
    assert named <= set(ids)


def test_nothing_is_taken_from_outside(timeline: Timeline) -> None:
    found = Reader(report.page(timeline))
    assert not {tag for tag, _ in found.tags} & {"script", "img", "iframe", "object", "embed", "base", "form"}
    assert [link for link in found.values("href") if not link.startswith("#")] == ["data:,"]
    assert not found.values("src")
    assert not found.values("style"), "the policy forbids it"
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?:", report.page(timeline))


def test_the_policy_allows_its_own_style_sheet_and_nothing_else(timeline: Timeline) -> None:
    text = report.page(timeline)
    (style,) = re.findall(r"(?s)<style>(.*)</style>", text)
    (policy,) = [str(a["content"]) for tag, a in Reader(text).tags if a.get("http-equiv") == "Content-Security-Policy"]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_all_steps_stand_in_it_with_their_times_gates_and_gaps() -> None:
    text = Reader(report.page(timelines.done())).words
    for intent in timelines.intents():
        assert f"{intent.label}{intent.reason}" in text
    assert "01:50:01" in text, "the clock's time of the second step"
    assert "passed after 6.3 s, then so for 15 s" in text
    assert "Longest gap0.23 sleave demo-3" in text
    assert "demo-3 → demo-2" in text
    assert "none lost, read back from 3 members" in text
    assert "ConfigMap demo-f333450e2e: zoo.cfg.autopurge.snapRetainCount: 3 → 4" in text


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (timelines.done, ["Done", "Every step was done."]),
        (timelines.undone, ["Undone", "the registry does not have the image", "not passed in 29 s", "going back"]),
        (
            timelines.failed,
            ["Failed", "1 lost", "write 70 with it", "expired twice", "over the limit of 0.5 s"],
        ),
        (
            timelines.interrupted,
            ["Interrupted", "interrupted by the operator", "No client wrote meanwhile", "none seen"],
        ),
        (
            timelines.refused,
            ["Failed", "no quorum", "It ended before the first step was begun.", "0 of 10 planned steps"],
        ),
    ],
)
def test_how_it_ended_is_told_with_its_cause(make: Callable[[], Timeline], said: list[str]) -> None:
    text = Reader(report.page(make())).words
    assert [word for word in said if word not in text] == []
    assert ("To do:" in text) == ("Why it" in text) == (make is not timelines.done)


@settings(deadline=None)  # a busy machine is no fault
@given(st.text(min_size=1, max_size=40))
def test_whatever_it_is_told_stays_text(told: str) -> None:
    timeline = timelines.interrupted()
    plain = Reader(report.page(timeline))
    intent = replace(timeline.steps[0].intent, target=told, reason=told)
    nasty = replace(
        timeline,
        ensemble=told,
        who=told,
        image=told,
        config=told,
        cause=told,
        mend=told,
        steps=(replace(timeline.steps[0], intent=intent, failure=told), *timeline.steps[1:]),
        plan=(intent, *timeline.plan[1:]),
        sights=tuple(replace(sight, states={told: told}) for sight in timeline.sights),
    )
    found = Reader(report.page(nasty))
    kept = {"svg", "g", "rect", "text", "title", "p", "tr", "td", "th", "line", "span", "a", "table", "thead", "tbody"}
    extra = {tag for tag, _ in found.tags} - {tag for tag, _ in plain.tags}
    assert extra <= kept | {"details", "summary"}
    assert found.open == []
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]


def test_what_looks_like_html_is_shown_as_it_is() -> None:
    text = report.page(timelines.failed())
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "clients could not write <for> longer & longer" in Reader(text).words


def test_half_an_hour_is_a_page_of_less_than_500_kb() -> None:
    assert len(report.page(timelines.long(30)).encode()) < 500_000
    assert len(report.page(timelines.long(120)).encode()) < 500_000


def test_the_worst_write_of_every_stretch_is_drawn() -> None:
    timeline = timelines.long(30)
    assert timeline.beats
    drawn = chart.chart(timeline).curve
    assert drawn
    worst = max(timeline.beats.timeline, key=lambda bucket: bucket.slowest)
    assert any(f"slowest {milliseconds(worst.slowest)}" in spot.title for spot in drawn.spots)
    tops = [float(y) for y in re.findall(r"V([\d.]+)", drawn.slowest)]
    scale = sorted(curve_level.y for curve_level in drawn.levels)
    assert scale[0] <= min(tops) <= scale[-1]
    assert len(tops) == sum(bucket.writes > 0 for bucket in timeline.beats.timeline)


def test_a_time_without_writes_is_drawn_as_one() -> None:
    drawn = chart.chart(timelines.failed()).curve
    assert drawn
    (silence,) = drawn.silences
    assert silence.title == "no write acknowledged for 14 s or more"
    assert drawn.slowest.count("M") == 2, "the curve has a hole"


def test_a_member_that_was_down_for_a_moment_is_seen_to_have_been() -> None:
    lane = chart.chart(timelines.long(30)).lanes[0]
    assert [(box.kind, box.title) for box in lane.boxes] == [("down", "CrashLoopBackOff, again and again")]


def test_everything_lies_within_the_chart(timeline: Timeline) -> None:
    made = chart.chart(timeline)
    boxes = [*made.steps, *(box for lane in made.lanes for box in lane.boxes)]
    assert all(0 <= box.x <= 100 and box.x + box.width <= 100.01 for box in boxes)
    assert all(0 <= tick.x <= 100 for tick in made.ticks)
    if made.curve:
        assert all(0 <= point.x <= 100 and 0 <= point.y <= 100 for point in made.curve.points)
        assert all(0 <= level.y <= 100 for level in made.curve.levels)


@given(st.floats(0.1, 10**6))
def test_the_axis_is_marked_often_enough_and_not_too_often(end: float) -> None:
    ticks = chart.ticks(end)
    assert 2 <= len(ticks) <= chart.MOST_TICKS + 1
    assert ticks[-1][0] <= end * 1.001
    assert len({label for _, label in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.218, "0.22 s"), (1.26, "1.3 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3725, "1 h 02 min")],
)
def test_times_are_told_in_words_that_people_use(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


def test_milliseconds_become_seconds_where_they_are_many() -> None:
    assert [milliseconds(amount) for amount in (1.74, 12.3, 999.0, 2300.0)] == ["1.7 ms", "12 ms", "999 ms", "2.30 s"]


def test_a_rollout_without_a_write_has_no_curve() -> None:
    assert curve.curve(timelines.interrupted(), curve.Scale(end=9)) is None
