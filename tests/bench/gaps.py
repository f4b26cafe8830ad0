"""How long clients cannot write when the leader is killed, stopped or cut off the network.

Both images run with the same timings, and each with those its users have by default; the clients and their timeouts
are the same in every column.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from tests.bench.clock import Clock
from tests.bench.images import Images
from tests.support.measuring.lab import Lab, Member
from tests.support.measuring.measures import OURS, PEER, Samples, longest_gap
from tests.support.measuring.writer import Writer
from tests.support.waiting import until
from zkops.zoocfg import settings as zoocfg

_TIMES = (
    "connectToLearnerMasterLimit",
    "leader.maxTimeToWaitForEpoch",
    "cnxTimeout",
    "fastleader.maxNotificationInterval",
    "minSessionTimeout",
    "maxSessionTimeout",
)
DEFAULTS: Mapping[str, str] = {
    "ZOO_TICK_TIME": zoocfg.DEFAULTS["tickTime"],
    "ZOO_INIT_LIMIT": zoocfg.DEFAULTS["initLimit"],
    "ZOO_SYNC_LIMIT": zoocfg.DEFAULTS["syncLimit"],
    "ZOO_CFG_EXTRA": " ".join(f"{key}={zoocfg.DEFAULTS[key]}" for key in _TIMES),
}
"""What `cluster.yaml` gives a member without a word about it, as far as it is about time."""
ALIKE = {"ZOO_TICK_TIME": "2000", "ZOO_INIT_LIMIT": "10", "ZOO_SYNC_LIMIT": "5"}
TIMINGS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "2000/10/5": {PEER: ALIKE, OURS: ALIKE},
    # The official image's own are in it: 2000/5/2.
    "own defaults": {PEER: {}, OURS: DEFAULTS},
}
"""The environment of each column."""

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
            for timing, envs in TIMINGS.items():
                for column, image in images.columns():
                    with lab.running(image, envs[column], 3) as members:
                        found = _gaps(lab, members, act)
                    for client, seconds in found.items():
                        name = f"{event} of the leader, {timing}, client on {client}"
                        shown = (client, timing) == HEADLINE
                        short = f"write gap on a survivor, {event} of leader, own defaults" if shown else ""
                        samples.add(column, name, "s", seconds, headline=short)
    return samples


HEADLINE = ("a survivor", "own defaults")


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
