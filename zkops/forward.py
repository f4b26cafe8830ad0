"""A way for clients to members whose ports cannot be reached from here: local ports, led through the Kubernetes API."""

import contextlib
import socket
import socketserver
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread

from zkops import console
from zkops.cluster import Cluster
from zkops.errors import Failed, ZkopsError
from zkops.kube import Kube
from zkops.observe import observe_members

DIRECT_SECONDS = 1.0

Open = Callable[[], socket.socket]


def reachable(host: str, port: int) -> bool:
    """Whether something answers there directly."""
    try:
        socket.create_connection((host, port), DIRECT_SECONDS).close()
    except OSError:
        return False
    return True


@contextmanager
def servers(cluster: Cluster, connect: Callable[[], Kube]) -> Iterator[str]:
    """Give what a ZooKeeper client takes as servers: the ensemble's own addresses, or local ports that lead there.

    *connect* gives Kubernetes, asked for only where a member cannot be reached directly.
    """
    if any(reachable(machine.ip, cluster.ports.client) for machine in cluster.machines):
        yield cluster.connect_string
        return
    kube = connect()
    pods = [str(m.pod["metadata"]["name"]) for m in observe_members(cluster, kube) if m.pod and m.node_ready]
    if not pods:
        raise Failed(f"{cluster.name} is not running", "run `invoke deploy`, or see `invoke status`")
    console.say("the members' ports cannot be reached from here: going through the Kubernetes API")
    with ExitStack() as stack:
        ports = [stack.enter_context(local(_opener(kube, pod, cluster.ports.client))) for pod in pods]
        yield ",".join(f"127.0.0.1:{port}" for port in ports)


@contextmanager
def local(connect: Open) -> Iterator[int]:
    """Listen on a free local port meanwhile and lead each connection to one that *connect* opens; give the port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                there = connect()
            except (OSError, ZkopsError):
                return  # the client sees its connection closed, and tries another server
            _join(self.request, there)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()


def _opener(kube: Kube, pod: str, port: int) -> Open:
    return lambda: kube.connect(pod, port)


def _join(here: socket.socket, there: socket.socket) -> None:
    """Carry bytes both ways until both sides have ended."""
    back = Thread(target=_pump, args=(there, here), daemon=True)
    back.start()
    _pump(here, there)
    back.join()
    there.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
