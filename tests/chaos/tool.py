"""The command line as a user runs it, with every line it says and when, and where it can be killed."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zkops import ROOT

STEP = re.compile(r"[✓✗] |(apply|enter|label|leave|replace|restart|roster|unlabel|wait) ")
"""How the line of a finished step begins."""

SHOWN = 3000
"""Characters of an answer that the transcript has at most: a heartbeat's curve is long."""

BOUND = 900.0
"""Seconds after which a command hangs."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One command that ended."""

    words: tuple[str, ...]
    code: int
    seconds: float
    out: str
    err: str
    killed: bool = False

    @property
    def report(self) -> dict[str, Any]:
        """What `--json` said; empty where it said nothing that is JSON."""
        try:
            found = json.loads(self.out)
        except json.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def command(self) -> str:
        """What was typed."""
        return f"invoke {' '.join(self.words)}"


@dataclass
class Tool:
    """Runs commands one after the other with one description."""

    directory: Path
    transcript: Path
    """File that everything said is added to."""
    steps: int = 0
    """How many steps were told of since `count_anew`."""
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _killed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count_anew(self) -> None:
        """Begin to count steps at 0."""
        self.steps = 0

    def run(self, *words: str) -> Ran:
        """Run one command to its end, or until it is killed."""
        begin = time.monotonic()
        with self._lock:
            self._killed = False
            process = self._process = self._started(words)
        lines: list[str] = []
        reader = threading.Thread(target=self._read, args=(process, lines), daemon=True)
        reader.start()
        hung = threading.Timer(BOUND, process.kill)
        hung.start()
        out = process.stdout.read() if process.stdout else ""
        code = process.wait()
        hung.cancel()
        reader.join()
        ran = Ran(
            words=words,
            code=code,
            seconds=time.monotonic() - begin,
            out=out,
            err="".join(lines),
            killed=self._killed,
        )
        self._write(ran)
        return ran

    def kill(self) -> bool:
        """Kill the command that runs, without a chance to clean up; give whether there was one."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                return False
            self._killed = True
            self._process.send_signal(signal.SIGKILL)
            return True

    def _started(self, words: Sequence[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "invoke", *words],
            cwd=ROOT,
            env=os.environ | {"ZKOPS_PATH": str(self.directory)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _read(self, process: subprocess.Popen[str], lines: list[str]) -> None:
        for line in process.stderr or ():
            lines.append(line)
            if STEP.match(line):
                self.steps += 1

    def _write(self, ran: Ran) -> None:
        with self.transcript.open("a") as out:
            said = ran.out if len(ran.out) < SHOWN else f"{ran.out[:SHOWN]} … {len(ran.out)} characters\n"
            out.write(f"$ {ran.command}\n{ran.err}{said}[exit code {ran.code}, {ran.seconds:.1f} s]\n\n")
