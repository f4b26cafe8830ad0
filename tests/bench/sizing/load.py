"""What a server is filled with, and the filling."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import wire
from .server import NETTY, PORT, TLS_PORT, Server, wait_for

FLUSH = 600
"""More than the 500 last proposals a server keeps: the large ones of the filling must not count."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a server holds."""

    znodes: int = 0
    znode_bytes: int = 200
    connections: int = 0
    watches: int = 0
    ephemerals: int = 0
    """Of the znodes, those that end with their session."""
    transport: str = "nio"
    """nio, netty or tls."""


class Filler:
    """Brings a server from one load to a larger one; holds its sessions open until closed."""

    def __init__(self, server: Server, transport: str) -> None:
        self._tls = _trusting() if transport == "tls" else None
        self._port = TLS_PORT if self._tls else PORT
        server.wait()
        self._host = server.host
        # The TLS port opens a moment after the other.
        wait_for(lambda: accepts(self._host, self._port), 60, server.why)
        self._sessions: list[wire.Session] = []
        self._now = Load(transport=transport)
        self._admin = self.session()

    def session(self) -> wire.Session:
        """Open one more session."""
        return wire.Session(self._host, self._port, self._tls)

    def close(self) -> None:
        """Close all connections."""
        for session in (self._admin, *self._sessions):
            session.close()

    def fill(self, load: Load) -> None:
        """Add what *load* has more than there is."""
        if not self._now.znodes and load.znodes:
            self._admin.pipeline(wire.CREATE, [wire.create_body("/bench", b"")])
        while len(self._sessions) < load.connections:
            self._sessions.append(self.session())
            self._sessions[-1].pipeline(wire.EXISTS, [wire.buffer(b"/") + b"\0"])
        self._create(load)
        self._watch(load)
        self._now = load
        if load.znodes:
            data = bytes(load.znode_bytes)
            self._admin.pipeline(wire.SET, (set_body(index % load.znodes, data) for index in range(FLUSH)))

    def _create(self, load: Load) -> None:
        parents = range(-(-self._now.znodes // 1000), -(-load.znodes // 1000))
        self._admin.pipeline(wire.CREATE, (wire.create_body(parent_of(index), b"") for index in parents))
        data = bytes(load.znode_bytes)
        lasting = load.znodes - (load.ephemerals - self._now.ephemerals)
        self._admin.pipeline(
            wire.MULTI,
            wire.multi_bodies(wire.create_body(wire.path_of(i), data) for i in range(self._now.znodes, lasting)),
        )
        owners = self._sessions or [self._admin]
        for number, owner in enumerate(owners):
            mine = range(lasting + number, load.znodes, len(owners))
            creates = (wire.create_body(wire.path_of(i), data, ephemeral=True) for i in mine)
            owner.pipeline(wire.MULTI, wire.multi_bodies(creates))

    def _watch(self, load: Load) -> None:
        owners = self._sessions or [self._admin]
        for number, owner in enumerate(owners):
            mine = range(self._now.watches + number, load.watches, len(owners))
            paths = [f"/watch{wire.path_of(index)}" for index in mine]
            chunks = (paths[start : start + 5000] for start in range(0, len(paths), 5000))
            owner.pipeline(wire.SET_WATCHES, map(wire.watch_body, chunks))


def accepts(host: str, port: int) -> bool:
    """Tell whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def parent_of(index: int) -> str:
    """Name the parent of the znodes 1000 * *index* and on."""
    return wire.path_of(index * 1000).rpartition("/")[0]


def set_body(index: int, data: bytes) -> bytes:
    """Pack a request that sets the znode *index*, whatever its version."""
    return wire.buffer(wire.path_of(index).encode()) + wire.buffer(data) + b"\xff" * 4


def get_body(index: int) -> bytes:
    """Pack a request that reads the znode *index*."""
    return wire.buffer(wire.path_of(index).encode()) + b"\0"


@contextmanager
def transport_of(name: str) -> Iterator[dict[str, Any]]:
    """Give what `server` needs for a transport: settings of zoo.cfg, and the volume with the keys."""
    if name == "nio":
        yield {}
    elif name == "netty":
        yield {"settings": (NETTY,)}
    else:
        with TemporaryDirectory() as directory:
            _make_key(Path(directory))
            settings = (
                NETTY,
                f"secureClientPort={TLS_PORT}",
                "ssl.keyStore.location=/tls/server.pem",
                "ssl.trustStore.location=/tls/trust.pem",
                "ssl.clientAuth=none",
            )
            yield {"settings": settings, "volumes": {directory: {"bind": "/tls", "mode": "ro"}}}


def _make_key(directory: Path) -> None:
    directory.chmod(0o755)
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=zookeeper"
    key, trust = directory / "key.pem", directory / "trust.pem"
    subprocess.run([*command.split(), "-keyout", key, "-out", trust], check=True, capture_output=True)
    (directory / "server.pem").write_bytes(key.read_bytes() + trust.read_bytes())
    (directory / "server.pem").chmod(0o644)  # a throw-away key, read by the container's user
    key.unlink()


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
