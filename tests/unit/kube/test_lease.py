"""One operation at a time: who holds the lock is told, a dead holder's ends, a lost one stops the work."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.fakes.kubernetes import Api
from tests.support.waiting import eventually
from zkops.config.cluster import Cluster
from zkops.core import identity as whoami
from zkops.core.errors import Failed, Refused
from zkops.kube import lease
from zkops.kube import lease_record as holder
from zkops.kube.lease_record import DURATION, PROCESS

LEASE = ("Lease", "demo")
PATIENCE = 20
"""Seconds for what a thread does in milliseconds."""


class Clock:
    """The seconds that the holder's own machine counts."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def api() -> Any:
    return Api()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(lease, "_clock", made)
    return made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW", 0.01)
    monkeypatch.setattr(lease, "RETRY", 0.01)


@pytest.fixture
def dead_process() -> str:
    """The name of a process that ran a moment ago."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        name = whoami.process(running.pid)
        assert name
        assert not whoami.dead(name)
        running.kill()
    return name


def live(api: Api) -> dict[str, Any]:
    return api.objects[LEASE]


def of_other(api: Api, cluster: Cluster, age: float = 0, process: str = "another-boot pid:[1] 7 8") -> None:
    """Let somebody on another machine hold the lock, last renewed *age* seconds ago."""
    named = holder.ours("coordination.k8s.io/v1", "Lease", "demo", cluster)
    item = holder.taken(api.objects.get(LEASE) or named, "refresh", api.time - timedelta(seconds=age))
    item["spec"]["holderIdentity"] = "ann@laptop (pid 7): refresh"
    item["metadata"]["annotations"][PROCESS] = process
    api._store(item)


def test_the_second_operator_is_told_who_holds_it_since_when_and_what_to_do(cluster: Cluster, api: Any) -> None:
    of_other(api, cluster, age=12)
    before = live(api)
    with pytest.raises(Refused) as caught, lease.hold(api, cluster, "deploy"):
        raise AssertionError("it was held twice")
    assert "demo is being changed by ann@laptop (pid 7): refresh, since 2025-12-31 23:59:48 UTC" in str(caught.value)
    assert "ends by itself in 18 s" in caught.value.mend
    assert caught.value.exit_code == 3
    assert live(api) == before


def test_two_that_come_at_once_never_both_hold_it(cluster: Cluster, api: Any) -> None:
    start, outcomes = threading.Barrier(8), []

    def operate() -> None:
        start.wait()
        try:
            with lease.hold(api, cluster, "deploy"):
                outcomes.append("held")
                done.wait(PATIENCE)
        except Refused:
            outcomes.append("refused")
            if outcomes.count("refused") == 7:
                done.set()

    done = threading.Event()
    threads = [threading.Thread(target=operate) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE)
    assert sorted(outcomes) == ["held", *["refused"] * 7]


def test_it_is_given_up_at_the_end_and_free_for_the_next(cluster: Cluster, api: Any) -> None:
    for _ in range(2):
        with lease.hold(api, cluster, "deploy"):
            found = lease.held_by(api, cluster)
            assert found is not None
            assert found.identity == f"{whoami.operator()} (pid {os.getpid()}): deploy"
        assert live(api)["spec"]["holderIdentity"] == ""
        assert lease.held_by(api, cluster) is None
    assert live(api)["spec"]["leaseTransitions"] == 2


@pytest.mark.parametrize("ending", [KeyboardInterrupt, Failed, SystemExit])
def test_it_is_given_up_on_ctrl_c_and_on_failure(cluster: Cluster, api: Any, ending: type[BaseException]) -> None:
    with pytest.raises(ending), lease.hold(api, cluster, "deploy"):
        raise ending("now")
    assert live(api)["spec"]["holderIdentity"] == ""


def test_an_expired_lock_is_taken_over(cluster: Cluster, api: Any) -> None:
    of_other(api, cluster, age=DURATION)
    with lease.hold(api, cluster, "deploy"):
        assert str(os.getpid()) in live(api)["spec"]["holderIdentity"]


def test_the_lock_of_a_dead_process_of_this_machine_is_taken_over_at_once(
    cluster: Cluster, api: Any, dead_process: str
) -> None:
    of_other(api, cluster, age=0, process=dead_process)
    with lease.hold(api, cluster, "deploy"):
        assert str(os.getpid()) in live(api)["spec"]["holderIdentity"]


@pytest.mark.parametrize("field", range(3))
def test_a_process_of_another_machine_or_container_is_never_taken_for_dead(dead_process: str, field: int) -> None:
    assert whoami.dead(dead_process)
    other = dead_process.split()
    other[field] = "other"
    assert not whoami.dead(" ".join(other))
    assert not whoami.dead("")


def test_another_process_with_the_pid_of_a_dead_one_does_not_keep_its_lock() -> None:
    ours = whoami.process(os.getpid())
    assert not whoami.dead(ours)
    assert whoami.dead(" ".join([*ours.split()[:3], "1"]))


@pytest.mark.parametrize("hours", [-9, 0, 9])
def test_the_clock_of_the_operators_machine_does_not_matter(
    cluster: Cluster, api: Any, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server's time is hours before or behind ours: only its own decides."""
    api.time = datetime.now(UTC) + timedelta(hours=hours)
    with lease.hold(api, cluster, "deploy"):
        written = datetime.fromisoformat(live(api)["spec"]["renewTime"])
        assert abs((written - api.time).total_seconds()) <= 1
    of_other(api, cluster, age=DURATION - 2)
    with pytest.raises(Refused), lease.hold(api, cluster, "deploy"):
        pass
    api.tick(3)
    with lease.hold(api, cluster, "deploy"):
        pass


