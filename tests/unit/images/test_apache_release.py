"""Apache's release: its published hash is read and obeyed, and what the build says of it reaches people."""

import hashlib
import re
from pathlib import Path

import pytest
from pysequoia import Cert

from tests.conftest import MakeCluster
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput, Failed
from zkops.images import apache_release as apache
from zkops.images import image
from zkops.images.apache_release import Release, obtain, published

NAME = "apache-zookeeper-3.9.4-bin.tar.gz"
CONTENT = b"as Apache made it"
SHA512 = hashlib.sha512(CONTENT).hexdigest()
GROUPS = (
    f"{NAME}: " + " ".join(re.findall(".{8}", SHA512.upper())[:8]) + "\n  " + " ".join(re.findall(".{8}", SHA512)[8:])
)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    file = tmp_path / NAME
    file.write_bytes(CONTENT)
    Path(f"{file}.sha512").write_text(f"{SHA512}  {NAME}\n")
    Path(f"{file}.asc").write_text("signature")
    return file


@pytest.fixture
def described(make_cluster: MakeCluster, tmp_path: Path) -> Cluster:
    made = make_cluster(image={"distribution": "apache", "apache": {"version": "3.9.4", "file": NAME}})
    return made.model_copy(update={"directory": tmp_path})


def get(cluster: Cluster) -> Release:
    assert cluster.image.apache
    return obtain(cluster, cluster.image.apache)


@pytest.mark.parametrize(
    "text", [SHA512, f"{SHA512}  {NAME}\n", f"{SHA512} *{NAME}", f"{SHA512.upper()}  ./{NAME}", GROUPS]
)
def test_a_published_hash_is_read_in_every_form_it_is_written_in(text: str) -> None:
    assert published(text, NAME, "x.sha512") == SHA512


@pytest.mark.parametrize("text", ["", "<html>404</html>", SHA512[:-1], f"{NAME}: {SHA512[:64]}", f"{SHA512}ab"])
def test_what_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"x\.sha512 holds no SHA-512"):
        published(text, NAME, "x.sha512")


def test_the_hash_of_another_file_is_refused() -> None:
    with pytest.raises(BadInput, match=f"is the SHA-512 of other.tar.gz, not of {NAME}"):
        published(f"{SHA512}  other.tar.gz", NAME, "x.sha512")


def test_a_local_archive_is_taken_from_beside_the_description(described: Cluster, archive: Path) -> None:
    release = get(described)
    assert (release.archive, release.sha512, release.signature) == (archive, SHA512, b"signature")


def test_a_local_archive_that_was_changed_is_refused(described: Cluster, archive: Path) -> None:
    archive.write_bytes(CONTENT + b"!")
    changed = hashlib.sha512(CONTENT + b"!").hexdigest()
    with pytest.raises(BadInput, match=f"its sha512 is {changed}, .*sha512 says {SHA512}") as refused:
        get(described)
    assert "do not use it" in refused.value.mend


@pytest.mark.parametrize("suffix", ["", ".sha512", ".asc"])
def test_each_of_the_three_files_must_be_there(described: Cluster, archive: Path, suffix: str) -> None:
    Path(f"{archive}{suffix}").unlink()
    with pytest.raises(BadInput, match=rf"{NAME}{suffix} cannot be read: No such file"):
        get(described)


def test_the_build_gets_the_release_by_the_name_apache_gives_it(described: Cluster, archive: Path) -> None:
    renamed = archive.rename(archive.with_name("zk.tgz"))
    release = Release(version="3.9.4", archive=renamed, sha512=SHA512, signature=b"signature")
    with apache.context(release, image.DIRECTORY) as directory:
        assert (directory / "apache" / NAME).read_bytes() == CONTENT
        assert (directory / "apache" / f"{NAME}.sha512").read_text() == f"{SHA512}  {NAME}\n"
        assert (directory / "apache" / f"{NAME}.asc").read_bytes() == b"signature"
        assert (directory / "Dockerfile").read_bytes() == (image.DIRECTORY / "Dockerfile").read_bytes()
    assert not directory.exists()


def test_what_the_build_refuses_is_bad_input_and_all_else_a_failure(described: Cluster, archive: Path) -> None:
    said = "the image build failed at Step 6/16\n  | refused: x.asc is no good signature\n  | mend: do not use it"
    with pytest.raises(BadInput, match=r"image\.apache: x\.asc is no good signature") as refused:  # noqa: SIM117
        with apache.context(get(described), image.DIRECTORY):
            raise Failed(said)
    assert refused.value.mend == "do not use it"
    with pytest.raises(Failed, match="the disk is full"), apache.context(get(described), image.DIRECTORY):
        raise Failed("the disk is full")


def test_the_tag_tells_the_release_apart_without_asking_anybody(described: Cluster, cluster: Cluster) -> None:
    tag = image.wanted(described).tag
    assert re.fullmatch(r"3\.9\.4-[0-9a-f]{12}", tag)
    assert tag.partition("-")[2] != image.wanted(cluster).tag.partition("-")[2]


def test_the_keys_are_apache_s_and_hold_the_one_that_signs_3_9() -> None:
    text = (image.DIRECTORY / "KEYS").read_text()
    blocks = re.findall(r"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?-----END PGP PUBLIC KEY BLOCK-----", text, re.DOTALL)
    keys = {Cert.from_bytes(block.encode()).fingerprint.upper() for block in blocks}
    assert "3F7A1D16FA4217B1DC75E1C9FFE35B7F15DFA1BA" in keys
    assert "PRIVATE" not in text
