"""The three probes, in every state a server can be in."""

from collections.abc import Iterator

import pytest
from testcontainers.core.wait_strategies import HealthcheckWaitStrategy

from tests.support.waiting import eventually

from .servers import Ensemble, Server, client, container, server

ALL = ("startup", "live", "ready")
ALIVE = ("startup", "live")
ALONE = {"ZOO_MY_ID": "1", "ZOO_SERVERS": "server.1=0.0.0.0:2888:3888;2181 server.2=192.0.2.2:2888:3888;2181"}
"""A member whose peer, at an address kept for documentation, never answers."""


@pytest.fixture(scope="module")
def lone_member(image: str) -> Iterator[Server]:
    with server(image, ALONE) as member:
        eventually(lambda: member.probe("startup").code == 0)
        yield member


@pytest.mark.parametrize("name", ALL)
def test_starting_before_the_port_opens_every_probe_fails(image: str, name: str) -> None:
    with server(image, command=["sleep", "3600"]) as starting:
        answer = starting.probe(name)
    assert (answer.code, answer.text) == (1, "nothing listens on port 7000\n")


def test_starting_a_member_that_looks_for_its_peers_is_alive_and_not_ready(lone_member: Server) -> None:
    assert [lone_member.probe(name).code for name in ALIVE] == [0, 0]
    ready = lone_member.probe("ready")
    assert ready.code == 1
    assert ready.text.startswith("not ready: ")


def test_serving_standalone_every_probe_succeeds(standalone: Server) -> None:
    assert [standalone.probe(name).code for name in ALL] == [0, 0, 0]
    assert standalone.probe("ready").text == "ready: standalone\n"


def test_serving_in_a_quorum_every_probe_of_every_member_succeeds(three: Ensemble) -> None:
    assert {member.probe(name).code for member in three.members for name in ALL} == {0}
    assert sorted(member.probe("ready").text for member in three.members) == [
        "ready: follower\n",
        "ready: follower\n",
        "ready: leader\n",
    ]


def test_quorum_lost_the_survivor_is_not_ready_but_alive(three: Ensemble) -> None:
    survivor, *others = three.members
    for other in others:
        other.kill()
    eventually(lambda: not survivor.is_ready())
    assert survivor.probe("ready").text.startswith("not ready: ")
    assert [survivor.probe(name).code for name in ALIVE] == [0, 0]


def test_quorum_lost_and_back_the_survivor_is_ready_again(three: Ensemble) -> None:
    survivor, *others = three.members
    for other in others:
        other.kill()
    eventually(lambda: not survivor.is_ready())
    others[0].start()
    eventually(survivor.is_ready)


def test_read_only_is_not_ready(image: str) -> None:
    with server(image, ALONE | {"JVMFLAGS": "-Dreadonlymode.enabled=true"}) as member:
        eventually(lambda: "Mode: read-only" in member.probe("4lw", "srvr").text)
        answer = member.probe("ready")
        assert answer.code == 1
        assert "read-only" in answer.text
        assert [member.probe(name).code for name in ALIVE] == [0, 0]


def signal(member: Server, name: str) -> None:
    """Send a signal to the server itself: process 1 only hands on those that end it."""
    assert member.run("sh", "-c", f"kill -{name} $(pidof java)").code == 0


def test_a_stopped_process_fails_every_probe_in_bounded_time(image: str) -> None:
    with server(image) as frozen:
        eventually(frozen.is_ready)
        signal(frozen, "STOP")
        answers = [frozen.probe(name) for name in ALL]
        signal(frozen, "CONT")
        assert {answer.code for answer in answers} == {1}
        assert {"within 3 s" in answer.text for answer in answers} == {True}
        eventually(frozen.is_ready)


def test_stopped_every_probe_fails(image: str) -> None:
    start = "entrypoint zkServer.sh start-foreground; sleep 3600"
    with server(image, command=["sh", "-c", start]) as stopped:
        eventually(stopped.is_ready)
        signal(stopped, "TERM")
        eventually(lambda: "nothing listens" in stopped.probe("live").text)
        assert [stopped.probe(name).code for name in ALL] == [1, 1, 1]


def test_another_provider_of_metrics_is_told_to_leave_no_probes(image: str) -> None:
    other = "metricsProvider.className=org.apache.zookeeper.metrics.impl.DefaultMetricsProvider"
    with server(image, {"ZOO_CFG_EXTRA": other}) as member:
        eventually(lambda: "Mode: standalone" in member.probe("4lw", "srvr").text)
        assert "/readyz and /livez" in member.logs()
        assert not member.is_ready()


def test_the_image_tells_docker_its_health(image: str) -> None:
    with container(image).waiting_for(HealthcheckWaitStrategy()) as healthy:
        assert Server(healthy).is_ready()


def test_probes_leave_no_line_in_the_log(standalone: Server) -> None:
    # The first four-letter word of a server's life is told once.
    standalone.probe("ready")
    before = standalone.logs()
    for name in ALL:
        standalone.probe(name)
    assert standalone.logs() == before


@pytest.mark.parametrize(
    "env", [{"ZOO_METRICS_PORT": "17000"}, {"ZOO_CFG_EXTRA": "metricsProvider.httpPort=17000"}], ids=["env", "zoo.cfg"]
)
def test_another_port_is_probed_where_it_is_configured(image: str, env: dict[str, str]) -> None:
    with server(image, env | {"ZOO_CLIENT_PORT": "12181"}) as moved:
        eventually(moved.is_ready)
        assert "Mode: standalone" in moved.probe("4lw", "srvr").text


def test_a_probe_never_gets_in_the_way_of_clients(standalone: Server) -> None:
    with client(standalone) as zookeeper:
        session = zookeeper.client_id
        for name in ALL:
            assert standalone.probe(name).code == 0
        assert zookeeper.client_id == session
        assert zookeeper.connected
