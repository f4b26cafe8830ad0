"""Prometheus is led to the members: by the operator's objects where its kinds are known, and by annotations."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.layout import API_PORT, plan
from tests.cluster.conftest import MakePipeline, Pipeline, until
from tests.support.prometheus import running
from zkops.config.loader import load
from zkops.images import base as sources
from zkops.manifests import monitoring

pytestmark = pytest.mark.timeout(600)

OPERATOR = {
    "scrape": "podmonitor",
    "alerts": "prometheusrule",
    "dashboard": "configmap",
    "labels": {"release": "ours"},
}
KINDS = {"PodMonitor": "podmonitors", "PrometheusRule": "prometheusrules"}
GROUP = "monitoring.coreos.com"


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def each(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
RELABELING = of(sourceLabels=each(TEXT), targetLabel=TEXT, regex=TEXT, replacement=TEXT)
ENDPOINT = of(port=TEXT, path=TEXT, interval=TEXT, scrapeTimeout=TEXT, relabelings=each(RELABELING))
RULE = of(alert=TEXT, expr=TEXT, labels=TEXTS, annotations=TEXTS, **{"for": TEXT})
SPECS = {
    "PodMonitor": of(jobLabel=TEXT, selector=of(matchLabels=TEXTS), podMetricsEndpoints=each(ENDPOINT)),
    "PrometheusRule": of(groups=each(of(name=TEXT, interval=TEXT, rules=each(RULE)))),
}


def definition(kind: str, plural: str) -> dict[str, Any]:
    """Define a kind as the operator does, by what of its schema we use: the whole of it is 70 KB."""
    schema = {"type": "object", "properties": {"spec": SPECS[kind]}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


@pytest.fixture
def operator(pipeline: Pipeline) -> Iterator[None]:
    """Let Kubernetes know the operator's kinds meanwhile."""
    definitions = [definition(*names) for names in KINDS.items()]
    for item in definitions:
        pipeline.kube.create(item)
    until(lambda: all(established(pipeline, item) for item in definitions), "the kinds are known")
    try:
        yield
    finally:
        for item in definitions:
            pipeline.kube.delete(item)


def established(pipeline: Pipeline, item: dict[str, Any]) -> bool:
    conditions = (pipeline.kube.get(item) or {}).get("status", {}).get("conditions") or ()
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def test_unknown_kinds_are_told_before_anything_is_touched(make_pipeline: MakePipeline) -> None:
    lacking = make_pipeline("lacking", 14181, monitoring=OPERATOR)
    for task in ("plan", "deploy"):
        told = lacking.invoke(task)
        assert told.returncode == 2
        assert "this Kubernetes knows no PodMonitor (monitoring.coreos.com/v1)" in told.stderr
        assert "install the Prometheus operator" in told.stderr
    assert not [one for one in lacking.kube.objects("Namespace") if one["metadata"]["name"] == "lacking"]


def test_an_ensemble_goes_whole_also_where_the_operators_kinds_went_before_it(make_pipeline: MakePipeline) -> None:
    outlived = make_pipeline("outlived", 14481)
    outlived.ok("deploy")
    file = outlived.directory / "cluster.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"monitoring": OPERATOR}))
    examined = outlived.invoke("doctor", "--json")
    kinds = [found for found in json.loads(examined.stdout)["findings"] if found["check"] == "kinds"]
    assert [found["state"] for found in kinds] == ["failed", "failed"]
    assert "install the Prometheus operator" in kinds[0]["mend"]
    outlived.ok("delete", "--confirm=outlived")
    left = [
        found for kind in ("ServiceAccount", "Service") for found in outlived.kube.objects(kind, namespace="outlived")
    ]
    assert [found["metadata"]["name"] for found in left if found["metadata"]["name"] != "default"] == []


