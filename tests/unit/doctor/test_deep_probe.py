"""What the measuring pod prints is read, and the pod is fitted to its machine."""

from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import MakeCluster
from tests.support.factories import GIB, PLACE
from zkops.config.cluster import Cluster
from zkops.doctor import deep_probe as deepprobe
from zkops.doctor.deep_probe import DATA, LOG, Deep, Reader, Snapshot, Writes
from zkops.doctor.node_probe import Place, Trouble

LOG_PLACE = replace(PLACE, wanted="/var/lib/zkops/demo/log", nearest="/var/lib/zkops/demo/log")
PRINTED = """files\t1048576
memory\tMemAvailable:\t4194304
memory\tSwapTotal:\t2097152
swap\t0
kept-clock\t1
running\t3.9.3
logs\t2\t67108864
inodes\t/look/log\t900\t1000
image\t3.9.6
WARNING: a line of the JVM
kept\t2\t2048\t7200,60
snapshot\tsnapshot.200\t1000\t60\tEOFException: null
snapshot\tsnapshot.100\t1048\t7200\twhole
fsync\t/look/log\t200\t1000\t4000\t9000\t1000
unsynced\t/look/data\tNo space left on device
clock\t999500
clock\t1000000
"""


def test_what_the_pod_prints_is_read() -> None:
    found = deepprobe.parse(PRINTED, now=1000.5)
    assert found == Deep(
        image="3.9.6",
        running="3.9.3",
        files=1048576,
        memory=4 * GIB,
        swap=0,
        clock_kept=True,
        skew=-0.5,
        inodes={LOG: (900, 1000)},
        writes={LOG: Writes(count=200, median=0.001, slow=0.004, longest=0.009, late=0.001)},
        unwritten={DATA: "No space left on device"},
        snapshots=(
            Snapshot(name="snapshot.200", size=1000, age=60, state="EOFException: null"),
            Snapshot(name="snapshot.100", size=1048, age=7200, state="whole"),
        ),
        kept=2,
        ages=(7200.0, 60.0),
        logs=2,
        size=67108864 + 2048,
    )


def test_what_the_pod_leaves_out_is_taken_for_unknown() -> None:
    found = deepprobe.parse("files\tunlimited\nmemory\tSwapTotal:\t1024\nclock\t0\n", 0.0)
    assert found is not None
    assert (found.files, found.swap, found.clock_kept, found.running) == (None, 1 << 20, None, "")
    assert (found.snapshots, found.ages, found.writes) == ((), (), {})


def test_a_pod_that_has_not_printed_everything_is_waited_for() -> None:
    assert deepprobe.parse(PRINTED.partition("clock")[0], 0.0) is None
    with pytest.raises(ValueError, match="unpack"):
        deepprobe.parse("snapshot\tx\nclock\t1\n", 0.0)


def test_of_several_readings_of_a_clock_the_one_that_came_quickest_counts() -> None:
    reader, found = Reader(), None
    for late in (0.3, 0.1, 0.2, 0.4, 0.5):
        assert found is None
        found = reader(PRINTED, 1000 + late)
    assert isinstance(found, Deep)
    assert found.skew == pytest.approx(-0.1)


def test_an_image_from_before_this_check_is_named_as_such() -> None:
    found = Reader()("Error: Could not find or load main class zkops.Preflight\n", 0.0)
    assert isinstance(found, Trouble)
    assert found.mend == "run `invoke build push`"


def fitted(cluster: Cluster, *places: Place) -> dict[str, Any]:
    spec: dict[str, Any] = deepprobe.manifest(cluster, cluster.machines[1], "image@sha256:1", "default", places)["spec"]
    return spec


def test_the_measuring_pod_sees_the_members_directories_and_nothing_else(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(registry={"domain": "127.0.0.1:25000", "credentials": {"file": "login"}})
    spec = fitted(cluster, PLACE, LOG_PLACE)
    (container,) = spec["containers"]
    assert [volume["hostPath"] for volume in spec["volumes"]] == [
        {"path": LOG_PLACE.wanted, "type": "Directory"},
        {"path": PLACE.wanted, "type": "Directory"},
    ]
    assert container["args"] == [f"{DATA}/version-2", f"{LOG}/version-2", "2181", LOG, DATA]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["DAC_OVERRIDE"]}
    assert (spec["nodeName"], container["image"]) == ("demo-2", "image@sha256:1")
    assert spec["imagePullSecrets"] == [{"name": "demo-doctor"}]


def test_before_the_first_deploy_what_stands_above_is_measured_and_no_file_in_it_is_judged(cluster: Cluster) -> None:
    spec = fitted(cluster, replace(PLACE, nearest="/var/lib"), replace(LOG_PLACE, nearest="/var/lib"))
    assert [volume["hostPath"]["path"] for volume in spec["volumes"]] == ["/var/lib", "/var/lib"]
    assert spec["containers"][0]["args"] == ["", "", "2181", LOG, DATA]


@pytest.mark.parametrize("change", [{"kind": "regular file"}, {"kind": "symbolic link"}, {"read_only": True}])
def test_where_nothing_can_be_written_nothing_is_mounted(cluster: Cluster, change: dict[str, Any]) -> None:
    spec = fitted(cluster, replace(PLACE, **change), LOG_PLACE)
    assert [volume["name"] for volume in spec["volumes"]] == ["log"]
    assert [mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]] == [LOG]
    assert spec["containers"][0]["args"] == ["", f"{LOG}/version-2", "2181", LOG]
