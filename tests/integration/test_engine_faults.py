"""The Docker Engine, its disk and the registry failing in the middle: each told, and finished by a second run."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from testcontainers.core.container import DockerContainer

from tests.support.waiting import eventually
from zkops.config.cluster import Cluster
from zkops.core.console import Step
from zkops.core.errors import Failed
from zkops.images import docker as engine
from zkops.images import registry

from .registries import registry_image, with_registry

TAG = "zkops/test-engine-faults:1"

pytestmark = pytest.mark.timeout(180)


class Proxy:
    """Passes connections on until it is cut; then it is as if nobody had ever listened there."""

    def __init__(self, listener: socket.socket, onward: Callable[[], socket.socket], limit: float) -> None:
        self.listener, self.onward, self.limit = listener, onward, limit
        self.sent = 0
        self.open: list[socket.socket] = []
        listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                here, there = self.listener.accept()[0], self.onward()
                self.open += [here, there]
                threading.Thread(target=self._pass, args=(here, there, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(there, here, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(65536):
                self.sent += len(chunk) * counted
                if self.sent > self.limit:
                    self.cut()
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """End every connection, and take no new one."""
        for one in (self.listener, *self.open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def engine_socket() -> Callable[[], socket.socket]:
    """Give what connects to the Engine as it is named now, before a test names the proxy instead."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        pytest.skip("the Engine is not on a socket of this machine")

    def connect() -> socket.socket:
        onward = socket.socket(socket.AF_UNIX)
        onward.connect(host.removeprefix("unix://"))
        return onward

    return connect


def context(directory: Path, base: str, *lines: str) -> Path:
    (directory / "Dockerfile").write_text("\n".join([f"FROM {base}", *lines, ""]))
    return directory


@contextmanager
def removed(*references: str) -> Iterator[None]:
    try:
        yield
    finally:
        client = engine.connect()
        for reference in references:
            if engine.image_id(client, reference):
                client.images.remove(reference)


def test_an_engine_gone_in_the_middle_of_a_build_is_told_and_the_next_build_finishes(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "docker.sock"))
    proxy = Proxy(listener, engine_socket(), limit=float("inf"))
    step, files = Step("build"), tmp_path / "context"
    files.mkdir()
    context(files, base, "RUN echo begun && sleep 2 && echo finished")

    def cut_when_begun() -> None:
        eventually(lambda: "begun" in step.detail.rpartition("sleep")[2])
        proxy.cut()

    with removed(TAG):
        cutter = threading.Thread(target=cut_when_begun)
        cutter.start()
        with monkeypatch.context() as away:
            away.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
            with pytest.raises(Failed, match="the Docker Engine went away") as gone:
                engine.build(files, TAG, step=step)
        cutter.join()
        assert gone.value.what.startswith(f"building {TAG}: ")
        assert "docker info" in gone.value.mend
        assert engine.image_id(engine.connect(), TAG) is None
        assert engine.build(files, TAG) == engine.image_id(engine.connect(), TAG)


def test_a_disk_that_a_build_step_finds_full_is_called_so(base: str, tmp_path: Path) -> None:
    # Writing to /dev/full fails as on a full disk, and the Engine only tells the exit code, as it does for apt or tar.
    with pytest.raises(Failed, match=r"the disk is full, at Step 2/2 : RUN cat") as full:
        engine.build(context(tmp_path, base, "RUN cat /etc/passwd >/dev/full"), TAG)
    assert "docker system df" in full.value.mend


def test_a_full_disk_on_this_side_is_called_so(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "build-zkops-test-engine-faults-1.log").symlink_to("/dev/full")
    monkeypatch.setattr(engine, "LOGS", tmp_path / "logs")
    with removed(TAG), pytest.raises(Failed, match=f"building {TAG}: the disk is full"):
        engine.build(context(tmp_path, base, "LABEL some=thing"), TAG)


@pytest.fixture
def port(cluster: Cluster, base: str) -> Iterator[int]:
    """Give the port of a registry that wants no login."""
    with DockerContainer(registry_image(cluster)).with_exposed_ports(5000) as made:
        found = int(made.get_exposed_port(5000))
        eventually(lambda: registry._answers_plain_http(f"127.0.0.1:{found}"))
        yield found


def test_a_registry_gone_in_the_middle_of_a_push_is_told_and_the_next_push_finishes(
    cluster: Cluster, port: int, tmp_path: Path
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    own = listener.getsockname()[1]
    Proxy(listener, lambda: socket.create_connection(("127.0.0.1", port)), limit=3e6)
    described = with_registry(cluster, domain=f"127.0.0.1:{own}", plain_http=True)
    (tmp_path / "blob").write_bytes(os.urandom(20_000_000))
    reference, step, client = f"{described.repository}:cut", Step("push"), engine.connect()
    with removed(reference):
        engine.build(context(tmp_path, "scratch", "COPY blob /"), reference)
        # The Engine itself tries five times, for 50 s in all.
        with pytest.raises(Failed, match=rf"the registry 127\.0\.0\.1:{own} cannot be reached"):
            registry.push(client, "cut", described, None, step)
        assert "tries again" in step.detail
        again = socket.create_server(("127.0.0.1", own))
        proxy = Proxy(again, lambda: socket.create_connection(("127.0.0.1", port)), limit=float("inf"))
        pushed = registry.push(client, "cut", described, None, step)
        assert pushed == registry.digest(client, reference, described, None)
        proxy.cut()
