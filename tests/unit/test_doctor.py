"""The doctor's checks over facts, every state of each; what the pod prints is read; rights and causes are named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import MakeCluster
from zkops import ROOT, causes, checks, doctor, nodechecks, nodeprobe, rights
from zkops.checks import Finding, Node, Taint
from zkops.cluster import Cluster, Ports
from zkops.nodeprobe import Look, Place, Trouble
from zkops.plan import Step

GIB = 1024**3
DATA = "/var/lib/zkops/demo/data"
TROUBLE = Trouble(what="it broke", mend="do this")
NODE = Node(name="demo-1", ips=("172.31.77.11",), ready=True, label=None, memory=4 * GIB, holders={})
PLACE = Place(
    wanted=DATA,
    nearest=DATA,
    kind="directory",
    owner="1000:1000",
    mode="755",
    read_only=False,
    available=50 * GIB,
    size=99 * GIB,
)
LOOK = Look(listeners={}, places=(PLACE,), skew=0.0)


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


def test_a_namespace_is_only_created_where_there_is_none_and_secrets_only_with_credentials(
    make_cluster: MakeCluster,
) -> None:
    def names(cluster: Cluster, exists: bool) -> set[str]:
        return {f"{right.verb} {right.resource}" for right in rights.needed(cluster, namespace_exists=exists)}

    plain = make_cluster()
    secret = make_cluster(registry={"domain": "127.0.0.1:25000", "credentials": {"file": "login"}})
    assert names(plain, False) - names(plain, True) == {"create namespaces"}
    assert {name.split()[1] for name in names(secret, True) - names(plain, True)} == {"secrets"}


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
    assert set(map(str, rights.of_steps(steps, "zoo"))) == {
        "create daemonsets.apps in namespace zoo",
        "patch daemonsets.apps in namespace zoo",
        "patch nodes in the whole cluster",
        "delete pods in namespace zoo",
    }


def test_every_kind_that_is_rendered_has_its_rights_in_the_table() -> None:
    kinds = {yaml.safe_load(file.read_text())["kind"] for file in (ROOT / "manifests").glob("*.yaml")}
    assert kinds - {"Pod"} <= set(rights.KINDS)
    assert {resource for resource, *_ in (*rights.TABLE, *rights.WITH_CREDENTIALS)} >= set(rights.KINDS.values())


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


def test_free_ports_and_the_members_own_are_ok(cluster: Cluster) -> None:
    (free,) = nodechecks.ports(cluster, NODE, LOOK)
    assert told(free) == ("ok", "2181, 2888, 3888 are free")
    busy = replace(LOOK, listeners={2181: 1000, 3888: 1000})
    (own,) = nodechecks.ports(cluster, replace(NODE, own_pod=True), busy)
    assert told(own) == ("ok", "2181, 2888, 3888 are in the member's own use")


@pytest.mark.parametrize(
    ("node", "look", "what"),
    [
        (NODE, replace(LOOK, listeners={2888: 1000}), "port 2888 (quorum) is taken by a process of the user 1000"),
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
clock\t1000.250000000
clock\t1000.450000000
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
    spec = yaml.safe_load((ROOT / "manifests" / "doctor.yaml").read_text())["spec"]
    (container,) = spec["containers"]
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]}
    assert spec["volumes"][0]["hostPath"] == {"path": "/", "type": ""}


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


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (
            "binding to port /0.0.0.0:2181|ERROR java.net.BindException: Address already in use",
            "port 2181 (client) is taken",
        ),
        ("java.net.BindException: Address already in use", "one of the ports 2181, 2888, 3888 is taken"),
        (
            'MountVolume.SetUp failed for volume "data" : hostPath type check failed: /a/b is not a directory',
            "/a/b on this node is no directory",
        ),
        ("mkdir /var/lib/zkops/x: read-only file system", "mounted read-only"),
        ("chown: changing ownership of '/data': Read-only file system", "mounted read-only"),
        ("java.io.IOException: No space left on device", "the disk of this node is full"),
        (
            "FailedScheduling: 0/4 nodes are available: 1 node(s) didn't have free ports for the requested pod ports",
            "taken by another pod",
        ),
        ("1 node(s) had taint {gpu: }, that the pod didn't tolerate", "the taint gpu"),
        ("1 node(s) had untolerated taint {gpu: yes}", "the taint gpu"),
        ("0/4 nodes are available: 1 Insufficient memory.", "has not the memory"),
        ("zookeeper ended with exit code 137", "for want of memory"),
        ("Failed to pull image x: http: server gave HTTP response to HTTPS client", "expects TLS"),
        ("Failed to pull image x: x509: certificate signed by unknown authority", "does not trust"),
        ("Failed to pull image x: 401 Unauthorized", "refuses this node's login"),
        ("Failed to pull image x: dial tcp 1.2.3.4:5: connect: no route to host", "cannot reach the registry"),
        ("Failed to pull image x: x: not found", "does not have the image"),
        ("all is well", ""),
    ],
)
def test_a_known_cause_is_said_in_plain_words(said: str, cause: str) -> None:
    found = causes.known(said.split("|"), Ports())
    assert cause in found
    assert bool(found) is bool(cause)
    assert "None" not in found
