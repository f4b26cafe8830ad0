"""Every alert fires within its time, is silent in quiet times and in a rolling change, and clears: by promtool."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from docker.errors import ContainerError

from tests.support import prometheus
from tests.support.alert_rules import ALERTS, RULES
from zkops.config.cluster import Cluster
from zkops.images import docker as engine
from zkops.manifests import monitoring

from .faults import BEGIN, END, FAULTS, QUIET, changed
from .series import World, rolling

FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'
EVER = 'count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[30d]))'


@pytest.fixture(scope="module")
def promtool(base: str) -> Callable[[Path, str], str]:
    """Give a way to run promtool on a directory with the rules and something else."""
    engine.build(prometheus.CONTEXT, prometheus.TAG, args={"BASE": base})

    def run(directory: Path, *words: str) -> str:
        # Readable for the container's own user.
        directory.chmod(0o755)
        (directory / "alerts.yaml").write_text(RULES)
        mount = {str(directory): {"bind": "/rules", "mode": "ro"}}
        with closing(engine.connect(timeout=600)) as docker:
            try:
                said = engine.run(docker, prometheus.TAG, ["promtool", *words], stderr=True, volumes=mount)
            except ContainerError as error:
                raise AssertionError(bytes(error.stderr or b"").decode()) from None
        return said.decode()

    return run


def file(world: World, looks: dict[float, tuple[str, set[str]]]) -> dict[str, Any]:
    """Write a unit test for promtool: at each minute, the expression gives exactly the alerts named."""
    return {
        "rule_files": ["alerts.yaml"],
        "evaluation_interval": f"{world.seconds}s",
        "tests": [
            {
                "interval": f"{world.seconds}s",
                "input_series": list(world.lines()),
                "promql_expr_test": [
                    {"expr": f"{expression} * 0", "eval_time": f"{round(minute * 60)}s", "exp_samples": _samples(names)}
                    for minute, (expression, names) in looks.items()
                ],
            }
        ],
    }


def _samples(names: set[str]) -> list[dict[str, Any]]:
    return [{"labels": f'{{alertname="ZooKeeper{name}"}}', "value": 0} for name in sorted(names)]


def _run(promtool: Callable[..., str], directory: Path, content: dict[str, Any]) -> None:
    (directory / "test.yaml").write_text(yaml.safe_dump(content, width=10**6))
    assert "SUCCESS" in promtool(directory, "test", "rules", "/rules/test.yaml")


def test_the_rules_are_sound(promtool: Callable[..., str], tmp_path: Path) -> None:
    expected = len(ALERTS)
    assert f"SUCCESS: {expected} rules found" in promtool(tmp_path, "check", "rules", "/rules/alerts.yaml")


@pytest.mark.parametrize("scrape", ["targets", "annotations"])
def test_prometheus_accepts_the_configuration(
    promtool: Callable[..., str], tmp_path: Path, cluster: Cluster, scrape: str
) -> None:
    monitored = cluster.monitoring.model_copy(update={"scrape": scrape})
    for name, text in monitoring.files(cluster.model_copy(update={"monitoring": monitored})).items():
        (tmp_path / Path(name).name).write_text(text)
    said = promtool(tmp_path, "check", "config", "/rules/prometheus.yaml")
    assert "/rules/prometheus.yaml is valid prometheus config file syntax" in said


def test_every_alert_has_a_fault_that_fires_it() -> None:
    fired = {f"ZooKeeper{name}" for fault in FAULTS.values() for names in fault.fires.values() for name in names}
    assert fired == set(ALERTS)


@pytest.mark.parametrize("name", FAULTS)
def test_an_alert_fires_within_its_time_and_clears(promtool: Callable[..., str], tmp_path: Path, name: str) -> None:
    fault = FAULTS[name]
    steps = round(fault.hours * 3600 / fault.seconds)
    world = changed(World(members=fault.members, steps=steps, seconds=fault.seconds, leader=fault.members), fault.make)
    looks = {BEGIN - 1: (EVER, set[str]())} | {BEGIN + after: (FIRING, names) for after, names in fault.fires.items()}
    if fault.clears:
        looks[END + 10] = (FIRING, set())
    _run(promtool, tmp_path, file(world, looks))


@pytest.mark.parametrize("name", QUIET)
def test_no_alert_fires_at_any_time_while(promtool: Callable[..., str], tmp_path: Path, name: str) -> None:
    world = QUIET[name]()
    _run(promtool, tmp_path, file(world, {(world.steps - 1) * world.seconds / 60: (EVER, set())}))


def test_a_change_after_which_a_member_stays_away_does_fire(promtool: Callable[..., str], tmp_path: Path) -> None:
    # Or the quiet ones above would say nothing.
    world = rolling(3, 15)
    world.restart(2, world.step(27), world.step(31.5))
    _run(promtool, tmp_path, file(world, {59: (EVER, {"MemberNotServing"})}))
