"""The members' pods, as the DaemonSet of `manifests/` has them, fitted to a cluster; pure."""

from typing import Any

from zkops.config.cluster import Cluster
from zkops.config.types import memory_bytes
from zkops.manifests.objects import Object
from zkops.zoocfg import settings as zoocfg

LOOPBACK = "127.0.0.1"


def roster_name(ensemble: str) -> str:
    """Name the ConfigMap that tells the machines who belongs to the ensemble."""
    return f"{ensemble}-ensemble"


def super_name(cluster: Cluster) -> str:
    """Name the Secret of the super user, who may change the membership."""
    return f"{cluster.name}-super"


def fitted(item: Object, cluster: Cluster, image: str, config_name: str) -> Object:
    """Fit the DaemonSet *item* of `manifests/` to the cluster, in place; *config_name* is its ConfigMap's."""
    pod = item["spec"]["template"]["spec"]
    server = pod["containers"][0]
    pod["serviceAccountName"] = cluster.name
    pod["nodeSelector"] = {cluster.kubernetes.node_label: cluster.name}
    if cluster.kubernetes.tolerations:
        pod["tolerations"] = [taint.model_dump(exclude_none=True) for taint in cluster.kubernetes.tolerations]
    for container in (*pod["initContainers"], server):
        container["image"] = image
        container["resources"] = _resources(cluster)
    _set_annotations(item["spec"]["template"]["metadata"], cluster)
    _set_environment(server, cluster)
    _set_named(server["ports"], "containerPort", **cluster.ports.model_dump())
    _set_named(
        pod["volumes"],
        "hostPath",
        data=_host_path(cluster.paths.data, cluster.name, "data"),
        log=_host_path(cluster.paths.log or cluster.paths.data, cluster.name, "log"),
    )
    _set_named(pod["volumes"], "configMap", config={"name": config_name}, ensemble={"name": roster_name(cluster.name)})
    next(volume for volume in pod["volumes"] if volume["name"] == "super")["secret"]["secretName"] = super_name(cluster)
    return item


def _set_annotations(metadata: Object, cluster: Cluster) -> None:
    """Tell Prometheus' usual configuration where the page is, if it is to find it so, and can reach it."""
    metadata["annotations"]["prometheus.io/port"] = str(cluster.ports.metrics)
    if cluster.metrics.address == LOOPBACK or cluster.monitoring.scrape != "annotations":
        del metadata["annotations"]


def _set_environment(server: Object, cluster: Cluster) -> None:
    """Set the variables; one without a value is left out."""
    heap = cluster.resources.heap
    _set_named(
        server["env"],
        "value",
        ZOO_ENSEMBLE=f"{cluster.kubernetes.namespace}/{cluster.name}",
        ZOO_CLIENT_PORT=str(cluster.ports.client),
        ZOO_LOG_LEVEL=cluster.log.level,
        ZOO_LOG_LEVELS=",".join(f"{name}={level}" for name, level in sorted(cluster.log.loggers.items())),
        ZOO_LOG_FORMAT=cluster.log.format,
        # In whole MiB.
        ZK_SERVER_HEAP=str(memory_bytes(heap) // 1024**2) if heap else "",
    )
    if cluster.metrics.address != zoocfg.NODE:  # it stands in zoo.cfg then
        _set_named(server["env"], "value", ZOO_METRICS_HOST="")
    server["env"] = [variable for variable in server["env"] if variable.get("value") != ""]


def _host_path(base: str, *parts: str) -> Object:
    return {"path": "/".join((base, *parts)), "type": "DirectoryOrCreate"}


def _resources(cluster: Cluster) -> Object:
    amounts = cluster.resources
    kinds: dict[str, dict[str, str | None]] = {
        "requests": {"cpu": amounts.cpu.request, "memory": amounts.memory.request},
        "limits": {"cpu": amounts.cpu.limit, "memory": amounts.memory.limit},
    }
    return {kind: {name: value for name, value in values.items() if value} for kind, values in kinds.items()}


def _set_named(items: list[Object], key: str, **values: Any) -> None:
    """Set *key* of the list's items, found by their names; a name that is not there is an error of ours."""
    by_name = {item["name"]: item for item in items}
    for name, value in values.items():
        by_name[name][key] = value
