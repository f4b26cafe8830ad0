"""The view fits every terminal, says everything in words, and folds its columns in their order."""

import io
import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tests.support import factories
from tests.support.alert_rules import ALERTS
from tests.support.fakes.servers import recorded
from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.config.loader import load
from zkops.core import units as amounts
from zkops.status.columns import COLUMNS, SLOW_MS
from zkops.status.ensemble import Ensemble, Scene, ensemble, member_json
from zkops.status.sample import Figures, Reading, figures
from zkops.status.view import View
from zkops.status.vitals import Lag, Moment, Vitals
from zkops.zookeeper.four_letter import Srvr, parse_srvr
from zkops.zookeeper.metrics import parse

IMAGE = "registry.example/zkops/zookeeper@sha256:" + "a" * 64
NOW = 1000.0


@pytest.fixture
def whole(cluster: Cluster) -> Ensemble:
    """An ensemble as it was recorded, whose requests come in evenly."""
    return ensemble(scene(cluster, "follower", "follower", "leader"))


def scene(cluster: Cluster, *kinds: str) -> Scene:
    readings = {
        machine.id: [_reading(kind, NOW - back) for back in range(30, -1, -1)]
        for machine, kind in zip(cluster.machines, kinds, strict=True)
    }
    members = factories.members(cluster, IMAGE, *(None for _ in kinds))
    bare = tuple(replace(member, server=None) for member in members)
    return Scene(name="demo", members=bare, readings=readings, moment=Moment(now=NOW, interval=1))


def _reading(kind: str, at: float) -> Reading:
    told = _figures(kind)
    # 120 requests a second on top of what was recorded.
    told = replace(told, requests=(told.requests or 0) + 120 * (at - NOW + 100))
    return Reading(at=at, server=parse_srvr(recorded(f"{kind}.srvr")), figures=told)


@cache
def _figures(kind: str) -> Figures:
    return figures(parse(recorded(f"{kind}.metrics")))


def printed(now: Ensemble, width: int, height: int | None = None, **named: Any) -> list[str]:
    """The lines that a terminal of that size shows."""
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, legacy_windows=False, **named)
    console.print(View(ensemble=now, clock="14:03:12"), height=height)
    return out.getvalue().splitlines()


def headers(lines: list[str]) -> str:
    return " ".join(line.split(maxsplit=1)[1] for line in lines if line.startswith("Member"))


def test_at_80_columns_every_figure_is_there_and_no_line_is_wider(whole: Ensemble) -> None:
    lines = printed(whole, 80)
    assert max(map(cell_len, lines)) <= 80
    assert headers(lines).split() == " ".join(column.header for column in COLUMNS).split()
    assert lines[0].startswith("demo · 3 of 3 serving: one may be lost · 14:03:12")
    assert len(lines) <= 24, "an ensemble of three fits the usual terminal"


def test_the_first_columns_at_80_are_the_weightiest(whole: Ensemble) -> None:
    head = next(line for line in printed(whole, 80) if line.startswith("Member"))
    assert head.split() == ["Member", "Role", "State", "Lag", "Write", "ms", "Req/s", "Requests"]


def test_a_wide_terminal_shows_one_row_a_member(whole: Ensemble) -> None:
    lines = printed(whole, 300)
    assert len([line for line in lines if line.startswith("Member")]) == 1
    row = next(line for line in lines if line.startswith("3 demo-3"))
    assert "leader" in row
    assert "zookeeper@aaaaaaaaaaaa" in row
    assert "119" in row, "without our own question"


@given(st.integers(40, 320))
def test_columns_are_folded_in_their_order(width: int) -> None:
    found = headers(printed(_WHOLE, width))
    assert found.split() == " ".join(column.header for column in COLUMNS).split()


@given(st.integers(40, 320), st.integers(8, 60))
def test_what_does_not_fit_the_height_is_left_out_from_the_end_and_said(width: int, height: int) -> None:
    full, lines = printed(_WHOLE, width), printed(_WHOLE, width, height)
    if len(full) <= height:
        assert lines == full
    else:
        assert re.match(r"\d+ columns more: ", lines[-1])
        assert lines[:-1] == full[: len(lines) - 1]
        least = len(printed(_WHOLE, width, 1))
        assert len(lines) <= max(height, least), "the first table is always there"


def test_the_lines_of_the_ensemble_tell_election_and_write_rate(whole: Ensemble) -> None:
    now = replace(whole, leading_ms=192_000.0, former="demo-1", writes=1234.0, writes_history=(0, 600, 1234))
    line = printed(now, 120)[1]
    assert re.match(r"last election: demo-3 leads since 3m 12s, epoch \d+, before it demo-1 · 1234 writes/s ▁▅█", line)


