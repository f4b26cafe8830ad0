"""The sections of `cluster.yaml`, one model each; every field's description is its documentation."""

from collections import Counter
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from zkops.config.types import (
    AbsolutePath,
    Address,
    ArchiveUrl,
    Domain,
    EnvironmentName,
    KubernetesVersion,
    Label,
    LabelKey,
    LabelValue,
    Listen,
    LoggerName,
    LogLevel,
    MemberId,
    NodeName,
    Port,
    PullPrefix,
    Reference,
    Release,
    Repository,
    Tag,
    WebAddress,
)


class Model(BaseModel):
    """Frozen, and deaf to unknown keys: `zkops.config.loader` names the nearest known one."""

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


class Apache(Model):
    """A release of ZooKeeper as Apache publishes it; its signature is checked, wherever it comes from."""

    version: Release
    """The release, such as `3.9.4`."""
    url: ArchiveUrl | None = None
    """Where `apache-zookeeper-VERSION-bin.tar.gz` is fetched; its `.sha512` and `.asc` lie beside it."""
    file: str | None = None
    """The same archive as a local file, relative to the configuration file, with the two beside it."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.url) == bool(self.file):
            raise ValueError("needs exactly one of url and file; url fetches the archive, file is one on this machine")
        return self


class Image(Model):
    """The ZooKeeper image: built from `image/` or taken as it is."""

    reference: Reference | None = None
    """A ready image made from `image/`, such as `registry.example/zookeeper:3.9.6`; nothing is built or pushed then."""
    distribution: Literal["debian", "apache"] = "debian"
    """Where ZooKeeper's jars come from: `debian`, locked packages; `apache`, the release that `apache` describes."""
    apache: Apache | None = None
    """The release to build from; only with `distribution: apache`."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        from_apache = self.distribution == "apache"
        if from_apache and self.reference:
            raise ValueError("reference: names a ready image, so distribution: apache builds nothing; remove one")
        if from_apache and not self.apache:
            raise ValueError("apache: is missing; with distribution: apache give its version, and url or file")
        if self.apache and not from_apache:
            raise ValueError("apache: is used with distribution: apache only; write that too, or remove apache")
        return self


class Sources(Model):
    """Where base images come from."""

    mode: Literal["auto", "pull", "modules", "archive"] = "auto"
    """`pull` takes a registry, `archive` a Debian mirror, `modules` that and Go modules, `auto` what answers first."""
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
    metrics: Port = 7000
    """Metrics for Prometheus, and the probes of Kubernetes."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        used = Counter(self.model_dump().values())
        for port, times in used.items():
            if times > 1:
                names = [name for name, value in self.model_dump().items() if value == port]
                raise ValueError(f"{' and '.join(names)} clash: both are {port}; give each a port of its own")
        return self


class Metrics(Model):
    """The page `/metrics` that every member serves for Prometheus on `ports.metrics`."""

    address: Listen = "node"
    """Where it is served: on the `node`'s own address, on all (`0.0.0.0`), or to the machine itself (`127.0.0.1`)."""
    set: Literal["small", "all"] = "small"
    """`small`: what dashboards and alarms need; `all`: every metric that ZooKeeper keeps."""


class Monitoring(Model):
    """How Prometheus finds the members, and where its alert rules and Grafana's dashboard go."""

    scrape: Literal["annotations", "podmonitor", "targets", "none"] = "annotations"
    """By `annotations` of the pods, a `podmonitor` of the Prometheus operator, a `targets` file, or not at all."""
    alerts: Literal["file", "prometheusrule", "none"] = "file"
    """Rules as a `file` that `invoke render` writes, or applied as the operator's `prometheusrule`, or none."""
    dashboard: Literal["file", "configmap", "none"] = "file"
    """Grafana's dashboard as a `file` that `invoke render` writes, a `configmap` for Grafana's sidecar, or none."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels by which the operator and the sidecar pick these objects, such as `{release: prometheus}`."""
    runbooks: WebAddress | None = None
    """Where `docs/runbooks/` can be read, such as `https://git.example/docs/runbooks`; alerts and panels link there."""


class Log(Model):
    """What the members log, to stdout."""

    level: LogLevel = "INFO"
    """The least level that is logged: `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `OFF`."""
    loggers: dict[LoggerName, LogLevel] = Field(default_factory=dict)
    """Other levels for some loggers, such as `{org.apache.zookeeper.server.quorum: DEBUG}`."""
    format: Literal["text", "json"] = "text"
    """One line an event: `text` for people, `json` for log collectors."""


class Paths(Model):
    """Directories on the machines. A sub-directory with the ensemble's name is used below each."""

    data: AbsolutePath = "/var/lib/zkops"
    """Snapshots, and the transaction log where `log` is not set."""
    log: AbsolutePath | None = None
    """Transaction log; on a device of its own it makes writes faster and steadier."""


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
    kubernetes: KubernetesVersion | None = None
    """Its version, such as `"1.34"`; without it 1.36, or 1.20 if neither a registry nor a Go module proxy answers."""
