"""Who belongs to the ensemble, over restarts: the membership agreed on last counts, whatever anybody's file says."""

from dataclasses import replace

import pytest
from kazoo.exceptions import NoAuthError

from tests.support.waiting import eventually
from zkops.manifests.roster import Roster
from zkops.zookeeper import four_letter as fourletter
from zkops.zookeeper.membership import Membership

from .rosters import DIGEST, ZOO_CFG, Site, founding, seat
from .servers import client


def mntr(at: Site, number: int) -> dict[str, str]:
    return dict(fourletter.parse_mntr(at.running[number].ask("mntr")))


def leader(at: Site) -> int:
    return next(number for number, server in at.running.items() if server.srvr().mode == "leader")


def names(membership: Membership) -> dict[int, str]:
    return {one.id: one.ip for one in membership.seats}


def test_a_restart_of_all_keeps_the_membership_of_now(machines: Site) -> None:
    machines.form(1, 2, 3)
    left = machines.leave(3, 1, 2)
    machines.end(1, 2, 3)
    # The roster still tells of three.
    machines.start(1, 2)
    assert machines.membership(1) == machines.membership(2) == left
    assert left.voters == {1, 2}


def test_a_removed_member_comes_back_without_a_vote_until_it_is_given_one(machines: Site) -> None:
    machines.form(1, 2, 3)
    left = machines.leave(3, 1, 2)
    known = machines.add("/without-3", 1, 2)
    machines.start(3)
    assert machines.running[3].srvr().mode == "follower"
    assert machines.membership(3) == left
    assert machines.known("/without-3", 3) == known
    assert machines.running[3].probe("ready").text == "ready: follower\n"
    assert machines.running[3].probe("live").text == "alive: follower\n"
    # What `agreed` counts: everybody in sync, with a vote or without.
    assert mntr(machines, leader(machines))["zk_synced_followers"] == "2"
    assert mntr(machines, leader(machines))["zk_synced_non_voting_followers"] == "1"
    entered = machines.enter(seat(3), 1, 2)
    assert entered.voters == {1, 2, 3}
    assert eventually(lambda: machines.membership(3) == entered)
    machines.end(1)
    assert eventually(lambda: machines.add("/without-1", 2, 3))


def test_a_removed_leader_goes_on_without_a_vote_and_can_be_restarted(machines: Site) -> None:
    machines.form(1, 2, 3)
    old = leader(machines)
    others = [number for number in (1, 2, 3) if number != old]
    left = machines.leave(old, *others)
    machines.wait_for(1, 2, 3)
    machines.start(old)
    assert machines.membership(old) == left
    assert machines.enter(seat(old), *others).voters == {1, 2, 3}


def test_one_becomes_two_and_both_can_restart(machines: Site) -> None:
    formed = machines.form(1)
    known = machines.add("/one", 1)
    # Only the one that joins is told of it.
    machines.write_known(formed, seat(2))
    machines.start(2)
    assert machines.known("/one", 2) == known
    assert machines.membership(2).voters == {1}
    entered = machines.enter(seat(2), 1)
    assert entered.voters == {1, 2}
    machines.end(1, 2)
    machines.start(1, 2)
    assert machines.membership(1) == machines.membership(2) == entered
    assert machines.known("/one", 1) == machines.known("/one", 2) == known


def test_an_address_changed_while_the_member_was_down_is_the_one_it_comes_back_with(machines: Site) -> None:
    machines.form(1, 2, 3)
    machines.end(3)
    moved = machines.enter(seat(3, "moved"), 1, 2)
    machines.write_known(moved)
    machines.launch(3, name="moved")
    machines.wait_for(3)
    assert names(machines.membership(3)) == {1: "zoo1", 2: "zoo2", 3: "moved"}
    machines.end(2)
    assert eventually(lambda: machines.add("/needs-3", 1, 3))


def test_a_member_that_missed_its_removal_learns_of_it(machines: Site) -> None:
    machines.form(1, 2, 3)
    machines.end(3)
    left = machines.leave(3, 1, 2)
    machines.start(3)
    assert machines.membership(3) == left


STATIC = """dataDir=/data
dataLogDir=/datalog
tickTime=500
initLimit=10
syncLimit=4
4lw.commands.whitelist=srvr,mntr
server.1=zoo1:2888:3888:participant;2181
server.2=zoo2:2888:3888:participant;2181
server.3=zoo3:2888:3888:participant;2181
"""


def test_an_ensemble_of_fixed_members_becomes_one_that_can_change_member_by_member(machines: Site) -> None:
    for name, text in (("zoo.cfg", STATIC), ("members", "zoo1 1\nzoo2 2\nzoo3 3\n")):
        (machines.directory / "conf" / name).write_text(text)
    for number in (1, 2, 3):
        machines.launch(number, ZOO_ENSEMBLE="", ZOO_SUPER_DIGEST_FILE="")
    machines.wait_for(1, 2, 3)
    names = machines.add("/kept", 1, 2, 3)
    (machines.directory / "conf" / "zoo.cfg").write_text(ZOO_CFG)
    machines.write(Roster(hosts=founding(1, 2, 3).hosts, membership=founding(1, 2, 3).membership))
    for number in (1, 2, 3):
        machines.start(number)
        machines.wait_for(1, 2, 3)
        names |= machines.add("/kept", 1, 2, 3)
        assert [machines.known("/kept", each) for each in (1, 2, 3)] == [names] * 3
    assert machines.leave(3, 1, 2).voters == {1, 2}
    assert machines.enter(seat(3), 1, 2).voters == {1, 2, 3}


