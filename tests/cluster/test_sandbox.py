"""The sandbox, for real: comes up from any state, changes nothing when up, leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from docker.errors import NotFound
from docker.models.containers import Container

import sandbox
from sandbox import containers
from tests.cluster.sandboxes import describe, kubectl, left_behind, taken
from zkops import ROOT
from zkops.config.cluster import Cluster, Sources
from zkops.core.errors import Failed, Refused
from zkops.images import base as sources
from zkops.images import docker as engine

# The first of them may build the node image.
pytestmark = pytest.mark.timeout(1500)


def boxes(cluster: Cluster) -> dict[str, Container]:
    return containers.find(engine.connect(), cluster.name)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = describe(tmp_path_factory.mktemp("trio"), "trio", 79, machines=3)
    sandbox.down(cluster)  # a former run may have been ended in its midst
    sandbox.up(cluster)
    try:
        yield cluster
    finally:
        sandbox.down(cluster)


@pytest.fixture
def brief(tmp_path: Path) -> Iterator[Cluster]:
    """Describe a sandbox of one machine that is not up; take it down afterwards."""
    cluster = describe(tmp_path, "brief", 80)
    sandbox.down(cluster)
    yield cluster
    sandbox.down(cluster)


def test_every_machine_is_a_ready_node_at_its_own_address(running: Cluster) -> None:
    path = "jsonpath={range .items[*]}{.metadata.name} {.status.addresses[?(@.type=='InternalIP')].address}{'\\n'}{end}"
    nodes = dict(line.split() for line in kubectl("trio", "get", "nodes", "-o", path).splitlines())
    assert nodes == {"trio-control": "172.31.79.3"} | {machine.hostname: machine.ip for machine in running.machines}


def test_the_kubeconfig_is_readable_by_its_owner_alone(running: Cluster) -> None:
    kubeconfig = running.file("kubeconfig")
    assert kubeconfig.stat().st_mode & 0o777 == 0o600
    assert "https://127.0.0.1:26479" in kubeconfig.read_text()


def test_a_node_pulls_by_digest_what_was_pushed_to_the_registry(running: Cluster) -> None:
    client = engine.connect()
    name = f"{running.registry.domain}/zkops/probe"
    client.images.get(sources.base_image(Sources(), "trixie")).tag(name, "1")
    try:
        client.images.push(name, "1")
        digest = next(one for one in client.images.get(f"{name}:1").attrs["RepoDigests"] if one.startswith(name))
    finally:
        client.images.remove(f"{name}:1")
    overrides = '{"spec": {"nodeName": "trio-2", "hostNetwork": true}}'
    kubectl("trio", "run", "probe", f"--image={digest}", f"--overrides={overrides}", "--", "sleep", "600")
    kubectl("trio", "wait", "--for=condition=Ready", "pod/probe", "--timeout=60s")
    kubectl("trio", "delete", "pod", "probe", "--now", "--wait=false")


def test_up_again_changes_nothing_and_says_so(running: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: (box.id, box.attrs["State"]["StartedAt"]) for name, box in boxes(running).items()}
    capsys.readouterr()
    sandbox.up(running)
    assert capsys.readouterr().err.splitlines() == ["The sandbox trio is up already."]
    assert {name: (box.id, box.attrs["State"]["StartedAt"]) for name, box in boxes(running).items()} == before


@pytest.mark.parametrize("name", ["zkops-trio-trio-2", "zkops-trio-control", "zkops-trio-registry"])
def test_a_killed_container_is_brought_back_by_up(running: Cluster, name: str) -> None:
    before = boxes(running)[name]
    before.kill()
    before.wait()
    sandbox.up(running)
    after = boxes(running)[name]
    assert (after.id, after.status) == (before.id, "running")


def test_a_node_cut_off_or_paused_is_brought_back_by_up(running: Cluster) -> None:
    client = engine.connect()
    client.networks.get("zkops-trio").disconnect("zkops-trio-trio-1")
    boxes(running)["zkops-trio-trio-3"].pause()
    sandbox.up(running)
    network = boxes(running)["zkops-trio-trio-1"].attrs["NetworkSettings"]["Networks"]["zkops-trio"]
    assert network["IPAddress"] == "172.31.79.11"
    assert boxes(running)["zkops-trio-trio-3"].status == "running"


def test_a_lost_worker_is_made_anew_by_up(running: Cluster) -> None:
    boxes(running)["zkops-trio-trio-3"].remove(force=True, v=True)
    sandbox.up(running)
    assert boxes(running)["zkops-trio-trio-3"].status == "running"


def test_a_sandbox_of_another_description_is_left_alone(running: Cluster, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"sandbox that runs was made for another .* zkops-trio-trio-3"):
        sandbox.up(describe(tmp_path, "trio", 79, machines=2))
    assert len(boxes(running)) == 5


def test_down_leaves_no_container_volume_network_or_kubeconfig_and_may_be_repeated(brief: Cluster) -> None:
    sandbox.up(brief)
    mounts = [mount for box in boxes(brief).values() for mount in box.attrs["Mounts"]]
    volumes = [mount["Name"] for mount in mounts if mount["Type"] == "volume"]
    assert volumes
    sandbox.down(brief)
    assert left_behind("brief") == []
    assert not brief.file("kubeconfig").exists()
    assert set(volumes).isdisjoint(volume.name for volume in engine.connect().volumes.list())
    sandbox.down(brief)


@pytest.mark.parametrize(("port", "key"), [(25080, "registry.domain"), (26480, "sandbox.api_port")])
def test_a_port_in_use_is_named_with_its_key_and_nothing_is_left(brief: Cluster, port: int, key: str) -> None:
    with taken(port), pytest.raises(Failed, match=f"port {port} of 127.0.0.1 is in use") as failure:
        sandbox.up(brief)
    assert key in failure.value.mend
    assert left_behind("brief") == []


def test_a_network_in_use_is_named_with_its_holder(brief: Cluster, running: Cluster, tmp_path: Path) -> None:
    clash = describe(tmp_path, "clash", 79)
    with pytest.raises(Failed, match=r"172.31.79.0/24 is in use already, by the Docker network zkops-trio"):
        sandbox.up(clash)
    assert left_behind("clash") == []


@pytest.mark.parametrize("moment", ["zkops-brief-registry", "zkops-brief-brief-1"])
def test_ctrl_c_during_up_leaves_nothing_behind(brief: Cluster, moment: str) -> None:
    program = (
        "import sys, sandbox; from pathlib import Path; from tests.cluster.sandboxes import describe;"
        "sandbox.up(describe(Path(sys.argv[1]), 'brief', 80))"
    )
    command = [sys.executable, "-c", program, str(brief.directory)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE) as up:
        try:
            await_container(moment, up)
            up.send_signal(signal.SIGINT)
            _, messages = up.communicate(timeout=60)
        finally:
            with suppress(ProcessLookupError):
                up.kill()
    assert up.returncode == -signal.SIGINT, messages
    assert b"Removing what was made" in messages
    assert left_behind("brief") == []
    assert not brief.file("kubeconfig").exists()


def await_container(name: str, up: subprocess.Popen[bytes]) -> None:
    client = engine.connect()
    while up.poll() is None:
        with suppress(NotFound):
            client.containers.get(name)
            return
    pytest.fail(f"up ended with {up.returncode} before {name} was made")
