"""The dashboard, a table in `manifests/dashboard.yaml`, as Grafana's JSON; pure. See docs/operate/monitoring.md."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

COLUMNS = 24
"""Of Grafana's grid."""
SCHEMA = 38
"""Grafana 10.0 knows it; later ones bring it up to theirs when they load it."""
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
ALL = {"selected": True, "text": ["All"], "value": ["$__all"]}
ASKED = (
    # variable, its name on the page, the series that have it as a label
    ("namespace", "Namespace", "zookeeper_server_info"),
    ("ensemble", "Ensemble", 'zookeeper_server_info{namespace=~"$namespace"}'),
    ("instance", "Member", 'zookeeper_server_info{namespace=~"$namespace",ensemble=~"$ensemble"}'),
)
LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {"legend": LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}},
    "state-timeline": {
        "legend": LEGEND,
        "tooltip": {"mode": "single", "sort": "none"},
        "showValue": "auto",
        "mergeValues": True,
        "alignValue": "left",
        "rowHeight": 0.8,
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
    "stat": {
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
}
"""How each kind of panel shows its data."""
CUSTOM: dict[str, dict[str, Any]] = {
    # A line ends where a member does: nothing is drawn over the gap.
    "timeseries": {"lineWidth": 1, "fillOpacity": 8, "showPoints": "never", "spanNulls": False, "axisSoftMin": 0},
    "state-timeline": {"lineWidth": 0, "fillOpacity": 80},
}
"""How each kind draws a series."""

Object = dict[str, Any]
"""A part of the table, or of Grafana's JSON."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What one dashboard has of its own."""

    runbooks: str
    """Where the runbooks are: an address on the web, which panels then link to, or a folder, which they name."""
    namespace: str = ""
    """Which ensemble is shown at first; empty shows all."""
    ensemble: str = ""

    @property
    def linked(self) -> bool:
        """Whether a browser can follow to the runbooks."""
        return "://" in self.runbooks


def made(table: Mapping[str, Any], page: Page) -> Object:
    """Make the dashboard; that of an ensemble has a title and a uid of its own, as one Grafana may have several."""
    own = f"{page.namespace}/{page.ensemble}" if page.ensemble else ""
    mark = f"-{hashlib.sha256(own.encode()).hexdigest()[:10]}" if own else ""
    return {
        "uid": table["uid"] + mark,
        "title": f"{table['title']} {own}".rstrip(),
        "tags": ["zookeeper"],
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "schemaVersion": SCHEMA,
        "time": {"from": "now-1h", "to": "now"},
        "annotations": {"list": [_annotation(table)]},
        "templating": {"list": list(_variables(page))},
        "panels": list(_panels(table, page)),
    }


def text(dashboard: Mapping[str, Any]) -> str:
    """Write it as JSON, a panel a line: a change of the table changes the lines of its panels."""
    panels = ",\n".join(f"    {json.dumps(panel, ensure_ascii=False)}" for panel in dashboard["panels"])
    rest = {key: value for key, value in dashboard.items() if key != "panels"}
    head = json.dumps(rest, indent=2, ensure_ascii=False).removesuffix("\n}")
    return f'{head},\n  "panels": [\n{panels}\n  ]\n}}\n'


def _annotation(table: Mapping[str, Any]) -> Object:
    """Give the events drawn into every panel; later Grafanas move `expr` and `step` to where they want them."""
    wanted = table["annotation"]
    return {
        "name": wanted["name"],
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "purple",
        "expr": _expression(table, wanted["ask"]),
        "step": "30s",
        "titleFormat": wanted["title"],
    }


def _variables(page: Page) -> Iterator[Object]:
    yield {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1}
    first = {"namespace": page.namespace, "ensemble": page.ensemble}
    for name, label, series in ASKED:
        value = first.get(name)
        yield {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": f"label_values({series}, {name})", "refId": "StandardVariableQuery"},
            "multi": True,
            "includeAll": True,
            "current": {"selected": True, "text": [value], "value": [value]} if value else ALL,
            # Whenever the time range changes: members come and go.
            "refresh": 2,
            "sort": 1,
        }


def _panels(table: Mapping[str, Any], page: Page) -> Iterator[Object]:
    """Lay the panels out, row by row from left to right."""
    number, y = 0, 0
    for row in table["rows"]:
        number, x = number + 1, 0
        yield _row(row, number, y)
        y += 1
        for panel in row["panels"]:
            number += 1
            width = panel.get("width", row["width"])
            if x + width > COLUMNS:
                x, y = 0, y + row["height"]
            grid = {"x": x, "y": y, "w": width, "h": row["height"]}
            yield _panel(table, row, panel, page) | {"id": number, "gridPos": grid}
            x += width
        y += row["height"]


def _row(row: Object, number: int, y: int) -> Object:
    found = {"type": "row", "title": row["title"], "collapsed": False, "panels": []}
    found |= {"repeat": row["repeat"]} if "repeat" in row else {}
    return found | {"id": number, "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}}


def _panel(table: Mapping[str, Any], row: Object, panel: Object, page: Page) -> Object:
    kind = panel.get("kind", "timeseries")
    made = {
        "type": kind,
        "title": panel["title"],
        "description": _description(panel, page),
        "datasource": SOURCE,
        "targets": list(_targets(table, row, panel, kind)),
        "fieldConfig": {"defaults": _defaults(panel, kind), "overrides": []},
        "options": _options(panel, kind),
    }
    if kind == "table":
        made["transformations"] = _transformations(panel["columns"])
    if page.linked and panel.get("alerts"):
        made["links"] = [
            {"title": f"Runbook: {alert}", "url": _runbook(page, alert), "targetBlank": True}
            for alert in panel["alerts"]
        ]
    return made


def _targets(table: Mapping[str, Any], row: Object, panel: Object, kind: str) -> Iterator[Object]:
    """Give the queries; what tells of now is asked as of now, or Grafana would show the last value of what is gone."""
    asked = panel["ask"] if isinstance(panel["ask"], dict) else {row["legend"]: panel["ask"]}
    now = kind in {"stat", "table"}
    for letter, (legend, expression) in zip("ABCDEFGH", asked.items(), strict=False):
        yield {
            "refId": letter,
            "datasource": SOURCE,
            "expr": _expression(table, expression),
            "legendFormat": legend,
            "instant": now,
            "range": not now,
            "format": "table" if kind == "table" else "time_series",
        }


def _expression(table: Mapping[str, Any], text: str) -> str:
    for name, labels in table["select"].items():
        text = text.replace(f"<{name}>", labels)
    return text.strip()


def _description(panel: Object, page: Page) -> str:
    alerts = panel.get("alerts", [])
    named = [
        f"[{alert}]({_runbook(page, alert)})" if page.linked else f"{alert} ({_runbook(page, alert)})"
        for alert in alerts
    ]
    return "\n\n".join((panel["about"], *((f"Alert: {', '.join(named)}",) if named else ())))


def _runbook(page: Page, alert: str) -> str:
    return f"{page.runbooks.rstrip('/')}/{alert}.md"


def _defaults(panel: Object, kind: str) -> Object:
    """Give what holds for every series of a panel."""
    # `text` is the colour of any other text.
    steps = panel.get("steps", {"low": "text"})
    found: Object = {
        "unit": panel["unit"],
        "color": {"mode": "palette-classic" if kind == "timeseries" else "thresholds"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"color": colour, "value": None if value == "low" else value} for value, colour in steps.items()],
        },
        "custom": CUSTOM.get(kind, {}),
    }
    if kind == "timeseries":
        found["custom"] = found["custom"] | {"thresholdsStyle": {"mode": "dashed" if "steps" in panel else "off"}}
    if "words" in panel:
        words = {str(value): {"index": n} | word for n, (value, word) in enumerate(panel["words"].items())}
        found["mappings"] = [{"type": "value", "options": words}]
    return found | {name: panel[key] for key, name in (("max", "max"), ("none", "noValue")) if key in panel}


def _options(panel: Object, kind: str) -> Object:
    if kind != "stat":
        return OPTIONS[kind]
    colour = "background" if "steps" in panel else "value"
    return OPTIONS[kind] | {"colorMode": colour, "textMode": panel.get("show", "auto")}


def _transformations(columns: Mapping[str, str]) -> list[Object]:
    """Show these labels alone, in this order, under these names."""
    order = {label: place for place, label in enumerate(columns)}
    return [
        {"id": "filterFieldsByName", "options": {"include": {"names": list(columns)}}},
        {"id": "organize", "options": {"excludeByName": {}, "indexByName": order, "renameByName": dict(columns)}},
    ]
