"""The checks of `invoke doctor --deep`, pure: measured on the machines → findings. Why so: docs/operate/doctor.md."""

from collections.abc import Iterator, Mapping

from zkops.config.cluster import Cluster
from zkops.config.types import memory_bytes
from zkops.core.units import lasting, milliseconds
from zkops.doctor.checks import Finding, Node, State, skipped
from zkops.doctor.deep_probe import DATA, LOG, Deep, Writes
from zkops.doctor.node_probe import Look, Trouble
from zkops.doctor.upgrade_path import step
from zkops.zoocfg.settings import DEFAULTS

MEASURED = "fsync, inodes, snapshot, purge, version, files, memory, clock"
SLOW_WRITE = 0.020
"""Seconds: a member then commits less than 50 times a second, and a busy disk is near. Also what OpenShift asks for."""
FEW_WRITES = 100
"""Below this many the 99th of a hundred is only the longest."""
INODES_SHARE = 0.05
"""The kubelet evicts pods from here on."""
INODES_FEWEST = 1000
FILES_FEWEST = 4096
FILES_OWN = 256
"""What a server has open beside its clients: its jar, logs, members, metrics."""
WRITING_SECONDS = 60
"""A snapshot this young may be in the writing."""
CLOCKS_APART = 0.5
LATE_PURGE = 1.5
"""How many intervals may pass until the purge: it runs at their ends, and is itself some time at it."""
RETAINED_FEWEST = 3
"""Snapshots: the purge takes a smaller autopurge.snapRetainCount for this one."""
GOOD = {"whole": "its checksum is right", "sealed": "begin and end are right, it is too large to read through"}
GIB, MIB = 1024**3, 1024**2


def judge(
    cluster: Cluster, nodes: Mapping[str, Node], looks: Mapping[str, Look], measured: Mapping[str, Deep | Trouble]
) -> Iterator[Finding]:
    """Give the findings of all machines; *looks* has those that were looked at, *measured* what came of measuring."""
    for host, node in nodes.items():
        deep = measured.get(host, Trouble(what="need the look inside", tried=False))
        if isinstance(deep, Trouble):
            yield from _unmeasured(host, deep)
        else:
            yield from _machine(cluster, node, looks[host], deep)
    if not any(node.own_pod for node in nodes.values()):
        yield from strangers({host: deep for host, deep in measured.items() if isinstance(deep, Deep)})
    yield from clocks({host: deep.skew for host, deep in measured.items() if isinstance(deep, Deep)})


def _machine(cluster: Cluster, node: Node, seen: Look, deep: Deep) -> Iterator[Finding]:
    here, runs = node.name, node.own_pod
    for name, place in zip((DATA, LOG), seen.places, strict=True):
        if name in deep.writes or name in deep.unwritten:
            yield writes(cluster, here, place.wanted, deep, name)
        if name in deep.inodes:
            yield inodes(here, place.wanted, *deep.inodes[name])
    yield snapshot(here, deep)
    yield purge(cluster, here, deep, runs=runs)
    yield step(here, deep.running if runs else None, deep.image)
    yield files(cluster, here, deep.files)
    yield memory(cluster, here, deep, runs=runs)
    yield from kept_clock(here, deep)


def _unmeasured(where: str, why: Trouble) -> Iterator[Finding]:
    if why.tried:
        yield Finding(check="measure", where=where, state="failed", what=why.what, mend=why.mend)
        yield skipped(MEASURED, where, "need the measuring pod")
    else:
        yield Finding(check=MEASURED, where=where, state="skipped", what=why.what, mend=why.mend)


def limit(cluster: Cluster) -> float:
    """Give how long the leader waits for a follower, in seconds."""
    settings = {**DEFAULTS, **cluster.zoo_cfg}
    return int(settings["tickTime"]) * int(settings["syncLimit"]) / 1000


