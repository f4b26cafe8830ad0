"""A machine seen from inside: its ports, disks and clock are judged, and what the looking pod prints is read."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import MakeCluster
from tests.support.factories import LOOK, NODE, PLACE, TROUBLE
from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.doctor import node_checks as nodechecks
from zkops.doctor import node_probe as nodeprobe
from zkops.doctor.checks import Finding, Node
from zkops.doctor.node_probe import Look, Trouble

GIB = 1024**3
DATA = PLACE.wanted


def told(finding: Finding) -> tuple[str, str]:
    return finding.state, finding.what


def test_free_ports_and_the_members_own_are_ok(cluster: Cluster) -> None:
    (free,) = nodechecks.ports(cluster, NODE, LOOK)
    assert told(free) == ("ok", "2181, 2888, 3888, 7000 are free")
    busy = replace(LOOK, listeners={2181: 1000, 3888: 1000})
    (own,) = nodechecks.ports(cluster, replace(NODE, own_pod=True), busy)
    assert told(own) == ("ok", "2181, 2888, 3888, 7000 are in the member's own use")


@pytest.mark.parametrize(
    ("node", "look", "what"),
    [
        (NODE, replace(LOOK, listeners={2888: 1000}), "port 2888 (quorum) is taken by a process of the user 1000"),
        (NODE, replace(LOOK, listeners={7000: 33}), "port 7000 (metrics) is taken by a process of the user 33"),
        (
            replace(NODE, own_pod=True),
            replace(LOOK, listeners={3888: 0}),
            "port 3888 (election) is taken by a process of the user 0",
        ),
        (replace(NODE, holders={2181: "zoo/other-x"}), LOOK, "port 2181 (client) is taken by the pod zoo/other-x"),
        (replace(NODE, holders={2181: "zoo/other-x"}), TROUBLE, "port 2181 (client) is taken by the pod zoo/other-x"),
    ],
)
def test_a_port_in_others_use_is_named_with_its_holder(
    cluster: Cluster, node: Node, look: Look | Trouble, what: str
) -> None:
    (found,) = nodechecks.ports(cluster, node, look)
    assert told(found) == ("failed", what)
    assert "ports." in found.mend


def test_what_could_not_be_looked_at_is_skipped_not_ok(cluster: Cluster) -> None:
    assert list(nodechecks.ports(cluster, NODE, TROUBLE)) == []
    failed, skipped = nodechecks.unseen("demo-1", TROUBLE)
    assert [failed.state, skipped.state] == ["failed", "skipped"]
    (only,) = nodechecks.unseen("demo-1", replace(TROUBLE, tried=False))
    assert (only.state, only.mend) == ("skipped", "do this")


@pytest.mark.parametrize(
    ("changes", "state", "what"),
    [
        ({}, "ok", f"{DATA}: 50.0 GiB of 99.0 GiB free"),
        ({"nearest": "/var/lib", "owner": "0:0"}, "ok", f"{DATA}: can be made, 50.0 GiB of 99.0 GiB free"),
        ({"kind": "regular file"}, "failed", f"{DATA} is no directory but a regular file"),
        ({"nearest": "/var/lib/zkops", "kind": "regular file"}, "failed", "/var/lib/zkops is no directory"),
        ({"read_only": True}, "failed", f"{DATA} is on a file system mounted read-only"),
        ({"mode": "555"}, "failed", f"{DATA} has the mode 555: its own user 1000:1000 may not write there"),
        ({"available": GIB // 2}, "failed", f"{DATA} has 512 MiB free of 99.0 GiB"),
        ({"available": 3 * GIB, "size": 10 * GIB}, "warning", f"{DATA} has 3.0 GiB of 10.0 GiB free"),
        ({"available": 9 * GIB}, "warning", f"{DATA} has 9.0 GiB of 99.0 GiB free; below 10 %"),
        ({"owner": "0:0"}, "warning", f"{DATA} belongs to 0:0; the member's start gives it to 1000:1000"),
        ({"kind": "symbolic link", "available": 0}, "warning", f"{DATA} is a symbolic link"),
    ],
)
def test_every_state_of_a_data_directory_is_told(changes: dict[str, Any], state: str, what: str) -> None:
    found = nodechecks.disk("demo-1", replace(PLACE, **changes))
    assert found.state == state
    assert found.what.startswith(what)
    assert bool(found.mend) is (state != "ok")


def test_memory_counts_what_others_ask_for(cluster: Cluster) -> None:
    assert nodechecks.memory(cluster, NODE).state == "ok"
    full = nodechecks.memory(cluster, replace(NODE, asked=4 * GIB - 10))
    assert told(full) == ("failed", "asks for 320 MiB of 0 MiB that others leave")


@pytest.mark.parametrize(
    ("skew", "state", "words"),
    [
        (0.4, "ok", "agrees"),
        (-1.9, "ok", "agrees"),
        (5.0, "warning", "5 s ahead of"),
        (-59.0, "warning", "59 s behind"),
        (90.0, "failed", "90 s ahead of"),
        (-7200.0, "failed", "7200 s behind"),
    ],
)
def test_a_clock_far_off_is_told_either_way(skew: float, state: str, words: str) -> None:
    found = nodechecks.clock("demo-1", skew)
    assert found.state == state
    assert words in found.what
    assert ("NTP" in found.mend) is (state != "ok")


PRINTED = f"""listen\t2181\t1000
listen\t22\t0
path\t{DATA}\t/var/lib\tdirectory\t0:0\t755\trw,relatime
space\t{DATA}\t53687091200\t106300440576\toverlay
clock\t999
clock\t1000
"""


def test_what_the_pod_prints_is_read() -> None:
    look = nodeprobe.parse(PRINTED, now=1000.6)
    assert look is not None
    assert look.listeners == {2181: 1000, 22: 0}
    assert look.skew == pytest.approx(0.0)
    assert look.places == (replace(PLACE, nearest="/var/lib", owner="0:0", filesystem="overlay"),)


def test_a_pod_that_has_not_printed_everything_is_waited_for() -> None:
    assert nodeprobe.parse("", 0.0) is None
    assert nodeprobe.parse(PRINTED.partition("clock")[0], 0.0) is None
    with pytest.raises(ValueError, match="unpack"):
        nodeprobe.parse("path\tx\nclock\t1.0\n", 0.0)


def test_a_read_only_mount_is_read() -> None:
    look = nodeprobe.parse(PRINTED.replace("rw,relatime", "rw,ro,noexec"), 1000.0)
    assert look is not None
    assert look.places[0].read_only


def status(**fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "status": {"phase": "Pending"} | fields}


def waiting(reason: str, message: str) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return status(containerStatuses=[{"name": "doctor", "state": state}])


def test_why_a_pod_is_silent_is_told_and_a_young_one_is_waited_for() -> None:
    assert nodeprobe.why_silent(status(), late=False) is None
    late, gone = nodeprobe.why_silent(status(), late=True), nodeprobe.why_silent(None, late=False)
    assert late is not None
    assert "does not report: Pending" in late.what
    assert gone is not None
    assert "removed by somebody" in gone.what
    refused = nodeprobe.why_silent(status(phase="Failed", message="Pod was rejected"), late=False)
    assert refused is not None
    assert "Pod was rejected" in refused.what
    pull = nodeprobe.why_silent(waiting("ErrImagePull", "failed to do request: dial: connection refused"), late=False)
    assert pull is not None
    assert pull.what == "the image cannot be pulled: dial: connection refused"
    assert "cannot reach the registry" in pull.mend


def test_the_looking_pod_is_fitted_to_machine_and_description(make_cluster: MakeCluster) -> None:
    registry = {"domain": "127.0.0.1:25000", "credentials": {"file": "login"}}
    cluster = make_cluster(registry=registry, paths={"data": "/data", "log": "/log"})
    pod = nodeprobe.manifest(cluster, cluster.machines[1], "image@sha256:1", "default", "abc")
    assert pod["metadata"]["name"] == "demo-doctor-2-abc"
    assert pod["metadata"]["namespace"] == "default"
    assert pod["spec"]["nodeName"] == "demo-2"
    assert pod["spec"]["containers"][0]["image"] == "image@sha256:1"
    assert pod["spec"]["containers"][0]["args"] == ["/data/demo/data", "/log/demo/log"]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "demo-doctor"}]


def test_the_looking_pod_cannot_change_a_machine() -> None:
    spec = doctor_pod()
    (container,) = spec["containers"]
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]}
    assert spec["volumes"][0]["hostPath"] == {"path": "/", "type": ""}


def test_the_pods_script_tells_what_is_there_and_parse_reads_it(tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir(mode=0o750)
    (tmp_path / "file").touch(mode=0o640)
    (tmp_path / "link").symlink_to("srv")
    (command,) = [container["command"] for container in doctor_pod()["containers"]]
    script = command[2].replace("/host", str(tmp_path))
    wanted = ["/srv", "/srv/demo/data", "/file/data", "/link"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        arguments = [*command[:2], script, command[3], *wanted]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout
            try:
                lines = list(until_clock(running.stdout))
            finally:
                running.kill()
        port = server.getsockname()[1]
    look = nodeprobe.parse("".join(lines), time.time())
    assert look is not None
    assert look.listeners[port] == os.getuid()
    assert [(place.wanted, place.nearest, place.kind, place.mode) for place in look.places] == [
        ("/srv", "/srv", "directory", "750"),
        ("/srv/demo/data", "/srv", "directory", "750"),
        ("/file/data", "/file", "regular empty file", "640"),
        ("/link", "/link", "symbolic link", "777"),
    ]
    disk = shutil.disk_usage(tmp_path)
    assert {place.size for place in look.places} == {disk.total}
    assert all(0 < place.available <= place.size and place.filesystem for place in look.places)
    assert not any(place.read_only for place in look.places)


def doctor_pod() -> dict[str, Any]:
    spec: dict[str, Any] = yaml.safe_load((ROOT / "manifests" / "doctor.yaml").read_text())["spec"]
    return spec


def until_clock(stream: Iterable[str]) -> Iterator[str]:
    """Give the lines up to the first of the clock."""
    for line in stream:
        yield line
        if line.startswith("clock"):
            return
