"""Asks the members how they are, over and over: `srvr` on the client port, and the page /metrics.

Each is asked directly where its ports can be reached from here, else through a port-forward of the Kubernetes API.
"""

import contextlib
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

from zkops.config.cluster import Cluster, Machine
from zkops.core.errors import ZkopsError
from zkops.ensemble.observed import Member, is_true, newest_by_node, runs
from zkops.kube.client import Kube
from zkops.kube.observe import drained_of
from zkops.status.sample import NAMES, Figures, Reading, figures
from zkops.zookeeper import four_letter as fourletter
from zkops.zookeeper import metrics as exposition
from zkops.zookeeper.metrics import Page

DIRECT_SECONDS = 1.0
"""For a connection to a member's own port."""
ANSWER_SECONDS = 3.0
"""For the next part of an answer."""
FORWARD_SECONDS = 30.0
"""The direct way is tried again so long after it was found closed."""
PAGE_BYTES = 4_000_000
PATH = "/metrics?" + urlencode([("name[]", name) for name in NAMES])
LOOPBACK, NODE, EVERYWHERE = "127.0.0.1", "node", "0.0.0.0"  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class Way:
    """How a member is reached through Kubernetes."""

    kube: Kube
    pod: str


class Station:
    """Asks one member; keeps its connection for /metrics and remembers which way works. For one thread."""

    def __init__(self, cluster: Cluster, machine: Machine) -> None:
        self._host, self._ports = machine.ip, cluster.ports
        address = cluster.metrics.address
        # At 127.0.0.1 it listens to its own machine: ours is another one.
        self._pages = {LOOPBACK: None, NODE: machine.ip, EVERYWHERE: machine.ip}.get(address, address)
        self._http: HTTPConnection | None = None
        self._forwarded = -FORWARD_SECONDS

    def read(self, way: Way | None) -> Reading:
        """Ask once; never raises: what could not be asked is told in the reading.

        *way* is taken where the direct one is closed; None where no pod runs, or Kubernetes cannot be asked.
        """
        begun, trouble, server, refused = time.monotonic(), [], None, False
        try:
            server = fourletter.parse_srvr(
                fourletter.ask_socket(self._open(self._host, self._ports.client, way), "srvr")
            )
        except ConnectionRefusedError:
            refused = True
        except (OSError, ValueError, ZkopsError) as error:
            trouble.append(_said(error))
        at = (begun + time.monotonic()) / 2
        told = Figures()
        # Where it did not answer it would only let us wait once more.
        if server or refused:
            try:
                told = figures(self._page(way))
            except (OSError, ValueError, HTTPException, ZkopsError) as error:
                trouble += [] if refused else [f"its /metrics cannot be read: {_said(error)}"]
        return Reading(at=at, server=server, figures=told, refused=refused, trouble="; ".join(trouble))

    def close(self) -> None:
        """Let go of the connection."""
        if self._http:
            with contextlib.suppress(OSError):
                self._http.close()
        self._http = None

    def _open(self, host: str | None, port: int, way: Way | None) -> socket.socket:
        if host and (way is None or time.monotonic() - self._forwarded >= FORWARD_SECONDS):
            try:
                connection = socket.create_connection((host, port), DIRECT_SECONDS)
            except ConnectionRefusedError:
                raise
            except OSError:
                if way is None:
                    raise
                self._forwarded = time.monotonic()
            else:
                connection.settimeout(ANSWER_SECONDS)
                return connection
        if way is None:
            raise OSError("it listens to its own machine only, and Kubernetes knows no way to it")
        forwarded = way.kube.connect(way.pod, port)
        forwarded.settimeout(ANSWER_SECONDS)
        return forwarded

    def _page(self, way: Way | None) -> Page:
        kept = self._http is not None
        try:
            return self._get(way)
        except (OSError, HTTPException):
            self.close()
            if not kept:
                raise
        except ValueError:
            self.close()
            raise
        # A kept connection ends with the server, or when it was not used for long.
        try:
            return self._get(way)
        except (OSError, ValueError, HTTPException):
            self.close()
            raise

    def _get(self, way: Way | None) -> Page:
        if not self._http:
            self._http = HTTPConnection(self._pages or LOOPBACK, self._ports.metrics)
            self._http.auto_open = 0  # it would connect by itself, and directly
            self._http.sock = self._open(self._pages, self._ports.metrics, way)
        self._http.request("GET", PATH)
        answer = self._http.getresponse()
        text = answer.read(PAGE_BYTES).decode(errors="replace")
        if answer.status != 200:
            raise ValueError(f"it answers {answer.status}: {text.strip()[:80]}")
        return exposition.parse(text)


def _said(error: Exception) -> str:
    if isinstance(error, ZkopsError):
        return error.what
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


def look(cluster: Cluster, kube: Kube) -> tuple[Member, ...]:
    """Ask Kubernetes for each machine's node and pod; no server is asked.

    Raises:
        Failed: the API does not answer, or refuses.
    """
    nodes = {node["metadata"]["name"]: node for node in kube.nodes()}
    pods = newest_by_node(kube.pods(cluster.name))
    found = []
    for machine in cluster.machines:
        node = nodes.get(machine.hostname) or {"metadata": {}}
        labels = node["metadata"].get("labels") or {}
        found.append(
            Member(
                machine=machine,
                node_ready=is_true(node, "Ready"),
                label=labels.get(cluster.kubernetes.node_label),
                pod=pods.get(machine.hostname),
                server=None,
                drained=cluster.name in drained_of(node),
            )
        )
    return tuple(found)


def unseen(cluster: Cluster) -> tuple[Member, ...]:
    """Give the machines as described, where Kubernetes has told nothing yet."""
    return tuple(
        Member(machine=machine, node_ready=True, label=None, pod=None, server=None) for machine in cluster.machines
    )


def way(member: Member, kube: Kube | None) -> Way | None:
    """Give how a member is reached through Kubernetes, None where its pod does not run."""
    # Without a started container there is nobody to ask, and a port-forward would wait for its timeout.
    if not kube or not member.pod or not runs(member.pod) or not member.node_ready:
        return None
    return Way(kube, str(member.pod["metadata"]["name"]))


def once(stations: Sequence[Station], members: Sequence[Member], kube: Kube | None) -> Mapping[int, Reading]:
    """Ask all members once, side by side; id → reading."""
    with ThreadPoolExecutor(max_workers=len(stations)) as pool:
        readings = pool.map(lambda pair: pair[0].read(way(pair[1], kube)), zip(stations, members, strict=True))
        return {member.machine.id: reading for member, reading in zip(members, readings, strict=True)}
