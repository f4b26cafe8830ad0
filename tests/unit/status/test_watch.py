"""The live view goes on whoever is slow or gone, says who, and ends as it should; `--json` keeps its keys."""

import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

import pytest
import yaml

from tests.support.command_line import invoke
from tests.support.fakes.servers import Member, Pods, recorded, serving
from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput
from zkops.kube.client import Kube
from zkops.status import watch as live
from zkops.status.ensemble import Ensemble, ensemble
from zkops.zookeeper.four_letter import parse_srvr

INTERVAL = 0.1


@pytest.fixture
def members() -> list[Member]:
    return [Member("follower"), Member("follower"), Member("leader")]


@pytest.fixture
def here(members: list[Member], cluster: Cluster) -> Iterator[Cluster]:
    """The description of an ensemble of three that answers on this machine."""
    with serving(members, cluster) as found:
        yield found


def until(feed: live.Feed, condition: Callable[[Ensemble], bool]) -> Ensemble:
    """Look until the ensemble is so."""
    for _ in range(600):
        now = ensemble(feed.scene())
        if condition(now):
            return now
        time.sleep(0.05)
    raise AssertionError(f"it never came to this: {now}")


def states(now: Ensemble) -> list[str]:
    return [found.state for found in now.members]


def test_members_are_asked_side_by_side_and_kubernetes_too(here: Cluster) -> None:
    with live.feeding(here, INTERVAL, Pods(here).kube) as feed:
        now = until(feed, lambda now: states(now) == ["serving"] * 3 and now.members[0].image is not None)
        assert now.leader == "demo-3"
        assert now.margin_words() == "3 of 3 serving: one may be lost"
        until(feed, lambda now: all(found.requests == 0 for found in now.members))


def test_a_member_that_hangs_holds_up_no_other_and_is_told(here: Cluster, members: list[Member]) -> None:
    with live.feeding(here, INTERVAL, Pods(here).kube) as feed:
        until(feed, lambda now: states(now) == ["serving"] * 3)
        members[0].hangs.set()
        members[2].metrics = members[2].metrics.replace("\nsynced_followers 2", "\nsynced_followers 1")
        now = until(feed, lambda now: states(now)[0] == "silent")
        assert states(now)[1:] == ["serving", "serving"]
        assert now.margin_words() == "2 of 3 serving: one more loss stops writes"
        members[0].hangs.clear()
        until(feed, lambda now: states(now) == ["serving"] * 3)


def test_the_view_goes_on_without_the_api_server_and_waits_for_it(
    here: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "KUBERNETES_SECONDS", INTERVAL)
    pods = Pods(here)
    pods.answers = False
    with live.feeding(here, INTERVAL, pods.kube) as feed:
        now = until(feed, lambda now: states(now) == ["serving"] * 3 and bool(now.trouble))
        assert now.trouble.endswith("the Kubernetes API does not answer; waiting for it")
        pods.answers = True
        until(feed, lambda now: not now.trouble and now.members[0].image is not None)
        pods.answers, pods.lost = False, {"demo-1"}
        now = until(feed, lambda now: bool(now.trouble))
        assert re.search(r"nodes, pods and restarts are of \d+ s ago; waiting for it", now.trouble)


def test_two_leaders_claimed_are_shown_as_such(here: Cluster, members: list[Member]) -> None:
    with live.feeding(here, INTERVAL, Pods(here).kube) as feed:
        members[0].srvr = recorded("leader.srvr").replace("Zxid: 0x", "Zxid: 0x7")
        now = until(feed, lambda now: len(now.claims) == 2)
        assert now.split_words().startswith("SPLIT VIEW: two leaders claimed: demo-3 (epoch 1), demo-1 (epoch 113)")


def test_a_kubeconfig_that_cannot_be_used_ends_it(here: Cluster) -> None:
    def refuse(_cluster: Cluster) -> Kube:
        raise BadInput("kubernetes: kubeconfig cannot be used")

    with live.feeding(here, INTERVAL, refuse) as feed, pytest.raises(BadInput, match="cannot be used"):
        until(feed, lambda _now: False)


