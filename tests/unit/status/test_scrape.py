"""A member is asked by the way that works, over a connection that is kept; what it does not tell is said."""

import socket
from collections.abc import Iterator

import pytest

from tests.support.fakes.servers import Member, Pods, page_at, placed, serving
from zkops.config.cluster import Cluster
from zkops.status import scrape
from zkops.status.scrape import Station, Way


@pytest.fixture
def leader() -> Member:
    return Member("leader")


@pytest.fixture
def here(leader: Member, cluster: Cluster) -> Iterator[Cluster]:
    """The description of an ensemble of one that answers."""
    with serving([leader], cluster) as found:
        yield found


@pytest.fixture
def station(here: Cluster) -> Iterator[Station]:
    made = Station(here, here.machines[0])
    yield made
    made.close()


def test_a_member_is_read_over_one_connection(station: Station, leader: Member) -> None:
    first, second = station.read(None), station.read(None)
    assert (first.trouble, second.trouble) == ("", "")
    assert first.server
    assert first.server.mode == "leader"
    assert first.figures.state == "leader"
    assert second.at > first.at
    assert leader.connections == 1


def test_a_connection_that_the_member_ended_is_made_anew(station: Station, leader: Member) -> None:
    station.read(None)
    kept = station._http
    assert kept
    assert isinstance(kept.sock, socket.socket)
    kept.sock.shutdown(socket.SHUT_RDWR)
    assert station.read(None).figures.state == "leader"
    assert leader.connections == 2


def test_a_page_that_cannot_be_read_leaves_what_srvr_told(station: Station, leader: Member) -> None:
    leader.metrics = "<html>"
    found = station.read(None)
    assert found.server
    assert found.server.mode == "leader"
    assert found.trouble.startswith("its /metrics cannot be read: this is no page of metrics")
    leader.status, leader.metrics = 503, "too many scrapes at once\n"
    assert station.read(None).trouble == "its /metrics cannot be read: it answers 503: too many scrapes at once"


def test_a_machine_where_nobody_listens_says_so(cluster: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = Station(
        placed(cluster, ["127.0.0.1"], port, port), cluster.machines[0].model_copy(update={"ip": "127.0.0.1"})
    )
    assert found.read(None).refused


def test_a_member_that_hangs_is_told_in_time_and_not_asked_for_its_page(
    station: Station, leader: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrape, "ANSWER_SECONDS", 0.2)
    leader.hangs.set()
    found = station.read(None)
    assert (found.server, found.refused, found.trouble) == (None, False, "no answer in time")
    assert leader.connections == 0


def test_where_the_direct_way_is_closed_the_member_is_asked_through_kubernetes(
    here: Cluster, leader: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, tried = here.machines[0], []

    def closed(address: tuple[str, int], _timeout: float) -> socket.socket:
        tried.append(address)
        raise TimeoutError

    kube = Pods(here)
    kube.ways = {(machine.hostname, port): (machine.ip, port) for port in (here.ports.client, here.ports.metrics)}
    station = Station(here, machine)
    monkeypatch.setattr(socket, "create_connection", closed)
    readings = [station.read(Way(kube.kube(), machine.hostname)) for _ in range(2)]
    station.close()
    assert [found.figures.state for found in readings] == ["leader"] * 2
    assert len(tried) == 1, "the closed way costs its time once, not with every question"
    assert leader.connections == 1


def test_a_page_on_the_loopback_address_of_another_machine_is_never_looked_for_on_ours(
    here: Cluster, leader: Member
) -> None:
    away = here.model_copy(update={"metrics": here.metrics.model_copy(update={"address": "127.0.0.1"})})
    ours = Member("follower")
    with page_at("127.0.0.1", here.ports.metrics, ours):
        found = Station(away, away.machines[0]).read(None)
    assert ours.connections == 0
    assert found.server
    assert "Kubernetes knows no way" in found.trouble
    assert leader.connections == 0


def test_what_kubernetes_tells_of_machines_and_pods(cluster: Cluster) -> None:
    kube = Pods(cluster)
    kube.lost = {"demo-2"}
    found = scrape.look(cluster, kube.kube())
    assert [member.node_ready for member in found] == [True, False, True]
    assert [scrape.way(member, kube.kube()) is not None for member in found] == [True, False, True]
    assert scrape.way(found[0], None) is None
