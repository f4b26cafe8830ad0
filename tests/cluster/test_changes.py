"""Changes of a running ensemble: what clients see of them, how they are undone, and that they can be cut off."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.conftest import DESCRIPTION, MakePipeline, Pipeline, end, until
from zkops.kube import lease

pytestmark = pytest.mark.timeout(900)

PORTS = {"client": 14181, "quorum": 14182, "election": 14183, "metrics": 14184}
MACHINES = DESCRIPTION["machines"]


class Changing(Pipeline):
    """An ensemble whose description is changed and deployed."""

    def describe(self, **changes: Any) -> "Changing":
        """Change the description; what is changed stays so."""
        file = self.directory / "cluster.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes))
        return self

    def deployed(self, *flags: str, task: str = "deploy") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ok(task, "--json", *flags))
        return found

    def plan(self) -> list[str]:
        steps = json.loads(self.ok("plan", "--json"))["steps"]
        return [f"{step['action']} {step['target']}" for step in steps]

    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["node"]: row for row in self.status()["members"]}

    def leader(self) -> str:
        return next(node for node, row in self.rows().items() if row["state"] in {"leader", "standalone"})


def unnoticed(report: dict[str, Any]) -> None:
    """What every change promises; how long clients waited is measured by the benchmark."""
    beat = report["heartbeat"]
    assert beat["acknowledged"] > 0
    assert (beat["lost"], beat["sessions_lost"]) == ([], 0), beat
    assert "Longest gap" in Path(report["report"]).read_text()


@pytest.fixture(scope="module")
def changing(sandboxed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changing]:
    directory = tmp_path_factory.mktemp("changing")
    kubernetes = {
        "kubeconfig": str(sandboxed / "kubeconfig"),
        "namespace": "changing",
        "node_label": "test/changing",
    }
    described = DESCRIPTION | {"name": "changing", "ports": PORTS, "kubernetes": kubernetes, "sandbox": None}
    (directory / "cluster.yaml").write_text(yaml.safe_dump(described))
    made = Changing(directory)
    made.ok("deploy")
    yield made
    end(sandboxed, "changing")


def test_a_refresh_is_planned_in_order_and_noticed_by_nobody(changing: Changing) -> None:
    leader = changing.leader()
    changing.describe(zoo_cfg={"autopurge.snapRetainCount": 4})
    planned = changing.plan()
    moved = [step for step in planned if step.split()[0] in {"restart", "leave", "enter"}]
    assert moved[-3:] == [f"leave {leader}", f"restart {leader}", f"enter {leader}"]
    assert changing.invoke("plan", "--exit-code").returncode == 5
    report = changing.deployed()
    unnoticed(report)
    done = [step.partition(":")[0] for step in report["steps"]]
    assert [step for step in done if step in moved] == moved
    assert changing.plan() == []
    assert changing.invoke("plan", "--exit-code").returncode == 0
    assert "autopurge.snapRetainCount=4" in on(changing, changing.leader(), "cat /conf/zoo.cfg")


def test_a_change_by_hand_is_seen_and_taken_back(changing: Changing) -> None:
    metadata = {"name": "changing", "namespace": "changing"}
    live = changing.kube.get({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata})
    assert live
    live["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 7
    assert changing.kube.replace(live)
    found = json.loads(changing.ok("plan", "--json"))
    assert any(change["live"] == 7 and "terminationGracePeriod" in change["field"] for change in found["changes"])
    report = changing.deployed()
    # No pod was made from that template, so none is made anew.
    assert [step.split()[0] for step in report["steps"]] == ["apply"]
    assert changing.plan() == []


def on(pipeline: Pipeline, hostname: str, script: str) -> str:
    """Run a script in the member on a machine."""
    pod = next(pod for pod in pipeline.kube.pods(pipeline.cluster.name) if pod["spec"]["nodeName"] == hostname)
    name = pod["metadata"]["name"]
    command = ["kubectl", "-n", pipeline.kube.namespace, "exec", name, "-c", "zookeeper", "--", "sh", "-c", script]
    code, output = pipeline.node("control").exec_run(command)
    assert code == 0, output
    return str(output.decode())


def test_an_image_that_cannot_start_is_undone_and_its_member_serves_again(changing: Changing) -> None:
    before = {node: row["image"] for node, row in changing.rows().items()}
    missing = f"{changing.cluster.repository}@sha256:{'0' * 64}"
    changing.describe(image={"reference": missing})
    done = changing.invoke("deploy", "--timeout", "120")
    assert done.returncode == 4, done.stderr
    assert "undone" in done.stderr
    assert {node: row["image"] for node, row in changing.rows().items()} == before
    assert changing.status()["serving"] == 3
    newest = json.loads(changing.ok("history", "--json"))[-1]
    assert newest["outcome"].startswith("rolled back to ")
    changing.describe(image={})
    assert changing.deployed()["changed"] is False


def test_a_rollback_brings_configuration_and_image_back(changing: Changing) -> None:
    before = on(changing, "pipe-1", "cat /conf/zoo.cfg")
    changing.describe(zoo_cfg={"autopurge.snapRetainCount": 5})
    unnoticed(changing.deployed())
    assert on(changing, "pipe-1", "cat /conf/zoo.cfg") != before
    unnoticed(changing.deployed(task="rollback"))
    assert on(changing, "pipe-1", "cat /conf/zoo.cfg") == before
    assert [entry["what"].split()[0] for entry in json.loads(changing.ok("history", "--json"))[-2:]] == [
        "deploy",
        "rollback",
    ]


def test_a_second_operator_is_told_who_is_at_it(changing: Changing) -> None:
    changing.describe(zoo_cfg={"autopurge.snapRetainCount": 6})
    first = changing.start("deploy")
    until(lambda: lease.held_by(changing.kube, changing.cluster) is not None, "the first holds the lock", bound=30)
    second = changing.invoke("deploy")
    first.communicate(timeout=300)
    assert first.returncode == 0
    assert (second.returncode, "is being changed by" in second.stderr) == (3, True)


@pytest.mark.parametrize("moment", ["restart", "leave", "enter"])
def test_a_tool_that_is_killed_leaves_nothing_worse_and_the_next_one_finishes(changing: Changing, moment: str) -> None:
    changing.describe(zoo_cfg={"autopurge.snapRetainCount": {"restart": 11, "leave": 12, "enter": 13}[moment]})
    tool = changing.start("deploy")
    assert tool.stderr
    for line in tool.stderr:
        if line.startswith(f"{moment} ") or line.startswith(f"… {moment} "):
            break
    else:
        pytest.fail(f"the tool ended without a {moment}")
    tool.send_signal(signal.SIGKILL)
    tool.wait()
    assert changing.status()["quorum"] is True
    until(lambda: changing.invoke("deploy").returncode == 0, "the next deploy finishes", bound=300)
    assert changing.plan() == []
    assert changing.status()["serving"] == 3


def test_a_machine_is_drained_only_while_a_quorum_stays(changing: Changing) -> None:
    leader = changing.leader()
    changing.ok("drain", "--node", leader)
    rows = changing.rows()
    assert "drained" in rows[leader]["state"]
    assert changing.status()["quorum"] is True
    other = next(node for node in rows if node != leader)
    assert changing.invoke("drain", "--node", other).returncode == 3
    assert changing.invoke("deploy").returncode == 3
    changing.ok("undrain", "--node", leader)
    assert changing.status()["serving"] == 3
    assert changing.plan() == []


def test_an_ensemble_grows_from_1_to_5_and_shrinks_again_and_nothing_is_lost(
    make_pipeline: MakePipeline, sandboxed: Path
) -> None:
    machines = [{"hostname": f"pipe-{n}", "ip": f"172.31.78.{10 + n}", "id": n} for n in range(1, 6)]
    made = make_pipeline("grow", 14281, machines=machines[:1])
    growing = Changing(made.directory)
    growing.ok("deploy")
    growing.ok("shell", "--command", "create /kept first")
    for count in (3, 5, 3, 1):
        growing.describe(machines=machines[:count])
        if count < len(growing.rows()) or (count in {1, 3} and "leave" in " ".join(growing.plan())):
            refused = growing.invoke("deploy")
            assert refused.returncode == 3
            assert "--confirm=grow" in refused.stderr
        unnoticed(growing.deployed("--confirm", "grow"))
        assert growing.status()["serving"] == count
        assert growing.ok("shell", "--command", "get /kept").strip() == "first"


def pod_of(pipeline: Pipeline, hostname: str) -> str:
    pods = pipeline.kube.pods(pipeline.cluster.name)
    return next((str(pod["metadata"]["name"]) for pod in pods if pod["spec"].get("nodeName") == hostname), "")


def test_a_replaced_disk_learns_before_it_votes(changing: Changing) -> None:
    follower = next(node for node, row in changing.rows().items() if row["state"] == "follower")
    changing.ok("shell", "--command", f"create /disk-{time.time_ns()} x")
    before = pod_of(changing, follower)
    wipe = "rm -rf /var/lib/zkops/changing/data/* /var/lib/zkops/changing/log/*"
    code, output = changing.node(follower).exec_run(["sh", "-c", wipe])
    assert code == 0, output
    changing.kube.delete_pod(before)
    until(lambda: pod_of(changing, follower) not in {"", before}, "a new pod")
    until(lambda: changing.status()["serving"] == 3, "the member learnt everything again")
    assert "learns everything" in changing.ok("logs", "--member", follower, "--lines", "5000")
    until(lambda: not changing.plan(), "nothing is left to do")
