"""A client that writes all along, as a program would that must not stop: it notes when each write was acknowledged."""

import threading
import time
from itertools import cycle

from tests.support.measuring.jute import NODE_EXISTS, OK, Lost, Session, create, put
from zkops.core.errors import Failed

SESSION, CONNECT, PAUSE = 4.0, 4.0 / 3, 0.01
"""Seconds: of the session, the same in every column and granted at ticks of 500 and of 2000 ms; to connect, as in
ZooKeeper's own client with three servers; and between an answer and the next write, or the next try to connect."""


class Writer(threading.Thread):
    """Writes to its own znode through the first of *hosts* that lets it, and moves to the next when that one fails."""

    def __init__(self, name: str, hosts: list[str]) -> None:
        super().__init__(daemon=True)
        self.path, self.hosts = f"/{name}", cycle(hosts)
        self.acknowledged: list[float] = []
        self.ended = threading.Event()
        self.session = Session(SESSION, CONNECT)

    def run(self) -> None:
        """Write until told to end."""
        while not self.ended.wait(PAUSE):
            try:
                if not self.session.link:
                    self.session.connect(next(self.hosts))
                self._write()
            except OSError:  # Lost is one, as are timeouts
                self.session.disconnect()

    def _write(self) -> None:
        error = self.session.call(put(self.path, b"x" * 100))
        if error:
            raise Lost(f"{self.path}: error {error}")
        self.acknowledged.append(time.monotonic())

    def begin(self) -> None:
        """Make the znode and begin to write."""
        made = self.session.connect(next(self.hosts)).call(create(self.path, b""))
        if made not in (OK, NODE_EXISTS):
            raise Failed(f"{self.path} cannot be made: error {made}")
        self.start()

    def wrote_since(self, time: float) -> bool:
        """Whether a write was acknowledged after *time*, by the monotonic clock."""
        return bool(self.acknowledged) and self.acknowledged[-1] > time

    def end(self) -> None:
        """Stop writing and let the session go."""
        self.ended.set()
        self.join(timeout=10)
        self.session.disconnect()
