"""Faults on a real Kubernetes: each told by node, cause and mend, each undone, and finished by running again."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.conftest import DESCRIPTION, MakePipeline, Pipeline, end, until
from zkops.core.console import Step
from zkops.images import docker as engine
from zkops.images import registry

pytestmark = pytest.mark.timeout(900)

REGISTRY = "172.31.78.2"
PORT = 13281
LISTEN = f"""
if command -v perl >/dev/null; then
    exec perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => {PORT}, Listen => 1) or die; sleep 600'
fi
exec nc -l -p {PORT}
"""


def run(pipeline: Pipeline, hostname: str, script: str) -> str:
    """Run a script on a machine of the sandbox."""
    code, output = pipeline.node(hostname).exec_run(["sh", "-c", script])
    assert code == 0, output
    return str(output.decode())


@contextmanager
def port_taken(pipeline: Pipeline, hostname: str) -> Iterator[None]:
    # What an exec prints before its shell ends can be lost: the listener is found by its port, not by a printed id.
    pipeline.node(hostname).exec_run(["sh", "-c", LISTEN], detach=True)
    heard = ["grep", "-qi", f":{PORT:04X} 00000000:0000 0A", "/proc/net/tcp"]
    until(lambda: pipeline.node(hostname).exec_run(heard)[0] == 0, "the listener listens", bound=30)
    try:
        yield
    finally:
        run(pipeline, hostname, f"pkill -f '[{str(PORT)[0]}]{str(PORT)[1:]}'")


@contextmanager
def file_for_directory(pipeline: Pipeline, hostname: str) -> Iterator[None]:
    directory = f"/var/lib/zkops/{pipeline.cluster.name}"
    run(pipeline, hostname, f"mkdir -p {directory} && echo other > {directory}/data")
    try:
        yield
    finally:
        run(pipeline, hostname, f"rm {directory}/data")


@contextmanager
def registry_cut_off(pipeline: Pipeline, hostname: str) -> Iterator[None]:
    run(pipeline, hostname, f"ip route add unreachable {REGISTRY}/32")
    try:
        yield
    finally:
        run(pipeline, hostname, f"ip route del unreachable {REGISTRY}/32")


def unseen_image(pipeline: Pipeline, directory: Path) -> str:
    """Push an image that no node has yet: the same one under another digest."""
    cluster = pipeline.cluster
    (directory / "Dockerfile").write_text(f"FROM {cluster.repository}:latest\n")
    reference = f"{cluster.repository}:faulty"
    engine.build(directory, reference, labels={"faulty": "yes"})
    client = engine.connect()
    registry.push(client, "faulty", cluster, None, Step("push"))
    client.images.remove(reference)
    return reference


@pytest.fixture(scope="module")
def faulty(sandboxed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """An ensemble of its own, with an image that no node has."""
    directory = tmp_path_factory.mktemp("faulty")
    made = Pipeline(directory)
    image = unseen_image(Pipeline(sandboxed), tmp_path_factory.mktemp("context"))
    described = DESCRIPTION | {
        "name": "faulty",
        "image": {"reference": image},
        "ports": {"client": PORT, "quorum": PORT + 1, "election": PORT + 2, "metrics": PORT + 3},
        "kubernetes": {"kubeconfig": str(sandboxed / "kubeconfig"), "namespace": "faulty", "node_label": "test/faulty"},
        "sandbox": None,
    }
    (directory / "cluster.yaml").write_text(yaml.safe_dump(described))
    yield made
    end(sandboxed, "faulty")


@pytest.fixture(scope="module")
def told(faulty: Pipeline) -> dict[str, str]:
    """What `doctor` and `deploy` say while three machines have a fault each; all faults are undone again."""
    with ExitStack() as faults:
        faults.enter_context(port_taken(faulty, "pipe-1"))
        faults.enter_context(file_for_directory(faulty, "pipe-2"))
        faults.enter_context(registry_cut_off(faulty, "pipe-3"))
        looked = faulty.invoke("doctor", "--json")
        failed = faulty.invoke("deploy", "--timeout", "15")
    assert (looked.returncode, failed.returncode) == (1, 1), looked.stderr + failed.stderr
    return {"doctor": looked.stdout, "deploy": failed.stderr}


def rows(told: dict[str, str], where: str) -> list[dict[str, Any]]:
    found = json.loads(told["doctor"])["findings"]
    return [row for row in found if row["where"] == where and row["state"] == "failed"]


def part(told: dict[str, str], hostname: str) -> str:
    """Give what the error of `deploy` says of one machine."""
    return told["deploy"].partition(f"    {hostname} (id")[2].partition("\n    pipe-")[0]


def test_a_port_taken_on_one_node_is_named(told: dict[str, str]) -> None:
    assert [row["what"] for row in rows(told, "pipe-1")] == [
        f"port {PORT} (client) is taken by a process of the user 0"
    ]
    assert f"cause: port {PORT} (client) is taken by another process" in part(told, "pipe-1")


def test_a_file_where_the_data_should_be_is_named(told: dict[str, str]) -> None:
    file = "/var/lib/zkops/faulty/data"
    assert [row["what"] for row in rows(told, "pipe-2")] == [f"{file} is no directory but a regular file"]
    assert f"cause: {file} on this node is no directory" in part(told, "pipe-2")


def test_an_image_that_one_node_cannot_pull_is_told_of_that_node(told: dict[str, str]) -> None:
    assert "the image cannot be pulled" in rows(told, "pipe-3")[0]["what"]
    assert "cannot reach the registry" in rows(told, "pipe-3")[0]["mend"]
    assert "cause: this node cannot reach the registry" in part(told, "pipe-3")


def test_with_the_faults_gone_the_same_command_finishes(faulty: Pipeline, told: dict[str, str]) -> None:
    assert "run `invoke deploy` again" in told["deploy"]
    faulty.ok("deploy")
    assert faulty.status()["serving"] == 3


def test_a_port_of_another_ensemble_is_named(pipeline: Pipeline, make_pipeline: MakePipeline) -> None:
    clashing = make_pipeline("clashing", 2181)
    failed = clashing.invoke("deploy", "--timeout", "4")
    assert failed.returncode == 1
    assert failed.stderr.count("cause: a port of the member is taken by another pod") == 3
    found = json.loads(clashing.invoke("doctor", "--json").stdout)["findings"]
    taken = [row["what"] for row in found if row["check"] == "ports"]
    assert len(taken) == 3
    assert all("port 2181 (client) is taken by the pod zookeeper/pipe-" in what for what in taken)


@contextmanager
def api_server_dies(pipeline: Pipeline, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Kill the control plane while `deploy` waits for the members; it lives again afterwards."""
    control = pipeline.node("control")
    deploying = pipeline.start("deploy", *words)
    label = pipeline.cluster.kubernetes.node_label
    kube = pipeline.kube
    until(lambda: sum(label in (node["metadata"].get("labels") or {}) for node in kube.nodes()) == 3, "all is applied")
    control.kill()
    try:
        yield deploying
    finally:
        control.start()
        deploying.kill()
        until(answers(pipeline), "the API server answers again")


