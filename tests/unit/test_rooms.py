"""The house's plan: each library has its room, and the pure rooms reach nothing of the world."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zkops import ROOT

OWNERS = {
    "kubernetes": {"kube.client"},
    "websocket": {"kube.client"},
    "jinja2": {"report.page"},
    "docker": {
        "images.debian",
        "images.daemon",
        "doctor.examine",
        "images.docker",
        "images.image",
        "images.lockfiles",
        "images.registry",
        "images.sbom",
        "images.base",
    },
    "kazoo": {
        "zookeeper.reconfig",
        "zookeeper.client",
        "zookeeper.heartbeat.znodes",
        "zookeeper.heartbeat.writer",
        "zookeeper.shell_commands",
    },
    "prometheus_client": {"zookeeper.metrics"},
    "rich": {"core.console", "status.watch", "status.view"},
}
PURE = (
    *(
        "core.units",
        "zookeeper.heartbeat.result",
        "config.cluster",
        "kube.causes",
        "status.columns",
        "status.ensemble",
        "zookeeper.metrics",
        "planning.prediction",
        "planning.preconditions",
        "zoocfg.lint.linter",
    ),
    *(
        "manifests.monitoring",
        "planning.next_step",
        "ensemble.observed",
        "planning.planner",
        "planning.plan",
        "status.sample",
        "planning.reasons",
        "manifests.render",
        "rollout.revisions",
        "zookeeper.membership",
        "zoocfg.sizing",
    ),
    *("report.chart", "report.latency", "manifests.dashboard", "report.page", "report.timeline"),
    *(
        "planning.state",
        "ensemble.summary",
        "status.view",
        "status.vitals",
        "rollout.options",
        "manifests.daemonset",
        "zoocfg.settings",
    ),
)


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT / "zkops").with_suffix("").parts)


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_used_in_its_rooms_only(library: str) -> None:
    users = {name(file) for file in (ROOT / "zkops").rglob("*.py") if library in imported(file)}
    assert users <= OWNERS[library]


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_brings_in_no_client_of_the_world(room: str) -> None:
    program = f"import sys, zkops.{room}; print([m for m in ('docker', 'kubernetes', 'kazoo') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
