"""Pushing to a real registry: login, digest, nothing to do, and each way a registry refuses."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from testcontainers.core.container import DockerContainer

from tests.support.waiting import eventually
from zkops.config.cluster import Cluster, Credentials
from zkops.core.errors import BadInput, Failed
from zkops.images import docker as engine
from zkops.images import image as room
from zkops.images import registry

from .registries import registry_image, with_registry

PASSWORD = "s3cret-word"
LOST = "sha256:" + "0" * 64
# The same password as the registry wants it: bcrypt, made with crypt(3).
HTPASSWD = b"ann:$2b$05$abcdefghijklmnopqrstuuEpHRRKIlpAGo.iP7Bpa.htQEJMAAnRe\n"


@pytest.fixture(scope="module")
def served(cluster: Cluster, image: str) -> Iterator[DockerContainer]:
    """Give a registry that wants a login."""
    settings = {
        "REGISTRY_AUTH": "htpasswd",
        "REGISTRY_AUTH_HTPASSWD_REALM": "zkops",
        "REGISTRY_AUTH_HTPASSWD_PATH": "/htpasswd",
    }
    made = DockerContainer(registry_image(cluster), env=settings).with_exposed_ports(5000)
    with made.with_copy_into_container(HTPASSWD, "/htpasswd"):
        yield made


@pytest.fixture(scope="module")
def described(cluster: Cluster, served: DockerContainer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Describe a cluster with that registry and the right credentials; forget the image's names at the end."""
    directory = tmp_path_factory.mktemp("push")
    (directory / "login").write_text(f"username: ann\npassword: {PASSWORD}\n")
    host = served.get_container_host_ip().replace("localhost", "127.0.0.1")
    changes = {
        "domain": f"{host}:{served.get_exposed_port(5000)}",
        "plain_http": True,
        "credentials": Credentials(file="login"),
    }
    changed = cluster.registry.model_copy(update=changes)
    made = cluster.model_copy(update={"registry": changed, "directory": directory})
    eventually(lambda: registry._answers_plain_http(changed.domain))
    room.build(made)
    yield made
    with closing(engine.connect()) as client:
        for tag in (room.content_tag(), changed.tag):
            client.api.remove_image(f"{made.repository}:{tag}")


@pytest.fixture(autouse=True)
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the record of the last push out of the checkout."""
    monkeypatch.setattr(room, "RECORD", tmp_path / "build" / "image.json")
    return room.RECORD


def test_a_push_records_the_digest_and_a_second_one_does_nothing(
    described: Cluster, record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pushed = room.push(described)
    assert room.known(described) == pushed.pinned == room.resolve(described).pinned
    capsys.readouterr()
    assert room.push(described) == pushed
    assert capsys.readouterr().err.count("nothing to push") == 2
    record.unlink()
    assert room.resolve(described) == pushed


def test_refused_credentials_are_told_without_the_password(described: Cluster) -> None:
    (described.directory / "wrong").write_text("username: ann\npassword: wrong-word\n")
    with pytest.raises(Failed, match="refuses the credentials of the user ann") as refused:
        room.push(with_registry(described, credentials=Credentials(file="wrong")))
    assert "wrong-word" not in str(refused.value)


def test_a_registry_that_wants_a_login_says_so(described: Cluster) -> None:
    with pytest.raises(Failed, match="wants a login"):
        room.push(with_registry(described, credentials=None))


def test_plain_http_unasked_is_refused_before_anything_is_sent(described: Cluster, record: Path) -> None:
    with pytest.raises(BadInput, match="speaks plain HTTP"):
        room.push(with_registry(described, plain_http=False))
    assert not record.exists()


def test_a_registry_that_is_down_is_told(described: Cluster) -> None:
    # Port 9 is kept for the discard service, and nobody serves it.
    down = with_registry(described, domain="127.0.0.1:9")
    room.build(down)
    try:
        with pytest.raises(Failed, match=r"the registry 127\.0\.0\.1:9 cannot be reached"):
            room.push(down)
    finally:
        with closing(engine.connect()) as client:
            for tag in (room.content_tag(), down.registry.tag):
                client.api.remove_image(f"{down.repository}:{tag}")


def test_what_was_not_built_is_not_pushed(described: Cluster) -> None:
    with pytest.raises(Failed, match="has not been built"):
        room.push(with_registry(described, namespace="never-built"))


def test_what_was_not_pushed_does_not_resolve(described: Cluster) -> None:
    with pytest.raises(Failed, match="has not been pushed"):
        room.resolve(with_registry(described, namespace="never-pushed"))


def test_an_image_that_the_registry_lost_does_not_resolve(described: Cluster, record: Path) -> None:
    remember(described, record)
    with pytest.raises(Failed, match="has not been pushed"):
        room.resolve(described)


def test_the_recorded_digest_serves_while_the_registry_is_down(described: Cluster, record: Path) -> None:
    down = with_registry(described, domain="127.0.0.1:9")
    remember(down, record)
    assert room.resolve(down).digest == LOST


def remember(cluster: Cluster, record: Path) -> None:
    record.parent.mkdir()
    record.write_text(json.dumps({f"{cluster.repository}:{room.content_tag()}": LOST}))
