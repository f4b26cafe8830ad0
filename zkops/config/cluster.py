"""The nouns of `cluster.yaml`: one frozen `Cluster`, complete and checked, that every other room reads.

Pydantic validates here and in the rooms of its sections, at the border, and nowhere else. Every field's description is
its documentation: the reference page and the JSON Schema are made from it.
"""

from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from zkops.config.resources import Resources
from zkops.config.sections import (
    Credentials,
    Image,
    Kubernetes,
    Log,
    Machine,
    Metrics,
    Model,
    Monitoring,
    Paths,
    Ports,
    Registry,
    Sandbox,
    Sources,
    Toleration,
)
from zkops.config.types import EnsembleName, Setting
from zkops.zoocfg import settings as zoocfg

__all__ = ["Cluster", "Credentials", "Machine", "Ports", "Sources", "Toleration"]


class Cluster(Model):
    """A whole cluster description: one ZooKeeper ensemble, its machines, its registry and its Kubernetes."""

    name: EnsembleName
    """The ensemble's name: names the Kubernetes objects and the data directories."""
    machines: Annotated[tuple[Machine, ...], Field(min_length=1)]
    """The machines, one member each."""
    registry: Registry
    """Where the image is pushed to and pulled from."""
    image: Image = Image()
    """The ZooKeeper image."""
    sources: Sources = Sources()
    """Where base images come from."""
    ports: Ports = Ports()
    """Ports on the machines."""
    metrics: Metrics = Metrics()
    """The metrics page."""
    monitoring: Monitoring = Monitoring()
    """Prometheus and Grafana: how they find the members, the alerts, the dashboard."""
    log: Log = Log()
    """What the members log."""
    paths: Paths = Paths()
    """Directories on the machines."""
    zoo_cfg: dict[str, Setting] = Field(default_factory=dict)
    """Settings of zoo.cfg, by ZooKeeper's own names, beside or instead of the defaults."""
    resources: Resources = Resources()
    """Memory and processor time of one member."""
    kubernetes: Kubernetes = Kubernetes()
    """The Kubernetes to deploy to."""
    sandbox: Sandbox | None = None
    """Present where machines and registry are the sandbox's; then `invoke sandbox.up` makes them."""
    directory: Annotated[Path, Field(exclude=True)] = Path()
    """Set by the loader: the directory that relative paths start from."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for key in ("id", "hostname", "ip"):
            _refuse_duplicates(key, [getattr(machine, key) for machine in self.machines])
        if not self.voters:
            raise ValueError("machines: none has the role participant; at least one must vote")
        zoocfg.check(self.zoo_cfg)
        self.resources.check_derived_heap(tls=zoocfg.tls(self.zoo_cfg))
        self._check_metrics()
        if self.sandbox:
            self._check_sandbox()
        return self

    def _check_metrics(self) -> None:
        owners = [machine.hostname for machine in self.machines if machine.ip == self.metrics.address]
        if owners and len(self.machines) > 1:
            raise ValueError(
                f"metrics.address: {self.metrics.address} is the address of {owners[0]} alone, no other member could"
                " listen there; write node"
            )
        if self.metrics.address == "127.0.0.1" and self.monitoring.scrape in {"podmonitor", "targets"}:
            raise ValueError(
                f"monitoring.scrape: is {self.monitoring.scrape}, but the metrics are served to the machine itself"
                " alone; write metrics.address: node, or monitoring.scrape: none"
            )

    def _check_sandbox(self) -> None:
        host, _, port = self.registry.domain.partition(":")
        if host not in {"127.0.0.1", "localhost"} or not port:
            raise ValueError(
                "registry.domain: the sandbox's registry is on 127.0.0.1:PORT; write that, or remove sandbox"
            )
        if int(port) == self.sandbox_api_port:
            raise ValueError(f"sandbox.api_port: clashes with registry.domain, both use port {port}")
        if len({IPv4Network(f"{machine.ip}/24", strict=False) for machine in self.machines}) > 1:
            raise ValueError("machines: in the sandbox all ips must lie in one /24 network, such as 172.31.77.x")
        for machine in self.machines:
            if machine.ip.rsplit(".", 1)[1] in {"0", "1", "2", "3", "255"}:
                raise ValueError(f"machines: {machine.ip} is one the sandbox needs itself; use .4 to .254")

    @property
    def sandbox_api_port(self) -> int:
        """The sandbox's API port, 0 without a sandbox."""
        return self.sandbox.api_port if self.sandbox else 0

    @property
    def voters(self) -> tuple[Machine, ...]:
        """The machines whose members vote."""
        return tuple(machine for machine in self.machines if machine.role == "participant")

    @property
    def repository(self) -> str:
        """The image's name without tag: registry, namespace, `zookeeper`."""
        return f"{self.registry.domain}/{self.registry.namespace}/zookeeper"

    @property
    def pull_secret(self) -> str | None:
        """Name of the pull secret, None where none is used."""
        default = f"{self.name}-registry" if self.registry.credentials else None
        return self.registry.pull_secret or default

    @property
    def connect_string(self) -> str:
        """What ZooKeeper clients take as servers: `ip:port,ip:port,…`."""
        return ",".join(f"{machine.ip}:{self.ports.client}" for machine in self.machines)

    def file(self, name: str) -> Path:
        """Give the path of a file named in the description; relative ones start from its directory."""
        return self.directory / Path(name).expanduser()

    def warnings(self) -> tuple[str, ...]:
        """Give what is allowed but seldom meant, in sentences."""
        voters = len(self.voters)
        even = (
            f"machines: {voters} voting members survive no more losses than {voters - 1}, yet every write waits for"
            f" {voters // 2 + 1} of them; use {voters - 1} or {voters + 1}, or make one an observer"
        )
        return (*((even,) if voters % 2 == 0 else ()), *self.resources.contradictions(tls=zoocfg.tls(self.zoo_cfg)))


def _refuse_duplicates(key: str, values: list[object]) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            free = next((number for number in range(1, 256) if number not in values), None) if key == "id" else None
            mend = f"the lowest free id is {free}" if free else "every machine needs its own"
            raise ValueError(
                f"machines[{index}].{key}: {value!r} is given to machines[{values.index(value)}] already; {mend}"
            )
