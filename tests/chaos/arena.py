"""Where it happens: a sandbox of five machines, the images and descriptions that are deployed to it, its logs."""

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import docker
import yaml

import sandbox
from sandbox import containers, readiness
from sandbox.layout import plan
from tests.chaos.faults import Machines
from tests.chaos.sampler import ask
from tests.chaos.schedule import MACHINES, Fault, World
from tests.chaos.tool import Tool
from tests.support.kubernetes_version import sandbox_section
from zkops import ROOT
from zkops.config import loader as config
from zkops.config.cluster import Cluster
from zkops.core.console import Step, say
from zkops.core.errors import Failed
from zkops.images import docker as engine
from zkops.images import registry

NAME, NET, CLIENT_PORT = "chaos", "172.31.84", 2181
HOSTS = {machine: f"{NAME}-{machine}" for machine in MACHINES}
IPS = {machine: f"{NET}.{10 + machine}" for machine in MACHINES}

DESCRIPTION: Mapping[str, Any] = {
    "name": NAME,
    "registry": {"domain": "127.0.0.1:25084", "plain_http": True},
    "resources": {"heap": "128Mi", "memory": {"request": "160Mi", "limit": "320Mi"}, "cpu": {"request": "50m"}},
    "ports": {"client": CLIENT_PORT},
}

SERVER = "/opt/zookeeper/bin/entrypoint zkServer.sh start-foreground"
ENDS = "sleep 10; echo this image ends after 10 s; exit 1"
LATE = "sleep 40; echo this image ends after 40 s; exit 1"
IMAGES: Mapping[str, str] = {
    "a": "LABEL chaos=a\n",
    "b": "LABEL chaos=b\n",
    "bad image": 'ENTRYPOINT ["/nothing/here"]\n',
    "crashing image": f'ENTRYPOINT ["/usr/bin/sh", "-c", "{ENDS}"]\n',
    "dying image": f'ENTRYPOINT ["/usr/bin/tini", "--", "/usr/bin/sh", "-c", "{SERVER} & {ENDS}"]\n',
    "late image": f'ENTRYPOINT ["/usr/bin/tini", "--", "/usr/bin/sh", "-c", "{SERVER} & {LATE}"]\n',
}
"""What is added to our image, by the name of the variant."""

BAD_SETTING: Mapping[str, str] = {"serverCnxnFactory": "org.apache.zookeeper.server.NoSuchFactory"}
"""Passes every check of the description; a server given it ends."""


def machines_of(ids: tuple[int, ...]) -> list[dict[str, Any]]:
    """Describe machines."""
    return [{"hostname": HOSTS[machine], "ip": IPS[machine], "id": machine} for machine in ids]


def addresses(ids: Iterable[int]) -> list[str]:
    """Give the client addresses of machines."""
    return [f"{IPS[machine]}:{CLIENT_PORT}" for machine in ids]


