"""What is observed is told in few words, and differences name the field."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support import factories
from zkops.config.cluster import Cluster
from zkops.ensemble.observed import differences, pod_trouble

IMAGE = "registry.example/zookeeper@sha256:" + "a" * 64


def test_differences_name_every_field_that_differs() -> None:
    old = {"a": {"b": 1}, "list": [{"name": "x", "value": 1}, {"name": "y"}], "plain": [1, 2]}
    new = {"a": {"b": 2}, "list": [{"name": "y"}, {"name": "x", "value": 3}], "plain": [1], "c": 1}
    assert sorted(differences(old, new), key=str) == [
        ("a.b", 1, 2),
        ("c", None, 1),
        ("list[x].value", 1, 3),
        ("plain[1]", 2, None),
    ]
    assert list(differences(old, old)) == []


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ({"state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}, "ImagePullBackOff: not found"),
        ({"state": {"terminated": {"exitCode": 78}}}, "zookeeper ended with exit code 78"),
        ({"state": {"running": {}}}, ""),
    ],
)
def test_a_pod_in_trouble_is_told(container: dict[str, Any], told: str) -> None:
    assert pod_trouble(factories.pod("a", IMAGE, **container)) == told


def test_a_pod_going_away_is_told() -> None:
    leaving = factories.pod("a", IMAGE)
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert pod_trouble(leaving) == "going away"


def test_the_state_of_a_member_is_its_mode_or_what_it_lacks(cluster: Cluster) -> None:
    member = factories.members(cluster, IMAGE, "leader", None, None)[0]
    assert member.state == "leader"
    assert replace(member, server=factories.server(None)).state == "not serving"
    assert replace(member, server=None).state == "does not answer"
    assert replace(member, pod=None, server=None).state == "no pod"
    assert replace(member, node_ready=False).state == "node not ready"
