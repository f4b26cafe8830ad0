"""Shared by all tests: the shipped description, and small changes to it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.config.loader import parse

MakeCluster = Callable[..., Cluster]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew, then review the diff")


@pytest.fixture
def make_cluster() -> MakeCluster:
    """Give the shipped description with top-level keys replaced."""

    def make(**changes: object) -> Cluster:
        shipped = yaml.safe_load((ROOT / "cluster.yaml").read_text())
        return parse(yaml.safe_dump(shipped | changes), Path("cluster.yaml"))

    return make


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    return make_cluster()
