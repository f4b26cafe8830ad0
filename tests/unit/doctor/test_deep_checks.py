"""The deep checks over what was measured, every state of each."""

from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import MakeCluster
from tests.support.factories import GIB, LOOK, NODE, PLACE, TROUBLE
from zkops.config.cluster import Cluster
from zkops.doctor import deep_checks as deepchecks
from zkops.doctor import upgrade_path as versionpath
from zkops.doctor.checks import Finding
from zkops.doctor.deep_probe import DATA, LOG, Deep, Snapshot, Writes

QUICK = Writes(count=200, median=0.001, slow=0.004, longest=0.009, late=0.001)
WHOLE = Snapshot(name="snapshot.100", size=2 << 20, age=600, state="whole")
DEEP = Deep(
    image="3.9.6",
    running="3.9.6",
    files=524288,
    memory=4 * GIB,
    swap=0,
    clock_kept=True,
    skew=0.0,
    inodes={LOG: (900_000, 1_000_000)},
    writes={LOG: QUICK},
    unwritten={},
    snapshots=(WHOLE,),
    kept=1,
    ages=(600.0,),
    logs=1,
    size=4 << 20,
)
LOG_PLACE = replace(PLACE, wanted="/var/lib/zkops/demo/log", nearest="/var/lib/zkops/demo/log")
BOTH = replace(LOOK, places=(PLACE, LOG_PLACE))


def told(finding: Finding) -> tuple[str, str]:
    return finding.state, finding.what


def test_a_machine_in_order_is_ok_in_every_check(cluster: Cluster) -> None:
    found = list(deepchecks.judge(cluster, {"demo-1": replace(NODE, own_pod=True)}, {"demo-1": BOTH}, {"demo-1": DEEP}))
    assert {finding.state for finding in found} == {"ok"}
    expected = ["fsync", "inodes", "snapshot", "purge", "version", "files", "memory"]
    assert [finding.check for finding in found] == expected


def test_what_could_not_be_measured_is_skipped_not_ok(cluster: Cluster) -> None:
    failed, skipped = deepchecks.judge(cluster, {"demo-1": NODE}, {"demo-1": BOTH}, {"demo-1": TROUBLE})
    assert [failed.state, failed.mend, skipped.state] == ["failed", "do this", "skipped"]
    (unseen,) = deepchecks.judge(cluster, {"demo-1": NODE}, {}, {})
    assert (unseen.state, unseen.what) == ("skipped", "need the look inside")


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, "ok", "200 synced writes: median 1.0 ms, p99 4.0 ms, longest 9.0 ms"),
        ({"slow": 0.021}, "warning", "p99 21 ms, longest 9.0 ms; up to 20 ms is good"),
        ({"slow": 0.89}, "warning", "p99 890 ms"),
        ({"slow": 0.9}, "failed", "a member that waits 900 ms for its disk is given up by the others"),
        ({"count": 20, "slow": 0.4, "longest": 0.4}, "warning", "20 synced writes, then time was up"),
    ],
)
def test_a_disk_is_judged_by_how_long_synced_writes_take(
    cluster: Cluster, changes: dict[str, Any], state: str, words: str
) -> None:
    deep = replace(DEEP, writes={LOG: replace(QUICK, **changes)})
    found = deepchecks.writes(cluster, "demo-1", "/log", deep, LOG)
    assert found.state == state
    assert words in found.what
    assert bool(found.mend) is (state != "ok")


def test_how_slow_a_disk_may_be_follows_the_settings(make_cluster: MakeCluster) -> None:
    patient = make_cluster(zoo_cfg={"syncLimit": 12})
    assert deepchecks.limit(patient) == pytest.approx(3.6)
    deep = replace(DEEP, writes={LOG: replace(QUICK, slow=1.7)})
    assert deepchecks.writes(patient, "demo-1", "/log", deep, LOG).state == "warning"


def test_only_the_logs_disk_can_cost_a_member_its_place(cluster: Cluster) -> None:
    deep = replace(DEEP, writes={DATA: replace(QUICK, slow=2.0)})
    assert deepchecks.writes(cluster, "demo-1", "/data", deep, DATA).state == "warning"


def test_a_disk_is_not_blamed_for_busy_processors(cluster: Cluster) -> None:
    deep = replace(DEEP, writes={LOG: replace(QUICK, slow=0.05, late=0.04)})
    assert "processors first: a process waits up to 40 ms" in deepchecks.writes(cluster, "x", "/log", deep, LOG).mend


