"""A tree with all that a migration could lose: written, read whole, and gone on with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError
from kazoo.security import OPEN_ACL_UNSAFE, make_digest_acl

from tests.support.waiting import eventually

from .servers import Server

HELD = "/held/by-a-session"
Tree = dict[str, Any]


def write(zookeeper: KazooClient) -> Tree:
    """Write what a migration could lose, and give all there is then."""
    zookeeper.add_auth("digest", "app:secret")
    mine = [make_digest_acl("app", "secret", all=True)]
    zookeeper.create("/app", b"kept")
    for number in range(50):
        zookeeper.create(f"/app/{number}", b"x" * number, acl=mine if number % 2 else OPEN_ACL_UNSAFE)
    zookeeper.set("/app", b"set")
    zookeeper.delete("/app/7")
    zookeeper.create("/queue")
    for _ in range(5):
        zookeeper.create("/queue/n", sequence=True)
    zookeeper.create("/held")
    zookeeper.create(HELD, ephemeral=True)
    return tree(zookeeper)


def tree(zookeeper: KazooClient, path: str = "/") -> Tree:
    """Give each znode below a path with its data, ACL and numbers; not what ends with sessions."""
    zookeeper.sync(path)
    data, stat = zookeeper.get(path)
    own = (data, zookeeper.get_acls(path)[0], stat.czxid, stat.mzxid, stat.version, stat.aversion, stat.ctime)
    found = {path: own}
    for name in zookeeper.get_children(path):
        if name not in {"zookeeper", "held"}:
            found |= tree(zookeeper, f"{path.rstrip('/')}/{name}")
    return found


@contextmanager
def app(server: Server) -> Iterator[KazooClient]:
    """Give the application's client of one member."""
    made = KazooClient(hosts=server.address, timeout=4, auth_data=[("digest", "app:secret")])
    made.start(timeout=60)
    try:
        yield made
    finally:
        made.stop()
        made.close()


def assert_goes_on(server: Server) -> None:
    """Check what is promised of the adopted ensemble beside the data as it was."""
    with app(server) as zookeeper:
        assert zookeeper.create("/queue/n", sequence=True) == "/queue/n0000000005"
        eventually(lambda: zookeeper.exists(HELD) is None)
    stranger = KazooClient(hosts=server.address)
    stranger.start(timeout=60)
    with pytest.raises(NoAuthError):
        stranger.get("/app/1")
    stranger.stop()
    stranger.close()
