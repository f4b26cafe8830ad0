"""Rollouts as they are recorded, for the tests of what is told of them: one done, one undone, one failed, one long."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from zkops.planning.plan import MOVING
from zkops.report.timeline import Gate, Intent, Sight, Taken, Timeline
from zkops.zookeeper.heartbeat import result as beats
from zkops.zookeeper.heartbeat.result import Beats, Mark, Record

BEGUN = 1_795_398_600.0
"""2026-11-23 01:50:00 UTC."""
HOSTS = ("demo-1", "demo-2", "demo-3")
DIGEST = "sha256:" + "375c56a1b958" + "0" * 52

PLAN: Sequence[tuple[str, str, str, float]] = (
    ("apply", "ConfigMap demo-a036093e83", "is not there", 0.1),
    ("apply", "DaemonSet demo", "differs from its description", 0.4),
    ("restart", "demo-1", "config f333… → a036…; follower", 21.3),
    ("restart", "demo-2", "config f333… → a036…; follower", 6.8),
    ("leave", "demo-3", "last, it leads: another one takes over before its restart (config f333… → a036…)", 1.6),
    ("roster", "demo", "tell the machines who belongs to it: server 3 is out", 0.1),
    ("restart", "demo-3", "config f333… → a036…; follows without a vote", 7.1),
    ("enter", "demo-3", "has learnt everything; votes from now on", 1.2),
    ("roster", "demo", "tell the machines who belongs to it: server 3 is in", 0.1),
    ("wait", "demo", "all members must serve and agree on one leader", 0.6),
)
"""Each with its seconds."""


def intents() -> tuple[Intent, ...]:
    return tuple(_intent(action, target, reason) for action, target, reason, _ in PLAN)


def _intent(action: str, target: str, reason: str) -> Intent:
    return Intent(action=action, target=target, reason=reason, moves=action in MOVING)


def taken(begun: float = 0.9) -> tuple[Taken, ...]:
    """Carry the plan out, without a break between the steps."""
    return tuple(_taken(begun))


def _taken(at: float) -> Iterator[Taken]:
    for intent, (*_, seconds) in zip(intents(), PLAN, strict=True):
        begun, at = at, at + seconds
        proof = 15.0 if intent.label == "restart demo-1" else 0.0
        gate = Gate(begun=begun + 0.05, held=at - proof, ended=at, proof=proof) if seconds > 0.5 else None
        yield Taken(intent=intent, begun=begun, ended=at, gate=gate)
        at += 0.35  # until the next one is planned


def heartbeat(steps: Sequence[Taken], stalls: Sequence[tuple[float, float]], end: float, seed: int = 7) -> Beats:
    """What a client sees that waits for the seconds of each of *stalls* at the times they begin."""
    luck = random.Random(seed)  # noqa: S311 - no secret
    at, pending = 0.4, list(stalls)
    acknowledged, took = [], []
    while at < end:
        seconds = 0.002 * luck.lognormvariate(0.4, 0.5)
        if pending and at >= pending[0][0]:
            seconds = pending.pop(0)[1]
        at += seconds
        acknowledged.append(at)
        took.append(seconds)
        at += 0.0105
    marks = [Mark(time=step.begun, label=step.intent.label) for step in steps]
    record = Record(acknowledged=acknowledged, took=took, marks=marks, ended=end, offset=BEGUN)
    return replace(beats.beats(record, sessions_lost=0), verified=HOSTS)


def sights() -> tuple[Sight, ...]:
    """Every member in its turn, the leader last."""
    steps = taken()
    first, second, leave, third = (steps[number].begun for number in (2, 3, 4, 6))
    looks = [
        (0.5, "follower", "follower", "leader"),
        (first + 0.3, "going away", "follower", "leader"),
        (first + 2.1, "no pod", "follower", "leader"),
        (first + 3.0, "not serving", "follower", "leader"),
        (first + 5.9, "follower", "follower", "leader"),
        (second + 0.3, "follower", "going away", "leader"),
        (second + 3.1, "follower", "not serving", "leader"),
        (second + 6.3, "follower", "follower", "leader"),
        (leave + 0.4, "follower", "leader", "follower"),
        (third + 0.3, "follower", "leader", "going away"),
        (third + 3.4, "follower", "leader", "not serving"),
        (third + 6.6, "follower", "leader", "follower"),
    ]
    return tuple(Sight(at=at, states=dict(zip(HOSTS, states, strict=True))) for at, *states in looks)


def done() -> Timeline:
    """A deploy as the documentation tells it."""
    steps = taken()
    stalls = [(steps[2].begun, 0.062), (steps[3].begun + 0.1, 0.048), (steps[4].begun, 0.218), (steps[6].begun, 0.094)]
    end = steps[-1].ended + 0.1
    return Timeline(
        ensemble="demo",
        what="deploy",
        who="root@vm",
        revision=2,
        image=f"registry.example:5000/zkops/zookeeper@{DIGEST}",
        config="demo-a036093e83",
        begun=BEGUN,
        seconds=end + 0.9,
        outcome="done",
        plan=intents(),
        differences=(
            "ConfigMap demo-f333450e2e: zoo.cfg.autopurge.snapRetainCount: 3 → 4",
            "DaemonSet demo: spec.template.spec.volumes[config].configMap.name: demo-f333450e2e → demo-a036093e83",
        ),
        steps=steps,
        sights=sights(),
        beats=heartbeat(steps, stalls, end),
        max_gap=0.5,
    )


CAUSE = """\
restart demo-1: image zookeeper@375c56a1b958 → zookeeper@000000000000; follower: ImagePullBackOff: Back-off pulling
    demo-1 (id 1, 172.31.77.11): ImagePullBackOff: Back-off pulling image
      event: Failed: Error: ErrImagePull
      cause: the registry does not have the image; run `invoke build push`
