"""Kubernetes objects as parsed YAML, and how one is named; pure."""

from typing import Any

from zkops.config.cluster import Cluster

Object = dict[str, Any]
"""A Kubernetes object as parsed YAML."""


def named(version: str, kind: str, cluster: Cluster) -> Object:
    """Name an object of the ensemble's own name."""
    metadata = {"name": cluster.name, "namespace": cluster.kubernetes.namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}