def test_what_is_wrong_is_said_in_words(whole: Ensemble) -> None:
    lost = replace(whole.members[0], state="lost", role=None, words="its node is lost", figures=Figures(), lag=None)
    now = replace(whole, members=(lost, *whole.members[1:]), serving=2, claims=(("demo-2", 6), ("demo-3", 7)))
    text = " ".join(" ".join(printed(replace(now, trouble="Kubernetes: no answer"), 60)).split())
    assert "2 of 3 serving: one more loss stops writes" in text
    assert "SPLIT VIEW: two leaders claimed: demo-2 (epoch 6), demo-3 (epoch 7)" in text
    assert "demo-1: lost: its node is lost" in text
    assert "Kubernetes: no answer" in text


def test_a_lag_is_shown_in_transactions_and_time(whole: Ensemble) -> None:
    lag = Lag(transactions=600, ms=6000, at_least=True, lagging=True)
    late = replace(whole.members[0], state="lagging", lag=lag)
    row = next(line for line in printed(replace(whole, members=(late,)), 80) if line.startswith("1 demo-1"))
    assert "lagging" in row
    assert "600 >6s" in row


def test_a_heap_or_a_disk_that_is_nearly_full_is_marked_without_colour(whole: Ensemble) -> None:
    told = replace(whole.members[0].figures, heap_used=95.0, heap_max=100.0, disk_free=5.0, disk_size=100.0)
    lines = printed(replace(whole, members=(replace(whole.members[0], figures=told),)), 300)
    row = next(line for line in lines if line.startswith("1 demo-1"))
    assert "95%! 100" in row
    assert "5%! 5" in row


@pytest.mark.parametrize(("mean", "told"), [(200.0, " 200 "), (201.0, " 201! ")])
def test_a_slow_log_disk_is_marked_where_its_alert_fires(whole: Ensemble, mean: float, told: str) -> None:
    lines = printed(replace(whole, members=(replace(whole.members[0], fsync_mean_ms=mean),)), 300)
    assert told in next(line for line in lines if line.startswith("1 demo-1"))
    assert ALERTS["ZooKeeperFsyncSlow"]["expr"].endswith(f" > {SLOW_MS}")


def test_long_names_are_cut_where_machines_do_not_differ(whole: Ensemble) -> None:
    names = [f"production-zookeeper-node-{n:02}.rack.example" for n in (1, 2, 3)]
    members = [replace(found, node=name) for found, name in zip(whole.members, names, strict=True)]
    lines = printed(replace(whole, members=tuple(members)), 40)
    assert all(any(line.startswith(f"{n} …r-node-{n:02}") for line in lines) for n in (1, 2, 3))


def test_what_is_cut_says_so(whole: Ensemble) -> None:
    members = tuple(replace(found, image="registry/" + "z" * 60, version="3" * 99) for found in whole.members)
    lines = printed(replace(whole, members=members), 40)
    assert len([line for line in lines if line.endswith("z…")]) == 3
    assert len([line for line in lines if line.endswith("3…")]) == 3


def test_domains_are_kept_where_machines_differ_in_them_alone(whole: Ensemble) -> None:
    names = [f"zk.{rack}.example" for rack in ("a", "b", "c")]
    members = [replace(found, node=name) for found, name in zip(whole.members, names, strict=True)]
    lines = printed(replace(whole, members=tuple(members)), 80)
    assert any(line.startswith("2 zk.b.example") for line in lines)


