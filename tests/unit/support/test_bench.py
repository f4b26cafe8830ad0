"""What the benchmark makes of its samples: medians, spread, gaps, tables. Nothing here is measured."""

import io
import json
import struct
from dataclasses import replace

import pytest

from tests.bench import clock, images, report
from tests.bench.__main__ import GROUPS, options
from tests.support.measuring import jute
from tests.support.measuring.measures import OURS, PEER, Measure, Samples, from_buckets, longest_gap, quantile, spread
from zkops import ROOT
from zkops.images import image

SIZE = Measure(group="size", name="image", unit="MB", peer=[400.0], ours=[80.0], headline="image size", exact=True)
RATE = Measure(group="rate", name="sets", unit="/s", peer=[8000, 10000, 9000], ours=[9000, 9900], more_is_better=True)
ALONE = Measure(group="rate", name="exec probe", unit="CPU-ms", ours=[3.0], headline="probe")
REPORT = report.Report(
    date="2026-11-22T10:00:00+00:00",
    machine={"cpu": "Some CPU", "cores": 2, "memory_gib": 23.5, "kernel": "6.1", "docker": "20.10"},
    images={"peer": "peer:1", "ours": "ours:2"},
    quick=False,
    measures=[SIZE, RATE, ALONE],
    load={"size": [0.5, 1.0], "rate": [1.0, 2.5]},
)


def test_spread_is_least_and_greatest_of_few_samples_and_quartiles_of_many() -> None:
    assert spread([3, 1, 2]) == (1, 3)
    assert spread([100, *range(1, 8), 0]) == (2, 6)


def test_a_quantile_lies_between_its_neighbours() -> None:
    assert quantile([1.0, 2.0], 0.5) == 1.5
    assert quantile([7.0], 0.99) == 7.0


def test_a_quantile_of_buckets_is_the_middle_of_the_bucket_it_falls_in() -> None:
    assert from_buckets({0: 98, 5: 1, 900: 1}, 0.5, 2) == 1
    assert from_buckets({0: 98, 5: 1, 900: 1}, 0.99, 2) == 11
    with pytest.raises(ValueError, match="no values"):
        from_buckets({}, 0.5, 1)


def test_a_gap_begins_at_the_last_write_before_the_event() -> None:
    assert longest_gap([0.0, 0.9, 4.0, 4.1], begin=1.0, end=4.2) == pytest.approx(3.1)


def test_a_gap_that_never_ended_counts_to_the_end() -> None:
    assert longest_gap([0.9, 1.1], begin=1.0, end=9.1) == pytest.approx(8.0)
    assert longest_gap([], begin=1.0, end=9.0) == 8.0


def test_a_ratio_is_of_the_medians_and_needs_both() -> None:
    assert SIZE.ratio == pytest.approx(0.2)
    assert RATE.ratio == pytest.approx(9450 / 9000)
    assert ALONE.ratio is None
    assert replace(SIZE, peer=[0.0]).ratio is None


def test_samples_keep_the_order_of_their_quantities() -> None:
    samples = Samples("group")
    for column, name, value in ((PEER, "b", 1.0), (PEER, "a", 2.0), (OURS, "b", 3.0), (OURS, "b", 4.0)):
        samples.add(column, name, "s", value)
    assert [(m.name, m.peer, m.ours) for m in samples.measures()] == [("b", [1.0], [3.0, 4.0]), ("a", [2.0], [])]


def test_the_whole_table_has_each_measure_with_median_spread_and_ratio() -> None:
    table = report.full_table(REPORT)
    assert "| image | 400 MB | 80.0 MB | **0.20** |" in table
    assert "| sets | 9,000 /s (8,000-10,000) | 9,450 /s (9,000-9,900) | 1.05 |" in table
    assert "| exec probe | - | 3.00 CPU-ms | - |" in table
    assert table.count("ours/peer") == 2  # a table a group


def test_a_ratio_is_bold_where_ours_is_better_and_says_where_it_is_worse() -> None:
    assert report.ratio(replace(SIZE, ours=[500.0])) == "1.25 worse"
    assert report.ratio(replace(RATE, ours=[18000, 18000])) == "**2.00**"
    assert report.ratio(replace(RATE, ours=[4500, 4500])) == "0.50 worse"


def test_a_ratio_is_plain_where_the_spreads_meet() -> None:
    assert report.ratio(replace(SIZE, peer=[10.0, 20.0, 30.0], ours=[5.0, 6.0, 10.0])) == "0.30"
    assert report.ratio(replace(SIZE, ours=[400.0])) == "1.00"


