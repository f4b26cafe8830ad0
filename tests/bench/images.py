"""The two images: made where they are missing, and how big each is."""

import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import docker

from tests.bench.clock import Clock
from tests.support.measuring.measures import OURS, PEER, Samples
from zkops.config.cluster import Cluster
from zkops.core.console import say, step
from zkops.images import base as sources
from zkops.images import docker as engine
from zkops.images import image

CONTEXT = Path(__file__).parent / "peer"
PEER_TAG = "zkops/bench-peer"
MEGABYTE = 1e6
SHOWN = 1e4
"""Bytes of the smallest layer that is listed."""


@dataclass(frozen=True)
class Images:
    """The names of the images measured, by column."""

    peer: str
    ours: str

    def columns(self) -> Iterator[tuple[str, str]]:
        """Give (column, image), the peer first."""
        yield PEER, self.peer
        yield OURS, self.ours


def build(cluster: Cluster, ours: str = "") -> Images:
    """Build the peer, from the archive and the ZooKeeper package of our lock, and ours, or take *ours* as it is."""
    base = sources.base_image(cluster.sources, "trixie")
    package = server_package(image.DIRECTORY / image.LOCK)
    tag = f"{PEER_TAG}:{package}"
    with step(f"build {tag}") as current:
        engine.build(CONTEXT, tag, args={"BASE": base, "ZOOKEEPER": package}, step=current)
    return Images(peer=tag, ours=ours or image.build(cluster).tagged)


def server_package(lock: Path) -> str:
    """Give the version of the Debian package that holds ZooKeeper."""
    lines = (line.split() for line in lock.read_text(encoding="utf-8").splitlines())
    return next(fields[2] for fields in lines if fields[1:2] == [image.SERVER_PACKAGE])


@dataclass
class Tee:
    """A stream that counts what is read through it and compresses it as `gzip -6` would."""

    chunks: Iterator[bytes]
    size: int = 0
    packed: int = 0
    _rest: bytes = b""
    _gzip: Any = field(default_factory=lambda: zlib.compressobj(6, wbits=31))

    def read(self, count: int) -> bytes:
        """Give up to *count* bytes, fewer only at the end."""
        while len(self._rest) < count and (chunk := next(self.chunks, b"")):
            self.size += len(chunk)
            self.packed += len(self._gzip.compress(chunk))
            self._rest += chunk
        data, self._rest = self._rest[:count], self._rest[count:]
        return data

    def finish(self) -> None:
        """Read what is left and close the compression."""
        while self.read(1 << 20):
            pass
        self.packed += len(self._gzip.flush())


def saved(client: docker.DockerClient, name: str) -> tuple[int, list[int]]:
    """Give the bytes of `docker save | gzip -6`, and those of each layer by itself, in the archive's order."""
    tee, layers = Tee(client.images.get(name).save()), []
    with tarfile.open(fileobj=cast("IO[bytes]", tee), mode="r|") as archive:
        for member in archive:
            if member.isfile() and member.name.endswith("layer.tar"):
                layers.append(packed(cast("IO[bytes]", archive.extractfile(member))))
    tee.finish()
    return tee.packed, layers


def packed(stream: IO[bytes]) -> int:
    """Give the bytes that `gzip -6` makes of a stream."""
    pack = zlib.compressobj(6, wbits=31)
    size = 0
    while chunk := stream.read(1 << 20):
        size += len(pack.compress(chunk))
    return size + len(pack.flush())


def measure(client: docker.DockerClient, images: Images, _clock: Clock) -> Samples:
    """Measure each image once: its size does not vary."""
    samples = Samples("size")
    say("bench: size: saving and compressing both images")
    found = [saved(client, name) for _, name in images.columns()]
    for (column, name), (whole, layers) in zip(images.columns(), found, strict=True):
        size = client.api.inspect_image(name)["Size"]
        samples.add(column, "image, uncompressed", "MB", size / MEGABYTE, headline="image size", exact=True)
        samples.add(
            column, "image, docker save and gzip -6", "MB", whole / MEGABYTE, headline="image size, gzipped", exact=True
        )
        samples.add(column, "layers, each gzipped: what a pull moves", "MB", sum(layers) / MEGABYTE, exact=True)
    for (column, _), (_, layers) in zip(images.columns(), found, strict=True):
        for number, layer in enumerate(layers, start=1):
            if layer < SHOWN:
                continue
            samples.add(column, f"layer {number} of {column}, gzipped", "MB", layer / MEGABYTE)
    return samples
