"""Servers and ensembles in containers, for the tests to start, ask, hurt and mend."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from kazoo.client import KazooClient
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from tests.support.waiting import eventually
from zkops.zookeeper import four_letter as fourletter

FAST = {"ZOO_TICK_TIME": "500", "ZOO_INIT_LIMIT": "10", "ZOO_SYNC_LIMIT": "4", "ZK_SERVER_HEAP": "128"}
"""Short ticks make elections short.

Members that start together can elect two leaders at first; the wrong one gives up after the init limit, 5 s here.
"""


@dataclass(frozen=True)
class Answer:
    """What a command in a container came to."""

    code: int
    text: str


@dataclass(frozen=True)
class Server:
    """One server in a container."""

    container: DockerContainer

    def run(self, *command: str) -> Answer:
        """Run a command beside the server."""
        done = self.container.exec(list(command))
        return Answer(int(done.exit_code or 0), done.output.decode())

    def probe(self, *words: str) -> Answer:
        """Run a probe, as Kubernetes does."""
        return self.run("/opt/zookeeper/bin/probe", *words)

    def is_ready(self) -> bool:
        """Whether the readiness probe succeeds now."""
        return self.probe("ready").code == 0

    @property
    def address(self) -> str:
        """HOST:PORT for clients; the port changes with each start."""
        return f"{self.container.get_container_host_ip()}:{self.container.get_exposed_port(2181)}"

    def ask(self, word: str) -> str:
        """Send a four-letter word from outside."""
        host, _, port = self.address.partition(":")
        return fourletter.over_tcp(host, int(port), 5)(word)

    def srvr(self) -> fourletter.Srvr:
        """Ask `srvr` and read it."""
        return fourletter.parse_srvr(self.ask("srvr"))

    def kill(self, signal: str = "SIGKILL") -> None:
        """Send a signal to the container's first process."""
        self.container.get_wrapped_container().kill(signal)

    def stop(self) -> float:
        """Stop the container as `docker stop` does, with 30 s to obey; give the seconds it took."""
        begin = time.monotonic()
        self.container.get_wrapped_container().stop(timeout=30)
        return time.monotonic() - begin

    def start(self) -> None:
        """Start the stopped container again."""
        self.container.get_wrapped_container().start()

    def ended(self) -> Answer:
        """Wait for the container's end; give its exit code and all it printed."""
        return Answer(self.container.wait(), self.logs())

    @property
    def running(self) -> bool:
        """Whether the container runs."""
        wrapped = self.container.get_wrapped_container()
        wrapped.reload()
        return bool(wrapped.status == "running")

    def logs(self) -> str:
        """Give all the container printed."""
        return b"".join(self.container.get_logs()).decode()


def command_line(running: Server) -> list[str]:
    """Give the words the server was started with."""
    return running.run("sh", "-c", "cat /proc/$(pidof java)/cmdline").text.split("\0")


def container(image: str, env: Mapping[str, str] | None = None, **settings: Any) -> DockerContainer:
    """Describe a container of the image; *settings* are the Docker SDK's."""
    made = DockerContainer(image, env=FAST | dict(env or {}), **settings)
    return made.with_exposed_ports(2181)


@contextmanager
def server(image: str, env: Mapping[str, str] | None = None, **settings: Any) -> Iterator[Server]:
    """Start one server and remove it at the end, with its data."""
    with container(image, env, **settings) as made:
        yield Server(made)


@contextmanager
def serving(image: str, env: Mapping[str, str] | None = None, **settings: Any) -> Iterator[Server]:
    """Start one server and wait until it serves."""
    with server(image, env, **settings) as made:
        eventually(made.is_ready)
        yield made


@dataclass(frozen=True)
class Ensemble:
    """Three members on a network of their own."""

    members: Sequence[Server]

    def heal(self) -> None:
        """Start what is stopped and wait until all members serve."""
        for member in self.members:
            if not member.running:
                member.start()
        for member in self.members:
            eventually(member.is_ready)

    def leader(self) -> Server:
        """Give the member that leads; there must be one, and only one."""
        (leader,) = [member for member in self.members if member.srvr().mode == "leader"]
        return leader

    def followers(self) -> list[Server]:
        """Give the members that follow."""
        return [member for member in self.members if member.srvr().mode == "follower"]


@contextmanager
def ensemble(image: str, size: int = 3, settings: Mapping[str, str] | None = None) -> Iterator[Ensemble]:
    """Start an ensemble by the official image's variables, and others in *settings*, and remove it at the end."""
    names = [f"zoo{number}" for number in range(1, size + 1)]
    servers = " ".join(f"server.{n}={name}:2888:3888;2181" for n, name in enumerate(names, start=1))
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        members = []
        for number, name in enumerate(names, start=1):
            env = {"ZOO_MY_ID": str(number), "ZOO_SERVERS": servers}
            made = container(image, env | dict(settings or {}), network=network, network_aliases=[name])
            members.append(Server(stack.enter_context(made)))
        yield Ensemble(members)


@contextmanager
def client(*servers: Server) -> Iterator[KazooClient]:
    """Give a client connected to one of *servers*."""
    made = KazooClient(hosts=",".join(server.address for server in servers), timeout=10)
    try:
        made.start(timeout=30)
        yield made
    finally:
        made.stop()
        made.close()
