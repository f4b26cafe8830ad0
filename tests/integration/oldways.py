"""ZooKeeper as others run it: their volumes, users, ids and configuration, with the server of a Debian release.

Their images cannot be had everywhere. What their scripts do before the server starts is done here after those scripts.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kazoo.client import KazooClient
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from zkops import ROOT
from zkops.images import docker as engine

from .servers import Server
from .ways import Way

PAGE = ROOT / "docs" / "migrate" / "migration.md"
PACKAGES = (
    "libzookeeper-java libslf4j-java liblog4j1.2-java libnetty-java libdropwizard-metrics-java libsnappy-java"
    " libservlet-api-java libyetus-audience-annotations-java"
)
"""Of all releases; each has some of them."""
# The suite comes from the archive that the base image itself was made from.
FETCH = r"""
set -e
apt-get -qq update
IFS='|' read -r uri key < <(apt-get indextargets --format '$(REPO_URI)|$(SIGNED_BY)' 'Created-By: Packages')
[[ $key == /* ]] || key=
echo "deb [check-valid-until=no${key:+ signed-by=$key}] $uri SUITE main" >/tmp/suite.list
apt() { apt-get -qq -o Dir::Etc::SourceList=/tmp/suite.list -o Dir::Etc::SourceParts=- "$@"; }
apt update
cd /tmp
for package in PACKAGES; do apt -o APT::Sandbox::User=root download $package || true; done
for package in *.deb; do dpkg -x $package /tmp/root; done
cp -L /tmp/root/usr/share/java/*.jar /jars/
rm -f /jars/slf4j-{log4j,jdk14,jcl,nop}* /jars/*over-slf4j* /jars/*-to-slf4j* /jars/slf4j-migrator*
"""


def blocks(section: str, page: Path = PAGE) -> list[str]:
    """Give the shell blocks below a heading of a page."""
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(rf"(?ms)^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text)
    return re.findall(r"(?ms)^```sh\n(.*?)^```$", found)


def carry_out(base: str, places: Mapping[Path, str], *scripts: str) -> str:
    """Run shell blocks as root on a machine that has the directories of this one at *places*."""
    with closing(engine.connect()) as docker:
        done = engine.run(
            docker,
            base,
            ["bash", "-c", "\n".join(scripts)],
            volumes={str(path): {"bind": at, "mode": "rw"} for path, at in places.items()},
        )
    return done.decode()


def jars(base: str, suite: str, directory: Path) -> Path:
    """Fetch the jars of the ZooKeeper that a Debian release carries."""
    directory.chmod(0o755)
    script = FETCH.replace("SUITE", suite).replace("PACKAGES", PACKAGES)
    with closing(engine.connect(timeout=300)) as docker:
        engine.run(docker, base, ["bash", "-c", script], volumes={str(directory): {"bind": "/jars", "mode": "rw"}})
    return directory


@dataclass
class Old:
    """Members that somebody else's way runs, each with its volumes."""

    way: Way
    image: str
    """Whose Java runtime they use."""
    base: str
    """Whose shell and tools a machine has."""
    jars: Path
    directory: Path
    network: Network
    running: dict[int, Server] = field(default_factory=dict)

    def volumes(self, number: int) -> dict[str, Path]:
        """Give the directories on this machine that a member's volumes are, by the place in its container."""
        own = self.directory / f"old{number}"
        return {inside: own / inside.strip("/").replace("/", "-") for inside in self.way.volumes}

    def start(self, *numbers: int) -> None:
        """Start members on their volumes."""
        for number in numbers:
            java = ["/opt/zookeeper/jre/bin/java", "-Xmx128m", *self.way.flags, "-cp", "/jars/*"]
            server = " ".join([*map(repr, java), "org.apache.zookeeper.server.quorum.QuorumPeerMain", self.way.config])
            made = DockerContainer(self.image, user=self.way.user, network=self.network, env={"ID": str(number)})
            made = made.with_network_aliases(self.way.names[number]).with_exposed_ports(2181)
            made = made.with_volume_mapping(self.jars, "/jars", "ro")
            for inside, path in self.volumes(number).items():
                path.mkdir(parents=True, exist_ok=True)
                path.chmod(0o777)
                made = made.with_volume_mapping(path, inside, "rw")
            made = made.with_command(["sh", "-ec", f"{self.way.begin}\nexec {server}"])
            self.running[number] = Server(made)
            made.start()

    def stop(self, *numbers: int) -> None:
        """End members as Kubernetes does, and take their containers away; the volumes stay."""
        for number in numbers or tuple(self.running):
            self.running[number].stop()
            self.running.pop(number).container.stop()

    @contextmanager
    def client(self, *numbers: int, timeout: float = 4) -> Iterator[KazooClient]:
        """Give a client of these members, or of all; without *timeout* with the shortest session."""
        hosts = ",".join(self.running[number].address for number in numbers or self.running)
        made = KazooClient(hosts=hosts, timeout=timeout, connection_retry={"max_tries": -1, "max_delay": 0.5})
        try:
            made.start(timeout=60)
            yield made
        finally:
            made.stop()
            made.close()

    def on_machine(self, number: int, new: Path, *scripts: str) -> str:
        """Run shell blocks of the page as root on a member's machine: its volumes, and its new place *new*."""
        new.mkdir(exist_ok=True)
        places = {path: self.way.volumes[inside] for inside, path in self.volumes(number).items()}
        return carry_out(self.base, places | {new: self.way.new}, *scripts)


@contextmanager
def old_way(way: Way, image: str, base: str, jars: Path, directory: Path) -> Iterator[Old]:
    """Give a way's members, none started, and take away what is left of them at the end."""
    with Network() as network:
        made = Old(way, image, base, jars, directory, network)
        try:
            yield made
        finally:
            made.stop()
