"""One member's readings → its vital signs: how it is now, how fast it goes, how far it is behind the leader; pure.

All times are of this machine's monotonic clock: no two machines' clocks are compared.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from zkops.ensemble.observed import Member, pod_trouble
from zkops.ensemble.summary import short
from zkops.status.sample import Figures, Reading

LAGGING_SECONDS = 2.0
"""Surely behind the leader by so much is called lagging."""
LAGGING_TRANSACTIONS = 1000
"""The same of a member that was behind from the first reading on, so that nobody can tell for how long."""
STALE_SECONDS = 4.0
"""A member that has not answered for so long is silent; with long intervals it is three of them."""
RECENT_SECONDS = 10.0
"""The fsync times of so long make up their mean."""

History = tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class Lag:
    """How far a member is behind the leader."""

    transactions: int
    ms: float
    """How long ago the leader was where the member was: see `Track.lag`."""
    at_least: bool = False
    """Whether it was behind from the first reading on: then *ms* is how long that is ago, and it is more."""
    lagging: bool = False
    """Whether it is surely behind by much."""


@dataclass(frozen=True)
class Track:
    """How the leader went on: when it was asked, and how many transactions of its epoch it had then."""

    epoch: int = 0
    times: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    def lag(self, at: float, zxid: int) -> Lag | None:
        """Tell how far one is behind who had *zxid* when it was asked; None where that cannot be told.

        The leader is asked from time to time, and its transactions are taken as made evenly in between: milliseconds
        are right to one interval.
        """
        if not self.times or zxid >> 32 > self.epoch:
            return None
        had = zxid & 0xFFFFFFFF if zxid >> 32 == self.epoch else 0
        behind = self._count(at) - had
        passed = bisect_right(self.counts, had)
        if behind <= 0 or passed == len(self.counts):
            return Lag(transactions=0, ms=0.0)
        sure = at - self.times[passed]
        since = self._reached(had, passed) if passed else self.times[0]
        much = sure >= LAGGING_SECONDS or (not passed and behind >= LAGGING_TRANSACTIONS)
        return Lag(transactions=behind, ms=max(0.0, at - since) * 1000, at_least=not passed, lagging=much)

    def _reached(self, count: int, passed: int) -> float:
        """Give when the leader had so many, between the reading before it had more and the one after."""
        (t0, t1), (c0, c1) = self.times[passed - 1 : passed + 1], self.counts[passed - 1 : passed + 1]
        return t0 + (t1 - t0) * (count - c0) / (c1 - c0)

    def _count(self, at: float) -> int:
        """Give how many it had at a time, as far as it was asked by then."""
        after = bisect_right(self.times, at)
        if after in {0, len(self.times)}:
            return self.counts[0 if after == 0 else -1]
        (t0, t1), (c0, c1) = self.times[after - 1 : after + 1], self.counts[after - 1 : after + 1]
        return int(c0 + (c1 - c0) * (at - t0) / (t1 - t0))

    def rates(self) -> History:
        """Give transactions per second between any two readings."""
        return per_second(list(zip(self.times, self.counts, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """One member as it is now; None is what is not known."""

    id: int
    node: str
    role: str | None
    """leader, follower, observer or standalone, of a member that serves."""
    state: str
    """One of the words of `_state`."""
    words: str
    """What is to be said about it in a sentence, empty where all is well."""
    epoch: int | None
    zxid: int | None
    lag: Lag | None
    figures: Figures
    fsync_mean_ms: float | None
    """Of the last ten seconds."""
    requests: float | None
    """Per second, since the reading before."""
    requests_history: History
    connections_history: History
    restarts: int | None
    image: str | None
    config: str | None
    version: str | None
    votes: bool
    """Whether it is described as one who votes."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When readings are looked at, and how."""

    now: float
    """Seconds of the monotonic clock."""
    interval: float
    """Seconds from one reading to the next."""
    track: Track = Track()
    kubernetes: bool = True
    """Whether Kubernetes told of the machines and pods."""

    def fresh(self, reading: Reading) -> bool:
        """Whether a reading tells of the present."""
        return self.now - reading.at < max(STALE_SECONDS, 3 * self.interval)


