"""A whole deploy, of an ensemble in memory, leaves the report of what it did: done, undone, or cut off."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import factories
from tests.support.factories import nodes
from tests.support.fakes.ensemble import Host, World
from tests.support.fakes.kubernetes import Api
from zkops.config.cluster import Cluster
from zkops.core.errors import RolledBack, Spoilt
from zkops.manifests.render import Rendered, render
from zkops.planning.plan import Step
from zkops.report import files as reports
from zkops.report.timeline import Timeline, reigns
from zkops.rollout import converge, permissions
from zkops.rollout import deploy as rollout
from zkops.rollout import rollback as former
from zkops.rollout.gate import Site
from zkops.rollout.guard import Watch
from zkops.rollout.options import Wish
from zkops.rollout.recorder import Log
from zkops.rollout.rollback import Former

IMAGE = "registry.example/zookeeper@sha256:" + "a" * 64


@pytest.fixture
def rendered(cluster: Cluster) -> Rendered:
    return render(cluster, IMAGE)


@pytest.fixture
def world(rendered: Rendered) -> World:
    """Three members that serve, of which the last leads, under a DaemonSet that differs from its description."""
    formed = replace(rendered.roster.membership, version=factories.VERSION)
    roster = replace(rendered.roster, membership=formed, founders=())
    up = {name: Host(seat=seat, labelled=True, pod=True, up=True, data=True) for name, seat in roster.hosts.items()}
    return World(rendered, up, formed, roster, leader=3, applied=False)


@pytest.fixture
def api(cluster: Cluster, rendered: Rendered, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The Kubernetes of that ensemble; steps are carried out in memory, and no client watches."""

    @contextmanager
    def unwatched(
        _cluster: Cluster, _kube: object, held: Any, max_gap: float | None, *, log: Log, **_: object
    ) -> Iterator[Watch]:
        yield Watch(held, None, max_gap, log)

    monkeypatch.setattr(reports, "DIRECTORY", tmp_path)
    monkeypatch.setattr(rollout, "watching", unwatched)
    for room in (rollout, converge):
        monkeypatch.setattr(room, "observe", lambda *_: world.observed())
    monkeypatch.setattr(converge, "carry_out", lambda step, *_: world.carry_out(step, half=False, choice=0))
    monkeypatch.setattr(permissions, "demand", lambda *_: None)
    monkeypatch.setattr(rollout, "_sweep", lambda *_: None)
    made: Any = Api(*({"kind": "Node"} | node for node in nodes(cluster)))
    made.create(rendered.object("DaemonSet"))
    return made


def left() -> Timeline:
    (page,) = reports.pages()
    return reports.read(page)


def test_a_deploy_tells_its_plan_its_steps_and_who_led(cluster: Cluster, rendered: Rendered, api: Any) -> None:
    report = rollout.deploy(cluster, rendered, api, Wish())
    found = left()
    assert report.report == str(reports.newest())
    assert found.outcome == "done"
    assert [f"{step.intent.label}: {step.intent.reason}" for step in found.steps] == list(report.steps)
    assert [*[step.intent.label for step in found.steps], "wait demo"] == [intent.label for intent in found.plan]
    assert "restart demo-1" in [step.intent.label for step in found.steps]
    assert found.differences == ("DaemonSet demo: spec.template.x: 1 → 2",)
    assert [span.value for span in reigns(found)] == ["demo-3", "demo-1"]
    ends = [moment for step in found.steps for moment in (step.begun, step.ended)]
    assert ends == sorted(ends), "one after the other"


def test_nothing_to_do_leaves_no_report(cluster: Cluster, rendered: Rendered, api: Any, world: World) -> None:
    world.applied = True
    assert rollout.deploy(cluster, rendered, api, Wish()).report is None
    assert reports.pages() == ()


def test_a_deploy_that_is_undone_tells_what_was_done_to_go_back(
    cluster: Cluster, rendered: Rendered, api: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = False

    def once(step: Step, *_: Site) -> None:
        nonlocal spoilt
        if step.action == "restart" and not spoilt:
            spoilt = True
            raise Spoilt(f"{step}: its server crashed 2 times:\n    cause: out of memory")
        world.carry_out(step, half=False, choice=0)

    monkeypatch.setattr(converge, "carry_out", once)
    monkeypatch.setattr(former, "before", lambda *_: Former(number=1, rendered=rendered))
    with pytest.raises(RolledBack):
        rollout.deploy(cluster, rendered, api, Wish())
    found = left()
    assert found.outcome == "undone"
    assert "cause: out of memory" in found.cause
    bad = next(step for step in found.steps if step.failure)
    assert (bad.intent.label, bad.failure) == ("restart demo-1", "its server crashed 2 times")
    after = found.steps[found.steps.index(bad) + 1 :]
    assert after
    assert [step.undoing for step in found.steps] == [False] * (len(found.steps) - len(after)) + [True] * len(after)


def test_a_deploy_that_is_cut_off_tells_how_far_it_came(
    cluster: Cluster, rendered: Rendered, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_step: Step, *_: Site) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(converge, "carry_out", cut)
    with pytest.raises(KeyboardInterrupt):
        rollout.deploy(cluster, rendered, api, Wish())
    found = left()
    assert found.outcome == "interrupted"
    assert len(found.plan) > len(found.steps) == 1
    assert found.steps[0].failure == "interrupted by the operator"
