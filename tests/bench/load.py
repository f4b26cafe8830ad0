"""One process of load: `python -m tests.bench.load HOST,HOST… OPERATION CONNECTIONS DEPTH SECONDS` prints JSON.

It keeps DEPTH requests in flight on each connection, writes to a znode of each connection's own, and counts answers and
how long each took, in buckets of 10 µs; the first tenth of the time only warms up.
"""

import json
import os
import selectors
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import cycle

from tests.support.measuring.jute import NODE_EXISTS, OK, Lost, Session, create, frame, get, put

BUCKET = 1e-5
DATA = bytes(100)


@dataclass
class Line:
    """One connection: its session, the request it repeats, and when those in flight were sent."""

    session: Session
    request: tuple[int, bytes]
    sent: deque[float] = field(default_factory=deque)

    def send(self, count: int) -> None:
        """Send *count* requests."""
        self.session.wire.sendall(frame(1, self.request) * count)
        self.sent.extend([time.perf_counter()] * count)

    def receive(self) -> list[float]:
        """Give the seconds that each request answered now has taken; answers come in the order of requests."""
        answers = self.session.receive()
        if any(error for _, error in answers):
            raise Lost(f"an answer is an error: {answers}")
        now = time.perf_counter()
        return [now - self.sent.popleft() for _ in answers]


def open_line(host: str, operation: str, number: int) -> Line:
    """Connect and make the znode of this connection."""
    session, path = Session(30, connect_timeout=10).connect(host), f"/load-{os.getpid()}-{number}"
    made = session.call(create(path, DATA))
    if made not in (OK, NODE_EXISTS):
        raise Lost(f"{path}: error {made}")
    return Line(session, put(path, DATA) if operation == "set" else get(path))


def drive(lines: list[Line], depth: int, seconds: float) -> tuple[Counter[int], float]:
    """Keep *depth* requests in flight on each line for *seconds*; give the counted latencies and the time counted."""
    counted: Counter[int] = Counter()
    begin = time.perf_counter()
    warm, end = begin + seconds / 10, begin + seconds
    with selectors.DefaultSelector() as selector:
        for line in lines:
            selector.register(line.session.wire, selectors.EVENT_READ, line)
            line.send(depth)
        while (now := time.perf_counter()) < end:
            for key, _ in selector.select(1):
                took = key.data.receive()
                if now >= warm:
                    counted.update(int(one / BUCKET) for one in took)
                key.data.send(len(took))
    return counted, end - warm


def main(hosts: str, operation: str, connections: str, depth: str, seconds: str) -> None:
    """Run the load and print what came of it."""
    wanted = zip(range(int(connections)), cycle(hosts.split(",")), strict=False)
    lines = [open_line(host, operation, number) for number, host in wanted]
    counted, took = drive(lines, int(depth), float(seconds))
    sys.stdout.write(json.dumps({"buckets": counted, "seconds": took}))


if __name__ == "__main__":
    main(*sys.argv[1:])
