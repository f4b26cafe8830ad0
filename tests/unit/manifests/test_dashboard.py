"""The dashboard is one that Grafana takes; its panels explain themselves, and fit the metrics, alerts and runbooks."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.conftest import MakeCluster
from tests.support.alert_rules import ALERTS, RUNBOOKS, SMALL, family, metrics
from tests.support.fakes.kubernetes import Api
from zkops import ROOT
from zkops.ensemble.observed import Change
from zkops.manifests import dashboard, monitoring
from zkops.manifests.dashboard import Page, made
from zkops.manifests.render import render
from zkops.rollout import history
from zkops.rollout import rollback as former
from zkops.rollout.revisions import DONE

IMAGE = "registry.example/zkops/zookeeper@sha256:" + "a" * 64
FILE = ROOT / "manifests" / "dashboard.json"
PLAIN = made(monitoring.panels(), Page(runbooks=monitoring.RUNBOOKS))
PANELS = {panel["title"]: panel for panel in PLAIN["panels"] if panel["type"] != "row"}
NOT_OURS = {"up", "ALERTS"}
"""Series that Prometheus makes itself."""
LIMITS = {
    # alert: its limit, as its expression has it; a value that does not fire it, and one that does
    "OneLossFromOutage": ("<= floor(quorum_size / 2) + 1", 1, 0),
    "MemberNotServing": ("unless", 0, 1),
    "LeaderChangesOften": ("> 4", 4, 5),
    "MemberLagging": ("> 0", 0, 1),
    "OutstandingRequests": ("> 200", 199, 200.1),
    "FsyncSlow": ("> 200", 199, 200.1),
    "DiskFilling": (", 86400) < 0", 1, -1),
    "DiskAlmostFull": ("< 0.05", 0.05, 0.049),
    "NoAutopurge": ("== 0", 1, 0),
    "SnapshotOld": ("> 86400", 86399, 86401),
    "ConnectionsNearLimit": ("> 0.8", 0.79, 0.81),
    "HeapNearLimit": ("> 0.85", 0.84, 0.86),
    "DigestMismatch": ("> 0", 0, 1),
    "CertificateExpiring": ("< 14 * 86400", 14 * 86400, 14 * 86400 - 1),
    "ConfigDrift": ("> 1", 1, 2),
}
SECOND = {
    "Connections refused, 5 min": ("ConnectionsNearLimit", "[5m]) > 5", 5, 6),
    "Time spent on collecting": ("HeapNearLimit", "> 0.2", 0.19, 0.21),
}
"""Panels for the second condition of an alert."""
COLOURS = {"warning": "orange", "critical": "red"}


def queries(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def colour(panel: dict[str, Any], value: float) -> str:
    """Give the colour of a value as Grafana does: of the last step that is not above it."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return [str(step["color"]) for step in steps if step["value"] is None or step["value"] <= value][-1]


def alerts(panel: dict[str, Any]) -> list[str]:
    return re.findall(r"ZooKeeper[A-Z]\w+(?= \()", panel["description"])


