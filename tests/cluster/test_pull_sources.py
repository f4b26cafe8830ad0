"""The pulling way, for real, from a local registry that serves the well-known names as a site's mirror does."""

import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

import sandbox
from sandbox import containers, images, readiness
from tests.cluster.sandboxes import describe, kubectl, left_behind
from tests.support import kubernetes_version
from zkops.config.cluster import Sources
from zkops.core.errors import Failed
from zkops.images import base as sources
from zkops.images import docker as engine

pytestmark = pytest.mark.timeout(1500)

PORT = 25082
PREFIX = f"127.0.0.1:{PORT}/hub"
LABEL = {"zkops.test": "mirror"}


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    """Serve whatever this machine has for them under the three well-known names."""
    client = engine.connect()
    here = images.prepare(Sources(), kubernetes_version.wanted())
    base = sources.base_image(Sources(), "trixie")
    served = dict(zip(sources.PULLED, (base, here.registry, here.node), strict=True))
    remove(client)
    container = client.containers.run(here.registry, detach=True, labels=LABEL, ports={"5000/tcp": ("127.0.0.1", PORT)})
    try:
        while not readiness.answers(PORT):
            time.sleep(0.1)
        for name, local in served.items():
            push(client, local, sources.prefixed(name, PREFIX))
        yield PREFIX
    finally:
        container.remove(force=True, v=True)
        remove(client)


def push(client: docker.DockerClient, local: str, name: str) -> None:
    """Push *local* as *name*, and forget the name here, so that it has to be pulled."""
    repository, _, tag = name.rpartition(":")
    client.images.get(local).tag(repository, tag)
    errors = [event["error"] for event in client.images.push(name, stream=True, decode=True) if "error" in event]
    assert not errors
    client.images.remove(name)


def remove(client: docker.DockerClient) -> None:
    for container in client.containers.list(all=True, filters={"label": "zkops.test=mirror"}):
        container.remove(force=True, v=True)
    for name in sources.PULLED:
        if engine.image_id(client, sources.prefixed(name, PREFIX)):
            client.images.remove(sources.prefixed(name, PREFIX))


@pytest.fixture(autouse=True)
def fresh_decision() -> None:
    sources._tried.cache_clear()


def test_a_mirror_that_answers_is_pulled_from_without_being_told(mirror: str) -> None:
    wanted = Sources(pull_prefix=mirror)
    assert sources.decide(wanted) == "pull"
    name = sources.base_image(wanted, "trixie")
    assert name == f"{mirror}/library/debian:trixie-slim"
    assert engine.image_id(engine.connect(), name)


def test_a_mirror_out_of_reach_is_given_up_and_the_archive_taken() -> None:
    assert sources.decide(Sources(pull_prefix="127.0.0.1:9/hub")) == "archive"


def test_an_image_the_mirror_lacks_is_named_with_the_key_to_change(mirror: str) -> None:
    with pytest.raises(Failed, match=r"library/debian:bookworm-slim cannot be pulled") as failure:
        sources.base_image(Sources(mode="pull", pull_prefix=mirror), "bookworm")
    assert "sources.pull_prefix" in failure.value.mend


def test_a_sandbox_comes_up_from_pulled_images(mirror: str, tmp_path: Path) -> None:
    cluster = describe(tmp_path, "pulled", 83, sources=f"{{mode: pull, pull_prefix: '{mirror}'}}")
    sandbox.down(cluster)
    try:
        sandbox.up(cluster)
        found = containers.find(engine.connect(), "pulled").values()
        assert {box.attrs["Config"]["Image"] for box in found} == {
            sources.prefixed(images.REGISTRY, mirror),
            sources.prefixed(sources.K3S[sources.KUBERNETES], mirror),
        }
        assert kubectl("pulled", "get", "nodes", "-o", "name").split() == ["node/pulled-1", "node/pulled-control"]
    finally:
        sandbox.down(cluster)
    assert left_behind("pulled") == []
