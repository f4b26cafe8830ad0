"""The HTTP port: /livez and /readyz in every state of a server, and what stuck clients and bad settings cannot do."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby

import pytest

from tests.support.waiting import eventually

from .servers import Ensemble, Server, client, container, ensemble, server, serving

ALONE = {"ZOO_MY_ID": "1", "ZOO_SERVERS": "server.1=0.0.0.0:2888:3888;2181 server.2=192.0.2.2:2888:3888;2181"}
"""A member whose peer, at an address kept for documentation, never answers."""

ASK = 'printf "%s %s HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n" "$1" "$2" | nc -w 10 127.0.0.1 7000'


@dataclass(frozen=True)
class Response:
    """An HTTP answer; header names are in lower case."""

    code: int
    headers: dict[str, str]
    body: str


def ask(asked: Server, path: str, method: str = "GET") -> Response:
    """Ask from inside the container, on the loopback address; code 0 when nothing answers."""
    head, _, body = asked.run("sh", "-c", ASK, "ask", method, path).text.partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Response(int(status.split()[1]) if status.startswith("HTTP/") else 0, headers, body)


def outside(asked: Server, path: str) -> Response:
    """Ask through the published port, from an address that is not the container's loopback."""
    host, port = asked.container.get_container_host_ip(), asked.container.get_exposed_port(7000)
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=10) as answer:
            return Response(answer.status, dict(answer.headers), answer.read().decode())
    except urllib.error.HTTPError as refusal:
        return Response(refusal.code, dict(refusal.headers), refusal.read().decode())


@contextmanager
def published(image: str, env: dict[str, str] | None = None) -> Iterator[Server]:
    """Start a server whose HTTP port is published, and wait until it serves."""
    with container(image, env).with_exposed_ports(7000) as made:
        eventually(Server(made).is_ready)
        yield Server(made)


def info(asked: Server) -> str:
    """Give the sample that tells version and state."""
    (line,) = [line for line in ask(asked, "/metrics").body.splitlines() if line.startswith("zookeeper_server_info{")]
    return line


def test_a_standalone_server_is_alive_and_ready(standalone: Server) -> None:
    assert ask(standalone, "/readyz").body == "ready: standalone\n"
    assert ask(standalone, "/readyz").code == 200
    assert ask(standalone, "/livez").code == 200


def test_every_member_is_ready_in_the_role_that_srvr_tells(three: Ensemble) -> None:
    for member in three.members:
        answer = ask(member, "/readyz")
        assert (answer.code, answer.body) == (200, f"ready: {member.srvr().mode}\n")
        assert f'state="{member.srvr().mode}"' in info(member)


def test_two_of_three_stopped_the_survivor_is_alive_and_not_ready(three: Ensemble) -> None:
    survivor, *others = three.members
    for other in others:
        other.kill("SIGTERM")
    eventually(lambda: ask(survivor, "/readyz").code == 503)
    assert ask(survivor, "/readyz").body.startswith("not ready: ")
    assert ask(survivor, "/livez").code == 200
    eventually(lambda: ask(survivor, "/readyz").body == "not ready: looking for a leader\n")
    assert 'state="looking"' in info(survivor)


RECORD = f"set -- GET /readyz; until [ -e /tmp/enough ]; do {ASK} | tail -n 1; done >/tmp/answers"


def record(member: Server) -> None:
    """Ask without a pause inside the container, until `/tmp/enough` is there; the answers go to `/tmp/answers`."""
    member.container.get_wrapped_container().exec_run(["sh", "-c", RECORD], detach=True)
    eventually(lambda: "ready" in member.run("cat", "/tmp/answers").text)


READY_TWO = ["ready: follower\n", "ready: leader\n"]


def test_during_an_election_nobody_is_ready_until_it_follows_or_leads(image: str) -> None:
    with ensemble(image) as members:
        members.heal()
        leader, followers = members.leader(), members.followers()
        for follower in followers:
            record(follower)
        leader.kill()
        # Both, since until then one of them may still be the follower it was.
        eventually(lambda: sorted(ask(member, "/readyz").body for member in followers) == READY_TWO)
        for follower in followers:
            follower.run("touch", "/tmp/enough")
            answers = [line for line, _ in groupby(follower.run("cat", "/tmp/answers").text.splitlines())]
            first, *between, last = answers
            assert first == "ready: follower"
            assert any(line.startswith("not ready: ") for line in between), answers
            assert last in {"ready: follower", "ready: leader"}


