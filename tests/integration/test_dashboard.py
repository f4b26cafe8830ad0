"""Everything that the dashboard asks is answered by a real Prometheus that watches real ensembles."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.prometheus import Prometheus
from tests.support.waiting import eventually
from zkops.config.cluster import Cluster
from zkops.manifests import monitoring

from . import grafana
from .certificates import KEYS, renew
from .grafana import Target
from .load import used
from .servers import Ensemble, Server, container
from .watched import described, network_of, watching

SECONDS = 300


@dataclass(frozen=True)
class Seen:
    """Prometheus, the dashboard, and what its variables offered when all members ran."""

    prometheus: Prometheus
    dashboard: dict[str, Any]
    chosen: dict[str, list[str]]
    found: dict[str, list[grafana.Series]] = field(default_factory=dict)

    def ask(self, target: Target, **chosen: list[str]) -> list[grafana.Series]:
        """Ask for the last minutes."""
        now = time.time()
        return grafana.ask(self.prometheus, target, self.chosen | chosen, now - SECONDS, now)

    def unanswered(self) -> list[str]:
        """Name the queries that have not had a number yet, and keep what the others had."""
        for target in grafana.targets(self.dashboard):
            if target.name not in self.found:
                series = self.ask(target)
                if any(grafana.numbers(one) for one in series):
                    self.found[target.name] = series
        return [target.name for target in grafana.targets(self.dashboard) if target.name not in self.found]


@pytest.fixture(scope="module")
def sealed(image: str, _three: Ensemble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a lone server with TLS, in the network of the three."""
    conf = tmp_path_factory.mktemp("conf")
    conf.chmod(0o777)
    mount = [(str(conf), "/conf", "rw")]
    with container(image, volumes=mount).with_command(["sleep", "600"]) as maker:
        renew(Server(maker), 30)
    extra = " ".join(f"ssl.keyStore.{key}={value}" for key, value in KEYS.items())
    network, _ = network_of(_three.members[0])
    made = container(image, {"ZOO_CFG_EXTRA": extra}, volumes=mount).with_kwargs(network=network)
    with made as running:
        eventually(Server(running).is_ready)
        yield network_of(Server(running))[1]


@pytest.fixture(scope="module")
def seen(
    base: str, cluster: Cluster, _three: Ensemble, sealed: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    """Watch two ensembles, one of them used, until its leader has been lost for a minute."""
    _three.heal()
    directory = tmp_path_factory.mktemp("prometheus")
    known = described(cluster, _three)
    with ExitStack() as stack:
        prometheus = stack.enter_context(watching(base, known, network_of(_three.members[0])[0], directory))
        lone = {"namespace": "zookeeper", "ensemble": "sealed", "node": "lone", "id": "1", "role": "participant"}
        others = [*monitoring.targets(known), {"targets": [f"{sealed}:7000"], "labels": lone}]
        (directory / "targets.json").write_text(json.dumps(others))
        stack.enter_context(used(_three))
        eventually(lambda: len(prometheus.query('zookeeper_server_info{state=~"leader|follower|standalone"}')) == 4)
        dashboard = json.loads(monitoring.files(known)["monitoring/dashboard.json"])
        found = Seen(prometheus, dashboard, grafana.options(prometheus, dashboard))
        _three.leader().kill()
        eventually(lambda: len(_three_running(_three)) == 2)
        eventually(lambda: found.unanswered() == [] or None, within=150)
        yield found
    _three.heal()


def _three_running(ensemble: Ensemble) -> list[Server]:
    return [member for member in ensemble.members if member.running]


def test_the_variables_offer_every_ensemble_and_member(seen: Seen) -> None:
    assert seen.chosen["namespace"] == ["zookeeper"]
    assert seen.chosen["ensemble"] == ["demo", "sealed"]
    assert len(seen.chosen["instance"]) == 4


def test_every_panel_has_data_and_a_name_for_each_line(seen: Seen) -> None:
    assert seen.unanswered() == []
    for target in grafana.targets(seen.dashboard):
        names = [target.legend(series) for series in seen.found[target.name]]
        assert "" not in names, target.name
        if target.panel["type"] == "timeseries":
            assert len(set(names)) == len(names), target.name


def test_one_ensemble_or_one_member_can_be_looked_at_alone(seen: Seen) -> None:
    first, *_ = (instance for instance in seen.chosen["instance"])
    for target in grafana.targets(seen.dashboard):
        alone = seen.ask(target, ensemble=["demo"])
        assert {series["metric"]["ensemble"] for series in alone} <= {"demo"}, target.name
        if "$instance" in target.query["expr"]:
            member = seen.ask(target, instance=[first])
            assert {series["metric"]["instance"] for series in member} <= {first}, target.name


def test_the_alert_that_is_due_and_the_missing_member_are_shown(seen: Seen) -> None:
    shown = {target.panel["title"]: target for target in grafana.targets(seen.dashboard)}

    def alerts() -> set[str]:
        return {series["metric"]["alertname"] for series in seen.ask(shown["Alerts"])}

    eventually(lambda: {"ZooKeeperMemberNotServing", "ZooKeeperOneLossFromOutage"} <= alerts())
    (missing,) = seen.ask(shown["Members missing"], ensemble=["demo"])
    (serving,) = seen.ask(shown["Members serving"], ensemble=["demo"])
    (left,) = seen.ask(shown["Losses it bears"], ensemble=["demo"])
    assert [grafana.numbers(series)[-1] for series in (missing, serving, left)] == [1, 2, 0]


def test_a_leader_change_is_marked_with_the_new_leader(seen: Seen) -> None:
    (annotation,) = seen.dashboard["annotations"]["list"]
    assert annotation["titleFormat"] == "{{ensemble}}: {{node}} leads"

    def marks() -> list[grafana.Series]:
        now = time.time()
        return grafana.between(seen.prometheus, annotation["expr"], seen.chosen, now - SECONDS, now)

    (mark,) = eventually(marks)
    (leader,) = seen.prometheus.query('zookeeper_server_info{state="leader"}')
    assert (mark["metric"]["ensemble"], mark["metric"]["node"]) == ("demo", leader["metric"]["node"])
