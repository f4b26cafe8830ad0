"""Clients that write, read, watch and come and go, on every member of an ensemble."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError

from .servers import Ensemble, Server

BYTES = 20_000
"""Of a znode: so much that collections are needed."""
KEPT = 150
"""Znodes of each client, written again and again."""


@contextmanager
def used(ensemble: Ensemble, pause: float = 0.02) -> Iterator[None]:
    """Let a client work on each member, and go on elsewhere when that is gone; *pause* seconds between rounds."""
    over = threading.Event()
    members = ensemble.members
    orders = [[*members[n:], *members[:n]] for n in range(len(members))]
    threads = [
        threading.Thread(target=_client, args=(order, n, pause * (n + 1), over)) for n, order in enumerate(orders)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _client(members: list[Server], number: int, pause: float, over: threading.Event) -> None:
    root = f"/load-{number}"
    while not over.is_set():
        # When the member is taken away, the next connection finds another.
        with suppress(KazooException, KazooTimeoutError, OSError), _connected(members) as client:
            client.ensure_path(root)
            count = 0
            while not over.wait(pause):
                count += 1
                _round(client, root, count)


@contextmanager
def _connected(members: list[Server]) -> Iterator[KazooClient]:
    """Give a client of the first member that runs, which goes on to the others where it must."""
    hosts = ",".join(member.address for member in members if member.running)
    client = KazooClient(hosts=hosts, timeout=5, randomize_hosts=False)
    try:
        client.start(timeout=10)
        yield client
    finally:
        client.stop()
        client.close()


def _round(client: KazooClient, root: str, count: int) -> None:
    path = f"{root}/{count % KEPT}"
    client.ensure_path(path)
    client.set(path, os.urandom(BYTES))
    for _ in range(3):
        client.get(path, watch=lambda _event: None)
    if count % 10 == 0:
        client.create(f"{root}/e-", ephemeral=True, sequence=True)
