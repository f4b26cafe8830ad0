"""Servers in containers on a network of their own, at fixed addresses that this machine reaches; all go at the end."""

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, TypeVar

import docker
from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from tests.support.waiting import until
from zkops.core.console import say
from zkops.core.errors import Failed
from zkops.images import docker as engine
from zkops.zookeeper import four_letter as fourletter

T = TypeVar("T")

LABEL = "zkops.bench"
SERVING = 120.0
"""Seconds within which servers serve."""

COMMON = {"ZOO_4LW_COMMANDS_WHITELIST": "srvr,mntr,ruok", "ZOO_MAX_CLIENT_CNXNS": "0"}
"""Equal in every container; probes on the container's address are ours alone to switch on."""
EVERYWHERE = {"ZOO_CFG_EXTRA": "metricsProvider.probes=everywhere"}

_BEGIN = re.compile(r"^\[(\d{4}-\S+?[+-]\d{4})\]\[([\d.]+)s\]", re.MULTILINE)
"""What the JVM prints with `-Xlog:…:utctime,uptime`."""


@dataclass(frozen=True)
class Usage:
    """What a container has used: CPU seconds since its start, bytes of memory that cannot simply be taken back."""

    cpu: float
    working_set: int


@dataclass
class Member:
    """One server in a container."""

    container: Any
    address: str

    def start(self) -> None:
        """Start the container."""
        self.container.start()

    def started(self) -> float:
        """Give the time at which the Engine had started the container, in seconds since 1970."""
        self.container.reload()
        stamp = str(self.container.attrs["State"]["StartedAt"])
        return datetime.datetime.fromisoformat(f"{stamp[:26].rstrip('Z')}+00:00").timestamp()

    def jvm_started(self) -> float:
        """Give the time at which the JVM began, in seconds since 1970; it must have been told to log its beginning."""
        found = _BEGIN.search(self.container.logs().decode(errors="replace"))
        if not found:
            raise Failed("the JVM did not log its beginning", f"see `docker logs {self.container.name}`")
        return datetime.datetime.fromisoformat(found[1]).timestamp() - float(found[2])

    def last_words(self) -> str:
        """Give the last lines that the server printed, for an error."""
        printed = self.container.logs(tail=15).decode(errors="replace")
        return f"\n{self.container.name}, {self.address}:{engine.tail_of(printed.splitlines())}"

    def ask(self, word: str, within: float = 2) -> str:
        """Send a four-letter word; nothing is answered where nobody listens, or not *within* seconds."""
        try:
            return fourletter.over_tcp(self.address, 2181, within)(word)
        except OSError:
            return ""

    def mode(self, within: float = 2) -> str | None:
        """Give the server's mode once it serves, else None."""
        found = fourletter.parse_srvr(self.ask("srvr", within))
        return found.mode if found.serving else None

    def run(self, *command: str) -> str:
        """Run a command in the container.

        Raises:
            Failed: when it does not succeed.
        """
        code, output = self.container.exec_run(list(command))
        if code:
            raise Failed(f"{' '.join(command)} in {self.container.name}: {output.decode(errors='replace').strip()}")
        return str(output.decode(errors="replace"))

    def usage(self) -> Usage:
        """Ask the Engine what the container has used."""
        stats = self.container.client.api.stats(self.container.id, stream=False, one_shot=True)
        memory = stats["memory_stats"]
        # Version 1 and 2 of control groups name it differently.
        idle = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
        return Usage(stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, memory["usage"] - idle)

    def remove(self) -> None:
        """Remove the container with its data."""
        with suppress(NotFound):
            self.container.remove(force=True, v=True)


