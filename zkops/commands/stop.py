"""`stop`: the members end, their data and configuration stay."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from zkops.config.cluster import Cluster
from zkops.core import console
from zkops.core.errors import Failed, ZkopsError
from zkops.ensemble import retained as kept
from zkops.ensemble.observed import Member, is_true
from zkops.kube import observe
from zkops.kube.client import Kube
from zkops.kube.observe import FORMED
from zkops.manifests.daemonset import roster_name
from zkops.manifests.objects import Object, named
from zkops.manifests.render import roster_object
from zkops.zookeeper import four_letter as fourletter

POLL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What a stop did."""

    name: str
    was_running: bool
    sessions: int
    """Open sessions of clients that ended with it."""
    ended: tuple[str, ...]
    """Machines whose member has ended."""
    away: tuple[str, ...]
    """Machines that do not answer; their members end when they come back."""
    seconds: float

    def sentence(self) -> str:
        """Say what was done."""
        if not self.was_running:
            return f"{self.name} is not running"
        later = f"; {', '.join(self.away)} away: ends there when it is back" if self.away else ""
        kept_there = "data and configuration stay, `invoke deploy` brings it back"
        return f"{self.name} stopped in {self.seconds:.0f} s, {_counted(self.sessions)} closed{later}; {kept_there}"


def stop(cluster: Cluster, kube: Kube, timeout: float, *, for_good: bool = False) -> Stopped:
    """Delete the DaemonSet and wait until the members have ended; *timeout* in seconds.

    *for_good* ends them at once and notes nothing: their data is about to go.

    Raises:
        Failed: a member on a machine that answers does not end in time.
    """
    started = time.monotonic()
    daemonset = kube.get(named("apps/v1", "DaemonSet", cluster))
    pods = kube.pods(cluster.name)
    sessions = 0
    if daemonset:
        members = observe.observe_members(cluster, kube)
        sessions = open_sessions(_metrics(cluster, members, kube))
        console.say(f"closing {_counted(sessions)}")
        if not for_good:
            _note(daemonset, members, cluster, kube)
        # In the background: waiting in the foreground for a machine that is away would keep the DaemonSet for ever.
        kube.delete(daemonset)
    for pod in pods:
        if for_good or not daemonset:  # else Kubernetes does it
            kube.delete_pod(str(pod["metadata"]["name"]), grace_seconds=1 if for_good else 30)
    away = _wait_until_ended(cluster, kube, timeout) if daemonset or pods else ()
    return Stopped(
        name=cluster.name,
        was_running=bool(daemonset or pods),
        sessions=sessions,
        ended=tuple(sorted({on(pod) for pod in pods} - set(away))),
        away=away,
        seconds=time.monotonic() - started,
    )


def _counted(sessions: int) -> str:
    return "1 client session" if sessions == 1 else f"{sessions} client sessions"


def on(pod: Object) -> str:
    """Give the machine of a pod."""
    return str(pod["spec"].get("nodeName"))


def open_sessions(answers: Iterable[Mapping[str, str]]) -> int:
    """Count the clients' sessions from what members say to `mntr`: every member of a quorum knows all."""
    return max((int(found.get("zk_global_sessions", 0)) for found in answers), default=0)


def away_with_pods(pods: Sequence[Object], nodes: Sequence[Object]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell on which machines pods are left: those that answer, and those that are away."""
    ready = {node["metadata"]["name"] for node in nodes if is_true(node, "Ready")}
    hosts = {on(pod) for pod in pods}
    return tuple(sorted(hosts & ready)), tuple(sorted(hosts - ready))


def _metrics(cluster: Cluster, members: Sequence[Member], kube: Kube) -> list[Mapping[str, str]]:
    answers = []
    for member in members:
        if member.serving and member.pod:
            try:
                said = observe.ask(cluster, member.machine, member.pod, kube)("mntr")
            except (OSError, ZkopsError):
                continue
            answers.append(fourletter.parse_mntr(said))
    return answers


def _note(daemonset: Object, members: Sequence[Member], cluster: Cluster, kube: Kube) -> None:
    """Note where the data is; an ensemble that never served has none worth a note."""
    formed = FORMED in (daemonset["metadata"].get("annotations") or {})
    if formed or any(member.serving or member.silent for member in members):
        note(of_live(daemonset, kube), cluster, kube)
        _keep_roster(members, cluster, kube)


def _keep_roster(members: Sequence[Member], cluster: Cluster, kube: Kube) -> None:
    """Write down the membership as it is last: while all are stopped, nobody else can tell it."""
    live, now = observe.live_roster(cluster.name, kube), observe.agreed_on(members)
    if live and now:
        kube.apply(roster_object(cluster, replace(live, membership=now, founders=())))


def note(found: kept.Kept, cluster: Cluster, kube: Kube) -> None:
    """Write the note on the ServiceAccount."""
    kube.annotate(named("v1", "ServiceAccount", cluster), kept.KEPT, found.text())


def of_live(daemonset: Object, kube: Kube) -> kept.Kept:
    """Tell what a live DaemonSet keeps where."""
    roster = observe.live_roster(str(daemonset["metadata"]["name"]), kube)
    if not roster:
        name = roster_name(str(daemonset["metadata"]["name"]))
        raise Failed(
            f"ConfigMap {name} is gone: the machines of the ensemble cannot be noted",
            "put it back with `invoke deploy`, then run this command again",
        )
    return kept.of(daemonset, roster)


def _wait_until_ended(cluster: Cluster, kube: Kube, timeout: float) -> tuple[str, ...]:
    """Wait until no member is left but on machines that are away; give those."""
    deadline = time.monotonic() + timeout
    with console.step("waiting until the members have ended") as step:
        while True:
            here, away = away_with_pods(kube.pods(cluster.name), kube.nodes())
            if not here:
                return away
            if time.monotonic() > deadline:
                raise Failed(
                    f"after {timeout:.0f} s members of {cluster.name} still run on {', '.join(here)}",
                    "look at their pods with kubectl describe, then run `invoke stop` again",
                )
            step.update(f"still on {', '.join(here)}")
            time.sleep(POLL_SECONDS)
