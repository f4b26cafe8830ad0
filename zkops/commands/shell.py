"""`shell`: a ZooKeeper shell on the ensemble, for people at a terminal, for scripts, or for one command."""

import cmd
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from zkops.config.cluster import Cluster
from zkops.core import console
from zkops.core.errors import ZkopsError
from zkops.kube import tunnel as forward
from zkops.kube.client import Kube
from zkops.zookeeper import shell_commands as znodes
from zkops.zookeeper.client import opened

CONNECT_SECONDS = 15.0
SESSION_SECONDS = 30.0
QUIT = ("quit", "exit")


def shell(cluster: Cluster, command: str, connect: Callable[[], Kube]) -> None:
    """Carry out *command*, else the lines of stdin: at a terminal with a prompt, else until the first that fails.

    *connect* gives Kubernetes, asked for only where the members cannot be reached directly.
    """
    with session(cluster, connect) as zookeeper:
        if command:
            run([command], zookeeper)
        elif sys.stdin.isatty():
            Prompt(cluster.name, zookeeper).loop()
        else:
            run(sys.stdin, zookeeper)


@contextmanager
def session(cluster: Cluster, connect: Callable[[], Kube]) -> Iterator[Any]:
    """Open a session with the ensemble.

    Raises:
        Failed: it does not come about.
    """
    with (
        forward.servers(cluster, connect) as servers,
        opened(servers, cluster.name, timeout=SESSION_SECONDS, within=CONNECT_SECONDS) as zookeeper,
    ):
        yield zookeeper


def run(lines: Iterable[str], zookeeper: Any) -> None:
    """Carry out line after line and print the answers; the first that fails ends it."""
    for number, line in enumerate(lines, start=1):
        if line.strip() in QUIT:
            return
        try:
            answer = znodes.execute(zookeeper, line)
        except ZkopsError as error:
            if not isinstance(lines, list):
                error.what = f"line {number}: {error.what}"
            raise
        if answer is not None:
            console.result(answer)


class Prompt(cmd.Cmd):
    """The shell at a terminal: history, completion of commands and paths; Ctrl-C drops a line, Ctrl-D leaves."""

    def __init__(self, name: str, zookeeper: Any) -> None:
        super().__init__()
        self.prompt = f"{name}> "
        self._zookeeper = zookeeper

    def loop(self) -> None:
        """Read and carry out lines until the user leaves."""
        console.say("`help` lists the commands, `quit` or Ctrl-D leaves")
        while True:
            try:
                return self.cmdloop()
            except KeyboardInterrupt:
                console.say("")

    def onecmd(self, line: str) -> bool:
        """Carry out one line; an error is told and the next line read."""
        if line in {"EOF", *QUIT}:
            return True
        try:
            run([line], self._zookeeper)
        except ZkopsError as error:
            console.say(str(error))
        return False

    def completenames(self, text: str, *_ignored: Any) -> list[str]:
        """Complete the first word."""
        return [name for name in (*znodes.COMMANDS, QUIT[0]) if name.startswith(text)]

    def completedefault(self, text: str, line: str, _begin: int, _end: int) -> list[str]:
        """Complete a path; readline takes the words between slashes one by one."""
        parent = line.rsplit(maxsplit=1)[-1].rpartition("/")[0] if not line.endswith(" ") else ""
        try:
            children = (znodes.execute(self._zookeeper, f"ls {parent or '/'}") or "").splitlines()
        except ZkopsError:
            return []
        return [child for child in children if child.startswith(text)]
