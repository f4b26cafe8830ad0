"""`stop`: what is counted and noted, and what of a stopped ensemble keeps a changed description from starting."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import MakeCluster
from tests.support import factories
from tests.support.factories import IMAGE
from zkops.commands import stop as halt
from zkops.config.cluster import Cluster
from zkops.core.errors import Failed, Refused
from zkops.ensemble import retained as kept
from zkops.ensemble.observed import Observed
from zkops.manifests.render import Rendered, render
from zkops.planning.planner import plan

MACHINES = [{"hostname": f"demo-{n}", "ip": f"172.31.77.1{n}", "id": n} for n in (1, 2, 3)]


def account(cluster: Cluster, **changes: Any) -> dict[str, Any]:
    """The ServiceAccount as `stop` leaves it."""
    note = replace(kept.wanted(render(cluster, IMAGE)), **changes)
    return {"metadata": {"name": cluster.name, "annotations": {kept.KEPT: note.text()}}}


def test_every_member_of_a_quorum_knows_all_sessions() -> None:
    assert halt.open_sessions([{"zk_global_sessions": "4"}, {"zk_global_sessions": "5"}, {}]) == 5
    assert halt.open_sessions([]) == 0


def test_a_member_on_a_machine_that_is_away_is_not_waited_for() -> None:
    pods = [factories.pod(name, IMAGE) for name in ("up", "down")]
    ready = {"metadata": {"name": "up"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    silent = {"metadata": {"name": "down"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    assert halt.away_with_pods(pods, [ready, silent]) == (("up",), ("down",))
    assert halt.away_with_pods(pods, [ready]) == (("up",), ("down",))


def test_the_sentence_counts_sessions_and_names_who_is_away() -> None:
    done = halt.Stopped(name="demo", was_running=True, sessions=1, ended=("a",), away=("b",), seconds=7.4)
    assert done.sentence().startswith("demo stopped in 7 s, 1 client session closed; b away")
    assert replace(done, was_running=False).sentence() == "demo is not running"


def test_what_is_kept_is_read_back_from_the_account(cluster: Cluster) -> None:
    note = kept.noted(account(cluster))
    assert note is not None
    assert note.members["demo-2"] == "id 2, participant"
    assert (note.data, note.log) == ("/var/lib/zkops/demo/data", "/var/lib/zkops/demo/log")
    assert note.image == IMAGE


@pytest.mark.parametrize("live", [None, {"metadata": {}}, {"metadata": {"annotations": {"else": "x"}}}])
def test_without_a_note_everything_may_start(cluster: Cluster, live: dict[str, Any] | None) -> None:
    assert kept.displaced(live, render(cluster, IMAGE)) == ()


@pytest.mark.parametrize("text", ["{", "[]", '{"members": {}}', "null no"])
def test_a_note_changed_by_hand_is_told(text: str) -> None:
    with pytest.raises(Failed, match="cannot be read"):
        kept.noted({"metadata": {"annotations": {kept.KEPT: text}}})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"zoo_cfg": {"tickTime": 1000}}, ()),
        ({"ports": {"client": 12181}}, ()),
        ({"resources": {"heap": "128Mi"}}, ()),
        ({"paths": {"data": "/srv"}}, ("the data is in /var/lib/zkops", "the log is in /var/lib/zkops")),
        ({"paths": {"log": "/fast"}}, ("the log is in /var/lib/zkops",)),
        ({"machines": MACHINES[:2]}, ("demo-3 keeps data of id 3, participant and is not in the description",)),
        ({"machines": [*MACHINES, {"hostname": "d", "ip": "172.31.77.9", "id": 4}]}, ("d is new and empty",)),
        ({"machines": [*MACHINES[:2], MACHINES[2] | {"id": 9}]}, ("demo-3 keeps data of id 3, participant, the",)),
        ({"machines": [*MACHINES[:2], MACHINES[2] | {"role": "observer"}]}, ("demo-3 keeps data of id 3",)),
        ({"machines": [*MACHINES[:2], MACHINES[2] | {"ip": "172.31.77.99"}]}, ()),
    ],
)
def test_after_a_stop_settings_may_change_and_the_place_of_data_may_not(
    cluster: Cluster, make_cluster: MakeCluster, changes: dict[str, Any], told: tuple[str, ...]
) -> None:
    found = kept.displaced(account(cluster), render(make_cluster(**changes), IMAGE))
    assert len(found) == len(told)
    assert all(line.startswith(start) for line, start in zip(found, told, strict=True))


def test_what_is_being_deleted_does_not_start_again(cluster: Cluster) -> None:
    assert "deletion was begun" in kept.displaced(account(cluster, deleting=True), render(cluster, IMAGE))[0]


World = Callable[[Cluster, Rendered], Observed]


@pytest.mark.parametrize(("world", "refused"), [(factories.nothing, True), (factories.serving, False)])
def test_only_an_ensemble_that_does_not_run_is_held_up_by_its_note(
    cluster: Cluster, world: World, refused: bool
) -> None:
    rendered = render(cluster, IMAGE)
    observed = replace(world(cluster, rendered), displaced=("d is new and empty",))
    if refused:
        with pytest.raises(Refused, match="d is new and empty"):
            plan(rendered, observed)
    else:
        assert plan(rendered, observed).steps == ()


def test_the_note_is_plain_json(cluster: Cluster) -> None:
    text = account(cluster)["metadata"]["annotations"][kept.KEPT]
    assert json.loads(text)["members"] == {f"demo-{n}": f"id {n}, participant" for n in (1, 2, 3)}