def test_a_member_is_asked_at_its_own_port_with_a_vote_and_without(machines: Site) -> None:
    one, two = (replace(seat(number), client=12181) for number in (1, 2))
    machines.write(Roster(hosts={"zoo1": one}, membership=Membership(seats=(one,)), founders=(1,)))
    first = machines.launch(1)
    machines.wait_for(1)
    eventually(lambda: "dynamicConfigFile" in first.run("cat", "/data/conf/zoo.cfg").text)
    assert "Mode: leader" in first.run("zkServer.sh", "status").text
    machines.write_known(Membership(version=0x100000000, seats=(one,)), two)
    second = machines.launch(2)
    machines.wait_for(2)
    assert "Mode: follower" in second.run("zkServer.sh", "status").text


def test_memberships_that_nobody_agreed_on_any_more_are_forgotten(machines: Site) -> None:
    formed = machines.form(1)
    machines.end(1)
    machines.shell(
        "cd m1/data/conf; for version in 0 1 1.tmp new; do echo server.9=nobody:1:2 >zoo.cfg.dynamic.$version; done;"
        " printf 'server.9=nobody:1:2\nversion=1\n' >zoo.cfg.dynamic.next"
    )
    machines.start(1)
    assert machines.membership(1) == formed
    assert machines.shell("ls m1/data/conf").split() == ["zoo.cfg", "zoo.cfg.bak", "zoo.cfg.dynamic.100000000"]


def test_a_membership_that_may_yet_be_agreed_on_is_kept(machines: Site) -> None:
    # What ZooKeeper writes when it votes for a change, and takes away when the change is agreed on.
    kept = machines.shell(
        "mkdir conf1; for version in 100000000 ff; do echo server.1=zoo1:1:2 >conf1/zoo.cfg.dynamic.$version; done;"
        " printf 'server.1=zoo1:1:2\nversion=100000001\n' >conf1/zoo.cfg.dynamic.next;"
        " . /opt/zookeeper/bin/ensemble.sh; forget_older conf1 100000000; ls conf1"
    )
    assert kept.split() == ["zoo.cfg.dynamic.100000000", "zoo.cfg.dynamic.next"]


def test_only_who_knows_the_password_changes_the_membership(machines: Site) -> None:
    machines.form(1)
    with client(machines.running[1]) as stranger:
        stranger.add_auth("digest", "super:another")
        with pytest.raises(NoAuthError):
            stranger.reconfig("server.2=zoo2:2888:3888:observer;2181", None, None)
    assert machines.enter(seat(2, role="observer"), 1).version > 0


def test_the_digest_is_in_the_configuration_alone_which_its_user_alone_can_read(machines: Site) -> None:
    machines.form(1)
    secret = DIGEST.removeprefix("super:")
    assert machines.shell(f"grep -rl {secret} m1/data m1/log").split() == [
        "m1/data/conf/zoo.cfg.bak",
        "m1/data/conf/zoo.cfg",
    ]
    assert set(machines.shell("stat -c %a m1/data/conf/*").split()) == {"600"}
    shown = machines.running[1].run("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; env").text
    told = "".join(machines.running[1].ask(word) for word in ("conf", "mntr", "srvr"))
    assert not [text for text in (shown, told, machines.running[1].logs()) if secret in text]


@pytest.mark.parametrize(
    ("digest", "told"),
    [("", "holds no digest"), ("super:\n", "holds no digest"), ("super:a\nb=c", "more than one line")],
)
def test_a_digest_that_is_none_is_refused(machines: Site, digest: str, told: str) -> None:
    machines.write(founding(1))
    (machines.directory / "super" / "digest").write_text(digest)
    ended = machines.launch(1).ended()
    assert ended.code == 78
    assert told in ended.text
    assert ended.text.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("elsewhere 1 zoo1:2888:3888:participant;2181", "node zoo1 is not in /ensemble/members"),
        ("zoo1 256 zoo1:2888:3888:participant;2181", "gives node zoo1 the id '256'"),
    ],
)
def test_a_roster_that_gives_no_id_is_refused(machines: Site, line: str, told: str) -> None:
    machines.write(founding(1))
    (machines.directory / "ensemble" / "members").write_text(line + "\n")
    ended = machines.launch(1).ended()
    assert ended.code == 78
    assert told in ended.text


def test_a_roster_without_reconfiguration_is_refused(machines: Site) -> None:
    machines.write(founding(1))
    (machines.directory / "conf" / "zoo.cfg").write_text("dataDir=/data\nclientPort=2181\n")
    ended = machines.launch(1).ended()
    assert ended.code == 78
    assert "needs reconfigEnabled=true" in ended.text
