"""Behind a step's gate: who is waited for, who is to blame, and when a pod may be forgotten."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import factories
from zkops.config.cluster import Cluster
from zkops.ensemble.observed import Member, ended, running_in
from zkops.planning.plan import Step
from zkops.rollout import executor as steps
from zkops.rollout import gate

IMAGE = "registry.example/zookeeper@sha256:" + "a" * 64
DELETED, GRACE = "2026-01-01T00:00:10Z", 2
RUNS: dict[str, Any] = {"containerID": "x", "state": {"running": {}}}
ENDED: dict[str, Any] = {"containerID": "x", "state": {"terminated": {"containerID": "x", "finishedAt": DELETED}}}
ENDED_BEFORE: dict[str, Any] = {
    "containerID": "x",
    "state": {"terminated": {"containerID": "x", "finishedAt": "2026-01-01T00:00:07Z"}},
}
ANOTHER_ENDED: dict[str, Any] = {
    "containerID": "y",
    "state": {"terminated": {"containerID": "y", "finishedAt": DELETED}},
}
LOOPS: dict[str, Any] = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}


def pod(container: dict[str, Any], *, uid: str = "a", going: bool = False) -> dict[str, Any]:
    made = factories.pod("demo-1", IMAGE, **container)
    end = {"deletionTimestamp": DELETED, "deletionGracePeriodSeconds": GRACE}
    made["metadata"] |= {"uid": uid} | (end if going else {})
    return made


@pytest.fixture
def member(cluster: Cluster) -> Member:
    return factories.members(cluster, IMAGE, "leader", "follower", "follower")[1]


def crashed(member: Member, times: int, **changes: Any) -> Member:
    return replace(member, **{"pod": pod(RUNS | {"restartCount": times}), **changes})


def seen(**crashes: int) -> Any:
    """A site that has seen pods, by uid, with so many crashes."""
    return SimpleNamespace(crashes=dict(crashes))


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (0, 2, "crashed 2 times meanwhile"),
        (3, 5, "crashed 2 times meanwhile"),
        (3, 4, ""),
        (2, 2, ""),
    ],
)
def test_a_member_that_crashes_twice_while_others_have_their_turn_is_lost(
    member: Member, before: int, now: int, told: str
) -> None:
    said = gate.lost(crashed(member, now), seen(a=before))
    assert (told in said, bool(said)) == (True, bool(told))


def test_crashes_in_different_steps_add_up(member: Member) -> None:
    site = seen()
    assert [bool(gate.lost(crashed(member, times), site)) for times in (4, 5, 5, 6)] == [False, False, False, True]


def test_crashes_of_another_pod_or_of_the_former_revision_are_no_reason_to_undo(member: Member) -> None:
    assert not gate.lost(crashed(member, 5, pod=pod(RUNS | {"restartCount": 5}, uid="b")), seen(a=0))
    assert not gate.lost(crashed(member, 5, stale=True), seen(a=0))


@pytest.mark.parametrize(
    ("container", "stale", "node_ready", "is_relic"),
    [
        (LOOPS, True, True, True),
        (ENDED, True, True, True),
        (RUNS, True, True, False),  # it may well serve others
        (LOOPS, False, True, False),  # of the present revision: it is what is wrong
        (LOOPS, True, False, False),  # what a lost node says last may be old
    ],
)
def test_only_what_surely_runs_no_server_of_a_former_revision_is_a_relic(
    member: Member, container: dict[str, Any], stale: bool, node_ready: bool, is_relic: bool
) -> None:
    assert gate.relic(replace(member, pod=pod(container), stale=stale, node_ready=node_ready)) is is_relic


@pytest.mark.parametrize(
    ("container", "going", "over"),
    [
        (ENDED, True, True),
        (ENDED, False, False),
        (ENDED_BEFORE, True, False),  # it had crashed, and may be about to be started again
        (ANOTHER_ENDED, True, False),
        (RUNS, True, False),
        (LOOPS, True, False),
    ],
)
def test_a_pod_has_ended_when_what_ran_in_it_ended_after_it_was_told_to(
    container: dict[str, Any], going: bool, over: bool
) -> None:
    assert ended(pod(container, going=going), frozenset({"x"})) is over


def test_a_pod_in_which_nothing_ran_is_left_to_its_node() -> None:
    assert running_in(pod(RUNS)) == {"x"}
    assert not running_in(pod(ENDED))
    assert not ended(pod(ENDED, going=True), running_in(pod(LOOPS)))


class Kube:
    """Gives one pod, as it is told to be at each look, and notes what is deleted."""

    def __init__(self, *looks: dict[str, Any]) -> None:
        self.looks, self.deleted = list(looks), list[tuple[str, int, str]]()

    def pods(self, _ensemble: str) -> list[dict[str, Any]]:
        return [self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]]

    def delete_pod(self, name: str, grace_seconds: int, uid: str = "") -> None:
        self.deleted.append((name, grace_seconds, uid))


def end(kube: Kube, cluster: Cluster) -> None:
    steps._end(pod(RUNS), SimpleNamespace(kube=kube, cluster=cluster))  # type: ignore[arg-type]


def test_a_pod_is_forgotten_as_soon_as_its_server_has_ended_and_no_sooner(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "POLL_SECONDS", 0.001)
    kube = Kube(pod(RUNS, going=True), pod(RUNS, going=True), pod(ENDED, going=True))
    end(kube, cluster)
    assert kube.deleted == [("demo-1", steps.GRACE_SECONDS, ""), ("demo-1", 0, "a")]
    assert len(kube.looks) == 1, "it was asked until it had ended"


def test_a_pod_whose_end_nobody_tells_is_never_forgotten_by_force(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(steps, "END_SECONDS", 0.05)
    kube = Kube(pod(RUNS, going=True))
    end(kube, cluster)
    assert kube.deleted == [("demo-1", steps.GRACE_SECONDS, "")]


def test_a_leaving_member_is_ended_only_once_it_has_no_seat(
    cluster: Cluster, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = list[str]()
    monkeypatch.setattr(steps, "_end", lambda pod, _site: ends.append(pod["metadata"]["name"]))
    monkeypatch.setattr(gate, "until", lambda *_words, **_options: None)
    site: Any = SimpleNamespace(cluster=cluster, leaving=(member.machine,))
    step = Step(action="wait", target=cluster.name, host=member.machine.hostname, reason="must serve first")
    steps._wait(step, site, [member])
    assert ends == [], "its vote may be what the quorum lacks"
    steps._wait(step, site, [replace(member, label=None)])
    assert len(ends) == 1
