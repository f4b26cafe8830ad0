"""Asks Prometheus what Grafana would ask it for a dashboard: variables put in, ranges in steps."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.prometheus import Prometheus

SCRAPE = 15
"""Seconds; what Grafana takes for the scrape interval unless its data source says another."""
VARIABLES = ("namespace", "ensemble", "instance")

Series = dict[str, Any]
"""As Prometheus gives it: `metric`, its labels, and `values`, pairs of seconds since 1970 and a text."""


@dataclass(frozen=True)
class Target:
    """One query of a panel."""

    panel: Mapping[str, Any]
    query: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Title and letter."""
        return f"{self.panel['title']} {self.query['refId']}"

    def legend(self, series: Series) -> str:
        """Name a series as the legend does; a label that is not there is empty."""
        named = re.sub(r"\{\{(\w+)\}\}", lambda label: series["metric"].get(label[1], ""), self.query["legendFormat"])
        return " ".join(named.split())


def targets(dashboard: Mapping[str, Any]) -> Iterator[Target]:
    """Give every query of every panel."""
    for panel in dashboard["panels"]:
        for query in panel.get("targets", ()):
            yield Target(panel, query)


def filled(text: str, chosen: Mapping[str, Sequence[str]], step: int) -> str:
    """Put the variables in as Grafana does: several values as alternatives, each escaped for a regular expression.

    Raises:
        ValueError: one is left that nobody knows.
    """
    for name, values in chosen.items():
        escaped = [re.sub(r"([$^*{}\[\]+?.()|])", r"\\\\\1", value) for value in values]
        text = text.replace(f"${name}", escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})")
    text = text.replace("$__rate_interval", f"{max(step + SCRAPE, 4 * SCRAPE)}s")
    if re.search(r"\$\w", text):
        raise ValueError(f"a variable is left: {text}")
    return text


def options(prometheus: Prometheus, dashboard: Mapping[str, Any]) -> dict[str, list[str]]:
    """Give the values that each variable offers, where all of those before it are chosen."""
    found: dict[str, list[str]] = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
            found[variable["name"]] = prometheus.ask(
                f"label/{label}/values", **{"match[]": filled(series, found, SCRAPE)}
            )
    return found


def ask(
    prometheus: Prometheus, target: Target, chosen: Mapping[str, Sequence[str]], begin: float, end: float
) -> list[Series]:
    """Ask for a target's series from *begin* to *end*, seconds since 1970, or at the end where it asks for now."""
    return between(prometheus, target.query["expr"], chosen, end if target.query["instant"] else begin, end)


def between(
    prometheus: Prometheus, expression: str, chosen: Mapping[str, Sequence[str]], begin: float, end: float
) -> list[Series]:
    """Evaluate an expression of the dashboard step by step."""
    step = max(5, round((end - begin) / 200))
    found: list[Series] = prometheus.ask(
        "query_range", query=filled(expression, chosen, step), start=str(begin), end=str(end), step=str(step)
    )["result"]
    return found


def numbers(series: Series) -> list[float]:
    """Give the values that can be drawn."""
    return [number for _, text in series["values"] if math.isfinite(number := float(text))]
