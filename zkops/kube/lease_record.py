"""The Lease of an ensemble as data: who holds it, until when, and how it reads when we take it; pure but for our name.

Every time in it is the API server's, from the header `Date` of an answer, and so is the `now` that it is held against:
the clocks of the operators' machines are never compared.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from zkops.config.cluster import Cluster
from zkops.core import identity as whoami
from zkops.core.errors import Failed
from zkops.manifests.objects import Object

DURATION = 30
"""Seconds after its last renewal until others may take the lock."""
PROCESS = "zkops/process"
"""Annotation: which process of which kernel holds the lock, to see at once that it is dead."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds the lock."""

    identity: str
    """`user@host (pid N): doing`."""
    since: datetime
    renewed: datetime
    duration: int
    """Seconds."""
    process: str = ""
    """As `whoami.process` tells it; empty where that machine could not tell."""

    def left(self, now: datetime) -> float:
        """Seconds until the lock ends by itself; not above 0 when it has."""
        return self.duration - (now - self.renewed).total_seconds()

    def blocks(self, now: datetime) -> bool:
        """Whether others must wait."""
        return self.left(now) > 0 and not whoami.dead(self.process)


def holder_of(lease: Object | None) -> Holder | None:
    """Read a Lease; None where it is free, or where times were taken out of it by hand."""
    spec = (lease or {}).get("spec") or {}
    if not (lease and spec.get("holderIdentity") and spec.get("acquireTime") and spec.get("renewTime")):
        return None
    return Holder(
        identity=str(spec["holderIdentity"]),
        since=datetime.fromisoformat(str(spec["acquireTime"])),
        renewed=datetime.fromisoformat(str(spec["renewTime"])),
        duration=int(spec.get("leaseDurationSeconds") or DURATION),
        process=str((lease["metadata"].get("annotations") or {}).get(PROCESS, "")),
    )


def taken(live: Object, doing: str, now: datetime) -> Object:
    """Give the Lease as it is once this process has taken it."""
    former = live.get("spec") or {}
    annotations = (live["metadata"].get("annotations") or {}) | {PROCESS: whoami.process(os.getpid())}
    spec = {
        "holderIdentity": f"{whoami.operator()} (pid {os.getpid()}): {doing}",
        "acquireTime": _written(now),
        "renewTime": _written(now),
        "leaseDurationSeconds": DURATION,
        "leaseTransitions": int(former.get("leaseTransitions") or 0) + 1,
    }
    return live | {"metadata": live["metadata"] | {"annotations": annotations}, "spec": spec}


def renewed(lease: Object, now: datetime) -> Object:
    """Give the Lease as it is after a renewal."""
    return lease | {"spec": lease["spec"] | {"renewTime": _written(now)}}


def freed(lease: Object) -> Object:
    """Give the Lease as it is after it was given up."""
    return lease | {"spec": lease["spec"] | {"holderIdentity": ""}}


def moment(date: str) -> datetime:
    """Read the header `Date`, which has whole seconds.

    Raises:
        Failed: there is none.
    """
    try:
        return parsedate_to_datetime(date).astimezone(UTC)
    except ValueError as error:
        raise Failed(
            "the answers of the Kubernetes API carry no time, so it cannot be told whether a lock has ended",
            "let the proxy in front of the API server pass the header Date on",
        ) from error


def ours(version: str, kind: str, name: str, cluster: Cluster) -> Object:
    """Name an object of the ensemble, with the labels that all of them carry."""
    labels = {"name": "zookeeper", "instance": cluster.name, "managed-by": "zkops"}
    metadata = {
        "name": name,
        "namespace": cluster.kubernetes.namespace,
        "labels": {f"app.kubernetes.io/{key}": value for key, value in labels.items()},
    }
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # Kubernetes wants all six digits
