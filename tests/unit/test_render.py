"""Rendering is deterministic, valid for every Kubernetes from 1.25 on, and true to the description."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeCluster
from zkops.cluster import Cluster
from zkops.errors import Failed
from zkops.render import Rendered, check, pull_secret, render, with_object, write

IMAGE = "registry.example/zkops/zookeeper@sha256:" + "a" * 64
GOLDEN = Path(__file__).parent / "golden"


def rich(make_cluster: MakeCluster) -> Cluster:
    """A description that uses every key."""
    return make_cluster(
        name="prod",
        machines=[
            {"hostname": "rack1.example", "ip": "10.0.0.3", "id": 3},
            {"hostname": "rack2.example", "ip": "10.0.0.1", "id": 1},
            {"hostname": "rack3.example", "ip": "10.0.0.2", "id": 2},
            {"hostname": "far.example", "ip": "10.9.0.1", "id": 9, "role": "observer"},
        ],
        registry={"domain": "registry.example", "credentials": {"file": "login.yaml"}, "pull_secret": "pull"},
        ports={"client": 12181, "quorum": 12888, "election": 13888},
        paths={"data": "/srv/zk/", "log": "/fast"},
        zoo_cfg={"tickTime": 1000, "forceSync": "yes"},
        resources={
            "heap": "3Gi",
            "memory": {"request": "4Gi", "limit": "4Gi"},
            "cpu": {"request": "1", "limit": "2"},
        },
        kubernetes={
            "namespace": "infra",
            "node_label": "example.com/zk",
            "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "zk", "effect": "NoSchedule"}],
        },
        sandbox=None,
    )


@pytest.fixture(params=["demo", "prod"])
def rendered(request: pytest.FixtureRequest, make_cluster: MakeCluster) -> Rendered:
    return render(make_cluster() if request.param == "demo" else rich(make_cluster), IMAGE)


def test_rendered_files_are_the_reviewed_golden_ones(rendered: Rendered, request: pytest.FixtureRequest) -> None:
    directory = GOLDEN / rendered.name
    if request.config.getoption("--update-golden"):
        write(rendered, directory)
    golden = {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}
    assert rendered.files == golden, "if the change is meant, run pytest --update-golden and review the diff"


def test_rendering_twice_gives_the_same_bytes(make_cluster: MakeCluster) -> None:
    assert render(rich(make_cluster), IMAGE).files == render(rich(make_cluster), IMAGE).files


def test_every_object_is_valid_for_kubernetes_1_25_to_the_newest_known(rendered: Rendered) -> None:
    versions = check(rendered)
    assert versions[0] == "1.25"
    assert len(versions) >= 13


def test_a_misspelt_field_is_found(rendered: Rendered) -> None:
    rendered.object("DaemonSet")["spec"]["template"]["spec"]["hostNetwrok"] = True
    with pytest.raises(Failed, match="hostNetwrok"):
        check(rendered)


def test_a_changed_configuration_gets_another_name(make_cluster: MakeCluster) -> None:
    one, two = render(make_cluster(), IMAGE), render(make_cluster(zoo_cfg={"tickTime": 1000}), IMAGE)
    assert one.config_hash != two.config_hash
    assert _config_name(one) != _config_name(two)
    assert _config_name(one) == one.object("ConfigMap")["metadata"]["name"]


def test_selectors_match_the_labels_of_the_pods(rendered: Rendered) -> None:
    daemonset = rendered.object("DaemonSet")
    labels = daemonset["spec"]["template"]["metadata"]["labels"]
    assert daemonset["spec"]["selector"]["matchLabels"] == labels
    assert rendered.object("Service")["spec"]["selector"] == labels


def test_nothing_of_the_bases_remains_in_another_ensemble(make_cluster: MakeCluster) -> None:
    values = list(_strings(render(rich(make_cluster), IMAGE).objects))
    stale = [text for text in values if re.search(r"\bdemo\b|\b2181\b|0000000000|zkops/ensemble", text)]
    assert stale == []


def test_a_pull_secret_is_applied_but_never_written(make_cluster: MakeCluster, tmp_path: Path) -> None:
    cluster = rich(make_cluster)
    rendered = with_object(render(cluster, IMAGE), pull_secret(cluster, "robot", "s3cret-word"))
    assert rendered.objects[1]["kind"] == "Secret"
    write(rendered, tmp_path)
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "kind: Secret" not in written
    assert "s3cret" not in written
    assert rendered.object("ServiceAccount")["imagePullSecrets"] == [{"name": "pull"}]


def test_files_no_longer_made_are_removed(rendered: Rendered, tmp_path: Path) -> None:
    (tmp_path / "kubernetes").mkdir()
    (tmp_path / "kubernetes" / "9-old.yaml").write_text("")
    write(rendered, tmp_path)
    assert not (tmp_path / "kubernetes" / "9-old.yaml").exists()


def test_probes_never_let_a_lost_quorum_kill_a_member(rendered: Rendered) -> None:
    server = rendered.object("DaemonSet")["spec"]["template"]["spec"]["containers"][0]
    words = {name: server[f"{name}Probe"]["exec"]["command"][-1] for name in ("startup", "liveness", "readiness")}
    assert words == {"startup": "startup", "liveness": "live", "readiness": "ready"}


def _config_name(rendered: Rendered) -> str:
    volumes = rendered.object("DaemonSet")["spec"]["template"]["spec"]["volumes"]
    return str(next(volume["configMap"]["name"] for volume in volumes if "configMap" in volume))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
    else:
        yield str(value)
