"""The rules that Prometheus is given, as the tests look at them."""

import re
from typing import Any

import yaml

from zkops import ROOT

FILE = ROOT / "manifests" / "alerts.yaml"
RULES = FILE.read_text(encoding="utf-8")
RUNBOOKS = ROOT / "docs" / "runbooks"
SMALL = [
    line.split()[0]
    for line in (ROOT / "image/java/zkops/small-metrics.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
"""The families of metrics that a small scrape has."""
WORDS = {"and", "or", "unless", "on", "ignoring", "by", "without", "group_left", "group_right", "bool", "offset"}


def alerts(rules: str) -> dict[str, dict[str, Any]]:
    """Give the alerts of a rules file by name."""
    return {rule["alert"]: rule for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]}


ALERTS = alerts(RULES)


def metrics(expression: str) -> set[str]:
    """Give the names of metrics in an expression."""
    plain = re.sub(r'"[^"]*"', "", expression)
    plain = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", plain)
    plain = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", plain)
    plain = re.sub(r"\boffset\s+\w+", "", plain)
    return {name for name in re.findall(r"\b[a-z_]\w*\b(?!\s*\()", plain) if name not in WORDS}


def family(name: str) -> str:
    """Give the family that a metric of an expression belongs to."""
    return name if name in SMALL else re.sub("_(sum|count)$", "", name)
