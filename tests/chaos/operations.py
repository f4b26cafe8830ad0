"""What is typed for each operation, and which exit codes a fault explains; pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.chaos.schedule import AROUND, Fault, Round, World
from tests.chaos.tool import Ran

DONE, FAILED, REFUSED, ROLLED_BACK = 0, 1, 3, 4
TIMEOUT = "90"
"""Seconds that a member may take to come back before the tool undoes the change."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command line, and the world that is described when it is run."""

    words: tuple[str, ...]
    world: World
    faulty: bool = True
    """Whether the fault may fall into it."""


SILENT: frozenset[Fault] = frozenset({"node killed", "node paused"})
"""Faults in which a server says nothing more, so that clients wait for their timeouts, and sessions may end."""


def commands(one: Round, name: str, hosts: Mapping[int, str]) -> list[Command]:
    """Give the command lines of a round, in order."""
    deploy = ("deploy", "--json", f"--timeout={TIMEOUT}", f"--confirm={name}")
    change = ("--json", f"--timeout={TIMEOUT}")
    if one.action in {"refresh", "upgrade"}:
        return [Command(words=(one.action, *change), world=one.after)]
    if one.action == "rollback":
        refreshed = World(machines=one.before.machines, image=one.before.image, setting=-one.number)
        first = Command(words=("refresh", *change), world=refreshed, faulty=False)
        return [first, Command(words=("rollback", *change), world=one.after)]
    if one.action == "drain":
        node = f"--node={hosts[one.target]}"
        out, back = (("drain", node, f"--timeout={TIMEOUT}"), ("undrain", node, f"--timeout={TIMEOUT}"))
        return [Command(words=out, world=one.after), Command(words=back, world=one.after)]
    return [Command(words=deploy, world=one.after)]


def allowed(one: Round, command: Command) -> frozenset[int]:
    """Give the exit codes that are right for a command that was not killed."""
    if not command.faulty or one.fault in {"none", "tool killed"}:
        return frozenset({DONE})
    if one.fault in AROUND:
        return frozenset({DONE, FAILED, REFUSED, ROLLED_BACK})
    if one.fault == "late image":  # the last member may be done before the first one dies for the second time
        return frozenset({DONE, ROLLED_BACK})
    if one.action in {"refresh", "upgrade"}:
        return frozenset({ROLLED_BACK})
    return frozenset({FAILED, ROLLED_BACK})  # a new machine has no revision to go back to


def misjudged(one: Round, command: Command, ran: Ran) -> list[str]:
    """Say what is wrong with a command's end, and with what its own client saw."""
    found = []
    right = allowed(one, command)
    if not ran.killed and ran.code not in right:
        last = ran.err.strip().splitlines()[-1:] or ["nothing was said"]
        codes = ", ".join(map(str, sorted(right)))
        found.append(f"`{ran.command}` ended with {ran.code} in place of {codes}: {last[0]}")
    beats = ran.report.get("heartbeat") or {}
    if beats.get("lost"):
        found.append(f"`{ran.command}`: its heartbeat lost acknowledged writes: {beats['lost'][:3]}")
    if beats.get("sessions_lost") and one.fault not in SILENT:
        found.append(f"`{ran.command}`: its heartbeat lost its session, and no fault explains it")
    return found
