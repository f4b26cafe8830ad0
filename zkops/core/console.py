"""What people and scripts read: results on stdout, messages on stderr, no colour or animation without a terminal."""

import json
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

# stderr for everything that is not a result. rich honours NO_COLOR and TERM=dumb by itself.
_messages = Console(stderr=True, highlight=False, soft_wrap=True)

HEARTBEAT_SECONDS = 30.0
"""Without a terminal a long step prints a line this often, so that a log never looks dead."""


def say(message: str, style: str = "") -> None:
    """Print *message* on stderr."""
    _messages.print(message, style=style or None, markup=False)


def warn(message: str) -> None:
    """Print a warning on stderr."""
    say(f"warning: {message}", style="yellow")


def result(text: str) -> None:
    """Print *text* on stdout, as it is."""
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()


def result_json(value: object) -> None:
    """Print *value*, a dataclass or plain data, as JSON on stdout."""
    data = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    result(json.dumps(data, indent=2, default=str))


def result_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout: as wide as its content when piped, within the terminal otherwise."""
    result(title)
    table = Table(*headers, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*map(escape, row))  # what others say may hold brackets, rich's own markup
    out = Console(highlight=False)
    if not out.is_terminal:
        out = Console(highlight=False, width=500)
    out.print(table)


DETAIL_WIDTH = 100


class Step:
    """One long step under way; `update` tells how far it is."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.detail = ""
        self.started = time.monotonic()

    def update(self, detail: str) -> None:
        """Say how far the step is, in a few words."""
        self.detail = textwrap.shorten(detail, DETAIL_WIDTH, placeholder=" …")

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started

    def line(self) -> str:
        """Label, seconds and detail in one line."""
        return f"{self.label} … {self.seconds:.0f} s  {self.detail}".rstrip()


@contextmanager
def step(label: str) -> Iterator[Step]:
    """Show a step while it runs: a spinner on a terminal, else a line at its begin, every 30 s, and at its end."""
    current = Step(label)
    done = threading.Event()
    shown = _spin if _messages.is_terminal else _tick
    thread = threading.Thread(target=shown, args=(current, done), daemon=True)
    thread.start()
    try:
        yield current
    except BaseException:
        done.set()
        thread.join()
        say(f"✗ {label} ({current.seconds:.1f} s)", style="red")
        raise
    done.set()
    thread.join()
    say(f"✓ {label} ({current.seconds:.1f} s)")


def _spin(current: Step, done: threading.Event) -> None:
    with _messages.status(current.line()) as status:
        while not done.wait(0.2):
            # One line of the terminal at most: a wrapped line would make the spinner jump.
            status.update(current.line()[: _messages.width - 4].replace("[", r"\["))


def _tick(current: Step, done: threading.Event) -> None:
    if not done.wait(2):
        say(f"… {current.label}")
    while not done.wait(HEARTBEAT_SECONDS):
        say(f"… {current.line()}")
