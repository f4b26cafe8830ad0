"""The house's plan: each library has its room, and the pure rooms reach nothing of the world."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zkops import ROOT

OWNERS = {
    "kubernetes": {"kube"},
    "websocket": {"kube"},
    "jinja2": {"report"},
    "docker": {"archive", "daemon", "doctor", "engine", "image", "pins", "registry", "sbom", "sources"},
    "kazoo": {"membership", "session", "slots", "writer", "znodes"},
    "prometheus_client": {"exposition"},
    "rich": {"console", "live", "view"},
}
PURE = (
    *("amounts", "beats", "cluster", "causes", "columns", "ensemble", "exposition", "forecast", "health", "lint"),
    *(
        "monitoring",
        "moves",
        "observed",
        "plan",
        "planned",
        "reading",
        "reasons",
        "render",
        "revisions",
        "seats",
        "sizing",
    ),
    *("chart", "curve", "dashboard", "report", "timeline"),
    *("standing", "status", "view", "vitals", "wish", "workload", "zoocfg"),
)


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_used_in_its_rooms_only(library: str) -> None:
    users = {file.stem for file in (ROOT / "zkops").glob("*.py") if library in imported(file)}
    assert users <= OWNERS[library]


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_brings_in_no_client_of_the_world(room: str) -> None:
    program = f"import sys, zkops.{room}; print([m for m in ('docker', 'kubernetes', 'kazoo') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
