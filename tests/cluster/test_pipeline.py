"""The whole pipeline on a real registry and Kubernetes: from the description to an ensemble that keeps its promises."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kazoo.client import KazooClient

from tests.cluster.conftest import DESCRIPTION, MakePipeline, Pipeline, until
from zkops.commands import deploy as deployment
from zkops.ensemble.observed import agreed
from zkops.zookeeper import four_letter as fourletter

pytestmark = pytest.mark.timeout(900)


@contextmanager
def client(hosts: str) -> Iterator[Any]:
    zookeeper = KazooClient(hosts, timeout=10)
    zookeeper.start(timeout=60)
    try:
        yield zookeeper
    finally:
        zookeeper.stop()
        zookeeper.close()


def states(pipeline: Pipeline) -> dict[str, str]:
    return {row["node"]: row["state"] for row in pipeline.status()["members"]}


def whole(pipeline: Pipeline) -> bool:
    found = sorted(states(pipeline).values())
    return found == ["follower", "follower", "leader"]


def test_deploy_brings_up_members_that_agree_on_one_leader(pipeline: Pipeline) -> None:
    status = pipeline.status()
    rows = status["members"]
    assert sorted(row["state"] for row in rows) == ["follower", "follower", "leader"]
    assert {row["lag"] for row in rows} == {0}
    assert {row["version"] for row in rows} == {"3.9.6"}
    assert all("@" in row["image"] for row in rows), "pods are pinned by digest"
    assert status["connect_string"] == "172.31.78.11:2181,172.31.78.12:2181,172.31.78.13:2181"


def test_status_shows_a_row_a_member_and_the_connect_string(pipeline: Pipeline) -> None:
    shown = pipeline.ok("status")
    assert "3 of 3 members serve" in shown
    assert all(f"pipe-{n}" in shown for n in (1, 2, 3))
    assert pipeline.cluster.connect_string in shown


def test_deploying_again_changes_nothing_and_says_so(pipeline: Pipeline) -> None:
    before = _versions(pipeline)
    report = json.loads(pipeline.ok("deploy", "--json"))
    assert not report["changed"]
    assert "nothing to do" in pipeline.ok("deploy")
    assert _versions(pipeline) == before


def test_build_and_push_again_do_nothing(pipeline: Pipeline) -> None:
    done = pipeline.invoke("build", "push")
    assert done.returncode == 0, done.stderr
    assert "unchanged" in done.stderr
    assert "Step" not in done.stderr


def test_a_change_of_the_running_ensemble_is_planned_and_nothing_is_touched(
    pipeline: Pipeline, make_pipeline: MakePipeline
) -> None:
    changed = make_pipeline(
        "pipe",
        2181,
        keep=True,
        ports={"client": 2181, "quorum": 2888, "election": 3888},
        kubernetes={"kubeconfig": str(pipeline.directory / "kubeconfig")},
        zoo_cfg={"tickTime": 1000},
    )
    before = _versions(pipeline)
    shown = changed.ok("plan")
    assert "zoo.cfg.tickTime: 300 → 1000" in shown
    assert shown == changed.ok("deploy", "--dry-run")
    assert _versions(pipeline) == before


def test_mntr_gives_the_metrics_of_one_member_or_all(pipeline: Pipeline) -> None:
    metrics = json.loads(pipeline.ok("mntr", "--json"))
    assert sorted(found["zk_server_state"] for found in metrics.values()) == ["follower", "follower", "leader"]
    one = pipeline.ok("mntr", "--member", "2")
    assert "pipe-2\tzk_server_state\t" in one
    assert "pipe-1" not in one


def test_members_are_reached_through_the_api_where_node_ports_are_not(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(host: str, port: int, timeout: float) -> fourletter.Ask:
        def refuse(word: str) -> str:
            raise OSError(f"{host}:{port} cannot be reached within {timeout} s to ask {word}")

        return refuse

    monkeypatch.setattr(fourletter, "over_tcp", unreachable)
    assert deployment.status(pipeline.cluster).serving == 3
    assert deployment.mntr(pipeline.cluster, "pipe-1")["pipe-1"]["zk_version"].startswith("3.9.6")


def test_a_machine_that_is_no_node_is_refused_before_anything_is_touched(make_pipeline: MakePipeline) -> None:
    machines = [*DESCRIPTION["machines"][:2], {"hostname": "nowhere", "ip": "172.31.78.99", "id": 3}]
    wrong = make_pipeline("nowhere", 12181, machines=machines)
    done = wrong.invoke("deploy")
    assert done.returncode == 2
    assert "nowhere is not a node" in done.stderr
    assert "pipe-1" in done.stderr
    assert wrong.kube.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nowhere"}}) is None


def test_an_ensemble_of_one_serves_and_observers_follow_without_a_vote(make_pipeline: MakePipeline) -> None:
    one, two, three = DESCRIPTION["machines"]
    single = make_pipeline("single", 12581, machines=[one])
    single.ok("deploy")
    assert single.status()["quorum"]
    assert "nothing to do" in single.ok("deploy")
    watched = make_pipeline("watched", 12681, machines=[one, two | {"role": "observer"}, three | {"role": "observer"}])
    watched.ok("deploy")
    assert list(states(watched).values()) == ["leader", "observer", "observer"]


def test_a_deploy_that_was_killed_is_finished_by_the_next(make_pipeline: MakePipeline) -> None:
    second = make_pipeline("second", 12281)
    killed = second.start("deploy")
    daemonset = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "second", "namespace": "second"}}
    until(lambda: second.kube.get(daemonset) is not None, "the DaemonSet is applied")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    second.ok("deploy")
    assert whole(second)
    assert "nothing to do" in second.ok("deploy")


def test_a_deploy_that_fails_tells_member_cause_and_mend_and_can_be_mended(make_pipeline: MakePipeline) -> None:
    missing = "127.0.0.1:25078/zkops/zookeeper@sha256:" + "0" * 64
    failed = make_pipeline("third", 12381, image={"reference": missing}).invoke("deploy", "--timeout", "15")
    assert failed.returncode == 1
    assert "pipe-1 (id 1, 172.31.78.11)" in failed.stderr
    assert "ErrImagePull" in failed.stderr or "ImagePullBackOff" in failed.stderr
    assert "mend: " in failed.stderr
    mended = make_pipeline("third", 12381)
    mended.ok("deploy")
    assert whole(mended)


def test_a_write_acknowledged_is_kept_over_a_restart_of_all_members(pipeline: Pipeline) -> None:
    with client(pipeline.cluster.connect_string) as zookeeper:
        zookeeper.create("/kept", b"by all")
    kube = pipeline.kube
    old = {pod["metadata"]["uid"] for pod in kube.pods("pipe")}
    for pod in kube.pods("pipe"):
        kube.delete_pod(pod["metadata"]["name"])
    until(lambda: not old & {pod["metadata"]["uid"] for pod in kube.pods("pipe")}, "all pods are new")
    until(lambda: whole(pipeline), "the ensemble serves again")
    with client(pipeline.cluster.connect_string) as zookeeper:
        assert zookeeper.get("/kept")[0] == b"by all"


def test_a_killed_node_is_told_survived_and_comes_back_with_its_data(pipeline: Pipeline) -> None:
    with client(pipeline.cluster.connect_string) as zookeeper:
        zookeeper.create("/before", b"the fault")
    leader = next(node for node, state in states(pipeline).items() if state == "leader")
    pipeline.node(leader).kill()
    try:
        until(lambda: states(pipeline)[leader] == "node not ready", f"{leader} is seen as lost")
        until(lambda: sum(row in {"leader", "follower"} for row in states(pipeline).values()) == 2, "two serve")
        assert pipeline.status()["quorum"]
        with client(pipeline.cluster.connect_string) as zookeeper:
            assert zookeeper.get("/before")[0] == b"the fault"
            zookeeper.create("/meanwhile", b"two of three")
    finally:
        pipeline.node(leader).start()
    until(lambda: whole(pipeline), f"{leader} serves again")
    with client(f"{_ip(pipeline, leader)}:2181") as alone:
        alone.sync("/")
        assert alone.get("/meanwhile")[0] == b"two of three"


def test_no_secret_and_no_root_in_the_pods(pipeline: Pipeline) -> None:
    for pod in pipeline.kube.pods("pipe"):
        server = pod["spec"]["containers"][0]
        assert server["securityContext"]["runAsNonRoot"]
        assert server["securityContext"]["readOnlyRootFilesystem"]
        # Of the super user's Secret the pod is given the digest alone, not the password.
        secrets = [volume["secret"] for volume in pod["spec"]["volumes"] if "secret" in volume]
        assert [[item["key"] for item in secret["items"]] for secret in secrets] == [["digest"]]


def test_agreement_of_the_real_ensemble_is_seen(pipeline: Pipeline) -> None:
    until(lambda: whole(pipeline), "the ensemble serves")
    assert agreed(deployment.members(pipeline.cluster))


def _ip(pipeline: Pipeline, hostname: str) -> str:
    return next(machine.ip for machine in pipeline.cluster.machines if machine.hostname == hostname)


def _versions(pipeline: Pipeline) -> dict[str, Any]:
    """Give every object that deploying could write, without what Kubernetes itself goes on writing."""
    kube = pipeline.kube
    rendered = deployment.rendered(pipeline.cluster, kube)
    live = {item["kind"]: kube.get(item) for item in rendered.objects}
    assert all(live.values())
    nodes = {node["metadata"]["name"]: node for node in kube.nodes()}
    kept = {kind: _written_by_us(item or {}) for kind, item in live.items()}
    return kept | {m.hostname: nodes[m.hostname]["metadata"]["labels"] for m in pipeline.cluster.machines}


def _written_by_us(item: dict[str, Any]) -> dict[str, Any]:
    """A write without a change counts too: it shows in the time of the manager that is ours."""
    ours = [entry for entry in item["metadata"].pop("managedFields", []) if entry["manager"] == "zkops"]
    metadata = {key: value for key, value in item["metadata"].items() if key != "resourceVersion"}
    return {key: value for key, value in item.items() if key != "status"} | {"metadata": metadata, "ours": ours}
