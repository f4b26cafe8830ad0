"""The sizing model: true to what was measured, refuses nonsense, and its heap fits the limit."""

import json
import re
import statistics
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.sizing import fit, report
from tests.conftest import MakeCluster
from zkops import ROOT
from zkops.commands import sizing as sizing_input
from zkops.core.errors import BadInput
from zkops.zoocfg import settings as zoocfg
from zkops.zoocfg import sizing
from zkops.zoocfg.sizing import MIB, Size

PAGE = ROOT / "docs" / "plan" / "sizing.md"
DATA = sizing.data()
HELD_OUT = [point for point in DATA["points"] if point.get("held_out")]
PLAIN = sizing_input.settings({})


def test_the_coefficients_are_those_fitted_to_the_points() -> None:
    assert fit.model(DATA["points"]) == DATA["model"]


def test_the_model_tells_what_was_held_out_of_its_fit() -> None:
    errors = [abs(report.error(point)) for point in HELD_OUT]
    assert len(errors) >= 8
    assert max(errors) < 0.08
    assert statistics.median(errors) < 0.03


def test_the_page_shows_the_points_the_error_and_the_trials(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = re.sub(r"(?s)(<!-- measured -->\n).*(<!-- /measured -->)", lambda m: m[1] + report.markdown() + m[2], text)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(found, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == found, "run this test with --update-golden"


def test_there_are_trials_and_natives_of_either_kind_of_clients() -> None:
    for part, least in (("natives", 8), ("trials", 4)):
        assert len(DATA[part]) >= least
        assert {"nio", "tls"} <= {measured["transport"] for measured in DATA[part]}


@pytest.mark.parametrize("native", DATA["natives"], ids=str)
def test_what_was_measured_beside_a_heap_fits_below_its_limit(native: dict[str, Any]) -> None:
    limit = sizing.limit_bytes_for(native["heap_mib"] * MIB, native["transport"] != "nio")
    assert native["heap_mib"] + native["native_mib"] <= limit / MIB


@pytest.mark.parametrize("trial", DATA["trials"], ids=str)
def test_tried_members_lived_with_at_most_40_percent_to_spare(trial: dict[str, Any]) -> None:
    assert trial["both_mib"] < trial["limit_mib"]
    # The one that joined has none of the clients and watches that its limit is for; and no heap is less than the least.
    excused = trial["member"] == "joining empty" or trial["heap_mib"] == sizing.LEAST_HEAP_MIB
    assert 0 < trial["spare"] <= (0.5 if excused else 0.4)


def test_the_tried_limits_are_still_those_proposed() -> None:
    for trial in DATA["trials"]:
        needs = sizing.propose(report.size_of(trial), PLAIN).needs
        for key, name in (("limit_mib", "memory.limit"), ("heap_mib", "heap")):
            assert trial[key] == pytest.approx(int(needs[name].value.removesuffix("Mi")), rel=0.02)


@given(st.integers(min_value=256 * MIB, max_value=2**45), st.booleans())
def test_the_heap_fits_its_limit_and_the_limit_its_heap(limit: int, tls: bool) -> None:
    heap = sizing.heap_bytes(limit, tls)
    assert heap % MIB == 0
    assert sizing.limit_bytes_for(heap, tls) <= limit
    assert sizing.heap_bytes(sizing.limit_bytes_for(heap, tls), tls) >= heap
    assert sizing.contradictions(heap, limit, tls) == ()


@pytest.mark.parametrize(("tls", "least"), [(False, 107), (True, 163)])
def test_a_limit_without_room_for_a_heap_is_refused(tls: bool, least: int) -> None:
    assert sizing.heap_bytes(least * MIB, tls) == 32 * MIB
    with pytest.raises(ValueError, match=f"write {least}Mi or more"):
        sizing.heap_bytes((least - 1) * MIB, tls)


def test_a_heap_that_leaves_the_jvm_no_room_is_a_contradiction() -> None:
    (sentence,) = sizing.contradictions(1024 * MIB, 1100 * MIB)
    assert sentence.startswith("heap: 1024Mi and the 141Mi that the JVM needs beside it")
    assert "1165Mi" in sentence
    assert sizing.contradictions(1024 * MIB, 1165 * MIB) == ()
    assert "no room" in sizing.contradictions(None, 64 * MIB)[0]


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("znodes", "2M"),
        ("znode_bytes", "300"),
        ("connections", "9k"),
        ("watches", "500k"),
        ("ephemerals", "400k"),
        ("writes", "2k"),
    ],
)
def test_more_never_needs_less(key: str, more: str) -> None:
    numbers = {"znodes": "1M", "znode_bytes": "200", "connections": "2000"}
    small = sizing_input.read(numbers)
    needs = [sizing.propose(size, PLAIN).needs for size in (small, sizing_input.read(numbers | {key: more}))]
    assert needs[0] != needs[1]
    amounts = [[float(re.sub(r"\D", "", need.value) or 0) for need in each.values()] for each in needs]
    assert all(a <= b for a, b in zip(*amounts, strict=True))


