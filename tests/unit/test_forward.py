"""The local way to a member: bytes go both ways, ends are passed on, a way that fails closes the connection."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from zkops import forward
from zkops.cluster import Cluster
from zkops.errors import Failed
from zkops.kube import Kube


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
