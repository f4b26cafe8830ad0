"""The local way to a member: bytes go both ways, ends are passed on, a way that fails closes the connection."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

import pytest

from tests.support.factories import pod
from zkops.config.cluster import Cluster
from zkops.core.errors import Failed
from zkops.kube import tunnel as forward
from zkops.kube.client import Kube


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The member's end, and the one that is opened to it."""
    member, opened = socket.socketpair()
    with closing(member), closing(opened):
        yield member, opened


def test_bytes_go_both_ways_and_ends_are_passed_on(ends: tuple[socket.socket, socket.socket]) -> None:
    member, opened = ends
    with forward.local(lambda: opened) as port, socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(b"q" * 200_000)
        client.shutdown(socket.SHUT_WR)
        assert len(b"".join(iter(lambda: member.recv(65536), b""))) == 200_000
        member.sendall(b"answer")
        member.close()
        assert b"".join(iter(lambda: client.recv(65536), b"")) == b"answer"


def test_a_way_that_fails_closes_the_connection() -> None:
    def fail() -> socket.socket:
        raise Failed("the pod is gone")

    with forward.local(fail) as port, socket.create_connection(("127.0.0.1", port), 5) as client:
        assert client.recv(1) == b""


def test_nothing_listens_when_it_is_over() -> None:
    with forward.local(lambda: socket.socketpair()[0]) as port:
        assert forward.reachable("127.0.0.1", port)
    assert not forward.reachable("127.0.0.1", port)


def test_kubernetes_is_not_asked_where_a_member_is_reached_directly(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never() -> Kube:
        raise AssertionError("asked")

    monkeypatch.setattr(forward, "reachable", lambda host, _port: host == cluster.machines[2].ip)
    with forward.servers(cluster, never) as servers:
        assert servers == cluster.connect_string


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a way that failed be tried again at once."""
    monkeypatch.setattr(forward, "REST_SECONDS", 0.0)


class Pods:
    """As much of Kubernetes as a way needs: pods, and connections to them, on which each tells its name."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.live = pods
        self.reachable = True
        self.asked = 0

    def pods(self, _instance: str) -> tuple[dict[str, Any], ...]:
        self.asked += 1
        if not self.reachable:
            raise Failed("cannot list Pods: the Kubernetes API does not answer")
        return self.live

    def connect(self, name: str, _port: int) -> socket.socket:
        member, opened = socket.socketpair()
        with member:
            member.sendall(name.encode())
        return opened


def named(name: str, host: str, **container: Any) -> dict[str, Any]:
    """A pod with a name of its own on a machine."""
    made = pod(host, "image", **container)
    return made | {"metadata": made["metadata"] | {"name": name}}


def said(way: str) -> str:
    """Connect and give all that is said."""
    host, _, port = way.rpartition(":")
    with socket.create_connection((host, int(port)), 5) as client:
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port of this machine that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def here(cluster: Cluster, port: int) -> Cluster:
    """The description with its first machine on this one."""
    first = cluster.machines[0].model_copy(update={"ip": "127.0.0.1"})
    ports = cluster.ports.model_copy(update={"client": port})
    return cluster.model_copy(update={"machines": (first, *cluster.machines[1:]), "ports": ports})


def test_a_way_leads_to_the_pod_that_runs_on_the_machine_at_each_connection(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "knock", lambda _host, _port: "silent")
    host = cluster.machines[0].hostname
    pods = Pods(named("first", host))
    with forward.ways(cluster, lambda: cast(Kube, pods)) as ways:
        assert list(ways) == [machine.hostname for machine in cluster.machines]
        assert said(ways[host]) == "first"
        waiting = {"state": {"waiting": {"reason": "ContainerCreating"}}}
        pods.live = (named("first", host), named("second", host, **waiting))
        assert said(ways[host]) == "first", "one that does not run yet cannot be asked"
        pods.live = (named("second", host),)
        assert said(ways[host]) == "second"
        pods.live = ()
        assert said(ways[host]) == "", "closed, for the client to try another one"


def test_a_way_outlives_an_api_server_that_does_not_answer(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "knock", lambda _host, _port: "silent")
    host = cluster.machines[1].hostname
    pods = Pods(named("it", host))
    with forward.ways(cluster, lambda: cast(Kube, pods)) as ways:
        pods.reachable = False
        assert said(ways[host]) == ""
        pods.reachable = True
        assert said(ways[host]) == "it"


def test_clients_that_try_on_and_on_do_not_flood_the_api_server(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "knock", lambda _host, _port: "silent")
    monkeypatch.setattr(forward, "REST_SECONDS", 3600.0)
    pods = Pods()
    with forward.ways(cluster, lambda: cast(Kube, pods)) as ways:
        for _ in range(5):
            assert said(ways[cluster.machines[0].hostname]) == ""
    assert pods.asked == 1


def test_a_thread_that_ends_with_its_connection_prints_no_traceback(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda ended: told.append(ended.thread.name))
    monkeypatch.setattr(forward, "knock", lambda _host, _port: "accepts")

    def lose() -> None:
        raise ConnectionResetError

    with forward.ways(cluster, lambda: cast(Kube, Pods())):
        for name in ("Kubernetes port forward proxy: 2181", "another"):
            thread = threading.Thread(target=lose, name=name)
            thread.start()
            thread.join()
    assert told == ["another"]


def test_each_machine_has_the_way_that_works_for_it(
    cluster: Cluster, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = here(cluster, listener.getsockname()[1])
    near, far = cluster.machines[:2]
    knock = forward.knock
    monkeypatch.setattr(forward, "knock", lambda host, port: knock(host, port) if host == near.ip else "silent")
    with forward.ways(cluster, lambda: cast(Kube, Pods(named("far", far.hostname)))) as ways:
        assert ways[near.hostname] == f"{near.ip}:{cluster.ports.client}"
        assert said(ways[far.hostname]) == "far"


def test_a_member_that_starts_later_is_reached_directly(
    cluster: Cluster, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = here(cluster, listener.getsockname()[1])
    host = cluster.machines[0].hostname
    monkeypatch.setattr(forward, "knock", lambda _host, _port: "refuses")

    def serve() -> None:
        with listener.accept()[0] as connection:
            connection.sendall(b"directly")

    threading.Thread(target=serve, daemon=True).start()
    with forward.ways(cluster, lambda: cast(Kube, Pods(named("through the API", host)))) as ways:
        assert said(ways[host]) == "directly"
        listener.close()
        assert said(ways[host]) == "through the API", "nobody listens there any more"


def test_a_port_that_accepts_refuses_or_is_silent_is_told_apart(listener: socket.socket) -> None:
    host, port = listener.getsockname()
    assert forward.knock(host, port) == "accepts"
    listener.close()
    assert forward.knock(host, port) == "refuses"


def test_a_member_that_is_cut_off_holds_no_connection_for_ever(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "LINGER_SECONDS", 0.1)
    member, opened = ends
    with forward.local(lambda: opened) as port:
        socket.create_connection(("127.0.0.1", port), 5).close()
        # It never ends its side; ours is closed all the same.
        assert member.recv(1) == b""
        member.settimeout(10)
        with pytest.raises(BrokenPipeError):
            while True:
                member.sendall(b"x" * 65536)
