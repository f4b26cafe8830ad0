"""Stop, delete, logs and shell on a real Kubernetes; another ensemble beside the shared one, whose data must stay."""

import json
import signal
import subprocess
from typing import Any

import pytest

from tests.cluster.conftest import DESCRIPTION, MakePipeline, Pipeline, until
from zkops.commands import deploy as deployment
from zkops.ensemble.observed import is_true
from zkops.ensemble.retained import KEPT
from zkops.kube import tunnel as forward

pytestmark = pytest.mark.timeout(900)

HOSTS = [machine["hostname"] for machine in DESCRIPTION["machines"]]
OWN = "/var/lib/zkops/lasting"


def shell(pipeline: Pipeline, lines: str) -> subprocess.CompletedProcess[str]:
    """Pipe lines into `invoke shell`."""
    process = pipeline.start("shell", stdin=subprocess.PIPE)
    out, err = process.communicate(lines, timeout=120)
    return subprocess.CompletedProcess("shell", process.returncode, out, err)


def on_disk(pipeline: Pipeline, host: str, script: str) -> str:
    """Run a line of shell on a machine and give its output."""
    code, output = pipeline.node(host).exec_run(["sh", "-c", script])
    assert code == 0, output
    return str(output.decode())


def rows(text: str) -> dict[str, dict[str, Any]]:
    return {row["node"]: row for row in json.loads(text)["nodes"]}


def live(pipeline: Pipeline, kind: str, version: str = "v1") -> Any:
    name = {"name": "lasting", "namespace": "lasting"}
    return pipeline.kube.get({"apiVersion": version, "kind": kind, "metadata": name})


@pytest.fixture
def lasting(make_pipeline: MakePipeline) -> Pipeline:
    """The description of an ensemble of this file; what one test leaves, the next goes on with."""
    return make_pipeline("lasting", 12481, keep=True)


@pytest.fixture
def deployed(lasting: Pipeline) -> Pipeline:
    lasting.ok("deploy")
    return lasting


def test_a_shell_carries_out_lines_and_ends_at_the_first_that_fails(deployed: Pipeline) -> None:
    done = shell(deployed, "create /app one\nset /app 'number two'\nget /app\ncreate -s /app/n- x\nls -R /app\n")
    assert done.returncode == 0, done.stderr
    assert "number two" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-2:] == ["/app", "/app/n-0000000000"]
    done = shell(deployed, "delete /app\ndeleteall /app\n")
    assert done.returncode == 1
    assert "line 1: /app has children" in done.stderr
    assert deployed.ok("shell", "--command", "ls /app") == "n-0000000000\n"
    assert deployed.invoke("shell", "--command", "get /none").returncode == 1