def test_a_disk_that_takes_no_write_failed(cluster: Cluster) -> None:
    deep = replace(DEEP, writes={}, unwritten={LOG: "No space left on device"})
    found = deepchecks.writes(cluster, "demo-1", "/log", deep, LOG)
    assert told(found) == ("failed", "/log: nothing can be written there: No space left on device")


@pytest.mark.parametrize(
    ("free", "total", "state"),
    [(900_000, 1_000_000, "ok"), (0, 0, "ok"), (49_000, 1_000_000, "warning"), (999, 1_000_000, "failed")],
)
def test_inodes_that_run_out_are_told(free: int, total: int, state: str) -> None:
    assert deepchecks.inodes("demo-1", "/log", free, total).state == state


BROKEN = Snapshot(name="snapshot.200", size=10, age=7200, state="its checksum is wrong, or its end is missing")


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, "ok", "snapshot.100, 2.0 MiB, 10 min 00 s old: its checksum is right"),
        ({"snapshots": (replace(WHOLE, state="sealed"),)}, "ok", "too large to read through"),
        ({"snapshots": (BROKEN, WHOLE)}, "warning", "snapshot.200: its checksum is wrong"),
        ({"snapshots": (replace(BROKEN, age=5), WHOLE)}, "ok", "a newer one is being written"),
        ({"snapshots": (replace(BROKEN, age=5), BROKEN, WHOLE)}, "warning", "snapshot.200: its checksum is wrong"),
        ({"snapshots": (BROKEN, BROKEN)}, "failed", "none of the newest 2 can be read"),
        ({"snapshots": (), "logs": 3}, "failed", "there are logs, and no snapshot"),
        ({"snapshots": (), "logs": 0}, "ok", "no data yet"),
    ],
)
def test_whether_a_start_would_find_a_snapshot_is_told(changes: dict[str, Any], state: str, words: str) -> None:
    found = deepchecks.snapshot("demo-1", replace(DEEP, **changes))
    assert found.state == state
    assert words in found.what
    assert bool(found.mend) is (state != "ok")


HOUR = 3600.0


@pytest.mark.parametrize(
    ("ages", "runs", "settings", "state", "words"),
    [
        ((9 * HOUR, 8 * HOUR, 7 * HOUR), True, {}, "ok", "nothing is due"),
        ((9 * HOUR, 8 * HOUR, 7 * HOUR, HOUR), True, {}, "ok", "a purge is due within 1 h"),
        # Three of these were there two hours ago: a purge since then would have left no more than three.
        ((9 * HOUR, 8 * HOUR, 7 * HOUR, 2 * HOUR), True, {}, "warning", "the last purge was 2 h 00 min ago or more"),
        ((9 * HOUR, 8 * HOUR, 7 * HOUR, 2 * HOUR), True, {"autopurge.snapRetainCount": 4}, "ok", "nothing is due"),
        # ZooKeeper keeps three at least.
        ((9 * HOUR, 8 * HOUR, 7 * HOUR), True, {"autopurge.snapRetainCount": 1}, "ok", "nothing is due"),
        ((9 * HOUR, 8 * HOUR, 7 * HOUR, 2 * HOUR), True, {"autopurge.purgeInterval": 24}, "ok", "due within 24 h"),
        ((9 * HOUR, 8 * HOUR, 7 * HOUR, 2 * HOUR), False, {}, "ok", "no server runs"),
        ((HOUR,), True, {"autopurge.purgeInterval": 0}, "warning", "autopurge is off"),
    ],
)
def test_a_purge_that_does_not_run_is_told(
    make_cluster: MakeCluster,
    ages: tuple[float, ...],
    runs: bool,
    settings: dict[str, int],
    state: str,
    words: str,
) -> None:
    deep = replace(DEEP, ages=ages, kept=len(ages))
    found = deepchecks.purge(make_cluster(zoo_cfg=settings), "demo-1", deep, runs=runs)
    assert found.state == state
    assert words in found.what


@pytest.mark.parametrize(
    ("running", "coming", "state", "words"),
    [
        (None, "3.9.6", "ok", "no server runs yet"),
        ("", "3.9.6", "skipped", "the server does not tell"),
        ("3.9.6", "", "skipped", "the image does not tell"),
        ("3.9.6", "3.9.6", "ok", "as in the image"),
        ("3.9.3", "3.9.6", "ok", "a step within 3.9"),
        ("3.7.2", "3.9.6", "ok", "one member at a time"),
        ("3.6.4", "3.9.6", "warning", "3.7 and newer"),
        ("3.4.14", "3.9.6", "failed", "3.7 and newer"),
        ("3.9.6", "3.10.0", "warning", "what 3.10 may come from is not known here"),
        ("3.9.6", "3.9.5", "warning", "a downgrade"),
        ("3.9.6", "3.9.3", "warning", "ZOOKEEPER-4925"),
        ("3.10.0", "3.9.6", "warning", "across branches"),
    ],
)
def test_the_way_from_version_to_version_is_judged(running: str | None, coming: str, state: str, words: str) -> None:
    found = versionpath.step("demo-1", running, coming)
    assert found.state == state
    assert words in found.what
    assert bool(found.mend) is (state in {"warning", "failed"})


