"""Which Kubernetes the nodes of a sandbox run, and where it comes from; pure but for the tries it is handed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zkops.config.cluster import Sources
from zkops.core.errors import BadInput, Failed
from zkops.images import base as sources

MODULES = Path(__file__).parent / "kubernetes" / "modules"

OLDEST = "1.20"
"""The oldest that the product is promised for, and the one that Debian has the source of."""

Way = Literal["k3s", "modules", "debian"]

DURATIONS: dict[Way, str] = {
    "k3s": "a minute or two, by the network",
    "modules": "about ten minutes on two processors",
    "debian": "about ten minutes on two processors",
}


@dataclass(frozen=True)
class Choice:
    """A minor version of Kubernetes, the way to its node image, and why it is this one."""

    way: Way
    version: str
    reason: str

    @property
    def release(self) -> str:
        """The version with its patch, as far as it is known before it is made."""
        if self.way == "k3s":
            return sources.K3S[self.version].rpartition(":v")[2]
        return patch_of(self.version) if self.way == "modules" else self.version

    @property
    def sentence(self) -> str:
        """Say which way is taken, why, and how long it will take."""
        made = {
            "k3s": f"is pulled as k3s {self.release}",
            "modules": f"{self.release} is compiled from Go modules",
            "debian": f"{self.release} is compiled from Debian's source package",
        }[self.way]
        return f"The sandbox's Kubernetes {made}: {self.reason}. It takes {DURATIONS[self.way]}, and only once."


def choose(
    wanted: Sources, version: str | None, *, pulls: Callable[[], bool], compiles: Callable[[str], str]
) -> Choice:
    """Choose the way to a node image: a k3s that can be pulled, else Go modules, else Debian's source.

    *pulls* tries a registry; *compiles* tries a Go module proxy for a version and gives the reason why it cannot.

    Raises:
        BadInput: when the forced way has no such version.
        Failed: when the wanted version can be had in no way.
    """
    if told := forced(wanted, version):
        return told
    if version == OLDEST:
        return Choice("debian", OLDEST, f"sandbox.kubernetes is {OLDEST}")
    if pulls():
        return Choice("k3s", _pulled(version or sources.KUBERNETES), "a registry answers")
    lacking = compiles(version or sources.KUBERNETES)
    if not lacking:
        return Choice("modules", version or sources.KUBERNETES, "no registry answers, a Go module proxy does")
    if version:
        raise Failed(
            f"Kubernetes {version} can neither be pulled nor compiled: {lacking}",
            f'set sources.pull_prefix to a registry or $GOPROXY to a module proxy, or sandbox.kubernetes to "{OLDEST}"',
        )
    return Choice("debian", OLDEST, f"neither a registry nor a Go module proxy answers ({lacking})")


def forced(wanted: Sources, version: str | None) -> Choice | None:
    """Give the way that *wanted* forces, None where it is left to tries.

    Raises:
        BadInput: when that way has no such version.
    """
    mode = wanted.mode
    if mode == "auto":
        return None
    reason = f"sources.mode is {mode}"
    if mode == "pull":
        return Choice("k3s", _pulled(version or sources.KUBERNETES), reason)
    if mode == "modules":
        if version == OLDEST:
            raise BadInput(
                f"sandbox.kubernetes: {OLDEST} is compiled from Debian's source, not from Go modules",
                "set sources.mode: archive, or another version",
            )
        return Choice("modules", version or sources.KUBERNETES, reason)
    if version not in {None, OLDEST}:
        raise BadInput(
            f"sandbox.kubernetes: the Debian archive has the source of {OLDEST}, not of {version}",
            f'set sources.mode: modules, or sandbox.kubernetes: "{OLDEST}"',
        )
    return Choice("debian", OLDEST, reason)


def _pulled(version: str) -> str:
    if version not in sources.K3S:
        raise BadInput(
            f"sandbox.kubernetes: no k3s image of {version} is known; known are {', '.join(sources.K3S)}",
            "set one of these, or sources.mode: modules",
        )
    return version


def patch_of(version: str) -> str:
    """Give the release that the module file of a minor *version* names, such as `1.36.3`."""
    text = (MODULES / "versions" / version / "go.mod").read_text(encoding="utf-8")
    found = re.search(r"^\tk8s\.io/kubernetes v(\S+)$", text, re.MULTILINE)
    if not found:
        raise Failed(f"the module file of Kubernetes {version} names no release", "run `nox -t update`")
    return found[1]
