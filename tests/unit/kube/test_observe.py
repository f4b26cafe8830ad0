"""What differs is told without what nobody is to see."""

from typing import Any

import pytest

from tests.conftest import MakeCluster
from tests.support.fakes.kubernetes import Api
from zkops.kube import observe
from zkops.manifests.render import Rendered, render
from zkops.zoocfg.lint import linter as lint

IMAGE = "registry.example/zookeeper@sha256:" + "a" * 64
PASSWORD = "ssl.keyStore.password"


def running(rendered: Rendered) -> tuple[Any, Any]:
    """Give a Kubernetes that runs what was rendered, and its DaemonSet."""
    api: Any = Api()
    api.create(rendered.object("ConfigMap"))
    return api, rendered.object("DaemonSet")


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ("first-word", "second-word", "(secret) → (secret)"),
        (None, "second-word", "None → (secret)"),
        ("first-word", None, "(secret) → None"),
    ],
)
def test_a_password_in_a_configuration_is_not_told(
    make_cluster: MakeCluster, before: str | None, now: str | None, told: str
) -> None:
    def rendered(password: str | None, ticks: int) -> Rendered:
        return render(make_cluster(zoo_cfg={"tickTime": ticks} | ({PASSWORD: password} if password else {})), IMAGE)

    api, daemonset = running(rendered(before, 2000))
    found = [str(change) for change in observe.config_changes(rendered(now, 3000), daemonset, api)]
    assert "-word" not in "".join(found)
    assert any(change.endswith(f": zoo.cfg.{PASSWORD}: {told}") for change in found)
    assert any(change.endswith(": zoo.cfg.tickTime: 2000 → 3000") for change in found), "all else is told"


@pytest.mark.parametrize("key", [PASSWORD, "ssl.quorum.trustStore.password", "my.own.PASSWORD"])
def test_a_password_is_known_as_one(key: str) -> None:
    assert lint.is_secret(key)


@pytest.mark.parametrize("key", ["tickTime", "ssl.keyStore.passwordPath", "server.1", "nobody.knows.this"])
def test_what_is_no_secret_is_shown(key: str) -> None:
    assert not lint.is_secret(key)
