"""The sandbox's two images: pulled, or built once under a tag made from their content."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

from sandbox import limits, programs
from sandbox.builds import built, content_hash, present
from sandbox.choice import Choice, choose, forced
from sandbox.layout import Images
from zkops.config.cluster import Sources
from zkops.core.console import say, step
from zkops.images import base as sources
from zkops.images import docker as engine

REGISTRY = "registry:2"

_HERE = Path(__file__).parent
_NODE = _HERE / "kubernetes"
_PARTS = ("Dockerfile", "containerd.toml", "kubelet.yaml", "names.yaml")


def prepare(wanted: Sources, version: str | None = None, *beside: Callable[[], object]) -> Images:
    """See to it that both images are here, pulling or building what is missing; do the jobs *beside* meanwhile."""
    forced(wanted, version)  # bad input is refused before anything is made
    get_registry = partial(_registry, wanted)
    if sources.decide(wanted) == "archive":
        sources.base_image(wanted, "trixie")  # made once, before several need it at the same time
    with _side_by_side(get_registry, *beside):
        chosen = choose(
            wanted,
            version,
            pulls=lambda: sources.decide(wanted) == "pull",
            compiles=lambda minor: "" if present(_node_tag("modules", minor)) else programs.unreachable(wanted, minor),
        )
        if not _is_made(wanted, chosen):
            say(chosen.sentence)
        node = _node(wanted, chosen)
    return Images(get_registry(), node, pulled=chosen.way == "k3s")


def _is_made(wanted: Sources, chosen: Choice) -> bool:
    """Tell whether what takes long has been done."""
    if chosen.way == "modules" and present(programs.tag_of(chosen.version)):
        return True
    if chosen.way == "k3s":
        return present(sources.prefixed(sources.K3S[chosen.version], wanted.pull_prefix))
    return present(_node_tag(chosen.way, chosen.version))


def _registry(wanted: Sources) -> str:
    if sources.decide(wanted) == "pull":
        return sources.pulled(wanted, REGISTRY)
    return built(wanted, _HERE / "registry", "build the registry image")


def _node_tag(way: Literal["modules", "debian"], version: str) -> str:
    if way == "debian":
        return f"zkops/sandbox-kubernetes:{version}-{content_hash(_NODE, 'node', 'debian')}"
    # What the programs are made of, their own tag says.
    own = content_hash(_NODE, "node", *(f"modules/{part}" for part in _PARTS))
    return f"zkops/sandbox-kubernetes:{programs.tag_of(version).rpartition(':')[2]}-{own}"


def _node(wanted: Sources, chosen: Choice) -> str:
    if chosen.way == "k3s":
        return sources.pulled(wanted, sources.K3S[chosen.version])
    tag = _node_tag(chosen.way, chosen.version)
    if not present(tag):
        make = _from_modules if chosen.way == "modules" else _from_debian
        make(wanted, chosen, tag)
    return tag


def _from_modules(wanted: Sources, chosen: Choice, tag: str) -> None:
    base = sources.base_image(wanted, "trixie")
    dockerfile = "modules/Dockerfile"

    def system() -> None:
        with step("install the node's packages from Debian") as current:
            name = "zkops/sandbox-kubernetes:packages"
            engine.build(_NODE, name, dockerfile=dockerfile, target="system", args={"BASE": base}, step=current)

    with _side_by_side(system):
        compiled = programs.obtain(wanted, chosen.version)
    with step(f"build the node image of Kubernetes {chosen.release}") as current:
        engine.build(_NODE, tag, dockerfile=dockerfile, args={"BASE": base, "PROGRAMS": compiled}, step=current)


def _from_debian(wanted: Sources, chosen: Choice, tag: str) -> None:
    with closing(engine.connect()) as client:
        limits.check(limits.measured(client), limits.OF_COMPILING)
    base = sources.base_image(wanted, "bookworm")
    with step(f"build the node image of Kubernetes {chosen.release} from source") as current:
        engine.build(_NODE, tag, dockerfile="debian/Dockerfile", args={"BASE": base}, step=current)


@contextmanager
def _side_by_side(*jobs: Callable[[], object]) -> Iterator[None]:
    """Do *jobs* while the block runs, and raise the first of their failures when it has ended.

    Their threads do not outlive the program: Ctrl-C ends the block, and the Engine ends a build nobody listens to.
    """
    failures: list[Exception] = []

    def attempt(job: Callable[[], object]) -> None:
        try:
            job()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=attempt, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
