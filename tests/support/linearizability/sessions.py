"""What one session may see: reads that never go back, its own writes, its own ephemeral znode; pure.

Plain reads may be stale, so that they say nothing of other sessions' writes, but that what they saw was written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.support.linearizability.history import GONE, Operation, by_key, by_session


def check(history: Sequence[Operation]) -> list[str]:
    """Say which session saw what it must not see."""
    sessions = by_session(history)
    found = [f"session {name}: {what}" for name, own in sessions.items() for what in _in_order(own)]
    lost = [f"session {name}: {what}" for name, own in sessions.items() for what in _ephemeral(own)]
    return found + lost + [what for key, own in by_key(history).items() for what in _written(key, own)]


def _in_order(operations: Iterable[Operation]) -> Iterator[str]:
    zxid, versions = 0, dict[str, int]()
    for one in operations:
        if one.status == "unknown":
            continue
        if one.zxid and one.zxid < zxid:
            yield f"went back from zxid 0x{zxid:x} to 0x{one.zxid:x} with {one.key}: {one}"
        zxid = max(zxid, one.zxid)
        if one.status == "fail" or one.kind == "alive":
            continue
        if one.version < versions.get(one.key, GONE):
            yield f"saw {one.key} in version {versions[one.key]}, then in an older one: {one}"
        versions[one.key] = max(versions.get(one.key, GONE), one.version)


def _ephemeral(operations: Iterable[Operation]) -> Iterator[str]:
    for one in operations:
        if one.kind == "alive" and one.status == "ok" and one.version == GONE:
            yield f"its ephemeral znode {one.key} is gone, and the session is not"


def _written(key: str, operations: Sequence[Operation]) -> Iterator[str]:
    """Say which reads saw what nobody had written yet, or what was refused."""
    sources = {one.value: one for one in operations if one.kind in {"create", "write", "cas"}}
    for one in operations:
        if one.kind in {"peek", "read"} and one.status == "ok" and (what := _baseless(one, sources)):
            yield f"{key}: {what}: {one}"


def _baseless(read: Operation, sources: Mapping[str, Operation]) -> str:
    if read.version == GONE:
        return "the key is gone"
    source = sources.get(read.value)
    if source is None:
        return "a value that nobody wrote"
    if source.status == "fail":
        return "a value of a write that was refused"
    if source.invoked > read.returned:
        return "a value that was written only later"
    if source.status == "ok" and source.version != read.version:
        return f"a value that was written as version {source.version}"
    return ""
