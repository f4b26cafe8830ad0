"""The image's tag, its name, its lock; the registry's credentials and what it says when it refuses."""

import json
import re
import shutil
from pathlib import Path

import pytest

from zkops.config.cluster import Cluster, Credentials
from zkops.config.loader import parse
from zkops.core.console import Step
from zkops.core.errors import BadInput, Failed
from zkops.images import image, registry
from zkops.images.image import ImageRef, content_tag
from zkops.images.registry import Login

DIGEST = "sha256:" + "a" * 64
PASSWORD = "pa55: word"
USER = Login(username="ann", password=PASSWORD)


def cluster(tmp_path: Path, registry: str = "", image: str = "{}") -> Cluster:
    text = f"""
name: demo
machines: [{{hostname: a, ip: 10.0.0.1, id: 1}}]
registry: {{domain: "reg.example:5000", {registry}}}
image: {image}
"""
    return parse(text, tmp_path / "cluster.yaml")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    copied = tmp_path / "image"
    shutil.copytree(image.DIRECTORY, copied)
    return copied


def test_the_tag_is_version_and_content(context: Path) -> None:
    assert re.fullmatch(r"3\.9\.6-[0-9a-f]{12}", content_tag(context))
    assert content_tag(context) == content_tag()


def test_the_tag_changes_with_one_byte(context: Path) -> None:
    with (context / "probe").open("ab") as file:
        file.write(b"\n")
    assert content_tag(context) != content_tag()


def test_the_tag_changes_with_an_executable_bit(context: Path) -> None:
    (context / "probe").chmod(0o644)
    assert content_tag(context) != content_tag()


def test_the_tag_changes_with_a_name(context: Path) -> None:
    (context / "probe").rename(context / "prober")
    assert content_tag(context) != content_tag()


def test_the_tag_changes_when_bytes_move_from_file_to_file(context: Path) -> None:
    (context / "a").write_bytes(b"xy")
    (context / "b").write_bytes(b"z")
    before = content_tag(context)
    (context / "a").write_bytes(b"x")
    (context / "b").write_bytes(b"yz")
    assert content_tag(context) != before


def test_the_tag_changes_with_nothing_else(context: Path) -> None:
    (context / "probe").touch()
    (context / "Dockerfile").chmod(0o600)
    assert content_tag(context) == content_tag()


@pytest.mark.parametrize(
    ("reference", "repository", "tag", "digest"),
    [
        ("zookeeper", "zookeeper", "latest", None),
        ("zookeeper:3.9", "zookeeper", "3.9", None),
        ("reg.example:5000/a/zookeeper", "reg.example:5000/a/zookeeper", "latest", None),
        ("reg.example:5000/a/zookeeper:3", "reg.example:5000/a/zookeeper", "3", None),
        (f"reg.example:5000/zk@{DIGEST}", "reg.example:5000/zk", "", DIGEST),
        (f"127.0.0.1:5000/zk:3@{DIGEST}", "127.0.0.1:5000/zk", "3", DIGEST),
    ],
)
def test_references_are_read(reference: str, repository: str, tag: str, digest: str | None) -> None:
    assert ImageRef.parse(reference) == ImageRef(repository=repository, tag=tag, digest=digest)


@pytest.mark.parametrize("reference", ["", "a b", "zk:", "zk@sha256:12", "zk@", "/", "https://reg.example/zk"])
def test_what_is_no_reference_is_refused(reference: str) -> None:
    with pytest.raises(BadInput, match=r"image\.reference"):
        ImageRef.parse(reference)


def test_only_a_digest_pins() -> None:
    assert ImageRef(repository="r", tag="t", digest=DIGEST).pinned == f"r@{DIGEST}"
    with pytest.raises(Failed, match="has no digest"):
        _ = ImageRef(repository="r", tag="t").pinned


def test_the_lock_names_each_package_exactly() -> None:
    lines = [line.split() for line in (image.DIRECTORY / image.LOCK).read_text().splitlines() if line[0] != "#"]
    for suite, package, version, architecture, sha256, *use in lines:
        assert suite in {"trixie", "forky"}
        assert re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", package)
        assert re.fullmatch(r"(\d+:)?[0-9][A-Za-z0-9.+~-]*", version)
        assert architecture in {"all", "amd64", "arm64"}
        assert re.fullmatch(r"[0-9a-f]{64}", sha256)
        assert use in ([], ["build"])
    assert len({(package, architecture) for _, package, _, architecture, *_ in lines}) == len(lines)


def test_no_archive_host_is_named_in_the_image() -> None:
    recipe = [image.DIRECTORY / "Dockerfile", image.DIRECTORY / image.LOCK, *image.DIRECTORY.glob("*.sh")]
    for file in recipe:
        assert not re.search(r"https?://", file.read_text()), file


def test_labels_are_the_same_for_the_same_content() -> None:
    assert image.labels("3.9.6-abc", "debian:trixie-slim") == image.labels("3.9.6-abc", "debian:trixie-slim")
    assert image.labels("3.9.6-abc", "b")["org.opencontainers.image.revision"] == "abc"


