"""Requests against a filled server: reads and writes from several sessions at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from . import wire
from .load import Filler, Load, get_body, set_body

CLIENTS = 4


def work(filler: Filler, load: Load, writes: int, reads: int) -> None:
    """Write and read the znodes from four sessions at once, sixteen requests of each under way."""
    data = bytes(load.znode_bytes)

    def client(number: int) -> None:
        with closing(filler.session()) as session:
            session.pipeline(wire.SET, (set_body(i % load.znodes, data) for i in range(number, writes, CLIENTS)))
            session.pipeline(wire.GET, (get_body(i % load.znodes) for i in range(number, reads, CLIENTS)))

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))


def large(filler: Filler, clients: int, size: int, rounds: int) -> None:
    """Write and read large znodes from *clients* sessions, one request of each under way: they fill the buffers."""
    sessions = [filler.session() for _ in range(clients)]
    data = bytes(size)
    for number, session in enumerate(sessions):
        session.pipeline(wire.CREATE, [wire.create_body(f"/large-{number}", b"")])
    paths = [wire.buffer(f"/large-{number}".encode()) for number in range(clients)]
    for _ in range(rounds):
        for kind, bodies in (
            (wire.SET, [path + wire.buffer(data) + b"\xff" * 4 for path in paths]),
            (wire.GET, [path + b"\0" for path in paths]),
        ):
            for session, body in zip(sessions, bodies, strict=True):
                session.send(kind, body)
            for session in sessions:
                session.reply()
    for session, path in zip(sessions, paths, strict=True):
        session.pipeline(wire.DELETE, [path + b"\xff" * 4])
        session.close()
