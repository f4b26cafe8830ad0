"""The sandbox's two images: pulled, or built once from the Debian archive under a tag made from their content."""

import hashlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from zkops.config.cluster import Sources
from zkops.core.console import step
from zkops.images import base as sources
from zkops.images import docker as engine

REGISTRY = "registry:2"
KUBERNETES = next(image for image in sources.PULLED if image.startswith("rancher/k3s:"))


@dataclass(frozen=True)
class Images:
    """Local names of the images, and whether the node image is the real k3s."""

    registry: str
    node: str
    pulled: bool


def prepare(wanted: Sources) -> Images:
    """See to it that both images are here, pulling or building what is missing."""
    if sources.decide(wanted) == "pull":
        return Images(sources.pulled(wanted, REGISTRY), sources.pulled(wanted, KUBERNETES), pulled=True)
    here = Path(__file__).parent
    return Images(
        built(wanted, here / "registry", "build the registry image"),
        built(wanted, here / "kubernetes", "build the Kubernetes node image from source, about ten minutes, only once"),
        pulled=False,
    )


def built(wanted: Sources, context: Path, label: str) -> str:
    """Give the tag of the image that *context* makes, building it, as a step named *label*, where it is not here."""
    tag = f"zkops/sandbox-{context.name}:{content_hash(context)}"
    with closing(engine.connect()) as client:
        present = engine.image_id(client, tag)
    if not present:
        base = sources.base_image(wanted, "bookworm")
        with step(label) as current:
            engine.build(context, tag, args={"BASE": base}, step=current)
    return tag


def content_hash(directory: Path) -> str:
    """Give a short hash of all files below *directory*: their names, whether executable, their bytes."""
    digest = hashlib.sha256()
    for file in sorted(path for path in directory.rglob("*") if path.is_file()):
        executable = bool(file.stat().st_mode & 0o100)
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(directory)} {executable} {content}\n".encode())
    return digest.hexdigest()[:12]
