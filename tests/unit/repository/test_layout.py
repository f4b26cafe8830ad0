"""The folders are as docs/internals/architecture.md says; what wings may import, import-linter checks."""

import ast
from collections.abc import Iterator
from pathlib import Path

from zkops import ROOT

MOST = 15
"""Modules in one folder: more of them hide what belongs together."""
FOLDERS = [
    folder for top in ("zkops", "sandbox", "tests/support") for folder in (ROOT / top, *(ROOT / top).rglob("*/"))
]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(file: Path, text: str) -> Iterator[str]:
    """Give the full names of the modules that a file imports, and of what it imports from them."""
    package = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*above, *filter(None, [node.module])))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def of_tests(names: Iterator[str]) -> list[str]:
    return [found for found in names if any(part.startswith("test_") for part in found.split("."))]


def test_imports_of_tests_are_found() -> None:
    text = (
        "import tests.unit.test_a\nfrom tests.unit.test_b import c\nfrom . import test_d\nfrom ..unit.test_e import f"
    )
    found = of_tests(imported(ROOT / "tests" / "integration" / "test_x.py", text))
    assert found == ["tests.unit.test_a", "tests.unit.test_b.c", "tests.integration.test_d", "tests.unit.test_e.f"]
    assert of_tests(imported(ROOT / "tests" / "x.py", "from tests.support import factories\nimport os")) == []


def test_tests_import_no_tests() -> None:
    found = {
        name(file): of_tests(imported(file, file.read_text(encoding="utf-8")))
        for file in (ROOT / "tests").rglob("*.py")
    }
    assert {file: names for file, names in found.items() if names} == {}


def test_a_folder_can_be_read_at_a_glance() -> None:
    counts = {name(folder): len([*folder.glob("[!_]*.py")]) for folder in FOLDERS}
    assert counts["zkops/config"] > 5
    assert {folder: count for folder, count in counts.items() if count > MOST} == {}


def test_a_package_holds_its_contract_in_one_sentence_and_nothing_else() -> None:
    packages = [file for file in (ROOT / "zkops").rglob("*/__init__.py") if file.parent != ROOT / "zkops"]
    assert len(packages) > 15
    for package in packages:
        module = ast.parse(package.read_text(encoding="utf-8"))
        contract = ast.get_docstring(module) or ""
        assert len(module.body) == 1, name(package)
        assert contract.endswith("."), name(package)
        assert "\n" not in contract, name(package)