def test_a_shell_works_through_the_api_where_members_cannot_be_reached(
    deployed: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(forward, "reachable", lambda _host, _port: False)
    deployment.shell(deployed.cluster, f"create /far {'x' * 100_000}")
    deployment.shell(deployed.cluster, "get /far")
    said = capsys.readouterr()
    assert said.out == f"created /far\n{'x' * 100_000}\n"
    assert "through the Kubernetes API" in said.err


def test_logs_are_merged_by_time_and_cut_to_what_is_asked(deployed: Pipeline) -> None:
    lines = deployed.ok("logs").splitlines()
    assert {line.split()[0] for line in lines} == set(HOSTS)
    times = [line.split()[1] for line in lines]
    # The server's own stamps are taken a moment before Kubernetes', by which the lines are merged.
    assert [time[:16] for time in times] == sorted(time[:16] for time in times)
    one = deployed.ok("logs", "--member", "2", "--lines", "3").splitlines()
    assert len(one) == 3
    assert not any(line.startswith("pipe-") for line in one)
    assert len(deployed.ok("logs", "--since", "1h").splitlines()) > len(lines)
    assert deployed.ok("logs", "--since", "1s", "--member", "1").count("\n") < 20


def test_logs_of_the_run_before_a_restart(deployed: Pipeline) -> None:
    none = deployed.invoke("logs", "--previous", "--member", "1")
    assert (none.returncode, none.stdout) == (0, "")
    assert "pipe-1: no such lines" in none.stderr
    marked = deployed.ok("logs", "--member", "1", "--since", "1h").splitlines()[0]
    # Another ensemble's member runs on that machine too: told apart by the port in its environment.
    mine = f"grep -qz ZOO_CLIENT_PORT={deployed.cluster.ports.client} /proc/$p/environ"
    on_disk(deployed, "pipe-1", f"for p in $(pgrep -f QuorumPeerMain); do {mine} && kill -9 $p; done; true")
    until(lambda: marked in deployed.ok("logs", "--previous", "--member", "1", "--lines", "9999"), "it was restarted")


def test_logs_are_followed_until_interrupted(deployed: Pipeline) -> None:
    following = deployed.start("logs", "--follow", "--lines", "1")
    stdout = following.stdout
    assert stdout is not None
    try:
        first = stdout.readline()
        deployed.ok("shell", "--command", "ls /")
        until(lambda: "session" in stdout.readline(), "the session is told", 20)
    finally:
        following.send_signal(signal.SIGINT)
        _, err = following.communicate(timeout=30)
    assert first.startswith("pipe-"), err
    assert following.returncode == 0, err


def test_stop_keeps_data_and_settings_may_change_before_the_next_deploy(
    deployed: Pipeline, make_pipeline: MakePipeline
) -> None:
    shell(deployed, "create /kept 'over a stop'\n")
    told = deployed.invoke("stop")
    assert told.returncode == 0, told.stderr
    assert "closing 0 client sessions" in told.stderr
    assert deployed.kube.pods("lasting") == ()
    assert live(deployed, "DaemonSet", "apps/v1") is None
    assert live(deployed, "Service") is not None
    assert KEPT in live(deployed, "ServiceAccount")["metadata"]["annotations"]
    assert "is not running" in deployed.ok("stop")
    assert "myid" in on_disk(deployed, "pipe-1", f"ls {OWN}/data")

    refused = make_pipeline("lasting", 12481, keep=True, paths={"data": "/var/lib/elsewhere"}).invoke("deploy")
    assert refused.returncode == 3, refused.stderr
    assert live(deployed, "DaemonSet", "apps/v1") is None
    changed = make_pipeline("lasting", 12481, keep=True, zoo_cfg={"tickTime": 1000})
    changed.ok("deploy")
    assert changed.ok("shell", "--command", "get /kept") == "over a stop\n"
    changed.ok("stop")


def test_delete_counts_sessions_survives_a_machine_that_is_away_and_is_finished_later(deployed: Pipeline) -> None:
    client = deployed.start("shell", stdin=subprocess.PIPE)
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write("create -e /open\n")
    client.stdin.flush()
    assert client.stdout.readline() == "created /open\n"
    deployed.node("pipe-3").kill()
    try:
        until(lambda: not _ready(deployed, "pipe-3"), "the machine is seen as lost")
        until(lambda: deployed.status()["serving"] == 2, "the others serve")
        done = deployed.invoke("delete", "--confirm", "lasting", "--json")
        assert done.returncode == 1
        assert "closing 1 client session\n" in done.stderr, done.stdout + done.stderr
        assert {host: row["state"] for host, row in rows(done.stdout).items()} == {
            "pipe-1": "wiped",
            "pipe-2": "wiped",
            "pipe-3": "away",
        }
        assert "again when it is back" in done.stderr
        assert deployed.invoke("deploy").returncode == 3, "what is half deleted must not start"
    finally:
        client.kill()
        client.communicate()
        deployed.node("pipe-3").start()
    until(lambda: deployed.invoke("delete", "--confirm", "lasting").returncode == 0, "the delete is finished", 240)
    assert "lasting" not in on_disk(deployed, "pipe-3", "ls /var/lib/zkops")


def test_delete_removes_its_own_and_nothing_else(lasting: Pipeline, pipeline: Pipeline) -> None:
    lasting.ok("deploy")
    for given in ((), ("--confirm", "pipe")):
        assert lasting.invoke("delete", *given).returncode == 2
    assert lasting.status()["serving"] == 3, "nothing was touched"
    kept = {host: set(on_disk(lasting, host, "ls /var/lib/zkops").split()) - {"lasting"} for host in HOSTS}
    before = on_disk(lasting, "pipe-1", "cd /var/lib/zkops; find pipe -name myid -o -name 'snapshot.*' | sort")
    on_disk(lasting, "pipe-2", f"mkdir /srv/outside && touch /srv/outside/file && ln -s /srv/outside {OWN}/data/link")
    on_disk(lasting, "pipe-3", f"mv {OWN} /srv/moved && ln -s /srv/moved {OWN}")

    done = lasting.invoke("delete", "--confirm", "lasting", "--json")
    assert done.returncode == 1
    found = rows(done.stdout)
    assert found["pipe-1"]["files"] > 0
    assert found["pipe-1"]["bytes"] > 1000
    assert (found["pipe-3"]["state"], found["pipe-3"]["note"]) == ("refused", "lasting is a symbolic link")
    assert "myid" in on_disk(lasting, "pipe-3", "ls /srv/moved/data"), "what a link leads to is not touched"
    assert on_disk(lasting, "pipe-2", "ls /srv/outside") == "file\n"

    on_disk(lasting, "pipe-3", f"rm {OWN}")
    assert "lasting is deleted" in lasting.ok("delete", "--confirm", "lasting")
    assert {host: set(on_disk(lasting, host, "ls /var/lib/zkops").split()) for host in HOSTS} == kept
    assert on_disk(lasting, "pipe-1", "cd /var/lib/zkops; find pipe -name myid -o -name 'snapshot.*' | sort") == before
    assert pipeline.status()["serving"] == 3
    assert [live(lasting, kind) for kind in ("Service", "ServiceAccount")] == [None, None]
    assert lasting.kube.config_maps("lasting") == ()
    assert not any("test/lasting" in node["metadata"]["labels"] for node in lasting.kube.nodes())
    assert "nothing to delete" in lasting.invoke("delete", "--confirm", "lasting").stderr


def _ready(pipeline: Pipeline, host: str) -> bool:
    return any(is_true(node, "Ready") for node in pipeline.kube.nodes() if node["metadata"]["name"] == host)
