"""From when to when each alert fired, as Prometheus says when it is asked every second."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.prometheus import Prometheus

PERIOD = 1.0
"""Seconds between two looks."""


@dataclass(frozen=True)
class Span:
    """One alert that fired; seconds of the monotonic clock."""

    alert: str
    fired: float
    cleared: float | None = None
    """None while it fires."""


class Spans(threading.Thread):
    """Looks at the alerts until told to end."""

    def __init__(self, prometheus: Prometheus) -> None:
        super().__init__(name="alerts", daemon=True)
        self.prometheus = prometheus
        self.all: list[Span] = []
        self._ended = threading.Event()

    def run(self) -> None:
        """Look."""
        while not self._ended.wait(PERIOD):
            try:
                firing = self.prometheus.firing()
            except OSError:
                continue
            self._note(firing, time.monotonic())

    def end(self) -> None:
        """Look no longer."""
        self._ended.set()
        self.join()

    def firing(self) -> set[str]:
        """Name the alerts that fired at the last look."""
        return {span.alert for span in self.all if span.cleared is None}

    def fired(self, alert: str, since: float) -> float | None:
        """Give when an alert fired first after *since*."""
        return min((span.fired for span in self.all if span.alert == alert and span.fired >= since), default=None)

    def cleared(self, alert: str) -> float | None:
        """Give when an alert cleared last; None while it fires."""
        ends = [span.cleared for span in self.all if span.alert == alert]
        return max((end for end in ends if end), default=None) if None not in ends else None

    def _note(self, firing: set[str], now: float) -> None:
        gone = self.firing() - firing
        new = [Span(alert, now) for alert in sorted(firing - self.firing())]
        kept = [
            Span(span.alert, span.fired, now) if span.cleared is None and span.alert in gone else span
            for span in self.all
        ]
        self.all = [*kept, *new]


@contextmanager
def watched(prometheus: Prometheus) -> Iterator[Spans]:
    """Look while the block runs."""
    spans = Spans(prometheus)
    spans.start()
    try:
        yield spans
    finally:
        spans.end()
