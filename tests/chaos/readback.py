"""Read everything back from every member by itself: what was acknowledged must be on each of them."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

from tests.chaos.client import ROOT
from tests.support.linearizability.history import GONE, Operation, by_key
from zkops.zookeeper.membership import Membership, parse_membership

BATCH = 200


@contextmanager
def client(address: str) -> Iterator[Any]:
    """Give a client of one member alone."""
    found = KazooClient(hosts=address, timeout=20)
    found.start(timeout=30)
    try:
        yield found
    finally:
        found.stop()
        found.close()


def read_all(
    host: str, address: str, keys: Sequence[str], clock: Callable[[], float] = time.monotonic
) -> list[Operation]:
    """Read *keys* from one member, as quorum reads: a write by the same session comes first."""
    found = []
    with client(address) as kazoo:
        begin = clock()
        kazoo.ensure_path(f"{ROOT}/marks/{host}")
        kazoo.set(f"{ROOT}/marks/{host}", b"")
        session = f"{host}@{begin:.3f}"
        for start in range(0, len(keys), BATCH):
            asked = [(key, kazoo.get_async(key)) for key in keys[start : start + BATCH]]
            answers = [(key, *_answer(result)) for key, result in asked]
            found += [
                Operation(
                    key=key,
                    kind="read",
                    session=session,
                    invoked=begin,
                    returned=clock(),
                    status="ok",
                    version=version,
                    value=value,
                )
                for key, version, value in answers
            ]
    return found


def _answer(result: Any) -> tuple[int, str]:
    try:
        data, stat = result.get(timeout=30)
    except NoNodeError:
        return GONE, ""
    return stat.version, data.decode()


def lost(history: Iterable[Operation], read: Iterable[Operation]) -> list[str]:
    """Say which acknowledged writes are not there: a key in an older version than one that was acknowledged.

    A key in a newer version than any acknowledged one is right where a write had no answer; the order of a key's
    versions is the checker's to judge.
    """
    newest: dict[str, Operation] = {}
    for one in history:
        if one.status == "ok" and one.version > (newest[one.key].version if one.key in newest else GONE):
            newest[one.key] = one
    return [
        f"{one.key} has version {one.version} on {_member(one)}, and version {wanted.version} was acknowledged"
        for one in read
        if (wanted := newest.get(one.key)) and one.version < wanted.version
    ]


def disagreements(read: Iterable[Operation]) -> list[str]:
    """Say of which keys two members gave two values while nobody wrote."""
    found = []
    for key, answers in by_key(read).items():
        said = {_member(one): f"version {one.version}, {one.value or 'gone'}" for one in answers}
        if len(set(said.values())) > 1:
            common = Counter(said.values()).most_common(1)[0][0]
            others = ", ".join(f"{host}: {what}" for host, what in sorted(said.items()) if what != common)
            found.append(f"{key}: the members do not agree: most say {common}; {others}")
    return found


def _member(read: Operation) -> str:
    return read.session.partition("@")[0]


def membership(address: str) -> Membership:
    """Give the membership that one member knows."""
    with client(address) as kazoo:
        kazoo.sync("/zookeeper/config")
        return parse_membership(kazoo.get("/zookeeper/config")[0].decode())


def misplaced(found: Membership, wanted: Mapping[int, str]) -> list[str]:
    """Say how a membership differs from *wanted*, id to ip of all who are to vote."""
    voters = {seat.id: seat.ip for seat in found.seats if seat.role == "participant"}
    if voters == dict(wanted) and len(found.seats) == len(wanted):
        return []
    return [f"the membership is {', '.join(map(str, found.seats))}; described are {dict(wanted)}"]


def lingering(address: str, living: Collection[str], bound: float) -> list[str]:
    """Wait up to *bound* seconds for the ephemeral znodes of ended sessions to go; name those that stay."""
    deadline = time.monotonic() + bound
    with client(address) as kazoo:
        while (left := set(kazoo.get_children(f"{ROOT}/alive")) - set(living)) and time.monotonic() < deadline:
            time.sleep(0.5)  # between two looks
    return [f"the ephemeral znode of session {session} is there, and the session ended" for session in sorted(left)]