def answers(pipeline: Pipeline) -> Callable[[], bool]:
    return lambda: pipeline.node("control").exec_run(["kubectl", "get", "--raw", "/readyz"]).exit_code == 0


def test_a_deploy_outlives_a_restart_of_the_api_server(make_pipeline: MakePipeline) -> None:
    outliving = make_pipeline("outliving", 13381)
    with api_server_dies(outliving) as deploying:
        outliving.node("control").start()
        _, err = deploying.communicate(timeout=300)
        assert deploying.returncode == 0, err
    assert outliving.status()["serving"] == 3


def test_an_api_server_gone_for_good_is_told_and_deploy_goes_on_later(make_pipeline: MakePipeline) -> None:
    bereft = make_pipeline("bereft", 13481)
    with api_server_dies(bereft, "--timeout", "5") as deploying:
        _, err = deploying.communicate(timeout=120)
        assert deploying.returncode == 1
        assert "the Kubernetes API does not answer" in err
        assert "run `invoke deploy` again, it goes on from here" in err
        looked = json.loads(bereft.invoke("doctor", "--json").stdout)["findings"]
        assert [row["check"] for row in looked if row["state"] == "failed"] == ["kubernetes"]
        assert [row["check"] for row in looked if row["state"] == "skipped"] == ["rights, nodes"]
    bereft.ok("deploy")
    assert bereft.status()["serving"] == 3


@pytest.fixture
def reader(sandboxed: Path, tmp_path: Path) -> Iterator[str]:
    """The kubeconfig of a user who may read everything and change nothing."""
    kube = Pipeline(sandboxed).kube
    group, account = "rbac.authorization.k8s.io", {"name": "reader", "namespace": "default"}
    made: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "reader"},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount"} | account],
        },
    ]
    for item in made:
        kube.apply(item)
    request = "echo '{}' | kubectl create --raw /api/v1/namespaces/default/serviceaccounts/reader/token -f -"
    token = json.loads(run(Pipeline(sandboxed), "control", request))["status"]["token"]
    described = yaml.safe_load((sandboxed / "kubeconfig").read_text())
    described["users"][0]["user"] = {"token": token}
    (tmp_path / "reader").write_text(yaml.safe_dump(described))
    yield "reader"
    for item in made:
        kube.delete(item)


def test_missing_rights_are_named_before_anything_is_touched(
    reader: str, make_pipeline: MakePipeline, pipeline: Pipeline
) -> None:
    settings = {"kubeconfig": reader, "namespace": "forbidden", "node_label": "test/forbidden"}
    limited = make_pipeline("forbidden", 13581, kubernetes=settings)
    refused = limited.invoke("deploy")
    assert refused.returncode == 1
    for right in ("create, patch daemonsets.apps in namespace forbidden", "patch nodes in the whole cluster"):
        assert right in refused.stderr
    assert "nothing was touched" in refused.stderr
    assert pipeline.kube.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "forbidden"}}) is None
    looked = json.loads(limited.invoke("doctor", "--json").stdout)["findings"]
    lacking = {row["what"] for row in looked if row["check"] == "rights"}
    for right in ("create daemonsets.apps in namespace forbidden", "patch daemonsets.apps in namespace forbidden"):
        assert any(right in what for what in lacking), lacking
    assert not any("list" in what for what in lacking)
