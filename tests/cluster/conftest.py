"""One sandbox for all tests of the pipeline: its own name, network and ports, beside whatever else runs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

import sandbox
from tests.support.kubernetes_version import sandbox_section
from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.config.loader import load
from zkops.images import daemon
from zkops.kube.client import Kube

Description = dict[str, Any]

DESCRIPTION: Description = {
    "name": "pipe",
    "machines": [{"hostname": f"pipe-{n}", "ip": f"172.31.78.{10 + n}", "id": n} for n in (1, 2, 3)],
    "registry": {"domain": "127.0.0.1:25078", "plain_http": True},
    "resources": {"heap": "128Mi", "memory": {"request": "160Mi", "limit": "320Mi"}, "cpu": {"request": "50m"}},
    "kubernetes": {"kubeconfig": "kubeconfig"},
    "sandbox": sandbox_section(26478),
}


@pytest.hookimpl(wrapper=True)  # so that it comes before xdist's own, which reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, object, object]:
    """Give the tests of the one deployed sandbox to one worker, those that make sandboxes themselves to another."""
    for item in items:
        own = item.path.stem in {"test_engine", "test_programs", "test_pull_sources", "test_sandbox"}
        item.add_marker(pytest.mark.xdist_group("own" if own else "pipe"))
    return (yield)


@dataclass(frozen=True)
class Pipeline:
    """A cluster description on disk, and the command line run with it as a user would."""

    directory: Path

    @property
    def cluster(self) -> Cluster:
        return load(self.directory)

    @property
    def kube(self) -> Kube:
        return Kube(self.cluster)

    def start(self, *tasks: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "invoke", *tasks],
            cwd=ROOT,
            env=os.environ | {"ZKOPS_PATH": str(self.directory)},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def invoke(self, *tasks: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*tasks)
        out, err = process.communicate(timeout=900)
        return subprocess.CompletedProcess(tasks, process.returncode, out, err)

    def ok(self, *tasks: str) -> str:
        done = self.invoke(*tasks)
        assert done.returncode == 0, f"invoke {' '.join(tasks)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ok("status", "--json"))
        return found

    def node(self, hostname: str) -> Any:
        """The container that is a machine of the sandbox."""
        return docker.from_env().containers.get(f"zkops-pipe-{hostname}")


SPARE = [{"hostname": f"pipe-{n}", "ip": f"172.31.78.{10 + n}", "id": n} for n in (4, 5)]
"""Machines of the sandbox beyond those of the ensemble `pipe`, for others that grow."""

MakePipeline = Callable[..., Pipeline]


def until(condition: Callable[[], bool], what: str, bound: float = 120.0) -> None:
    """Wait for a condition, asked twice a second; *bound* in seconds."""
    deadline = time.monotonic() + bound
    while not condition():
        assert time.monotonic() < deadline, f"not within {bound:.0f} s: {what}"
        time.sleep(0.5)  # between two looks at the condition, not instead of one


@pytest.fixture(scope="session")
def engine() -> None:
    daemon.ensure()


@pytest.fixture(scope="session")
def sandboxed(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running sandbox with the image in its registry; the directory of its description."""
    directory = tmp_path_factory.mktemp("pipe")
    file = directory / "cluster.yaml"
    file.write_text(yaml.safe_dump(DESCRIPTION | {"machines": [*DESCRIPTION["machines"], *SPARE]}))
    cluster = load(directory)
    sandbox.down(cluster)  # a former run may have been ended in its midst
    try:
        sandbox.up(cluster)
        file.write_text(yaml.safe_dump(DESCRIPTION))
        Pipeline(directory).ok("build", "push")
        yield directory
    finally:
        sandbox.down(cluster)


@pytest.fixture(scope="session")
def pipeline(sandboxed: Path) -> Pipeline:
    """The ensemble `pipe`, deployed."""
    deployed = Pipeline(sandboxed)
    deployed.ok("deploy")
    return deployed


@pytest.fixture
def make_pipeline(sandboxed: Path, tmp_path: Path) -> Iterator[MakePipeline]:
    """Give other ensembles on the same machines: another name, label, namespace and ports, and changes of yours.

    They end with the test, but those to `keep`: twenty servers on three nodes would starve the tests after it.
    """
    made = set[str]()

    def make(name: str, first_port: int, *, keep: bool = False, **changes: Any) -> Pipeline:
        ports = dict(zip(("client", "quorum", "election", "metrics"), range(first_port, first_port + 4), strict=True))
        kubernetes = {"kubeconfig": str(sandboxed / "kubeconfig"), "namespace": name, "node_label": f"test/{name}"}
        described = DESCRIPTION | {"name": name, "ports": ports, "kubernetes": kubernetes, "sandbox": None}
        (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(described | changes))
        made.update(() if keep else (name,))
        return Pipeline(tmp_path)

    yield make
    for name in made:
        end(sandboxed, name)


def end(sandboxed: Path, name: str) -> None:
    """Take an ensemble's members away, as `kubectl delete daemonset` does."""
    item = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "namespace": name}}
    Kube(load(sandboxed)).delete(item)
