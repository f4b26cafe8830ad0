"""The membership: one change at a time, by who may, once, and told from what the servers themselves say."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.waiting import eventually
from zkops.core.errors import Failed
from zkops.zookeeper import reconfig as membership
from zkops.zookeeper.heartbeat import heartbeat

from .dynamic import PASSWORD, Dynamic, dynamic, number


@pytest.fixture(scope="module")
def _three(image: str) -> Iterator[Dynamic]:
    with dynamic(image) as members:
        yield members


@pytest.fixture
def three(_three: Dynamic) -> Dynamic:
    """Three members that serve and vote."""
    _three.heal()
    return _three


def test_the_leader_is_taken_out_and_let_in_again_while_clients_write(three: Dynamic) -> None:
    known, leader = membership.read(three.servers), three.leader()
    seat = known.seat(number(leader))
    assert seat
    with heartbeat.beating(three.servers, "demo") as beat:
        out = membership.leave(three.servers, PASSWORD, seat.id, known)
        assert out.voters == known.voters - {seat.id}
        assert out.version > known.version
        eventually(lambda: three.members[leader].mode() == "follower")  # it goes on as one that has no vote
        assert three.leader() != leader
        back = membership.enter(three.servers, PASSWORD, seat, out)
        assert back.seats == known.seats
        assert membership.read(three.servers) == back
        result = beat.verify(three.ways)
    assert result.lost == ()
    assert result.sessions_lost == 0
    assert result.verified == tuple(three.members)


def test_it_is_told_also_where_the_answer_is_lost_with_the_leader(three: Dynamic) -> None:
    leader = three.leader()
    # By its own address alone: it drops its clients, and is a follower when it answers again.
    out = membership.leave(three.ways[leader], PASSWORD, number(leader), membership.read(three.servers))
    assert number(leader) not in out.voters
    assert membership.read(three.servers) == out


def test_a_role_is_changed(three: Dynamic) -> None:
    known = membership.read(three.servers)
    seat = known.seat(number(three.others(three.leader())[0]))
    assert seat
    observing = membership.enter(three.servers, PASSWORD, type(seat)(**vars(seat) | {"role": "observer"}), known)
    assert observing.voters == known.voters - {seat.id}
    assert len(observing.seats) == 3
    eventually(lambda: three.members[f"m{seat.id}"].mode() == "observer")


def test_what_is_so_already_is_not_done_again(three: Dynamic) -> None:
    known = membership.read(three.servers)
    assert membership.enter(three.servers, PASSWORD, known.seats[0], known) == known
    out = membership.leave(three.servers, PASSWORD, 1, known)
    # Run again after an interruption: what was known then is old by now.
    assert membership.leave(three.servers, PASSWORD, 1, known) == out


def test_nothing_is_done_on_what_is_no_longer_so(three: Dynamic) -> None:
    known = membership.read(three.servers)
    out = membership.leave(three.servers, PASSWORD, 1, known)
    with pytest.raises(Failed, match="somebody else changed the membership meanwhile"):
        membership.leave(three.servers, PASSWORD, 2, known)
    assert membership.read(three.servers) == out


def test_of_two_at_once_one_is_done_and_the_other_told(three: Dynamic) -> None:
    known, leader = membership.read(three.servers), three.leader()

    def take_out(name: str) -> str:
        try:
            membership.leave(three.servers, PASSWORD, number(name), known)
        except Failed as failure:
            return failure.what
        return "done"

    with ThreadPoolExecutor(2) as pool:
        came = sorted(pool.map(take_out, three.others(leader)))
    assert came[0] == "done"
    assert "somebody else changed the membership meanwhile" in came[1]
    assert len(membership.read(three.servers).seats) == 2


def test_without_the_password_nothing_is_done(three: Dynamic) -> None:
    known = membership.read(three.servers)
    with pytest.raises(Failed, match="Secret demo-super") as caught:
        membership.leave(three.servers, "guessed", 1, known, secret="demo-super")
    assert caught.value.mend
    assert membership.read(three.servers) == known


def test_the_password_is_in_no_log_and_no_error(three: Dynamic, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("kazoo").setLevel(logging.DEBUG)
    known = membership.read(three.servers)
    membership.leave(three.servers, PASSWORD, 3, known)
    with pytest.raises(Failed) as caught:
        membership.leave(three.servers, "guessed", 2, membership.read(three.servers))
    told = f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {caplog.text}"
    assert PASSWORD not in told
    assert "guessed" not in told


def test_a_member_that_is_not_in_sync_is_not_let_in_and_is_once_it_is(three: Dynamic) -> None:
    leader = three.leader()
    first, second = three.others(leader)
    founded = membership.read(three.servers)
    now = membership.leave(three.servers, PASSWORD, number(first), founded)
    now = membership.leave(three.servers, PASSWORD, number(second), now)
    three.members[first].container.kill("SIGKILL")
    three.members[second].container.kill("SIGKILL")
    seat = founded.seat(number(first))
    assert seat
    with pytest.raises(Failed, match=r"not done within 2 s: too few of the members .* are in sync"):
        membership.enter(three.servers, PASSWORD, seat, now, within=2)
    assert membership.read(three.servers) == now
    three.replace(first)
    three.replace(second)
    assert membership.read(three.servers) == now, "who has no vote takes none"
    assert membership.enter(three.servers, PASSWORD, seat, now, within=60).voters == {number(leader), seat.id}


def test_the_last_voter_is_not_taken_out(three: Dynamic) -> None:
    leader = three.leader()
    now = membership.read(three.servers)
    for name in three.others(leader):
        now = membership.leave(three.servers, PASSWORD, number(name), now)
    with pytest.raises(Failed, match="refused: BadArguments"):
        membership.leave(three.servers, PASSWORD, number(leader), now)
    assert membership.read(three.servers) == now


def test_without_a_quorum_it_is_told_that_nobody_knows(three: Dynamic) -> None:
    for name in three.others(three.leader()):
        three.members[name].container.kill("SIGKILL")
    eventually(lambda: not any(member.mode() for member in three.members.values()))
    with pytest.raises(Failed, match="opens no session within 2 s") as caught:
        membership.read(three.servers, within=2)
    assert "invoke status" in caught.value.mend
