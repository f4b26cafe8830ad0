"""What a stopped ensemble keeps on its machines, noted on its ServiceAccount.

Without the note a description that was changed meanwhile would bring up an empty ensemble beside the data, or let new
empty machines outvote the ones that have it. Pure.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from zkops.core.errors import Failed
from zkops.manifests.objects import Object
from zkops.manifests.render import Rendered
from zkops.manifests.roster import Roster

KEPT = "zkops/kept"
"""Annotation of the ServiceAccount, which `stop` leaves in place."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Where the data of a stopped ensemble is, and which image served it."""

    members: dict[str, str]
    """Hostname → id and role."""
    data: str
    log: str
    image: str
    deleting: bool = False
    """Whether `delete` was begun: some machines may be wiped, others not."""

    def text(self) -> str:
        """Write the annotation."""
        return json.dumps(asdict(self))


def of(daemonset: Object, roster: Roster) -> Kept:
    """Tell what a DaemonSet and a roster keep where, live or rendered."""
    pod = daemonset["spec"]["template"]["spec"]
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in pod["volumes"] if volume.get("hostPath")}
    return Kept(
        members={host: f"id {seat.id}, {seat.role}" for host, seat in roster.hosts.items()},
        data=paths["data"],
        log=paths["log"],
        image=pod["containers"][0]["image"],
    )


def wanted(rendered: Rendered) -> Kept:
    """Tell what the description would keep where."""
    return of(rendered.object("DaemonSet"), rendered.roster)


def noted(account: Object | None) -> Kept | None:
    """Read the note on a ServiceAccount, None where there is none."""
    text = ((account or {}).get("metadata", {}).get("annotations") or {}).get(KEPT)
    try:
        return Kept(**json.loads(text)) if text else None
    except (ValueError, TypeError) as error:
        raise Failed(
            f"the annotation {KEPT} of the ServiceAccount cannot be read: {error}",
            "it was changed by hand; where you know that no data is kept, take it off with kubectl annotate",
        ) from error


def abandoned(kept: Kept, now: Kept) -> Iterator[str]:
    """Yield where data is kept that the description no longer names."""
    for name, old, new in (("data", kept.data, now.data), ("log", kept.log, now.log)):
        if old != new:
            yield f"the {name} is in {old} on the machines, the description says {new}"
    for host in kept.members.keys() - now.members.keys():
        yield f"{host} keeps data of {kept.members[host]} and is not in the description"


def displaced(account: Object | None, rendered: Rendered) -> tuple[str, ...]:
    """Tell how the description differs from what a stopped ensemble keeps; starting it so could lose writes."""
    kept = noted(account)
    if not kept:
        return ()
    if kept.deleting:
        return ("its deletion was begun: some machines are wiped, others may not be",)
    now = wanted(rendered)
    return (*sorted(abandoned(kept, now)), *_renamed(kept, now))


def _renamed(kept: Kept, now: Kept) -> Iterator[str]:
    for host, member in now.members.items():
        if host not in kept.members:
            yield f"{host} is new and empty"
        elif kept.members[host] != member:
            yield f"{host} keeps data of {kept.members[host]}, the description says {member}"
