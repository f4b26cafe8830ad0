"""Empty disks, others' disks, half of a member's disks: none of them may vote, and no acknowledged write gets lost."""

import pytest

from tests.support.waiting import eventually
from zkops.manifests.roster import Roster
from zkops.zookeeper.membership import Membership

from .rosters import Site, seat
from .servers import Server

NOTHING_HERE = "no data here, and this is not a new ensemble"


def followers(at: Site) -> list[int]:
    return [number for number, server in at.running.items() if server.srvr().mode == "follower"]


def looks_in_vain(running: Server) -> bool:
    """Whether a server has asked all others for a leader several times, and waited for the answers."""
    return running.logs().count("Notification time out") >= 3


def refused(running: Server) -> str:
    ended = running.ended()
    assert ended.code == 78, ended.text
    assert ended.text.count("\n") == 1
    return ended.text


def test_a_wiped_follower_learns_everything_before_it_votes_again(machines: Site) -> None:
    machines.form(1, 2, 3)
    names = machines.add("/kept", 1, 2, 3)
    wiped, other = followers(machines)
    machines.wipe(wiped)
    machines.start(wiped)
    assert NOTHING_HERE in machines.running[wiped].logs()
    assert machines.known("/kept", wiped) == names
    # Its vote counts again: without it there is no majority now.
    machines.end(other)
    remaining = [number for number in (1, 2, 3) if number != other]
    more = eventually(lambda: machines.add("/more", *remaining))
    machines.start(other)
    assert machines.known("/more", other) == more


def test_two_wiped_of_three_serve_nothing_until_the_survivors_data_is_copied_to_them(machines: Site) -> None:
    machines.form(1, 2, 3)
    names = machines.add("/kept", 1, 2, 3)
    # The survivor need not have been the leader.
    survivor, wiped = followers(machines)[0], [1, 2, 3]
    wiped.remove(survivor)
    machines.end(1, 2, 3)
    machines.wipe(wiped[0])
    machines.wipe(wiped[1])
    for number in (1, 2, 3):
        machines.launch(number)
    eventually(lambda: all(map(looks_in_vain, machines.running.values())))
    assert not [number for number in (1, 2, 3) if machines.running[number].srvr().serving]
    assert not [number for number in (1, 2, 3) if machines.running[number].is_ready()]
    # As docs/internals/image.md says.
    machines.end(1, 2, 3)
    for number in wiped:
        for disk in ("data", "log"):
            machines.shell(
                f"rm -rf m{number}/{disk}/version-2 && cp -a m{survivor}/{disk}/version-2 m{number}/{disk}/version-2"
            )
    machines.start(1, 2, 3)
    assert [machines.known("/kept", number) for number in (1, 2, 3)] == [names] * 3
    assert machines.add("/goes-on", 1, 2, 3)


def test_an_empty_disk_alone_never_forms_an_ensemble(machines: Site) -> None:
    machines.write_known(Membership(version=0x100000000, seats=(seat(1),)))
    # Left by a start that was cut off when the ensemble was new.
    machines.shell("mkdir -p m1/log && touch m1/log/initialize")
    running = machines.launch(1)
    eventually(lambda: looks_in_vain(running))
    assert not running.srvr().serving
    assert NOTHING_HERE in running.logs()
    assert not running.is_ready()
    assert running.probe("live").code == 0


def test_the_founders_alone_begin_without_data(machines: Site) -> None:
    one, two = seat(1), seat(2)
    members = Membership(seats=(one, two))
    machines.write(Roster(hosts={"zoo1": one, "zoo2": two}, membership=members, founders=(1,)))
    for number in (1, 2):
        machines.launch(number)
    eventually(lambda: looks_in_vain(machines.running[2]))
    assert NOTHING_HERE in machines.running[2].logs()
    assert NOTHING_HERE not in machines.running[1].logs()
    assert not machines.running[1].srvr().serving
    machines.write(Roster(hosts={"zoo1": one, "zoo2": two}, membership=members, founders=(1, 2)))
    machines.start(2)
    machines.wait_for(1)
    assert machines.membership(1).voters == {1, 2}


