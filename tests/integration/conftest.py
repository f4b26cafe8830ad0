"""What the integration tests share: the image, a lone server, an ensemble."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from testcontainers.core.config import ConnectionMode, testcontainers_config

from tests.support.older_image import of_older_release
from zkops import ROOT
from zkops.config import loader as config
from zkops.config.cluster import Cluster
from zkops.images import base as sources
from zkops.images import daemon
from zkops.images import docker as engine
from zkops.images import image as room

from .rosters import Site, site
from .servers import Ensemble, Server, ensemble, serving


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Give the default cluster description, on a machine with a Docker Engine."""
    daemon.ensure()
    return config.load(ROOT)


@pytest.fixture(scope="session")
def base(cluster: Cluster) -> str:
    """Give the base image, and fit testcontainers to this machine."""
    # Its reaper is an image of its own, only there where images can be pulled. The fixtures clean up by themselves.
    testcontainers_config.ryuk_disabled = sources.decide(cluster.sources) == "archive"
    # It takes a machine that is a container for one without an Engine of its own; published ports are local here.
    if Path("/sys/class/net/docker0").exists():
        testcontainers_config.connection_mode_override = ConnectionMode.docker_host
    return sources.base_image(cluster.sources, "trixie")


@pytest.fixture(scope="session")
def image(cluster: Cluster, base: str) -> str:
    """Build the image; nothing happens when it is there."""
    return room.build(cluster).tagged


@pytest.fixture(scope="session")
def older_image(cluster: Cluster, base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the image with ZooKeeper 3.9.3."""
    assert base
    with of_older_release(cluster, tmp_path_factory.mktemp("older")) as older:
        return room.build(older).tagged


@pytest.fixture(scope="session")
def packages(base: str, image: str) -> str:
    """Give the stage of the build that holds the packages whole; it is in the cache when the image has been built."""
    assert image
    tag = "zkops/test:packages"
    engine.build(ROOT / "image", tag, args={"BASE": base}, target="packages")
    return tag


@pytest.fixture(scope="session")
def standalone(image: str) -> Iterator[Server]:
    """Give a lone server that serves; nobody may hurt it."""
    with serving(image) as server:
        yield server


@pytest.fixture(scope="session")
def _three(image: str) -> Iterator[Ensemble]:
    with ensemble(image) as members:
        yield members


@pytest.fixture
def three(_three: Ensemble) -> Ensemble:
    """Give three members that serve; what a test stops is started for the next one."""
    _three.heal()
    return _three


@pytest.fixture
def machines(image: str, tmp_path: Path) -> Iterator[Site]:
    """Give a network without machines, and the roster's directory without a roster."""
    with site(image, tmp_path) as made:
        yield made