@pytest.mark.parametrize(
    ("old", "by"),
    [
        ((3, 8, 0), ()),
        ((3, 6, 4), ("3.7",)),
        ((3, 5, 10), ("3.6", "3.7")),
        ((3, 5, 3), ("3.5.7", "3.6", "3.7")),
        ((3, 4, 5), ("3.4.6", "3.5.7", "3.6", "3.7")),
    ],
)
def test_a_way_too_far_is_cut_into_steps_that_apache_names(old: tuple[int, ...], by: tuple[str, ...]) -> None:
    assert versionpath.stops(old, (3, 9, 6)) == by


def test_a_server_that_is_not_the_members_own_is_not_taken_for_it(cluster: Cluster) -> None:
    deep = replace(DEEP, running="3.4.5")
    found = list(deepchecks.judge(cluster, {"demo-1": NODE}, {"demo-1": BOTH}, {"demo-1": deep}))
    assert [finding.what for finding in found if finding.check == "version"] == [
        "no server runs yet; 3.9.6 is in the image"
    ]


@pytest.mark.parametrize(
    ("most", "settings", "state"),
    [
        (None, {}, "ok"),
        (524288, {}, "ok"),
        (1024, {}, "warning"),
        (8192, {"maxCnxns": 8000}, "failed"),
        (8192, {"maxCnxns": 5000}, "ok"),
    ],
)
def test_too_few_files_for_the_clients_are_told(
    make_cluster: MakeCluster, most: int | None, settings: dict[str, int], state: str
) -> None:
    assert deepchecks.files(make_cluster(zoo_cfg=settings), "demo-1", most).state == state


def test_memory_that_processes_use_beside_what_pods_ask_for_is_told(cluster: Cluster) -> None:
    scarce = replace(DEEP, memory=GIB // 8)
    assert deepchecks.memory(cluster, "demo-1", scarce, runs=False).state == "warning"
    # The member has its share already.
    assert deepchecks.memory(cluster, "demo-1", scarce, runs=True).state == "ok"
    swapping = deepchecks.memory(cluster, "demo-1", replace(DEEP, swap=2 * GIB), runs=True)
    assert swapping.state == "warning"
    assert "2.0 GiB of swap" in swapping.what


def test_a_clock_that_nothing_keeps_is_told() -> None:
    assert list(deepchecks.kept_clock("demo-1", DEEP)) == []
    assert list(deepchecks.kept_clock("demo-1", replace(DEEP, clock_kept=None))) == []
    (found,) = deepchecks.kept_clock("demo-1", replace(DEEP, clock_kept=False))
    assert found.state == "warning"


def test_clocks_are_compared_with_one_another_not_with_the_operators() -> None:
    (together,) = deepchecks.clocks({"a": 10.0, "b": 10.2, "c": 9.9})
    assert told(together) == ("ok", "0.3 s apart at most")
    (apart,) = deepchecks.clocks({"a": 10.0, "b": 10.2, "c": 8.2})
    assert apart.state == "warning"
    assert apart.what.startswith("b is 2.0 s ahead of c")
    assert list(deepchecks.clocks({"a": 99.0})) == []


def test_machines_without_data_beside_one_that_brought_its_own_are_told_before_they_vote() -> None:
    empty = replace(DEEP, snapshots=(), logs=0)
    found = list(deepchecks.strangers({"demo-1": DEEP, "demo-2": empty, "demo-3": empty}))
    assert [(one.where, one.state) for one in found] == [("demo-2", "warning"), ("demo-3", "warning")]
    assert "no data here, and demo-1 has some" in found[0].what


@pytest.mark.parametrize("changes", [{}, {"snapshots": (), "logs": 0}])
def test_machines_that_are_all_alike_are_no_danger(changes: dict[str, Any]) -> None:
    alike = replace(DEEP, **changes)
    assert list(deepchecks.strangers({"demo-1": alike, "demo-2": alike})) == []
