"""A machine's disks on this one, a member on them, and the pod of `invoke doctor --deep` that looks at them."""

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from tests.support.waiting import eventually
from zkops.config.cluster import Cluster
from zkops.config.types import memory_bytes
from zkops.doctor import deep_probe as deepprobe
from zkops.doctor.deep_probe import Deep, Reader
from zkops.doctor.node_probe import Place
from zkops.images import docker as engine

from .servers import Server, container

OWN = ".zkops-doctor"
WITHIN = 120


@dataclass(frozen=True)
class Machine:
    """A machine's disks, and the pod that looks at them."""

    cluster: Cluster
    data: Path
    log: Path

    @contextmanager
    def pod(self, image: str, **settings: Any) -> Iterator[Container]:
        """Run the pod's container in Docker, with the rights, mounts and memory that its description gives it."""
        pod = deepprobe.manifest(self.cluster, self.cluster.machines[0], image, "default", self.places())
        (described,) = pod["spec"]["containers"]
        paths = {volume["name"]: volume["hostPath"]["path"] for volume in pod["spec"]["volumes"]}
        security, mounts = described["securityContext"], described["volumeMounts"]
        # A list: before the first deploy one directory is mounted twice.
        volumes = [f"{paths[mount['name']]}:{mount['mountPath']}" for mount in mounts]
        with closing(docker.from_env()) as engine_:
            running = engine_.containers.run(
                image,
                entrypoint=described["command"],
                command=described["args"],
                user=f"{security['runAsUser']}:{security['runAsGroup']}",
                cap_drop=security["capabilities"]["drop"],
                cap_add=security["capabilities"]["add"],
                security_opt=["no-new-privileges"],
                read_only=security["readOnlyRootFilesystem"],
                mem_limit=memory_bytes(described["resources"]["limits"]["memory"]),
                volumes=volumes + settings.pop("volumes", []),
                detach=True,
                **settings,
            )
            try:
                yield running
            finally:
                running.remove(force=True, v=True)

    def places(self) -> tuple[Place, ...]:
        """Give the directories as the look before it finds them."""
        return tuple(
            Place(wanted=str(path), nearest=str(near), kind="directory", owner="", mode="", read_only=False)
            for path in (self.data, self.log)
            for near in [path if path.exists() else path.parent]
        )

    def measure(self, image: str, **settings: Any) -> Deep:
        """Run the pod until it has told everything."""
        with self.pod(image, **settings) as running:
            found = eventually(lambda: _read(running), WITHIN)
        assert isinstance(found, Deep), found
        return found

    def left(self) -> bool:
        """Whether the pod's own directory is on the disk, before the first deploy."""
        return (self.log.parent / OWN).is_dir()

    def shell(self, image: str, command: str) -> str:
        """Run a command as root, in the directory that has the member's two."""
        with closing(docker.from_env()) as engine_:
            done = engine.run(
                engine_,
                image,
                entrypoint=["sh", "-euc", command],
                user="0:0",
                working_dir="/disk",
                volumes={str(self.log.parent): {"bind": "/disk", "mode": "rw"}},
            )
        return done.decode()


def _read(running: Container) -> Any:
    reader, text = Reader(), running.logs().decode()
    for _ in range(deepprobe.CLOCKS):
        found = reader(text, time.time())
    running.reload()
    assert found or running.status == "running", text
    return found


@contextmanager
def member(machine: Machine, image: str) -> Iterator[Server]:
    """Run a server on the machine's disks, whose directories only its user may enter; afterwards the test may."""
    machine.shell(image, "mkdir -p data log && chown -R 1000:1000 data log && chmod 700 data log")
    made = container(image)
    for path, inside in ((machine.data, "/data"), (machine.log, "/datalog")):
        made = made.with_volume_mapping(path, inside, "rw")
    try:
        with made:
            running = Server(made)
            eventually(running.is_ready)
            yield running
    finally:
        machine.shell(image, f"chown -R {os.getuid()}:{os.getgid()} data log")


def snapshots(machine: Machine) -> list[Path]:
    """Give the snapshots, the newest first."""
    return sorted((machine.data / "version-2").glob("snapshot.*"), key=lambda file: int(file.suffix[1:], 16))[::-1]


def contents(machine: Machine, image: str) -> str:
    """Give all there is on the disks: names, owners, modes, and what is in the files."""
    return machine.shell(image, "find . | sort | xargs stat -c '%n %u %a'; find . -type f | sort | xargs md5sum")
