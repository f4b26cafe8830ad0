"""`deploy` waits for real agreement, and refuses machines that are not nodes before anything is touched."""

from dataclasses import replace

import pytest

from tests.conftest import MakeCluster
from tests.support import factories
from tests.support.factories import nodes
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput, Failed, Unanswered
from zkops.ensemble.observed import agreed
from zkops.rollout.converge import patiently
from zkops.rollout.deploy import check_nodes

IMAGE = "registry.example/zookeeper@sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        (("leader", "follower", "follower"), True),
        (("follower", "leader", "observer"), True),
        (("leader", "leader", "follower"), False),
        (("follower", "follower", "follower"), False),
        (("leader", "follower", None), False),
        (("leader", "follower", "read-only"), False),
    ],
)
def test_agreement_is_one_leader_and_all_serving(
    cluster: Cluster, modes: tuple[str | None, ...], expected: bool
) -> None:
    assert agreed(factories.members(cluster, IMAGE, *modes)) is expected


def test_a_leader_that_lacks_a_follower_is_no_agreement(cluster: Cluster) -> None:
    members = list(factories.members(cluster, IMAGE, "leader", "follower", "follower"))
    members[0] = replace(members[0], synced=1)
    assert not agreed(members)


def test_a_follower_without_a_write_yet_is_in_agreement(cluster: Cluster) -> None:
    members = list(factories.members(cluster, IMAGE, "leader", "follower", "follower"))
    members[1] = replace(members[1], server=replace(factories.server("follower"), zxid=0))
    assert agreed(members)


def test_a_single_server_agrees_with_itself(make_cluster: MakeCluster) -> None:
    one = make_cluster(machines=[{"hostname": "demo-1", "ip": "172.31.77.11", "id": 1}])
    assert agreed(factories.members(one, IMAGE, "standalone"))


def test_a_machine_that_is_no_node_is_refused(cluster: Cluster) -> None:
    with pytest.raises(BadInput, match="demo-3 is not a node") as caught:
        check_nodes(cluster, nodes(cluster)[:2])
    assert "demo-1, demo-2" in caught.value.mend


def test_an_address_that_is_not_the_nodes_is_refused(cluster: Cluster) -> None:
    wrong = nodes(cluster)
    wrong[1]["status"]["addresses"][0]["address"] = "10.0.0.9"
    with pytest.raises(BadInput, match=r"172\.31\.77\.12 here and 10\.0\.0\.9"):
        check_nodes(cluster, wrong)
    check_nodes(cluster, nodes(cluster))


def test_other_nodes_may_lack_addresses_and_ours_may_have_several(cluster: Cluster) -> None:
    found = nodes(cluster)
    found[0]["status"]["addresses"].insert(0, {"type": "InternalIP", "address": "fd00::1"})
    check_nodes(cluster, [*found, {"metadata": {"name": "just-joined"}, "status": {}}])
    found[0]["status"]["addresses"][1]["address"] = "10.0.0.9"
    with pytest.raises(BadInput) as caught:
        check_nodes(cluster, found)
    assert caught.value.mend == "write ip: 10.0.0.9"


class Silent:
    """An API server that does not answer *times* times; counts how often it was asked."""

    def __init__(self, times: int) -> None:
        self.times, self.asked = times, 0

    def turn(self) -> str:
        self.asked += 1
        if self.asked <= self.times:
            raise Unanswered("cannot list Pods: the Kubernetes API does not answer: refused", "look after it")
        return "done"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zkops.rollout.converge.POLL_SECONDS", 0.0)


@pytest.mark.usefixtures("impatient")
def test_a_roll_goes_on_when_the_api_server_answers_again() -> None:
    silent = Silent(3)
    assert patiently(silent.turn, timeout=60) == "done"
    assert silent.asked == 4


@pytest.mark.usefixtures("impatient")
def test_an_api_server_silent_for_too_long_is_told_with_what_to_run() -> None:
    with pytest.raises(Failed, match="no answer for 0 s: cannot list Pods") as told:
        patiently(Silent(10**9).turn, timeout=0)
    assert told.value.mend == "look after it; then run `invoke deploy` again, it goes on from here"


def test_what_went_wrong_otherwise_is_not_tried_again() -> None:
    asked = []

    def turn() -> None:
        asked.append(1)
        raise Failed("cannot apply it: forbidden", "ask for the right")

    with pytest.raises(Failed, match="forbidden"):
        patiently(turn, timeout=60)
    assert asked == [1]
