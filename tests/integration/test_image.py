"""The image itself: small, and with nothing in it that nobody needs."""

import gzip
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from zkops import ROOT
from zkops.images import docker as engine

from . import contents

MEGABYTE = 10**6


@pytest.fixture(scope="module")
def files(image: str) -> list[tarfile.TarInfo]:
    """Give what the image holds, without what Docker itself puts into every container."""
    docker = ("dev", "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab", ".dockerenv", "proc", "sys")
    with contents.whole(image) as tar:
        return [info for info in tar.getmembers() if not info.name.startswith(docker) and info.name not in {"etc", "."}]


def test_it_is_at_most_80_megabytes_and_38_compressed(image: str) -> None:
    with closing(engine.connect(timeout=120)) as client:
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
