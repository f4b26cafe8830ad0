"""What servers answer is read rightly; the answers were recorded from a 3.9.6 server."""

import socket
import threading

import pytest

from zkops.zookeeper.four_letter import over_tcp, parse_mntr, parse_srvr

LEADER = """Zookeeper version: 3.9.6-7d1ad2cb0a4e9a4ad1b3d3d8d5d1d3f5a5b7c9e1, built on 2026-06-11 10:00 UTC
Latency min/avg/max: 0/0.5/12
Received: 41
Sent: 40
Connections: 3
Outstanding: 0
Zxid: 0x30000002a
Mode: leader
Node count: 5
Proposal sizes last/min/max: 48/48/48
"""
NO_QUORUM = "This ZooKeeper instance is not currently serving requests\n"
REFUSED = "srvr is not executed because it is not in the whitelist.\n"


def test_a_leader_is_read() -> None:
    server = parse_srvr(LEADER)
    assert (server.mode, server.zxid, server.version, server.connections) == ("leader", 0x30000002A, "3.9.6", 3)
    assert (server.epoch, server.counter) == (3, 0x2A)
    assert server.serving


@pytest.mark.parametrize("text", [NO_QUORUM, REFUSED, ""])
def test_a_server_without_mode_does_not_serve_and_says_why(text: str) -> None:
    server = parse_srvr(text)
    assert not server.serving
    assert server.reason == (text.strip() or "no answer")


def test_read_only_mode_is_not_serving() -> None:
    assert not parse_srvr(LEADER.replace("leader", "read-only")).serving


def test_mntr_is_read_by_tabs_alone() -> None:
    text = "zk_version\t3.9.6-abc, built on 2026-06-11 10:00 UTC\nzk_server_state\tfollower\nzk_avg_latency\t0.5\n"
    assert parse_mntr(text)["zk_version"] == "3.9.6-abc, built on 2026-06-11 10:00 UTC"
    assert parse_mntr(text)["zk_avg_latency"] == "0.5"
    assert parse_mntr(NO_QUORUM) == {}


def test_a_word_is_asked_until_the_server_closes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer_in_pieces, args=(server,))
        thread.start()
        assert over_tcp("127.0.0.1", server.getsockname()[1], timeout=5)("ruok") == "imok"
        thread.join()


def _answer_in_pieces(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        assert connection.recv(4) == b"ruok"
        connection.sendall(b"im")
        connection.sendall(b"ok")