def writes(cluster: Cluster, where: str, directory: str, deep: Deep, name: str) -> Finding:
    """Whether synced writes are quick enough for a member; of the log's disk most of all."""
    if name in deep.unwritten:
        what = f"{directory}: nothing can be written there: {deep.unwritten[name]}"
        return Finding(check="fsync", where=where, state="failed", what=what, mend="see that disk, and `dmesg`")
    found = deep.writes[name]
    half = limit(cluster) / 2
    what = f"{directory}: {_figures(found)}"
    if found.slow >= half and name == LOG:
        what += f"; a member that waits {milliseconds(half * 1000)} for its disk is given up by the others"
        mend = "give paths.log a disk of its own, or raise zoo_cfg.syncLimit"
        return Finding(check="fsync", where=where, state="failed", what=what, mend=_busy(found) or mend)
    if found.slow > SLOW_WRITE:
        what += f"; up to {milliseconds(SLOW_WRITE * 1000)} is good"
        mend = "see what else uses that disk, or give paths.log one of its own"
        return Finding(check="fsync", where=where, state="warning", what=what, mend=_busy(found) or mend)
    return Finding(check="fsync", where=where, state="ok", what=what)


def _figures(found: Writes) -> str:
    median, slow, longest = (milliseconds(each * 1000) for each in (found.median, found.slow, found.longest))
    if found.count < FEW_WRITES:
        return f"{found.count} synced writes, then time was up: median {median}, longest {longest}"
    return f"{found.count} synced writes: median {median}, p99 {slow}, longest {longest}"


def _busy(found: Writes) -> str:
    """Give the mend where the disk is not all: the processors made the measuring wait, too."""
    if found.late < found.slow / 2:
        return ""
    return f"look at the processors first: a process waits up to {milliseconds(found.late * 1000)} for one"


def inodes(where: str, directory: str, free: int, total: int) -> Finding:
    """Whether files can still be made there."""
    if not total:
        return Finding(check="inodes", where=where, state="ok", what=f"{directory}: as many as there is room for")
    what = f"{directory}: {free} of {total} free"
    state: State = "failed" if free < INODES_FEWEST else "warning" if free < INODES_SHARE * total else "ok"
    mend = "" if state == "ok" else "remove small files there, see `df -i`"
    tail = "; below 5 % the kubelet evicts pods" if state == "warning" else ""
    return Finding(check="inodes", where=where, state=state, what=what + tail, mend=mend)


def snapshot(where: str, deep: Deep) -> Finding:
    """Whether a server that starts now would find a snapshot it can read."""
    bad = [found for found in deep.snapshots if found.state not in GOOD]
    good = next((found for found in deep.snapshots if found.state in GOOD), None)
    wrong = "; ".join(f"{found.name}: {found.state}" for found in bad)
    if good is None and not bad and not deep.logs:
        return Finding(check="snapshot", where=where, state="ok", what="no data yet")
    if good is None:
        what = f"none of the newest {len(bad)} can be read: {wrong}" if bad else "there are logs, and no snapshot"
        mend = (
            "while the others have a quorum, move version-2 in its data and its log directory aside: it learns all anew"
        )
        return Finding(check="snapshot", where=where, state="failed", what=what, mend=mend)
    if any(found.age > WRITING_SECONDS for found in bad):
        what = f"{wrong}; a server takes {good.name}, {lasting(good.age)} old, and the logs since"
        mend = "move the damaged one aside, and look at the disk: `dmesg`, SMART"
        return Finding(check="snapshot", where=where, state="warning", what=what, mend=mend)
    seen = GOOD[good.state] + ("; a newer one is being written" if bad else "")
    what = f"{good.name}, {good.size / MIB:.1f} MiB, {lasting(good.age)} old: {seen}"
    return Finding(check="snapshot", where=where, state="ok", what=what)


def strangers(measured: Mapping[str, Deep]) -> Iterator[Finding]:
    """Whether a first deploy would let machines without data outvote those that brought theirs."""
    having = [host for host, deep in measured.items() if deep.snapshots or deep.logs]
    empty = [host for host in measured if host not in having]
    if having and empty:
        what = f"no data here, and {', '.join(having)} has some: in a first deploy those without it would vote it away"
        mend = "copy the data here too, or describe and deploy those that have it alone, and add this one afterwards"
        for host in empty:
            yield Finding(check="data", where=host, state="warning", what=what, mend=mend)


