"""How the machine's disk does meanwhile: a small write and its fsync, again and again, by nobody's server."""

import os
import tempfile
import threading
import time

PAUSE = 0.01
"""Seconds between two writes."""


class Disk(threading.Thread):
    """Notes the slowest fsync; no server on the same disk can acknowledge a write any sooner at that moment."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.slowest = 0.0
        """Seconds."""
        self._ended = threading.Event()

    def run(self) -> None:
        """Write until told to end."""
        with tempfile.NamedTemporaryFile() as file:
            while not self._ended.wait(PAUSE):
                os.pwrite(file.fileno(), b"x" * 512, 0)
                begin = time.monotonic()
                os.fsync(file.fileno())
                self.slowest = max(self.slowest, time.monotonic() - begin)

    def end(self) -> None:
        """Stop."""
        self._ended.set()
        self.join()
