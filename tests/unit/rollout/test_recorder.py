"""What a rollout leaves behind, however it ends: its steps and gates with their times, its report, its history."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import factories
from tests.support.fakes.kubernetes import Api
from zkops.config.cluster import Cluster
from zkops.core import redaction as redact
from zkops.core.errors import Failed, RolledBack, Spoilt
from zkops.ensemble.observed import Member
from zkops.manifests.render import Rendered, render
from zkops.planning.plan import Plan, Step
from zkops.report import files as reports
from zkops.report.timeline import Timeline
from zkops.rollout import gate, history
from zkops.rollout.gate import Site
from zkops.rollout.guard import Watch
from zkops.rollout.options import Wish
from zkops.rollout.recorder import Log, Record, recorded

IMAGE = "registry.example/zookeeper@sha256:" + "a" * 64
RESTART = Step(action="restart", target="demo-1", host="demo-1", reason="config aaaa… → bbbb…; follower")
APPLY = Step(action="apply", target="DaemonSet demo", reason="differs from its description")
TODO = Plan(steps=(APPLY, RESTART))


class Held:
    """A lock that nobody takes away."""

    def check(self) -> None:
        pass


@pytest.fixture
def rendered(cluster: Cluster) -> Rendered:
    return render(cluster, IMAGE)


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(reports, "DIRECTORY", tmp_path / "reports")
    return tmp_path / "reports"


def rolled(cluster: Cluster, rendered: Rendered, api: Any, error: BaseException | None = None) -> Record:
    """Record a rollout whose second step ends in *error*."""
    wish = Wish(doing="deploy", max_gap=0.5)
    with ExitStack() as caught:
        caught.enter_context(suppress(*[type(error)] if error else []))
        record = caught.enter_context(recorded(cluster, rendered, api, wish, TODO))
        with record.log.step(APPLY):
            record.steps.append(str(APPLY))
        with record.log.step(RESTART):
            if error:
                raise error
    return record


def of(record: Record) -> Timeline:
    assert record.page
    return reports.read(record.page)


SPOILT = "restart demo-1: not done after 300 s:\n    demo-1: no pod"


@pytest.mark.parametrize(
    ("error", "outcome", "cause", "mend", "noted"),
    [
        (None, "done", "", "", "done"),
        (RolledBack(f"{SPOILT}\nundone", "do this", 1), "undone", f"{SPOILT}\nundone", "do this", "rolled back to 1"),
        (Failed(SPOILT, "do that"), "failed", SPOILT, "do that", f"failed: {SPOILT.splitlines()[0]}"),
        (KeyboardInterrupt(), "interrupted", "interrupted by the operator", "run the same", "interrupted"),
        (ZeroDivisionError("x"), "failed", "a defect of ours: ZeroDivisionError: x", "run the same", "interrupted"),
    ],
)
def test_a_rollout_leaves_a_report_and_a_history_however_it_ends(
    cluster: Cluster,
    rendered: Rendered,
    error: BaseException | None,
    outcome: str,
    cause: str,
    mend: str,
    noted: str,
) -> None:
    api: Any = Api()
    found = of(rolled(cluster, rendered, api, error))
    assert (found.outcome, found.cause) == (outcome, cause)
    assert found.mend.startswith(mend)
    assert [step.intent.label for step in found.steps] == ["apply DaemonSet demo", "restart demo-1"]
    assert [bool(step.failure) for step in found.steps] == [False, error is not None]
    assert [intent.label for intent in found.plan] == ["apply DaemonSet demo", "restart demo-1"]
    assert (found.ensemble, found.what, found.revision, found.max_gap) == ("demo", "deploy", 1, 0.5)
    (revision,) = history.read(api, cluster)
    assert revision.outcome == noted
    assert revision.steps == (str(APPLY),)


def test_where_no_report_can_be_written_the_rollout_is_done_all_the_same(
    cluster: Cluster, rendered: Rendered, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory.write_text("in the way")
    api: Any = Api()
    record = rolled(cluster, rendered, api)
    assert record.page is None
    assert "warning: there is no report" in capsys.readouterr().err
    assert [revision.outcome for revision in history.read(api, cluster)] == ["done"]


def test_the_report_is_written_also_when_the_api_server_is_gone(cluster: Cluster, rendered: Rendered) -> None:
    api: Any = Api()
    wish = Wish(doing="deploy")
    with (
        pytest.raises(Failed, match="does not answer"),
        recorded(cluster, rendered, api, wish, TODO) as record,
        record.log.step(APPLY),
    ):
        api.away = True
        raise Failed("the API server does not answer", "wait")
    assert of(record).outcome == "failed"


def test_no_secret_is_in_a_report(cluster: Cluster, rendered: Rendered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_secrets", {"hunter22"})
    api: Any = Api()
    record = rolled(cluster, rendered, api, Failed("the password hunter22 is wrong", "not hunter22"))
    assert record.page
    assert "hunter22" not in record.page.read_text() + record.page.with_suffix(".json").read_text()
    assert "the password *** is wrong" in record.page.read_text()


def site(cluster: Cluster, rendered: Rendered, log: Log, timeout: float = 60) -> Site:
    kube: Any = Api()
    watch = Watch(Held(), None, None, log)
    return Site(cluster=cluster, rendered=rendered, kube=kube, password="", timeout=timeout, watch=watch)


def looks(cluster: Cluster, *modes: tuple[str | None, ...]) -> Iterator[tuple[Member, ...]]:
    """What is seen, look after look; the last one for ever."""
    yield from (factories.members(cluster, IMAGE, *found) for found in modes)
    while True:
        yield factories.members(cluster, IMAGE, *modes[-1])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "POLL_SECONDS", 0.01)


ONE = ("follower", "follower", "leader")
OTHER = (None, "leader", "follower")
BACK = ("follower", "leader", "follower")


@pytest.mark.usefixtures("quick")
def test_a_gate_notes_who_led_and_since_when_all_was_well(
    cluster: Cluster, rendered: Rendered, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = looks(cluster, ONE, ONE, OTHER, OTHER, BACK)
    monkeypatch.setattr(gate, "observe_members", lambda *_, **__: next(found))
    log = Log()
    with log.step(RESTART):
        gate.until(
            "back", lambda now: gate.of("demo-2", now).state == "leader", site(cluster, rendered, log), proof=0.05
        )
    (step,) = log.steps
    assert step.gate
    assert step.gate.held
    assert step.begun <= step.gate.begun < step.gate.held <= step.gate.ended - 0.05 <= step.ended
    assert [sight.states["demo-1"] for sight in log.sights] == ["follower", "not serving", "follower"], "changes only"
    assert [sight.states["demo-2"] for sight in log.sights] == ["follower", "leader", "leader"]


@pytest.mark.usefixtures("quick")
def test_a_gate_that_is_not_passed_has_not_held(
    cluster: Cluster, rendered: Rendered, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = looks(cluster, BACK)
    monkeypatch.setattr(gate, "observe_members", lambda *_, **__: next(found))
    log = Log()
    with pytest.raises(Failed), log.step(RESTART):
        gate.until(str(RESTART), lambda _: False, site(cluster, rendered, log, timeout=0.05))
    (step,) = log.steps
    assert step.gate
    assert step.gate.held is None
    assert step.failure == "not done after 0 s"


def test_the_gate_of_one_step_is_not_the_next_ones() -> None:
    log = Log()
    with log.step(RESTART):
        log.waits(15.0)
    with log.step(APPLY):
        pass
    assert [step.gate is None for step in log.steps] == [False, True]


def test_what_is_done_to_go_back_is_told_apart() -> None:
    log = Log()
    watch = Watch(Held(), None, 0.5, log)
    with pytest.raises(Spoilt), log.step(RESTART):
        raise Spoilt("not back")
    watch.forgive()
    with log.step(replace(RESTART, reason="back")):
        pass
    assert [step.undoing for step in log.steps] == [False, True]
