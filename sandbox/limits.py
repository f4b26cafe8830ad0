"""What a sandbox needs of the machine, looked at before anything is made: a lack is met half-way otherwise."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from sandbox.layout import LABEL, Layout
from zkops.config.cluster import Cluster
from zkops.config.types import memory_bytes
from zkops.core.errors import Refused

MIB = 1024**2

# Measured on a control plane and on workers that carry a member each, Kubernetes 1.36.3 (docs/internals/sandbox.md).
CONTROL_MEMORY = 450 * MIB
WORKER_MEMORY = 150 * MIB
NODE_DISK = 300 * MIB
NODE_INSTANCES = 16
NODE_WATCHES = 128
NODE_FILES = 1024

OTHER_INSTANCES = 32
"""Left to whatever else root runs, such as systemd and the Engine itself."""

COMPILE_MEMORY = 2048 * MIB
COMPILE_DISK = 8192 * MIB

WHOLE_COPIES = {"vfs", "aufs", "devicemapper"}
"""Storage drivers that copy an image for each container, or that current Engines no longer have."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the machine of the Engine has; None where it is another machine and so is not known."""

    driver: str
    rootless: bool = False
    cgroup: str = "2"
    instances: int | None = None
    watches: int | None = None
    files: int | None = None
    memory: int | None = None
    disk: int | None = None
    disk_path: str = ""


@dataclass(frozen=True, kw_only=True)
class Need:
    """What is about to be started or made: nodes that run already and new ones, bytes of memory and disk."""

    running: int = 0
    nodes: int = 0
    memory: int = 0
    disk: int = 0


def of_start(cluster: Cluster, layout: Layout, running: int, here: int) -> Need:
    """Give what the nodes of a sandbox need that do not run yet, with the members that they are to carry.

    *running* nodes of all sandboxes are up, *here* of them of this one.
    """
    new = max(len(layout.nodes) - here, 0)
    workers = min(new, len(layout.workers))
    member = memory_bytes(cluster.resources.memory.request)
    memory = workers * (WORKER_MEMORY + member) + (CONTROL_MEMORY if new > workers else 0)
    return Need(running=running, nodes=new, memory=memory, disk=new * NODE_DISK)


OF_COMPILING = Need(memory=COMPILE_MEMORY, disk=COMPILE_DISK)


def check(machine: Machine, need: Need) -> None:
    """Let a machine pass that has all of *need*.

    Raises:
        Refused: naming everything it lacks: how much there is, how much is needed, and the commands that raise it.
    """
    found = list(_lacks(machine, need))
    if found:
        raise Refused(
            "; ".join(what for what, _ in found),
            "; ".join(dict.fromkeys(command for _, command in found)),
        )


def _lacks(machine: Machine, need: Need) -> Iterator[tuple[str, str]]:
    if machine.rootless:
        yield "the Docker Engine is rootless, and the sandbox's nodes need root", "use an Engine that runs as root"
    if machine.cgroup not in {"1", "2"}:
        yield (
            f"the Docker Engine limits nothing by cgroups (version {machine.cgroup or 'none'}), and kubelets need them",
            "mount cgroups on this machine and restart the Engine",
        )
    if machine.driver in WHOLE_COPIES:
        yield (
            f"the Docker Engine's storage driver is {machine.driver}, which copies an image for each container",
            'set {"storage-driver": "overlay2"} in /etc/docker/daemon.json and restart the Engine',
        )
    yield from _few_handles(machine, need)
    if machine.memory is not None and machine.memory < need.memory:
        yield (
            f"{machine.memory // MIB} MiB of memory are free, and {need.memory // MIB} MiB are needed",
            "end other programs, or lower resources.memory.request or the number of machines",
        )
    if machine.disk is not None and machine.disk < need.disk:
        yield (
            f"{machine.disk // MIB} MiB are free in {machine.disk_path}, and {need.disk // MIB} MiB are needed",
            "make room there (`docker system df` shows what takes it)",
        )


def _few_handles(machine: Machine, need: Need) -> Iterator[tuple[str, str]]:
    """Compare what all nodes share as processes of one user, in the one kernel."""
    total = need.running + need.nodes
    wanted = (
        (
            "inotify instances",
            machine.instances,
            total * NODE_INSTANCES + OTHER_INSTANCES,
            "fs.inotify.max_user_instances",
        ),
        ("inotify watches", machine.watches, total * NODE_WATCHES, "fs.inotify.max_user_watches"),
        ("more open files", machine.files, need.nodes * NODE_FILES, "fs.file-max"),
    )
    for name, allowed, needed, key in wanted:
        if need.nodes and allowed is not None and allowed < needed:
            more = f" beside the {need.running} that run" if need.running else ""
            raised = 1 << (needed - 1).bit_length() if key != "fs.file-max" else 1 << 20
            yield (
                f"this machine allows {allowed} {name}, and {need.nodes} nodes{more} need {needed}",
                f"run `sudo sysctl -w {key}={raised}`",
            )


def running(client: docker.DockerClient, name: str) -> tuple[int, int]:
    """Count the nodes of all sandboxes that run, and those of the sandbox *name*."""
    found = client.containers.list(filters={"label": LABEL}, ignore_removed=True)
    nodes = [one.labels[LABEL] for one in found if not str(one.name).endswith("-registry")]
    return len(nodes), nodes.count(name)


def measured(client: docker.DockerClient) -> Machine:
    """Look at the machine that the Engine runs on."""
    info: Mapping[str, Any] = client.info()
    known: dict[str, Any] = {
        "driver": str(info.get("Driver", "")),
        "rootless": any("rootless" in option for option in info.get("SecurityOptions") or ()),
        "cgroup": str(info.get("CgroupVersion", "1")),
    }
    if not os.environ.get("DOCKER_HOST", "unix://").startswith("unix://"):
        return Machine(**known)
    root = Path(str(info.get("DockerRootDir", "/var/lib/docker")))
    opened, _, most = _numbers("fs/file-nr")
    return Machine(
        **known,
        instances=_numbers("fs/inotify/max_user_instances")[0],
        watches=_numbers("fs/inotify/max_user_watches")[0],
        files=most - opened,
        memory=_available(Path("/proc/meminfo").read_text(encoding="ascii")),
        disk=shutil.disk_usage(root).free if root.is_dir() else None,
        disk_path=str(root),
    )


def _numbers(key: str) -> list[int]:
    return [int(word) for word in Path("/proc/sys", key).read_text(encoding="ascii").split()]


def _available(meminfo: str) -> int:
    """Give the bytes that programs can still take, from the text of /proc/meminfo."""
    fields = dict(line.split(":", 1) for line in meminfo.splitlines())
    return int(fields["MemAvailable"].split()[0]) * 1024
