"""The package lock is obeyed: what is not exactly the package meant never gets into an image."""

import shutil
from pathlib import Path

import pytest

from zkops import ROOT, engine
from zkops.errors import Failed

TAG = "zkops/test-build:lock"


def build_with(tmp_path: Path, base: str, old: str, new: str) -> str:
    """Build the packages from a lock with *old* replaced by *new*; give the sentence it fails with."""
    context = tmp_path / "image"
    shutil.copytree(ROOT / "image", context)
    lock = context / "packages.lock"
    text = lock.read_text()
    assert old in text
    lock.write_text(text.replace(old, new))
    with pytest.raises(Failed) as failure:
        engine.build(context, TAG, args={"BASE": base}, target="packages")
    return str(failure.value)


def line_of(package: str) -> list[str]:
    lines = (ROOT / "image" / "packages.lock").read_text().splitlines()
    return next(line.split() for line in lines if f" {package} " in line)


def test_a_package_with_another_hash_ends_the_build_and_is_named(tmp_path: Path, base: str) -> None:
    sha256 = line_of("libsnappy-java")[4]
    sentence = build_with(tmp_path, base, sha256, "0" * 64)
    assert "libsnappy-java" in sentence
    assert f"its sha256 is {sha256}" in sentence


def test_a_version_gone_from_the_archive_ends_the_build_with_the_mend(tmp_path: Path, base: str) -> None:
    version = line_of("libcommons-cli-java")[2]
    sentence = build_with(tmp_path, base, f"libcommons-cli-java {version}", "libcommons-cli-java 0.0.1")
    assert "libcommons-cli-java 0.0.1 is gone from the archive" in sentence
    assert "invoke image.lock" in sentence
