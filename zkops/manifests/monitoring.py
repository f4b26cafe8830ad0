"""Prometheus and Grafana: how they find the members, what is watched and shown, from `Cluster` and `manifests/`; pure.

Three ways lead to the members, three to the rules and to the dashboard: `monitoring` of `cluster.yaml` chooses.
docs/operate/monitoring.md.
"""

import json
from collections.abc import Callable
from functools import partial

import yaml

from zkops import ROOT
from zkops.config.cluster import Cluster, Machine
from zkops.manifests import dashboard
from zkops.manifests.objects import Object

MANIFESTS = ROOT / "manifests"
OPERATOR = "monitoring.coreos.com/v1"
"""What the kinds of the Prometheus operator belong to; a Kubernetes without it does not know them."""
ALERTS = "alerts.yaml"
TARGETS = "targets.json"
DASHBOARD = "dashboard.json"
SIDECAR = {"grafana_dashboard": "1"}
"""The label by which Grafana's sidecar picks ConfigMaps, as its Helm chart has it."""
RUNBOOKS = "docs/runbooks"
"""Where the links of the rules lead to before `monitoring.runbooks` is put in its place."""


def kinds(cluster: Cluster) -> tuple[str, ...]:
    """Give the kinds of the Prometheus operator that are asked for."""
    wanted = {"PodMonitor": cluster.monitoring.scrape == "podmonitor"}
    wanted |= {"PrometheusRule": cluster.monitoring.alerts == "prometheusrule"}
    return tuple(kind for kind, asked in wanted.items() if asked)


def missing(kind: str) -> str:
    """Say what to do where Kubernetes does not know a kind."""
    instead = {"PodMonitor": "monitoring.scrape: targets, or annotations", "PrometheusRule": "monitoring.alerts: file"}
    if kind not in instead:
        return "see with `invoke doctor` which Kubernetes this is; ours need 1.25 or a later one"
    return f"install the Prometheus operator, which brings that kind, or write {instead[kind]}"


def patches(cluster: Cluster) -> dict[str, Callable[[Object], Object]]:
    """Give, for every file of `manifests/` that is asked for, what fits its object to the cluster."""
    fit = {"PodMonitor": _pod_monitor, "PrometheusRule": _prometheus_rule}
    found: dict[str, Callable[[Object], Object]] = {
        kind.lower(): partial(fit[kind], cluster) for kind in kinds(cluster)
    }
    if cluster.monitoring.dashboard == "configmap":
        found["dashboard.configmap"] = partial(_dashboard, cluster)
    return found


def files(cluster: Cluster) -> dict[str, str]:
    """Give the files for a Prometheus without the operator: relative path → text."""
    found = {}
    if cluster.monitoring.alerts == "file":
        found[ALERTS] = rules(cluster)
    if cluster.monitoring.dashboard == "file":
        found[DASHBOARD] = dashboard.text(dashboard.made(panels(), dashboard.Page(runbooks=_runbooks(cluster))))
    if cluster.monitoring.scrape == "targets":
        found[TARGETS] = json.dumps(targets(cluster), indent=2) + "\n"
    if cluster.monitoring.scrape in {"targets", "annotations"} and cluster.metrics.address != "127.0.0.1":
        found["prometheus.yaml"] = yaml.safe_dump(prometheus(cluster), sort_keys=False, width=120)
    return {f"monitoring/{name}": text for name, text in found.items()}


def rules(cluster: Cluster) -> str:
    """Give the text of the rules file, with the links where the runbooks are."""
    text = (MANIFESTS / ALERTS).read_text(encoding="utf-8")
    return text.replace(f"runbook_url: {RUNBOOKS}/", f"runbook_url: {_runbooks(cluster)}/")


def panels() -> Object:
    """Give the table of the dashboard."""
    found: Object = yaml.safe_load((MANIFESTS / "dashboard.yaml").read_text(encoding="utf-8"))
    return found


def targets(cluster: Cluster) -> list[Object]:
    """Give every member's address with its labels, as Prometheus' `file_sd_configs` reads them."""
    return [
        {"targets": [f"{_address(cluster, machine)}:{cluster.ports.metrics}"], "labels": labels(cluster, machine)}
        for machine in cluster.machines
    ]


def labels(cluster: Cluster, machine: Machine) -> dict[str, str]:
    """Give the labels that rules and dashboard go by."""
    return {
        "namespace": cluster.kubernetes.namespace,
        "ensemble": cluster.name,
        "node": machine.hostname,
        "id": str(machine.id),
        "role": machine.role,
    }


def prometheus(cluster: Cluster) -> Object:
    """Give a whole configuration of Prometheus, by `targets` or else `annotations`; it names files beside itself."""
    made: Object = yaml.safe_load((MANIFESTS / "prometheus.yaml").read_text(encoding="utf-8"))
    by_file, by_annotation = made["scrape_configs"]
    if cluster.monitoring.scrape == "targets":
        made["scrape_configs"] = [by_file]
    else:
        by_annotation["kubernetes_sd_configs"][0]["namespaces"]["names"] = [cluster.kubernetes.namespace]
        by_annotation["relabel_configs"] += _seats(cluster, "source_labels", "target_label")
        made["scrape_configs"] = [by_annotation]
    if cluster.monitoring.alerts != "file":
        del made["rule_files"]
    return made


def _pod_monitor(cluster: Cluster, item: Object) -> Object:
    spec = item["spec"]
    spec["selector"]["matchLabels"] = item["metadata"]["labels"]
    spec["podMetricsEndpoints"][0]["relabelings"] += _seats(cluster, "sourceLabels", "targetLabel")
    return _labelled(item, cluster)


def _prometheus_rule(cluster: Cluster, item: Object) -> Object:
    item["spec"] = yaml.safe_load(rules(cluster))
    return _labelled(item, cluster)


def _dashboard(cluster: Cluster, item: Object) -> Object:
    """Name the file by the ensemble: the sidecar writes the files of all ConfigMaps into one folder."""
    namespace = cluster.kubernetes.namespace
    page = dashboard.Page(runbooks=_runbooks(cluster), namespace=namespace, ensemble=cluster.name)
    item["metadata"]["name"] = f"{cluster.name}-dashboard"
    item["metadata"]["labels"] = item["metadata"]["labels"] | SIDECAR
    item["data"] = {f"zookeeper-{namespace}-{cluster.name}.json": dashboard.text(dashboard.made(panels(), page))}
    return _labelled(item, cluster)


def _runbooks(cluster: Cluster) -> str:
    return (cluster.monitoring.runbooks or RUNBOOKS).rstrip("/")


def _labelled(item: Object, cluster: Cluster) -> Object:
    item["metadata"]["labels"] = item["metadata"]["labels"] | dict(cluster.monitoring.labels)
    return item


def _seats(cluster: Cluster, source: str, target: str) -> list[Object]:
    """Tell id and role by the machine's name: no label of a pod has them. The keys' spelling is the reader's."""
    node = "__meta_kubernetes_pod_node_name"
    seats = [
        (machine, key, value)
        for machine in cluster.machines
        for key, value in labels(cluster, machine).items()
        if key in {"id", "role"}
    ]
    return [
        {source: [node], "regex": machine.hostname.replace(".", r"\."), target: key, "replacement": value}
        for machine, key, value in seats
    ]


def _address(cluster: Cluster, machine: Machine) -> str:
    return machine.ip if cluster.metrics.address in {"node", "0.0.0.0"} else cluster.metrics.address  # noqa: S104
