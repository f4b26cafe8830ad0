"""The programs of a current Kubernetes node, compiled from Go modules in a container and kept as an image.

Modules and compiled packages lie in a volume: what was compiled before an interruption is not compiled again.
"""

import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, ContainerError, NotFound
from docker.models.containers import Container

from sandbox import gosettings, limits
from sandbox.builds import built, content_hash
from sandbox.choice import MODULES, patch_of
from sandbox.containers import uninterrupted
from zkops.config.cluster import Sources
from zkops.core.console import Step, say, step
from zkops.core.errors import Failed
from zkops.core.redaction import redacted
from zkops.images import docker as engine

COMPILER = MODULES / "compiler"

CACHE = "zkops-sandbox-go"
"""The volume with the Go modules and everything compiled so far."""

SOURCES = ("compile.sh", "programs", "runtime")
"""What the programs are made of, beside the module file of their version."""

PROBE_SECONDS = 10
SILENCE_SECONDS = 1800.0
"""So long may the compiler say nothing; a slow mirror takes minutes for the modules."""


def tag_of(version: str) -> str:
    """Give the name of the image with the programs of a minor *version*; changed sources give another."""
    return f"zkops/sandbox-programs:{version}-{content_hash(MODULES, *SOURCES, f'versions/{version}')}"


def compiler(wanted: Sources) -> str:
    """Give the image with the Go compiler, building it where it is missing."""
    return built(wanted, COMPILER, "install the Go compiler in a container")


def unreachable(wanted: Sources, version: str) -> str:
    """Say in a few words why the modules of *version* cannot be had, by asking for one; empty when they can."""
    with closing(engine.connect()) as client:
        if engine.image_id(client, tag_of(version)):
            return ""
        ask = f"cd /tmp && timeout {PROBE_SECONDS} go list -m k8s.io/kubernetes@v{patch_of(version)}"
        try:
            engine.run(client, compiler(wanted), ["sh", "-c", ask], **_options())
        except ContainerError as error:
            last = redacted(error.stderr.decode(errors="replace")).strip().splitlines()
            return last[-1] if last else f"no Go module proxy answers within {PROBE_SECONDS} s"
        except Failed as failure:
            return f"there is no Go compiler: {failure.what.splitlines()[0]}"
    return ""


def obtain(wanted: Sources, version: str) -> str:
    """Give the image with the programs of a minor *version*, compiling them where it is missing.

    Raises:
        Failed: with the compiler's last lines; what it compiled until then is kept.
    """
    tag = tag_of(version)
    with closing(engine.connect(timeout=SILENCE_SECONDS)) as client:
        if engine.image_id(client, tag):
            return tag
        limits.check(limits.measured(client), limits.OF_COMPILING)
        image = compiler(wanted)
        label = f"compile Kubernetes {patch_of(version)}, containerd and CoreDNS from Go modules"
        with step(label) as current, engine.explained("compiling the sandbox's Kubernetes"):
            seconds = _compile(client, image, version, current)
    if seconds:
        say(f"Compiling took {seconds / 60:.1f} minutes of processor time.")
    return tag


def _compile(client: docker.DockerClient, image: str, version: str, current: Step) -> float:
    """Compile the programs, keep them as an image, and give the seconds of processor time that it took."""
    tag = tag_of(version)
    name = "zkops-sandbox-compile-" + tag.rpartition(":")[2]
    try:
        container = _begin(client, image, version, name)
        progress = Progress(current)
        log_file = engine.LOGS / f"compile-{version}.log"
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("w", encoding="utf-8") as log:
            for line in lines(container.logs(stream=True, follow=True)):
                log.write(f"{redacted(line)}\n")
                progress.feed(redacted(line))
        if container.wait()["StatusCode"]:
            raise progress.failure(log_file)
        current.update("keeping the programs as an image")
        stream, _ = container.get_archive("/out")
        client.api.import_image_from_stream(stream, *tag.split(":"))
        return progress.cpu_seconds
    except NotFound:
        # Another run of ours that followed the same container was first to keep its programs.
        if engine.image_id(client, tag):
            return 0.0
        raise
    finally:
        remove(client, name)


def _begin(client: docker.DockerClient, image: str, version: str, name: str) -> Container:
    """Give a container that compiles: one that an ended run left at work, or a new one."""
    with suppress(NotFound):
        left = client.containers.get(name)
        if left.status == "running" or left.wait()["StatusCode"] == 0:
            return left
        remove(client, name)
    return started(client, image, ["sh", "/src/compile.sh", version, "/out"], name)


def started(client: docker.DockerClient, image: str, command: list[str], name: str) -> Container:
    """Start *command* in a container that has the module files in /src and reaches modules as this machine does.

    Whoever calls this must `remove` the container by its *name* also when this fails or is interrupted.
    """
    with uninterrupted():
        container = client.containers.create(image, command, name=name, **_options())
        container.put_archive("/", _archive(MODULES, "src"))
        container.start()
    return container


def _options() -> dict[str, Any]:
    """Give what a container needs to reach modules as this machine does.

    It shares the machine's network: a module proxy may be one on localhost, or behind a VPN.
    """
    found = gosettings.of_this_machine()
    volumes = {CACHE: {"bind": "/go", "mode": "rw"}} | gosettings.mounts(found)
    return {"environment": found, "network_mode": "host", "volumes": volumes}


def remove(client: docker.DockerClient, name: str) -> None:
    """Remove a container of ours, running or not, and let its cache be; nothing is wrong if it is gone."""
    with uninterrupted(), suppress(NotFound):
        try:
            client.containers.get(name).remove(force=True)
        except APIError as error:
            if error.status_code != 409:  # another run is removing it already
                raise


def _archive(directory: Path, name: str) -> bytes:
    """Pack *directory* as a tar archive, in which it is called *name*."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(directory, name)
    return buffer.getvalue()


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Give the lines of a stream that comes in any pieces."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


class Progress:
    """What the compiler said so far: how far it is, its last lines, the processor time it took."""

    def __init__(self, current: Step) -> None:
        self.cpu_seconds = 0.0
        self._step = current
        self._packages = 0
        self._said: list[str] = []

    def feed(self, line: str) -> None:
        """Take one line of `compile.sh`."""
        if found := re.fullmatch(r"cpu: (\d+)", line):
            self.cpu_seconds = float(found[1])
        elif line == "stage: download":
            self._step.update("downloading modules")
        elif line.startswith("go: downloading "):
            self._step.update(line.removeprefix("go: "))
        elif re.fullmatch(r"[\w.~/-]+", line):  # `go build -v` names each package that it compiles
            self._packages += 1
            self._step.update(f"{self._packages} packages compiled, {line}")
        else:
            self._said.append(line)

    def failure(self, log: Path) -> Failed:
        """Explain a compilation that failed."""
        tail = engine.tail_of(self._said)
        if engine.FULL in tail.lower():
            return Failed(f"the disk is full{tail}", engine.ROOM)
        return Failed(
            f"the sandbox's Kubernetes cannot be compiled:{tail}",
            f"see {log} for all of it, then run the same again: what is compiled is kept",
        )
