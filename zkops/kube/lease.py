"""One operation at a time on an ensemble: a lock that every operator sees, and that ends when its holder dies.

It is a Lease of Kubernetes' API group coordination.k8s.io with the ensemble's name, see `zkops.kube.lease_record`. API
servers of one Kubernetes may differ in their clocks by less than `DURATION - OVERDUE`: so long before others may take
the lock, its holder no longer trusts it and asks before it goes on.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from zkops.config.cluster import Cluster
from zkops.core import console
from zkops.core.errors import Failed, Refused
from zkops.kube import lease_record as holder
from zkops.kube.client import Kube
from zkops.kube.lease_record import DURATION, Holder
from zkops.manifests.objects import Object

OVERDUE = 20.0
"""Seconds after its last renewal until the holder itself no longer trusts the lock."""
RENEW = 10.0
RETRY = 2.0
"""Seconds between two renewals, and until the next attempt when the API server does not answer."""
ATTEMPTS = 5


def held_by(kube: Kube, cluster: Cluster) -> Holder | None:
    """Give who holds the lock of the ensemble now, None when nobody does."""
    found = holder.holder_of(kube.get(_named(cluster)))
    return found if found and found.blocks(_now(kube)) else None


@contextmanager
def hold(kube: Kube, cluster: Cluster, doing: str) -> Iterator["Held"]:
    """Hold the lock of the ensemble while *doing*, such as `deploy`; it is given up at the end, also on Ctrl-C.

    Raises:
        Refused: another holds it; says who, since when and what to do.
        Failed: the API server does not answer, or a right is missing.
    """
    asked = _clock()
    held = Held(kube, _take(kube, cluster, doing), asked)
    try:
        yield held
    finally:
        held.release()


class Held:
    """A lock that is held, and renewed by a thread until `release`."""

    def __init__(self, kube: Kube, lease: Object, asked: float) -> None:
        """Take over the *lease* as it was stored; *asked* is the `_clock` when its taking was begun."""
        self._kube = kube
        self._lease = lease
        self._asked = asked
        self._taken_by: str | None = None
        self._busy = threading.Lock()
        self._ended = threading.Event()
        threading.Thread(target=self._go_on, name="lease", daemon=True).start()

    def lost(self) -> bool:
        """Whether the lock is known to be somebody else's now."""
        return self._taken_by is not None

    def check(self) -> None:
        """See that the lock is still ours; call it before every step that changes something.

        After a long silence of the API server it is renewed here and now: where nobody took it meanwhile, the work may
        go on.

        Raises:
            Failed: somebody else has it, or the API server still does not answer.
        """
        why = self._overdue() and self._renewed_now()
        if self.lost():
            raise Failed(
                f"the lock was lost to {self._taken_by}; nothing more is done here",
                "wait until that is done, then run the same command again; it goes on from what it finds",
            )
        if self._overdue():
            silent = _clock() - self._asked
            raise Failed(f"the lock could not be renewed for {silent:.0f} s: {why}", "run the same command again")

    def release(self) -> None:
        """Give the lock up; where the API server does not answer, it ends by itself."""
        self._ended.set()
        # A renewal that hangs must not hold up the operator's Ctrl-C.
        if self.lost() or not self._busy.acquire(timeout=RETRY):
            return
        try:
            self._write(holder.freed(self._lease))
        except Failed as error:
            console.warn(f"the lock was not given up, it ends by itself in {DURATION} s: {error.what}")
        finally:
            self._busy.release()

    def _overdue(self) -> bool:
        return _clock() - self._asked > OVERDUE

    def _renewed_now(self) -> str:
        """Renew; give why that failed."""
        try:
            self._renew()
        except Failed as error:
            return error.what
        return "others change it all the time"

    def _go_on(self) -> None:
        pause = RENEW
        while not self._ended.wait(pause) and not self.lost():
            try:
                self._renew()
                pause = RENEW
            except Failed:  # `check` tells it when it lasts
                pause = RETRY

    def _renew(self) -> None:
        with self._busy:
            if self._ended.is_set() or self.lost():
                return
            asked = _clock()
            stored = self._write(holder.renewed(self._lease, _now(self._kube)))
            if stored:
                self._lease, self._asked = stored, asked

    def _write(self, wanted: Object) -> Object | None:
        """Replace the Lease as long as it is ours; None when it is no longer."""
        stored = self._kube.replace(wanted)
        if stored:
            return stored
        # An answer of ours may have been lost on its way, or somebody put a label on it.
        live = self._kube.get(self._lease)
        now, before = holder.holder_of(live), holder.holder_of(self._lease)
        if live and now and before and (now.identity, now.since) == (before.identity, before.since):
            return self._kube.replace(live | {"spec": wanted["spec"]})
        self._taken_by = now.identity if now else "somebody else"
        return None


def _take(kube: Kube, cluster: Cluster, doing: str) -> Object:
    for _ in range(ATTEMPTS):
        live, now = kube.get(_named(cluster)), _now(kube)
        found = holder.holder_of(live)
        if found and found.blocks(now):
            raise Refused(
                f"{cluster.name} is being changed by {found.identity}, since {found.since:%Y-%m-%d %H:%M:%S} UTC",
                "wait until that is done; if that process is dead, its lock ends by itself in"
                f" {max(1, found.left(now)):.0f} s",
            )
        if found:
            console.say(f"taking over the lock of {found.identity}, which ended without giving it up")
        wanted = holder.taken(live or _named(cluster), doing, now)
        stored = kube.replace(wanted) if live else _created(kube, wanted)
        if stored:
            return stored
    raise Failed(f"others take and give up the lock of {cluster.name} all the time", "run the same command again")


def _created(kube: Kube, wanted: Object) -> Object | None:
    """Create the Lease, and the namespace where a first deploy finds none; None when it is to be tried again."""
    try:
        return kube.create(wanted)
    except Failed:
        if kube.get(wanted):  # another was quicker
            return None
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": wanted["metadata"]["namespace"]}}
        if kube.get(namespace):
            raise
        kube.create(namespace)
        return None


def _named(cluster: Cluster) -> Object:
    return holder.ours("coordination.k8s.io/v1", "Lease", cluster.name, cluster)


def _now(kube: Kube) -> datetime:
    return holder.moment(kube.version()[1])


def _clock() -> float:
    """Give seconds that only grow, also while a laptop sleeps: `time.monotonic` stands still then."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
