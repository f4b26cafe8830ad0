"""Where the bill of materials is written, and what is said where it cannot be."""

from pathlib import Path

import pytest

from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput
from zkops.images import sbom


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sbom, "read", lambda _: "{}\n")
    monkeypatch.setattr(sbom, "BESIDE", tmp_path / "build" / "sbom.cdx.json")


def test_the_bill_lies_beside_the_image_where_no_file_is_named(cluster: Cluster, tmp_path: Path) -> None:
    assert sbom.write(cluster, "") == tmp_path / "build" / "sbom.cdx.json"
    assert (tmp_path / "build" / "sbom.cdx.json").read_text() == "{}\n"


def test_a_file_that_is_named_is_written_with_its_directories(cluster: Cluster, tmp_path: Path) -> None:
    assert sbom.write(cluster, str(tmp_path / "a" / "b.json")).read_text() == "{}\n"


def test_a_file_that_cannot_be_written_is_named(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"--output: .*file/bill\.json cannot be written") as refused:
        sbom.write(cluster, str(tmp_path / "file" / "bill.json"))
    assert "name another file" in refused.value.mend