def purge(cluster: Cluster, where: str, deep: Deep, *, runs: bool) -> Finding:
    """Whether old snapshots and logs are removed: after a purge no more than so many are left of those there were."""
    settings = {**DEFAULTS, **cluster.zoo_cfg}
    interval, retained = int(settings["autopurge.purgeInterval"]), int(settings["autopurge.snapRetainCount"])
    retained = max(retained, RETAINED_FEWEST)
    there = f"{deep.kept} snapshots and {deep.logs} logs, {deep.size / MIB:.0f} MiB"
    if interval <= 0:
        mend = "set zoo_cfg.autopurge.purgeInterval to 1, or purge by other means (PurgeTxnLog)"
        what = f"{there}; autopurge is off: nothing removes them, until the disk is full"
        return Finding(check="purge", where=where, state="warning", what=what, mend=mend)
    if len(deep.ages) <= retained or not runs:
        what = f"{there}; {'' if runs else 'no server runs, '}nothing is due"
        return Finding(check="purge", where=where, state="ok", what=what)
    # Had the purge run after this one was written, the oldest would be gone.
    since = deep.ages[retained]
    if since > LATE_PURGE * interval * 3600:
        what = f"{there}; the last purge was {lasting(since)} ago or more, and is to be every {interval} h"
        mend = "see `invoke logs` for PurgeTask, and whether version-2 can be written"
        return Finding(check="purge", where=where, state="warning", what=what, mend=mend)
    return Finding(check="purge", where=where, state="ok", what=f"{there}; a purge is due within {interval} h")


def files(cluster: Cluster, where: str, most: int | None) -> Finding:
    """Whether a server may open as many files as it has clients."""
    if most is None:
        return Finding(check="files", where=where, state="ok", what="a container may open any number")
    what = f"a container may open {most}"
    mend = "raise LimitNOFILE of the node's container runtime (containerd.service)"
    wanted = int(cluster.zoo_cfg.get("maxCnxns", 0))
    if wanted > most - FILES_OWN:
        what += f", maxCnxns lets {wanted} clients in: a server without files to open takes no connection, nor a log"
        return Finding(check="files", where=where, state="failed", what=what, mend=mend)
    if most < FILES_FEWEST:
        what += f", enough for {max(0, most - FILES_OWN)} clients"
        return Finding(check="files", where=where, state="warning", what=what, mend=mend)
    return Finding(check="files", where=where, state="ok", what=what)


def memory(cluster: Cluster, where: str, deep: Deep, *, runs: bool) -> Finding:
    """Whether the machine really has the memory that Kubernetes thinks it has, and none of it is on a disk."""
    wanted = memory_bytes(cluster.resources.memory.request)
    what = f"{deep.memory / GIB:.1f} GiB are really free"
    if not runs and deep.memory < wanted:
        what += f", the member asks for {wanted / GIB:.1f}: processes use more than the pods asked for"
        mend = "find them with `top` on the node, or lower resources.memory.request"
        return Finding(check="memory", where=where, state="warning", what=what, mend=mend)
    if deep.swap:
        what += f", and containers may use {deep.swap / GIB:.1f} GiB of swap: a swapped heap stops a member for seconds"
        mend = "`swapoff -a` on the node, or memorySwap.swapBehavior: NoSwap for its kubelet"
        return Finding(check="memory", where=where, state="warning", what=what, mend=mend)
    return Finding(check="memory", where=where, state="ok", what=f"{what}, no swap")


def kept_clock(where: str, deep: Deep) -> Iterator[Finding]:
    """Tell of a clock that nothing keeps right."""
    if deep.clock_kept is False:
        mend = "let NTP (chrony, systemd-timesyncd) set the clock; on a virtual machine its host may do that"
        yield Finding(check="clock", where=where, state="warning", what="nothing is known to keep it right", mend=mend)


def clocks(skews: Mapping[str, float]) -> Iterator[Finding]:
    """Whether the machines' clocks agree; host → seconds ahead of one clock."""
    if len(skews) < 2:
        return
    slow, fast = min(skews, key=skews.__getitem__), max(skews, key=skews.__getitem__)
    apart = skews[fast] - skews[slow]
    if apart < CLOCKS_APART:
        yield Finding(check="clock", where="between nodes", state="ok", what=f"{apart:.1f} s apart at most")
        return
    what = f"{fast} is {lasting(apart)} ahead of {slow}: logs merged by time mislead, and a new leader's times jump"
    mend = "let NTP (chrony, systemd-timesyncd) set the clocks, from the same servers"
    yield Finding(check="clock", where="between nodes", state="warning", what=what, mend=mend)
