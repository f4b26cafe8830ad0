"""Every alert can be understood, looked up and computed: it asks for what there is, and has a runbook."""

import re

import pytest

from tests.support.alert_rules import ALERTS, RUNBOOKS, SMALL, family, metrics
from tests.support.command_line import understood
from zkops import ROOT

END = "<!-- /alerts -->"


def test_metrics_are_found_in_an_expression() -> None:
    expression = 'max by (a, b) (x_sum{c="d"}[5m] offset 1m) - on (e) group_right (f) min_over_time(y[15m]) > 0 or z'
    assert metrics(expression) == {"x_sum", "y", "z"}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_asks_only_for_what_our_metrics_have(name: str) -> None:
    used = metrics(ALERTS[name]["expr"])
    assert used
    assert {metric for metric in used if family(metric) not in SMALL} == set()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_happened_what_it_means_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert set(alert["annotations"]) == {"summary", "impact", "action", "runbook_url"}
    assert "$labels.ensemble" in alert["annotations"]["summary"]
    assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.iterdir()} == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_a_runbook_says_how_to_diagnose_to_fix_and_to_prevent(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {name}\n\n**Meaning.** ")
    assert "\n**Impact.** " in text
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == ["Diagnose", "Fix", "Prevent"]


@pytest.mark.parametrize("name", ALERTS)
def test_every_command_an_alert_tells_to_run_exists(name: str) -> None:
    told = re.findall(r"`(invoke [^`]+)`", re.sub(r"\{\{.*?\}\}", "1", str(ALERTS[name]["annotations"])))
    assert [complaint for complaint in map(understood, told) if complaint] == []


def test_the_table_of_alerts_is_current(request: pytest.FixtureRequest) -> None:
    page = ROOT / "docs" / "operate" / "monitoring.md"
    rows = [
        f"| [{name.removeprefix('ZooKeeper')}](../runbooks/{name}.md) | {_condition(name)}"
        f" | {alert.get('for', 'at once')} | {alert['labels']['severity']} |"
        for name, alert in ALERTS.items()
    ]
    text = page.read_text(encoding="utf-8")
    found = re.sub(
        r"(?s)<!-- alerts -->\n.*<!-- /alerts -->", lambda _: "<!-- alerts -->\n" + "\n".join([*rows, END]), text
    )
    if request.config.getoption("--update-golden"):
        page.write_text(found, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == found, "run this test with --update-golden"


def _condition(name: str) -> str:
    text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    return re.split(r"(?<=[.;:]) ", text.split("**Meaning.** ")[1].replace("\n", " "))[0].rstrip(".;:")
