"""`invoke lint`, and the linter in `render` and `deploy`: findings are told, errors stop before anything is touched."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MakeCluster
from tests.support.zoo_cfg import CLEAN
from zkops import ROOT
from zkops.commands import deploy as deployment
from zkops.commands import lint as linting
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput
from zkops.rollout.options import Wish


def test_errors_stop_render_and_deploy_before_anything_is_asked(make_cluster: MakeCluster, tmp_path: Path) -> None:
    bad = make_cluster(zoo_cfg={"ticktime": 2000, "forceSync": "no"})
    for act in (lambda: deployment.render_files(bad, tmp_path), lambda: deployment.deploy(bad, Wish())):
        with pytest.raises(BadInput) as raised:
            act()
        assert "zoo_cfg.ticktime: " in str(raised.value)
        assert "zoo_cfg.forceSync: " in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_warnings_are_told_once(make_cluster: MakeCluster, capsys: pytest.CaptureFixture[str]) -> None:
    risky = make_cluster(zoo_cfg={"quorumListenOnAllIPs": True, "jvm.pause.monitor": True})
    linting.check(risky)
    linting.check(risky)
    assert capsys.readouterr().err.count("zoo_cfg.quorumListenOnAllIPs: true is risky") == 1


def test_the_version_is_the_images(make_cluster: MakeCluster, cluster: Cluster) -> None:
    ours = linting.version_of(cluster)
    assert ours.startswith("3.9.")
    named = {"3.7.1-jdk": "3.7.1", "3.10.0": "3.10.0", "2025.10.1": ours, "3.4.13": ours, "stable": ours}
    for tag, version in named.items():
        described = make_cluster(image={"reference": f"registry.example/zookeeper:{tag}"})
        assert linting.version_of(described) == version


def test_the_version_of_an_apache_release_is_its_own(make_cluster: MakeCluster) -> None:
    release = {"version": "3.8.4", "file": "apache-zookeeper-3.8.4-bin.tar.gz"}
    assert linting.version_of(make_cluster(image={"distribution": "apache", "apache": release})) == "3.8.4"


def test_a_version_that_cannot_answer_the_probes_is_refused(make_cluster: MakeCluster) -> None:
    with pytest.raises(BadInput, match=r"ZooKeeper 3\.5\.9 has no metrics providers"):
        linting.check(make_cluster(image={"reference": "registry.example/zookeeper:3.5.9"}))


def test_one_mistake_is_one_sentence_with_its_mend(make_cluster: MakeCluster) -> None:
    with pytest.raises(BadInput) as raised:
        linting.check(make_cluster(zoo_cfg={"leaderServes": False}))  # what YAML makes of an unquoted no
    assert raised.value.what == "zoo_cfg.leaderServes: 'false' is none of yes, no"
    assert raised.value.mend == "write yes or no, in quotes in YAML"


def invoke(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "invoke", *arguments]
    return subprocess.run(command, cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)


def test_the_task_prints_one_finding_a_line_and_exits_2_on_errors(tmp_path: Path) -> None:
    file = tmp_path / "zoo.cfg"
    file.write_text(CLEAN + "ticktime=1\nquorumListenOnAllIPs=true\n")
    done = invoke("lint", str(file), "--version", "3.9")
    assert done.returncode == 2
    assert [line.split(": ")[:3] for line in done.stdout.splitlines()] == [
        [f"{file}:12", "error", "ticktime"],
        [f"{file}:13", "warning", "quorumListenOnAllIPs"],
    ]
    assert done.stderr.strip() == "1 errors, 1 warnings for ZooKeeper 3.9"
    data = json.loads(invoke("lint", str(file), "--json").stdout)
    assert data["findings"][0]["line"] == 12


def test_only_warnings_exit_0(tmp_path: Path) -> None:
    file = tmp_path / "zoo.cfg"
    file.write_text(CLEAN + "quorumListenOnAllIPs=true\n")
    assert invoke("lint", str(file)).returncode == 0


@pytest.mark.parametrize("content", [None, b"a\0b", b"a=1\n" * 40000])
def test_a_file_that_is_none_is_bad_input(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "zoo.cfg"
    if content is not None:
        file.write_bytes(content)
    for named in (file, tmp_path):
        with pytest.raises(BadInput, match=str(named)):
            linting.lint_file(str(named), "3.9", "")
    with pytest.raises(BadInput, match="--snapshot"):
        linting.lint_file(str(ROOT / "cluster.yaml"), "3.9", "big")


def test_latin_1_is_read_as_java_does(tmp_path: Path) -> None:
    file = tmp_path / "zoo.cfg"
    file.write_bytes("# Größe\n".encode("latin-1") + CLEAN.encode())
    assert linting.lint_file(str(file), "3.9", "").findings == ()
