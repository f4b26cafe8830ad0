"""All clients of a run together: they begin, pause, go on and end as one."""

import threading
import time
from collections.abc import Iterable

from kazoo.client import KazooClient

from tests.chaos.client import ROOT, Client, Clock, Keys
from tests.support.linearizability.history import Operation

CLIENTS = 6
"""About 120 operations a second together: two cores are shared with the servers."""


class Workload:
    """All clients together."""

    def __init__(self, hosts: Iterable[str], clock: Clock = time.monotonic) -> None:
        self._going = threading.Event()
        keys = Keys(clock)
        self.clients = [Client(f"c{number}", keys, self._going, clock) for number in range(CLIENTS)]
        self._hosts = ",".join(hosts)

    def begin(self) -> None:
        """Make what the clients need, and let them work."""
        first = KazooClient(hosts=self._hosts)
        first.start(timeout=60)
        try:
            for path in ("keys", "alive", *(f"marks/{client.name}" for client in self.clients)):
                first.ensure_path(f"{ROOT}/{path}")
        finally:
            first.stop()
            first.close()
        for client in self.clients:
            client.connect(self._hosts)
        self.go_on()

    def move(self, hosts: Iterable[str]) -> None:
        """Tell all clients the addresses of the members, for when they next connect."""
        for client in self.clients:
            client.hosts(",".join(hosts))

    def pause(self, bound: float) -> list[str]:
        """Let every client finish what it does; give the names of those that did not within *bound* seconds."""
        self._going.clear()
        deadline = time.monotonic() + bound
        return [c.name for c in self.clients if not c.idle.wait(max(0.0, deadline - time.monotonic()))]

    def go_on(self) -> None:
        """Let the clients work."""
        for client in self.clients:
            client.idle.clear()
        self._going.set()

    def take(self) -> list[Operation]:
        """Take what was noted since the last call; only while all pause."""
        taken = [one for client in self.clients for one in client.history]
        for client in self.clients:
            client.history = []
        return taken

    def expired(self) -> dict[str, float]:
        """Give the sessions that the servers ended, with the times the clients learnt of it."""
        return {session: time for client in self.clients for session, time in client.expired.items()}

    def sessions(self) -> frozenset[str]:
        """Give the sessions that live."""
        return frozenset(client.session for client in self.clients)

    def end(self) -> None:
        """End all sessions."""
        self._going.clear()
        for client in self.clients:
            client.end()
