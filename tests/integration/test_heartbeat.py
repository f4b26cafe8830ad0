"""The heartbeat: what it tells is what happened, and nothing that happened stays untold."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from kazoo.client import KazooClient

from tests.support.waiting import eventually
from zkops.kube import tunnel as forward
from zkops.zookeeper import client as session
from zkops.zookeeper.heartbeat import heartbeat
from zkops.zookeeper.heartbeat import znodes as slots
from zkops.zookeeper.heartbeat.heartbeat import Heartbeat

from .dynamic import Dynamic, dynamic


@pytest.fixture(scope="module")
def _three(image: str) -> Iterator[Dynamic]:
    with dynamic(image) as members:
        yield members


@pytest.fixture
def three(_three: Dynamic) -> Dynamic:
    """Three members that serve and vote."""
    _three.heal()
    return _three


def writes_on(beat: Heartbeat) -> None:
    """Wait until a write is acknowledged that was sent from now on."""
    before = beat.result.acknowledged
    eventually(lambda: beat.result.acknowledged > before + 1)


def mine(zookeeper: KazooClient) -> list[str]:
    """Give the roots of all heartbeats."""
    return [f"/{name}" for name in zookeeper.get_children("/") if name.startswith(slots.PREFIX)]


def test_killing_the_leader_is_a_gap_that_loses_nothing(three: Dynamic) -> None:
    leader = three.leader()
    with heartbeat.beating(three.servers, "demo") as beat:
        writes_on(beat)
        beat.mark(f"kill {leader}")
        three.members[leader].container.kill("SIGKILL")
        eventually(lambda: any(three.members[name].mode() == "leader" for name in three.others(leader)))
        writes_on(beat)
        three.members[leader].start()
        eventually(three.members[leader].mode)
        writes_on(beat)
        result = beat.verify(three.ways)
    assert result.longest.mark == f"kill {leader}"
    assert result.gaps == (result.longest,)
    assert result.sessions_lost == 0
    assert result.lost == ()
    assert result.verified == tuple(three.members), "the killed one knows everything again"
    assert sum(bucket.writes for bucket in result.timeline) == result.acknowledged
    assert "none lost, session kept" in str(result)


def test_a_frozen_quorum_is_a_gap_as_long_as_it_lasts(three: Dynamic) -> None:
    frozen = [three.members[name].container for name in three.others("m1")]
    with heartbeat.beating(three.servers, "demo") as beat:
        writes_on(beat)
        assert not beat.over(60)
        beat.mark("freeze")
        for container in frozen:
            container.pause()
        eventually(lambda: beat.gap_now() > 2)
        assert beat.over(2), "told while it lasts"
        for container in frozen:
            container.unpause()
        writes_on(beat)
        assert beat.over(2), "told afterwards"
        beat.mark("later")
        writes_on(beat)
        result = beat.verify(three.ways)
    assert result.longest.mark == "freeze"
    assert result.longest.seconds > 2
    assert result.latency.max > 2000
    assert [gap.mark for gap in result.gaps] == ["freeze", "later"]
    assert result.lost == ()


def test_a_session_that_expired_is_told_and_a_new_one_shows_life(three: Dynamic) -> None:
    with heartbeat.beating(three.servers, "demo") as beat:
        writes_on(beat)
        stranger = KazooClient(three.servers, client_id=beat._writer._zookeeper.client_id)
        stranger.start()
        stranger.stop()  # the session ends for both
        stranger.close()
        eventually(lambda: beat.result.sessions_lost == 1)
        writes_on(beat)
        result = beat.verify(three.ways)
    assert result.sessions_lost == 1
    assert result.lost == (), "writes outlive the session, and the ephemeral znode is there again"
    assert "session lost once" in str(result)


def test_an_acknowledged_write_that_is_not_there_is_found_on_every_member(three: Dynamic) -> None:
    with heartbeat.beating(three.servers, "demo") as beat, session.opened(three.servers) as stranger:
        writes_on(beat)
        assert beat.verify(three.ways).lost == ()
        (root,) = mine(stranger)
        stranger.set(f"{root}/00", b"7")
        stranger.delete(f"{root}/01")
        lost = beat.verify(three.ways).lost
    for name in three.members:
        assert any(text.startswith(f"{name}: {root}/00 holds write 7") for text in lost)
        assert any(text.startswith(f"{name}: {root}/01 is gone") for text in lost)
    assert len(lost) == 2 * len(three.members)


def test_what_is_lost_meanwhile_is_told_once_and_the_writing_goes_on(three: Dynamic) -> None:
    with heartbeat.beating(three.servers, "demo") as beat, session.opened(three.servers) as stranger:
        eventually(lambda: beat.result.acknowledged > 2 * slots.COUNT)
        (root,) = mine(stranger)
        stranger.delete(f"{root}/05")
        eventually(lambda: beat.result.lost)
        after = beat.result.acknowledged
        eventually(lambda: beat.result.acknowledged > after + 2 * slots.COUNT)
        result = beat.verify(three.ways)
    (lost,) = result.lost
    assert lost.startswith(f"{root}/05 is gone, write ")
    assert "1 lost" in str(result)


def test_a_member_that_cannot_be_asked_is_named(three: Dynamic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "VERIFY_SECONDS", 3.0)
    three.members["m3"].container.kill("SIGKILL")
    with heartbeat.beating(three.servers, "demo") as beat:
        result = beat.verify(three.ways)
    assert result.verified == ("m1", "m2")
    (unread,) = result.unread
    assert unread.startswith("m3 opens no session within 3 s")
    assert "none lost on 2 members; not asked: 1" in str(result)


def test_local_ports_that_lead_to_the_members_serve_as_well(three: Dynamic) -> None:
    with ExitStack() as stack:
        opened = {name: partial(socket.create_connection, (m.address, 2181), 1) for name, m in three.members.items()}
        ways = {name: f"127.0.0.1:{stack.enter_context(forward.local(opens))}" for name, opens in opened.items()}
        beat = stack.enter_context(heartbeat.beating(",".join(ways.values()), "demo"))
        for name, member in three.members.items():  # each in its turn, as when all are restarted
            beat.mark(name)
            member.container.restart(timeout=0)
            eventually(member.mode)
            writes_on(beat)
        result = beat.verify(ways)
    assert result.lost == ()
    assert result.sessions_lost == 0
    assert result.verified == tuple(three.members)
    assert [gap.mark for gap in result.gaps] == list(three.members)


def test_its_znodes_go_with_it_and_those_of_a_killed_one_later(three: Dynamic, monkeypatch: pytest.MonkeyPatch) -> None:
    with session.opened(three.servers) as zookeeper:
        slots.make(zookeeper, f"/{slots.PREFIX}killed")
        with heartbeat.beating(three.servers, "demo"):
            assert len(mine(zookeeper)) == 2, "another heartbeat's may be in use"
        assert mine(zookeeper) == [f"/{slots.PREFIX}killed"]
        monkeypatch.setattr(slots, "OLD_SECONDS", 0.0)
        with heartbeat.beating(three.servers, "demo"):
            assert f"/{slots.PREFIX}killed" not in mine(zookeeper)
        assert mine(zookeeper) == []
