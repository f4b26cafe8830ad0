"""The package lock is obeyed, and the same lock and the same files give the same image."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from zkops import ROOT
from zkops.core.errors import Failed
from zkops.images import docker as engine
from zkops.images import sbom

from . import contents

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


def test_a_version_that_only_the_base_image_has_left_is_gone_from_the_archive(tmp_path: Path, base: str) -> None:
    # What a point release of Debian leaves: a base image made before it has versions that the archive lost.
    recipe = tmp_path / "base"
    recipe.mkdir()
    status = "/^Package: base-files$/,/^$/s/^Version: .*/Version: 0.0.1/"
    (recipe / "Dockerfile").write_text(f"FROM {base}\nRUN sed -i '{status}' /var/lib/dpkg/status\n")
    older = engine.build(recipe, "zkops/test-build:older-base")
    sentence = build_with(tmp_path, older, f"base-files {line_of('base-files')[2]}", "base-files 0.0.1")
    assert "base-files 0.0.1 is gone from the archive" in sentence
    assert "invoke image.lock" in sentence


@pytest.mark.timeout(1200)
def test_two_builds_without_cache_give_the_same_layers_and_bill_of_materials(
    image: str, base: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    # Another directory, with other times: neither may matter.
    context = tmp_path / "elsewhere"
    shutil.copytree(ROOT / "image", context, copy_function=shutil.copy)
    tags = ("zkops/test-build:first", "zkops/test-build:second")
    for tag in tags:
        engine.build(context, tag, args={"BASE": base}, nocache=True)
    layers = [contents.layers(built) for built in (*tags, image)]
    assert layers[0] == layers[1] == layers[2]
    assert len(layers[0]) == 1
    record_property("layers", layers)
    assert contents.directory(tags[0], sbom.INSIDE) == contents.directory(image, sbom.INSIDE)
