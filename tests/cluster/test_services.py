"""Services and names in the sandbox: an ensemble as charts make it forms over names and is reached by a Service."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.conftest import Pipeline, until
from tests.support import kubernetes_version
from zkops.images import image

OLDEST = "1.20"
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(kubernetes_version.wanted() == OLDEST, reason="no name server: docs/internals/sandbox.md"),
]

CONTROL = "zkops-pipe-control"
SPACE = "foreign"
SERVERS = " ".join(f"server.{n + 1}=old-{n}.old-headless.{SPACE}.svc.cluster.local:2888:3888;2181" for n in range(3))
START = "export ZOO_MY_ID=$((${HOSTNAME##*-} + 1)); exec /opt/zookeeper/bin/entrypoint zkServer.sh start-foreground"


def objects(reference: str) -> list[dict[str, Any]]:
    """Describe three servers, one a node, on the pods' network, that know each other by names alone."""
    labels = {"app": "old"}
    ports = [{"name": name, "port": port} for name, port in (("client", 2181), ("quorum", 2888), ("election", 3888))]
    apart = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    server = {
        "name": "zookeeper",
        "image": reference,
        "command": ["sh", "-c", START],
        "env": [{"name": "ZOO_SERVERS", "value": SERVERS}],
        "readinessProbe": {"exec": {"command": ["/opt/zookeeper/bin/probe", "ready"]}, "periodSeconds": 2},
        "resources": {"requests": {"memory": "128Mi"}},
    }
    pod = {
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}},
        "containers": [server],
    }
    headless = {"clusterIP": "None", "publishNotReadyAddresses": True}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        service("old-headless", {**headless, "selector": labels, "ports": ports}),
        service("old", {"selector": labels, "ports": ports[:1]}),
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "old", "namespace": SPACE},
            "spec": {
                "serviceName": "old-headless",
                "replicas": 3,
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]


def service(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": SPACE}, "spec": spec}


def kubectl(pipeline: Pipeline, *words: str, text: str = "") -> str:
    """Run kubectl in the control plane, with *text* as its input."""
    command = ["docker", "exec", "-i", CONTROL, "kubectl", *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def foreign(sandboxed: Any) -> Iterator[Pipeline]:
    pipeline = Pipeline(sandboxed)
    listing = {"apiVersion": "v1", "kind": "List", "items": objects(image.resolve(pipeline.cluster).pinned)}
    kubectl(pipeline, "apply", "-f", "-", text=json.dumps(listing))
    try:
        yield pipeline
    finally:
        kubectl(pipeline, "delete", "namespace", SPACE, "--wait=false")


def served(pipeline: Pipeline) -> bool:
    """Tell whether all three are ready, which means that they serve in a quorum."""
    path = "jsonpath={.status.readyReplicas}"
    return kubectl(pipeline, "get", "statefulset", "old", "-n", SPACE, "-o", path) == "3"


def ask(pipeline: Pipeline, node: str, host: str) -> str:
    """Ask a server for its `srvr` from a program on *node*'s own network."""
    script = f"exec 3<>/dev/tcp/{host}/2181; echo srvr >&3; cat <&3"
    _, output = pipeline.node(node).exec_run(["timeout", "5", "bash", "-c", script])
    return str(output.decode())


def test_an_ensemble_of_a_chart_forms_over_names_and_answers_at_its_service(foreign: Pipeline) -> None:
    until(lambda: served(foreign), "three servers that know each other by name serve", 180)
    address = kubectl(foreign, "get", "service", "old", "-n", SPACE, "-o", "jsonpath={.spec.clusterIP}")
    modes = {line for node in ("pipe-1", "pipe-2", "control") for line in ask(foreign, node, address).splitlines()}
    assert modes & {"Mode: follower", "Mode: leader"}


def test_a_pod_is_reached_from_another_node_by_its_address(foreign: Pipeline) -> None:
    until(lambda: served(foreign), "three servers that know each other by name serve", 180)
    path = "jsonpath={range .items[*]}{.status.podIP} {end}"
    addresses = kubectl(foreign, "get", "pods", "-n", SPACE, "-o", path).split()
    found = [ask(foreign, "control", address) for address in addresses]
    assert sorted(line for text in found for line in text.splitlines() if line.startswith("Mode:")) == [
        "Mode: follower",
        "Mode: follower",
        "Mode: leader",
    ]


def test_the_name_server_and_the_proxy_have_rights_of_their_own_and_no_more(foreign: Pipeline) -> None:
    def may(user: str, *words: str) -> str:
        command = [
            "docker",
            "exec",
            CONTROL,
            "kubectl",
            "auth",
            "can-i",
            *words,
            f"--as={user}",
            "-A",
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    assert may("sandbox:names", "list", "services") == "yes"
    assert may("system:kube-proxy", "list", "services") == "yes"
    for user in ("sandbox:names", "system:kube-proxy"):
        assert may(user, "get", "secrets") == "no"
        assert may(user, "delete", "pods") == "no"
