"""Sessions with an ensemble: the one place where kazoo's client is made, bounded in all that it waits for."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import SequentialThreadingHandler

from zkops.core.errors import Failed

CONNECT_SECONDS = 1.0
"""To connect to one server; kazoo's own bound is the timeout of the session."""
CLOSE_SECONDS = 2.0
"""For a server to answer that the session is closed."""

# Pauses between two rounds over the servers: short at first, as an election is over in less than a second.
_RETRY = {"max_tries": -1, "delay": 0.05, "backoff": 1.5, "max_jitter": 0.0, "max_delay": 1.0}
_STEADY = _RETRY | {"delay": 0.02, "backoff": 1}

# kazoo tells of every try and, when asked for all, of the password it sends; what matters is told by us.
_SILENT = logging.Logger("kazoo", logging.CRITICAL + 1)


class Handler(SequentialThreadingHandler):  # type: ignore[misc]  # kazoo has no types
    """Knows the connection of its client, to drop one whose server went silent."""

    def __init__(self) -> None:
        super().__init__()
        self._link: socket.socket | None = None
        self._linked = 0.0

    def create_connection(self, *args: Any, timeout: float = CONNECT_SECONDS, **options: Any) -> socket.socket:
        """Connect, as kazoo asks it to."""
        made: socket.socket = super().create_connection(*args, timeout=min(timeout, CONNECT_SECONDS), **options)
        self._link, self._linked = made, time.monotonic()
        return made

    def drop(self, age: float = 0) -> None:
        """Cut the connection, where it is *age* seconds old: the client goes to the next server with its session."""
        if self._link and time.monotonic() - self._linked >= age:
            with contextlib.suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)


def client(servers: str, timeout: float, *, password: str = "", steady: bool = False) -> Any:
    """Make kazoo's client for *servers*, tried in their order, with a session of *timeout* seconds.

    With a *password* it is ZooKeeper's super user. A *steady* one is back as soon as there is a quorum, however long
    there was none. It is not started.
    """
    auth = [("digest", f"super:{password}")] if password else None
    return KazooClient(
        servers,
        timeout=timeout,
        handler=Handler(),
        randomize_hosts=False,
        connection_retry=dict(_STEADY if steady else _RETRY),
        auth_data=auth,
        logger=_SILENT,
    )


def close(zookeeper: Any) -> None:
    """End the session and let the client go, also where no server answers any more."""
    silent = threading.Timer(CLOSE_SECONDS, zookeeper.handler.drop)
    silent.start()
    try:
        with contextlib.suppress(KazooException):  # its thread still waits for a server, and ends by itself
            zookeeper.stop()
            zookeeper.close()
    finally:
        silent.cancel()


@contextmanager
def opened(
    servers: str, who: str = "the ensemble", *, timeout: float = 30, within: float = 15, password: str = ""
) -> Iterator[Any]:
    """Open a session of *timeout* seconds *within* so many, and close it at the end.

    Raises:
        Failed: it does not come about; *who* is named.
    """
    zookeeper = client(servers, timeout, password=password)
    try:
        if not zookeeper.start_async().wait(within):
            raise Failed(
                f"{who} opens no session within {within:.0f} s: it does not run or has no quorum", "see `invoke status`"
            )
        yield zookeeper
    finally:
        close(zookeeper)