def test_colour_is_for_terminals_and_not_where_it_is_unwanted(whole: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[32m" in "".join(printed(whole, 80, force_terminal=True))
    assert "\x1b" not in "".join(printed(whole, 80, force_terminal=False))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[\d;]*3\d", "".join(printed(whole, 80, force_terminal=True)))


def test_an_encoding_without_blocks_gets_ascii(whole: Ensemble) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    Console(file=out, width=80).print(View(ensemble=replace(whole, name="dämö"), clock="14:03:12"))
    out.flush()
    text = raw.getvalue().decode("ascii")
    assert "d?m?" in text
    assert "##########" in text, "the sparkline of an even rate"


# Anything a member, a pod or a damaged page may tell.

number = st.none() | st.floats(allow_nan=False, allow_infinity=False)
history = st.lists(number, max_size=70).map(tuple)
pair = st.none() | st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2)
words = st.text(max_size=60)
told = st.builds(
    Figures,
    **{
        field: pair if field in {"read_ms", "write_ms"} else number
        for field in Figures.__dataclass_fields__
        if field != "state"
    },
)
lags = st.builds(
    Lag,
    transactions=st.integers(0, 2**32),
    ms=st.floats(0, 1e12),
    at_least=st.booleans(),
    lagging=st.booleans(),
)
members = st.builds(
    Vitals,
    id=st.integers(1, 255),
    node=words,
    role=st.none() | words,
    state=st.sampled_from(["serving", "lagging", "lost", "silent"]) | words,
    words=words,
    epoch=st.none() | st.integers(0, 2**31),
    zxid=st.none() | st.integers(0, 2**63),
    lag=st.none() | lags,
    figures=told,
    fsync_mean_ms=number,
    requests=number,
    requests_history=history,
    connections_history=history,
    restarts=st.none() | st.integers(0, 10**9),
    image=st.none() | words,
    config=st.none() | words,
    version=st.none() | words,
    votes=st.booleans(),
)
ensembles = st.builds(
    Ensemble,
    name=words,
    serving=st.integers(0, 20),
    voters=st.integers(1, 40),
    leader=st.none() | words,
    epoch=st.none() | st.integers(0, 2**31),
    leading_ms=number,
    former=st.none() | words,
    claims=st.lists(st.tuples(words, st.integers(0, 99)), max_size=3).map(tuple),
    writes=number,
    writes_history=history,
    members=st.lists(members, max_size=5).map(tuple),
    trouble=words,
)


@settings(max_examples=150, deadline=None)
@given(ensembles, st.integers(40, 250), st.none() | st.integers(5, 60), st.sampled_from(["utf-8", "ascii"]))
def test_whatever_is_told_no_line_is_wider_than_the_terminal(
    now: Ensemble, width: int, height: int | None, encoding: str
) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    Console(file=out, width=width, highlight=False).print(View(ensemble=now, clock="14:03:12"), height=height)
    out.flush()
    for line in raw.getvalue().decode(encoding).splitlines():
        assert cell_len(line) <= width


servers = st.builds(
    Srvr,
    mode=st.sampled_from(["leader", "follower", "observer", "standalone", "read-only", None]) | words,
    zxid=st.none() | st.integers(0, 2**64) | st.integers(7 << 32, (7 << 32) + 50),
    version=st.none() | words,
    connections=st.integers(0, 10**6),
    reason=words,
)
readings = st.lists(
    st.builds(
        Reading,
        at=st.floats(NOW - 30, NOW),
        server=st.none() | servers,
        figures=told | st.builds(Figures, state=words),
        refused=st.booleans(),
        trouble=words,
    ),
    max_size=8,
).map(lambda found: sorted(found, key=lambda reading: reading.at))


@settings(max_examples=150, deadline=None)
@given(st.tuples(readings, readings, readings), st.booleans(), st.integers(40, 250))
def test_whatever_is_read_can_be_shown_and_written_as_json(
    told: tuple[list[Reading], ...], kubernetes: bool, width: int
) -> None:
    bare = scene(_CLUSTER, "follower", "follower", "leader")
    by_id = {machine.id: found for machine, found in zip(_CLUSTER.machines, told, strict=True)}
    now = ensemble(replace(bare, readings=by_id, moment=replace(bare.moment, kubernetes=kubernetes)))
    assert all(cell_len(line) <= width for line in printed(now, width))
    json.dumps([now.as_json(), *map(member_json, now.members)], allow_nan=False)


@given(st.floats(0, 1e15))
def test_numbers_stay_short(value: float) -> None:
    assert len(amounts.count(value)) <= 5
    assert len(amounts.amount(value)) <= 5
    assert len(amounts.millis(min(value, 1e12))) <= 6


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.4, "0.4"), (9999, "9999"), (9999.6, "10k"), (12_345, "12.3k"), (999_960, "1M"), (1.25e6, "1.2M")],
)
def test_counts_as_people_read_them(value: float, shown: str) -> None:
    assert amounts.count(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.4, "0.4"), (12, "12"), (999.6, "1s"), (1234, "1.2s"), (95_000, "95s"), (120_000, "2m")]
)
def test_milliseconds_as_people_read_them(value: float, shown: str) -> None:
    assert amounts.millis(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0s"), (59, "59s"), (60, "1m"), (192, "3m 12s"), (3600, "1h"), (14_700, "4h 5m")]
)
def test_spans_as_people_read_them(value: float, shown: str) -> None:
    assert amounts.span(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (1023, "1K"), (512 * 1024**2, "512M"), (1.25 * 1024**3, "1.2G")]
)
def test_bytes_as_people_read_them(value: float, shown: str) -> None:
    assert amounts.amount(value) == shown


def test_a_sparkline_shows_the_last_values_and_what_is_not_known_as_a_blank() -> None:
    assert amounts.spark([9, 9, 0, None, 1, 7], 4, 7) == "▁ ▂█"
    assert amounts.spark([7], 3, 7) == "  █"
    assert amounts.spark([0, 0], 2, 0) == "▁▁"


_CLUSTER = load(ROOT / "cluster.yaml")
_WHOLE = ensemble(scene(_CLUSTER, "follower", "follower", "leader"))
