"""Our image with an older ZooKeeper, to upgrade from and to go back to."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from zkops.config.cluster import Cluster
from zkops.images import base as sources
from zkops.images import docker as engine
from zkops.images import image as room

OLDER = "3.9.3"
"""What Debian's trixie carries."""


@contextmanager
def of_older_release(cluster: Cluster, directory: Path) -> Iterator[Cluster]:
    """Let `zkops.images.image` build, push and name the image with ZooKeeper 3.9.3, by a tag of its own.

    Gives the description to do that with: the same with `older` for the configured tag. *directory* takes a copy of
    `image/`, whose lock names the package of Debian's trixie as the archive has it now. It may be used again.
    """
    changed = directory / "image"
    if not changed.exists():
        shutil.copytree(room.DIRECTORY, changed)
        _take_package_of("trixie", changed, sources.base_image(cluster.sources, "trixie"))
    assert room.zookeeper_version(changed) == OLDER
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "DIRECTORY", changed)
        yield cluster.model_copy(update={"registry": cluster.registry.model_copy(update={"tag": "older"})})


def _take_package_of(suite: str, directory: Path, base: str) -> None:
    """Put ZooKeeper's package of another suite into a lock, its version and hash as `invoke image.lock` finds them."""
    lock = directory / room.LOCK
    lines = lock.read_text().splitlines()
    here = next(number for number, line in enumerate(lines) if line.split()[1:2] == [room.SERVER_PACKAGE])
    lock.write_text(f"{suite} {room.SERVER_PACKAGE}\n")
    with closing(engine.connect(timeout=300)) as docker:
        found = engine.run(
            docker,
            base,
            ["bash", "/image/packages.sh", "lock", f"/image/{room.LOCK}"],
            volumes={str(directory): {"bind": "/image", "mode": "ro"}},
        )
    lines[here] = found.decode().strip()
    lock.write_text("".join(f"{line}\n" for line in lines))
