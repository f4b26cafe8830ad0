"""An image from Apache's own release: built and serving when the release is right, and refused when anything is not."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from zkops import ROOT
from zkops.config import loader as config
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput, Failed, ZkopsError
from zkops.images import apache_release as apache
from zkops.images import docker as engine
from zkops.images import image as room
from zkops.images import sbom

from . import contents, releases
from .releases import NAME, VERSION, Signer, Site
from .servers import serving

REPOSITORY = "127.0.0.1:9/test-apache"


@dataclass(frozen=True)
class World:
    """Apache as it is to the build: an archive, its signer, and `image/` with that signer's key for KEYS."""

    archive: bytes
    signer: Signer


@pytest.fixture(scope="module")
def world(packages: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    signer, directory = Signer(), tmp_path_factory.mktemp("apache")
    shutil.copytree(ROOT / "image", directory / "image")
    (directory / "image" / "KEYS").write_text(signer.keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "DIRECTORY", directory / "image")
        yield World(releases.archive(packages), signer)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Begin every test with nothing downloaded."""
    monkeypatch.setattr(apache, "CACHE", tmp_path / "downloads")
    return tmp_path / "downloads"


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    """Give a web server with the release as it should be."""
    with releases.served(world.signer.published(world.archive)) as site:
        yield site


def described(url: str, version: str = VERSION) -> Cluster:
    shipped = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    domain, _, namespace = REPOSITORY.partition("/")
    changes = {
        "image": {"distribution": "apache", "apache": {"version": version, "url": url}},
        "registry": {"domain": domain, "namespace": namespace, "plain_http": True},
        "sandbox": None,
    }
    return config.parse(yaml.safe_dump(shipped | changes), ROOT / "cluster.yaml")


def tagged() -> list[str]:
    with closing(engine.connect()) as client:
        return [tag for image in client.api.images(f"{REPOSITORY}/zookeeper") for tag in image["RepoTags"] or ()]


def remove(*tags: str) -> None:
    with closing(engine.connect()) as client:
        for tag in tags:
            client.api.remove_image(tag, force=True)


def refused(cluster: Cluster, kind: type[ZkopsError]) -> str:
    """Build; give the sentence it fails with, when no image was tagged."""
    with pytest.raises(kind) as error:
        room.build(cluster)
    assert type(error.value) is kind
    assert tagged() == []
    return str(error.value)


def changed(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def tampered_archive(site: Site, _: World) -> None:
    site.files[f"/{NAME}"] = changed(site.files[f"/{NAME}"])


def tampered_hash(site: Site, _: World) -> None:
    site.files[f"/{NAME}.sha512"] = f"{'0' * 128}  {NAME}\n".encode()


def page_for_a_hash(site: Site, _: World) -> None:
    site.files[f"/{NAME}.sha512"] = b"<html>Please log in</html>"


def no_signature(site: Site, _: World) -> None:
    del site.files[f"/{NAME}.asc"]


def no_archive(site: Site, _: World) -> None:
    del site.files[f"/{NAME}"]


def tampered_archive_with_its_hash(site: Site, world: World) -> None:
    files = world.signer.published(changed(world.archive))
    site.files |= {path: files[path] for path in (f"/{NAME}", f"/{NAME}.sha512")}


def signed_by_another_key(site: Site, world: World) -> None:
    site.files |= Signer().published(world.archive)


def signature_of_nothing(site: Site, _: World) -> None:
    site.files[f"/{NAME}.asc"] = b"<html>Please log in</html>"


@pytest.mark.parametrize(
    ("ruin", "sentence"),
    [
        (tampered_archive, f"{NAME} is not the release: its sha512 is "),
        (tampered_hash, f"{NAME}.sha512 says {'0' * 128}"),
        (page_for_a_hash, f"{NAME}.sha512 holds no SHA-512"),
        (no_signature, f"{NAME}.asc is not to be had, the server says 404"),
        (no_archive, f"{NAME} is not to be had, the server says 404"),
        (tampered_archive_with_its_hash, f"{NAME}.asc is no good signature of {NAME} by a key in image/KEYS"),
        (signed_by_another_key, f"{NAME}.asc is no good signature of {NAME} by a key in image/KEYS"),
        (signature_of_nothing, f"{NAME}.asc is no good signature of {NAME} by a key in image/KEYS"),
    ],
)
def test_what_is_not_as_apache_signed_it_is_refused(
    world: World, site: Site, ruin: Callable[[Site, World], None], sentence: str
) -> None:
    ruin(site, world)
    assert sentence in refused(described(site.url), BadInput)


def test_an_older_release_under_a_newer_name_is_refused(world: World, packages: str) -> None:
    # Signed it is: by the release manager, for another version.
    old = world.signer.published(releases.archive(packages, "3.9.1"))
    with releases.served(old) as site:
        assert f"not of ZooKeeper {VERSION}" in refused(described(site.url), BadInput)


def test_a_download_that_breaks_off_is_never_kept(world: World, site: Site, cache: Path) -> None:
    site.breaks_off_at = 1_000_000
    assert re.search(rf"broke off after \d+ of {len(world.archive)} bytes", refused(described(site.url), Failed))
    assert list(cache.iterdir()) == []


def test_a_server_that_is_not_there_is_told(world: World) -> None:
    assert world
    sentence = refused(described(f"http://127.0.0.1:9/{NAME}"), Failed)
    assert "cannot be fetched: " in sentence
    assert "image.apache.file" in sentence


@pytest.mark.timeout(900)
def test_a_right_one_is_built_serves_and_is_listed_by_what_apache_made(world: World, site: Site, cache: Path) -> None:
    cluster = described(site.url)
    try:
        tag = room.build(cluster).tagged
        assert [file.name for file in cache.iterdir()] == [f"{hashlib.sha512(world.archive).hexdigest()}.tar.gz"]
        # Unchanged: nobody is asked for anything.
        site.asked.clear()
        assert room.build(cluster).tagged == tag
        assert site.asked == []
        with serving(tag) as server:
            assert server.srvr().mode == "standalone"
        bill = sbom.read(cluster)
        packages = contents.directory(tag, "/var/lib/dpkg/status.d")
        licences = contents.directory(tag, "/usr/share/doc/apache-zookeeper")
    finally:
        remove(*tagged())
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    components = {one["name"]: one for one in json.loads(bill)["components"]}
    assert components["zookeeper"]["purl"] == f"pkg:maven/org.apache.zookeeper/zookeeper@{VERSION}"
    assert components["netty-common"]["purl"].startswith("pkg:maven/io.netty/netty-common@")
    sha512 = {"alg": "SHA-512", "content": hashlib.sha512(world.archive).hexdigest()}
    assert components[NAME]["hashes"] == [sha512]
    assert not {"libzookeeper-java", "libnetty-java", "libsnappy-jni"} & (packages.keys() | components.keys())
    assert "libslf4j-java" in packages.keys() & components.keys()
    assert licences.keys() >= {"LICENSE.txt", "NOTICE.txt", "netty-common-4.1.48.Final.LICENSE.txt"}
