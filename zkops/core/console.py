"""What people and scripts read: results on stdout, messages on stderr, no colour or animation without a terminal."""

import json
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

# stderr for everything that is not a result. rich honours NO_COLOR and TERM=dumb by itself.
_messages = Console(stderr=True, highlight=False, soft_wrap=True)

FIRST_SECONDS = 2.0
"""Without a terminal a step that takes longer prints a line."""

HEARTBEAT_SECONDS = 10.0
"""And then another this often, so that a log never looks dead."""


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


class _Board:
    """The steps under way on a terminal, a spinner and a line each; rich shows one live display at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spinners: dict[Step, Spinner] = {}
        self._live: Live | None = None

    def add(self, current: Step) -> None:
        with self._lock:
            self._spinners[current] = Spinner("dots")
            if not self._live:
                self._live = Live(console=_messages, get_renderable=self._drawn, refresh_per_second=5, transient=True)
                self._live.start()

    def remove(self, current: Step) -> None:
        with self._lock:
            del self._spinners[current]
            live, self._live = self._live, self._live if self._spinners else None
        if live and not self._live:
            live.stop()

    def _drawn(self) -> Group:
        shown = dict(self._spinners)  # other threads add and remove steps
        for current, spinner in shown.items():
            # One line of the terminal at most: a wrapped line would make the display jump.
            spinner.update(text=Text(current.line(), no_wrap=True, overflow="ellipsis"))
        return Group(*shown.values())


_board = _Board()


@contextmanager
def step(label: str) -> Iterator[Step]:
    """Show a step while it runs: a spinner on a terminal, else a line at its begin, every 10 s, and at its end."""
    current = Step(label)
    ended = _shown_on_terminal(current) if _messages.is_terminal else _shown_as_lines(current)
    try:
        yield current
    except BaseException:
        ended()
        say(f"✗ {label} ({current.seconds:.1f} s)", style="red")
        raise
    ended()
    say(f"✓ {label} ({current.seconds:.1f} s)")


def _shown_on_terminal(current: Step) -> Callable[[], None]:
    _board.add(current)
    return lambda: _board.remove(current)


def _shown_as_lines(current: Step) -> Callable[[], None]:
    done = threading.Event()
    thread = threading.Thread(target=_tick, args=(current, done), daemon=True)
    thread.start()

    def end() -> None:
        done.set()
        thread.join()

    return end


def _tick(current: Step, done: threading.Event) -> None:
    if not done.wait(FIRST_SECONDS):
        say(f"… {current.label}")
    while not done.wait(HEARTBEAT_SECONDS):
        say(f"… {current.line()}")
