"""An ensemble at the tool's own timings with writers at work, what hurts its members, and what an election leaves."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import docker

from tests.bench.gaps import DEFAULTS
from tests.support.measuring.lab import Lab, Member, lab
from tests.support.measuring.measures import longest_gap
from tests.support.measuring.writer import Writer
from tests.support.waiting import eventually
from zkops.zoocfg import settings as zoocfg
from zkops.zookeeper import four_letter as fourletter

LIMIT = int(zoocfg.DEFAULTS["tickTime"]) * int(zoocfg.DEFAULTS["syncLimit"]) / 1000
"""Seconds of silence after which members give one another up."""
HALF_MS = round(LIMIT / 2 * 1000)
ENV = {
    **DEFAULTS,
    "ZK_SERVER_HEAP": "128",
    # The log tells of a disk that is slower than a test made it.
    "ZOO_CFG_EXTRA": f"{DEFAULTS['ZOO_CFG_EXTRA']} fsync.warningthresholdms={HALF_MS}",
}
STARVE_SECONDS = float(os.environ.get("ZKOPS_STARVE_SECONDS", "60"))
WRITERS = 4
SLOW_DISK = "/tmp/slow-disk-ms"


@dataclass(frozen=True)
class Standing:
    """Who leads since which election, and how often each member has looked for a leader since its start."""

    leader: str
    epoch: int
    looks: tuple[int, ...]


@dataclass(frozen=True)
class Trio:
    """Three members at fixed addresses, as machines have them, and what can be done to them."""

    lab: Lab
    members: Sequence[Member]

    def leader(self) -> Member:
        """Wait until there is one leader, and give it."""
        return eventually(lambda: [member for member in self.members if member.mode() == "leader"][:1])[0]

    def followers(self) -> list[Member]:
        """Give the members that follow."""
        return [member for member in self.members if member.mode() == "follower"]

    def role(self, role: str) -> Member:
        """Give the `leader`, or one `follower`."""
        return self.leader() if role == "leader" else self.followers()[0]

    def standing(self) -> Standing:
        """Wait until all serve, and ask them."""
        eventually(lambda: all(member.mode() for member in self.members))
        epochs = [fourletter.parse_srvr(member.ask("srvr")).epoch or 0 for member in self.members]
        looks = tuple(int(metrics(member)["zk_looking_count"]) for member in self.members)
        return Standing(self.leader().address, max(epochs), looks)

    @contextmanager
    def load(self, among: Sequence[Member] = ()) -> Iterator[list[Writer]]:
        """Write all along, through all members unless *among* names some."""
        hosts = [member.address for member in among or self.members]
        turns = [number % len(hosts) for number in range(WRITERS)]
        writers = [Writer(f"load-{n}", hosts[first:] + hosts[:first]) for n, first in enumerate(turns)]
        with ExitStack() as stack:
            for writer in writers:
                stack.callback(writer.end)
                writer.begin()
            yield writers

    @contextmanager
    def cut(self, member: Member) -> Iterator[None]:
        """Take a member off the network, as if its cable were pulled, and plug it in again."""
        self.lab.cut(member)
        try:
            yield
        finally:
            self.lab.network.connect(member.container, ipv4_address=member.address)

    def stalls(self) -> int:
        """Count the fsyncs longer than half the limit that the servers complained of."""
        return sum(member.container.logs().count(b"fsync-ing the write ahead log") for member in self.members)


@contextmanager
def trio(image: str) -> Iterator[Trio]:
    """Start three members at the tool's timings."""
    with lab(docker.from_env(), f"zkops-failover-{os.getpid()}") as place, place.running(image, ENV, 3) as members:
        yield Trio(place, members)


def keeps_its_leader(trio: Trio, hurt: Callable[[], object]) -> None:
    """Hurt a trio under load and see that nobody held an election.

    A trial in which the machine's own disk stood still for longer than half the limit shows nothing, and is made again.
    """
    for again in (True, True, False):
        before, stalls = trio.standing(), trio.stalls()
        with trio.load() as writers:
            write_on(writers)
            hurt()
            write_on(writers)
        after = trio.standing()
        if after == before or not again or trio.stalls() == stalls:
            assert after == before
            return


def write_on(writers: Sequence[Writer]) -> None:
    """Wait until each writer has had another write acknowledged."""
    since = time.monotonic()
    eventually(lambda: all(writer.wrote_since(since) for writer in writers))


def gap(writers: Sequence[Writer], begin: float) -> float:
    """Give the longest time of any writer between two acknowledged writes since *begin*, in seconds."""
    end = time.monotonic()
    return max(longest_gap(writer.acknowledged, begin, end) for writer in writers)


def metrics(member: Member) -> Mapping[str, str]:
    """Read `mntr`, as soon as it is answered."""
    return eventually(lambda: fourletter.parse_mntr(member.ask("mntr")))


def pause(member: Member, seconds: float) -> None:
    """Freeze the JVM for so long, as a collection or a hypervisor does."""
    member.run("sh", "-c", f"p=$(pidof java) && kill -STOP $p && sleep {seconds} && kill -CONT $p")


@contextmanager
def frozen(member: Member) -> Iterator[None]:
    """Freeze the JVM."""
    member.run("sh", "-c", "kill -STOP $(pidof java)")
    try:
        yield
    finally:
        member.run("sh", "-c", "kill -CONT $(pidof java)")


@contextmanager
def slow_disk(member: Member, milliseconds: int) -> Iterator[None]:
    """Make every fsync take so long, by slow_disk/slow_disk.c."""
    member.run("sh", "-c", f"echo {milliseconds} > {SLOW_DISK}")
    try:
        yield
    finally:
        member.run("rm", SLOW_DISK)


@contextmanager
def starved(member: Member, percent: int) -> Iterator[None]:
    """Leave a member so much of one processor, in slices of 100 ms."""
    member.container.update(cpu_period=100_000, cpu_quota=percent * 1000)
    try:
        yield
    finally:
        member.container.update(cpu_quota=-1)


def throttled(member: Member) -> int:
    """Count the slices in which the member wanted more of the processor than it was left."""
    stats = member.container.stats(stream=False)
    return int(stats["cpu_stats"]["throttling_data"]["throttled_periods"])


def serves(member: Member) -> bool:
    """Whether the readiness probe, run beside the server, says so."""
    return bool(member.container.exec_run(["/opt/zookeeper/bin/probe", "ready"]).exit_code == 0)
