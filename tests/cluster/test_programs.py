"""Compiling in a container, for real, with a script of our own: interrupted, failed, and without a trace of secrets."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import docker
import pytest
from docker.errors import NotFound

from sandbox import programs
from zkops import ROOT
from zkops.config.cluster import Sources
from zkops.images import docker as engine

pytestmark = pytest.mark.timeout(600)

MODULE = "\tk8s.io/kubernetes v1.36.0\n"
SLOW = "until [ -e /go/go-on ]; do sleep 0.1; done"

PROGRAM = """
import sys
from pathlib import Path
from sandbox import choice, programs
from zkops.config.cluster import Sources

choice.MODULES = programs.MODULES = Path(sys.argv[1])
programs.CACHE = sys.argv[2]
print(programs.obtain(Sources(), "1.36"))
"""


class Compilation:
    """Module files with a `compile.sh` of the test's, compiled by a program of its own, with a cache of its own."""

    def __init__(self, directory: Path, client: docker.DockerClient) -> None:
        self.directory, self.client = directory, client
        self.cache = f"zkops-test-{uuid4().hex[:8]}"
        (directory / "versions" / "1.36").mkdir(parents=True)
        (directory / "versions" / "1.36" / "go.mod").write_text(MODULE)

    def write(self, *lines: str) -> None:
        """Write what is compiled; never the same twice, so that each test has an image and a container of its own."""
        head, tail = ["set -eu", f": {uuid4()}", 'mkdir -p "$2"'], ['echo made > "$2/kubernetes"', "echo cpu: 60"]
        (self.directory / "compile.sh").write_text("\n".join([*head, *lines, *tail]))

    def start(self, **environment: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", PROGRAM, str(self.directory), self.cache]
        surroundings = os.environ | {"PYTHONPATH": str(ROOT)} | environment
        return subprocess.Popen(
            command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    @property
    def tag(self) -> str:
        return programs.tag_of("1.36")

    @property
    def container(self) -> str:
        return "zkops-sandbox-compile-" + self.tag.rpartition(":")[2]

    def working(self) -> bool:
        try:
            return bool(self.client.containers.get(self.container).status == "running")
        except NotFound:
            return False

    def let_go_on(self) -> None:
        image = programs.compiler(Sources())
        engine.run(self.client, image, ["touch", "/go/go-on"], volumes={self.cache: {"bind": "/go", "mode": "rw"}})

    def content(self) -> bytes:
        container = self.client.containers.create(self.tag, ["none"])
        try:
            return b"".join(container.get_archive("/out/kubernetes")[0])
        finally:
            container.remove()


@pytest.fixture
def compilation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Compilation]:
    client = engine.connect()
    made = Compilation(tmp_path, client)
    monkeypatch.setattr(programs, "MODULES", tmp_path)
    monkeypatch.setattr("sandbox.choice.MODULES", tmp_path)
    yield made
    if made.working():
        client.containers.get(made.container).remove(force=True)
    if engine.image_id(client, made.tag):
        client.images.remove(made.tag)
    client.volumes.get(made.cache).remove()


def await_work(compilation: Compilation, process: "subprocess.Popen[str]") -> None:
    while not compilation.working():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)  # between two looks at the condition, not instead of one


def test_what_was_compiled_is_kept_as_an_image_and_not_compiled_again(compilation: Compilation) -> None:
    compilation.write("echo unique")
    out, messages = compilation.start().communicate()
    assert out.strip() == compilation.tag, messages
    assert "Compiling took 1.0 minutes of processor time." in messages
    assert b"made" in compilation.content()
    _, messages = compilation.start().communicate()
    assert messages == ""


def test_a_killed_tool_leaves_the_compiler_at_work_and_the_next_run_takes_its_result(
    compilation: Compilation,
) -> None:
    compilation.write(SLOW)
    first = compilation.start()
    await_work(compilation, first)
    first.kill()
    first.communicate()
    worker = compilation.client.containers.get(compilation.container).id
    second = compilation.start()
    compilation.let_go_on()
    out, messages = second.communicate()
    assert out.strip() == compilation.tag, messages
    assert b"made" in compilation.content()
    with pytest.raises(NotFound):
        compilation.client.containers.get(worker)


def test_ctrl_c_ends_the_compiler_and_keeps_its_cache(compilation: Compilation) -> None:
    compilation.write("touch /go/compiled-until-here", SLOW)
    process = compilation.start()
    await_work(compilation, process)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == -signal.SIGINT
    with pytest.raises(NotFound):
        compilation.client.containers.get(compilation.container)
    compilation.write("test -e /go/compiled-until-here")
    out, messages = compilation.start().communicate()
    assert out.strip() == compilation.tag, messages


def test_a_failed_compilation_shows_its_last_lines_and_can_be_run_again(compilation: Compilation) -> None:
    compilation.write("test -e /go/repaired || { touch /go/repaired; echo 'go: checksum mismatch' >&2; exit 1; }")
    process = compilation.start()
    _, messages = process.communicate()
    assert process.returncode == 1
    assert "| go: checksum mismatch" in messages
    assert "compile-1.36.log" in messages
    assert compilation.start().wait() == 0


def test_a_module_proxys_password_is_in_no_image_no_log_and_no_message(compilation: Compilation) -> None:
    compilation.write('echo "go: cannot reach $GOPROXY"', "exit 1")
    _, messages = compilation.start(GOPROXY="https://me:hunter2secret@127.0.0.1:9").communicate()
    assert "https://me:***@127.0.0.1:9" in messages
    compilation.write('echo "go: reached $GOPROXY"')
    _, messages = compilation.start(GOPROXY="https://me:hunter2secret@127.0.0.1:9").communicate()
    log = (engine.LOGS / "compile-1.36.log").read_text()
    assert "hunter2secret" not in messages + log
    assert "https://me:***@127.0.0.1:9" in log
    assert "hunter2secret" not in str(compilation.client.images.get(compilation.tag).attrs)


def test_a_module_proxy_out_of_reach_is_said_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "patch_of", lambda _: "1.36.9999")  # in no cache
    monkeypatch.setattr(programs, "tag_of", lambda _: "zkops/test-programs:none")
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")
    assert "connection refused" in programs.unreachable(Sources(), "1.36")


def test_what_a_module_proxy_serves_counts_as_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "tag_of", lambda _: "zkops/test-programs:none")
    assert programs.unreachable(Sources(), "1.36") == ""