def test_a_read_only_server_is_not_ready(image: str) -> None:
    with server(image, ALONE | {"JVMFLAGS": "-Dreadonlymode.enabled=true"}) as member:
        eventually(lambda: "Mode: read-only" in member.probe("4lw", "srvr").text)
        answer = ask(member, "/readyz")
        assert (answer.code, answer.body) == (503, "not ready: read-only, there is no quorum\n")
        assert 'state="read-only"' in info(member)
        assert ask(member, "/livez").code == 200


def test_an_observer_is_ready_only_while_it_has_a_leader(image: str, three: Ensemble) -> None:
    voters = " ".join(f"server.{n}=zoo{n}:2888:3888;2181" for n in (1, 2, 3))
    # Observers need not be in the voters' configuration, only in their own.
    env = {"ZOO_MY_ID": "4", "ZOO_SERVERS": f"{voters} server.4=localhost:2888:3888:observer;2181"}
    env["ZOO_CFG_EXTRA"] = "peerType=observer"
    (network,) = three.members[0].container.get_wrapped_container().attrs["NetworkSettings"]["Networks"]
    with container(image, env).with_kwargs(network=network) as made:
        observer = Server(made)
        eventually(lambda: ask(observer, "/readyz").body == "ready: observer\n")
        assert 'state="observer"' in info(observer)
        for member in three.members:
            member.kill()
        eventually(lambda: ask(observer, "/readyz").code == 503)
        assert ask(observer, "/livez").code == 200


TLS_ONLY = """\
dataDir=/data
secureClientPort=2281
serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory
ssl.clientAuth=none
ssl.keyStore.location=/tmp/server.p12
ssl.keyStore.password=only-a-test
ssl.trustStore.location=/tmp/server.p12
ssl.trustStore.password=only-a-test
"""
KEY = (
    "/opt/zookeeper/jre/bin/keytool -genkeypair -alias server -keyalg RSA -dname CN=localhost"
    " -keystore /tmp/server.p12 -storepass only-a-test && exec entrypoint zkServer.sh start-foreground"
)


def test_ready_needs_no_client_port_without_tls(image: str) -> None:
    made = container(image, command=["sh", "-c", KEY]).with_copy_into_container(TLS_ONLY.encode(), "/conf/zoo.cfg")
    with made:
        eventually(lambda: ask(Server(made), "/readyz").body == "ready: standalone\n")
        assert "nothing listens" in Server(made).probe("4lw", "srvr").text


def test_stopped_it_answers_no_more(image: str) -> None:
    start = "entrypoint zkServer.sh start-foreground; sleep 3600"
    with server(image, command=["sh", "-c", start]) as stopped:
        eventually(lambda: ask(stopped, "/readyz").code == 200)
        assert stopped.run("sh", "-c", "kill $(pidof java)").code == 0
        eventually(lambda: ask(stopped, "/readyz").code == 0)


def test_other_methods_and_paths_are_told_what_there_is(standalone: Server) -> None:
    posted = ask(standalone, "/readyz", "POST")
    assert (posted.code, posted.headers["allow"]) == (405, "GET, HEAD")
    missing = ask(standalone, "/health")
    assert (missing.code, missing.body) == (404, "here are /metrics, /readyz, /livez\n")


def test_head_gives_the_headers_alone(standalone: Server) -> None:
    answer = ask(standalone, "/readyz", "HEAD")
    assert (answer.code, answer.body) == (200, "")
    assert answer.headers["content-length"] == str(len("ready: standalone\n"))


def test_probes_are_answered_on_the_loopback_address_only(image: str) -> None:
    with published(image) as running:
        for path in ("/readyz", "/livez"):
            refusal = outside(running, path)
            assert refusal.code == 403
            assert "metricsProvider.probes=everywhere" in refusal.body
        assert outside(running, "/metrics").code == 200


def test_probes_are_answered_everywhere_when_asked_for(image: str) -> None:
    with published(image, {"ZOO_CFG_EXTRA": "metricsProvider.probes=everywhere"}) as running:
        assert outside(running, "/readyz").body == "ready: standalone\n"
        assert outside(running, "/livez").code == 200


def test_on_one_address_of_the_network_the_loopback_address_still_has_the_probes(image: str) -> None:
    start = 'ZOO_METRICS_HOST=$(hostname -i | cut -d " " -f 1) exec entrypoint zkServer.sh start-foreground'
    with container(image, command=["sh", "-c", start]).with_exposed_ports(7000) as made:
        running = Server(made)
        eventually(lambda: ask(running, "/readyz").code == 200)
        assert outside(running, "/metrics").code == 200
        assert outside(running, "/readyz").code == 403


