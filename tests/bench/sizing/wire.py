"""ZooKeeper's client protocol, as little as a fast loader needs: sessions, pipelined requests, many creates at once.

Record layouts: zookeeper-jute/src/main/resources/zookeeper.jute at release-3.9.5.
"""

import socket
import ssl
import struct
from collections.abc import Iterable, Iterator

CREATE, DELETE, EXISTS, GET, SET, PING, MULTI, SET_WATCHES = 1, 2, 3, 4, 5, 11, 14, 101
SESSION_MS = 3_600_000
"""So long that thousands of sessions need no pings while a server is measured."""
BATCH = 20
"""Creates in one multi request: a server keeps the last 500 proposals, and larger ones would fill its heap."""
BATCH_BYTES = 400_000
"""Of one multi request: well below jute.maxbuffer."""

_END_OF_MULTI = struct.pack(">i?i", -1, True, -1)
_CREATE_HEADER = struct.pack(">i?i", CREATE, False, -1)
# One entry: all rights for world:anyone.
_OPEN_ACL = struct.pack(">ii", 1, 31) + b"\0\0\0\5world\0\0\0\6anyone"


def buffer(value: bytes) -> bytes:
    """Pack a byte string or an UTF-8 text with its length before it."""
    return struct.pack(">i", len(value)) + value


class Session:
    """One client session over one connection, blocking; ConnectionError when the server hangs up or refuses."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        raw = socket.create_connection((host, port), timeout=120)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = tls.wrap_socket(raw, server_hostname="zookeeper") if tls else raw
        self._xid = 0
        self._socket.sendall(buffer(struct.pack(">iqiq", 0, 0, SESSION_MS, 0) + buffer(bytes(16)) + b"\0"))
        self._packet()

    def close(self) -> None:
        """Close the connection; the session lives on until it times out."""
        self._socket.close()

    def send(self, kind: int, body: bytes) -> None:
        """Send one request without waiting for its reply."""
        self._xid += 1
        self._socket.sendall(buffer(struct.pack(">ii", self._xid, kind) + body))

    def reply(self) -> bytes:
        """Wait for the next reply that is no event; give its body."""
        while True:
            packet = self._packet()
            xid, _zxid, error = struct.unpack_from(">iqi", packet)
            if xid == -1:
                continue
            if error:
                raise ConnectionError(f"request {xid} ended with error {error}")
            return packet[16:]

    def pipeline(self, kind: int, bodies: Iterable[bytes], window: int = 16) -> int:
        """Send requests of one kind with *window* of them under way; give their number."""
        sent = 0
        for sent, body in enumerate(bodies, start=1):
            self.send(kind, body)
            if sent > window:
                self._check(kind)
        for _ in range(min(sent, window)):
            self._check(kind)
        return sent

    def _check(self, kind: int) -> None:
        body = self.reply()
        # The result of a multi request that failed starts with the type of an error.
        if kind == MULTI and body[:4] == b"\xff" * 4:
            raise ConnectionError("a multi request failed")

    def _packet(self) -> bytes:
        (length,) = struct.unpack(">i", self._exactly(4))
        return self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        chunks = []
        while count:
            chunk = self._socket.recv(min(count, 1 << 20))
            if not chunk:
                raise ConnectionError("the server closed the connection")
            chunks.append(chunk)
            count -= len(chunk)
        return b"".join(chunks)


def path_of(index: int) -> str:
    """Name the znode *index*: 30 characters, a thousand children below each parent."""
    return f"/bench/part-{index // 1000:04d}/node-{index:08d}"


def create_body(path: str, data: bytes, *, ephemeral: bool = False) -> bytes:
    """Pack a create request."""
    return buffer(path.encode()) + buffer(data) + _OPEN_ACL + struct.pack(">i", int(ephemeral))


def multi_bodies(creates: Iterable[bytes]) -> Iterator[bytes]:
    """Put create requests together to multi requests, twenty each or as many as the size allows."""
    parts: list[bytes] = []
    size = 0
    for body in creates:
        parts += (_CREATE_HEADER, body)
        size += len(body)
        if len(parts) >= 2 * BATCH or size > BATCH_BYTES:
            yield b"".join(parts) + _END_OF_MULTI
            parts, size = [], 0
    if parts:
        yield b"".join(parts) + _END_OF_MULTI


def watch_body(paths: Iterable[str]) -> bytes:
    """Pack a request that leaves a watch on each of *paths*, which do not exist yet."""
    packed = [buffer(path.encode()) for path in paths]
    watched = struct.pack(">i", len(packed)) + b"".join(packed)
    return struct.pack(">qi", 0, 0) + watched + struct.pack(">i", 0)
