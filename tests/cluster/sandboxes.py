"""Small sandboxes for tests, beside the shipped one, and what is left of them in the Engine."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox import containers
from tests.support.kubernetes_version import sandbox_section
from zkops.config.cluster import Cluster
from zkops.config.loader import parse
from zkops.images import docker as engine


def describe(directory: Path, name: str, net: int, machines: int = 1, sources: str = "") -> Cluster:
    """Describe a sandbox on 172.31.NET.0/24 with its ports ending in NET, its kubeconfig in *directory*.

    With *sources* its Kubernetes is the default one, as that way has it.
    """
    lines = "".join(
        f"  - {{hostname: {name}-{n}, ip: 172.31.{net}.{10 + n}, id: {n}}}\n" for n in range(1, machines + 1)
    )
    section = json.dumps({"api_port": 26400 + net} if sources else sandbox_section(26400 + net))
    text = (
        f"name: {name}\nmachines:\n{lines}"
        f"registry: {{domain: '127.0.0.1:250{net}', plain_http: true}}\n"
        f"kubernetes: {{kubeconfig: kubeconfig}}\nsandbox: {section}\nsources: {sources or '{}'}\n"
    )
    return parse(text, directory / "cluster.yaml")


def left_behind(name: str) -> list[str]:
    """Give the names of the sandbox's containers and networks."""
    client = engine.connect()
    networks = [str(network.name) for network in containers.find_networks(client, name)]
    return [*containers.find(client, name), *networks]


def kubectl(name: str, *words: str) -> str:
    """Run kubectl in the sandbox's control plane and give its output; an exit code other than 0 is an error."""
    control = containers.find(engine.connect(), name)[f"zkops-{name}-control"]
    code, output = control.exec_run(["kubectl", *words])
    text = str(output.decode())
    assert code == 0, text
    return text


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Listen on *port* of 127.0.0.1 meanwhile."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        yield