def vitals(member: Member, readings: Sequence[Reading], moment: Moment) -> Vitals:
    """Put together what is known of a member; *readings* are in the order of their times."""
    last = present(readings, moment)
    server, told = (last.server, last.figures) if last else (None, Figures())
    zxid = server.zxid if server else None
    lag = moment.track.lag(last.at, zxid) if last and zxid is not None else None
    # Each reading of ours is a request, too: without it an idle member has none.
    rates = per_second([(reading.at, reading.figures.requests) for reading in readings], ours=1)
    state = _state(member, readings, last, lag, moment)
    return Vitals(
        id=member.machine.id,
        node=member.machine.hostname,
        role=server.mode if server and server.serving else None,
        state=state,
        words=_words(member, readings, lag, state, moment),
        epoch=zxid >> 32 if zxid else None,
        zxid=zxid,
        lag=lag,
        figures=told,
        fsync_mean_ms=_fsync(readings) if last else None,
        requests=rates[-1] if last and rates else None,
        requests_history=rates,
        connections_history=tuple(reading.figures.connections for reading in readings),
        restarts=member.crashes if member.pod else None,
        image=short(member.image) or None,
        config=member.config or None,
        version=server.version if server else None,
        votes=member.machine.role == "participant",
    )


def present(readings: Sequence[Reading], moment: Moment) -> Reading | None:
    """Give the newest reading that tells how the server is now; None where it is silent, or there is none."""
    if not readings or readings[-1].refused:
        return None
    last = next((reading for reading in reversed(readings) if reading.server), None)
    return last if last and moment.fresh(last) else None


def per_second(points: Sequence[tuple[float, float | None]], *, ours: int = 0) -> History:
    """Give how fast a count grew between points, less *ours* at each; None where it is not known or began anew."""
    return tuple(_rate(former, latter, ours) for former, latter in pairwise(points))


def _rate(former: tuple[float, float | None], latter: tuple[float, float | None], ours: int) -> float | None:
    (t0, c0), (t1, c1) = former, latter
    if c0 is None or c1 is None or c1 < c0 or t1 <= t0:
        return None
    rate = max(0.0, c1 - c0 - ours) / (t1 - t0)
    return rate if math.isfinite(rate) else None


def _fsync(readings: Sequence[Reading]) -> float | None:
    recent = [reading.figures for reading in readings if reading.at >= readings[-1].at - RECENT_SECONDS]
    told = [(f.fsync_sum_ms, f.fsync_count) for f in recent if f.fsync_sum_ms is not None and f.fsync_count is not None]
    if len(told) < 2:
        return None
    took, times = told[-1][0] - told[0][0], told[-1][1] - told[0][1]
    return took / times if times > 0 and took >= 0 else None


def _state(member: Member, readings: Sequence[Reading], last: Reading | None, lag: Lag | None, moment: Moment) -> str:
    if not last or not last.server:
        return _absence(member, readings, moment)
    if last.server.serving:
        return "lagging" if lag and lag.lagging else "serving"
    told = last.figures.state
    return told if told in {"starting", "stopping", "read-only"} else last.server.mode or "looking"


def _absence(member: Member, readings: Sequence[Reading], moment: Moment) -> str:
    """Tell what became of one that does not answer: the nearest cause first that is known."""
    refused = bool(readings) and readings[-1].refused
    causes = {
        "starting": bool(readings) and readings[-1].figures.state == "starting",
        "drained": member.drained,
        "lost": moment.kubernetes and not member.node_ready,
        "no pod": moment.kubernetes and not member.pod,
        "down": refused or bool(member.pod and pod_trouble(member.pod)),
        "silent": bool(readings),
    }
    return next((state for state, found in causes.items() if found), "asked")


def _words(member: Member, readings: Sequence[Reading], lag: Lag | None, state: str, moment: Moment) -> str:
    host, trouble = member.machine.hostname, readings[-1].trouble if readings else ""
    since = _since(readings, moment)
    unready = moment.kubernetes and not member.node_ready
    said: dict[str, Callable[[], str]] = {
        "serving": lambda: "it serves, yet Kubernetes says that its node is not ready" if unready else trouble,
        "lagging": lambda: f"it is {lag.transactions} transactions behind the leader" if lag else "",
        "lost": lambda: f"its node is lost: not ready for Kubernetes, and it does not answer{since}",
        "drained": lambda: f"taken out for maintenance; `invoke undrain --node={host}` brings it back",
        "no pod": lambda: "there is no pod on its node; see `invoke plan`",
        "down": lambda: (pod_trouble(member.pod) if member.pod else "") or "nothing listens on its client port",
        "silent": lambda: f"it does not answer{since}" + (f": {trouble}" if trouble else ""),
        "looking": lambda: "it looks for a leader, or is not in sync with one yet",
        "read-only": lambda: "it sees no quorum, and answers reads of clients that allow for it",
    }
    return said.get(state, str)()


def _since(readings: Sequence[Reading], moment: Moment) -> str:
    last = next((reading.at for reading in reversed(readings) if reading.server), None)
    return f", for {moment.now - last:.0f} s now" if last is not None else ""