def test_what_was_pushed_is_known_by_digest_and_only_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "RECORD", tmp_path / "build" / "image.json")
    described = cluster(tmp_path)
    tagged = f"reg.example:5000/zkops/zookeeper:{content_tag()}"
    assert image.known(described) == tagged
    record = {"reg.example:5000/zkops/zookeeper:3.9.6-other": "sha256:" + "1" * 64}
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "image.json").write_text(json.dumps(record | {tagged: DIGEST}))
    assert image.known(described) == f"{described.repository}@{DIGEST}"
    assert image.resolve(described).pinned == f"{described.repository}@{DIGEST}"
    (tmp_path / "build" / "image.json").write_text(json.dumps(record))
    assert image.known(described) == tagged


def test_an_image_named_with_its_digest_is_taken_as_it_is(tmp_path: Path) -> None:
    described = cluster(tmp_path, image=f'{{reference: "x.example/zk:3@{DIGEST}"}}')
    assert image.known(described) == f"x.example/zk@{DIGEST}"
    assert image.resolve(described).pinned == f"x.example/zk@{DIGEST}"
    assert image.build(described).tagged == "x.example/zk:3"


@pytest.mark.parametrize(
    ("reference", "host"),
    [("other.example/zk:1", "other.example"), ("zookeeper:3.9", "docker.io"), ("localhost/zk:1", "localhost")],
)
def test_our_credentials_are_shown_to_no_other_registry(tmp_path: Path, reference: str, host: str) -> None:
    described = cluster(tmp_path, image=f"{{reference: {reference!r}}}")
    registry = described.registry.model_copy(update={"credentials": Credentials(file="login")})
    described = described.model_copy(update={"registry": registry})
    there = image.at_its_registry(described, ImageRef.parse(reference))
    assert (there.registry.domain, there.registry.credentials) == (host, None)
    ours = ImageRef.parse("reg.example:5000/zkops/zookeeper:1")
    assert image.at_its_registry(described, ours) is described


def test_credentials_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = cluster(tmp_path, "credentials: {username_env: U, password_env: P}")
    monkeypatch.setenv("U", "ann")
    monkeypatch.delenv("P", raising=False)
    with pytest.raises(BadInput, match="environment variable P is not set"):
        registry.login(described)
    monkeypatch.setenv("P", PASSWORD)
    assert registry.login(described) == USER


def test_credentials_come_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    described = cluster(tmp_path, "credentials: {file: login.txt}")
    with pytest.raises(BadInput, match=r"login\.txt cannot be read"):
        registry.login(described)
    (tmp_path / "login.txt").write_text(f"user: ann\npassword: {PASSWORD}\n")
    with pytest.raises(BadInput, match="has no username") as refused:
        registry.login(described)
    assert PASSWORD not in str(refused.value)
    (tmp_path / "login.txt").write_text(f"username: ann\npassword: {PASSWORD}\n")
    assert registry.login(described) == USER


def test_without_credentials_there_is_no_login(tmp_path: Path) -> None:
    assert registry.login(cluster(tmp_path)) is None


def test_a_login_never_shows_its_password() -> None:
    assert PASSWORD not in repr(USER)


@pytest.mark.parametrize(
    ("message", "plain_http", "user", "sentence", "mend"),
    [
        ("dial tcp 10.0.0.9:5000: connect: connection refused", False, USER, "cannot be reached", "registry.domain"),
        ("dial tcp: lookup reg.example: no such host", False, None, "cannot be reached", "registry.domain"),
        (
            "unauthorized: authentication required",
            False,
            USER,
            "refuses the credentials of the user ann",
            "credentials",
        ),
        ("denied: requested access is denied", False, None, "wants a login", "docker login reg.example:5000"),
        ("http: server gave HTTP response to HTTPS client", False, None, "speaks plain HTTP", "registry.plain_http"),
        ("http: server gave HTTP response to HTTPS client", True, None, "does not speak plain HTTP", "daemon.json"),
        ("x509: certificate signed by unknown authority", False, None, "is not trusted", "certs.d/reg.example:5000"),
        ("received unexpected HTTP status: 500", False, USER, "unexpected HTTP status: 500", "again"),
        (f"bad header {PASSWORD}", False, USER, "bad header ***", "again"),
    ],
)
def test_what_a_registry_says_becomes_one_sentence(
    tmp_path: Path, message: str, plain_http: bool, user: Login | None, sentence: str, mend: str
) -> None:
    error = registry.explain(message, cluster(tmp_path, f"plain_http: {str(plain_http).lower()}"), user)
    assert sentence in error.what
    assert "reg.example:5000" in error.what
    assert mend in error.mend
    assert PASSWORD not in str(error)


def test_a_push_adds_up_bytes_and_gives_the_digest(tmp_path: Path) -> None:
    events: list[dict[str, object]] = [
        {"status": "The push refers to repository [reg.example:5000/zkops/zookeeper]"},
        {"status": "Pushing", "id": "a", "progressDetail": {"current": 3_000_000, "total": 9_000_000}},
        {"status": "Pushing", "id": "b", "progressDetail": {"current": 4_000_000, "total": 4_000_000}},
        {"status": "Pushed", "id": "b", "progressDetail": {}},
        {"progressDetail": {}, "aux": {"Tag": "t", "Digest": DIGEST, "Size": 5}},
    ]
    step = Step("push")
    assert registry.follow(events, cluster(tmp_path), None, step) == DIGEST
    assert step.detail == "7 of 13 MB"


def test_an_error_while_pushing_is_explained(tmp_path: Path) -> None:
    events = [{"errorDetail": {}, "error": "denied: no"}]
    with pytest.raises(Failed, match="refuses the credentials"):
        registry.follow(events, cluster(tmp_path), USER, Step("push"))
