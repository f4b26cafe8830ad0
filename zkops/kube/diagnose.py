"""Why a member does not serve: its state, Kubernetes' last warnings, and the cause or the last lines of its log."""

from collections.abc import Sequence

from zkops.config.cluster import Cluster
from zkops.core.errors import Failed
from zkops.ensemble.observed import Member, pod_trouble
from zkops.kube import causes
from zkops.kube.client import Kube

LOG_LINES = 200
"""So far back the cause is looked for; five lines are shown, of this many characters."""
WIDTH = 240


def lacking(cluster: Cluster, members: Sequence[Member], kube: Kube) -> str:
    """Tell of all members that do not serve or are not ready, one paragraph each."""
    found = (why(member, cluster, kube) for member in members if not (member.serving and member.pod_ready))
    return "\n".join(found) or "    all serve, but they do not agree on one leader"


def why(member: Member, cluster: Cluster, kube: Kube) -> str:
    """Tell of one member: its state, the last warnings of Kubernetes, and the last log lines, as far as can be had."""
    lines = [f"    {member.machine.hostname} (id {member.machine.id}, {member.machine.ip}): {member.state}"]
    if not member.node_ready:
        return "\n".join([*lines, "      bring the node back, or see `kubectl describe node`"])
    try:
        if not member.pod:
            warnings = _warnings(cluster.name, kube)
            cause = causes.known(warnings, cluster.ports) or "has the node a taint? see kubernetes.tolerations"
            return "\n".join([*lines, *warnings, f"      cause: no pod was placed here: {cause}"])
        name = str(member.pod["metadata"]["name"])
        container = "prepare-data" if pod_trouble(member.pod).startswith("prepare-data") else "zookeeper"
        # Of a server that was started again it is the former one that tells why it ended.
        ended = member.crashes > 0 and container == "zookeeper"
        log = kube.logs(name, container=container, lines=LOG_LINES, previous=ended).splitlines()
        log = log or kube.logs(name, container=container, lines=LOG_LINES, previous=not ended).splitlines()
        warnings = _warnings(name, kube)
        cause = causes.known([*log, *warnings, member.state], cluster.ports)
        told = [f"      cause: {cause}"] if cause else [f"      log: {line[:WIDTH]}" for line in log[-5:]]
        return "\n".join([*lines, *warnings, *told])
    except Failed as error:
        return "\n".join([*lines, f"      {error.what}"])


def _warnings(name: str, kube: Kube) -> list[str]:
    found = (event for event in kube.events(name) if event.get("type") == "Warning")
    told = (f"      event: {event.get('reason')}: {' '.join(str(event.get('message')).split())}" for event in found)
    return list(dict.fromkeys(told))[-3:]  # the same words come again and again