def test_stuck_clients_keep_nobody_waiting_and_are_cut_off(image: str) -> None:
    with published(image) as running, ExitStack() as stack:
        address = (running.container.get_container_host_ip(), int(running.container.get_exposed_port(7000)))
        stuck = [stack.enter_context(socket.create_connection(address, 30)) for _ in range(200)]
        for number, connection in enumerate(stuck):
            # Half of them send half a request, half of them never read the answer.
            connection.sendall(b"GET /metrics" if number % 2 else b"GET /metrics?set=all HTTP/1.1\r\nHost: x\r\n\r\n")
        assert ask(running, "/readyz").code == 200
        assert ask(running, "/livez").code == 200
        eventually(lambda: outside(running, "/metrics").code == 200)
        assert stuck[1].recv(1) == b""


def test_huge_headers_do_not_fill_the_heap(image: str) -> None:
    with published(image, {"ZK_SERVER_HEAP": "40"}) as small, ExitStack() as stack:
        address = (small.container.get_container_host_ip(), int(small.container.get_exposed_port(7000)))
        for _ in range(100):
            connection = stack.enter_context(socket.create_connection(address, 30))
            with suppress(OSError):  # cut off half-way is what is wanted
                connection.sendall(b"GET /metrics HTTP/1.1\r\nA: " + b"x" * 370_000)
        assert ask(small, "/readyz").code == 200
        assert small.running


def test_where_metrics_have_one_address_strangers_connections_keep_no_probe_out(image: str) -> None:
    env = {"ZOO_METRICS_HOST": "metered"}
    with container(image, env, hostname="metered").with_exposed_ports(7000) as made, ExitStack() as stack:
        full = Server(made)
        eventually(full.is_ready)
        address = (made.get_container_host_ip(), int(made.get_exposed_port(7000)))
        for _ in range(1100):
            stack.enter_context(socket.create_connection(address, 30))
        assert [ask(full, path).code for path in ("/livez", "/readyz")] == [200, 200]


def test_probes_and_scrapes_leave_no_line_in_the_log(image: str) -> None:
    with serving(image) as quiet:
        before = quiet.logs()
        for path in ("/readyz", "/livez", "/metrics", "/metrics?set=all", "/nowhere"):
            ask(quiet, path)
        assert quiet.logs() == before


def refused(image: str, env: dict[str, str], start: str = "") -> str:
    """Start a server that must end by itself, not well; give its log."""
    command = ["sh", "-c", f"{start} exec entrypoint zkServer.sh start-foreground"]
    with server(image, env, command=command) as failing:
        ended = failing.ended()
    assert ended.code != 0
    return ended.text


def test_a_port_that_is_taken_ends_the_start_with_one_sentence(image: str) -> None:
    taken = "nc -l -p 7000 & until netstat -ltn | grep -q :7000; do :; done;"
    log = refused(image, {}, taken)
    assert "cannot listen on 0.0.0.0:7000 for metrics and probes (Address already in use)" in log
    assert "metricsProvider.httpPort" in log


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("httpPort", "seven", "a port from 1 to 65535"),
        ("httpPort", "65536", "a port from 1 to 65535"),
        ("metrics", "some", "small or all"),
        ("probes", "never", "loopback or everywhere"),
        ("exportJvmInfo", "maybe", "true or false"),
    ],
)
def test_a_bad_setting_is_refused_naming_key_value_and_what_is_allowed(
    image: str, key: str, value: str, allowed: str
) -> None:
    log = refused(image, {"ZOO_CFG_EXTRA": f"metricsProvider.{key}={value}"})
    assert f'metricsProvider.{key} in zoo.cfg is "{value}"; it must be {allowed}' in log


def test_an_address_of_another_machine_is_refused(image: str) -> None:
    log = refused(image, {"ZOO_CFG_EXTRA": "metricsProvider.httpHost=192.0.2.2"})
    assert "cannot listen on 192.0.2.2:7000" in log
    assert "metricsProvider.httpHost" in log


def test_a_write_is_possible_as_soon_as_it_is_ready(image: str) -> None:
    with server(image) as starting:
        eventually(lambda: ask(starting, "/readyz").code == 200)
        with client(starting) as zookeeper:
            assert zookeeper.create("/written", b"") == "/written"
