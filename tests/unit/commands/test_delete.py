"""`delete`: the name is asked for, the cleaner is a valid pod, and its script touches nothing but its own."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.conftest import MakeCluster
from tests.support.command_line import invoke
from tests.support.factories import IMAGE
from zkops.commands import delete as wipe
from zkops.commands.wipe_pod import Wiped, cleaner, outcome
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput, Failed, Refused
from zkops.ensemble import retained as kept
from zkops.manifests import render

SCRIPT = yaml.safe_load((render.MANIFESTS / "wipe.yaml").read_text())["spec"]["containers"][0]["command"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stdin", "given"), [(io.StringIO(), "demo"), (Terminal("demo\n"), "")])
def test_the_right_name_confirms(
    cluster: Cluster, stdin: io.StringIO, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    wipe.confirm(cluster, given)


@pytest.mark.parametrize(
    ("stdin", "given", "mend"),
    [
        (io.StringIO("demo\n"), "", "--confirm=demo"),
        (io.StringIO(), "Demo", "give demo"),
        (Terminal(""), "", "give demo"),
        (Terminal("yes\n"), "", "give demo"),
        (Terminal("demo\n"), "other", "give demo"),
    ],
)
def test_anything_else_does_not(
    cluster: Cluster, stdin: io.StringIO, given: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(BadInput) as caught:
        wipe.confirm(cluster, given)
    assert mend in caught.value.mend


def test_the_cleaner_is_a_valid_pod_of_its_own_kind(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(
        name="prod", paths={"data": "/srv/zk", "log": "/fast"}, kubernetes={"namespace": "infra"}, sandbox=None
    )
    pod = cleaner(cluster, cluster.machines[1], IMAGE)
    for version in ("1.25", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(pod, version, strict=True)
    assert (pod["metadata"]["name"], pod["metadata"]["namespace"]) == ("prod-wipe-2", "infra")
    assert pod["spec"]["nodeName"] == "demo-2"
    assert [volume["hostPath"]["path"] for volume in pod["spec"]["volumes"]] == ["/srv/zk", "/fast"]
    assert pod["spec"]["containers"][0]["command"][-3:] == ["wipe", "prod", "/disks"]
    service = render.render(cluster, IMAGE).object("Service")["spec"]["selector"]
    assert not service.items() <= pod["metadata"]["labels"].items(), "clients must not be led to it"


def run(disks: Path, name: str = "demo") -> tuple[int, dict[str, Any]]:
    done = subprocess.run([*SCRIPT[:-2], name, str(disks)], capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {"stderr": done.stderr}


@pytest.fixture
def disks(tmp_path: Path) -> Path:
    """Two disks with data of `demo` and of others."""
    for file in ("data/demo/data/myid", "data/demo/data/version-2/snap", "log/demo/log/version-2/log.1"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"x" * 5000)
    for file in ("data/demo2/data/myid", "data/demo.old", "log/other/log/version-2/log.1", "outside/kept"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("others")
    return tmp_path


def others(disks: Path) -> list[str]:
    return sorted(str(path.relative_to(disks)) for path in disks.rglob("*") if path.is_file())


OTHERS = ["data/demo.old", "data/demo2/data/myid", "log/other/log/version-2/log.1", "outside/kept"]


def test_the_script_frees_its_own_directories_and_nothing_else(disks: Path) -> None:
    code, said = run(disks)
    assert code == 0
    assert said["files"] == 3
    assert said["bytes"] >= 15000
    assert said["left"] == 0
    assert others(disks) == OTHERS
    assert not (disks / "data/demo").exists()
    assert run(disks) == (0, {"files": 0, "bytes": 0, "left": 0})


@pytest.mark.parametrize("part", ["data/demo", "data/demo/data", "log/demo", "log/demo/log"])
def test_a_link_on_the_way_is_refused_before_anything_is_touched(disks: Path, part: str) -> None:
    real = disks / "moved"
    (disks / part).rename(real)
    (disks / part).symlink_to(real)
    before = others(disks)
    code, said = run(disks)
    assert code == 1
    assert said == {"refused": f"{part.split('/', 1)[1]} is a symbolic link"}
    assert others(disks) == before


def test_links_among_the_data_are_removed_and_not_followed(disks: Path) -> None:
    (disks / "data/demo/data/link").symlink_to(disks / "outside")
    (disks / "data/demo/data/dead").symlink_to("/nowhere")
    assert run(disks)[1]["files"] == 5
    assert others(disks) == OTHERS


def test_files_of_every_name_are_counted_once_and_removed(disks: Path) -> None:
    for name in (".hidden", "-dash", "with space", "new\nline", "back\\slash", "deep/er/file"):
        (disks / "data/demo/data" / name).parent.mkdir(parents=True, exist_ok=True)
        (disks / "data/demo/data" / name).touch()
    (disks / "data/demo/data/empty/.dir").mkdir(parents=True)
    assert run(disks)[1] | {"bytes": 0} == {"files": 9, "bytes": 0, "left": 0}
    assert others(disks) == OTHERS


def test_what_is_not_the_ensembles_stays_and_is_told(disks: Path) -> None:
    (disks / "data/demo/notes").write_text("mine")
    said = run(disks)[1]
    assert (said["files"], said["left"]) == (3, 1)
    assert others(disks) == sorted([*OTHERS, "data/demo/notes"])


def test_a_file_in_the_directorys_place_is_refused(disks: Path) -> None:
    (disks / "data/plain").write_text("a file")
    assert run(disks, "plain") == (1, {"refused": "plain is no directory"})


def ended(message: str, phase: str = "Succeeded") -> dict[str, Any]:
    state = {"terminated": {"exitCode": 0 if phase == "Succeeded" else 1, "message": message}}
    return {"metadata": {}, "status": {"phase": phase, "containerStatuses": [{"name": "wipe", "state": state}]}}


def test_what_a_cleaner_tells_is_read() -> None:
    assert outcome("a", {"metadata": {}, "status": {"phase": "Pending"}}) is None
    assert outcome("a", ended('{"files": 2, "bytes": 9, "left": 0}')) == Wiped(
        node="a", state="wiped", files=2, bytes=9
    )
    refused = outcome("a", ended('{"refused": "demo is a symbolic link"}', "Failed"))
    assert refused == Wiped(node="a", state="refused", note="demo is a symbolic link")
    failed = outcome("a", ended("find: cannot delete './x':\nDevice or resource busy", "Failed"))
    assert failed == Wiped(node="a", state="failed", note="find: cannot delete './x': Device or resource busy")
    evicted = outcome("a", {"metadata": {}, "status": {"phase": "Failed", "message": "The node was low on disk"}})
    assert evicted is not None
    assert evicted.note == "The node was low on disk"


def test_a_machine_left_over_is_a_failure_with_a_mend() -> None:
    rows = (Wiped(node="a", state="wiped"), Wiped(node="b", state="away", note="the machine does not answer"))
    with pytest.raises(Failed, match="b: the machine does not answer") as caught:
        wipe.Deletion(name="demo", finished=False, nodes=rows).check()
    assert "again when it is back" in caught.value.mend
    wipe.Deletion(name="demo", finished=True, nodes=rows[:1]).check()


def test_data_the_description_no_longer_names_is_not_left_behind(cluster: Cluster, make_cluster: MakeCluster) -> None:
    found = kept.wanted(render.render(cluster, IMAGE))
    wipe.refuse_abandoned(cluster, found, [])
    with pytest.raises(Refused, match="/var/lib/zkops/demo/data"):
        wipe.refuse_abandoned(make_cluster(paths={"data": "/srv"}), found, [])
    stranger = {"metadata": {"name": "stranger", "labels": {"zkops/ensemble": "demo"}}}
    with pytest.raises(Refused, match="stranger carries the label"):
        wipe.refuse_abandoned(cluster, found, [stranger])


def test_amounts_are_written_for_people() -> None:
    assert [wipe.amount(size) for size in (0, 1023, 2048, 5 * 1024**3)] == ["0 B", "1023 B", "2.0 KiB", "5.0 GiB"]


@pytest.mark.parametrize("given", [(), ("--confirm", "Demo"), ("--confirm=demo", "--timeout=soon")])
def test_delete_from_a_script_needs_the_exact_name(given: tuple[str, ...]) -> None:
    done = invoke("delete", *given)
    assert (done.returncode, done.stdout) == (2, "")
    assert "mend: " in done.stderr
