"""Building for real: what fails names its step, what is interrupted leaves no container, a base has a working apt."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from zkops import ROOT
from zkops.config.cluster import Sources
from zkops.core.errors import Failed
from zkops.images import base as sources
from zkops.images import debian as archive
from zkops.images import docker as engine

pytestmark = pytest.mark.timeout(600)

TAG = "zkops/test-engine:1"


@pytest.fixture
def base() -> str:
    return sources.base_image(Sources(), "trixie")


def context(directory: Path, *lines: str) -> Path:
    (directory / "Dockerfile").write_text("\n".join(["ARG BASE", "FROM ${BASE}", *lines, ""]))
    return directory


def test_a_failed_build_names_the_step_its_last_lines_and_the_log(base: str, tmp_path: Path) -> None:
    broken = context(tmp_path, "RUN echo before && echo the reason && exit 3")
    with pytest.raises(Failed, match=r"failed at Step 3/3 : RUN echo before") as failure:
        engine.build(broken, TAG, args={"BASE": base})
    assert "| the reason" in failure.value.what
    assert "build-zkops-test-engine-1.log" in failure.value.mend
    assert "the reason" in (engine.LOGS / "build-zkops-test-engine-1.log").read_text()


def test_a_build_gives_the_id_of_the_tagged_and_labelled_image(base: str, tmp_path: Path) -> None:
    client = engine.connect()
    made = engine.build(context(tmp_path), TAG, args={"BASE": base}, labels={"a": "b"})
    try:
        assert made == engine.image_id(client, TAG)
        assert client.images.get(TAG).labels["a"] == "b"
    finally:
        client.images.remove(TAG)
    assert engine.image_id(client, TAG) is None


def test_an_interrupted_build_leaves_no_container(base: str, tmp_path: Path) -> None:
    client = engine.connect()
    # Never the same twice: what a run let through once would come from the cache.
    context(tmp_path, f"RUN : interrupted {uuid4()} && sleep 300")
    program = "import sys; from pathlib import Path; from zkops.images import docker as engine;"
    program += "engine.build(Path(sys.argv[1]), sys.argv[2], args={'BASE': sys.argv[3]})"
    command = [sys.executable, "-c", program, str(tmp_path), TAG, base]

    def building() -> list[str]:
        running = client.containers.list(ignore_removed=True)
        return [str(one.id) for one in running if "interrupted" in str(one.attrs["Config"]["Cmd"])]

    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL) as build:
        while not building() and build.poll() is None:
            time.sleep(0.1)  # between two looks at the condition, not instead of one
        build.send_signal(signal.SIGINT)
    assert build.returncode == -signal.SIGINT
    # The Engine notices on its own that nobody listens any more; the test's bound is pytest's.
    while building():
        time.sleep(0.1)


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs a machine with apt")
def test_a_bootstrapped_base_installs_packages_and_leaves_nothing_beside_it() -> None:
    client = engine.connect()
    archive.bootstrap("trixie", TAG)
    try:
        install = "apt-get update -q && apt-get install -y -q --no-install-recommends hello && hello"
        assert b"Hello, world!" in engine.run(client, TAG, ["sh", "-c", install])
        assert client.images.get(TAG).attrs["Config"]["Cmd"] == ["bash"]
    finally:
        client.images.remove(TAG, force=True)
    assert list(archive.TOOLS.iterdir()) == []