@dataclass
class Lab:
    """Where containers are made; `prefix` begins the name of each and of the network."""

    client: docker.DockerClient
    prefix: str
    network: Any
    hosts: Iterator[str]
    notes: list[str] = field(default_factory=list)
    """What went not as it should, for the report."""
    made: list[Member] = field(default_factory=list)
    """Every container, also those removed since."""

    def member(self, image: str, env: Mapping[str, str], address: str = "") -> Member:
        """Create a container with an address of its own; it is not started."""
        address = address or next(self.hosts)
        api = self.client.api
        host = api.create_host_config(network_mode=self.network.name)
        network = api.create_networking_config({self.network.name: api.create_endpoint_config(ipv4_address=address)})
        created = api.create_container(
            image,
            name=f"{self.prefix}-{len(self.made) + 1}",
            environment=COMMON | dict(env),
            labels={LABEL: self.prefix},
            host_config=host,
            networking_config=network,
        )
        self.made.append(Member(self.client.containers.get(created["Id"]), address))
        return self.made[-1]

    def members(self, image: str, env: Mapping[str, str], count: int = 3) -> list[Member]:
        """Create an ensemble; it is not started."""
        addresses = [next(self.hosts) for _ in range(count)]
        servers = " ".join(f"server.{n}={host}:2888:3888;2181" for n, host in enumerate(addresses, start=1))
        return [
            self.member(image, {"ZOO_SERVERS": servers, "ZOO_MY_ID": str(number)} | dict(env), address)
            for number, address in enumerate(addresses, start=1)
        ]

    @contextmanager
    def running(self, image: str, env: Mapping[str, str], count: int = 1) -> Iterator[list[Member]]:
        """Give a lone server or an ensemble that serves, removed at the end."""
        made: list[Member] = []
        try:
            for again in (True, False):
                made += self.members(image, env, count) if count > 1 else [self.member(image, env)]
                at_once(Member.start, made[-count:])
                if serving(made[-count:], last=not again):
                    break
                self.notes.append(f"{count} of {image} did not serve within {SERVING:.0f} s and were made anew")
            yield made[-count:]
        finally:
            at_once(Member.remove, made)

    def cut(self, member: Member) -> None:
        """Take a member off the network, as if its cable were pulled."""
        self.network.disconnect(member.container, force=True)


def serving(members: Sequence[Member], *, last: bool) -> bool:
    """Wait until all members serve and tell whether they do.

    Raises:
        Failed: when they do not and this is the *last* try, with the last lines of each that does not serve.
    """
    try:
        until(lambda: all(member.mode() for member in members), "serving", SERVING)
    except Failed as failure:
        silent = [member for member in members if not member.mode()]
        said = failure.what + "".join(map(Member.last_words, silent))
        if last:
            raise Failed(said, failure.mend) from None
        say(f"bench: {said}")
        at_once(Member.remove, members)
        return False
    return True


def at_once(act: Callable[[Member], T], members: Sequence[Member]) -> list[T]:
    """Do the same to all members at the same time; give what each came to."""
    with ThreadPoolExecutor(len(members)) as pool:
        return list(pool.map(act, members))


@contextmanager
def lab(client: docker.DockerClient, prefix: str) -> Iterator[Lab]:
    """Give a place to make containers in, free of what a killed run left; remove all at the end."""
    clean(client, prefix)
    network = _network(client, prefix)
    try:
        subnet = ip_network(network.attrs["IPAM"]["Config"][0]["Subnet"])
        hosts = (str(host) for host in subnet.hosts())
        next(hosts)  # the gateway: this machine
        place = Lab(client, prefix, network, hosts)
        try:
            yield place
        except Exception:
            # What the servers printed goes with them.
            for member in place.made:
                with suppress(APIError):
                    say(member.last_words())
            raise
    finally:
        clean(client, prefix)


def clean(client: docker.DockerClient, prefix: str) -> None:
    """Remove every container and network of a run."""
    mine = {"label": f"{LABEL}={prefix}"}
    for container in client.containers.list(all=True, filters=mine):
        with suppress(NotFound):
            container.remove(force=True, v=True)
    for network in client.networks.list(filters=mine):
        network.remove()


def _network(client: docker.DockerClient, prefix: str) -> Any:
    """Make a network whose containers may have fixed addresses: the Engine wants its subnet named, so it picks one."""
    picked = client.networks.create(f"{prefix}-pick", labels={LABEL: prefix})
    picked.reload()
    subnet = picked.attrs["IPAM"]["Config"][0]["Subnet"]
    picked.remove()
    pools = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
    try:
        network = client.networks.create(f"{prefix}-net", ipam=pools, labels={LABEL: prefix})
    except APIError as error:
        raise Failed(f"no network of containers: {error.explanation}", "run it again") from error
    network.reload()
    return network