def test_it_is_renewed_as_long_as_it_is_held(cluster: Cluster, api: Any, quick: None) -> None:
    with lease.hold(api, cluster, "deploy") as held:
        for _ in range(3):
            api.tick(DURATION - 1)
            eventually(lambda: datetime.fromisoformat(live(api)["spec"]["renewTime"]) == api.time)
        held.check()
    assert live(api)["spec"]["holderIdentity"] == ""


def test_a_silent_api_is_asked_again_until_it_answers(cluster: Cluster, api: Any, quick: None, clock: Clock) -> None:
    with lease.hold(api, cluster, "deploy") as held:
        api.away = True
        asked = len(api.asked)
        eventually(lambda: len(api.asked) > asked + 3)
        held.check()  # not overdue yet
        api.away = False
        clock.now += lease.OVERDUE + 1
        eventually(lambda: held._asked == clock.now)
        held.check()


def test_work_stops_while_the_lock_is_overdue_and_the_api_silent(cluster: Cluster, api: Any, clock: Clock) -> None:
    with lease.hold(api, cluster, "deploy") as held:
        api.away = True
        clock.now += lease.OVERDUE + 5
        with pytest.raises(Failed, match="could not be renewed for 25 s: the Kubernetes API does not answer"):
            held.check()
        assert not held.lost()


def test_work_goes_on_after_a_long_silence_when_nobody_took_the_lock(cluster: Cluster, api: Any, clock: Clock) -> None:
    with lease.hold(api, cluster, "deploy") as held:
        clock.now += 500
        api.tick(500)
        held.check()
        assert lease.held_by(api, cluster) is not None


def test_a_lock_that_another_took_is_lost_and_stays_the_others(cluster: Cluster, api: Any, clock: Clock) -> None:
    with lease.hold(api, cluster, "deploy") as held:
        clock.now += 500
        api.tick(500)
        of_other(api, cluster)
        with pytest.raises(Failed, match="lost to ann@laptop"):
            held.check()
        assert held.lost()
        with pytest.raises(Failed, match="lost to ann@laptop"):
            held.check()
    assert live(api)["spec"]["holderIdentity"] == "ann@laptop (pid 7): refresh"


def test_the_renewing_thread_sees_that_the_lock_was_lost(cluster: Cluster, api: Any, quick: None) -> None:
    with lease.hold(api, cluster, "deploy") as held:
        of_other(api, cluster)
        eventually(held.lost)
    assert live(api)["spec"]["holderIdentity"] == "ann@laptop (pid 7): refresh"


