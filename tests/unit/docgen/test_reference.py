"""The reference page describes every key and is the one the code makes."""

import pytest

from zkops import ROOT
from zkops.docgen.reference import markdown


def test_the_page_is_current(request: pytest.FixtureRequest) -> None:
    page = ROOT / "docs" / "reference" / "cluster.md"
    if request.config.getoption("--update-golden"):
        page.write_text(markdown(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == markdown(), "run this test with --update-golden"


def test_every_key_is_described() -> None:
    rows = [line.split("|") for line in markdown().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert [row[1] for row in rows if not row[-2].strip()] == []
