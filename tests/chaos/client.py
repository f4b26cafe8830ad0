"""One client that writes, compares and reads all along in one session, and notes what it did and what came of it."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import BadVersionError, KazooException, NodeExistsError, NoNodeError
from kazoo.retry import KazooRetry

from tests.support.linearizability.history import GONE, Kind, Operation
from zkops.zookeeper.client import Handler, close

ROOT = "/chaos"
PACE = 0.033
"""Seconds, in the mean, between two operations of a client."""

SLOTS, LIFETIME = 8, 5.0
"""How many keys are in use at a time, and for how many seconds each: short histories are cheap to check."""

SESSION = 10.0
"""Seconds of a session's timeout."""

MIX: Sequence[Kind] = ("write",) * 6 + ("cas",) * 6 + ("read",) * 5 + ("peek",) * 3 + ("alive",)

Clock = Callable[[], float]


class Keys:
    """The keys in use. Whoever finds one too old makes its follower; the others go on with the old one meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._slots: list[tuple[str, float]] = [("", -LIFETIME)] * SLOTS
        self._locks = [threading.Lock() for _ in range(SLOTS)]
        self.versions: dict[str, int] = {}
        """The version of each key that somebody saw last: what a `cas` expects, mostly rightly."""

    def pick(self, client: "Client") -> str:
        """Give a key to use; empty when there is none yet."""
        number = client.random.randrange(SLOTS)
        key, born = self._slots[number]
        if self._clock() - born > LIFETIME and self._locks[number].acquire(blocking=False):
            try:
                key = self._followed(number, key, client)
            finally:
                self._locks[number].release()
        return key

    def _followed(self, number: int, key: str, client: "Client") -> str:
        self._count += 1  # only ever under one of the locks; a number taken twice would be refused by the server
        made = f"{ROOT}/keys/{number}-{self._count}-{client.name}"
        if not client.create(made):
            return key
        self._slots[number] = (made, self._clock())
        return made


class Client(threading.Thread):
    """One client. It does one operation after the other while *going* is set."""

    def __init__(self, name: str, keys: Keys, going: threading.Event, clock: Clock) -> None:
        super().__init__(name=name, daemon=True)
        self.random = random.Random(name)  # noqa: S311 - no secret
        self.history: list[Operation] = []
        self.expired: dict[str, float] = {}
        """Session that the servers ended → when the client learnt of it."""
        self.idle = threading.Event()
        self._keys, self._going, self._clock = keys, going, clock
        self._ended = threading.Event()
        self._alive, self._count = "", 0
        self._kazoo: Any = None

    def connect(self, hosts: str) -> None:
        """Begin a session and the thread."""
        retry = KazooRetry(max_tries=-1, delay=0.05, backoff=1.5, max_delay=0.5)
        # kazoo's own handler would try to reach a machine that is off for as long as the session may last.
        self._kazoo = KazooClient(hosts=hosts, timeout=SESSION, connection_retry=retry, handler=Handler())
        self._kazoo.add_listener(self._changed)
        self._kazoo.start(timeout=60)
        self.start()

    def hosts(self, hosts: str) -> None:
        """Tell where to connect to from the next time on."""
        self._kazoo.set_hosts(hosts)

    @property
    def session(self) -> str:
        """The id of the session, empty while there is none."""
        found = self._kazoo.client_id
        return f"0x{found[0]:x}" if found and found[0] else ""

    def run(self) -> None:
        """Work until told to end."""
        while not self._ended.is_set():
            if not self._going.is_set():
                self.idle.set()
                self._going.wait(0.2)
                continue
            self.idle.clear()
            self._step()
            time.sleep(PACE * self.random.uniform(0.5, 1.5))  # the pace of the load, no wait for anything

    def end(self) -> None:
        """Stop, and end the session."""
        self._ended.set()
        self.join(timeout=SESSION)
        close(self._kazoo)

    def create(self, key: str) -> bool:
        """Make a key; where no answer comes nobody ever uses it."""
        value = f"{key}=made"
        begin = self._clock()
        try:
            self._kazoo.create(key, value.encode(), makepath=False)
        except (KazooException, OSError):
            return False
        self._note(key, "create", begin, self.session, version=0, value=value)
        return True

    def _changed(self, state: str) -> None:
        if state == KazooState.LOST and not self._ended.is_set():
            self.expired[self.session or self._alive] = self._clock()

    def _step(self) -> None:
        session = self.session
        if session != self._alive and not self._be_alive(session):
            return
        key, kind = self._keys.pick(self), self.random.choice(MIX)
        if not key:
            return
        self._count += 1
        if kind == "alive":
            self._look(f"{ROOT}/alive/{session}", session)
        elif kind in {"read", "peek"}:
            self._read(key, kind, session)
        else:
            self._write(key, kind, session)

    def _be_alive(self, session: str) -> bool:
        """Make the session's ephemeral znode."""
        try:
            self._kazoo.create(f"{ROOT}/alive/{session}", ephemeral=True)
        except NodeExistsError:  # made by a try that had no answer
            pass
        except (KazooException, OSError):
            return False
        if not session or session != self.session:
            return False
        self._alive = session
        return True

    def _look(self, path: str, session: str) -> None:
        begin = self._clock()
        try:
            version = GONE if self._kazoo.exists(path) is None else 0
        except (KazooException, OSError):
            return
        if session == self.session:
            self._note(path, "alive", begin, session, version=version)

    def _read(self, key: str, kind: Kind, session: str) -> None:
        begin = self._clock()
        try:
            if kind == "read":
                self._kazoo.set(f"{ROOT}/marks/{self.name}", b"")
            data, stat = self._kazoo.get(key)
            version, value = stat.version, data.decode()
        except NoNodeError:
            version, value = GONE, ""
        except (KazooException, OSError):
            return  # a read without an answer says nothing
        # A read by another session than the one that wrote before it may be stale.
        kind = kind if session == self.session else "peek"
        self._note(key, kind, begin, session, version=version, value=value)

    def _write(self, key: str, kind: Kind, session: str) -> None:
        expected = self._keys.versions.get(key, 0) if kind == "cas" else GONE
        value, begin = f"{key}={self.name}.{self._count}", self._clock()
        given: dict[str, Any] = {"value": value, "expected": expected}
        try:
            version = self._kazoo.set(key, value.encode(), version=expected).version
            self._note(key, kind, begin, session, version=version, **given)
        except BadVersionError:
            self._note(key, kind, begin, session, status="fail", **given)
            self._keys.versions[key] = expected + 1
        except NoNodeError:
            self._note(key, kind, begin, session, version=GONE, **given)
        except (KazooException, OSError) as error:
            given["error"] = type(error).__name__
            self.history.append(Operation(key=key, kind=kind, session=session, invoked=begin, **given))

    def _note(self, key: str, kind: Kind, begin: float, session: str, **given: Any) -> None:
        """Note an operation that was answered.

        An answer that came as the session changed counts as a session of its own: its order is not known.
        """
        end, zxid = self._clock(), self._kazoo.last_zxid
        known = bool(session) and session == self.session
        own = session if known else f"{self.name}.{self._count}"
        given = {"status": "ok", **given}
        self.history.append(Operation(key=key, kind=kind, session=own, invoked=begin, returned=end, zxid=zxid, **given))
        if given.get("version", GONE) >= 0 and kind != "alive":
            self._keys.versions[key] = max(self._keys.versions.get(key, 0), given["version"])