def test_a_lock_that_was_removed_by_hand_is_lost(cluster: Cluster, api: Any, clock: Clock) -> None:
    with lease.hold(api, cluster, "deploy") as held:
        del api.objects[LEASE]
        clock.now += lease.OVERDUE + 1
        with pytest.raises(Failed, match="lost to somebody else"):
            held.check()
    assert LEASE not in api.objects


def test_a_renewal_whose_answer_was_lost_does_not_lose_the_lock(cluster: Cluster, api: Any, clock: Clock) -> None:
    with lease.hold(api, cluster, "deploy") as held:
        api.loses_answers = True
        clock.now += lease.OVERDUE + 1
        with pytest.raises(Failed, match="the connection broke"):
            held.check()
        api.loses_answers = False
        held.check()
        assert not held.lost()
    assert live(api)["spec"]["holderIdentity"] == ""


def test_somebodys_label_on_the_lease_does_not_lose_the_lock(cluster: Cluster, api: Any, clock: Clock) -> None:
    with lease.hold(api, cluster, "deploy") as held:
        api._merge(live(api), "labels", "team", "blue")
        clock.now += lease.OVERDUE + 1
        held.check()
        assert live(api)["metadata"]["labels"]["team"] == "blue"
    assert live(api)["spec"]["holderIdentity"] == ""


def test_a_lock_that_cannot_be_given_up_is_a_warning_and_ends_by_itself(
    cluster: Cluster, api: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with lease.hold(api, cluster, "deploy"):
        api.away = True
    assert "ends by itself in 30 s" in " ".join(capsys.readouterr().err.split())
    api.away = False
    found = lease.held_by(api, cluster)
    assert found is not None
    assert not replace(found, process="").blocks(api.time + timedelta(seconds=DURATION))


def test_a_renewal_that_hangs_does_not_hold_up_ctrl_c(
    cluster: Cluster, api: Any, quick: None, hanging: threading.Event
) -> None:
    arrived, gave_in = threading.Event(), threading.Event()

    def hang(_what: str) -> None:
        if threading.current_thread().name == "lease":
            arrived.set()
            if not hanging.wait(PATIENCE):
                gave_in.set()

    with pytest.raises(KeyboardInterrupt), lease.hold(api, cluster, "deploy"):
        api.before = hang
        assert arrived.wait(PATIENCE)
        raise KeyboardInterrupt
    assert not gave_in.is_set()


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    goes_on = threading.Event()
    yield goes_on
    goes_on.set()


def test_the_first_deploy_makes_the_namespace_for_its_lock(cluster: Cluster, api: Any) -> None:
    api.objects.clear()
    with lease.hold(api, cluster, "deploy"):
        assert set(api.objects) == {("Namespace", "zookeeper"), LEASE}


def test_a_lease_that_may_not_be_made_is_told(cluster: Cluster, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_item: dict[str, Any]) -> dict[str, Any]:
        raise Failed("cannot create Lease demo: forbidden")

    monkeypatch.setattr(api, "create", forbidden)
    with pytest.raises(Failed, match="forbidden"), lease.hold(api, cluster, "deploy"):
        pass


def test_an_api_without_a_time_is_told(cluster: Cluster, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "version", lambda: ("v1", ""))
    with pytest.raises(Failed, match="carry no time"), lease.hold(api, cluster, "deploy"):
        pass


@pytest.mark.parametrize("spec", [{}, None, {"holderIdentity": ""}, {"holderIdentity": "x", "renewTime": None}])
def test_a_lease_without_a_holder_or_its_times_is_free(spec: dict[str, Any] | None) -> None:
    assert holder.holder_of({"metadata": {}, "spec": spec}) is None


def test_times_are_written_as_kubernetes_wants_them(cluster: Cluster, api: Any) -> None:
    with lease.hold(api, cluster, "deploy"):
        assert live(api)["spec"]["acquireTime"] == "2026-01-01T00:00:00.000000Z"
