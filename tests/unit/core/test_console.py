"""zkops.core.console: what is going on is said all along, also by steps side by side."""

import io
import threading

import pytest
from rich.console import Console

from zkops.core import console


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> io.StringIO:
    """Have messages written to what is given."""
    out = io.StringIO()
    monkeypatch.setattr(console, "_messages", Console(file=out, force_terminal=terminal, width=60, soft_wrap=True))
    return out


def test_a_long_step_says_what_is_going_on_at_least_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert console.HEARTBEAT_SECONDS <= 10
    out = shown(monkeypatch, terminal=False)
    monkeypatch.setattr(console, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(console, "FIRST_SECONDS", 0.0)
    with console.step("compile [it]") as current:
        current.update("12 packages compiled")
        while "12 packages compiled" not in out.getvalue():
            threading.Event().wait(0.01)  # between two looks at the condition, not instead of one
    assert out.getvalue().splitlines()[-1].startswith("✓ compile [it] (")


def test_steps_side_by_side_share_one_display_and_each_says_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    out = shown(monkeypatch, terminal=True)
    begun, ended = threading.Event(), threading.Event()

    def other() -> None:
        with console.step("second"):
            begun.set()
            ended.wait()

    thread = threading.Thread(target=other)
    with console.step("first, with a label that is too long for one line of this terminal"):
        thread.start()
        begun.wait()
        console.say("a message between")
    ended.set()
    thread.join()
    text = out.getvalue()
    assert all(part in text for part in ("a message between", "✓ first, with", "✓ second"))
    assert console._board._live is None


def test_a_failed_step_is_marked_and_its_error_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    out = shown(monkeypatch, terminal=True)
    with pytest.raises(ZeroDivisionError), console.step("divide"):
        _ = 1 // 0
    assert "✗ divide" in out.getvalue()
