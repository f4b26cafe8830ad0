"""Shared by all tests: the shipped description, and small changes to it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.support import kubernetes_version
from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.config.loader import parse

MakeCluster = Callable[..., Cluster]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kubernetes", default="", help="version of the sandboxes' Kubernetes, such as 1.34")
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew, then review the diff")


def pytest_configure(config: pytest.Config) -> None:
    if version := config.getoption("--kubernetes"):
        os.environ[kubernetes_version.VARIABLE] = version  # tests run programs of their own that make sandboxes


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
