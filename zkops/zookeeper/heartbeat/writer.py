"""The thread of a heartbeat: writes to its slots, one after the other, each write as often as it takes.

What it measures is meant to be the ensemble's doing and not the client's: a server that closes or is silent is left
for the next one at once, and there are no growing pauses between tries.
"""

import contextlib
import threading
import time
import uuid
from array import array

from kazoo import exceptions
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.states import KazooState

from zkops.core.errors import Failed
from zkops.zookeeper import client as session
from zkops.zookeeper.heartbeat import znodes as slots
from zkops.zookeeper.heartbeat.result import Mark, Record
from zkops.zookeeper.heartbeat.znodes import Slot

SESSION_SECONDS = 6.0
BEGIN_SECONDS = 15.0
PATIENCE_SECONDS = 1.0
"""For one answer, or to connect; then the next server is tried."""
PAUSE_SECONDS = 0.01
"""Between an acknowledged write and the next one."""

_LOST = (
    exceptions.ConnectionLoss,
    exceptions.SessionExpiredError,
    exceptions.SessionMovedError,
    exceptions.OperationTimeoutError,
    exceptions.RequestTimeoutError,
)


class Writer(threading.Thread):
    """Writes until it is stopped, and keeps the times."""

    def __init__(self, servers: str, password: str) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.slots: list[Slot] = []
        self.expired = 0
        self.damage: list[str] = []
        self.longest = 0.0
        self._acknowledged, self._took = array("d"), array("d")
        self._ending = threading.Event()
        self._ended = 0.0
        self._first = threading.Event()
        self._root = ""
        self._owner = 0
        self._live = threading.Event()
        self._zookeeper = session.client(servers, SESSION_SECONDS, password=password, steady=True)
        self._zookeeper.add_listener(self._changed)

    def begin(self, name: str) -> None:
        """Open the session, make the znodes, have the first write acknowledged, and write on.

        Raises:
            Failed: that does not come about; *name* is the ensemble's, for people.
        """
        deadline = time.monotonic() + BEGIN_SECONDS
        self._live = self._zookeeper.start_async()
        while not self.slots and time.monotonic() < deadline:
            try:
                self._prepare()
            except (*_LOST, KazooTimeoutError):
                self._zookeeper.handler.drop(PATIENCE_SECONDS)
            except exceptions.KazooException as error:
                raise Failed(
                    f"heartbeat: znodes below / cannot be made: {type(error).__name__}",
                    "let its access list allow that, or see `invoke logs`",
                ) from error
        if self.slots:
            self.start()
        if not self.slots or not self._first.wait(BEGIN_SECONDS):
            raise Failed(
                f"heartbeat: {name} lets nobody write within {BEGIN_SECONDS:.0f} s: it does not run or has no quorum",
                "see `invoke status`",
            )

    def _prepare(self) -> None:
        self._await_connection()
        # A root of its own for each try: the one before may have been made although the answer was lost.
        self._root = f"/{slots.PREFIX}{uuid.uuid4().hex}"
        made = slots.make(self._zookeeper, self._root)
        slots.remove_left_over(self._zookeeper, self._root)
        self.slots = made

    def run(self) -> None:
        """Write to one slot after the other."""
        number = 0
        while not self._ending.wait(PAUSE_SECONDS):
            self._write(self.slots[number % len(self.slots)], number + 1)
            number += 1

    def stop(self) -> None:
        """Stop writing; what is on its way then stays unacknowledged."""
        if not self._ending.is_set():
            self._ending.set()
            if self.is_alive():
                self.join()
                with contextlib.suppress(exceptions.KazooException, KazooTimeoutError):
                    self._check_life()
            self._ended = time.monotonic()

    def end(self) -> None:
        """Stop, delete the znodes and end the session, as far as a server answers."""
        self.stop()
        if self._live.is_set() and self.slots:
            with contextlib.suppress(exceptions.KazooException, KazooTimeoutError):
                slots.remove(self._zookeeper, self._root, PATIENCE_SECONDS)
        session.close(self._zookeeper)

    def gap_now(self) -> float:
        """Give the seconds since the last acknowledged write."""
        return (self._ended or time.monotonic()) - self._acknowledged[-1]

    def record(self, marks: list[Mark]) -> Record:
        """Give the times until now."""
        took = self._took.tolist()  # is appended to after the other one
        return Record(
            acknowledged=self._acknowledged.tolist()[: len(took)],
            took=took,
            marks=tuple(marks),
            ended=self._ended or time.monotonic(),
            offset=time.time() - time.monotonic(),
        )

    def _write(self, slot: Slot, number: int) -> None:
        """Write *number*, as often as it takes."""
        begun, again = time.monotonic(), False
        slot.pending = number
        while not self._attempt(slot, again=again):
            again = True
            if self._ending.is_set():
                return
        now = time.monotonic()
        slot.number, slot.version, slot.pending = number, slot.version + 1, -1
        if self._acknowledged:
            self.longest = max(self.longest, now - self._acknowledged[-1])
        self._acknowledged.append(now)
        self._took.append(now - begun)
        self._first.set()

    def _attempt(self, slot: Slot, *, again: bool) -> bool:
        """Try to write the pending number once; give whether it is there now."""
        try:
            self._await_connection()
            self._show_life()
            return (again and self._is_there(slot)) or self._set(slot)
        except KazooTimeoutError:
            self._zookeeper.handler.drop(PATIENCE_SECONDS)  # a younger one may be about to answer
        except _LOST:
            pass  # the next try waits for the next connection
        except exceptions.KazooException as error:
            self._hurt(f"{slot.path}: {type(error).__name__} {error}".rstrip())
            self._ending.wait(PATIENCE_SECONDS)
        return False

    def _await_connection(self) -> None:
        if not self._live.wait(PATIENCE_SECONDS):
            raise KazooTimeoutError("no server opens a session")

    def _is_there(self, slot: Slot) -> bool:
        return slots.read(self._zookeeper, slot, PATIENCE_SECONDS) == (slot.pending, slot.version + 1)

    def _set(self, slot: Slot) -> bool:
        data = str(slot.pending).encode()
        try:
            self._zookeeper.set_async(slot.path, data, version=slot.version).get(timeout=PATIENCE_SECONDS)
        except (exceptions.BadVersionError, exceptions.NoNodeError):
            if self._is_there(slot):
                return True
            self._adopt(slot)
            return False
        return True

    def _adopt(self, slot: Slot) -> None:
        """Note what was lost, and go on from what is there."""
        number, version = slots.read(self._zookeeper, slot, PATIENCE_SECONDS)
        if version < 0:
            self._zookeeper.create_async(slot.path, b"0").get(timeout=PATIENCE_SECONDS)
        self._hurt(slot.told(number, version))
        slot.version = max(version, 0)

    def _hurt(self, text: str) -> None:
        if text not in self.damage[-len(self.slots) :]:
            self.damage.append(text)

    def _show_life(self) -> None:
        """Have the ephemeral znode of this session."""
        owner = (self._zookeeper.client_id or (0,))[0]
        if owner and owner != self._owner:
            with contextlib.suppress(exceptions.NodeExistsError):  # made by a try whose answer was lost
                self._zookeeper.create_async(self._alive, ephemeral=True).get(timeout=PATIENCE_SECONDS)
            self._owner = owner

    def _check_life(self) -> None:
        """Note when the ephemeral znode is gone although its session is not."""
        stat = self._zookeeper.exists_async(self._alive).get(timeout=PATIENCE_SECONDS)
        session_now = (self._zookeeper.client_id or (0,))[0]
        if session_now == self._owner and (stat is None or stat.ephemeralOwner != self._owner):
            self._hurt(f"{self._alive} is gone, though its session lives")

    @property
    def _alive(self) -> str:
        return f"{self._root}/alive"

    def _changed(self, state: str) -> None:
        if state == KazooState.LOST and not self._ending.is_set():
            self.expired += 1