def test_tls_needs_more() -> None:
    needs = [sizing.propose(Size(znodes=1000, connections=1000, tls=tls), PLAIN).needs for tls in (False, True)]
    limits = [int(each["memory.limit"].value.removesuffix("Mi")) for each in needs]
    assert limits[1] > limits[0] + 72


def test_init_limit_follows_the_tick() -> None:
    size = Size(znodes=1_000_000, znode_bytes=200)
    ticks = [
        int(sizing.propose(size, sizing_input.settings({"tickTime": tick})).needs["initLimit"].value)
        for tick in (500, 2000)
    ]
    assert ticks[0] > 3 * ticks[1]


def test_init_limit_of_little_data_is_the_default() -> None:
    assert sizing.propose(Size(znodes=1000), PLAIN).needs["initLimit"].value == zoocfg.DEFAULTS["initLimit"]
    large = sizing.propose(Size(znodes=50_000_000, znode_bytes=200), PLAIN).needs["initLimit"]
    assert int(large.value) > int(zoocfg.DEFAULTS["initLimit"])


def test_what_lies_beyond_the_measured_is_said() -> None:
    assert sizing.propose(Size(znodes=1_000_000, znode_bytes=200), PLAIN).beyond == ""
    assert "20000000 znodes" in sizing.propose(Size(znodes=20_000_000), PLAIN).beyond


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"znodes": "-5"}, "--znodes: '-5' is no number"),
        ({"znodes": "many"}, "--znodes: 'many' is no number"),
        ({"znodes": "1Q"}, "--znodes: '1Q' is no number"),
        ({"znodes": "10", "znode_bytes": "2Mi"}, "--znode-bytes: 2097152 do not fit into a request"),
        ({"znodes": "10", "ephemerals": "11"}, "--ephemerals: 11 of 10 znodes"),
    ],
)
def test_nonsense_is_bad_input(numbers: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput) as raised:
        sizing_input.read(numbers)
    assert said in str(raised.value)


def test_a_tick_of_nothing_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"zoo_cfg\.tickTime: '0'"):
        sizing_input.settings({"tickTime": 0})


def test_a_cluster_that_has_too_little_is_told_what_is_short(make_cluster: MakeCluster) -> None:
    proposal = sizing.propose(Size(znodes=1_000_000, znode_bytes=200), PLAIN)
    small = make_cluster(resources={"memory": {"request": "256Mi", "limit": "256Mi"}}, zoo_cfg={"initLimit": 40})
    sentences = sizing_input.short(proposal, sizing_input.configured(small, tls=False))
    assert [sentence.partition(":")[0] for sentence in sentences] == ["memory.limit", "heap", "initLimit"]
    large = make_cluster(resources={"memory": {"request": "8Gi", "limit": "8Gi"}})
    assert sizing_input.short(proposal, sizing_input.configured(large, tls=False)) == ()


def invoke(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "invoke", "sizing", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_task_prints_a_table_or_json() -> None:
    size = ("--znodes", "1M", "--znode-bytes", "200", "--connections", "2000")
    table, printed = invoke(*size), invoke(*size, "--json")
    needs = json.loads(printed.stdout)["needs"]
    assert table.returncode == printed.returncode == 0, table.stderr
    assert list(needs) == ["memory.request", "memory.limit", "heap", "cpu.request", "cpu.limit", "initLimit", "disk"]
    for name, need in needs.items():
        assert re.search(rf"^{re.escape(name)} +{need['value']} +{re.escape(need['why'])}", table.stdout, re.MULTILINE)


def test_the_task_ends_with_2_for_nonsense() -> None:
    done = invoke("--znodes", "lots", "--znode-bytes", "200", "--connections", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'lots' is no number" in done.stderr
    assert "Traceback" not in done.stderr
