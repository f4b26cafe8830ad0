"""The checks of `invoke doctor` that look at one machine from inside, pure: what it says → findings."""

from collections.abc import Iterator

from zkops.config.cluster import Cluster
from zkops.config.types import memory_bytes
from zkops.doctor.checks import Finding, Node, skipped
from zkops.doctor.node_probe import Look, Place, Trouble

GIB = 1024**3
DISK_FAILED = 1 * GIB
"""Less free than this: some transaction logs of 64 MiB and snapshots, then the member stops."""
DISK_WARNING = 5 * GIB
DISK_SHARE = 0.10
"""The kubelet evicts pods, this one too, when less than 10 % of its disk is free."""
SKEW_WARNING = 2.0
SKEW_FAILED = 60.0
"""Seconds from which certificates and tokens just issued are refused as not valid yet."""

OWNER = "1000:1000"
"""The member's user, as the image and the DaemonSet have it."""


INSIDE = "ports, disk, clock"


def unseen(where: str, why: Trouble) -> Iterator[Finding]:
    """Tell that a machine could not be looked at from inside, and which checks are left out for it."""
    if why.tried:
        yield Finding(check="look inside", where=where, state="failed", what=why.what, mend=why.mend)
        yield skipped(INSIDE, where, "need the look inside")
    else:
        yield Finding(check=INSIDE, where=where, state="skipped", what=why.what, mend=why.mend)


def memory(cluster: Cluster, here: Node) -> Finding:
    """Whether the node has the memory that the member asks for."""
    asked = memory_bytes(cluster.resources.memory.request)
    free = here.memory - here.asked
    what = f"asks for {_size(asked)} of {_size(max(0, free))} that {'others leave' if here.asked else 'are there'}"
    if asked <= free:
        return Finding(check="memory", where=here.name, state="ok", what=what)
    mend = "lower resources.memory.request, or make room on the node"
    return Finding(check="memory", where=here.name, state="failed", what=what, mend=mend)


def ports(cluster: Cluster, here: Node, seen: Look | Trouble) -> Iterator[Finding]:
    """Whether the member's ports are free on the machine, or in its own use."""
    used = cluster.ports.model_dump()
    problems = []
    for name, port in used.items():
        holder = _holder(port, here, seen)
        if holder:
            mend = f"stop that, or set another port in ports.{name}"
            what = f"port {port} ({name}) is taken by {holder}"
            problems.append(Finding(check="ports", where=here.name, state="failed", what=what, mend=mend))
    if problems or isinstance(seen, Trouble):
        yield from problems
        return
    own = "in the member's own use" if here.own_pod else "free"
    what = f"{', '.join(map(str, used.values()))} are {own}"
    yield Finding(check="ports", where=here.name, state="ok", what=what)


def _holder(port: int, here: Node, seen: Look | Trouble) -> str:
    if port in here.holders:
        return f"the pod {here.holders[port]}"
    uid = None if isinstance(seen, Trouble) else seen.listeners.get(port)
    own = here.own_pod and str(uid) == OWNER.partition(":")[0]
    return "" if uid is None or own else f"a process of the user {uid}"


def disk(where: str, place: Place) -> Finding:
    """Whether the member can have a directory of its own there, and room in it."""
    for broken, what, mend in _disk_problems(place):
        if broken:
            return Finding(check="disk", where=where, state="failed", what=what, mend=mend)
    room = f"{_size(place.available)} of {_size(place.size)} free"
    if place.kind == "symbolic link":
        what = f"{place.nearest} is a symbolic link, where it leads was not looked at"
        return Finding(check="disk", where=where, state="warning", what=what, mend="name the directory itself in paths")
    if place.available < DISK_WARNING or place.available < DISK_SHARE * place.size:
        what = f"{place.wanted} has {room}; below 10 % the kubelet evicts pods"
        return Finding(
            check="disk", where=where, state="warning", what=what, mend="make room, or set another paths.data"
        )
    there = place.nearest == place.wanted
    if there and place.owner != OWNER:
        what = f"{place.wanted} belongs to {place.owner}; the member's start gives it to {OWNER}, with all it holds"
        return Finding(
            check="disk", where=where, state="warning", what=what, mend="see that nobody else's data is there"
        )
    return Finding(
        check="disk", where=where, state="ok", what=f"{place.wanted}: {'' if there else 'can be made, '}{room}"
    )


def _disk_problems(place: Place) -> Iterator[tuple[bool, str, str]]:
    other = "move it away, or set another directory in paths"
    odd = place.kind not in {"directory", "symbolic link"}
    yield odd, f"{place.nearest} is no directory but a {place.kind}", other
    yield place.read_only, f"{place.nearest} is on a file system mounted read-only", "mount it writable, see `dmesg`"
    shut = place.nearest == place.wanted and place.owner == OWNER and int(place.mode, 8) & 0o300 != 0o300
    mend = f"`chmod 700 {place.wanted}` on the node"
    yield shut, f"{place.wanted} has the mode {place.mode}: its own user {OWNER} may not write there", mend
    full = place.kind == "directory" and place.available < DISK_FAILED
    yield full, f"{place.wanted} has {_size(place.available)} free of {_size(place.size)}", "make room on that disk"


def clock(where: str, skew: float) -> Finding:
    """Whether a clock agrees with the operator's; *skew* in seconds that it is ahead."""
    ahead = "ahead of" if skew > 0 else "behind"
    what = f"is {abs(skew):.0f} s {ahead} this machine's clock"
    mend = "let NTP (chrony, systemd-timesyncd) set the clock, there and here"
    if abs(skew) >= SKEW_FAILED:
        what += "; certificates and tokens are refused so far apart"
        return Finding(check="clock", where=where, state="failed", what=what, mend=mend)
    if abs(skew) >= SKEW_WARNING:
        return Finding(check="clock", where=where, state="warning", what=f"{what}; logs mislead", mend=mend)
    return Finding(check="clock", where=where, state="ok", what="agrees with this machine's clock")


def _size(amount: int) -> str:
    return f"{amount / GIB:.1f} GiB" if amount >= GIB else f"{amount / 1024**2:.0f} MiB"