undone: every member is on revision 2 again, image and configuration"""


def undone() -> Timeline:
    """An upgrade to an image that the registry does not have."""
    whole = taken()
    bad = Taken(
        intent=_intent("restart", "demo-1", "image 375c56a1b958 → 000000000000; follower"),
        begun=1.2,
        ended=30.6,
        gate=Gate(begun=1.3, held=None, ended=30.6, proof=15.0),
        failure="ImagePullBackOff: Back-off pulling image",
    )
    back = [
        Taken(intent=whole[1].intent, begun=31.0, ended=31.4, undoing=True),
        Taken(
            intent=_intent("restart", "demo-1", "ImagePullBackOff: Back-off pulling image"),
            begun=31.8,
            ended=62.2,
            gate=Gate(begun=31.9, held=62.2, ended=62.2, proof=0.0),
            undoing=True,
        ),
    ]
    looks = [
        (0.5, "follower"),
        (1.5, "going away"),
        (3.5, "ErrImagePull"),
        (12.0, "ImagePullBackOff: Back-off pulling"),
    ]
    looks += [(31.9, "going away"), (58.0, "not serving"), (61.9, "follower")]
    found = [Sight(at=at, states={"demo-1": state, "demo-2": "follower", "demo-3": "leader"}) for at, state in looks]
    steps = (replace(whole[1], begun=0.8, ended=1.1), bad, *back)
    return replace(
        done(),
        what="upgrade",
        revision=3,
        seconds=63.4,
        outcome="undone",
        cause=CAUSE,
        mend="remove the cause that is named, then run `invoke deploy` again",
        steps=steps,
        sights=tuple(found),
        beats=heartbeat(steps, [(1.3, 0.051)], 62.4),
        max_gap=None,
    )


def failed() -> Timeline:
    """Clients could not write for long, and acknowledged writes were lost: the worst there is, with names to escape."""
    steps = (*taken()[:4], replace(taken()[4], failure="clients could not write <for> longer & longer"))
    beat = heartbeat(steps, [(steps[4].begun - 0.01, 14.5)], steps[4].begun + 16)
    end = steps[4].begun + 16
    waiting = Gate(begun=steps[4].begun + 0.1, held=None, ended=end, proof=0.0)
    return replace(
        done(),
        ensemble="d<e>mo",
        what='deploy "<script>alert(1)</script>"',
        seconds=end + 1.2,
        outcome="failed",
        cause="clients could not write <for> longer & longer",
        mend="see `invoke history`",
        steps=(*steps[:4], replace(steps[4], ended=end, gate=waiting)),
        warnings=("2 voters survive no more losses than 1",),
        beats=replace(beat, sessions_lost=2, lost=("/zkops-heartbeat-1/05 is gone, write 70 with it",)),
    )


def interrupted() -> Timeline:
    """A first deploy that was cut off: no client could watch it."""
    waiting = Gate(begun=1.5, held=None, ended=9.0, proof=0.0)
    steps = (
        taken()[0],
        replace(taken()[-1], begun=1.4, ended=9.0, gate=waiting, failure="interrupted by the operator"),
    )
    looks = [Sight(at=at, states=dict.fromkeys(HOSTS, state)) for at, state in ((0.3, "no pod"), (2.0, "Pending"))]
    return replace(
        done(),
        outcome="interrupted",
        cause="interrupted by the operator",
        mend="run the same command again, it goes on from here",
        seconds=9.2,
        steps=steps,
        sights=tuple(looks),
        beats=None,
        max_gap=None,
        differences=(),
    )


def refused() -> Timeline:
    """A deploy that failed before its first step: nobody let the client write."""
    cause = "heartbeat: demo lets nobody write within 15 s: it does not run or has no quorum"
    return replace(interrupted(), outcome="failed", cause=cause, mend="see `invoke status`", steps=(), sights=())


def long(minutes: int = 30, members: int = 7) -> Timeline:
    """A rollout through many members of long names, one of which flaps all the time."""
    hosts = [f"zookeeper-rack-{number:02}.machines.example.com" for number in range(1, members + 1)]
    seconds = minutes * 60.0
    each = seconds / members
    steps = tuple(
        Taken(
            intent=_intent("restart", host, "image 375c56a1b958 → e67eda1bb3fa; follower"),
            begun=number * each + 1,
            ended=(number + 1) * each,
            gate=Gate(begun=number * each + 1.1, held=(number + 1) * each - 0.1, ended=(number + 1) * each, proof=0.0),
        )
        for number, host in enumerate(hosts)
    )
    calm = dict.fromkeys(hosts, "follower") | {hosts[-1]: "leader"}
    looks = [
        Sight(at=0.3 * number, states=calm | {hosts[0]: ("follower", "CrashLoopBackOff")[number % 2]})
        for number in range(int(seconds / 0.3))
    ]
    stalls = [(step.begun + 0.2, 0.1 + 0.02 * number) for number, step in enumerate(steps)]
    return replace(
        done(),
        ensemble="production",
        plan=tuple(step.intent for step in steps),
        seconds=seconds + 2,
        steps=steps,
        sights=tuple(looks),
        beats=heartbeat(steps, stalls, seconds),
    )
