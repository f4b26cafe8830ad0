"""What clients did and what came of it: the operations of a history, and the file they are kept in; pure."""

import gzip
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

Kind = Literal["create", "write", "cas", "read", "peek", "alive"]
"""`create` makes a key before anybody uses it. `write` and `cas` set it, in any version or in the one expected. `read`
is a quorum read: a write by the same session comes first. `peek` is a plain read, which may be stale. `alive` asks
whether the session's own ephemeral znode is there."""

Status = Literal["ok", "fail", "unknown"]
"""`fail`: the server refused it, so that it did not happen. `unknown`: no answer came, so that it may have happened,
may happen at any later time, or never."""

GONE = -1
"""The version of a key that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of one client, which does one after the other. Times are in seconds of one monotonic clock."""

    key: str
    kind: Kind
    session: str
    """Session id, or of a reading back the member that was read."""
    invoked: float
    returned: float = math.inf
    status: Status = "unknown"
    value: str = ""
    """The value that was written or read; no two writes of a history write the same."""
    expected: int = GONE
    """The version that a `cas` expected."""
    version: int = GONE
    """The version that a successful operation made or saw."""
    zxid: int = 0
    """The last zxid that the session had seen when the answer was there."""
    error: str = ""

    @property
    def changes(self) -> bool:
        """Whether the key has another value where this happened."""
        return self.kind in {"write", "cas"}

    @property
    def acknowledged(self) -> bool:
        """Whether a change was made and the client knows of it."""
        return self.changes and self.status == "ok"

    def __str__(self) -> str:
        wanted = f" expecting version {self.expected}" if self.kind == "cas" else ""
        seen = f" version {self.version}" if self.status == "ok" else ""
        span = f"{self.invoked:.3f} to {self.returned:.3f} s"
        return f"{self.kind} {self.value or 'nothing'}{wanted}: {self.status}{seen}, {span}, session {self.session}"


_NAMES = tuple(field.name for field in fields(Operation))


def by_key(history: Iterable[Operation]) -> Mapping[str, list[Operation]]:
    """Give each key's operations, in the order of the history."""
    found: dict[str, list[Operation]] = {}
    for operation in history:
        found.setdefault(operation.key, []).append(operation)
    return found


def by_session(history: Iterable[Operation]) -> Mapping[str, list[Operation]]:
    """Give each session's operations in the order it did them."""
    found: dict[str, list[Operation]] = {}
    for operation in sorted(history, key=lambda operation: operation.invoked):
        found.setdefault(operation.session, []).append(operation)
    return found


def save(history: Iterable[Operation], file: Path) -> None:
    """Write a history, gzipped, an operation a line."""
    with gzip.open(file, "wt", encoding="utf-8") as out:
        for operation in history:
            out.write(json.dumps([getattr(operation, name) for name in _NAMES]) + "\n")


def load(file: Path) -> Iterator[Operation]:
    """Read what `save` wrote."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield Operation(**dict(zip(_NAMES, json.loads(line), strict=True)))
