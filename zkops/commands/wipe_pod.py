"""The pod that removes an ensemble's data from one machine, and what it tells; pure but for reading `manifests/`."""

import json
from dataclasses import dataclass
from typing import Literal

import yaml

from zkops.config.cluster import Cluster, Machine
from zkops.ensemble.observed import pod_trouble
from zkops.manifests.objects import Object
from zkops.manifests.render import MANIFESTS

State = Literal["wiped", "refused", "failed", "away", "gone"]


@dataclass(frozen=True, kw_only=True)
class Wiped:
    """What became of the data on one machine."""

    node: str
    state: State
    files: int = 0
    bytes: int = 0
    """Freed on the disk."""
    note: str = ""


def cleaner(cluster: Cluster, machine: Machine, image: str) -> Object:
    """Make the pod that wipes *machine*; its labels are not the members', or the Service would lead to it."""
    pod: Object = yaml.safe_load((MANIFESTS / "wipe.yaml").read_text(encoding="utf-8"))
    labels = {"app.kubernetes.io/name": "zookeeper-wipe", "app.kubernetes.io/instance": cluster.name}
    pod["metadata"] = {
        "name": f"{cluster.name}-wipe-{machine.id}",
        "namespace": cluster.kubernetes.namespace,
        "labels": labels | {"app.kubernetes.io/managed-by": "zkops"},
    }
    spec = pod["spec"]
    spec["nodeName"] = machine.hostname
    if cluster.pull_secret:
        spec["imagePullSecrets"] = [{"name": cluster.pull_secret}]
    spec["containers"][0]["image"] = image
    spec["containers"][0]["command"][-2] = cluster.name
    parents = {"data": cluster.paths.data, "log": cluster.paths.log or cluster.paths.data}
    for volume in spec["volumes"]:
        volume["hostPath"]["path"] = parents[volume["name"]]
    return pod


def outcome(host: str, pod: Object) -> Wiped | None:
    """Read what a cleaner tells, None while it runs."""
    if pod["status"].get("phase") not in {"Succeeded", "Failed"}:
        return None
    ends = [entry.get("state", {}).get("terminated") for entry in pod["status"].get("containerStatuses") or ()]
    message = str((ends[0] or {}).get("message") or "").strip() if ends else ""
    try:
        said = json.loads(message)
    except ValueError:
        why = message or pod["status"].get("message") or pod_trouble(pod) or "it said nothing"
        return Wiped(node=host, state="failed", note=" ".join(str(why).split()))
    if "refused" in said:
        return Wiped(node=host, state="refused", note=str(said["refused"]))
    note = "its directory stays: a mount point, or it holds something else" if said["left"] else ""
    return Wiped(node=host, state="wiped", files=int(said["files"]), bytes=int(said["bytes"]), note=note)
