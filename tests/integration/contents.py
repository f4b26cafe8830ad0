"""What an image holds: read from a container of it that is never started."""

import io
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from zkops.images import docker as engine


@contextmanager
def _container(image: str) -> Iterator[Any]:
    with closing(engine.connect()) as client:
        container = client.containers.create(image)
        try:
            yield container
        finally:
            container.remove(v=True)


@contextmanager
def whole(image: str) -> Iterator[tarfile.TarFile]:
    """Give all of an image's files as one archive."""
    with _container(image) as container, tempfile.TemporaryFile() as file:
        for chunk in container.export():
            file.write(chunk)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            yield archive


def directory(image: str, path: str) -> dict[str, bytes]:
    """Give the bytes of each file in a directory, by its name."""
    with _container(image) as container:
        chunks, _ = container.get_archive(path)
        content = b"".join(chunks)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        found = ((member, archive.extractfile(member)) for member in archive.getmembers() if member.isfile())
        return {member.name.rpartition("/")[2]: file.read() for member, file in found if file}


def layers(image: str) -> list[str]:
    """Give the hashes of an image's layers."""
    with closing(engine.connect()) as client:
        return [str(layer) for layer in client.api.inspect_image(image)["RootFS"]["Layers"]]
