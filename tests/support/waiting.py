"""Waiting for what is to become so: asked again and again, within a bound, never slept through."""

import time
from collections.abc import Callable
from typing import TypeVar

from zkops.core.errors import Failed

T = TypeVar("T")


def until(check: Callable[[], T], what: str, within: float = 60, pause: float = 0.005) -> T:
    """Give the first true value of *check*, asked every *pause* seconds.

    Raises:
        Failed: naming *what* did not come *within* seconds.
    """
    value = _first(check, within, pause)
    if not value:
        raise Failed(f"{what}: not within {within:.0f} s", "see that the machine is not overloaded and run it again")
    return value


def eventually(check: Callable[[], T | None], within: float = 60) -> T:
    """Give the first true value of *check*; fail with its last value when there is none *within* seconds."""
    value = _first(check, within, 0.05)
    assert value, f"not so within {within} s, last was {value!r}"
    return value


def _first(check: Callable[[], T], within: float, pause: float) -> T:
    """Give the first true value, or the last one when the time is over."""
    deadline = time.monotonic() + within
    while not (value := check()) and time.monotonic() <= deadline:
        time.sleep(pause)  # between two looks at the condition, not instead of one
    return value
