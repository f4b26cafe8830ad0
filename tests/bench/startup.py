"""How long until servers serve: one alone, three together."""

import time

from tests.bench.clock import Clock
from tests.bench.images import Images
from tests.support.measuring.lab import Lab, Member, at_once
from tests.support.measuring.measures import Samples
from tests.support.waiting import until

LOGGED = {"JVMFLAGS": "-Xlog:gc+init:stdout:utctime,uptime"}
"""Makes the JVM say when it began; a line or two at its start."""
POLL = 0.004
ANSWER = 0.1
"""Seconds after which a question is asked anew: one that comes while a server opens its port may stay unanswered."""


def measure(lab: Lab, images: Images, clock: Clock) -> Samples:
    """Start one server, and three, of each image in turn."""
    samples = Samples("start-up")
    for _ in clock.rounds("start-up of one", 15, 5, share=0.12):
        for column, image in images.columns():
            _one(lab, image, column, samples)
    for _ in clock.rounds("start-up of three", 7, 2, share=0.15):
        for column, image in images.columns():
            _three(lab, image, column, samples)
    return samples


def _one(lab: Lab, image: str, column: str, samples: Samples) -> None:
    member = lab.member(image, LOGGED)
    try:
        (served,) = _start([member])
        cpu = member.usage().cpu
        jvm = served - member.jvm_started()
        samples.add(column, "standalone: JVM start → serving", "s", jvm, headline="start-up, standalone: JVM → serving")
        samples.add(column, "standalone: container start → serving", "s", served - member.started())
        samples.add(column, "standalone: CPU until serving", "CPU-ms", cpu * 1000)
    finally:
        member.remove()


def _three(lab: Lab, image: str, column: str, samples: Samples) -> None:
    members = lab.members(image, {})
    try:
        served = max(_start(members))
        began = [member.started() for member in members]
        name = "three together: first container start → all serve"
        samples.add(column, name, "s", served - min(began), headline="start-up, three together until all serve")
        samples.add(column, "three together: last container start → all serve", "s", served - max(began))
    finally:
        at_once(Member.remove, members)


def _start(members: list[Member]) -> list[float]:
    """Start members together and give when each was first seen serving, in seconds since 1970."""
    at_once(Member.start, members)
    return at_once(_served, members)


def _served(member: Member) -> float:
    until(lambda: member.mode(ANSWER), "serving", 120, pause=POLL)
    return time.time()
