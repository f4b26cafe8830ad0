"""The nouns of `cluster.yaml`: one frozen `Cluster`, complete and checked, that every other room reads.

Pydantic validates here, at the border, and nowhere else. Every field's description is its documentation: the reference
page and the JSON Schema are made from it.
"""

from collections import Counter
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from zkops import zoocfg
from zkops.fields import (
    AbsolutePath,
    Address,
    Cpu,
    Domain,
    EnsembleName,
    EnvironmentName,
    Label,
    LabelKey,
    MemberId,
    Memory,
    NodeName,
    Port,
    PullPrefix,
    Reference,
    Repository,
    Setting,
    Tag,
    cpu_thousandths,
    memory_bytes,
)


class Model(BaseModel):
    """Frozen, and deaf to unknown keys: `zkops.config` names the nearest known one."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Machine(Model):
    """One machine that carries one member of the ensemble."""

    hostname: NodeName
    """The node's name in Kubernetes."""
    ip: Address
    """The node's own IPv4 address; members and clients reach it there, no DNS is involved."""
    id: MemberId
    """The member's id (ZooKeeper's myid), 1 to 255, for the life of the machine's data."""
    role: Literal["participant", "observer"] = "participant"
    """`participant` votes; `observer` only serves clients."""


class Credentials(Model):
    """Where the registry's user name and password are found; they never stand in this file."""

    username_env: EnvironmentName | None = None
    """Name of the environment variable that holds the user name."""
    password_env: EnvironmentName | None = None
    """Name of the environment variable that holds the password."""
    file: str | None = None
    """File with the two lines `username: …` and `password: …`; relative to the configuration file."""
    key: str | None = None
    """Where `file` is a YAML file with more in it, the key above the two, such as `cluster.docker-registry`."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        by_environment = bool(self.username_env and self.password_env)
        if bool(self.username_env) != bool(self.password_env) or by_environment == bool(self.file):
            raise ValueError("needs either both username_env and password_env, or file")
        if self.key and not self.file:
            raise ValueError("has a key, but no file that it stands in")
        return self


class Registry(Model):
    """The container registry that the image is pushed to and the nodes pull from."""

    domain: Domain
    """Host, with port where it is not 443; `docker.io` is Docker Hub."""
    namespace: Repository = "zkops"
    """Path in front of the image's name."""
    tag: Tag = "latest"
    """Tag for people, set beside the tag made from the image's content."""
    plain_http: bool = False
    """Allow a registry that speaks plain HTTP."""
    credentials: Credentials | None = None
    """Where user name and password are found; without it the registry is used anonymously."""
    pull_secret: Label | None = None
    """Name of the pull secret made in the namespace when there are credentials; default `NAME-registry`."""


class Image(Model):
    """The ZooKeeper image: built from `image/` or taken as it is."""

    reference: Reference | None = None
    """A ready image, such as `registry.example/zookeeper:3.9.6`; then `build` and `push` have nothing to do."""


class Sources(Model):
    """Where base images come from."""

    mode: Literal["auto", "pull", "archive"] = "auto"
    """`pull` takes images from a registry, `archive` makes them from the Debian archive, `auto` tries pulling first."""
    pull_prefix: PullPrefix = ""
    """A site's mirror to pull from, such as `mirror.example:5000/hub`; empty means the well-known names as they are."""


class Ports(Model):
    """The ports every machine keeps free for its member (the pods use the host's network)."""

    client: Port = 2181
    """Clients and four-letter words."""
    quorum: Port = 2888
    """Followers to the leader."""
    election: Port = 3888
    """Leader election."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        used = Counter(self.model_dump().values())
        for port, times in used.items():
            if times > 1:
                names = [name for name, value in self.model_dump().items() if value == port]
                raise ValueError(f"{' and '.join(names)} clash: both are {port}; give each a port of its own")
        return self


class Paths(Model):
    """Directories on the machines. A sub-directory with the ensemble's name is used below each."""

    data: AbsolutePath = "/var/lib/zkops"
    """Snapshots, and the transaction log where `log` is not set."""
    log: AbsolutePath | None = None
    """Transaction log; on a device of its own it makes writes faster and steadier."""


class MemoryAmounts(Model):
    """Memory a member asks for and may use."""

    request: Memory = "1Gi"
    """Kept free for the member by the scheduler."""
    limit: Memory = "2Gi"
    """The most the member may use before it is killed."""


class CpuAmounts(Model):
    """Processor time a member asks for and may use."""

    request: Cpu = "250m"
    """Kept free for the member by the scheduler."""
    limit: Cpu | None = None
    """The most the member may use; without it a member is never slowed down."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.limit and cpu_thousandths(self.request) > cpu_thousandths(self.limit):
            raise ValueError(f"request: {self.request} is above the limit {self.limit}; lower it, or raise the limit")
        return self


class Resources(Model):
    """What one member needs."""

    heap: Memory = "1Gi"
    """The Java heap (-Xmx)."""
    memory: MemoryAmounts = MemoryAmounts()
    """Memory of the whole container: heap, native memory, page cache it touches."""
    cpu: CpuAmounts = CpuAmounts()
    """Processor time of the container."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        heap, request, limit = map(memory_bytes, (self.heap, self.memory.request, self.memory.limit))
        if heap < 32 * 1024**2:
            raise ValueError(f"heap: {self.heap} is too small for ZooKeeper; write 32Mi or more")
        if heap >= limit:
            raise ValueError(
                f"heap: {self.heap} is not below memory.limit {self.memory.limit}; the JVM needs memory beside"
                " its heap, give the limit at least a quarter more than the heap"
            )
        if request > limit:
            raise ValueError(
                f"memory.request: {self.memory.request} is above memory.limit {self.memory.limit}; lower it"
            )
        return self


class Toleration(Model):
    """One Kubernetes toleration."""

    key: str | None = None
    """Taint key; none tolerates every taint (operator Exists)."""
    operator: Literal["Exists", "Equal"] = "Exists"
    """How the value is compared."""
    value: str | None = None
    """Taint value, with operator Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Taint effect; none means all."""

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if self.operator == "Equal" and not self.key:
            raise ValueError("has the operator Equal, but no key; name the taint's key")
        if self.operator == "Exists" and self.value is not None:
            raise ValueError("has a value, but the operator Exists; write operator: Equal, or remove the value")
        return self


class Kubernetes(Model):
    """Which Kubernetes, and how the ensemble stands in it."""

    kubeconfig: str | None = None
    """Kubeconfig file, relative to the configuration file; without it $KUBECONFIG or ~/.kube/config."""
    context: str | None = None
    """Context in it; without it the current one."""
    namespace: Label = "zookeeper"
    """Namespace of all objects."""
    node_label: LabelKey = "zkops/ensemble"
    """Label that `deploy` sets on the machines, with the ensemble's name as its value."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints on the machines that the members tolerate."""


class Sandbox(Model):
    """A throw-away registry and Kubernetes in containers, made to fit `machines` and `registry`."""

    api_port: Port = 26443
    """Port of 127.0.0.1 where the sandbox's Kubernetes API is reached."""


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
        if self.sandbox:
            self._check_sandbox()
        return self

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
        return (even,) if voters % 2 == 0 else ()


def _refuse_duplicates(key: str, values: list[object]) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            free = next((number for number in range(1, 256) if number not in values), None) if key == "id" else None
            mend = f"the lowest free id is {free}" if free else "every machine needs its own"
            raise ValueError(
                f"machines[{index}].{key}: {value!r} is given to machines[{values.index(value)}] already; {mend}"
            )
