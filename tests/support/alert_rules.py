"""The rules that Prometheus is given, as the tests look at them."""

from typing import Any

import yaml

from zkops import ROOT

FILE = ROOT / "manifests" / "alerts.yaml"
RULES = FILE.read_text(encoding="utf-8")


def alerts(rules: str) -> dict[str, dict[str, Any]]:
    """Give the alerts of a rules file by name."""
    return {rule["alert"]: rule for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]}


ALERTS = alerts(RULES)
