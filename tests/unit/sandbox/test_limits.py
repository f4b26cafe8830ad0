"""sandbox.limits: what a machine lacks is said with its number, what is needed, and the command that raises it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox import layout, limits
from sandbox.limits import MIB, Machine, Need
from zkops import ROOT
from zkops.config.loader import load
from zkops.core.errors import Refused

AMPLE = Machine(
    driver="overlay2",
    cgroup="1",
    instances=1024,
    watches=100_000,
    files=1_000_000,
    memory=8192 * MIB,
    disk=20_000 * MIB,
    disk_path="/var/lib/docker",
)
FOUR = Need(nodes=4, memory=2000 * MIB, disk=1200 * MIB)


def test_a_machine_with_enough_of_all_passes() -> None:
    limits.check(AMPLE, FOUR)
    limits.check(replace(AMPLE, cgroup="2", driver="btrfs"), FOUR)


def test_a_machine_elsewhere_is_judged_by_what_its_engine_says() -> None:
    limits.check(Machine(driver="overlay2"), FOUR)
    with pytest.raises(Refused, match="storage driver is vfs"):
        limits.check(Machine(driver="vfs"), FOUR)


@pytest.mark.parametrize(
    ("lack", "what", "fix"),
    [
        ({"instances": 64}, "allows 64 inotify instances, and 4 nodes need 96", "fs.inotify.max_user_instances=128"),
        ({"watches": 100}, "allows 100 inotify watches, and 4 nodes need 512", "fs.inotify.max_user_watches=512"),
        ({"files": 4095}, "allows 4095 more open files, and 4 nodes need 4096", "fs.file-max=1048576"),
        ({"memory": 500 * MIB}, "500 MiB of memory are free, and 2000 MiB are needed", "resources.memory.request"),
        ({"disk": 700 * MIB}, "700 MiB are free in /var/lib/docker, and 1200 MiB are needed", "docker system df"),
        ({"cgroup": ""}, "version none", "mount cgroups"),
        ({"driver": "vfs"}, "storage driver is vfs", "overlay2"),
        ({"rootless": True}, "is rootless", "runs as root"),
    ],
)
def test_a_lack_is_refused_with_its_number_the_need_and_the_way_out(lack: dict[str, Any], what: str, fix: str) -> None:
    with pytest.raises(Refused) as refused:
        limits.check(replace(AMPLE, **lack), FOUR)
    assert what in refused.value.what
    assert fix in refused.value.mend


def test_all_that_is_lacking_is_said_at_once() -> None:
    with pytest.raises(Refused) as refused:
        limits.check(replace(AMPLE, instances=64, memory=500 * MIB), FOUR)
    assert "inotify instances" in refused.value.what
    assert "memory" in refused.value.what


def test_nodes_of_other_sandboxes_count_as_they_share_one_limit() -> None:
    limits.check(replace(AMPLE, instances=128), FOUR)
    with pytest.raises(Refused, match=r"4 nodes beside the 8 that run need 224"):
        limits.check(replace(AMPLE, instances=128), replace(FOUR, running=8))


def test_a_sandbox_that_runs_already_needs_nothing_more() -> None:
    cluster = load(ROOT)
    need = limits.of_start(cluster, layout.plan(cluster), running=4, here=4)
    assert need == Need(running=4)
    limits.check(replace(AMPLE, instances=1, memory=0, disk=0), need)


def test_a_new_sandbox_needs_memory_for_its_nodes_and_their_members() -> None:
    cluster = load(ROOT)
    need = limits.of_start(cluster, layout.plan(cluster), running=0, here=0)
    assert need.nodes == 4
    assert need.memory == limits.CONTROL_MEMORY + 3 * (limits.WORKER_MEMORY + 320 * MIB)


def test_free_memory_is_what_programs_can_still_take() -> None:
    text = "MemTotal:       24684556 kB\nMemFree:   11000000 kB\nMemAvailable:  23789000 kB\nHugePages_Total:       0\n"
    assert limits._available(text) == 23789000 * 1024


def test_this_machine_can_be_measured() -> None:
    assert limits._numbers("fs/inotify/max_user_instances")[0] > 0
    assert limits._available(Path("/proc/meminfo").read_text(encoding="ascii")) > 0
