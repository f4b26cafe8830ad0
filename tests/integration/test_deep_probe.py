"""`invoke doctor --deep` on real disks: Docker runs its pod just as it is described, and what it prints is judged."""

import gzip
import os
from pathlib import Path

import pytest

from tests.support.waiting import eventually
from zkops.config.cluster import Cluster
from zkops.doctor import deep_checks as deepchecks
from zkops.doctor.deep_probe import DATA, LOG
from zkops.images import docker as engine
from zkops.images import image as room

from .measured import OWN, Machine, contents, member, snapshots
from .servers import client

SLOW_DISK = "/tmp/slow-disk-ms"


@pytest.fixture(scope="module")
def slowable(base: str, image: str) -> str:
    """Build the image with the preloaded library that makes disks slow."""
    tag = "zkops/test:slow-disk-deep"
    engine.build(Path(__file__).parent / "slow_disk", tag, args={"BASE": base, "IMAGE": image})
    return tag


@pytest.fixture
def machine(cluster: Cluster, tmp_path: Path) -> Machine:
    """Give a machine before the first deploy."""
    (tmp_path / "disk").mkdir()
    return Machine(cluster, tmp_path / "disk" / "data", tmp_path / "disk" / "log")


@pytest.fixture
def written(machine: Machine, image: str) -> Machine:
    """Give a machine with a member's data, two snapshots among it; the member has ended."""
    for number in range(2):
        with member(machine, image) as running, client(running) as zookeeper:
            zookeeper.create(f"/n{number}", b"x" * 100_000)
    assert len(snapshots(machine)) >= 2
    return machine


def test_a_serving_member_is_measured_and_nothing_of_it_is_touched(machine: Machine, image: str) -> None:
    with member(machine, image) as running:
        with client(running) as zookeeper:
            zookeeper.create("/n", b"")
        eventually(lambda: running.srvr().connections == 1)
        before, at = contents(machine, image), running.srvr()
        network = f"container:{running.container.get_wrapped_container().id}"
        found = machine.measure(image, network_mode=network)
        assert running.srvr().zxid == at.zxid
        assert running.is_ready()
        assert contents(machine, image) == before
    assert (found.running, found.image) == (room.zookeeper_version(), room.zookeeper_version())
    # Both directories are on one disk: that is measured once.
    assert list(found.writes) == [LOG]
    assert found.unwritten == {}
    assert 0 < found.writes[LOG].median <= found.writes[LOG].slow <= found.writes[LOG].longest
    assert [one.state for one in found.snapshots] == ["whole"]
    assert (found.kept, found.logs) == (before.count("snapshot.") / 2, before.count("log.") / 2)
    assert len(found.ages) == found.kept
    assert found.memory > 0
    assert found.inodes[LOG][0] > 0


def test_before_the_first_deploy_the_disk_is_measured_and_nothing_is_made_or_judged(
    machine: Machine, image: str
) -> None:
    # Somebody else's, above the member's own directory.
    others = machine.data.parent / "version-2"
    others.mkdir()
    (others / "snapshot.1").write_bytes(b"")
    found = machine.measure(image)
    assert found.writes[LOG].count > 0
    assert (found.snapshots, found.kept, found.logs, found.running) == ((), 0, 0, "")
    assert [path.name for path in machine.data.parent.iterdir()] == ["version-2"]


@pytest.mark.parametrize(("delay", "state"), [(60, "warning"), (1000, "failed")])
def test_a_slow_disk_is_seen_and_told(machine: Machine, slowable: str, tmp_path: Path, delay: int, state: str) -> None:
    (tmp_path / "delay").write_text(str(delay))
    found = machine.measure(slowable, volumes=[f"{tmp_path / 'delay'}:{SLOW_DISK}:ro"])
    assert found.writes[LOG].median >= delay / 1000
    assert 0 < found.writes[LOG].count < 200
    told = deepchecks.writes(machine.cluster, "here", str(machine.log), found, LOG)
    assert told.state == state
    assert not machine.left()


def test_a_damaged_snapshot_is_found_and_the_one_before_it_is_whole(written: Machine, image: str) -> None:
    newest = snapshots(written)[0]
    whole = newest.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for damaged in (flipped, whole[:-20], b""):
        newest.write_bytes(damaged)
        first, second = written.measure(image).snapshots
        assert first.name == newest.name
        assert first.state not in deepchecks.GOOD
        assert second.state == "whole"


def test_a_compressed_snapshot_is_read_too(written: Machine, image: str) -> None:
    newest = snapshots(written)[0]
    packed = newest.with_name(f"{newest.name}.gz")
    packed.write_bytes(gzip.compress(newest.read_bytes()))
    newest.unlink()
    (found,) = written.measure(image).snapshots
    assert (found.name, found.state) == (packed.name, "whole")
    packed.write_bytes(packed.read_bytes()[:-200])
    assert written.measure(image).snapshots[0].state not in deepchecks.GOOD


def test_a_snapshot_too_large_to_read_through_is_looked_at_from_both_ends(written: Machine, image: str) -> None:
    newest = snapshots(written)[0]
    whole = newest.read_bytes()
    with newest.open("wb") as file:
        file.write(whole[:100])
        file.seek(300 << 20)
        file.write(whole[-20:])
    found = written.measure(image).snapshots
    assert [one.state for one in found] == ["sealed"]
    os.truncate(newest, 290 << 20)
    assert "its end is missing" in written.measure(image).snapshots[0].state


def test_what_is_ended_while_it_measures_leaves_nothing(machine: Machine, image: str) -> None:
    with machine.pod(image) as running:
        eventually(machine.left)
        running.stop(timeout=30)
    assert not machine.left()


def test_what_a_killed_run_left_is_removed_by_the_next(machine: Machine, image: str) -> None:
    with machine.pod(image) as running:
        eventually(machine.left)
        running.kill()
    assert machine.left()
    assert machine.measure(image).writes[LOG].count > 0
    assert not machine.left()


def test_a_link_in_the_place_of_its_directory_is_not_followed(machine: Machine, image: str, tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "log").write_text("somebody's")
    (machine.log.parent / OWN).symlink_to(tmp_path / "else")
    found = machine.measure(image)
    assert list(found.unwritten) == [LOG]
    assert (tmp_path / "else" / "log").read_text() == "somebody's"


def test_the_data_on_a_disk_of_its_own_is_measured_too(machine: Machine, image: str) -> None:
    shared = Path("/dev/shm") / f"zkops-{os.getpid()}"
    shared.mkdir()
    try:
        found = Machine(machine.cluster, shared / "data", machine.log).measure(image)
    finally:
        shared.rmdir()
    assert set(found.writes) == {DATA, LOG}
