"""Data written as others run ZooKeeper is adopted whole, by the very steps of docs/migrate/migration.md."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NewConfigNoQuorumError

from tests.support.waiting import eventually
from zkops.config.cluster import Cluster
from zkops.doctor import deep_checks as deepchecks
from zkops.doctor.checks import Finding

from .measured import Machine
from .oldways import Old, blocks, jars, old_way
from .rosters import ZOO_CFG, Site, founding, seat
from .trees import HELD, app, assert_goes_on, tree, write
from .ways import BITNAMI, OFFICIAL, OPENPAI, OPERATOR, PRAVEGA, Way

COPY, BACK = blocks("The steps")


@pytest.fixture(scope="module")
def fetched(base: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give what fetches the jars of a Debian release, once each."""
    return cache(lambda suite: jars(base, suite, tmp_path_factory.mktemp(suite)))


@pytest.fixture
def old(
    request: pytest.FixtureRequest, image: str, base: str, fetched: Callable[[str], Path], tmp_path: Path
) -> Iterator[Old]:
    """Give a way's members, none started."""
    way: Way = request.param
    tmp_path.chmod(0o755)
    with old_way(way, image, base, fetched(way.suite), tmp_path) as made:
        yield made


def copy(old: Old, machines: Site, *numbers: int) -> None:
    """Carry out what the page says to do on each machine, and what is done before each start in Kubernetes."""
    (names,) = blocks(old.way.section)
    for number in numbers:
        old.on_machine(number, machines.directory / f"m{number}", names, COPY)
        machines.shell(f"/opt/zookeeper/bin/prepare-data /site/m{number}/data /site/m{number}/log")


def volumes(old: Old, number: int) -> str:
    """Give all there is on a member's old volumes."""
    places = " ".join(old.way.volumes.values())
    script = f"find {places} -printf '%p %u %m\\n' | sort; find {places} -type f | sort | xargs md5sum"
    return old.on_machine(number, old.directory / "nothing", script)


@pytest.mark.parametrize("old", [BITNAMI], indirect=True, ids=["3.9.3"])
def test_a_bitnami_ensemble_is_adopted_whole_and_can_go_back_with_what_was_written_since(
    old: Old, machines: Site
) -> None:
    old.start(1, 2, 3)
    with old.client() as zookeeper:
        zookeeper.create("/early")
        for number in (1, 2, 3):
            with old.client(number) as member:
                member.sync("/early")
        copy(old, machines, 1, 2, 3)  # while it runs, as the page allows
        before = write(zookeeper)
        old.stop()
    copy(old, machines, 1, 2, 3)
    formed = machines.form(1, 2, 3)
    assert [one.ip for one in formed.seats] == ["zoo1", "zoo2", "zoo3"]
    for number in (1, 2, 3):
        with app(machines.running[number]) as zookeeper:
            assert tree(zookeeper) == before
    assert_goes_on(machines.running[1])
    machines.end(1, 2, 3)
    (names,) = blocks(old.way.section)
    for number in (1, 2, 3):
        old.on_machine(number, machines.directory / f"m{number}", names, BACK)
    old.start(1, 2, 3)
    with old.client() as zookeeper:
        zookeeper.add_auth("digest", "app:secret")
        after = tree(zookeeper)
        assert zookeeper.create("/queue/n", sequence=True) == "/queue/n0000000006"
    assert set(after) - set(before) == {"/queue/n0000000005"}


@pytest.mark.parametrize("old", [PRAVEGA], indirect=True, ids=["3.9.3"])
def test_a_pravega_ensemble_is_adopted_whole_and_forgets_its_own_membership(old: Old, machines: Site) -> None:
    old.start(1)
    for number in (2, 3):
        join(old, number)
    with old.client(1, 2) as zookeeper:
        before = write(zookeeper)
        old.stop(3)
        # The last change of the membership is not in this one's log.
        zookeeper.reconfig(f"server.3={OPERATOR[3]}:2888:3888:participant;2181", None, None)
        zookeeper.create("/missed-by-3")
        before |= tree(zookeeper, "/missed-by-3")
        old.stop()
    copy(old, machines, 1, 2, 3)
    assert "zk-headless" in machines.shell("cat /site/m*/log/version-2/log.*")
    formed = machines.form(1, 2, 3)
    for number in (1, 2, 3):
        assert machines.membership(number) == formed
        with app(machines.running[number]) as zookeeper:
            assert tree(zookeeper) == before
    assert [one.ip for one in formed.seats] == ["zoo1", "zoo2", "zoo3"]
    assert_goes_on(machines.running[1])
    assert machines.leave(3, 1, 2).voters == {1, 2}
    assert machines.enter(seat(3), 1, 2).voters == {1, 2, 3}


