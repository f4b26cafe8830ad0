"""Prometheus finds every member and the rules, in each form that can be asked for."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from tests.conftest import MakeCluster
from tests.support.alert_rules import ALERTS, RULES
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput
from zkops.kube.access import needed
from zkops.kube.client import Kube
from zkops.manifests import monitoring
from zkops.manifests.render import check, render

IMAGE = "registry.example/zkops/zookeeper@sha256:" + "a" * 64


def of_kind(cluster: Cluster, kind: str) -> dict[str, Any]:
    return render(cluster, IMAGE).object(kind)


def test_by_default_annotations_lead_there_and_the_rules_are_a_file(cluster: Cluster) -> None:
    found = render(cluster, IMAGE)
    assert found.object("DaemonSet")["spec"]["template"]["metadata"]["annotations"]["prometheus.io/scrape"] == "true"
    assert found.files["monitoring/alerts.yaml"] == RULES
    assert "monitoring/targets.json" not in found.files
    assert {item["kind"] for item in found.objects} & {"PodMonitor", "PrometheusRule"} == set()


def test_targets_name_every_member_with_its_labels(make_cluster: MakeCluster) -> None:
    machines = [
        {"hostname": "a.example", "ip": "10.0.0.1", "id": 7},
        {"hostname": "b.example", "ip": "10.0.0.2", "id": 2, "role": "observer"},
    ]
    cluster = make_cluster(machines=machines, sandbox=None, monitoring={"scrape": "targets"}, ports={"metrics": 7001})
    found = render(cluster, IMAGE)
    shared = {"namespace": "zookeeper", "ensemble": "demo"}
    assert json.loads(found.files["monitoring/targets.json"]) == [
        {"targets": ["10.0.0.1:7001"], "labels": shared | {"node": "a.example", "id": "7", "role": "participant"}},
        {"targets": ["10.0.0.2:7001"], "labels": shared | {"node": "b.example", "id": "2", "role": "observer"}},
    ]
    configuration = yaml.safe_load(found.files["monitoring/prometheus.yaml"])
    assert configuration == monitoring.prometheus(cluster)
    assert configuration["rule_files"] == ["alerts.yaml"]
    assert configuration["scrape_configs"] == [
        {"job_name": "zookeeper", "file_sd_configs": [{"files": ["targets.json"]}]}
    ]
    assert "annotations" not in found.object("DaemonSet")["spec"]["template"]["metadata"]


def test_a_podmonitor_picks_our_pods_and_gives_the_same_labels(make_cluster: MakeCluster) -> None:
    labels = {"release": "prometheus"}
    cluster = make_cluster(name="prod", monitoring={"scrape": "podmonitor", "labels": labels})
    monitor, daemonset = of_kind(cluster, "PodMonitor"), of_kind(cluster, "DaemonSet")
    pod = daemonset["spec"]["template"]
    assert monitor["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    assert monitor["metadata"]["labels"] == pod["metadata"]["labels"] | labels
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
    assert {rule["targetLabel"] for rule in endpoint["relabelings"]} | {"namespace"} == set(
        monitoring.labels(cluster, cluster.machines[0])
    )
    assert {
        "sourceLabels": ["__meta_kubernetes_pod_node_name"],
        "regex": "demo-2",
        "targetLabel": "id",
        "replacement": "2",
    } in endpoint["relabelings"]
    assert "annotations" not in pod["metadata"]


def test_a_prometheusrule_holds_the_rules_and_links_to_the_runbooks(make_cluster: MakeCluster) -> None:
    base = "https://git.example/zkops/docs/runbooks"
    settings = {"alerts": "prometheusrule", "labels": {"release": "prometheus"}, "runbooks": f"{base}/"}
    rendered = render(make_cluster(monitoring=settings), IMAGE)
    rule = rendered.object("PrometheusRule")
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    found = {alert["alert"]: alert for group in rule["spec"]["groups"] for alert in group["rules"]}
    assert found.keys() == ALERTS.keys()
    for name, alert in found.items():
        assert alert["expr"] == ALERTS[name]["expr"]
        assert alert["annotations"]["runbook_url"] == f"{base}/{name}.md"
    assert "monitoring/alerts.yaml" not in rendered.files
    check(rendered)


def test_nothing_is_made_where_nothing_is_asked_for(make_cluster: MakeCluster) -> None:
    found = render(make_cluster(monitoring={"scrape": "none", "alerts": "none", "dashboard": "none"}), IMAGE)
    assert [name for name in found.files if name.startswith("monitoring/")] == []
    assert "annotations" not in found.object("DaemonSet")["spec"]["template"]["metadata"]


@pytest.fixture
def bare_kubernetes(make_cluster: MakeCluster, tmp_path: Path) -> Iterator[Kube]:
    """Give an API server that offers the kinds of the core group alone."""
    answers: dict[str, dict[str, object]] = {
        "/version": {"major": "1", "minor": "33"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "groups": []},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
    }

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.get(self.path.partition("?")[0])
            body = json.dumps(found or {}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        one = {"clusters": [{"name": "x", "cluster": {"server": address}}], "users": [{"name": "x", "user": {}}]}
        context = {"contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}], "current-context": "x"}
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config"} | one | context))
        yield Kube(make_cluster(kubernetes={"kubeconfig": str(tmp_path / "kubeconfig")}))
        server.shutdown()


@pytest.mark.parametrize(
    ("settings", "kind", "instead"),
    [
        ({"scrape": "podmonitor"}, "PodMonitor", "write monitoring.scrape: targets"),
        ({"alerts": "prometheusrule"}, "PrometheusRule", "write monitoring.alerts: file"),
    ],
)
def test_a_kubernetes_without_the_operator_is_told_in_a_sentence(
    bare_kubernetes: Kube, make_cluster: MakeCluster, settings: dict[str, str], kind: str, instead: str
) -> None:
    wanted = of_kind(make_cluster(monitoring=settings), kind)
    with pytest.raises(BadInput) as failure:
        bare_kubernetes.get(wanted)
    assert failure.value.what == f"this Kubernetes knows no {kind} (monitoring.coreos.com/v1)"
    assert instead in failure.value.mend
    assert failure.value.exit_code == 2


@pytest.mark.parametrize("scrape", ["podmonitor", "targets"])
def test_metrics_that_prometheus_cannot_reach_are_refused(make_cluster: MakeCluster, scrape: str) -> None:
    with pytest.raises(BadInput, match=f"monitoring.scrape: is {scrape}, but the metrics are served to the machine"):
        make_cluster(metrics={"address": "127.0.0.1"}, monitoring={"scrape": scrape})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"scrape": "servicemonitor"}, "monitoring.scrape: "),
        ({"labels": {"release": "a b"}}, "is no value of a Kubernetes label"),
        ({"labels": {"app.kubernetes.io/name": "x"}}, "is a label of Kubernetes itself"),
        ({"runbooks": "docs/runbooks"}, "is no address on the web"),
    ],
)
def test_a_wrong_value_is_named(make_cluster: MakeCluster, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        make_cluster(monitoring=settings)


def test_the_rights_on_the_operators_kinds_are_only_needed_where_they_are_asked_for(make_cluster: MakeCluster) -> None:
    def resources(settings: dict[str, str]) -> set[str]:
        rights = needed(make_cluster(monitoring=settings), namespace_exists=True)
        return {right.resource for right in rights if "monitoring" in right.resource}

    assert resources({}) == set()
    assert resources({"scrape": "podmonitor"}) == {"podmonitors.monitoring.coreos.com"}
    assert resources({"alerts": "prometheusrule"}) == {"prometheusrules.monitoring.coreos.com"}
