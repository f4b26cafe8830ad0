"""The sandbox's containers and network in the Docker Engine: found by label, made, started, removed."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from sandbox.layout import LABEL, SPEC_LABEL, Box, Images, Layout
from zkops.core.errors import Failed

# What a node needs of privileged mode. The Engine refuses to grant that mode itself where the machine lacks
# CAP_SYS_RESOURCE, as many virtual machines and nested containers do; these go everywhere.
UNPRIVILEGED: dict[str, Any] = {
    "cap_add": ["ALL"],
    "cap_drop": ["SYS_RESOURCE"],
    "security_opt": ["seccomp=unconfined", "apparmor=unconfined"],
    "device_cgroup_rules": ["a *:* rwm"],
}
PRIVILEGED: dict[str, Any] = {"privileged": True}


def find(client: docker.DockerClient, name: str) -> dict[str, Container]:
    """Give all containers of the sandbox *name*, running or not, by name."""
    found = client.containers.list(all=True, filters={"label": f"{LABEL}={name}"}, ignore_removed=True)
    return {str(container.name): container for container in found}


def find_networks(client: docker.DockerClient, name: str) -> list[Any]:
    """Give the networks of the sandbox *name*: one or none."""
    return list(client.networks.list(filters={"label": f"{LABEL}={name}"}))


def make_network(client: docker.DockerClient, layout: Layout) -> None:
    """Create the network where it is missing."""
    if find_networks(client, layout.name):
        return
    pool = docker.types.IPAMPool(subnet=layout.subnet, gateway=layout.gateway)
    ipam = docker.types.IPAMConfig(pool_configs=[pool])
    try:
        with uninterrupted():
            client.networks.create(layout.network, driver="bridge", ipam=ipam, labels={LABEL: layout.name})
    except APIError as error:
        if "overlaps" not in str(error.explanation):
            raise Failed(f"the network {layout.network} cannot be made: {error.explanation}") from error
        holder = _holder_of(client, layout.subnet)
        raise Failed(
            f"the network {layout.subnet} is in use already{holder}",
            "give the machines in the cluster description ips of another /24, or remove that network",
        ) from error


def _holder_of(client: docker.DockerClient, subnet: str) -> str:
    for network in client.networks.list():
        configs = (network.attrs.get("IPAM") or {}).get("Config") or []
        if any(config.get("Subnet") == subnet for config in configs):
            return f", by the Docker network {network.name}"
    return ""


def run(client: docker.DockerClient, layout: Layout, box: Box, images: Images, token: str) -> None:
    """Make *box* run, whatever state it is in: missing, dead, paused, cut off."""
    container = find(client, layout.name).get(box.name)
    try:
        if container is None:
            _create(client, layout, box, images, token)
            return
        if container.status == "paused":
            container.unpause()
        if layout.network not in container.attrs["NetworkSettings"]["Networks"]:
            client.networks.get(layout.network).connect(container, ipv4_address=box.ip)
        container.start()
    except APIError as error:
        raise _explained(client, box, error) from error


def _create(client: docker.DockerClient, layout: Layout, box: Box, images: Images, token: str) -> None:
    ways: list[dict[str, Any]] = [{}] if box.role == "registry" else [UNPRIVILEGED]
    if images.pulled and box.role != "registry":
        ways = [PRIVILEGED, UNPRIVILEGED]
    for way in ways:
        try:
            _create_one(client, layout, box, images, token, way)
            return
        except APIError as error:
            if way is ways[-1] or "operation not permitted" not in str(error.explanation).lower():
                raise


def _create_one(
    client: docker.DockerClient, layout: Layout, box: Box, images: Images, token: str, way: dict[str, Any]
) -> None:
    if box.role == "registry":
        image, environment = images.registry, dict(box.environment)
    else:
        image, environment = images.node, dict(box.environment) | {"K3S_TOKEN": token}
        way = way | {"tmpfs": {"/run": "", "/var/run": ""}}
    # Ctrl-C between the Engine's making a container and our knowing it would leave that container behind.
    with uninterrupted():
        container = client.containers.create(
            image,
            list(box.command) or None,
            name=box.name,
            hostname=box.hostname,
            environment=environment,
            ports={f"{inside}/tcp": ("127.0.0.1", outside) for inside, outside in box.published},
            labels={LABEL: layout.name, SPEC_LABEL: box.spec},
            network=layout.network,
            networking_config={layout.network: client.api.create_endpoint_config(ipv4_address=box.ip)},
            **way,
        )
        _start(container, box)


def _start(container: Container, box: Box) -> None:
    """Start a new container with its files in it; one that cannot be started does not stay."""
    try:
        if box.files:
            container.put_archive("/", box.archive())
        container.start()
    except APIError:
        container.remove(force=True, v=True)
        raise


def _explained(client: docker.DockerClient, box: Box, error: APIError) -> Failed:
    text = str(error.explanation)
    if box.published and ("already allocated" in text or "address already in use" in text):
        port = box.published[0][1]
        key = "registry.domain" if box.role == "registry" else "sandbox.api_port"
        users = [c.name for c in client.containers.list() if f"'HostPort': '{port}'" in str(c.ports)]
        by = f" by the container {users[0]}" if users else ""
        return Failed(
            f"port {port} of 127.0.0.1 is in use already{by}",
            f"stop what uses it, or set another port in {key} of the cluster description",
        )
    return Failed(f"the container {box.name} cannot be started: {text}", "see the Docker Engine's log for more")


def token_of(containers: dict[str, Container]) -> str | None:
    """Give the token that the nodes of a running sandbox share."""
    for container in containers.values():
        for variable in container.attrs["Config"]["Env"] or ():
            if variable.startswith("K3S_TOKEN="):
                return str(variable).partition("=")[2]
    return None


def clear(client: docker.DockerClient, name: str) -> int:
    """Remove all containers of the sandbox, their volumes and the network; give the number of containers.

    Raises:
        Failed: when other containers hold on to the network.
    """
    found = list(find(client, name).values())
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(_remove, found))
    for network in find_networks(client, name):
        try:
            network.remove()
        except NotFound:
            continue
        except APIError as error:
            network.reload()
            others = ", ".join(sorted(end["Name"] for end in network.attrs["Containers"].values()))
            raise Failed(
                f"the network {network.name} is still used by {others or 'something'}: {error.explanation}",
                f"remove that (`docker rm -f {others.replace(',', '')}`), then run `invoke sandbox.down` again",
            ) from error
    return len(found)


def _remove(container: Container) -> None:
    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # someone else is removing it already
            raise Failed(f"the container {container.name} cannot be removed: {error.explanation}") from error
        container.wait(condition="removed")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until the block is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        pressed.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
