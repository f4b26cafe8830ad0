"""Where it happens: a sandbox of three machines, one with a small disk of its own, and an ensemble under load."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import yaml

import sandbox
from sandbox import containers
from tests.alerts.spans import Spans, watched
from tests.chaos.arena import PODS_LOGS
from tests.chaos.faults import Machines
from tests.chaos.sampler import ask
from tests.chaos.tool import Tool
from tests.support.kubernetes_version import sandbox_section
from tests.support.measuring.writer import Writer
from tests.support.prometheus import Prometheus, running
from tests.support.waiting import until
from zkops import ROOT
from zkops.config import loader as config
from zkops.core.console import Step
from zkops.core.errors import Failed
from zkops.images import base as sources
from zkops.images import docker as engine
from zkops.images import registry
from zkops.manifests import monitoring

NAME, NET, CLIENT_PORT = "alerts", "172.31.89", 2181
HOSTS = {machine: f"{NAME}-{machine}" for machine in (1, 2, 3)}
IPS = {machine: f"{NET}.{10 + machine}" for machine in HOSTS}
SLOW_DISK = ROOT / "tests" / "integration" / "slow_disk"

DISK, SMALL, DISK_MIB = "/var/lib/alerts-disk", 3, 800
"""The data's place; machine *SMALL* has a disk of that size mounted there: it lasts until the machine is restarted."""

# What a server writes to a disk that is memory counts as its own memory.
DESCRIPTION: dict[str, Any] = {
    "name": NAME,
    "machines": [{"hostname": HOSTS[machine], "ip": IPS[machine], "id": machine} for machine in HOSTS],
    "registry": {"domain": "127.0.0.1:25089", "plain_http": True},
    "resources": {"heap": "128Mi", "memory": {"request": "160Mi", "limit": "1200Mi"}, "cpu": {"request": "50m"}},
    "paths": {"data": f"{DISK}/data"},
    "monitoring": {"scrape": "targets"},
    "sandbox": sandbox_section(26489),
}


class Place:
    """A sandbox that runs, with an ensemble of three on it."""

    def __init__(self, directory: Path, client: docker.DockerClient) -> None:
        self.tool = Tool(directory, directory / "transcript.txt")
        self._directory, self._client = directory, client
        self._write({"kubernetes": {"kubeconfig": "kubeconfig"}})
        self.cluster = config.load(directory)
        self.base = ""

    def up(self) -> None:
        """Bring the sandbox up, the image with a disk that can be made slow in its registry, and the ensemble."""
        sandbox.down(self.cluster)
        sandbox.up(self.cluster)
        self.base = sources.base_image(self.cluster.sources, "trixie")
        self.machines = self._machines()
        self.machines.run(SMALL, f"mkdir -p {DISK} && mount -t tmpfs -o size={DISK_MIB}m tmpfs {DISK}")
        self.ok("build", "push")
        for variant in ("a", "b"):
            self._make(variant)
        self.deploy("a")

    def down(self) -> None:
        """Remove the sandbox."""
        sandbox.down(self.cluster)

    def ok(self, *words: str) -> str:
        """Run a task that must end well; give what it printed."""
        ran = self.tool.run(*words)
        if ran.code:
            raise Failed(f"{ran.command} ended with {ran.code}: {ran.err}")
        return ran.out

    def deploy(self, variant: str) -> str:
        """Deploy one of the two images, that differ in nothing but a label."""
        self._write(
            {
                "image": {"reference": self._reference(variant)},
                "kubernetes": {"kubeconfig": str(self._directory / "kubeconfig")},
            }
        )
        return self.ok("deploy")

    def logs(self) -> None:
        """Save what all members wrote."""
        for machine, host in HOSTS.items():
            (self._directory / f"{host}.log").write_text(self.machines.run(machine, PODS_LOGS))

    def leader(self) -> int:
        """Give the machine that leads."""
        led = until(lambda: [one for one, ip in IPS.items() if ask(ip, CLIENT_PORT).mode == "leader"], "a leader")
        return int(led[0])

    def whole(self) -> bool:
        """Whether all members serve."""
        return all(ask(ip, CLIENT_PORT).mode for ip in IPS.values())

    def in_member(self, machine: int, script: str) -> None:
        """Run a shell script in the member of a machine."""
        pods = f"kubectl -n {self.cluster.kubernetes.namespace}"
        name = f"{pods} get pods -o name --field-selector spec.nodeName={HOSTS[machine]}"
        command = ["sh", "-c", f"{pods} exec $({name}) -c zookeeper -- sh -c '{script}'"]
        code, said = self.machines.control.exec_run(command)
        if code:
            raise Failed(f"{HOSTS[machine]}: {script}: {said.decode()}")

    @contextmanager
    def watched(self) -> Iterator[Spans]:
        """Run Prometheus with what `invoke render` writes for it, and look at its alerts."""
        files = monitoring.files(self.cluster)
        with (
            running(self.base, files, f"zkops-{NAME}", self._directory / "prometheus") as prometheus,
            watched(prometheus) as spans,
        ):
            until(lambda: len(_reached(prometheus)) == len(IPS), "Prometheus reaches all members", pause=1)
            yield spans

    def _machines(self) -> Machines:
        found = containers.find(self._client, NAME)
        nodes = {machine: found[f"zkops-{NAME}-{host}"] for machine, host in HOSTS.items()}
        return Machines(nodes, found[f"zkops-{NAME}-control"], IPS)

    def _reference(self, variant: str) -> str:
        return f"{self.cluster.repository}:alerts-{variant}"

    def _make(self, variant: str) -> None:
        reference = self._reference(variant)
        args = {"BASE": self.base, "IMAGE": f"{self.cluster.repository}:latest"}
        engine.build(SLOW_DISK, reference, args=args, labels={"alerts": variant})
        registry.push(self._client, reference.rpartition(":")[2], self.cluster, None, Step(f"push {variant}"))

    def _write(self, changes: dict[str, Any]) -> None:
        (self._directory / "cluster.yaml").write_text(yaml.safe_dump(DESCRIPTION | changes))


def _reached(prometheus: Prometheus) -> list[dict[str, Any]]:
    return prometheus.query('up{job="zookeeper"} == 1')


@contextmanager
def load() -> Iterator[list[Writer]]:
    """Let three clients write all along, each first of all through a member of its own."""
    writers = []
    for machine, ip in IPS.items():
        others = [other for other in IPS.values() if other != ip]
        writers.append(Writer(f"load-{machine}", [ip, *others]))
    try:
        for writer in writers:
            writer.begin()
        yield writers
    finally:
        for writer in writers:
            writer.end()
