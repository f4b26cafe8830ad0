"""Servers on loopback addresses that answer `srvr` and /metrics as real ones do, and a Kubernetes that tells of them.

What they answer was recorded from a real ensemble: see `tests/support/screenshots.py`.
"""

import re
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any, cast

from tests.support import factories
from zkops.config.cluster import Cluster
from zkops.core.errors import Failed
from zkops.kube.client import Kube
from zkops.zookeeper.four_letter import Ask, ask_socket

PAGES = Path(__file__).with_name("pages")


def recorded(name: str) -> str:
    """What a real server answered: `leader`, `follower` or `looking`, with the ending `.srvr` or `.metrics`."""
    return (PAGES / name).read_text(encoding="utf-8")


class Member:
    """One server; what it answers may be changed while it runs."""

    def __init__(self, kind: str) -> None:
        self.srvr, self.metrics = recorded(f"{kind}.srvr"), recorded(f"{kind}.metrics")
        self.status = 200
        self.hangs = threading.Event()
        """While set, questions get no answer."""
        self.asked = 0
        """How many four-letter words it was asked: the server counts each as a packet, as it does those of clients."""
        self.connections = 0
        """How many the page was asked over."""

    def word(self) -> type[socketserver.BaseRequestHandler]:
        """Give what answers four-letter words."""
        member = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.recv(4)
                member.asked += 1
                if not member.hangs.is_set():
                    self.request.sendall(member.srvr.encode())
                else:
                    self.request.recv(4)  # until the other side gives up

        return Handler

    def packets(self, recorded: re.Match[str]) -> str:
        """Give the line of what it received: what was recorded, and the words since."""
        name, count = recorded[0].split()
        return f"{name} {float(count) + self.asked}"

    def page(self) -> type[BaseHTTPRequestHandler]:
        """Give what answers HTTP."""
        member = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                member.connections += 1
                super().setup()

            def do_GET(self) -> None:
                body = re.sub(r"(?m)^packets_received .*", member.packets, member.metrics).encode()
                self.send_response(member.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        return Handler


class _Words(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


class _Pages(ThreadingHTTPServer):
    block_on_close = False


@contextmanager
def serving(members: Sequence[Member], cluster: Cluster) -> Iterator[Cluster]:
    """Let members listen meanwhile, each on an address of its own; give the description that names them."""
    hosts = [f"127.77.0.{number}" for number in range(1, len(members) + 1)]
    with ExitStack() as stack:
        words = [_listen(stack, _Words((hosts[0], 0), members[0].word()))]
        pages = [_listen(stack, _Pages((hosts[0], 0), members[0].page()))]
        client, metrics = words[0].server_address[1], pages[0].server_address[1]
        for host, member in zip(hosts[1:], members[1:], strict=True):
            _listen(stack, _Words((host, client), member.word()))
            _listen(stack, _Pages((host, metrics), member.page()))
        yield placed(cluster, hosts, client, metrics)


@contextmanager
def page_at(host: str, port: int, member: Member) -> Iterator[None]:
    """Let a member's page alone listen at an address meanwhile."""
    with ExitStack() as stack:
        _listen(stack, _Pages((host, port), member.page()))
        yield


def _listen(stack: ExitStack, server: Any) -> Any:
    stack.enter_context(server)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    stack.callback(server.shutdown)
    return server


def placed(cluster: Cluster, hosts: Sequence[str], client: int, metrics: int) -> Cluster:
    """Give the description with its machines at other addresses, as many as there are *hosts*."""
    machines = [m.model_copy(update={"ip": host}) for m, host in zip(cluster.machines, hosts, strict=False)]
    ports = cluster.ports.model_copy(update={"client": client, "metrics": metrics})
    return cluster.model_copy(update={"machines": tuple(machines), "ports": ports})


class Pods:
    """As much of Kubernetes as is asked for: nodes, pods, and connections to them."""

    def __init__(self, cluster: Cluster) -> None:
        self.hosts = [machine.hostname for machine in cluster.machines]
        self.lost: set[str] = set()
        self.answers = True
        self.ways: dict[tuple[str, int], tuple[str, int]] = {}
        """Pod and port → where a connection leads."""

    def nodes(self) -> tuple[dict[str, Any], ...]:
        if not self.answers:
            raise Failed("cannot list Nodes: the Kubernetes API does not answer", "start it")
        return tuple(self._node(host) for host in self.hosts)

    def _node(self, host: str) -> dict[str, Any]:
        ready = {"type": "Ready", "status": "False" if host in self.lost else "True"}
        return {"metadata": {"name": host, "labels": {}}, "status": {"conditions": [ready]}}

    def pods(self, _instance: str) -> tuple[dict[str, Any], ...]:
        return tuple(factories.pod(host, "registry.example/zkops/zookeeper@sha256:" + "a" * 64) for host in self.hosts)

    def connect(self, pod: str, port: int) -> socket:
        if (pod, port) not in self.ways:
            raise Failed(f"cannot reach port {port} of {pod}: not found")
        made = socket()
        made.connect(self.ways[pod, port])
        return made

    def revision(self, _instance: str) -> None:
        """Give none: no pod is held against it."""

    def ask(self, pod: str, port: int, _timeout: float) -> Ask:
        return lambda word: ask_socket(self.connect(pod, port), word)

    def kube(self, _cluster: Cluster | None = None) -> Kube:
        return cast(Kube, self)
