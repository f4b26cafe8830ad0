"""Three members: what they say of themselves, and that acknowledged writes outlive them."""

import pytest
from kazoo.client import KazooClient

from tests.support.waiting import eventually
from zkops.zookeeper import four_letter as fourletter

from .servers import Ensemble, Server, client


def test_srvr_and_mntr_tell_the_same_roles(three: Ensemble) -> None:
    for member in three.members:
        srvr = member.srvr()
        metrics = fourletter.parse_mntr(member.ask("mntr"))
        assert srvr.version == "3.9.6"
        assert srvr.serving
        assert metrics["zk_server_state"] == srvr.mode
        assert int(metrics["zk_znode_count"]) >= 5
    assert len(three.followers()) == 2
    leading = fourletter.parse_mntr(three.leader().ask("mntr"))
    assert leading["zk_synced_followers"] == "2"


def test_all_members_agree_on_the_epoch(three: Ensemble) -> None:
    with client(*three.members) as zookeeper:
        zookeeper.ensure_path("/agreed")
    epochs = {member.srvr().epoch for member in three.members}
    assert len(epochs) == 1


def test_without_a_quorum_srvr_and_mntr_say_so(three: Ensemble) -> None:
    survivor, *others = three.members
    for other in others:
        other.kill()
    eventually(lambda: not survivor.srvr().serving)
    assert "not currently serving" in survivor.srvr().reason
    assert fourletter.parse_mntr(survivor.ask("mntr")) == {}


def write(zookeeper: KazooClient, path: str, count: int) -> list[str]:
    """Write *count* znodes, and give the names of those that were acknowledged."""
    zookeeper.ensure_path(path)
    return [str(zookeeper.create(f"{path}/n", b"kept", sequence=True)) for _ in range(count)]


def kept(server: Server, path: str, names: list[str]) -> bool:
    """Whether *server* knows every name."""
    with client(server) as zookeeper:
        zookeeper.sync(path)
        return set(names) <= {f"{path}/{name}" for name in zookeeper.get_children(path)}


def test_killing_the_leader_loses_no_acknowledged_write(three: Ensemble) -> None:
    leader, followers = three.leader(), three.followers()
    with client(*followers) as zookeeper:
        before = write(zookeeper, "/leader-killed", 50)
        leader.kill()
        after = [str(zookeeper.retry(zookeeper.create, "/leader-killed/n", b"kept", sequence=True)) for _ in range(50)]
    leader.start()
    eventually(leader.is_ready)
    assert leader.srvr().mode == "follower"
    assert all(kept(member, "/leader-killed", before + after) for member in three.members)


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_data_is_kept_over_a_restart_of_all_members(three: Ensemble, signal: str) -> None:
    path = f"/all-{signal.lower()}"
    with client(*three.members) as zookeeper:
        names = write(zookeeper, path, 50)
    for member in three.members:
        member.kill(signal)
    for member in three.members:
        member.container.wait()
    three.heal()
    assert all(kept(member, path, names) for member in three.members)
