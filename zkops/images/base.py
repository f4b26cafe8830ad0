"""Where base images come from: pulled from a registry, or bootstrapped from the Debian archive where none can be."""

from contextlib import closing
from functools import cache
from typing import Literal

from docker.errors import DockerException
from requests.exceptions import RequestException

from zkops.config.cluster import Sources
from zkops.core.console import say, step
from zkops.images import debian as archive
from zkops.images import docker as engine

Mode = Literal["pull", "archive"]
Suite = Literal["trixie", "bookworm"]

TRY_SECONDS = 8.0
"""So long may a registry take to answer before it counts as out of reach."""

KUBERNETES = "1.36"
"""The sandbox's Kubernetes where none is named: the newest whose whole cluster suite passed."""

K3S = {
    "1.34": "rancher/k3s:v1.34.6-k3s1",
    "1.35": "rancher/k3s:v1.35.5-k3s1",
    "1.36": "rancher/k3s:v1.36.3-k3s1",
}
"""The sandbox's Kubernetes, by minor version, where it is pulled."""

PULLED = ("debian:trixie-slim", "registry:2", K3S[KUBERNETES])
"""What the pulling way takes."""


def prefixed(reference: str, prefix: str) -> str:
    """Give the name of a well-known image on the mirror *prefix*; `debian` is `library/debian` there."""
    path = reference if "/" in reference else f"library/{reference}"
    return f"{prefix}/{path}" if prefix else reference


def decide(sources: Sources) -> Mode:
    """Decide whether base images are pulled or made from the archive: as configured, or by trying, and say so."""
    if sources.mode != "auto":
        return "pull" if sources.mode == "pull" else "archive"
    return _tried(sources.pull_prefix)


@cache
def _tried(prefix: str) -> Mode:
    mode, reason = _try(prefix)
    way = "pulled" if mode == "pull" else "made from the Debian archive"
    say(f"Base images are {way}: {reason} (sources.mode in cluster.yaml forces the way).")
    return mode


def _try(prefix: str) -> tuple[Mode, str]:
    with closing(engine.connect(timeout=TRY_SECONDS)) as client:
        if all(engine.image_id(client, prefixed(image, prefix)) for image in PULLED):
            return "pull", "they are here already"
        # Whoever bootstrapped once stays with it: a network that comes and goes must not change what is built. Naming
        # a mirror is asking for a new try.
        if not prefix and engine.image_id(client, bootstrapped("trixie")):
            return "archive", f"{bootstrapped('trixie')} was made here before"
        image = prefixed(PULLED[0], prefix)
        try:
            client.api.inspect_distribution(image)
        except (DockerException, RequestException) as error:
            return "archive", f"{image} cannot be pulled, {_brief(error)}"
        return "pull", f"{image} can be"


def _brief(error: Exception) -> str:
    if "timed out" in str(error).lower():
        return f"no answer within {TRY_SECONDS:.0f} s"
    return str(getattr(error, "explanation", None) or error).rsplit(": ", 1)[-1].strip('"() ')


def bootstrapped(suite: Suite) -> str:
    """Give the name of the base image made from the archive."""
    return f"zkops/base:{suite}"


def base_image(sources: Sources, suite: Suite) -> str:
    """Give the local name of a minimal Debian image for a Dockerfile's `ARG BASE`; get it first where it is missing.

    Raises:
        Failed: when it can neither be pulled nor made.
    """
    if decide(sources) == "pull":
        return pulled(sources, f"debian:{suite}-slim")
    tag = bootstrapped(suite)
    with closing(engine.connect()) as client:
        present = engine.image_id(client, tag)
    if not present:
        archive.bootstrap(suite, tag)
    return tag


def pulled(sources: Sources, reference: str) -> str:
    """Give the name of a well-known image as pulled, pulling it where it is not here."""
    name = prefixed(reference, sources.pull_prefix)
    with closing(engine.connect()) as client:
        present = engine.image_id(client, name)
    if not present:
        with step(f"pull {name}") as current:
            engine.pull(name, current)
    return name
