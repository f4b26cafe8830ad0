"""`status` tells roles, lag and quorum as they are."""

import json
from dataclasses import replace

from tests.support import factories
from zkops.config.cluster import Cluster
from zkops.ensemble.summary import HEADERS, status

IMAGE = "registry.example/zkops/zookeeper@sha256:" + "a" * 64


def test_a_whole_ensemble(cluster: Cluster) -> None:
    now = status(cluster, factories.members(cluster, IMAGE, "follower", "leader", "follower"))
    assert now.headline() == "demo: 3 of 3 members serve, demo-2 leads"
    assert now.connect_string == "172.31.77.11:2181,172.31.77.12:2181,172.31.77.13:2181"
    assert all(len(row) == len(HEADERS) for row in now.table())
    assert now.table()[1][3:8] == ["leader", "7", "0x700000000", "0", "1"]


def test_lag_is_counted_in_transactions_behind_the_leader(cluster: Cluster) -> None:
    members = list(factories.members(cluster, IMAGE, "leader", "follower", "follower"))
    members[0] = replace(members[0], server=factories.server("leader", 10))
    members[1] = replace(members[1], server=factories.server("follower", 8))
    members[2] = replace(members[2], server=factories.server("follower", 11))
    assert [row.lag for row in status(cluster, members).members] == [0, 2, 0]


def test_a_follower_without_a_write_yet_lacks_nothing(cluster: Cluster) -> None:
    members = list(factories.members(cluster, IMAGE, "leader", "follower", "follower"))
    members[1] = replace(members[1], server=replace(factories.server("follower"), zxid=0))
    row = status(cluster, members).members[1]
    assert (row.epoch, row.zxid, row.lag) == (None, "0x0", 0)


def test_a_lost_quorum_is_told(cluster: Cluster) -> None:
    now = status(cluster, factories.members(cluster, IMAGE, "leader", None, None))
    assert not now.quorum
    assert "NO QUORUM" in now.headline()
    assert now.table()[1][4:8] == ["-", "-", "-", "-"]


def test_a_lost_node_is_told(cluster: Cluster) -> None:
    members = list(factories.members(cluster, IMAGE, "leader", "follower", "follower"))
    members[2] = replace(members[2], node_ready=False, server=None)
    now = status(cluster, members)
    assert now.quorum
    assert now.members[2].state == "node not ready"
    json.dumps(now.as_json())
