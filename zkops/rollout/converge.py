"""Brings an ensemble to a revision: observe, plan, carry out the first step, until there is none."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from zkops.config.cluster import Cluster
from zkops.core import console
from zkops.core.errors import Failed, Unanswered
from zkops.ensemble.observed import Observed
from zkops.kube.client import Kube
from zkops.kube.observe import ROLLING, observe
from zkops.manifests.render import Rendered, password
from zkops.planning.plan import MOVING, Step
from zkops.planning.planner import plan
from zkops.rollout.executor import carry_out
from zkops.rollout.gate import POLL_SECONDS, Site
from zkops.rollout.guard import Watch
from zkops.rollout.options import Wish

T = TypeVar("T")

PROOF_SECONDS = 12.0
"""So long the first member of a new revision must serve before the next one follows it: an image that dies within ten
seconds of its start is found by one member. It is a third of the time of a roll of three."""


def converge(
    cluster: Cluster,
    rendered: Rendered,
    kube: Kube,
    wish: Wish,
    watch: Watch,
    steps: list[str],
    *,
    proven: bool = False,
) -> None:
    """Carry out what is to be done, and note it in *steps*; a *proven* revision has served before.

    What is observed decides, not what was planned before: so a deploy that was cut off is simply run again, and one
    whose API server goes away looks anew when it is back.

    Raises:
        Spoilt: a member did not come back, or clients waited too long.
        Refused: it would not be safe.
        Failed: a step could not be done, or the API server was silent for too long.
    """
    way = _Way(cluster, rendered, kube, wish, watch, proven=proven)
    for _ in range(20 + 10 * len(cluster.machines)):
        done = patiently(way.go_on, wish.timeout)
        if not done:
            return
        steps.append(str(done))
    raise Failed(
        f"{cluster.name} does not settle: after {len(steps)} steps there is still something to do",
        "see `invoke plan`, `invoke status` and `invoke logs`; something else may be changing it too",
    )


@dataclass
class _Way:
    """The way to a revision, and what is known of it so far."""

    cluster: Cluster
    rendered: Rendered
    kube: Kube
    wish: Wish
    watch: Watch
    proven: bool
    rolling: bool = False
    crashes: dict[str, int] = field(default_factory=dict)

    def go_on(self) -> Step | None:
        """Carry out what is first to do now; None where nothing is left."""
        now = observe(self.cluster, self.rendered, self.kube)
        self.watch.log.saw((*now.members, *now.leaving))
        todo = plan(self.rendered, now, repair=self.wish.repair)
        self.rolling = self.rolling or now.rolling
        if not todo.steps:
            if self.rolling:
                self.kube.annotate(self.rendered.object("DaemonSet"), ROLLING, None)
            return None
        first = todo.steps[0]
        if first.action in MOVING and not self.rolling:
            self.kube.annotate(self.rendered.object("DaemonSet"), ROLLING, self.wish.doing)
            self.rolling = True
        self.watch.check()
        with self.watch.log.step(first):
            carry_out(first, self._site(now), (*now.members, *now.leaving), now.membership)
        self.proven = self.proven or first.action == "restart"
        return first

    def _site(self, now: Observed) -> Site:
        return Site(
            cluster=self.cluster,
            rendered=self.rendered,
            kube=self.kube,
            password=password(self.rendered),
            timeout=self.wish.timeout,
            watch=self.watch,
            proof=0.0 if self.proven else PROOF_SECONDS,
            leaving=tuple(member.machine for member in now.leaving),
            crashes=self.crashes,
        )


def patiently(turn: Callable[[], T], timeout: float) -> T:
    """Do *turn*, again and again while the API server does not answer; *timeout* in seconds.

    Raises:
        Failed: it was silent for so long.
    """
    deadline = None
    while True:
        try:
            return turn()
        except Unanswered as error:
            if not deadline:
                console.say(f"{error.what}; trying again for {timeout:.0f} s", style="yellow")
                deadline = time.monotonic() + timeout
            if time.monotonic() > deadline:
                mend = f"{error.mend}; then run `invoke deploy` again, it goes on from here"
                raise Failed(f"no answer for {timeout:.0f} s: {error.what}", mend) from error
        time.sleep(POLL_SECONDS)