def test_without_a_terminal_it_is_text_once(here: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    live.watch(here, INTERVAL, Pods(here).kube)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.startswith("demo · 3 of 3 serving: one may be lost")
    rows = [line.split() for line in out.splitlines() if line[:6] in {"1 demo", "2 demo", "3 demo"}]
    assert [row[2:4] for row in rows] == [["follower", "serving"], ["follower", "serving"], ["leader", "serving"]]
    assert all(row[-1] == "zookeeper@aaaaaaaaaaaa" for row in rows), "one row a member, whole"


def test_json_has_the_new_figures_beside_the_old_keys(here: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    pods = Pods(here)
    monkeypatch.setattr(live, "Kube", pods.kube)
    found = json.loads(json.dumps(live.report(here, INTERVAL), allow_nan=False))
    assert {"name", "connect_string", "serving", "quorum", "members"} <= found.keys()
    assert found["leader"] == "demo-3"
    assert found["margin"] == 1
    row = found["members"][2]
    assert {"server", "node", "role", "state", "epoch", "zxid", "lag", "clients", "version", "image"} <= row.keys()
    assert (row["state"], row["role"], row["condition"]) == ("leader", "participant", "serving")
    assert row["zxid"] == f"{parse_srvr(recorded('leader.srvr')).zxid:#x}"
    assert row["lag_ms"] == 0
    assert row["requests_per_second"] == 0
    assert 0 < row["heap_used_bytes"] < row["heap_max_bytes"]


@pytest.mark.parametrize("text", ["", "0", "0.4", "61", "-1", "fast", "1e1", "1.0000"])
def test_an_interval_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--interval"):
        live.interval(text)


def test_a_wrong_interval_ends_in_one_sentence_and_exit_code_2() -> None:
    done = invoke("status", "--watch", "--interval", "often")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--interval: 'often' is no number of seconds from 0.5 to 60" in done.stderr


# At a terminal


class Screen:
    """A terminal with a program on it."""

    def __init__(self, child: int, master: int) -> None:
        self.child, self.master = child, master
        self.shown = ""

    def read(self, condition: Callable[[str], bool], *, ended: bool = False) -> None:
        """Read until what was shown is so, or until the program has *ended*."""
        deadline = time.monotonic() + 60
        while ended or not condition(self.shown):
            assert time.monotonic() < deadline, self.shown[-2000:]
            if select.select([self.master], [], [], 1)[0]:
                try:
                    self.shown += os.read(self.master, 65536).decode(errors="replace")
                except OSError:  # the other side is closed
                    assert ended, self.shown[-2000:]
                    return

    def code(self) -> int:
        """Wait for the end and give the exit code."""
        self.read(lambda _shown: True, ended=True)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])


@contextmanager
def terminal(columns: int, *command: str, **environment: str) -> Iterator[Screen]:
    """Run a command at a terminal of 24 rows."""
    child, master = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, *command], os.environ | {"TERM": "xterm-256color"} | environment)  # noqa: S606
    try:
        ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        yield Screen(child, master)
    finally:
        os.close(master)


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A description whose Kubernetes and whose machines do not answer."""
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    shipped = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    shipped.pop("sandbox")
    shipped["kubernetes"] = {"kubeconfig": "kubeconfig"}
    # Of TEST-NET-1 (RFC 5737), and not its first ones, which a network of virtual machines may use: at the shipped
    # addresses a demo may answer.
    for number, machine in enumerate(shipped["machines"], 251):
        machine["ip"] = f"192.0.2.{number}"
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(shipped))
    return tmp_path


NOBODY = "0 of 3 serving, three cannot be asked: whether there is a quorum is not known"


def plain(shown: str) -> str:
    """What was shown, without colours and line ends."""
    return " ".join(re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown).split())


WATCHING = ("-m", "invoke", "status", "--watch", "-p")


def test_ctrl_c_ends_the_view_gives_the_terminal_back_and_is_no_failure(nowhere: Path) -> None:
    with terminal(80, *WATCHING, str(nowhere)) as screen:
        screen.read(lambda shown: "the Kubernetes API does not answer" in plain(shown) and NOBODY in plain(shown))
        assert "\x1b[?1049h" in screen.shown, "a screen of its own"
        os.write(screen.master, b"\x03")
        assert screen.code() == 0
    shown, back, left = screen.shown.rpartition("\x1b[?1049l")
    assert back
    assert NOBODY in plain(left), "the last look stays"
    assert "Traceback" not in shown


def test_a_view_that_is_killed_gives_the_terminal_back(nowhere: Path) -> None:
    with terminal(80, *WATCHING, str(nowhere)) as screen:
        screen.read(lambda shown: NOBODY in plain(shown))
        os.kill(screen.child, signal.SIGTERM)
        assert screen.code() == 128 + signal.SIGTERM
    assert "\x1b[?1049l" in screen.shown


def test_a_terminal_that_cannot_move_its_cursor_gets_text_once(nowhere: Path) -> None:
    with terminal(100, *WATCHING, str(nowhere), TERM="dumb") as screen:
        assert screen.code() == 0
    assert NOBODY in plain(screen.shown)
    assert "\x1b[?1049h" not in screen.shown
