"""A real server in a container with a real memory limit: started, asked, weighed.

Needs root on the machine of the Docker Engine, and cgroup v1: live heap is read through the JVM's own attach socket
(GC.run, then GC.heap_info), memory from the container's cgroup. Nothing is added to the image for it.
"""

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import docker

from zkops.zookeeper import four_letter as fourletter

MIB = 1024**2
CGROUPS = Path("/sys/fs/cgroup/memory/docker")
CPU_CGROUPS = Path("/sys/fs/cgroup/cpuacct/docker")
PORT, TLS_PORT = 2181, 2281
EMPTY: Mapping[str, str] = MappingProxyType({})
NETTY = "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory"


class Died(Exception):
    """The server ended, or did not serve in time: its state and last lines."""


@dataclass
class Peak:
    """The most memory seen, in MiB."""

    anonymous: float = 0
    kernel: float = 0
    both: float = 0
    working_set: float = 0


@dataclass
class Server:
    """One container with one server."""

    container: Any
    peak: Peak = field(default_factory=Peak)

    @property
    def host(self) -> str:
        """The container's own address; no proxy of Docker's in between."""
        self.container.reload()
        (network,) = self.container.attrs["NetworkSettings"]["Networks"].values()
        return str(network["IPAddress"])

    @property
    def pid(self) -> int:
        """The JVM's process id on this machine."""
        pids = (CGROUPS / self.container.id / "cgroup.procs").read_text().split()
        java = [pid for pid in pids if Path(f"/proc/{pid}/comm").read_text().strip() == "java"]
        if not java:
            raise Died("no JVM runs in the container")
        return int(java[0])

    def wait(self, seconds: float = 300) -> None:
        """Wait until it serves."""
        wait_for(self._serves, seconds, self.why)

    def _serves(self) -> bool:
        self.container.reload()
        if self.container.status != "running":
            raise Died(self.why())
        try:
            return fourletter.parse_srvr(fourletter.over_tcp(self.host, PORT, 2)("srvr")).serving
        except OSError:
            return False

    def why(self) -> str:
        """Tell the container's state and its last lines."""
        self.container.reload()
        state = self.container.attrs["State"]
        lines = self.container.logs(tail=5).decode(errors="replace")
        return f"OOMKilled={state['OOMKilled']} exit={state['ExitCode']} {state['Status']}\n{lines}"

    def restart(self) -> None:
        """Stop it and start it again on its data, and wait until it serves."""
        self.container.stop(timeout=60)
        self.container.start()
        self.wait(600)

    def live_mib(self) -> float:
        """Collect all garbage and give the heap still used, in MiB."""
        jcmd(self.pid, "GC.run")
        jcmd(self.pid, "GC.run")  # what only waited for its finalizer or cleaner goes with the second one
        heap = jcmd(self.pid, "GC.heap_info")
        used = re.findall(r"(?:generation|DefNew|Tenured) +total \d+K, used (\d+)K", heap)
        if len(used) != 2:
            raise Died(f"not the serial collector: {heap}")
        return sum(map(int, used)) / 1024

    def memory(self) -> Peak:
        """Weigh the container now: anonymous and kernel memory, working set as Kubernetes counts it (MiB)."""
        group = CGROUPS / self.container.id
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        usage = int((group / "memory.usage_in_bytes").read_text())
        kernel = int((group / "memory.kmem.usage_in_bytes").read_text())
        anonymous = int(stat["rss"])
        parts = (anonymous, kernel, anonymous + kernel, usage - int(stat["inactive_file"]))
        return Peak(*(part / MIB for part in parts))

    def cpu_seconds(self) -> float:
        """Give the processor time used by the container since it was made."""
        return int((CPU_CGROUPS / self.container.id / "cpuacct.usage").read_text()) / 1e9

    def files(self, directory: str, prefix: str) -> list[int]:
        """Give the sizes of files below a directory of the container, oldest first."""
        found = Path(f"/proc/{self.pid}/root{directory}/version-2").glob(f"{prefix}.*")
        return [path.stat().st_size for path in sorted(found, key=lambda path: path.stat().st_mtime)]

    @contextmanager
    def watched(self) -> Iterator[Peak]:
        """Keep the peak of its memory while the block runs, twenty looks a second."""
        done = threading.Event()

        def look() -> None:
            while not done.wait(0.05):
                try:
                    now = self.memory()
                except OSError:  # between stop and start there is no cgroup
                    continue
                for name, value in vars(now).items():
                    setattr(self.peak, name, max(getattr(self.peak, name), value))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield self.peak
        finally:
            done.set()
            thread.join()


@contextmanager
def server(
    image: str,
    *,
    prefix: str,
    heap_mib: int,
    limit_mib: int = 0,
    flags: str = "",
    settings: Sequence[str] = (),
    variables: Mapping[str, str] = EMPTY,
    **options: Any,
) -> Iterator[Server]:
    """Run a server until the block ends; no limit for *limit_mib* 0; *options* are Docker's.

    It need not serve yet: see `Server.wait`.
    """
    environment = {
        "ZK_SERVER_HEAP": str(heap_mib),
        "JVMFLAGS": flags,
        "ZOO_MAX_CLIENT_CNXNS": "0",
        "ZOO_CFG_EXTRA": " ".join(("maxSessionTimeout=3600000", *settings)),
        "ZOO_LOG_LEVEL": "WARN",
        **variables,
    }
    limits = {"mem_limit": f"{limit_mib}m", "memswap_limit": f"{limit_mib}m"} if limit_mib else {}
    named = {"name": f"{prefix}-{os.getpid()}-{time.monotonic_ns()}"}
    container = docker.from_env().containers.run(
        image, detach=True, environment=environment, tmpfs={"/tmp": "mode=1777"}, **{**named, **limits, **options}
    )
    try:
        yield Server(container)
    finally:
        container.remove(force=True, v=True)


def jcmd(pid: int, command: str) -> str:
    """Give a diagnostic command to the JVM *pid* by HotSpot's attach protocol, without a JDK."""
    root = Path(f"/proc/{pid}/root/tmp")
    status = Path(f"/proc/{pid}/status").read_text()
    inside = re.findall(r"^NSpid:.*?(\d+)$", status, re.MULTILINE)[0]
    channel = root / f".java_pid{inside}"
    if not channel.exists():
        (root / f".attach_pid{inside}").touch()
        os.kill(pid, signal.SIGQUIT)
        wait_for(channel.exists, 30, lambda: f"JVM {pid} opens no attach socket")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(120)
        connection.connect(str(channel))
        connection.sendall(b"\0".join((b"1", b"jcmd", command.encode(), b"", b"", b"")))
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    code, _, text = answer.partition("\n")
    if code != "0":
        raise Died(f"{command}: {answer}")
    return text


def wait_for(condition: Callable[[], bool], seconds: float, why: Callable[[], str]) -> None:
    """Wait until *condition* holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Died(why())
        time.sleep(0.05)  # between two looks at the condition, not instead of one
