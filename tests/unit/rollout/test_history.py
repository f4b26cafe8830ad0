"""The history tells who changed what and how it ended, brings back what worked, and never stands in the way."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fakes.kubernetes import Api
from zkops.config.cluster import Cluster
from zkops.core import identity as whoami
from zkops.core.errors import BadInput, Failed
from zkops.manifests.render import render
from zkops.rollout import history, revisions
from zkops.rollout.revisions import DONE, INTERRUPTED, KEEP, RUNNING, Revision

IMAGE = "registry.example/ops/zookeeper@sha256:" + "a" * 64
HISTORY = ("ConfigMap", "demo-history")

# A busy machine is no fault.
patient = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
texts = st.text(max_size=20)
made = st.builds(
    Revision,
    number=st.integers(1, 10**6),
    time=texts,
    who=texts,
    what=texts,
    image=texts,
    config=texts,
    outcome=texts,
    seconds=st.none() | st.floats(0, 1e6),
    heartbeat=st.dictionaries(st.sampled_from(["longest_gap", "sessions_lost"]), st.floats(0, 100)),
    steps=st.lists(texts, max_size=3).map(tuple),
    daemonset=st.dictionaries(texts, st.dictionaries(texts, texts | st.integers(), max_size=2), max_size=2),
)
histories = st.lists(made, max_size=15, unique_by=lambda revision: revision.number).map(
    lambda found: tuple(sorted(found, key=lambda revision: revision.number))
)


def revision(number: int, outcome: str = DONE, content: str = "", **changes: Any) -> Revision:
    """A revision whose DaemonSet is told by *content*, by default its number."""
    basis = Revision(
        number=number,
        time=f"2026-01-01T00:00:{number:02}Z",
        who="ann@laptop",
        what="deploy",
        image=IMAGE,
        config=f"demo-{number:010x}",
        outcome=outcome,
        daemonset={"spec": content or str(number)},
    )
    return replace(basis, **changes)


@pytest.fixture
def api() -> Any:
    return Api()


@pytest.fixture
def daemonset(cluster: Cluster) -> dict[str, Any]:
    return render(cluster, IMAGE).object("DaemonSet")


@patient
@given(histories)
def test_what_is_written_is_read_back(found: tuple[Revision, ...]) -> None:
    assert revisions.parse(json.loads(json.dumps(revisions.data(found)))) == (found, ())


@patient
@given(histories, made, st.integers(0, 10**7))
def test_numbers_only_grow(found: tuple[Revision, ...], new: Revision, above: int) -> None:
    number = revisions.begun(found, new, above)[-1].number
    assert number > max([above, *(item.number for item in found)])


@patient
@given(histories)
def test_what_is_kept_is_bounded_and_in_order(found: tuple[Revision, ...]) -> None:
    kept = revisions.pruned(found)
    numbers = [item.number for item in kept]
    assert numbers == sorted(numbers)
    assert len(kept) <= KEEP + 2
    assert all(item in found for item in kept)
    assert kept[-1:] == found[-1:]
    assert revisions.pruned(kept) == kept


def test_the_last_ten_are_kept() -> None:
    kept = revisions.pruned(tuple(revision(number) for number in range(1, 31)))
    assert [item.number for item in kept] == list(range(21, 31))


def test_failures_never_push_out_what_can_be_gone_back_to() -> None:
    found = (
        revision(1),
        revision(2),
        revision(3, content="2"),
        *(revision(n, "failed: x") for n in range(4, 30)),
    )
    kept = [item.number for item in revisions.pruned(found)]
    assert kept == [1, 3, *range(20, 30)]


def test_what_is_kept_fits_into_a_config_map_and_the_newest_stays() -> None:
    large = tuple(revision(number, content="x" * 200_000) for number in range(1, 11))
    kept = revisions.pruned(large)
    assert [item.number for item in kept] == [7, 8, 9, 10]
    assert sum(map(len, revisions.data(kept).values())) <= revisions.MAX_BYTES
    assert [item.number for item in revisions.pruned((revision(1, content="x" * 2_000_000),))] == [1]


def test_endless_steps_and_reasons_are_cut() -> None:
    ended = revision(1, "failed: " + "y" * 10**6, steps=("z" * 10**4,) * 10**4)
    kept = revisions.put((), ended)[0]
    assert len(kept.steps) == revisions.MAX_STEPS
    assert len(revisions.data((kept,))["1"]) < 50_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"number": 1}',
        json.dumps(json.loads(revisions.data((revision(1),))["1"]) | {"number": 2}),
        json.dumps(json.loads(revisions.data((revision(1),))["1"]) | {"steps": [1]}),
        json.dumps(json.loads(revisions.data((revision(1),))["1"]) | {"steps": None}),
        json.dumps(json.loads(revisions.data((revision(1),))["1"]) | {"seconds": "long"}),
        json.dumps(json.loads(revisions.data((revision(1),))["1"]) | {"heartbeat": {"longest_gap": "x"}}),
        json.dumps(json.loads(revisions.data((revision(1),))["1"]) | {"heartbeat": []}),
        json.dumps(json.loads(revisions.data((revision(1),))["1"]) | {"daemonset": 3}),
        json.dumps(json.loads(revisions.data((revision(1),))["1"]) | {"outcome": None}),
        json.dumps(json.loads(revisions.data((revision(1),))["1"]) | {"more": 1}),
    ],
    ids=lambda text: text[-12:] or "empty",
)
def test_what_was_changed_by_hand_is_told_and_never_blocks_a_deploy(
    cluster: Cluster, api: Any, daemonset: dict[str, Any], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    history.begin(api, cluster, "deploy", daemonset)
    history.begin(api, cluster, "deploy", daemonset)
    api.objects[HISTORY]["data"]["1"] = text
    with pytest.raises(Failed, match="ConfigMap demo-history cannot be read: 1 was changed by hand"):
        history.read(api, cluster)
    assert history.begin(api, cluster, "deploy", daemonset).number == 3
    assert "dropping from ConfigMap demo-history" in " ".join(capsys.readouterr().err.split())
    assert [item.number for item in history.read(api, cluster)] == [2, 3]


@patient
@given(st.dictionaries(texts, texts, max_size=3))
def test_any_data_is_read_or_named(data: dict[str, str]) -> None:
    found, unreadable = revisions.parse(data)
    assert len(found) + len(unreadable) == len(data)


def test_a_number_is_not_used_again_after_its_entry_was_damaged(
    cluster: Cluster, api: Any, daemonset: dict[str, Any]
) -> None:
    history.begin(api, cluster, "deploy", daemonset)
    api.objects[HISTORY]["data"] = {"7": "damaged", "note": "by hand"}
    assert history.begin(api, cluster, "deploy", daemonset).number == 8


def test_a_change_is_noted_when_it_begins_and_when_it_ends(
    cluster: Cluster, api: Any, daemonset: dict[str, Any]
) -> None:
    assert history.read(api, cluster) == ()
    begun = history.begin(api, cluster, "refresh", daemonset)
    (noted,) = history.read(api, cluster)
    assert noted == begun
    assert (noted.number, noted.outcome, noted.who, noted.what) == (1, RUNNING, whoami.operator(), "refresh")
    assert (noted.image, noted.daemonset) == (IMAGE, daemonset)
    assert noted.config == render(cluster, IMAGE).object("ConfigMap")["metadata"]["name"]
    history.finish(
        api, cluster, begun, outcome=DONE, steps=("restart a",), seconds=3.5, heartbeat={"longest_gap": 0.21}
    )
    (ended,) = history.read(api, cluster)
    assert (ended.outcome, ended.steps, ended.seconds, ended.heartbeat["longest_gap"]) == (
        DONE,
        ("restart a",),
        3.5,
        0.21,
    )
    labels = api.objects[HISTORY]["metadata"]["labels"]
    assert labels == daemonset["metadata"]["labels"]


def test_an_interrupted_change_is_told_as_such(cluster: Cluster, api: Any, daemonset: dict[str, Any]) -> None:
    history.begin(api, cluster, "deploy", daemonset)
    found = history.read(api, cluster)
    assert [item.outcome for item in revisions.shown(found, held=True)] == [RUNNING]
    assert [item.outcome for item in revisions.shown(found, held=False)] == [INTERRUPTED]
    history.begin(api, cluster, "deploy", daemonset)
    assert [item.outcome for item in history.read(api, cluster)] == [INTERRUPTED, RUNNING]


def test_an_edit_in_between_is_not_overwritten(cluster: Cluster, api: Any, daemonset: dict[str, Any]) -> None:
    begun = history.begin(api, cluster, "deploy", daemonset)

    def meanwhile(what: str) -> None:
        if what == "replace":
            api.before = lambda _what: None
            history.begin(api, cluster, "other", daemonset)

    api.before = meanwhile
    history.finish(api, cluster, begun, outcome=DONE, seconds=1)
    assert [(item.what, item.outcome) for item in history.read(api, cluster)] == [("deploy", DONE), ("other", RUNNING)]


def test_an_end_that_cannot_be_noted_is_a_warning(
    cluster: Cluster, api: Any, daemonset: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    begun = history.begin(api, cluster, "deploy", daemonset)
    api.away = True
    assert history.finish(api, cluster, begun, outcome=DONE, seconds=1).outcome == DONE
    assert "does not tell how this ended" in " ".join(capsys.readouterr().err.split())


def test_a_begin_that_cannot_be_noted_stops_before_anything_is_touched(
    cluster: Cluster, api: Any, daemonset: dict[str, Any]
) -> None:
    api.away = True
    with pytest.raises(Failed, match="does not answer"):
        history.begin(api, cluster, "deploy", daemonset)


@pytest.mark.parametrize(
    ("found", "goes_to"),
    [
        ([revision(1), revision(2)], 1),
        ([revision(1), revision(2, content="1")], None),
        ([revision(1), revision(2), revision(3, content="2")], 1),
        ([revision(1), revision(2, "failed: x")], 1),
        ([revision(1), revision(2, INTERRUPTED)], 1),
        ([revision(1), revision(2), revision(3, "rolled back to 2")], 1),
        ([revision(1), revision(2), revision(3, "failed: x")], 2),
        ([revision(1), revision(2), revision(3, content="1", what="rollback to 1")], 2),
        ([revision(1)], None),
        ([revision(1, "failed: x")], None),
        ([], None),
    ],
)
def test_a_rollback_goes_to_what_worked_before_the_present(found: list[Revision], goes_to: int | None) -> None:
    if goes_to is None:
        with pytest.raises(BadInput, match="no earlier revision"):
            revisions.revision_to(tuple(found))
    else:
        assert revisions.revision_to(tuple(found)).number == goes_to


@pytest.mark.parametrize(
    ("number", "told"), [(9, "there is no revision 9"), (3, "revision 3 never worked: failed: no image")]
)
def test_a_revision_that_cannot_be_gone_back_to_is_told_with_those_that_can(number: int, told: str) -> None:
    found = (revision(1), revision(2), revision(3, "failed: no image"))
    assert revisions.revision_to(found, 1).number == 1
    with pytest.raises(BadInput, match=told) as caught:
        revisions.revision_to(found, number)
    assert caught.value.mend == "revisions that worked: 2 (2026-01-01T00:00:02Z), 1 (2026-01-01T00:00:01Z)"


def test_a_configuration_goes_when_no_revision_and_no_pod_needs_it(
    cluster: Cluster, api: Any, daemonset: dict[str, Any]
) -> None:
    needed = str(history.begin(api, cluster, "deploy", daemonset).config)
    others = ["demo-0123456789", "demo-00000000aa", "demo-ensemble", "demo-prod-0123456789", "demo-012345678", "x"]
    for name in (needed, *others):
        api.create({"kind": "ConfigMap", "metadata": {"name": name, "namespace": "zookeeper"}})
    assert history.sweep(api, cluster, frozenset({"demo-00000000aa"})) == ("demo-0123456789",)
    left = {name for kind, name in api.objects if kind == "ConfigMap"}
    assert left == {needed, "demo-history", *others} - {"demo-0123456789"}


def test_nothing_is_deleted_on_the_word_of_a_history_that_cannot_be_read(
    cluster: Cluster, api: Any, daemonset: dict[str, Any]
) -> None:
    history.begin(api, cluster, "deploy", daemonset)
    api.create({"kind": "ConfigMap", "metadata": {"name": "demo-0123456789", "namespace": "zookeeper"}})
    api.objects[HISTORY]["data"]["1"] = "damaged"
    before = deepcopy(api.objects)
    with pytest.raises(Failed, match="cannot be read"):
        history.sweep(api, cluster, frozenset())
    assert api.objects == before


def test_the_table_has_the_newest_first_and_a_line_each() -> None:
    found = (revision(1), revision(2, "failed: a\nb", seconds=61.7, heartbeat={"longest_gap": 0.218}))
    rows = revisions.table(found)
    assert all(len(row) == len(revisions.HEADERS) for row in rows)
    assert rows[0] == [
        "2",
        "2026-01-01T00:00:02Z",
        "ann@laptop",
        "deploy",
        "zookeeper@aaaaaaaaaaaa",
        "demo-0000000002",
        "failed: a",
        "62 s",
        "0.22 s",
    ]
    assert rows[1][-3:] == [DONE, "-", "-"]
    assert "daemonset" not in found[1].as_json()
