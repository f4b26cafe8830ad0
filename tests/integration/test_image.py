"""The image itself: small, nothing in it to attack with, the same bit for bit whenever it is built."""

import gzip
import json
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from zkops import ROOT, engine

MEGABYTE = 10**6


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    with closing(engine.connect(timeout=120)) as connected:
        yield connected


@pytest.fixture(scope="module")
def files(client: docker.DockerClient, image: str, tmp_path_factory: pytest.TempPathFactory) -> list[tarfile.TarInfo]:
    """Give what the image holds, read from a container that never runs."""
    archive = tmp_path_factory.mktemp("image") / "files.tar"
    made = client.containers.create(image)
    try:
        with archive.open("wb") as file:
            file.writelines(made.export())
    finally:
        made.remove(v=True)
    # What Docker itself puts into every container.
    ours = ("dev", "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab", ".dockerenv", "proc", "sys")
    with tarfile.open(archive) as tar:
        return [info for info in tar.getmembers() if not info.name.startswith(ours) and info.name not in {"etc", "."}]


def test_it_is_at_most_80_megabytes_and_38_compressed(client: docker.DockerClient, image: str) -> None:
    assert client.images.get(image).attrs["Size"] <= 80 * MEGABYTE
    saved = b"".join(client.api.get_image(image))
    assert len(gzip.compress(saved, compresslevel=6)) <= 38 * MEGABYTE


def test_every_file_belongs_to_root_and_only_the_volumes_to_the_user(files: list[tarfile.TarInfo]) -> None:
    others = {info.name for info in files if (info.uid, info.gid) != (0, 0)}
    assert others == {"conf", "data", "datalog", "logs"}


def test_nothing_in_it_gives_anybody_more_rights(files: list[tarfile.TarInfo]) -> None:
    assert [info.name for info in files if info.mode & 0o6000] == []
    writable = [info.name for info in files if info.mode & 0o022 and not info.issym()]
    assert writable == ["tmp"]


def test_no_package_manager_and_one_shell_are_in_it(files: list[tarfile.TarInfo]) -> None:
    programs = {Path(info.name).name: info for info in files if "bin" in Path(info.name).parts}
    assert {"apt", "apt-get", "dpkg", "dpkg-deb", "rpm", "apk", "bash", "dash", "perl", "python3"} & set(
        programs
    ) == set()
    assert programs["sh"].linkname == "busybox"


def test_no_path_in_its_recipe_is_of_one_processor() -> None:
    for file in (ROOT / "image").iterdir():
        if file.suffix != ".lock" and file.is_file() and file.name != "KEYS":
            text = file.read_text(encoding="utf-8")
            assert "x86_64" not in text, file
            assert "aarch64" not in text, file
    architectures = {line.split()[3] for line in (ROOT / "image/packages.lock").read_text().splitlines()[2:]}
    assert architectures == {"all", "amd64", "arm64"}


@pytest.mark.timeout(600)
def test_two_builds_without_cache_give_the_same_layers(
    client: docker.DockerClient, image: str, base: str, tmp_path: Path
) -> None:
    # Another directory, with other times and another umask: neither may matter.
    context = tmp_path / "elsewhere"
    shutil.copytree(ROOT / "image", context, copy_function=shutil.copy)
    tags = ["zkops/test-twice:1", "zkops/test-twice:2"]
    try:
        for tag in tags:
            engine.build(context, tag, args={"BASE": base}, no_cache=True)
        layers = [client.images.get(name).attrs["RootFS"]["Layers"] for name in (*tags, image)]
    finally:
        for tag in tags:
            client.images.remove(tag)
    assert layers[0] == layers[1] == layers[2]
    assert len(layers[0]) == 1
    print(json.dumps(layers, indent=2))  # noqa: T201 — what a reviewer wants to see with -s
