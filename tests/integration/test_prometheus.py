"""A real Prometheus, set up by the files that are rendered, watches a real ensemble."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.alert_rules import ALERTS, metrics
from tests.support.prometheus import Prometheus
from tests.support.waiting import eventually
from zkops.config.cluster import Cluster

from .servers import Ensemble, client
from .watched import described, network_of, watching

TLS_ALONE = {"zookeeper_certificate_expiry_timestamp_seconds"}


@pytest.fixture
def prometheus(base: str, cluster: Cluster, three: Ensemble, tmp_path: Path) -> Iterator[Prometheus]:
    """Give a Prometheus that watches the three."""
    network, _ = network_of(three.members[0])
    with watching(base, described(cluster, three), network, tmp_path) as found:
        yield found


def test_prometheus_finds_all_that_the_rules_ask_for_and_wakes_somebody_when_the_quorum_is_lost(
    prometheus: Prometheus, three: Ensemble
) -> None:
    eventually(lambda: len(prometheus.query('up{ensemble="demo",job="zookeeper"} == 1')) == 3)
    found = {
        (sample["metric"]["node"], sample["metric"]["id"], sample["metric"]["role"])
        for sample in prometheus.query("up")
    }
    assert found == {(f"zoo{number}", str(number), "participant") for number in (1, 2, 3)}
    with client(*three.members) as zookeeper:
        zookeeper.ensure_path("/written")
    asked = {metric for alert in ALERTS.values() for metric in metrics(alert["expr"])} - TLS_ALONE
    eventually(lambda: {metric for metric in asked if not prometheus.query(metric)} == set())

    first, second, left = three.members
    first.kill()
    second.kill()
    eventually(lambda: "ZooKeeperQuorumLost" in prometheus.firing(), within=180)
    (alert,) = [
        one for one in prometheus.ask("alerts")["alerts"] if one["labels"]["alertname"] == "ZooKeeperQuorumLost"
    ]
    assert alert["annotations"]["summary"] == "demo has no quorum: none of its 3 voters serves"
    assert left.running
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"]: rule["health"] for rule in rules} == dict.fromkeys(ALERTS, "ok")

    three.heal()
    eventually(lambda: prometheus.firing() == set(), within=180)
