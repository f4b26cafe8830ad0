"""ZooKeeper's four-letter words: asked over a socket, answered as plain data.

The words and their answers: https://zookeeper.apache.org/doc/r3.9.4/zookeeperAdmin.html#sc_4lw
"""

import re
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass

MODES = ("leader", "follower", "observer", "standalone")
"""The modes of a member that serves reads and writes; a member without a quorum has no mode, `read-only` no writes."""
LEADING = frozenset({"leader", "standalone"})

Ask = Callable[[str], str]
"""Sends one word and gives the whole answer; raises OSError when the member cannot be reached."""


@dataclass(frozen=True, kw_only=True)
class Srvr:
    """What `srvr` tells of one server."""

    mode: str | None
    """One of `MODES`, `read-only`, or None while the server is in no quorum."""
    zxid: int | None
    version: str | None
    connections: int
    reason: str = ""
    """Why there is no mode, in the server's words."""

    @property
    def serving(self) -> bool:
        """Whether reads and writes are served."""
        return self.mode in MODES

    @property
    def epoch(self) -> int | None:
        """The upper 32 bits of the zxid: grows with every new leader."""
        return None if self.zxid is None else self.zxid >> 32

    @property
    def counter(self) -> int | None:
        """The lower 32 bits of the zxid: the transactions of this epoch."""
        return None if self.zxid is None else self.zxid & 0xFFFFFFFF


def parse_srvr(text: str) -> Srvr:
    """Read the answer to `srvr`, complete or `This ZooKeeper instance is not currently serving requests`."""
    fields = dict(re.findall(r"^([\w /]+?): *(.*)$", text, re.MULTILINE))
    mode = fields.get("Mode")
    zxid = fields.get("Zxid")
    version = fields.get("Zookeeper version", "").partition("-")[0]
    last = text.strip().splitlines()[-1] if text.strip() else "no answer"
    return Srvr(
        mode=mode,
        zxid=int(zxid, 16) if zxid else None,
        version=version or None,
        connections=int(fields.get("Connections", 0)),
        reason="" if mode else last,
    )


def parse_mntr(text: str) -> Mapping[str, str]:
    """Read the answer to `mntr`: metric name to value, as printed; empty while the server is in no quorum."""
    pairs = (line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def membership(text: str) -> str:
    """Give the lines of the membership in an answer to `conf`; none of a server that is no member of anything."""
    return text.partition("membership: \n")[2]


def over_tcp(host: str, port: int, timeout: float) -> Ask:
    """Ask by a direct connection; the server closes it after its answer. *timeout* in seconds, per read."""
    return lambda word: ask_socket(socket.create_connection((host, port), timeout), word)


def ask_socket(connection: socket.socket, word: str) -> str:
    """Send *word* on a fresh connection, read until the server closes it, and close it."""
    with closing(connection):  # the stand-in that Kubernetes' port-forward gives is no context manager
        connection.sendall(word.encode())
        chunks = []
        while chunk := connection.recv(65536):
            chunks.append(chunk)
        return b"".join(chunks).decode(errors="replace")
