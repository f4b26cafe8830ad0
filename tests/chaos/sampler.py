"""Asks `srvr` of all voting members several times a second, and keeps what they said."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.watch import Answer, Look
from zkops.zookeeper.four_letter import over_tcp, parse_srvr

PERIOD, TIMEOUT = 0.25, 1.0
"""Seconds between two looks, and for an answer."""


class Sampler(threading.Thread):
    """Looks until it is told to end."""

    def __init__(self, members: Mapping[str, str], port: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Look at *members*, hostname to ip."""
        super().__init__(name="sampler", daemon=True)
        self.looks: list[Look] = []
        self._members, self._port, self._clock = dict(members), port, clock
        self._ended = threading.Event()

    def run(self) -> None:
        """Look."""
        with ThreadPoolExecutor(max_workers=max(1, len(self._members))) as pool:
            while not self._ended.wait(PERIOD):
                now = self._clock()
                answers = pool.map(lambda ip: ask(ip, self._port), self._members.values())
                self.looks.append(Look(time=now, answers=dict(zip(self._members, answers, strict=True))))

    def end(self) -> list[Look]:
        """Stop, and give all looks."""
        self._ended.set()
        self.join()
        return self.looks


def ask(ip: str, port: int) -> Answer:
    """Ask one member."""
    try:
        said = parse_srvr(over_tcp(ip, port, TIMEOUT)("srvr"))
    except (OSError, ValueError):
        return Answer(up=False)
    return Answer(up=True, mode=said.mode or "", epoch=said.epoch or 0)
