"""`invoke sizing`: what was typed becomes a size, the proposal a table; a configuration is held against it."""

import re
from collections.abc import Mapping

from zkops.config.cluster import Cluster
from zkops.config.types import memory_bytes
from zkops.core import console
from zkops.core.errors import BadInput
from zkops.zoocfg import settings as zoocfg
from zkops.zoocfg import sizing
from zkops.zoocfg.sizing import MIB, Proposal, Settings, Size

LARGEST_ZNODE = 0xFFFFF - 500
"""jute.maxbuffer as ZooKeeper has it, less what a request has beside the data."""
_COUNT = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(k|K|M|G|Ki|Mi)?")
_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20}


def task(numbers: Mapping[str, str], cluster: Cluster | None, *, tls: bool, json: bool) -> bool:
    """Print the proposal; tell whether *cluster*, where one is given, has what is needed.

    Raises:
        BadInput: see `read` and `settings`.
    """
    netty = cluster is not None and "Netty" in str(cluster.zoo_cfg.get("serverCnxnFactory", ""))
    size = read(numbers, tls=tls or netty)
    proposal = sizing.propose(size, settings(cluster.zoo_cfg if cluster else {}))
    if proposal.beyond:
        console.warn(f"more than was ever measured: {proposal.beyond}; take it for a first guess")
    if json:
        console.result_json(proposal)
    else:
        console.result_table("what one member needs", sizing.HEADERS, proposal.table())
    found = short(proposal, configured(cluster, size.tls)) if cluster else ()
    for sentence in found:
        console.say(sentence)
    return not found


def read(numbers: Mapping[str, str], *, tls: bool = False) -> Size:
    """Read a size as typed: `1M`, `200`, `1.5k`, `4Ki`; keys as in `Size`, empty ones keep their default.

    Raises:
        BadInput: a number that is none, more ephemerals than znodes, znodes larger than a request may be.
    """
    size = Size(tls=tls, **{key: _number(key, text) for key, text in numbers.items() if text})
    if size.ephemerals > size.znodes:
        what = f"--ephemerals: {size.ephemerals} of {size.znodes} znodes"
        raise BadInput(what, "count them with --znodes")
    if size.znode_bytes > LARGEST_ZNODE:
        what = f"--znode-bytes: {size.znode_bytes} do not fit into a request (jute.maxbuffer)"
        raise BadInput(what, f"write {LARGEST_ZNODE} or less; larger data belong elsewhere, their place into a znode")
    return size


def _number(key: str, text: str) -> int:
    found = _COUNT.fullmatch(text)
    if not found:
        raise BadInput(f"--{key.replace('_', '-')}: {text!r} is no number", "write one such as 200, 10k, 4Ki or 1.5M")
    return round(float(found[1]) * _UNITS[found[2] or ""])


def settings(zoo_cfg: Mapping[str, object]) -> Settings:
    """Take what the needs depend on from `zoo_cfg`, with our defaults.

    Raises:
        BadInput: one of them is no whole number, or 0 (which only the purge interval may be).
    """
    merged = {"snapCount": 100_000, **zoocfg.DEFAULTS, **zoo_cfg}
    return Settings(
        tick_ms=_whole(merged, "tickTime", 1),
        retained=_whole(merged, "autopurge.snapRetainCount", 1),
        purge_hours=_whole(merged, "autopurge.purgeInterval", 0),
        snap_count=_whole(merged, "snapCount", 1),
    )


def _whole(zoo_cfg: Mapping[str, object], key: str, least: int) -> int:
    text = str(zoo_cfg[key])
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < least:
        raise BadInput(f"zoo_cfg.{key}: {text!r} is no whole number", f"write {least} or more")
    return int(text)


def configured(cluster: Cluster, tls: bool) -> Mapping[str, int]:
    """Give what a cluster has of what is proposed: bytes, and ticks of initLimit."""
    limit = memory_bytes(cluster.resources.memory.limit)
    heap = cluster.resources.heap
    return {
        "memory.limit": limit,
        "heap": memory_bytes(heap) if heap else sizing.heap_bytes(limit, tls),
        "initLimit": _whole({**zoocfg.DEFAULTS, **cluster.zoo_cfg}, "initLimit", 1),
    }


def short(proposal: Proposal, has: Mapping[str, int]) -> tuple[str, ...]:
    """Say in sentences which of the values of `configured` are below the proposal."""
    return tuple(
        f"{name}: {_shown(name, value)} is configured, {proposal.needs[name].value} is needed:"
        f" {proposal.needs[name].why}"
        for name, value in has.items()
        if value < _amount(name, proposal.needs[name].value)
    )


def _amount(name: str, value: str) -> int:
    return int(value) if name == "initLimit" else memory_bytes(value)


def _shown(name: str, value: int) -> str:
    return str(value) if name == "initLimit" else f"{value // MIB}Mi"
