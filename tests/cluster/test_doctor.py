"""`invoke doctor` on a real Kubernetes: all well, nothing left behind, and told where it cannot look."""

import json
import signal
from typing import Any

import pytest

from tests.cluster.conftest import MakePipeline, Pipeline, until

pytestmark = pytest.mark.timeout(600)


def doctor_pods(pipeline: Pipeline) -> list[str]:
    pods = pipeline.kube.objects("Pod", label_selector="app.kubernetes.io/name=zookeeper-doctor")
    return [pod["metadata"]["name"] for pod in pods if not pod["metadata"].get("deletionTimestamp")]


def findings(pipeline: Pipeline, code: int) -> list[dict[str, Any]]:
    done = pipeline.invoke("doctor", "--json")
    assert done.returncode == code, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return found


def test_a_serving_ensemble_is_healthy_and_its_ports_are_its_own(pipeline: Pipeline) -> None:
    found = findings(pipeline, 0)
    assert {row["state"] for row in found} == {"ok"}, found
    seen = {(row["check"], row["where"]) for row in found}
    assert {("ports", f"pipe-{n}") for n in (1, 2, 3)} <= seen
    assert {("clock", where) for where in ("API server", "pipe-1", "pipe-2", "pipe-3")} <= seen
    assert all("own use" in row["what"] for row in found if row["check"] == "ports")
    assert doctor_pods(pipeline) == []


def test_a_serving_ensemble_is_measured_and_does_not_notice_it(pipeline: Pipeline) -> None:
    def standing() -> list[tuple[str, int]]:
        return [(member["state"], member["epoch"]) for member in pipeline.status()["members"]]

    before = standing()
    done = pipeline.invoke("doctor", "--deep", "--json")
    found = json.loads(done.stdout)["findings"]
    states = {(row["check"], row["where"]): row["state"] for row in found}
    for node in ("pipe-1", "pipe-2", "pipe-3"):
        # How quick the disk is, is the machine's doing.
        assert states["fsync", node] != "skipped"
        assert {states[check, node] for check in ("snapshot", "purge", "version", "files")} == {"ok"}, found
        left = pipeline.node(node).exec_run(["find", "/var/lib/zkops", "-name", ".zkops-doctor*"])
        assert left.output == b""
    assert states["clock", "between nodes"] == "ok"
    assert standing() == before
    assert doctor_pods(pipeline) == []


def test_before_the_first_deploy_nothing_is_made_by_looking(make_pipeline: MakePipeline) -> None:
    new = make_pipeline("unmade", 13081)
    found = findings(new, 0)
    assert all(row["state"] == "ok" for row in found), found
    assert any("can be made" in row["what"] for row in found)
    assert new.kube.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "unmade"}}) is None
    assert new.node("pipe-1").exec_run(["ls", "/var/lib/zkops/unmade"]).exit_code != 0


def test_what_needs_the_image_is_skipped_where_it_is_not_pushed(make_pipeline: MakePipeline) -> None:
    registry = {"domain": "127.0.0.1:25078", "plain_http": True, "namespace": "never-pushed"}
    found = findings(make_pipeline("unpushed", 13181, registry=registry), 0)
    assert [row["check"] for row in found if row["state"] == "warning"] == ["image"]
    skipped = [row for row in found if row["state"] == "skipped"]
    assert {row["where"] for row in skipped} == {"pipe-1", "pipe-2", "pipe-3"}
    assert {row["mend"] for row in skipped} == {"run `invoke build push`"}


def test_an_interrupted_look_takes_its_pods_away(pipeline: Pipeline) -> None:
    looking = pipeline.start("doctor")
    until(lambda: bool(doctor_pods(pipeline)), "the pods are there")
    looking.send_signal(signal.SIGINT)
    looking.communicate(timeout=60)
    assert looking.returncode == 130
    assert doctor_pods(pipeline) == []
