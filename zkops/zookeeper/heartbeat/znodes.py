"""The znodes that a heartbeat writes to, so that each acknowledged write can be told from what they hold afterwards.

They take turns; each holds the number of its last write, and ZooKeeper counts its writes as its version. Every write
names the version it expects: it is done once or not at all, also when it is sent twice because an answer was lost.
"""

import contextlib
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kazoo import exceptions
from kazoo.handlers.threading import KazooTimeoutError

from zkops.core.errors import ZkopsError
from zkops.zookeeper import client as session

PREFIX = "zkops-heartbeat-"
COUNT = 64
OLD_SECONDS = 3600.0
ANSWER_SECONDS = 10.0
VERIFY_SECONDS = 10.0


@dataclass
class Slot:
    """One znode: the last number that was acknowledged there, and its version."""

    path: str
    number: int = 0
    version: int = 0
    pending: int = -1
    """A number that was sent and not acknowledged: it may be there or not."""

    def holds(self, number: int, version: int) -> bool:
        """Whether what was read is what must be there."""
        return (number, version) in {(self.number, self.version), (self.pending, self.version + 1)}

    def told(self, number: int, version: int) -> str:
        """Say in which way what was read is not what was acknowledged."""
        if version < 0:
            return f"{self.path} is gone, write {self.number} with it"
        return (
            f"{self.path} holds write {number}, version {version}; acknowledged was write {self.number}, {self.version}"
        )


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What reading all slots back from one member came to."""

    member: str
    wrong: tuple[str, ...] = ()
    """What is not as it was acknowledged, in sentences."""
    silent: str = ""
    """Why the member could not be asked, empty where it was."""


def make(zookeeper: Any, root: str) -> list[Slot]:
    """Make the znodes below *root*, in one step."""
    slots = [Slot(f"{root}/{index:02}") for index in range(COUNT)]
    step = zookeeper.transaction()
    step.create(root)
    for slot in slots:
        step.create(slot.path, b"0")
    for result in step.commit_async().get(timeout=ANSWER_SECONDS):
        if isinstance(result, Exception):
            raise result
    return slots


def read(zookeeper: Any, slot: Slot, timeout: float = ANSWER_SECONDS) -> tuple[int, int]:
    """Give the number that a slot holds and its version; (-1, -1) where it is gone."""
    try:
        data, stat = zookeeper.get_async(slot.path).get(timeout=timeout)
    except exceptions.NoNodeError:
        return -1, -1
    return (int(data) if data.isdigit() else -1), int(stat.version)


def read_back(members: Mapping[str, str], slots: Sequence[Slot]) -> tuple[Reading, ...]:
    """Read all slots back from every one of *members*, name → HOST:PORT, by a session with each."""

    def check(name: str) -> Reading:
        try:
            return Reading(member=name, wrong=_wrong(name, members[name], slots))
        except ZkopsError as error:
            return Reading(member=name, silent=error.what)
        except (exceptions.KazooException, KazooTimeoutError) as error:
            return Reading(member=name, silent=f"{name}: {type(error).__name__}")

    with ThreadPoolExecutor(max_workers=8) as pool:
        return tuple(pool.map(check, members))


def _wrong(name: str, server: str, slots: Sequence[Slot]) -> tuple[str, ...]:
    with session.opened(server, name, timeout=VERIFY_SECONDS, within=VERIFY_SECONDS) as zookeeper:
        # What this member knows may be old; after a sync it is not.
        zookeeper.sync_async(slots[0].path).get(timeout=ANSWER_SECONDS)
        found = [(slot, read(zookeeper, slot)) for slot in slots]
    return tuple(f"{name}: {slot.told(*held)}" for slot, held in found if not slot.holds(*held))


def remove(zookeeper: Any, root: str, timeout: float = ANSWER_SECONDS) -> None:
    """Delete *root* with all below it."""
    children = zookeeper.get_children_async(root).get(timeout=timeout)
    pending = [zookeeper.delete_async(f"{root}/{child}") for child in children] + [zookeeper.delete_async(root)]
    for answer in pending:
        with contextlib.suppress(exceptions.NoNodeError):
            answer.get(timeout=timeout)


def remove_left_over(zookeeper: Any, mine: str) -> None:
    """Delete what killed heartbeats left: a living one has written within the last hour, by the servers' clock."""
    now = _last_written(zookeeper, mine)
    for name in zookeeper.get_children_async("/").get(timeout=ANSWER_SECONDS):
        if name.startswith(PREFIX) and _last_written(zookeeper, f"/{name}") < now - OLD_SECONDS:
            with contextlib.suppress(exceptions.NoNodeError, exceptions.NotEmptyError):
                remove(zookeeper, f"/{name}")


def _last_written(zookeeper: Any, root: str) -> float:
    """Give when a heartbeat last wrote to its first slot, or made its root: seconds since 1970."""
    for path in (f"{root}/00", root):
        stat = zookeeper.exists_async(path).get(timeout=ANSWER_SECONDS)
        if stat:
            return float(stat.mtime) / 1000
    return math.inf  # removed meanwhile: there is nothing left
