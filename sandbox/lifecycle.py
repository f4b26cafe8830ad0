"""`up` and `down`: both may be run in any state, be interrupted, and be run again."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import docker
from docker.models.containers import Container

from sandbox import containers, images, limits, readiness
from sandbox.layout import KUBECONFIG, SPEC_LABEL, Layout, mark, plan, rewritten_kubeconfig
from zkops.config.cluster import Cluster
from zkops.core.console import say
from zkops.core.errors import BadInput, Failed, Refused
from zkops.images import docker as engine
from zkops.images import image


def up(cluster: Cluster) -> None:
    """Bring the sandbox up, or complete one that is half up; do nothing where it runs.

    Raises:
        Failed: when it does not come up; what this call made is removed again.
        Refused: when a sandbox made for another description runs, or the machine has too little of something.
    """
    layout, kubeconfig = plan(cluster), _kubeconfig(cluster)
    engine.ensure()
    with closing(engine.connect()) as client, engine.explained("bringing the sandbox up"):
        found = containers.find(client, layout.name)
        _refuse_misfits(layout, found)
        if _is_ours(kubeconfig, layout.name) and not readiness.missing(client, layout):
            say(f"The sandbox {layout.name} is up already.")
            return
        running, here = limits.running(client, layout.name)
        limits.check(limits.measured(client), limits.of_start(cluster, layout, running, here))
        chosen = images.prepare(cluster.sources, version(cluster))
        _refuse_other_image(layout, found, chosen.node)
        if not found:
            containers.clear(client, layout.name)  # a network may be left of one that was made for other addresses
        with _undone_on_failure(layout.name, kubeconfig, active=not found):
            token = containers.token_of(found) or secrets.token_hex(16)
            containers.make_network(client, layout)
            for box in layout.boxes:
                containers.run(client, layout, box, chosen, token)
            readiness.wait_for_registry(client, layout)
            readiness.wait_for_nodes(client, layout)
            _write_kubeconfig(client, layout, kubeconfig, cluster.sandbox_api_port)
    say(f"The sandbox {layout.name} is up: registry {cluster.registry.domain}, kubeconfig {kubeconfig}")


def prepare(cluster: Cluster) -> None:
    """Make the images that a sandbox and its ensemble need, side by side; nothing is done where they are here."""
    engine.ensure()
    with engine.explained("making the sandbox's images"):
        images.prepare(cluster.sources, version(cluster), lambda: image.build(cluster))


def version(cluster: Cluster) -> str | None:
    """Give the version of Kubernetes that *cluster* wants in its sandbox."""
    return cluster.sandbox.kubernetes if cluster.sandbox else None


def down(cluster: Cluster) -> None:
    """Remove the sandbox: containers, volumes, network, kubeconfig. Images stay, they take long to make."""
    layout, kubeconfig = plan(cluster), _kubeconfig(cluster)
    with closing(engine.connect()) as client, engine.explained("taking the sandbox down"):
        removed = containers.clear(client, layout.name)
    _remove_kubeconfig(kubeconfig, layout.name)
    say(f"The sandbox {layout.name} is gone." if removed else f"There was no sandbox {layout.name}.")


def _kubeconfig(cluster: Cluster) -> Path:
    if not cluster.kubernetes.kubeconfig:
        raise BadInput(
            "kubernetes.kubeconfig is not set: the sandbox needs a file of its own to write",
            f"set it to .cache/sandbox/{cluster.name}/kubeconfig",
        )
    return cluster.file(cluster.kubernetes.kubeconfig)


def _refuse_misfits(layout: Layout, found: dict[str, Container]) -> None:
    wanted = {box.name: box.spec for box in layout.boxes}
    for name, container in sorted(found.items()):
        if wanted.get(name) != container.labels.get(SPEC_LABEL):
            raise Refused(
                f"the sandbox that runs was made for another cluster description: {name} does not fit this one",
                "run `invoke sandbox.down` (its data goes), then `invoke sandbox.up`",
            )
    workers = [box.name for box in layout.workers if box.name in found]
    if workers and layout.control.name not in found:
        raise Refused(
            f"the sandbox has lost its control plane, the container {layout.control.name}",
            "run `invoke sandbox.down` (its data goes), then `invoke sandbox.up`",
        )


def _refuse_other_image(layout: Layout, found: dict[str, Container], image: str) -> None:
    """Every build of the node image has keys of its own: nodes of two of them would not know each other."""
    for box in layout.nodes:
        if box.name in found and found[box.name].attrs["Config"]["Image"] != image:
            raise Refused(
                f"{box.name} was made from another node image than {image}",
                "run `invoke sandbox.down` (its data goes), then `invoke sandbox.up`",
            )


@contextmanager
def _undone_on_failure(name: str, kubeconfig: Path, *, active: bool) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if active:
            say(f"Removing what was made of the sandbox {name}.")
            # The interrupted call may have left its connection in the middle of an answer: a new one.
            with containers.uninterrupted(), closing(engine.connect()) as client:
                containers.clear(client, name)
                _remove_kubeconfig(kubeconfig, name)
        raise


def _is_ours(kubeconfig: Path, name: str) -> bool:
    return kubeconfig.is_file() and kubeconfig.read_text().startswith(mark(name))


def _write_kubeconfig(client: docker.DockerClient, layout: Layout, target: Path, api_port: int) -> None:
    if target.exists() and not _is_ours(target, layout.name):
        raise Refused(
            f"{target} is there and not the sandbox's: it is not overwritten",
            "name another file in kubernetes.kubeconfig",
        )
    control = containers.find(client, layout.name)[layout.control.name]
    code, text = control.exec_run(["cat", KUBECONFIG])
    if code:
        raise Failed(f"{layout.control.name} has no {KUBECONFIG}", "run `invoke sandbox.up` again")
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{target.name}.new")
    new.touch(mode=0o600)
    new.write_text(rewritten_kubeconfig(text.decode(), api_port, layout.name))
    new.replace(target)


def _remove_kubeconfig(kubeconfig: Path, name: str) -> None:
    if not _is_ours(kubeconfig, name):
        return
    kubeconfig.unlink()
    if not any(kubeconfig.parent.iterdir()):
        kubeconfig.parent.rmdir()