def join(old: Old, number: int) -> None:
    """Let a member in as the operator's scripts do: as an observer, which its readiness probe makes a voter."""
    specification = f"server.{number}={old.way.names[number]}:2888:3888"
    with old.client(1) as zookeeper:
        told, _ = zookeeper.reconfig(f"{specification}:observer;2181", None, None)
    (volume,) = old.volumes(number).values()
    volume.mkdir(parents=True)
    (volume / "zoo.cfg.dynamic").write_bytes(told.partition(b"version=")[0])
    old.start(number)
    with old.client(number):
        pass
    with old.client(1) as zookeeper:
        zookeeper.reconfig(None, str(number), None)
        eventually(lambda: entered(zookeeper, f"{specification}:participant;2181"))


def entered(zookeeper: KazooClient, specification: str) -> bool:
    """Try to let a member vote; it must be in sync for that."""
    try:
        zookeeper.reconfig(specification, None, None)
    except NewConfigNoQuorumError:
        return False
    return True


@pytest.mark.parametrize("old", [OFFICIAL], indirect=True, ids=["3.8.0"])
def test_a_server_of_the_official_image_is_adopted_with_its_clients_sessions_and_others_join_it(
    old: Old, machines: Site, cluster: Cluster, image: str
) -> None:
    old.start(1)
    with old.client(timeout=30) as zookeeper:
        before = write(zookeeper)
        session = zookeeper.client_id
        old.stop()
        copy(old, machines, 1)
        assert looked_at(machines, cluster, image).state == "ok"
        formed = machines.form(1)
        zookeeper.set_hosts(machines.running[1].address)
        eventually(lambda: zookeeper.connected)
        assert zookeeper.client_id == session
        assert zookeeper.exists(HELD).ephemeralOwner == session[0]
    machines.write_known(formed, seat(2))
    machines.start(2)
    assert machines.enter(seat(2), 1).voters == {1, 2}
    for number in (1, 2):
        with app(machines.running[number]) as zookeeper:
            assert tree(zookeeper) == before
    assert_goes_on(machines.running[2])


def looked_at(machines: Site, cluster: Cluster, image: str) -> Finding:
    """Give what `invoke doctor --deep` says of the snapshots of machine 1."""
    machine = Machine(cluster, machines.directory / "m1" / "data", machines.directory / "m1" / "log")
    return deepchecks.snapshot("zoo1", machine.measure(image))


@pytest.mark.parametrize("old", [OPENPAI], indirect=True, ids=["3.4.13"])
def test_openpais_server_is_adopted_whole_though_it_wrote_no_snapshot(
    old: Old, machines: Site, cluster: Cluster, image: str
) -> None:
    old.start(1)
    with old.client() as zookeeper:
        before = write(zookeeper)
        old.stop()
    copy(old, machines, 1)
    assert "there are logs, and no snapshot" in looked_at(machines, cluster, image).what
    machines.write(founding(1))
    assert "has a transaction log, but the snapshots that belong to it are not in" in machines.launch(1).ended().text
    settings = machines.directory / "conf" / "zoo.cfg"
    settings.write_text(f"{ZOO_CFG}snapshot.trust.empty=true\n")
    machines.form(1)
    settings.write_text(ZOO_CFG)
    machines.start(1)
    with app(machines.running[1]) as zookeeper:
        assert tree(zookeeper) == before
    assert_goes_on(machines.running[1])


@pytest.mark.parametrize("old", [OFFICIAL], indirect=True, ids=["3.8.0"])
def test_what_is_put_in_the_wrong_place_is_refused_and_the_old_volumes_are_as_they_were(
    old: Old, machines: Site
) -> None:
    old.start(1)
    with old.client() as zookeeper:
        before = write(zookeeper)
        old.stop()
    kept = volumes(old, 1)
    machines.write(founding(1))
    copy(old, machines, 1)
    machines.shell("cp -p m1/log/version-2/log.* m1/data/version-2/")
    assert "Snapshot directory has log files." in refused(machines)
    machines.shell("rm m1/data/version-2/log.*; echo 2 >m1/data/myid")
    assert "/myid says this data belongs to member 2, but member 1 is to start here" in refused(machines)
    machines.shell("echo 1 >m1/data/myid")
    machines.form(1)
    with app(machines.running[1]) as zookeeper:
        assert tree(zookeeper) == before
    assert volumes(old, 1) == kept


def refused(machines: Site) -> str:
    """Start the member, which must end by itself, and give what it said."""
    ended = machines.launch(1).ended()
    assert ended.code != 0
    return ended.text
