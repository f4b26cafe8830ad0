"""What `srvr` of all members, asked several times a second, says of leaders and of members that are down; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

Hosts = frozenset[str]
Spans = Sequence[tuple[float, float]]
"""Begins and ends, by the monotonic clock."""

SETTLE = 8.0
"""Seconds after the begin of a fault in which the tool may not yet have seen it when it took a member down."""

HANDOVER = 2.5
"""Seconds without anybody serving that the tool may cause. The goal is 0.5; on a busy machine looks are up to 1 s
apart."""

RECOVERY = 5.0
"""Seconds after a stall of the machine's disk in which members may still look for one another."""

STEADY = 2
"""Times in a row that an answer must be missing: on a busy machine a single one comes late."""


class Answer(NamedTuple):
    """What one member said. A member that answers without a mode is up and looks for a quorum."""

    up: bool
    mode: str = ""
    epoch: int = 0


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at all voting members, at a time of the monotonic clock."""

    time: float
    answers: Mapping[str, Answer]

    @property
    def down(self) -> Hosts:
        """Members that did not answer."""
        return frozenset(host for host, answer in self.answers.items() if not answer.up)

    @property
    def idle(self) -> Hosts:
        """Members that do not serve."""
        return frozenset(host for host, answer in self.answers.items() if not answer.mode)


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """A span of the monotonic clock in which a fault was on."""

    begin: float
    end: float
    victims: Hosts
    """Members that the fault itself may take down, or out of the quorum."""
    silent: bool = False
    """Whether the fault may end sessions: whoever is cut off for long enough loses them."""


def leaders(looks: Iterable[Look]) -> list[str]:
    """Say in which epochs two members led."""
    seen: dict[int, dict[str, int]] = {}
    for look in looks:
        for host, answer in look.answers.items():
            if answer.mode == "leader":
                times = seen.setdefault(answer.epoch, {})
                times[host] = times.get(host, 0) + 1
    # For an instant at its beginning a leader still says the epoch before its own.
    sure = {epoch: sorted(host for host, count in times.items() if count >= STEADY) for epoch, times in seen.items()}
    return [f"{' and '.join(hosts)} both led in epoch {epoch}" for epoch, hosts in sure.items() if len(hosts) > 1]


def steadily_down(looks: Sequence[Look]) -> list[tuple[float, Hosts]]:
    """Give for each look its time, and who was down in it and in the looks before and after that make it sure."""
    found = []
    for number, look in enumerate(looks):
        spans = [looks[at : at + STEADY] for at in range(max(0, number - STEADY + 1), number + 1)]
        sure = [frozenset.intersection(*(one.down for one in span)) for span in spans if len(span) == STEADY]
        found.append((look.time, frozenset[str]().union(*sure)))
    return found


def two_down(looks: Sequence[Look], faults: Sequence[Disturbance]) -> list[str]:
    """Say when two members were down at once, or a quorum was lost, and no fault explains it.

    Without a fault that hurts members two at once are never right. Beside such a fault the tool must not take a member
    down where that loses the majority, once it had the time to see the fault.
    """
    found: dict[Hosts, str] = {}
    since: dict[str, float] = {}
    for (time, down), look in zip(steadily_down(looks), looks, strict=True):
        since = {host: since.get(host, time) for host in down}
        active = [fault for fault in faults if fault.victims and fault.begin <= time <= fault.end]
        if not active and len(down) > 1:
            found.setdefault(down, f"{_named(down)} were down at once at {time:.1f} s, and no fault was on")
        hurt = frozenset[str]().union(*(fault.victims for fault in active)) & look.idle
        began = min((fault.begin for fault in active), default=time)
        taken = frozenset(host for host in down - hurt if since[host] > began + SETTLE)
        lacking = down | hurt
        if taken and len(look.answers) - len(lacking) <= len(look.answers) // 2:
            what = f"{_named(taken)} went down at {time:.1f} s beside {_named(lacking - taken)}: a quorum was lost"
            found.setdefault(taken, what)
    return list(found.values())


def unserved(looks: Sequence[Look], faults: Sequence[Disturbance], stalls: Spans = ()) -> list[str]:
    """Say when nobody served for longer than `HANDOVER`, and no fault that hurts members explains it.

    Nor one of the *stalls* of the one disk that all members write to: an ensemble none of whose members
    can write serves nobody.
    """
    hurting = [(fault.begin, fault.end) for fault in faults if fault.victims]
    hurting += [(begin, end + RECOVERY) for begin, end in stalls]
    found, served = [], looks[0].time if looks else 0.0
    for look in looks:
        explained = any(begin <= look.time <= end for begin, end in hurting)
        if explained or any(answer.mode for answer in look.answers.values()):
            if not explained and look.time - served > HANDOVER:
                found.append(
                    f"nobody served for {look.time - served:.1f} s until {look.time:.1f} s, and no fault was on"
                )
            served = look.time
    return found


def expiries(expired: Mapping[str, float], faults: Sequence[Disturbance]) -> list[str]:
    """Say which sessions ended, by the time their client learnt of it, and no fault explains it."""
    silent = [fault for fault in faults if fault.silent]
    return [
        f"session {session} expired at {time:.1f} s, and no fault explains it"
        for session, time in expired.items()
        if not any(fault.begin <= time <= fault.end for fault in silent)
    ]


def longest_gap(times: Iterable[float], begin: float, end: float) -> float:
    """Give the longest time between *begin* and *end*, in seconds, without one of *times*."""
    inside = [begin, *sorted(time for time in times if begin <= time <= end), end]
    return max(after - before for before, after in pairwise(inside))


def _named(hosts: Iterable[str]) -> str:
    return " and ".join(sorted(hosts)) or "nobody"
