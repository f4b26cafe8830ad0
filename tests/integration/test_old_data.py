"""Data written by older ZooKeepers opens; the official image keeps it in the same two directories and files."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from testcontainers.core.container import DockerContainer

from tests.support.waiting import eventually
from zkops.config.cluster import Cluster
from zkops.images import base as sources
from zkops.images import docker as engine

from .servers import Server, client, container

PACKAGES = (
    "libzookeeper-java libslf4j-java libnetty-java libdropwizard-metrics-java libsnappy-java libservlet-api-java"
    " libyetus-audience-annotations-java"
)
FETCH = f"""
set -e
apt-get -qq update
cd /tmp
for package in {PACKAGES}; do apt-get -qq -o APT::Sandbox::User=root download $package || true; done
for package in *.deb; do dpkg -x $package /tmp/root; done
cp -L /tmp/root/usr/share/java/*.jar /jars/
rm -f /jars/slf4j-log4j* /jars/slf4j-jdk14* /jars/slf4j-jcl* /jars/slf4j-nop* /jars/*over-slf4j* /jars/*-to-slf4j*
"""
ZOO_CFG = "dataDir=/data\ndataLogDir=/datalog\nclientPort=2181\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n"
WRITTEN = {f"/old/{number:03}": f"value {number}".encode() for number in range(300)}


def jars(suite: sources.Suite, cluster: Cluster, directory: Path) -> Path:
    """Fetch the jars of the ZooKeeper that a Debian release carries."""
    with closing(engine.connect(timeout=300)) as docker:
        base = sources.base_image(cluster.sources, suite)
        engine.run(docker, base, ["bash", "-c", FETCH], volumes={str(directory): {"bind": "/jars", "mode": "rw"}})
    return directory


def old_server(image: str, jars: Path, data: Path) -> DockerContainer:
    """Describe a server of the old jars, on the Java runtime of our image."""
    (jars / "zoo.cfg").write_text(ZOO_CFG + "snapCount=100\n")
    java = ["/opt/zookeeper/jre/bin/java", "-Xmx128m", "-cp", "/jars/*"]
    made = container(image).with_command([*java, "org.apache.zookeeper.server.quorum.QuorumPeerMain", "/jars/zoo.cfg"])
    made.volumes.update(binds(data) | {str(jars): {"bind": "/jars", "mode": "ro"}})  # type: ignore[arg-type]
    return made


def binds(data: Path) -> dict[str, dict[str, str]]:
    return {str(data / part): {"bind": f"/{part}", "mode": "rw"} for part in ("data", "datalog")}


@pytest.fixture(params=[("bookworm", "3.8.0"), ("trixie", "3.9.3")], ids=["3.8.0", "3.9.3"])
def old(request: pytest.FixtureRequest, image: str, cluster: Cluster, tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Give directories with what an older server wrote, snapshots and a log among it, and the last zxid in it."""
    suite, version = request.param
    for part in ("data", "datalog", "jars"):
        (tmp_path / part).mkdir()
        (tmp_path / part).chmod(0o777)
    tmp_path.chmod(0o755)
    with old_server(image, jars(suite, cluster, tmp_path / "jars"), tmp_path) as made:
        server = Server(made)
        eventually(lambda: server.run("probe", "4lw", "srvr").text.count("Mode: standalone") == 1)
        assert server.srvr().version == version
        with client(server) as zookeeper:
            zookeeper.create("/old")
            for path, value in WRITTEN.items():
                zookeeper.create(path, value)
            last = zookeeper.exists("/old/299").czxid
        server.kill()
    yield tmp_path, last


def test_data_of_an_older_server_opens_whole(old: tuple[Path, int], image: str) -> None:
    directory, last = old
    made = container(image)
    made.volumes.update(binds(directory))  # type: ignore[arg-type]
    with made:
        server = Server(made)
        eventually(server.is_ready)
        with client(server) as zookeeper:
            found = {f"/old/{name}": zookeeper.get(f"/old/{name}")[0] for name in zookeeper.get_children("/old")}
            assert zookeeper.exists("/old/299").czxid == last
            zookeeper.create("/new", b"goes on")
    assert found == WRITTEN
