"""How long clients cannot write when the leader is killed, stopped or cut off the network.

Both images run with both timings; the clients and their timeouts are the same in every column.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from tests.bench.clock import Clock, until
from tests.bench.images import Images
from tests.bench.lab import Lab, Member
from tests.bench.measures import Samples, longest_gap
from tests.bench.writer import Writer

TIMINGS: Mapping[str, Mapping[str, str]] = {
    "2000/10/5": {"ZOO_TICK_TIME": "2000", "ZOO_INIT_LIMIT": "10", "ZOO_SYNC_LIMIT": "5"},
    "500/20/4": {"ZOO_TICK_TIME": "500", "ZOO_INIT_LIMIT": "20", "ZOO_SYNC_LIMIT": "4"},
}
"""tickTime in ms, initLimit and syncLimit in ticks."""

Event = Callable[[Lab, Member], None]
EVENTS: Mapping[str, Event] = {
    "SIGKILL": lambda _lab, leader: leader.container.kill("SIGKILL"),
    "SIGTERM": lambda _lab, leader: leader.container.kill("SIGTERM"),
    "network cut": lambda lab, leader: lab.cut(leader),
}
WARM, AFTER, BOUND = 2.0, 1.5, 60.0
"""Seconds of writing before the event and after the last recovery; the longest wait for it."""


def measure(lab: Lab, images: Images, clock: Clock) -> Samples:
    """Hurt the leader of a fresh ensemble, for each event, timing and image in turn."""
    samples = Samples("write gap")
    for _ in clock.rounds("write gaps", 3, 1, share=0.4):
        for event, act in EVENTS.items():
            for timing, env in TIMINGS.items():
                for column, image in images.columns():
                    with lab.running(image, env, 3) as members:
                        found = _gaps(lab, members, act)
                    for client, seconds in found.items():
                        name = f"{event} of the leader, {timing}, client on {client}"
                        shown = (client, timing) == HEADLINE
                        short = f"write gap on a survivor, {event} of leader" if shown else ""
                        samples.add(column, name, "s", seconds, headline=short)
    return samples


HEADLINE = ("a survivor", "2000/10/5")


def _gaps(lab: Lab, members: list[Member], act: Event) -> dict[str, float]:
    """Give the longest stretch without an acknowledged write, for a client on a survivor and one on the leader."""
    leader, *_ = until(lambda: [member for member in members if member.mode() == "leader"], "a leader")
    survivors = [member for member in members if member is not leader]
    hosts = [member.address for member in survivors]
    writers = {"a survivor": Writer("survivor", hosts), "the leader": Writer("hit", [leader.address, *hosts])}
    with ExitStack() as stack:
        for writer in writers.values():
            stack.callback(writer.end)
            writer.begin()
        time.sleep(WARM)
        begin = time.monotonic()
        # The Engine answers when all is done; the event is under way before.
        doing = threading.Thread(target=act, args=(lab, leader))
        doing.start()
        stack.callback(doing.join)
        until(lambda: any(member.mode() == "leader" for member in survivors), "a new leader", BOUND, pause=0.05)
        back = time.monotonic()
        until(lambda: all(w.wrote_since(back + AFTER) for w in writers.values()), "writes again", BOUND, pause=0.05)
        end = time.monotonic()
    return {client: longest_gap(writer.acknowledged, begin, end) for client, writer in writers.items()}
