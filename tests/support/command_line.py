"""The command line as its users have it: run, or only understood."""

import shlex
import subprocess
import sys

from invoke.exceptions import ParseError
from invoke.parser import Parser

from tasks import ns
from zkops import ROOT

CONTEXTS = ns.to_contexts()
CORE = {"--debug", "--list", "--help"}
"""Options of Invoke itself, which stand before the tasks."""


def invoke(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run tasks in a process of their own, with no environment but *environment*."""
    return subprocess.run(
        [sys.executable, "-m", "invoke", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def understood(command: str) -> str:
    """Give Invoke's own complaint about a command line, nothing where it understands it."""
    words = [word for word in shlex.split(command)[1:] if word not in {*CORE, "TASK"}]
    try:
        Parser(contexts=CONTEXTS).parse_argv(words)
    except ParseError as error:
        # A task may be named without what it needs.
        return "" if "did not receive required positional" in str(error) else f"{command}: {error}"
    return ""
