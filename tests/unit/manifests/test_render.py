"""Rendering is deterministic, valid for every Kubernetes from 1.25 on, and true to the description."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeCluster
from zkops.config.cluster import Cluster
from zkops.core.errors import Failed
from zkops.manifests.render import Rendered, check, pull_secret, render, with_object, write

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
        ports={"client": 12181, "quorum": 12888, "election": 13888, "metrics": 17000},
        metrics={"address": "0.0.0.0", "set": "all"},  # noqa: S104
        monitoring={
            "scrape": "podmonitor",
            "alerts": "prometheusrule",
            "dashboard": "configmap",
            "labels": {"release": "prometheus"},
            "runbooks": "https://git.example/runbooks",
        },
        log={"level": "WARN", "format": "json", "loggers": {"org.apache.zookeeper.server.quorum": "DEBUG"}},
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
    stale = [text for text in values if re.search(r"\bdemo\b|\b2181\b|\b7000\b|0000000000|zkops/ensemble", text)]
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


def test_probes_never_let_a_lost_quorum_kill_a_member_and_start_no_process(rendered: Rendered) -> None:
    probes = {name: server_of(rendered)[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    here = {"host": "127.0.0.1", "port": "metrics"}
    assert probes == {
        "startup": here | {"path": "/livez"},
        "liveness": here | {"path": "/livez"},
        "readiness": here | {"path": "/readyz"},
    }


def test_every_port_is_declared_so_that_the_scheduler_keeps_it_free(make_cluster: MakeCluster) -> None:
    cluster = rich(make_cluster)
    declared = {port["name"]: port["containerPort"] for port in server_of(render(cluster, IMAGE))["ports"]}
    assert declared == cluster.ports.model_dump()


@pytest.mark.parametrize(("address", "told"), [("0.0.0.0", "7001"), ("10.1.2.3", "7001"), ("127.0.0.1", None)])  # noqa: S104
def test_prometheus_is_told_of_a_page_that_it_can_reach(
    make_cluster: MakeCluster, address: str, told: str | None
) -> None:
    found = render(make_cluster(metrics={"address": address}, ports={"metrics": 7001}), IMAGE)
    annotations = found.object("DaemonSet")["spec"]["template"]["metadata"].get("annotations", {})
    assert annotations.get("prometheus.io/port") == told
    assert bool(annotations) is bool(told)
    assert f"metricsProvider.httpHost={address}\nmetricsProvider.httpPort=7001\n" in found.files["zoo.cfg"]


def test_what_is_logged_reaches_the_image(make_cluster: MakeCluster) -> None:
    log = {"level": "WARN", "format": "json", "loggers": {"z.Last": "TRACE", "org.apache.zookeeper": False}}
    environment = environment_of(render(make_cluster(log=log), IMAGE))
    assert "ZOO_LOG_LEVELS" not in environment_of(render(make_cluster(), IMAGE))
    assert environment["ZOO_LOG_LEVEL"] == "WARN"
    assert environment["ZOO_LOG_FORMAT"] == "json"
    assert environment["ZOO_LOG_LEVELS"] == "org.apache.zookeeper=OFF,z.Last=TRACE"


def test_a_heap_is_given_where_it_is_described_and_else_left_to_the_image(make_cluster: MakeCluster) -> None:
    memory = {"request": "320Mi", "limit": "512Mi"}
    given = render(make_cluster(resources={"heap": "300Mi", "memory": memory}), IMAGE)
    assert environment_of(given)["ZK_SERVER_HEAP"] == "300"
    assert "ZK_SERVER_HEAP" not in environment_of(render(make_cluster(resources={"memory": memory}), IMAGE))


def test_a_heap_dump_has_a_place_beside_the_data(rendered: Rendered) -> None:
    pod = rendered.object("DaemonSet")["spec"]["template"]["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in server_of(rendered)["volumeMounts"]}
    volumes = {volume.pop("name"): volume for volume in pod["volumes"]}
    assert volumes[mounts["/logs"]] == {"emptyDir": {}}


def server_of(rendered: Rendered) -> dict[str, Any]:
    server: dict[str, Any] = rendered.object("DaemonSet")["spec"]["template"]["spec"]["containers"][0]
    return server


def environment_of(rendered: Rendered) -> dict[str, str]:
    return {variable["name"]: variable.get("value", "") for variable in server_of(rendered)["env"]}


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
