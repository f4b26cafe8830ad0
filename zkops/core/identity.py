"""Who runs this: the operator's name, and a name for this very process among those of all machines."""

import os
import socket
from getpass import getuser
from pathlib import Path


def operator() -> str:
    """Give who runs this: `user@host`."""
    try:
        user = getuser()
    except (KeyError, OSError):  # a container may run as a uid without a name
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def process(pid: int) -> str:
    """Name a process that runs: kernel boot, pid namespace, pid, start; empty when it is dead, or without Linux' /proc.

    The host's name and the pid do not name it: containers share the one and repeat the other, and pids are used again.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""
    state, *others = stat.rpartition(")")[2].split()  # the program's name in brackets may hold anything
    start = others[18]
    return "" if state in "ZX" else f"{boot} {namespace} {pid} {start}"


def dead(named: str) -> bool:
    """Whether the process that `process` named is known to be dead: only one of this very kernel can be known."""
    ours, parts = process(os.getpid()).split(), named.split()
    if not ours or len(parts) != len(ours) or parts[:2] != ours[:2] or not parts[2].isdigit():
        return False
    try:
        os.kill(int(parts[2]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # another user's: /proc may hide it from us
        return False
    return process(int(parts[2])) != named
