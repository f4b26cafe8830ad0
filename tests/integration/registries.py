"""The sandbox's registry for tests, and descriptions that name others."""

from pathlib import Path

import sandbox.builds
import sandbox.images
from zkops.config.cluster import Cluster
from zkops.images import base as sources


def registry_image(cluster: Cluster) -> str:
    """Give the sandbox's registry image; the other one, Kubernetes, takes minutes and is not needed."""
    if sources.decide(cluster.sources) == "pull":
        return sources.pulled(cluster.sources, sandbox.images.REGISTRY)
    context = Path(sandbox.images.__file__).parent / "registry"
    return sandbox.builds.built(cluster.sources, context, "build the registry image")


def with_registry(cluster: Cluster, **changes: object) -> Cluster:
    return cluster.model_copy(update={"registry": cluster.registry.model_copy(update=changes)})
