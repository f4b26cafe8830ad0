"""`plan` brings a new ensemble up, does nothing where all is as described, and never touches a running one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import worlds
from zkops import ROOT
from zkops.config import load
from zkops.errors import Refused
from zkops.observed import Change, Observed
from zkops.plan import plan
from zkops.render import render, with_object

CLUSTER = load(ROOT / "cluster.yaml")
RENDERED = render(CLUSTER, "registry.example/zookeeper@sha256:" + "a" * 64)
NOTHING = worlds.nothing(CLUSTER, RENDERED)
SERVING = worlds.serving(CLUSTER, RENDERED)
NAMES = [f"{item['kind']} {item['metadata']['name']}" for item in RENDERED.objects]
DAEMONSET = NAMES[-1]


def change(name: str) -> Change:
    return Change(object=name, field="spec.x", live=1, wanted=2)


def test_a_new_ensemble_is_applied_labelled_and_waited_for() -> None:
    steps = plan(RENDERED, NOTHING).steps
    assert [step.target for step in steps if step.action == "apply"] == NAMES
    assert [step.target for step in steps if step.action == "label"] == [m.hostname for m in CLUSTER.machines]
    assert steps[-1].action == "wait"


def test_all_as_described_is_no_step() -> None:
    assert plan(RENDERED, SERVING).steps == ()


def test_a_member_that_does_not_serve_is_waited_for_and_nothing_is_written() -> None:
    lost = worlds.members(CLUSTER, RENDERED.image, "leader", "follower", None)
    assert [step.action for step in plan(RENDERED, replace(SERVING, members=lost)).steps] == ["wait"]


def test_a_deploy_that_was_killed_half_way_is_finished() -> None:
    half = replace(NOTHING, missing=(DAEMONSET,), members=(SERVING.members[0], *NOTHING.members[1:]))
    steps = plan(RENDERED, replace(half, members=tuple(replace(m, server=None) for m in half.members))).steps
    assert [(step.action, step.target) for step in steps] == [
        ("apply", DAEMONSET),
        ("label", "demo-2"),
        ("label", "demo-3"),
        ("wait", "demo"),
    ]


def test_a_running_ensemble_that_would_change_is_refused_with_the_change() -> None:
    with pytest.raises(Refused, match=r"spec\.x: 1 → 2") as caught:
        plan(RENDERED, replace(SERVING, changes=(change(DAEMONSET),)))
    assert caught.value.exit_code == 3


def test_a_renewed_pull_secret_is_applied_to_a_running_ensemble() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "pull"}}
    steps = plan(with_object(RENDERED, secret), replace(SERVING, changes=(change("Secret pull"),))).steps
    assert [(step.action, step.target) for step in steps] == [("apply", "Secret pull"), ("wait", "demo")]


def test_an_ensemble_that_never_served_is_made_anew() -> None:
    silent = worlds.members(CLUSTER, RENDERED.image, None, None, None)
    never = replace(SERVING, formed=False, changes=(change(DAEMONSET),), members=silent)
    actions = [step.action for step in plan(RENDERED, never).steps]
    assert actions == ["apply", "replace", "replace", "replace", "wait"]


def test_a_pod_of_a_former_description_is_replaced_before_the_first_serving_and_told_after() -> None:
    silent = worlds.members(CLUSTER, RENDERED.image, None, None, None)
    stale = (replace(silent[0], stale=True), *silent[1:])
    steps = plan(RENDERED, replace(SERVING, formed=False, members=stale)).steps
    assert [(step.action, step.target) for step in steps] == [("replace", "demo-1"), ("wait", "demo")]
    with pytest.raises(Refused, match="Pod on demo-1"):
        plan(RENDERED, replace(SERVING, members=stale))


def test_a_node_of_another_ensemble_is_never_taken_from_it() -> None:
    others = (replace(NOTHING.members[0], label="another"), *NOTHING.members[1:])
    with pytest.raises(Refused, match="demo-1 carries a member of the ensemble another"):
        plan(RENDERED, replace(NOTHING, members=others))


def test_a_server_that_runs_and_cannot_be_asked_is_not_taken_for_one_that_never_served() -> None:
    silent = tuple(replace(member, server=None) for member in SERVING.members)
    with pytest.raises(Refused, match=r"spec\.x"):
        plan(RENDERED, replace(SERVING, formed=False, changes=(change(DAEMONSET),), members=silent))


def test_two_leaders_or_a_pod_not_ready_are_waited_for() -> None:
    split = worlds.members(CLUSTER, RENDERED.image, "leader", "leader", "follower")
    unready = (
        replace(SERVING.members[0], pod=worlds.pod("demo-1", RENDERED.image, ready=False)),
        *SERVING.members[1:],
    )
    for found in (split, unready):
        assert [step.action for step in plan(RENDERED, replace(SERVING, members=found)).steps] == ["wait"]


def test_a_strange_node_with_the_label_is_refused() -> None:
    with pytest.raises(Refused, match="other-node"):
        plan(RENDERED, replace(SERVING, strangers=("other-node",)))


@st.composite
def observations(draw: st.DrawFn) -> Observed:
    """Any state that can be met."""
    modes = st.sampled_from([None, "leader", "follower", "observer", "read-only"])
    found = worlds.members(CLUSTER, RENDERED.image, *(draw(modes) for _ in CLUSTER.machines))
    labels = st.sampled_from([None, CLUSTER.name, "another"])
    exists = draw(st.booleans())
    return Observed(
        exists=exists,
        formed=exists and draw(st.booleans()),
        missing=tuple(draw(st.lists(st.sampled_from(NAMES), unique=True))),
        changes=tuple(map(change, draw(st.lists(st.sampled_from(NAMES), unique=True)))),
        strangers=tuple(draw(st.lists(st.just("other-node"), max_size=1))),
        members=tuple(replace(member, label=draw(labels)) for member in found),
    )


@given(observations())
def test_an_ensemble_that_served_is_never_written_to(observed: Observed) -> None:
    used = any(member.serving or member.silent for member in observed.members)
    served = observed.exists and (observed.formed or used)
    try:
        steps = plan(RENDERED, observed).steps
    except Refused as refusal:
        assert refusal.mend
        return
    # Putting back the configuration that the pods name already is the one thing that touches no member.
    assert not served or all(step.action == "wait" or step.target.startswith("ConfigMap ") for step in steps)


@given(observations())
def test_what_is_written_is_waited_for(observed: Observed) -> None:
    try:
        steps = plan(RENDERED, observed).steps
    except Refused:
        return
    assert not steps or steps[-1].action == "wait"