def test_data_of_another_ensemble_is_refused_and_left_as_it_is(machines: Site) -> None:
    machines.form(1)
    names = machines.add("/kept", 1)
    told = refused(machines.launch(1, ZOO_ENSEMBLE="test/other"))
    assert "/data belongs to a member of the ensemble test/demo, but one of test/other is to start here" in told
    machines.start(1)
    assert machines.known("/kept", 1) == names


@pytest.mark.parametrize("disk", ["data", "log"])
def test_one_of_two_disks_of_another_ensemble_is_refused(machines: Site, disk: str) -> None:
    machines.form(1)
    machines.end(1)
    machines.shell(f"echo test/other >m1/{disk}/ensemble")
    assert "belongs to a member of the ensemble test/other" in refused(machines.launch(1))


def test_data_of_another_member_is_refused_and_left_as_it_is(machines: Site) -> None:
    machines.form(1, 2, 3)
    machines.end(3)
    machines.shell("mv m3 m4 && cp -a m2 m3")
    told = refused(machines.launch(3))
    assert "this data belongs to member 2, but member 3 is to start here" in told
    machines.shell("rm -r m3 && mv m4 m3")
    machines.start(3)


def test_a_replaced_log_disk_is_refused_until_the_snapshots_are_moved_away(machines: Site) -> None:
    machines.form(1, 2, 3)
    names = machines.add("/kept", 1, 2, 3)
    machines.wipe(3, "log")
    told = refused(machines.launch(3))
    assert "the transaction log that belongs to them is not in /datalog" in told
    assert "move /data/version-2 away too" in told
    machines.end(3)
    machines.shell("mv m3/data/version-2 m3/data/version-2.old")
    machines.start(3)
    assert NOTHING_HERE in machines.running[3].logs()
    assert machines.known("/kept", 3) == names


def test_a_log_brought_back_to_its_new_disk_is_taken(machines: Site) -> None:
    machines.form(1)
    names = machines.add("/kept", 1)
    machines.end(1)
    machines.shell("mv m1/log m1/old && mkdir m1/log && chmod 777 m1/log && mv m1/old/version-2 m1/log/")
    machines.start(1)
    assert machines.known("/kept", 1) == names


def test_a_replaced_data_disk_is_refused_until_the_log_is_moved_away(machines: Site) -> None:
    machines.form(1, 2, 3)
    names = machines.add("/kept", 1, 2, 3)
    machines.wipe(3, "data")
    told = refused(machines.launch(3))
    assert "the snapshots that belong to it are not in /data" in told
    assert "move /datalog/version-2 away too" in told
    machines.end(3)
    machines.shell("mv m3/log/version-2 m3/log/version-2.old")
    machines.start(3)
    assert machines.known("/kept", 3) == names


def test_who_accepts_that_the_log_is_lost_begins_with_the_snapshots_alone(machines: Site) -> None:
    machines.form(1)
    names = machines.add("/kept", 1)
    # A restart writes a snapshot of all there is.
    machines.start(1)
    machines.wipe(1, "log")
    refused(machines.launch(1))
    machines.end(1)
    # As docs/internals/image.md says.
    machines.shell("echo test/demo >m1/log/ensemble")
    machines.start(1)
    assert machines.known("/kept", 1) == names


def test_data_from_before_the_marks_is_taken_and_marked(machines: Site) -> None:
    machines.form(1)
    names = machines.add("/kept", 1)
    machines.end(1)
    machines.shell("rm m1/data/ensemble m1/log/ensemble")
    machines.start(1)
    assert machines.known("/kept", 1) == names
    assert machines.shell("cat m1/data/ensemble m1/log/ensemble") == "test/demo\ntest/demo\n"
