"""The doctor's checks over facts, every state of each; what Kubernetes tells of a node is read; rights are named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import MakeCluster
from tests.support.factories import NODE, TROUBLE
from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.doctor import checks
from zkops.doctor import examine as doctor
from zkops.doctor.checks import Finding, Node, Taint
from zkops.doctor.node_probe import Trouble
from zkops.kube import access as rights
from zkops.planning.planner import Step
from zkops.rollout import permissions

GIB = 1024**3


def told(finding: Finding) -> tuple[str, str]:
    return finding.state, finding.what


@pytest.mark.parametrize("check", [checks.engine, checks.kubernetes])
def test_what_does_not_answer_failed_with_its_cause_and_mend(check: Any) -> None:
    assert check("1.2.3").state == "ok"
    assert "1.2.3" in check("1.2.3").what
    failed = check(TROUBLE)
    assert (failed.state, failed.what, failed.mend) == ("failed", "it broke", "do this")


def test_a_registry_is_good_with_and_without_the_image(cluster: Cluster) -> None:
    assert told(checks.registry(cluster, "sha256:1", None)) == ("ok", "answers and wants no login to read")
    assert told(checks.registry(cluster, None, "ann")) == ("ok", "answers and takes the login of ann")
    assert checks.registry(cluster, TROUBLE, "ann").state == "failed"


def test_plain_http_to_another_machine_is_a_warning(make_cluster: MakeCluster) -> None:
    far = make_cluster(registry={"domain": "registry.example:5000", "plain_http": True}, sandbox=None)
    assert checks.registry(far, "sha256:1", None).state == "warning"


@pytest.mark.parametrize(
    ("digest", "ready_made", "state", "mend"),
    [
        ("sha256:" + "a" * 64, False, "ok", ""),
        (None, False, "warning", "run `invoke build push`"),
        (None, True, "failed", "mend image.reference, or push that image"),
        (TROUBLE, False, "skipped", ""),
    ],
)
def test_the_image_is_pushed_or_not(digest: str | Trouble | None, ready_made: bool, state: str, mend: str) -> None:
    found = checks.image("registry.example/zookeeper:1", digest, ready_made=ready_made)
    assert (found.state, found.mend) == (state, mend)


def test_missing_rights_are_named_with_the_tasks_that_need_them(cluster: Cluster) -> None:
    needed = rights.needed(cluster, namespace_exists=True)
    assert told(*checks.rights(needed, [])) == ("ok", f"has all {len(needed)} rights needed")
    create = rights.Right(resource="daemonsets.apps", verb="create", namespace="zookeeper")
    remove = rights.Right(resource="daemonsets.apps", verb="delete", namespace="zookeeper")
    first, second = checks.rights(needed, [create, remove])
    assert told(first) == ("failed", "may not create daemonsets.apps in namespace zookeeper")
    assert "`deploy`" in first.mend
    assert second.state == "warning"
    assert "`stop`, `delete`" in second.mend
    assert [found.what for found in checks.rights(needed, TROUBLE)] == ["it broke"]


def test_a_namespace_is_only_created_where_there_is_none(make_cluster: MakeCluster) -> None:
    def names(cluster: Cluster, exists: bool) -> set[str]:
        return {f"{right.verb} {right.resource}" for right in rights.needed(cluster, namespace_exists=exists)}

    plain = make_cluster()
    assert names(plain, False) - names(plain, True) == {"create namespaces"}


@pytest.mark.parametrize(("version", "asked"), [("v1.34.9", False), ("v1.35.0-rc.1+k3s1", True), ("", False)])
def test_forwarding_a_port_needs_another_right_from_kubernetes_1_35_on(
    cluster: Cluster, version: str, asked: bool
) -> None:
    create = rights.Right(resource="pods/portforward", verb="create", namespace=cluster.kubernetes.namespace)
    assert (create in rights.needed(cluster, namespace_exists=True, version=version)) is asked


def test_a_right_is_asked_with_group_and_subresource() -> None:
    asked: Any = rights.Right(resource="pods/log", verb="get", namespace="zoo").review()["spec"]
    attributes = asked["resourceAttributes"]
    assert (attributes["resource"], attributes["subresource"], attributes["group"]) == ("pods", "log", "")
    apps: Any = rights.Right(resource="daemonsets.apps", verb="get").review()["spec"]
    assert (apps["resourceAttributes"]["resource"], apps["resourceAttributes"]["group"]) == ("daemonsets", "apps")


def test_the_rights_of_a_plan_are_those_of_its_steps() -> None:
    steps = [
        Step(action="apply", target="DaemonSet demo", reason=""),
        Step(action="label", target="demo-1", reason=""),
        Step(action="replace", target="demo-x", reason=""),
        Step(action="wait", target="demo", reason=""),
    ]
    assert set(map(str, permissions.of_steps(steps, "zoo"))) == {
        "create daemonsets.apps in namespace zoo",
        "patch daemonsets.apps in namespace zoo",
        "patch nodes in the whole cluster",
        "delete pods in namespace zoo",
    }


def test_every_kind_that_is_rendered_has_its_rights_in_the_table(make_cluster: MakeCluster) -> None:
    files = [yaml.safe_load(file.read_text()) for file in (ROOT / "manifests").glob("*.yaml")]
    kinds = {found["kind"] for found in files if "kind" in found}  # the others are Prometheus' own
    assert kinds - {"Pod"} <= set(rights.KINDS)
    cluster = make_cluster(monitoring={"scrape": "podmonitor", "alerts": "prometheusrule"})
    needed = rights.needed(cluster, namespace_exists=True)
    assert {right.resource for right in needed} >= set(rights.KINDS.values())


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"ips": ("10.0.0.9",)}, "has the ip 172.31.77.11 in the description and 10.0.0.9 in Kubernetes"),
        ({"ready": False}, "is not ready"),
        ({"label": "other"}, "carries zkops/ensemble=other, so it belongs to the ensemble other"),
        (
            {"taints": (Taint(key="gpu", value="", effect="NoSchedule"),)},
            "has the taint gpu:NoSchedule, which keeps the member off",
        ),
    ],
)
def test_what_is_wrong_with_a_node_is_named(cluster: Cluster, changes: dict[str, Any], what: str) -> None:
    (found,) = checks.node(cluster, cluster.machines[0], {"demo-1": replace(NODE, **changes)})
    assert told(found) == ("failed", what)
    assert found.mend


def test_a_node_without_fault_is_ok_labelled_or_not(cluster: Cluster) -> None:
    (new,) = checks.node(cluster, cluster.machines[0], {"demo-1": NODE})
    (used,) = checks.node(cluster, cluster.machines[0], {"demo-1": replace(NODE, label="demo")})
    assert told(new) == ("ok", "ready at 172.31.77.11, `deploy` will label it")
    assert told(used) == ("ok", "ready at 172.31.77.11, labelled")


def test_a_machine_that_is_no_node_and_a_stranger_are_named(cluster: Cluster) -> None:
    (missing,) = checks.node(cluster, cluster.machines[0], {"other": NODE})
    assert told(missing) == ("failed", "is not a node of this Kubernetes")
    assert "other" in missing.mend
    strange = replace(NODE, name="other", label="demo")
    (found,) = checks.strangers(cluster, {"demo-1": replace(NODE, label="demo"), "other": strange})
    assert (found.where, found.state) == ("other", "failed")


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({}, True),
        ({"key": "gpu"}, True),
        ({"key": "gpu", "effect": "NoExecute"}, False),
        ({"key": "gpu", "operator": "Equal", "value": "yes"}, True),
        ({"key": "gpu", "operator": "Equal", "value": "no"}, False),
        ({"key": "cpu"}, False),
    ],
)
def test_a_taint_is_tolerated_as_kubernetes_would(
    make_cluster: MakeCluster, toleration: dict[str, str], fits: bool
) -> None:
    cluster = make_cluster(kubernetes={"tolerations": [toleration], "kubeconfig": "k"})
    tainted = replace(NODE, taints=(Taint(key="gpu", value="yes", effect="NoSchedule"),))
    (found,) = checks.node(cluster, cluster.machines[0], {"demo-1": tainted})
    assert (found.state == "ok") is fits


def test_a_node_is_read_with_the_pods_on_it(cluster: Cluster) -> None:
    def pod(instance: str, port: int, memory: str) -> dict[str, Any]:
        container = {"ports": [{"hostPort": port, "protocol": "TCP"}], "resources": {"requests": {"memory": memory}}}
        labels = {"app.kubernetes.io/instance": instance}
        metadata = {"name": f"{instance}-x", "namespace": "zookeeper", "labels": labels}
        return {
            "metadata": metadata,
            "spec": {"nodeName": "demo-1", "containers": [container]},
            "status": {"phase": "Running"},
        }

    item = {
        "metadata": {"name": "demo-1", "labels": {"zkops/ensemble": "demo"}},
        "spec": {
            "taints": [
                {"key": "gpu", "effect": "NoSchedule"},
                {"key": "soft", "effect": "PreferNoSchedule"},
                {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
            ]
        },
        "status": {
            "addresses": [{"type": "InternalIP", "address": "172.31.77.11"}],
            "allocatable": {"memory": "2097152Ki"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    found = doctor.read_node(cluster, item, (pod("demo", 2181, "1Gi"), pod("other", 3888, "0.5Gi")))
    assert found == Node(
        name="demo-1",
        ips=("172.31.77.11",),
        ready=True,
        label="demo",
        taints=(Taint(key="gpu", value="", effect="NoSchedule"),),
        memory=2 * GIB,
        asked=GIB // 2,
        holders={3888: "zookeeper/other-x"},
        own_pod=True,
    )


def test_without_anything_to_ask_every_check_is_told_and_nothing_raises(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    found = doctor.examine(make_cluster(kubernetes={"kubeconfig": str(tmp_path / "none")}))
    states = {finding.check: finding.state for finding in found.findings}
    assert states == {
        "docker": "failed",
        "registry": "skipped",
        "image": "skipped",
        "kubernetes": "failed",
        "rights, nodes": "skipped",
    }
    assert not found.healthy
    assert found.headline() == "demo: 0 ok, 2 failed, 3 skipped"