def within(part: Any, whole: Any, path: str = "") -> list[str]:
    """Name what is in *part* and not in *whole*."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return [lost for key in part for lost in within(part[key], whole.get(key), f"{path}.{key}")]
    if isinstance(part, list) and isinstance(whole, list) and len(part) == len(whole):
        return [lost for n, (a, b) in enumerate(zip(part, whole, strict=True)) for lost in within(a, b, f"{path}.{n}")]
    return [] if part == whole else [path]


def test_the_dashboard_is_the_one_that_the_table_describes(request: pytest.FixtureRequest) -> None:
    text = dashboard.text(PLAIN)
    if request.config.getoption("--update-golden"):
        FILE.write_text(text, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == text, "run this test with --update-golden"
    assert json.loads(text) == PLAIN


def test_grafana_s_own_types_know_every_setting() -> None:
    register_default_plugins()
    known = json.loads(JSONEncoder().encode(Dashboard.from_json(PLAIN)))
    # The types do not have what Prometheus' annotations are made of.
    assert within(PLAIN, known) == [".annotations.list.0.step", ".annotations.list.0.titleFormat"]


def test_grafana_s_own_types_do_tell_of_a_wrong_setting() -> None:
    wrong = json.loads(json.dumps(PLAIN))
    wrong["panels"][1]["fieldConfig"]["defaults"]["thresholds"]["stepz"] = []
    register_default_plugins()
    known = json.loads(JSONEncoder().encode(Dashboard.from_json(wrong)))
    assert ".panels.1.fieldConfig.defaults.thresholds.stepz" in within(wrong, known)


def test_panels_have_numbers_and_titles_of_their_own() -> None:
    for key in ("id", "title"):
        values = [panel[key] for panel in PLAIN["panels"]]
        assert len(set(values)) == len(values)


def test_panels_fill_the_grid_and_do_not_overlap() -> None:
    cells: list[tuple[int, int]] = []
    for panel in PLAIN["panels"]:
        grid = panel["gridPos"]
        cells += [(grid["y"] + y, grid["x"] + x) for y in range(grid["h"]) for x in range(grid["w"])]
    assert sorted(cells) == [(y, x) for y in range(max(cells)[0] + 1) for x in range(24)]


@pytest.mark.parametrize("title", PANELS)
def test_a_panel_says_what_it_shows_and_in_which_unit(title: str) -> None:
    panel = PANELS[title]
    assert len(panel["description"]) > 60
    assert panel["fieldConfig"]["defaults"]["unit"]
    for asked in (panel, *panel["targets"]):
        assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("title", PANELS)
def test_a_panel_asks_for_our_metrics_of_the_chosen_ensembles(title: str) -> None:
    for query in queries(PANELS[title]):
        used = metrics(query) | set(re.findall(r"\bALERTS\b", query))
        assert used
        assert {name for name in used if family(name) not in SMALL} <= NOT_OURS
        selectors = re.findall(rf"\b(?:{'|'.join(used)})\b(\{{[^}}]*)?", query)
        assert all(s.startswith('{namespace=~"$namespace",ensemble=~"$ensemble"') for s in selectors)


@pytest.mark.parametrize("row", ["Members", "JVM", "Disk"])
def test_below_the_ensemble_one_member_can_be_chosen(row: str) -> None:
    rows = {part["title"]: part["panels"] for part in monitoring.panels()["rows"]}
    for panel in rows[row]:
        assert any("$instance" in query for query in queries(PANELS[panel["title"]]))


def test_every_alert_has_a_panel_and_every_alert_named_has_a_runbook() -> None:
    named = {alert for panel in PANELS.values() for alert in alerts(panel)}
    assert named == set(ALERTS)
    for panel in PANELS.values():
        assert re.findall(r"\((docs/runbooks/[^)]*)\)", panel["description"]) == [
            str((RUNBOOKS / f"{alert}.md").relative_to(ROOT)) for alert in alerts(panel)
        ]


@pytest.mark.parametrize("name", LIMITS)
def test_a_panel_changes_its_colour_where_its_alert_fires(name: str) -> None:
    limit, quiet, firing = LIMITS[name]
    alert = ALERTS[f"ZooKeeper{name}"]
    assert limit in " ".join(alert["expr"].split())
    coloured = [
        panel
        for title, panel in PANELS.items()
        if alerts(panel)[:1] == [f"ZooKeeper{name}"] and title not in SECOND and len(_steps(panel)) > 1
    ]
    assert coloured
    for panel in coloured:
        assert (colour(panel, quiet), colour(panel, firing)) == ("green", COLOURS[alert["labels"]["severity"]])


@pytest.mark.parametrize("title", SECOND)
def test_a_panel_changes_its_colour_where_its_alert_s_other_condition_holds(title: str) -> None:
    name, limit, quiet, firing = SECOND[title]
    alert = ALERTS[f"ZooKeeper{name}"]
    assert limit in " ".join(alert["expr"].split())
    panel = PANELS[title]
    assert (colour(panel, quiet), colour(panel, firing)) == ("green", COLOURS[alert["labels"]["severity"]])


def _steps(panel: dict[str, Any]) -> list[Any]:
    found: list[Any] = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return found


def test_panels_link_to_the_runbooks_where_these_can_be_read(make_cluster: MakeCluster) -> None:
    address = "https://git.example/docs/runbooks"
    found = json.loads(
        monitoring.files(make_cluster(monitoring={"runbooks": f"{address}/"}))["monitoring/dashboard.json"]
    )
    panel = next(panel for panel in found["panels"] if panel["title"] == "Fsync")
    assert panel["links"] == [
        {"title": "Runbook: ZooKeeperFsyncSlow", "url": f"{address}/ZooKeeperFsyncSlow.md", "targetBlank": True}
    ]
    assert f"[ZooKeeperFsyncSlow]({address}/ZooKeeperFsyncSlow.md)" in panel["description"]
    assert not any("links" in panel for panel in PLAIN["panels"])


def test_by_default_the_dashboard_is_a_file(make_cluster: MakeCluster) -> None:
    rendered = render(make_cluster(), IMAGE)
    assert rendered.files["monitoring/dashboard.json"] == FILE.read_text(encoding="utf-8")
    assert len([item for item in rendered.objects if item["kind"] == "ConfigMap"]) == 1


def test_none_makes_none(make_cluster: MakeCluster) -> None:
    rendered = render(make_cluster(monitoring={"dashboard": "none"}), IMAGE)
    assert "monitoring/dashboard.json" not in rendered.files
    assert len([item for item in rendered.objects if item["kind"] == "ConfigMap"]) == 1


def test_a_configmap_brings_it_to_grafana_s_sidecar(make_cluster: MakeCluster) -> None:
    settings = {"dashboard": "configmap", "labels": {"team": "core"}}
    rendered = render(make_cluster(monitoring=settings), IMAGE)
    config, found = (item for item in rendered.objects if item["kind"] == "ConfigMap")
    # What names the configuration in the pods is the first one.
    assert rendered.object("ConfigMap") is config
    assert found["metadata"]["name"] == "demo-dashboard"
    assert found["metadata"]["labels"] == config["metadata"]["labels"] | {"grafana_dashboard": "1", "team": "core"}
    ((file, text),) = found["data"].items()
    assert file == "zookeeper-zookeeper-demo.json"
    shown = json.loads(text)
    chosen = {variable["name"]: variable.get("current") for variable in shown["templating"]["list"]}
    assert chosen["ensemble"] == {"selected": True, "text": ["demo"], "value": ["demo"]}
    assert "monitoring/dashboard.json" not in rendered.files


def test_the_dashboards_of_several_ensembles_do_not_overwrite_each_other(make_cluster: MakeCluster) -> None:
    pages = [
        json.loads(next(iter(render(cluster, IMAGE).objects[-1]["data"].values())))
        for cluster in (
            make_cluster(monitoring={"dashboard": "configmap"}),
            make_cluster(monitoring={"dashboard": "configmap"}, name="other"),
            make_cluster(monitoring={"dashboard": "configmap"}, kubernetes={"namespace": "elsewhere"}),
        )
    ]
    for key in ("uid", "title"):
        assert len({page[key] for page in (*pages, PLAIN)}) == 4
    assert all(len(page["uid"]) <= 40 for page in pages)


def test_a_plan_does_not_spell_out_two_whole_dashboards() -> None:
    text = dashboard.text(PLAIN)
    change = Change(object="ConfigMap demo-dashboard", field="data.demo.json", live=text, wanted=f"{text} ")
    assert str(change) == "ConfigMap demo-dashboard: data.demo.json: … → …"
    assert str(replace(change, live="a", wanted="b")) == "ConfigMap demo-dashboard: data.demo.json: a → b"


def test_going_back_leaves_the_dashboard_as_it_is(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(monitoring={"dashboard": "configmap"})
    rendered = render(cluster, IMAGE)
    api: Any = Api()
    api.create(rendered.object("ConfigMap"))
    begun = history.begin(api, cluster, "deploy", rendered.object("DaemonSet"))
    history.finish(api, cluster, begun, outcome=DONE, steps=(), seconds=1.0, heartbeat={})
    back = former.with_image(api, cluster, rendered)
    assert back.objects[-1] == rendered.objects[-1]
    assert yaml.safe_dump(back.object("ConfigMap")) == yaml.safe_dump(rendered.object("ConfigMap"))
