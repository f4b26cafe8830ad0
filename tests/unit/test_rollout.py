"""`deploy` waits for real agreement, and refuses machines that are not nodes before anything is touched."""

from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import MakeCluster
from tests.unit import worlds
from zkops.cluster import Cluster
from zkops.errors import BadInput
from zkops.observed import agreed
from zkops.rollout import check_nodes

IMAGE = "registry.example/zookeeper@sha256:" + "a" * 64


def nodes(cluster: Cluster) -> list[dict[str, Any]]:
    return [
        {
            "metadata": {"name": machine.hostname},
            "status": {"addresses": [{"type": "InternalIP", "address": machine.ip}]},
        }
        for machine in cluster.machines
    ]


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
    assert agreed(worlds.members(cluster, IMAGE, *modes)) is expected


def test_a_leader_that_lacks_a_follower_is_no_agreement(cluster: Cluster) -> None:
    members = list(worlds.members(cluster, IMAGE, "leader", "follower", "follower"))
    members[0] = replace(members[0], synced=1)
    assert not agreed(members)


def test_a_follower_without_a_write_yet_is_in_agreement(cluster: Cluster) -> None:
    members = list(worlds.members(cluster, IMAGE, "leader", "follower", "follower"))
    members[1] = replace(members[1], server=replace(worlds.server("follower"), zxid=0))
    assert agreed(members)


def test_a_single_server_agrees_with_itself(make_cluster: MakeCluster) -> None:
    one = make_cluster(machines=[{"hostname": "demo-1", "ip": "172.31.77.11", "id": 1}])
    assert agreed(worlds.members(one, IMAGE, "standalone"))


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
