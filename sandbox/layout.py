"""What a sandbox consists of, from the cluster description alone: names, addresses, command lines, files."""

import hashlib
import io
import json
import tarfile
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network
from typing import Literal

from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput
from zkops.images.base import prefixed

LABEL = "zkops.sandbox"
"""Carried by all containers and networks, with the cluster's name; `down` finds them by it."""

SPEC_LABEL = "zkops.sandbox.spec"
"""Hash of what a container was made from: tells one that no longer fits the description."""

API_PORT = 6443
REGISTRY_PORT = 5000
PAUSE = "rancher/mirrored-pause:3.6"
"""What k3s pulls by itself, beside CoreDNS, when everything else that is optional is disabled."""

KUBECONFIG = "/etc/rancher/k3s/k3s.yaml"
DISABLED = "traefik,servicelb,metrics-server,local-storage"

Role = Literal["registry", "control", "worker"]


@dataclass(frozen=True)
class Images:
    """Local names of the images, and whether the node image is the real k3s."""

    registry: str
    node: str
    pulled: bool


@dataclass(frozen=True, kw_only=True)
class Box:
    """One container of the sandbox."""

    name: str
    role: Role
    hostname: str
    ip: str
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    published: tuple[tuple[int, int], ...] = ()
    """Port in the container, port on 127.0.0.1."""
    files: tuple[tuple[str, str], ...] = ()
    """Path and text of files put in before the start."""

    @property
    def spec(self) -> str:
        """A short hash of all of this."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    def archive(self) -> bytes:
        """Give the files as a tar archive, as the Docker Engine takes them."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path, text in self.files:
                info = tarfile.TarInfo(path.lstrip("/"))
                info.size, info.mode = len(text.encode()), 0o644
                tar.addfile(info, io.BytesIO(text.encode()))
        return buffer.getvalue()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """All parts of one sandbox."""

    name: str
    network: str
    subnet: str
    gateway: str
    registry: Box
    control: Box
    workers: tuple[Box, ...]

    @property
    def nodes(self) -> tuple[Box, ...]:
        """The nodes of the Kubernetes, the control plane first."""
        return (self.control, *self.workers)

    @property
    def boxes(self) -> tuple[Box, ...]:
        """All containers in the order they are started."""
        return (self.registry, *self.nodes)


def plan(cluster: Cluster) -> Layout:
    """Lay a sandbox out for *cluster*: .1 gateway, .2 registry, .3 control plane, machines at their own address.

    Raises:
        BadInput: when the description has no sandbox, or a machine has a name that the sandbox uses.
    """
    if cluster.sandbox is None:
        raise BadInput(
            "the cluster description has no `sandbox`", "add `sandbox: {}`, or use the machines it names as they are"
        )
    own = {"registry", "control", f"{cluster.name}-control"}
    if clash := own & {machine.hostname for machine in cluster.machines}:
        raise BadInput(
            f"machines: hostname {clash.pop()} is one the sandbox needs itself", "give that machine another name"
        )
    subnet = IPv4Network(f"{cluster.machines[0].ip}/24", strict=False)
    gateway, registry, control = (str(subnet[n]) for n in (1, 2, 3))
    return Layout(
        name=cluster.name,
        network=f"zkops-{cluster.name}",
        subnet=str(subnet),
        gateway=gateway,
        registry=_registry(cluster, registry),
        control=_node(cluster, f"{cluster.name}-control", control, registry),
        workers=tuple(_node(cluster, one.hostname, one.ip, registry, control) for one in cluster.machines),
    )


def _registry(cluster: Cluster, ip: str) -> Box:
    return Box(
        name=f"zkops-{cluster.name}-registry",
        role="registry",
        hostname="registry",
        ip=ip,
        environment=(("REGISTRY_STORAGE_DELETE_ENABLED", "true"),),
        published=((REGISTRY_PORT, int(cluster.registry.domain.rpartition(":")[2])),),
    )


def _node(cluster: Cluster, hostname: str, ip: str, registry: str, control: str = "") -> Box:
    """Lay out a worker that joins *control*, or the control plane itself where that is not given."""
    prefix = cluster.sources.pull_prefix
    # The kubelet of 1.35 and later takes cgroup v1 for an error unless told otherwise.
    options = ("--kubelet-arg=fail-cgroupv1=false", *((f"--pause-image={prefixed(PAUSE, prefix)}",) if prefix else ()))
    joins = (("K3S_URL", f"https://{control}:{API_PORT}"),) if control else ()
    command = ("agent",) if control else ("server", "--tls-san=127.0.0.1", f"--disable={DISABLED}")
    return Box(
        name=f"zkops-{cluster.name}-{'control' if not control else hostname}",
        role="worker" if control else "control",
        hostname=hostname,
        ip=ip,
        command=(*command, *options),
        environment=(("K3S_NODE_NAME", hostname), *joins),
        published=() if control else ((API_PORT, cluster.sandbox_api_port),),
        files=_mirror_files(cluster.registry.domain, f"http://{registry}:{REGISTRY_PORT}", prefix),
    )


def _mirror_files(domain: str, url: str, prefix: str) -> tuple[tuple[str, str], ...]:
    """Make the name that the operator pushes to mean the registry container on the nodes too.

    containerd reads hosts.toml at every pull; k3s writes its own from registries.yaml. Each passes over the other's.
    """
    return (
        (f"/etc/containerd/certs.d/{domain}/hosts.toml", hosts_toml(url)),
        ("/etc/rancher/k3s/registries.yaml", registries_yaml(domain, url, prefix)),
    )


def hosts_toml(url: str) -> str:
    """Give containerd's description of a registry that is reached at *url*."""
    return f'server = "{url}"\n\n[host."{url}"]\n  capabilities = ["pull", "resolve"]\n'


def registries_yaml(domain: str, url: str, prefix: str = "") -> str:
    """Give k3s' description of a registry *domain* that is reached at *url*, and of a site's mirror of Docker Hub."""
    text = f'mirrors:\n  "{domain}":\n    endpoint:\n      - "{url}"\n'
    if not prefix:
        return text
    host, _, path = prefix.partition("/")
    rewrite = f'    rewrite:\n      "(.*)": "{path}/$1"\n' if path else ""
    return f'{text}  "docker.io":\n    endpoint:\n      - "https://{host}"\n{rewrite}'


def rewritten_kubeconfig(text: str, api_port: int, name: str) -> str:
    """Turn the control plane's own kubeconfig into one for this machine, marked as the sandbox's."""
    local = f"https://127.0.0.1:{api_port}"
    return f"{mark(name)}\n{text.replace(f'https://127.0.0.1:{API_PORT}', local)}"


def mark(name: str) -> str:
    """Give the first line of the sandbox's kubeconfig; a file without it is another's and stays untouched."""
    return f"# {LABEL}={name}: written by sandbox.up, removed by sandbox.down"