class Arena:
    """A sandbox that runs."""

    def __init__(self, directory: Path, transcript: Path, client: docker.DockerClient) -> None:
        self.tool = Tool(directory, transcript)
        self._directory, self._client = directory, client
        described = {**DESCRIPTION, "machines": machines_of(MACHINES), "sandbox": sandbox_section(26484)}
        self._write({**described, "kubernetes": {"kubeconfig": "kubeconfig"}})
        self.cluster: Cluster = config.load(directory)

    def up(self) -> None:
        """Bring the sandbox up, with our image and its variants in its registry."""
        sandbox.down(self.cluster)  # a former run may have been ended, or told to keep it
        sandbox.up(self.cluster)
        for task in ("build", "push"):
            ran = self.tool.run(task)
            if ran.code:
                raise Failed(f"invoke {task} ended with {ran.code}: {ran.err}")
        for name, lines in IMAGES.items():
            self._make(name, lines)

    def down(self) -> None:
        """Remove the sandbox and the variants."""
        sandbox.down(self.cluster)
        for name in IMAGES:
            if engine.image_id(self._client, self._reference(name)):
                self._client.images.remove(self._reference(name))

    def describe(self, world: World, fault: Fault = "none") -> None:
        """Write the description of a world; of the faults only those that are in a description count."""
        image = fault if fault in IMAGES else world.image
        settings: dict[str, Any] = {"maxClientCnxns": 200 + world.setting}
        self._write(
            {
                **DESCRIPTION,
                "machines": machines_of(world.machines),
                "image": {"reference": self._reference(image)},
                "zoo_cfg": {**settings, **(BAD_SETTING if fault == "bad config" else {})},
                "kubernetes": {"kubeconfig": str(self._directory / "kubeconfig")},
            }
        )

    def machines(self) -> Machines:
        """Give the machines for faults to hit."""
        found = containers.find(self._client, NAME)
        nodes = {machine: found[f"zkops-{NAME}-{host}"] for machine, host in HOSTS.items()}
        return Machines(nodes, found[f"zkops-{NAME}-control"], IPS)

    def settle(self, ids: tuple[int, ...], bound: float) -> str:
        """Wait until the sandbox is whole and the members serve; say what is not after *bound* seconds."""
        what = "the sandbox"
        deadline = time.monotonic() + bound
        for look in (self._lacking, lambda: idle(ids)):
            while what := look():
                if time.monotonic() > deadline:
                    return what
                time.sleep(0.5)  # between two looks
        return what

    def logs(self, directory: Path) -> None:
        """Save what all pods of the machines wrote, and what Kubernetes says of them."""
        directory.mkdir(parents=True, exist_ok=True)
        found = self.machines()
        for machine, container in found.containers.items():
            container.reload()
            if container.status == "running":
                (directory / f"{HOSTS[machine]}.log").write_text(found.run(machine, PODS_LOGS))
        for name, words in KUBECTL.items():
            (directory / name).write_bytes(found.control.exec_run(["sh", "-c", words])[1])

    def _lacking(self) -> str:
        return ", ".join(f"{name}: {why}" for name, why in readiness.missing(self._client, plan(self.cluster)).items())

    def _reference(self, name: str) -> str:
        return f"{self.cluster.repository}:chaos-{name.replace(' ', '-')}"

    def _make(self, name: str, lines: str) -> None:
        reference = self._reference(name)
        with tempfile.TemporaryDirectory() as context:
            Path(context, "Dockerfile").write_text(f"FROM {self.cluster.repository}:latest\n{lines}")
            engine.build(Path(context), reference, labels={})
        registry.push(self._client, reference.rpartition(":")[2], self.cluster, None, Step(f"push {name}"))
        say(f"chaos: {reference} is in the sandbox's registry")

    def _write(self, described: Mapping[str, Any]) -> None:
        (self._directory / "cluster.yaml").write_text(yaml.safe_dump(dict(described)))


PODS_LOGS = 'for f in /var/log/pods/zookeeper_*/*/*; do echo "== $f"; tail -c 3000000 "$f"; done'
KUBECTL: Mapping[str, str] = {
    "pods.txt": "kubectl get pods -A -o wide; kubectl get nodes --show-labels",
    "events.txt": "kubectl get events -A --sort-by=.lastTimestamp",
    "ensemble.yaml": "kubectl -n zookeeper get daemonsets,configmaps,leases -o yaml",
}


def idle(ids: tuple[int, ...]) -> str:
    """Name the members that do not serve; empty when all do."""
    return ", ".join(HOSTS[machine] for machine in ids if not ask(IPS[machine], CLIENT_PORT).mode)


@contextmanager
def arena(transcript: Path, *, keep: bool) -> Iterator[Arena]:
    """Give a running arena, and remove it in the end unless it is to be kept."""
    directory = ROOT / "build" / "chaos" / "sandbox"
    directory.mkdir(parents=True, exist_ok=True)
    with closing(engine.connect(timeout=180)) as client:
        made = Arena(directory, transcript, client)
        try:
            made.up()
            yield made
        finally:
            if not keep:
                made.down()