@pytest.mark.usefixtures("operator")
def test_the_operators_objects_come_with_deploy_are_mended_and_go_with_delete(make_pipeline: MakePipeline) -> None:
    watched = make_pipeline("operated", 14281, monitoring=OPERATOR)
    watched.ok("deploy")
    found = {kind: watched.kube.objects(kind, f"{GROUP}/v1", namespace="operated") for kind in KINDS}
    assert {kind: len(items) for kind, items in found.items()} == dict.fromkeys(KINDS, 1)
    assert {items[0]["metadata"]["labels"]["release"] for items in found.values()} == {"ours"}
    assert len(found["PrometheusRule"][0]["spec"]["groups"][0]["rules"]) > 10
    (dashboard,) = dashboards(watched)
    assert "uid" in json.loads(next(iter(dashboard["data"].values())))
    assert watched.invoke("plan", "--exit-code").returncode == 0

    monitor = found["PodMonitor"][0]
    monitor["spec"]["podMetricsEndpoints"][0]["interval"] = "10m"
    assert watched.kube.replace(monitor)
    assert "PodMonitor operated" in watched.ok("plan")
    watched.ok("deploy")
    mended = watched.kube.get(monitor)
    assert mended is not None
    assert mended["spec"]["podMetricsEndpoints"][0]["interval"] == "15s"

    watched.ok("delete", "--confirm=operated")
    left = {kind: watched.kube.objects(kind, f"{GROUP}/v1", namespace="operated") for kind in KINDS}
    assert left == dict.fromkeys(KINDS, ())
    assert dashboards(watched) == ()


def dashboards(pipeline: Pipeline) -> tuple[dict[str, Any], ...]:
    """Give what Grafana's sidecar finds."""
    return pipeline.kube.objects("ConfigMap", label_selector="grafana_dashboard=1", namespace="operated")


def test_annotations_lead_prometheus_to_every_member_with_all_labels(
    make_pipeline: MakePipeline, sandboxed: Path, tmp_path: Path
) -> None:
    found = make_pipeline("annotated", 14381, monitoring={"scrape": "annotations"})
    found.ok("deploy")
    cluster = found.cluster
    files = {Path(name).name: text for name, text in monitoring.files(cluster).items()}
    configuration = yaml.safe_load(files["prometheus.yaml"])
    # It runs outside of Kubernetes here, so that it needs to be told where that is.
    configuration["scrape_configs"][0]["kubernetes_sd_configs"][0]["kubeconfig_file"] = "/rules/kubeconfig"
    files |= {"prometheus.yaml": yaml.safe_dump(configuration), "kubeconfig": from_inside(sandboxed)}
    base = sources.base_image(cluster.sources, "trixie")
    with running(base, files, "zkops-pipe", tmp_path / "prometheus") as prometheus:
        until(lambda: len(prometheus.query('up{ensemble="annotated"} == 1')) == 3, "all members are found")
        labels = [sample["metric"] for sample in prometheus.query("zookeeper_serving")]
    expected = [monitoring.labels(cluster, machine) for machine in cluster.machines]
    seen = [{key: one[key] for key in expected[0]} for one in labels]
    assert sorted(seen, key=lambda one: one["id"]) == expected
    assert {one["job"] for one in labels} == {"zookeeper"}


def from_inside(sandboxed: Path) -> str:
    """Give the kubeconfig for somebody in the sandbox's own network."""
    made = yaml.safe_load((sandboxed / "kubeconfig").read_text())
    control = next(box for box in plan(load(sandboxed)).boxes if box.role == "control")
    made["clusters"][0]["cluster"] = {"server": f"https://{control.ip}:{API_PORT}", "insecure-skip-tls-verify": True}
    return yaml.safe_dump(made)


def test_status_tells_the_margin_and_every_members_figures_without_a_terminal(pipeline: Pipeline) -> None:
    pipeline.ok("shell", "--command", "ls /")  # its session is written to the log
    found = pipeline.status()
    assert (found["voters_serving"], found["margin"], len(found["leaders_claimed"])) == (3, 1, 1)
    asked = ("fsync_p50_ms", "heap_used_bytes", "disk_free_bytes", "znodes", "uptime_seconds", "config")
    assert [(row["node"], key) for row in found["members"] for key in asked if row[key] is None] == []
    once = pipeline.ok("status", "--watch")
    assert "3 of 3 serving: one may be lost" in once
    assert "\x1b" not in once
