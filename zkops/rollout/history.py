"""Keeps the revisions of an ensemble in Kubernetes: the ConfigMap `NAME-history`, one key a revision.

Written only by who holds the lock of the ensemble, and by compare-and-set: what somebody edits meanwhile is seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from zkops.config.cluster import Cluster
from zkops.core import console
from zkops.core import identity as whoami
from zkops.core.errors import Failed
from zkops.kube import lease_record as holder
from zkops.kube.client import Kube
from zkops.manifests.objects import Object
from zkops.rollout import revisions
from zkops.rollout.revisions import History, Revision

ATTEMPTS = 5


def name(cluster: Cluster) -> str:
    """Give the name of the ConfigMap."""
    return f"{cluster.name}-history"


def read(kube: Kube, cluster: Cluster) -> History:
    """Give the revisions, oldest first; none before the first deploy.

    Raises:
        Failed: somebody edited the ConfigMap and it cannot be read.
    """
    history, unreadable = revisions.parse(_data(kube.get(_named(cluster))))
    if unreadable:
        raise Failed(
            f"the history in ConfigMap {name(cluster)} cannot be read: {', '.join(unreadable)} was changed by hand",
            f"remove that key with kubectl edit configmap {name(cluster)}; the next deploy removes it, too",
        )
    return history


def begin(kube: Kube, cluster: Cluster, what: str, daemonset: Object) -> Revision:
    """Note that a change begins: *what* is the command, such as `rollback to 3`, and the DaemonSet as it is applied.

    What of the history cannot be read is dropped with a warning.

    Raises:
        Failed: the API server does not answer, or a right is missing.
    """
    pod = daemonset["spec"]["template"]["spec"]
    new = Revision(
        number=0,
        time=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        who=whoami.operator(),
        what=what,
        image=str(pod["containers"][0]["image"]),
        config=next(str(volume["configMap"]["name"]) for volume in pod["volumes"] if volume["name"] == "config"),
        daemonset=daemonset,
    )
    return _write(kube, cluster, lambda history, above: revisions.begun(history, new, above))[-1]


def finish(
    kube: Kube,
    cluster: Cluster,
    begun: Revision,
    *,
    outcome: str,
    steps: tuple[str, ...] = (),
    seconds: float,
    heartbeat: Mapping[str, Any] | None = None,
) -> Revision:
    """Note how the change ended, see `Revision`; a history that cannot be written is a warning, the change is made."""
    ended = replace(begun, outcome=outcome, steps=steps, seconds=seconds, heartbeat=dict(heartbeat or {}))
    try:
        _write(kube, cluster, lambda history, _: revisions.put(history, ended))
    except Failed as error:
        console.warn(f"the history does not tell how this ended: {error.what}")
    return ended


def sweep(kube: Kube, cluster: Cluster, used: frozenset[str]) -> tuple[str, ...]:
    """Delete the ConfigMaps of configurations that nobody can need again; *used* as `revisions.unneeded` takes them.

    Raises:
        Failed: the history cannot be read; nothing is deleted then.
    """
    names = [str(item["metadata"]["name"]) for item in kube.config_maps(cluster.name)]
    gone = revisions.unneeded(cluster.name, read(kube, cluster), used, names)
    for item in gone:
        kube.delete(holder.ours("v1", "ConfigMap", item, cluster))
    return gone


def _write(kube: Kube, cluster: Cluster, change: Callable[[History, int], History]) -> History:
    for _ in range(ATTEMPTS):
        stored = kube.get(_named(cluster))
        history, unreadable = revisions.parse(_data(stored))
        if unreadable:
            console.warn(f"dropping from ConfigMap {name(cluster)} what cannot be read: {', '.join(unreadable)}")
        wanted = change(history, max((int(key) for key in unreadable if key.isdecimal()), default=0))
        item = (stored or _named(cluster)) | {"data": revisions.data(wanted)}
        if kube.replace(item) if stored else kube.create(item):
            return wanted
    raise Failed(f"ConfigMap {name(cluster)} is changed by others all the time", "find out by whom, then run it again")


def _data(item: Object | None) -> Mapping[str, str]:
    return (item or {}).get("data") or {}


def _named(cluster: Cluster) -> Object:
    return holder.ours("v1", "ConfigMap", name(cluster), cluster)