def test_one_sample_shows_a_difference_only_where_it_is_exact() -> None:
    assert report.ratio(replace(SIZE, exact=False)) == "0.20"
    assert report.ratio(SIZE) == "**0.20**"


def test_a_small_ratio_keeps_two_digits() -> None:
    assert report.ratio(replace(SIZE, ours=[0.5])) == "**0.0013**"


def test_the_short_table_has_headlines_only() -> None:
    table = report.short_table(REPORT)
    assert "| image size | 400 MB | 80.0 MB | **0.20** |" in table
    assert "| probe | - | 3.00 CPU-ms | - |" in table
    assert "sets" not in table


def test_tables_say_when_and_where_they_were_measured_and_what_was_left_out() -> None:
    table = report.full_table(replace(REPORT, quick=True, notes=["gaps: 1 of 4 rounds, for lack of time"]))
    said = ("2026-11-22", "2 cores of Some CPU", "load average 0.5-2.5", "`ours:2`", "quick run", "gaps: 1 of 4 rounds")
    assert [text for text in said if text not in table] == []


def test_json_holds_every_sample_and_the_ratio() -> None:
    found = json.loads(REPORT.as_json())
    assert found["measures"][1]["peer"] == [8000, 10000, 9000]
    assert found["measures"][0]["ratio"] == pytest.approx(0.2)
    assert found["machine"]["cores"] == 2
    assert found["load"]["rate"] == [1.0, 2.5]


def test_a_table_goes_between_the_marks_and_nowhere_else() -> None:
    page = "a\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nb\n"
    assert report.between_marks(page, r"new \1" + "\n") == page.replace("old", r"new \1")


@pytest.mark.parametrize("name", ["README.md", "docs/internals/benchmarks.md"])
def test_a_page_has_its_marks_once(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    assert page.count("<!-- bench:begin -->\n") == page.count("<!-- bench:end -->") == 1
    assert page.index("<!-- bench:begin -->") < page.index("<!-- bench:end -->")


def test_frames_are_taken_from_any_pieces() -> None:
    frame = struct.pack(">iiqi", 16, 7, 1, 0)
    second = struct.pack(">iiqi", 16, 8, 2, -101)
    whole, replies = frame + second, jute.Replies()
    assert [reply for byte in whole for reply in replies.feed(bytes([byte]))] == [(7, 0), (8, -101)]
    assert list(jute.Replies().feed(whole)) == [(7, 0), (8, -101)]


def test_a_request_is_a_length_a_header_and_a_record() -> None:
    assert jute.frame(3, jute.get("/a")) == struct.pack(">iiii2s?", 15, 3, 4, 2, b"/a", False)
    assert jute.frame(3, jute.put("/a", b"x")) == struct.pack(">iiii2si1si", 23, 3, 5, 2, b"/a", 1, b"x", -1)


def test_what_is_read_through_a_tee_is_counted_and_compressed_whole() -> None:
    tee = images.Tee(iter([b"a" * 1000, b"b" * 1000]))
    assert tee.read(1500) == b"a" * 1000 + b"b" * 500
    tee.finish()
    assert tee.size == 2000
    assert 0 < tee.packed < 100


def test_layers_are_packed_each_by_itself() -> None:
    assert 0 < images.packed(io.BytesIO(bytes(1 << 21))) < 10_000


def test_the_peer_takes_the_package_of_our_lock() -> None:
    assert images.server_package(image.DIRECTORY / image.LOCK).startswith(image.zookeeper_version())


def test_a_run_out_of_time_ends_its_rounds_early_and_says_so() -> None:
    late = clock.Clock(quick=False, seconds=0)
    assert list(late.rounds("gaps", 4, 1, share=1)) == [1]
    assert late.notes == ["gaps: 1 of 4 rounds, for lack of time"]


def test_a_run_with_time_does_all_rounds() -> None:
    assert list(clock.Clock(quick=False, seconds=1e6).rounds("gaps", 4, 1, share=1)) == [1, 2, 3, 4]
    assert list(clock.Clock(quick=True, seconds=1e6).rounds("gaps", 4, 1, share=1)) == [1]


def test_options_choose_groups_and_refuse_others() -> None:
    assert options([]).only is None
    assert options(["--only", "size", "--only", "gaps", "--quick"]).only == ["size", "gaps"]
    assert set(GROUPS) == {"size", "startup", "memory", "probes", "throughput", "gaps", "changes"}
    with pytest.raises(SystemExit) as refused:
        options(["--only", "everything"])
    assert refused.value.code == 2
