"""How the machine's disk does meanwhile: a small write and its fsync, again and again, by nobody's server."""

import os
import tempfile
import threading
import time

PAUSE = 0.01
"""Seconds between two writes."""
STALL = 0.9
"""Seconds of an fsync from which on it is a stall: half of what members wait for one another by default."""


class Disk(threading.Thread):
    """Notes the slowest fsync; no server on the same disk can acknowledge a write any sooner at that moment."""

    def __init__(self, pause: float = PAUSE) -> None:
        """Write every *pause* seconds."""
        super().__init__(daemon=True)
        self.slowest = 0.0
        """Seconds."""
        self.stalls: list[tuple[float, float]] = []
        """Begin and end of the fsyncs that took `STALL` or longer, by the monotonic clock."""
        self._pause = pause
        self._ended = threading.Event()

    def run(self) -> None:
        """Write until told to end."""
        with tempfile.NamedTemporaryFile() as file:
            while not self._ended.wait(self._pause):
                os.pwrite(file.fileno(), b"x" * 512, 0)
                begin = time.monotonic()
                os.fsync(file.fileno())
                end = time.monotonic()
                self.slowest = max(self.slowest, end - begin)
                if end - begin >= STALL:
                    self.stalls.append((begin, end))

    def end(self) -> None:
        """Stop."""
        self._ended.set()
        self.join()
