"""What a probe and a scrape cost: CPU charged to the container, each kind many times, warmed up first."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection

from tests.bench.clock import Clock
from tests.bench.images import Images
from tests.support.measuring.lab import EVERYWHERE, Lab, Member
from tests.support.measuring.measures import OURS, PEER, Samples
from zkops.core.errors import Failed

METRICS, ADMIN = 7000, 8080
IDLE_SECONDS = 5.0

Probe = Callable[[Member], int]
"""Asks a server once and gives the bytes of the answer; raises Failed when the answer is not a good one."""


def http(port: int, path: str) -> Probe:
    """Get *path* on a connection of its own, as the kubelet does."""

    def ask(member: Member) -> int:
        connection = HTTPConnection(member.address, port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            raise Failed(f"http://{member.address}:{port}{path}: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise Failed(f"http://{member.address}:{port}{path}: {answer.status} {body[:200]!r}")
        return len(body)

    return ask


def word(name: str) -> Probe:
    """Send a four-letter word on a connection of its own."""

    def ask(member: Member) -> int:
        answer = member.ask(name)
        if not answer:
            raise Failed(f"{member.address} does not answer {name}")
        return len(answer)

    return ask


def command(*words: str) -> Probe:
    """Run a command in the container, as an exec probe does."""
    return lambda member: len(member.run(*words))


@dataclass(frozen=True)
class Kind:
    """One kind of probe: the answering server and the way to ask, by column; asked *times* times a round."""

    name: str
    times: int
    asked: Mapping[str, Probe]
    server: str = "alone"
    headline: str = ""


def both(probe: Probe) -> Mapping[str, Probe]:
    """Ask both images in the same way."""
    return {PEER: probe, OURS: probe}


RUOK = command("sh", "-c", "echo ruok | nc 127.0.0.1 2181")
READY = {PEER: http(ADMIN, "/commands/leader"), OURS: http(METRICS, "/readyz")}
LIVE = {PEER: http(ADMIN, "/commands/ruok"), OURS: http(METRICS, "/livez")}
SMALL = {PEER: http(ADMIN, "/commands/monitor"), OURS: http(METRICS, "/metrics")}
STATUS, READYZ = "exec zkServer.sh status", "HTTP readiness: peer's AdminServer, ours /readyz"
KINDS = (
    Kind(STATUS, 8, both(command("zkServer.sh", "status"))),
    Kind("exec sh + nc, ruok", 20, both(RUOK)),
    Kind("exec probe ready, ours", 20, {OURS: command("/opt/zookeeper/bin/probe", "ready")}),
    Kind(READYZ, 300, READY),
    Kind("HTTP liveness: peer's AdminServer, ours /livez", 300, LIVE),
    Kind("four-letter word ruok over TCP", 300, both(word("ruok"))),
    Kind("four-letter word srvr over TCP", 300, both(word("srvr"))),
)
SCRAPES = (
    Kind(
        "HTTP: peer's AdminServer monitor, ours /metrics small",
        100,
        SMALL,
        headline="CPU a scrape: AdminServer, /metrics",
    ),
    Kind("HTTP: ours /metrics all", 100, {OURS: http(METRICS, "/metrics")}, server="all"),
    Kind("four-letter word mntr over TCP", 100, both(word("mntr"))),
)


def measure(lab: Lab, images: Images, clock: Clock) -> list[Samples]:
    """Ask idle lone servers in every way there is."""
    probes, scrapes = Samples("probes"), Samples("scrapes")
    with ExitStack() as stack:
        servers: dict[tuple[str, str], Member] = {}
        for column, image in images.columns():
            env = EVERYWHERE if column == OURS else {}
            (servers[column, "alone"],) = stack.enter_context(lab.running(image, env))
        (servers[OURS, "all"],) = stack.enter_context(lab.running(images.ours, EVERYWHERE | {"ZOO_METRICS": "all"}))
        idle = {member.address: _idle(member) for member in servers.values()}
        for number in clock.rounds("probes and scrapes", 5, 2, share=0.15):
            for samples, kinds in ((probes, KINDS), (scrapes, SCRAPES)):
                for kind in kinds:
                    _round(kind, servers, idle, samples, warm=number == 1)
    _recommended(probes)
    return [probes, scrapes]


def _recommended(samples: Samples) -> None:
    """Set beside each other how each image says it is to be asked: a script of ZooKeeper's, an endpoint."""
    found = {measure.name: measure for measure in samples.measures()}
    for column, values in ((PEER, found[STATUS].peer), (OURS, found[READYZ].ours)):
        for value in values:
            name = "readiness, each image's own way: peer's zkServer.sh status, ours /readyz"
            samples.add(column, name, "CPU-ms", value, headline="CPU a readiness probe: zkServer.sh status, /readyz")


def _round(
    kind: Kind, servers: Mapping[tuple[str, str], Member], idle: Mapping[str, float], samples: Samples, warm: bool
) -> None:
    for column, probe in kind.asked.items():
        member = servers[column, kind.server]
        if warm:
            _times(probe, member, kind.times)
        cpu, seconds = member.usage().cpu, time.monotonic()
        size = _times(probe, member, kind.times)
        seconds = time.monotonic() - seconds
        spent = member.usage().cpu - cpu - idle[member.address] * seconds
        samples.add(column, kind.name, "CPU-ms", 1000 * spent / kind.times, headline=kind.headline)
        if samples.group == "scrapes" and warm:
            samples.add(column, f"{kind.name}: size of the answer of {column}", "kB", size / 1000)


def _times(probe: Probe, member: Member, times: int) -> int:
    """Ask *times* times and give the bytes of the last answer."""
    return [probe(member) for _ in range(times)][-1]


def _idle(member: Member) -> float:
    """Give the CPU that a server uses when nobody asks it, in seconds a second."""
    begin = member.usage().cpu
    time.sleep(IDLE_SECONDS)
    return (member.usage().cpu - begin) / IDLE_SECONDS
