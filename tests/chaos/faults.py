"""The faults of the world around the tool: each begins, ends, and leaves nothing behind."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from docker.errors import APIError

from tests.chaos.operations import SILENT
from tests.chaos.schedule import AROUND, Fault, Round
from tests.chaos.tool import Tool
from tests.chaos.watch import Disturbance

HURTS: Mapping[Fault, tuple[str, ...]] = {
    "node killed": ("victim",),
    "node paused": ("victim",),
    "disk full": ("victim",),
    "isolated": ("victim",),
    "partition": ("victim", "other"),
}
"""Whom a fault may take down or out of the quorum."""

QUOTA = 4096
"""Bytes that a file of the server may grow to while its disk is full: its id, not its log."""

# What Docker starts with `exec` is root, and root may not change the limits of another user's process without
# CAP_SYS_RESOURCE: the server's own user may, and may lift the soft limit again.
LIMIT = """
limit() {
    for process in $(pgrep -u 1000 java); do
        setpriv --reuid=1000 --regid=1000 --clear-groups prlimit --pid "$process" --fsize="$1:" 2> /dev/null
    done
}
"""
FILL = f"""{LIMIT}
end=$(($(date +%s) + SECONDS))
while [ "$(date +%s)" -lt "$end" ] && [ ! -e /run/chaos-disk-free ]; do
    limit {QUOTA}
    sleep 0.2
done
limit unlimited
"""
FREE = f"{LIMIT}\ntouch /run/chaos-disk-free; sleep 0.5; limit unlimited"


def disturbance(
    one: Round, begun: float, settled: float, mended: float, hosts: Mapping[int, str], slow: float
) -> Disturbance | None:
    """Give the span that a round's fault explains: from its begin until all had *settled*; none if it never *begun*.

    *slow* is for how many seconds after that clients may still learn of sessions that it ended.
    """
    if not begun:
        return None
    victims = frozenset(hosts[getattr(one, who)] for who in HURTS.get(one.fault, ()))
    if one.fault in {"dying image", "late image"}:  # serves for a while: any member that has it may go down at any time
        victims = frozenset(hosts.values())
    silent = one.fault in SILENT
    # Deployed to its end, the late one goes down also while the mending replaces it on one member after the other.
    end = mended if one.fault == "late image" else settled
    return Disturbance(begin=begun, end=end + slow * silent, victims=victims, silent=silent)


@dataclass
class Machines:
    """The sandbox's containers, and what the faults do to them."""

    containers: Mapping[int, Any]
    """Machine id → container of the node."""
    control: Any
    ips: Mapping[int, str]

    def run(self, machine: int, script: str) -> str:
        """Run a shell script on a machine and give its output; what fails is told in it."""
        return str(self.containers[machine].exec_run(["sh", "-c", script])[1].decode(errors="replace"))

    def cut(self, machine: int, others: list[int]) -> None:
        """Drop all packets between a machine and others."""
        for other in others:
            ip = self.ips[other]
            self.run(machine, f"iptables -I INPUT -s {ip} -j DROP; iptables -I OUTPUT -d {ip} -j DROP")

    def join(self, machine: int, others: list[int]) -> None:
        """Undo `cut`; also where the machine has started anew since."""
        for other in others:
            ip = self.ips[other]
            self.run(machine, f"iptables -D INPUT -s {ip} -j DROP; iptables -D OUTPUT -d {ip} -j DROP")

    def fill(self, machine: int, seconds: float) -> None:
        """Let every write of the server's files beyond `QUOTA` bytes fail, for at most *seconds*.

        The machine's real disk is everybody's here: a limit of the server's own process stands in for it. The server
        meets the same failed write at the same place, and so does every server started in its place.
        """
        script = FILL.replace("SECONDS", str(round(seconds)))
        self.run(machine, "rm -f /run/chaos-disk-free")
        self.containers[machine].exec_run(["sh", "-c", script], detach=True)

    def free(self, machine: int) -> None:
        """End `fill`."""
        self.run(machine, FREE)


@dataclass
class Injected:
    """What came of a fault."""

    begun: float = 0.0
    """Time of the monotonic clock; 0 where it never began."""
    ended: float = 0.0
    note: str = ""
    error: str = ""


@dataclass
class Injector:
    """Begins a round's fault at its moment and ends it after its time, beside the tool."""

    one: Round
    tool: Tool
    machines: Machines
    result: Injected = field(default_factory=Injected)
    started: bool = False
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[Injected]:
        """Inject while the block runs; the fault has ended when the block is left."""
        self.started = True
        thread = threading.Thread(target=self._run, name="fault", daemon=True)
        thread.start()
        try:
            yield self.result
        finally:
            self._over.set()
            thread.join()

    def _run(self) -> None:
        begin, end = self._acts()
        if self.one.fault not in AROUND[1:]:  # there is none, or it is in what is deployed
            self.result.begun = time.monotonic()
            return
        self._await_moment()
        self.result.begun = time.monotonic()
        try:
            begin()
            if self.one.fault != "tool killed":
                time.sleep(self.one.hold)  # the fault's own length, not a wait for anything
        except APIError as error:
            self.result.error = f"{self.one.fault}: {error}"
        finally:
            end()
            self.result.ended = time.monotonic()

    def _await_moment(self) -> None:
        """Wait for the moment; where the tool ends before it, the fault begins then."""
        begin, moment = time.monotonic(), self.one.moment
        while not self._over.wait(0.02):
            told = self.tool.steps if moment.unit == "steps" else time.monotonic() - begin
            if told >= moment.count:
                return
        self.result.note = "the tool had ended before"

    def _acts(self) -> tuple[Callable[[], object], Callable[[], object]]:
        one, machines = self.one, self.machines
        node = machines.containers[one.victim]
        others = [machine for machine in machines.ips if machine != one.victim]
        acts: dict[Fault, tuple[Callable[[], object], Callable[[], object]]] = {
            "tool killed": (self._kill, _nothing),
            "node killed": (node.kill, node.start),
            "node paused": (node.pause, node.unpause),
            "partition": (
                lambda: machines.cut(one.victim, [one.other]),
                lambda: machines.join(one.victim, [one.other]),
            ),
            "isolated": (lambda: machines.cut(one.victim, others), lambda: machines.join(one.victim, others)),
            "API server restarted": (machines.control.kill, machines.control.start),
            "disk full": (lambda: machines.fill(one.victim, one.hold), lambda: machines.free(one.victim)),
        }
        return acts.get(one.fault, (_nothing, _nothing))

    def _kill(self) -> None:
        if not self.tool.kill():
            self.result.note = "the tool had ended before"


def _nothing() -> None:
    pass
