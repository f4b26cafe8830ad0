"""A small ZooKeeper client: sessions that can move to another server, creates, sets and gets, many in flight.

It is one for all columns, light beside the servers it measures, and its timeouts are plain numbers. The protocol is
read in ZooKeeper's zookeeper.jute: frames of a length and a record; numbers are big-endian.
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

CREATE, GET, SET, PING, CLOSE = 1, 4, 5, 11, -11
OK, NODE_EXISTS = 0, -110
ANYONE = struct.pack(">ii", 1, 31) + struct.pack(">i5si6s", 5, b"world", 6, b"anyone")
"""An access list of one entry: everybody may do everything."""


class Lost(OSError):
    """The connection or the session is gone."""


def text(value: str | bytes) -> bytes:
    """Pack a string or a buffer: its length, then its bytes."""
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">i", len(raw)) + raw


def create(path: str, data: bytes) -> tuple[int, bytes]:
    """Give the request that makes a persistent znode."""
    return CREATE, text(path) + text(data) + ANYONE + struct.pack(">i", 0)


def put(path: str, data: bytes) -> tuple[int, bytes]:
    """Give the request that sets a znode's data, whatever its version."""
    return SET, text(path) + text(data) + struct.pack(">i", -1)


def get(path: str) -> tuple[int, bytes]:
    """Give the request that reads a znode, without a watch."""
    return GET, text(path) + b"\0"


def frame(xid: int, request: tuple[int, bytes]) -> bytes:
    """Pack a request for the wire."""
    kind, record = request
    return struct.pack(">iii", 8 + len(record), xid, kind) + record


@dataclass
class Replies:
    """Takes bytes as they come and gives (xid, error code) of each complete reply."""

    rest: bytes = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield the replies that *data* completes."""
        buffer, at = self.rest + data, 0
        while len(buffer) - at >= 4:
            (length,) = struct.unpack_from(">i", buffer, at)
            if len(buffer) - at - 4 < length:
                break
            xid, _, error = struct.unpack_from(">iqi", buffer, at + 4)
            yield xid, error
            at += 4 + length
        self.rest = buffer[at:]


@dataclass
class Session:
    """A session, on one server at a time. Timeouts are in seconds; `Lost` is raised when one passes."""

    timeout: float = 10
    connect_timeout: float = 1
    id: int = 0
    password: bytes = bytes(16)
    link: socket.socket | None = None
    _xid: int = 0
    _replies: Replies = field(default_factory=Replies)

    def connect(self, host: str, port: int = 2181) -> Self:
        """Connect to a server, with the session there was or a new one."""
        self.disconnect()
        self.link = socket.create_connection((host, port), self.connect_timeout)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        record = struct.pack(">iqiq", 0, 0, round(self.timeout * 1000), self.id) + text(self.password) + b"\0"
        self.link.sendall(text(record))
        answer = self._frame()
        _, granted, self.id = struct.unpack_from(">iiq", answer)
        self.password = answer[20:36]
        if granted <= 0:
            self.id, self.password = 0, bytes(16)
            raise Lost("the session has expired")
        # ZooKeeper's own client gives up on a silent server after two thirds of the session's timeout.
        self.link.settimeout(self.timeout * 2 / 3)
        self._replies = Replies()
        return self

    def call(self, request: tuple[int, bytes]) -> int:
        """Send a request and wait for its reply; give the error code, 0 is none."""
        self._xid += 1
        self.wire.sendall(frame(self._xid, request))
        while True:
            for xid, error in self.receive():
                if xid == self._xid:
                    return error

    def receive(self) -> list[tuple[int, int]]:
        """Wait for bytes and give the replies that they complete."""
        data = self.wire.recv(1 << 16)
        if not data:
            raise Lost("the server closed the connection")
        return list(self._replies.feed(data))

    def disconnect(self) -> None:
        """Drop the connection; the session stays until its timeout."""
        if self.link:
            self.link.close()
        self.link = None

    @property
    def wire(self) -> socket.socket:
        """The socket of a connected session."""
        if not self.link:
            raise Lost("not connected")
        return self.link

    def _frame(self) -> bytes:
        data = b""
        while len(data) < 4 or len(data) < 4 + struct.unpack_from(">i", data)[0]:
            more = self.wire.recv(4096)
            if not more:
                raise Lost("the server closed the connection")
            data += more
        return data[4:]


def fill(host: str, count: int, size: int, depth: int = 500) -> None:
    """Create `/fill` with *count* znodes of *size* bytes, *depth* requests in flight."""
    session = Session(30).connect(host)
    made = session.call(create("/fill", b""))
    if made not in (OK, NODE_EXISTS):
        raise Lost(f"/fill: error {made}")
    data, sent, done = bytes(size), 0, 0
    while done < count:
        batch = range(sent, min(count, done + depth))
        session.wire.sendall(b"".join(frame(1000 + n, create(f"/fill/n{n:07}", data)) for n in batch))
        sent = max(sent, batch.stop)
        for xid, error in session.receive():
            if error:
                raise Lost(f"request {xid}: error {error}")
            done += 1
    session.disconnect()
