"""The gate behind each step: looks again and again until the members are as they must be, or waiting is hopeless."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from zkops.config.cluster import Cluster, Machine
from zkops.core import console
from zkops.core.errors import Failed, Spoilt
from zkops.ensemble.observed import Member, agreed, pod_trouble
from zkops.kube import diagnose as trouble
from zkops.kube.client import Kube
from zkops.kube.observe import observe_members
from zkops.manifests.render import Rendered
from zkops.rollout.guard import Watch

POLL_SECONDS = 0.3
CRASHES = 2
"""So often a member may crash before its new revision is taken for a bad one."""
HOPELESS = ("ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError")
"""What Kubernetes says of a pod that will not start by waiting."""

Members = Sequence[Member]
Condition = Callable[[Members], bool]
Doubt = Callable[[Members], str]
"""Gives why waiting is hopeless, empty while it is not."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where steps are carried out."""

    cluster: Cluster
    rendered: Rendered
    kube: Kube
    password: str = field(repr=False)
    """Of the super user, who may change the membership."""
    timeout: float
    """Seconds for a member to come back, or for all to serve."""
    watch: Watch
    leaving: tuple[Machine, ...] = ()
    """Machines beyond the description that carry members still."""
    proof: float = 0.0
    """Seconds that a member has to serve without a break before it is taken for back."""
    crashes: dict[str, int] = field(default_factory=dict)
    """Of each pod, by uid, how often its server had crashed when it was first seen in this change."""


def until(
    label: str,
    done: Condition,
    site: Site,
    *,
    spoilt_by: str = "",
    hopeless: Doubt | None = None,
    proof: float = 0.0,
) -> None:
    """Look again and again until *done*, which is asked of all machines in the order of the description.

    It must be so for *proof* seconds without a break.

    Raises:
        Spoilt: out of time or hopeless, and the member on the machine *spoilt_by* is to blame.
        Failed: the same, where none is.
    """
    since = None
    site.watch.log.waits(proof)
    with console.step(label) as step:
        for now, late in _looks(site, step):
            if done(now):
                since = since or time.monotonic()
                if time.monotonic() - since >= proof:
                    site.watch.log.passes(since)
                    return
            else:
                since = None
            site.watch.check()
            crashing = "; ".join(filter(None, [lost(member, site) for member in now]))
            given_up = (hopeless(now) if hopeless else "") or crashing
            given_up = given_up or (f"not done after {site.timeout:.0f} s" if late else "")
            if given_up:
                blamed = [m for m in now if m.machine.hostname == spoilt_by and not (m.serving and m.pod_ready)]
                told = trouble.lacking(site.cluster, blamed or concerned(now, site), site.kube)
                mend = "remove the cause that is named, then run `invoke deploy` again; it goes on from here"
                raise (Spoilt if spoilt_by or crashing else Failed)(f"{label}: {given_up}:\n{told}", mend)
            step.update(", ".join(f"{member.machine.hostname} {member.state}" for member in now))


def _looks(site: Site, step: console.Step) -> Iterator[tuple[Members, bool]]:
    """Yield what the members are now, and whether time is up; an API server that restarts meanwhile is waited for."""
    deadline = time.monotonic() + site.timeout
    machines = (*site.cluster.machines, *site.leaving)
    while True:
        late = time.monotonic() > deadline
        try:
            now = observe_members(site.cluster, site.kube, machines=machines)
        except Failed as error:
            if late:
                mend = f"{error.mend}; then run `invoke deploy` again, it goes on from here"
                raise Failed(f"after {site.timeout:.0f} s of waiting for the members: {error.what}", mend) from error
            site.watch.check()
            step.update(error.what)
        else:
            site.watch.log.saw(now)
            yield now, late
        time.sleep(POLL_SECONDS)


def concerned(members: Members, site: Site) -> Members:
    """Leave out those that are not to run now, and of those that are to leave the dead ones."""
    described = len(site.cluster.machines)
    return [
        member
        for number, member in enumerate(members)
        if member.label == site.cluster.name and (number < described or member.serving)
    ]


def settled(members: Members, site: Site) -> bool:
    """Whether all concerned serve under one leader, in sync with it, and are ready."""
    now = concerned(members, site)
    return agreed(now) and all(member.pod_ready for member in now)


def of(host: str, members: Members) -> Member:
    """Give the member on a machine."""
    return next(member for member in members if member.machine.hostname == host)


def relic(member: Member) -> bool:
    """Whether a member of a former revision is dead: it waits for its turn, nobody waits for it."""
    return member.stale and member.dead


def lost(member: Member, site: Site) -> str:
    """Say that a member of the new revision crashes while the change lasts; empty while it does not."""
    if member.stale or not member.pod:
        return ""
    crashes = member.crashes - site.crashes.setdefault(member.uid, member.crashes)
    if crashes < CRASHES:
        return ""
    return f"the server on {member.machine.hostname} crashed {crashes} times meanwhile"


def hopeless(member: Member) -> str:
    """Say why waiting for a member is hopeless, empty while it is not."""
    if member.crashes >= CRASHES:
        return f"its server crashed {member.crashes} times"
    said = pod_trouble(member.pod) if member.pod else ""
    return said if said.startswith(HOPELESS) else ""
