"""Runs rounds: an operation, a fault beside it, then mending, then every promise is checked."""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos import operations, readback, watch
from tests.chaos.arena import CLIENT_PORT, HOSTS, IPS, NAME, Arena, addresses, idle
from tests.chaos.client import SESSION
from tests.chaos.faults import Injector, disturbance
from tests.chaos.report import Report, Row
from tests.chaos.sampler import Sampler
from tests.chaos.schedule import AROUND, FOUNDERS, Round, World
from tests.chaos.tool import Ran
from tests.chaos.watch import Disturbance, Look, Spans
from tests.chaos.workload import Workload
from tests.support.linearizability import checker, history, sessions
from tests.support.linearizability.history import Operation
from tests.support.measuring.disk import Disk
from zkops.core.console import say
from zkops.core.errors import Failed

SETTLE, MEND, IDLE = 120.0, 180.0, 60.0
"""Seconds for the sandbox to be whole after a fault, for the lock of a killed tool to be free, and for the clients to
finish what they do."""

DISK_PERIOD = 0.1
"""Seconds between two writes of the disk's probe."""

SLOW = 10.0
"""Seconds without an acknowledged write from which on the servers' logs are kept, although no promise was broken."""


@dataclass
class Runner:
    """A run under way."""

    arena: Arena
    directory: Path
    report: Report
    workload: Workload = field(default_factory=lambda: Workload(addresses(FOUNDERS)))
    history: list[Operation] = field(default_factory=list)
    known_expired: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Form the ensemble and let the clients work."""
        (self.directory / "histories").mkdir(parents=True, exist_ok=True)
        self.arena.describe(World())
        ran = self.arena.tool.run("deploy", "--json")
        if ran.code:
            raise Failed(f"the first deploy ended with {ran.code}: {ran.err}")
        self.workload.begin()

    def play(self, one: Round) -> Row:
        """Run one round and give its row, which is in the report already."""
        row = Row(
            number=one.number,
            operation=one.action,
            fault=one.fault,
            moment=str(one.moment) if one.fault in AROUND[1:] else "",
            members=len(one.after.machines),
        )
        self.report.rows.append(row)
        say(f"chaos: round {one}")
        self.workload.move(addresses(sorted({*one.before.machines, *one.after.machines})))
        stable = tuple(machine for machine in one.before.machines if machine in one.after.machines)
        sampler = Sampler({HOSTS[machine]: IPS[machine] for machine in stable}, CLIENT_PORT)
        disk = Disk(DISK_PERIOD)
        sampler.start()
        disk.start()
        begin = time.monotonic()
        try:
            begun, settled = self._operate(one, row, stable)
            self._mend(one, row)
            mended = time.monotonic()
        finally:
            looks = sampler.end()
            disk.end()
        self.workload.move(addresses(one.after.machines))
        row.fsync = disk.slowest
        span = disturbance(one, begun, settled, mended, HOSTS, 2 * SESSION)
        self._check(one, row, looks, span, disk.stalls)
        row.gap = watch.longest_gap((one.returned for one in self.history if one.acknowledged), begin, mended)
        self._keep(row, looks)
        say(f"chaos: round {row.number}: {row.verdict}, longest gap {row.gap:.2f} s")
        for what in row.broken:
            say(f"chaos:   {what}", style="red")
        return row

    def _operate(self, one: Round, row: Row, stable: Sequence[int]) -> tuple[float, float]:
        """Run the operation with the fault beside it, and wait until the fault is over and all have settled.

        Give the times at which the fault began, 0 where it never did, and at which all had settled.
        """
        begin, injector = time.monotonic(), Injector(one, self.arena.tool, self.arena.machines())
        with contextlib.ExitStack() as stack:
            for command in operations.commands(one, NAME, HOSTS):
                self.arena.describe(command.world, one.fault if command.faulty else "none")
                if command.faulty and not injector.started:
                    self.arena.tool.count_anew()
                    stack.enter_context(injector.running())
                ran = self.arena.tool.run(*command.words)
                self._judge(one, row, command, ran)
        row.seconds = time.monotonic() - begin
        row.note = injector.result.note
        if injector.result.error:
            row.broken.append(f"the fault could not be made: {injector.result.error}")
        if left := self.arena.settle(tuple(stable), SETTLE):
            row.broken.append(f"{SETTLE:.0f} s after the fault's end not as before: {left}")
        return injector.result.begun, time.monotonic()

    def _judge(self, one: Round, row: Row, command: operations.Command, ran: Ran) -> None:
        row.codes.append("killed" if ran.killed else str(ran.code))
        row.broken += operations.misjudged(one, command, ran)
        longest = (ran.report.get("heartbeat") or {}).get("longest") or {}
        if longest:
            row.heartbeat = f"{longest['seconds']:.2f} s"

    def _mend(self, one: Round, row: Row) -> None:
        """Run `deploy` until it ends with 0; only a lock or a member that is not back yet may delay it."""
        self.arena.describe(one.after)
        if one.action == "drain":
            self._mended(row, "undrain", f"--node={HOSTS[one.target]}")
        self._mended(row, "deploy", "--json", f"--confirm={NAME}")
        ran = self.arena.tool.run("plan", "--exit-code")
        if ran.code:
            row.broken.append(f"after `invoke deploy` there is still something to do: {ran.out.strip()[:500]}")
        if left := self.arena.settle(one.after.machines, SETTLE):
            row.broken.append(f"after `invoke deploy` not whole: {left}")

    def _mended(self, row: Row, *words: str) -> None:
        deadline = time.monotonic() + MEND
        while True:
            # What dies after the change was done leaves an ensemble that is not whole, and nobody's change under way.
            late = row.fault == "late image" and row.mending and words[0] == "deploy"
            repair = ("--repair",) if late else ()
            ran = self.arena.tool.run(*words, *repair)
            row.mending.append(("undrain " if words[0] == "undrain" else "") + str(ran.code))
            if ran.code == operations.DONE:
                return
            if ran.code != operations.REFUSED or time.monotonic() > deadline:
                row.broken.append(f"`{ran.command}` ended with {ran.code} and all is healed: {ran.err.strip()[-500:]}")
                return
            time.sleep(3)  # between two tries

    def _check(self, one: Round, row: Row, looks: Sequence[Look], span: Disturbance | None, stalls: Spans) -> None:
        """Let the clients pause, read everything back, and check every promise."""
        if stuck := self.workload.pause(IDLE):
            row.broken.append(f"clients have had no answer for {IDLE:.0f} s: {', '.join(stuck)}")
        begin = time.monotonic()
        taken = self.workload.take()
        self.history += taken
        row.operations, row.unknown = len(taken), sum(done.status == "unknown" for done in taken)
        row.broken += watch.unserved(looks, [span] if span else [], stalls)
        row.broken += list(self._broken(one, looks, span, row))
        self.report.checked += time.monotonic() - begin
        self.workload.go_on()

    def _broken(self, one: Round, looks: Sequence[Look], span: Disturbance | None, row: Row) -> Iterator[str]:
        faults = [span] if span else []
        expired = {name: at for name, at in self.workload.expired().items() if name not in self.known_expired}
        self.known_expired |= expired.keys()
        row.expired = len(expired)
        yield from watch.expiries(expired, faults)
        yield from watch.leaders(looks)
        yield from watch.two_down(looks, faults)
        serving = [machine for machine in one.after.machines if not idle((machine,))]
        if len(serving) <= len(one.after.machines) // 2:
            yield "nothing can be read back: there is no quorum"
            return
        yield from self._data(row, serving)
        yield from readback.lingering(addresses(serving)[0], self.workload.sessions(), 3 * SESSION)
        wanted = {machine: IPS[machine] for machine in one.after.machines}
        for address in addresses(serving):
            yield from readback.misplaced(readback.membership(address), wanted)

    def _data(self, row: Row, serving: Sequence[int]) -> Iterator[str]:
        """Read every key back from every member that serves, and check all that was ever done."""
        keys = [done.key for done in self.history if done.kind == "create"]
        self.report.keys = len(keys)
        members = zip(serving, addresses(serving), strict=True)
        read = [one for machine, address in members for one in readback.read_all(HOSTS[machine], address, keys)]
        history.save(read, self.directory / "histories" / f"readback-{row.number:03}.jsonl.gz")
        yield from _first(readback.lost(self.history, read))
        yield from _first(readback.disagreements(read))
        yield from _first(checker.check([*self.history, *read]))
        yield from _first(sessions.check([*self.history, *read]))

    def _keep(self, row: Row, looks: Sequence[Look]) -> None:
        """Save what was seen; of a round that broke a promise also what the servers wrote."""
        place = self.directory / "histories"
        history.save(
            self.history[-row.operations :] if row.operations else [], place / f"round-{row.number:03}.jsonl.gz"
        )
        (place / f"looks-{row.number:03}.json").write_text(json.dumps([asdict(look) for look in looks]))
        if row.broken or row.gap > SLOW:
            self.arena.logs(self.directory / "logs" / f"round-{row.number:03}")


def _first(found: Sequence[str], count: int = 5) -> list[str]:
    """Give the first few and say how many more there are."""
    more = [f"and {len(found) - count} more of the kind"] if len(found) > count else []
    return [*found[:count], *more]
