"""A way for clients to members whose ports cannot be reached from here: local ports, led through the Kubernetes API."""

import contextlib
import math
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Literal

from zkops.config.cluster import Cluster, Machine
from zkops.core import console
from zkops.core.errors import Failed, ZkopsError
from zkops.ensemble.observed import newest_by_node, runs
from zkops.kube.client import Kube

DIRECT_SECONDS = 1.0
REST_SECONDS = 0.5
"""Between two questions to the Kubernetes API for a machine that it has no way to: clients try again at once."""
LINGER_SECONDS = 10.0
"""For a member to end its side of a connection that the client has ended."""

Open = Callable[[], socket.socket]


def knock(host: str, port: int) -> Literal["accepts", "refuses", "silent"]:
    """Tell what becomes of a connection there: a machine that refuses is reached, and nobody listens."""
    try:
        socket.create_connection((host, port), DIRECT_SECONDS).close()
    except ConnectionRefusedError:
        return "refuses"
    except OSError:
        return "silent"
    return "accepts"


def reachable(host: str, port: int) -> bool:
    """Whether something answers there directly."""
    return knock(host, port) == "accepts"


@contextmanager
def servers(cluster: Cluster, connect: Callable[[], Kube]) -> Iterator[str]:
    """Give what a ZooKeeper client takes as servers: the ensemble's own addresses, or local ports that lead there.

    *connect* gives Kubernetes, asked for only where a member cannot be reached directly.
    """
    if any(reachable(machine.ip, cluster.ports.client) for machine in cluster.machines):
        yield cluster.connect_string
        return
    kube = connect()
    running = _pods(cluster, kube)
    machines = [machine for machine in cluster.machines if machine.hostname in running]
    if not machines:
        raise Failed(f"{cluster.name} is not running", "run `invoke deploy`, or see `invoke status`")
    console.say("the members' ports cannot be reached from here: going through the Kubernetes API")
    with ExitStack() as stack, quiet():
        ports = [stack.enter_context(local(_Way(cluster, machine, kube).open)) for machine in machines]
        yield ",".join(f"127.0.0.1:{port}" for port in ports)


@contextmanager
def ways(cluster: Cluster, connect: Callable[[], Kube]) -> Iterator[Mapping[str, str]]:
    """Give a way to every machine that lasts while pods come and go: hostname → HOST:PORT, in the description's order.

    It is the machine's own address where that accepts connections now. Else it is a local port: each connection goes to
    the member directly where somebody listens by then, or through the Kubernetes API to the pod that runs there then.
    *connect* gives Kubernetes, asked for only where that is so.
    """
    port = cluster.ports.client
    with ThreadPoolExecutor(max_workers=min(16, len(cluster.machines))) as pool:
        found = dict(zip(cluster.machines, pool.map(lambda m: knock(m.ip, port), cluster.machines), strict=True))
    with ExitStack() as stack, quiet():
        kube = None if all(answer == "accepts" for answer in found.values()) else connect()
        made = {}
        for machine, answer in found.items():
            made[machine.hostname] = f"{machine.ip}:{port}"
            if kube and answer != "accepts":
                way = _Way(cluster, machine, kube, direct=answer == "refuses")
                made[machine.hostname] = f"127.0.0.1:{stack.enter_context(local(way.open))}"
        yield made


@contextmanager
def quiet() -> Iterator[None]:
    """Print no traceback of a thread of Kubernetes' client that ends with its connection: ours is closed then, too."""
    former = threading.excepthook

    def tell(ended: threading.ExceptHookArgs) -> None:
        if not (ended.thread and ended.thread.name.startswith("Kubernetes port forward")):
            former(ended)

    threading.excepthook = tell
    try:
        yield
    finally:
        threading.excepthook = former


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


@dataclass
class _Way:
    """Opens connections to the pod that runs on a machine then."""

    cluster: Cluster
    machine: Machine
    kube: Kube
    direct: bool = False
    """Whether the machine itself is tried first."""
    _closed: float = -math.inf

    def open(self) -> socket.socket:
        """Open one.

        Raises:
            Failed: no pod runs there, or the API does not lead to it; for a moment then it is not asked again.
        """
        if time.monotonic() - self._closed < REST_SECONDS:
            raise Failed(f"there was no way to {self.machine.hostname} just now")
        try:
            return self._open()
        except ZkopsError:
            self._closed = time.monotonic()
            raise

    def _open(self) -> socket.socket:
        port = self.cluster.ports.client
        if self.direct:
            with contextlib.suppress(OSError):
                return socket.create_connection((self.machine.ip, port), DIRECT_SECONDS)
        pod = _pods(self.cluster, self.kube).get(self.machine.hostname)
        if not pod:
            raise Failed(f"no pod runs on {self.machine.hostname}", "see `invoke status`")
        return self.kube.connect(pod, port)


def _pods(cluster: Cluster, kube: Kube) -> dict[str, str]:
    """Give the pod of each machine that runs now: hostname → its name."""
    running = newest_by_node([pod for pod in kube.pods(cluster.name) if runs(pod)])
    return {host: str(pod["metadata"]["name"]) for host, pod in running.items()}


def _join(here: socket.socket, there: socket.socket) -> None:
    """Carry bytes both ways until both sides have ended."""
    back = Thread(target=_pump, args=(there, here), daemon=True)
    back.start()
    _pump(here, there)
    # A member that is cut off never ends its side.
    back.join(LINGER_SECONDS)
    with contextlib.suppress(OSError):
        there.shutdown(socket.SHUT_RDWR)
    back.join()
    there.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
