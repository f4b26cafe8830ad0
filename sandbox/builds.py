"""Images of the sandbox, built once each: a tag made from the content decides whether it is built again."""

import hashlib
from contextlib import closing
from pathlib import Path

from zkops.config.cluster import Sources
from zkops.core.console import step
from zkops.images import base as sources
from zkops.images import docker as engine


def content_hash(directory: Path, *only: str) -> str:
    """Give a short hash of all files below *directory*: their names, whether executable, their bytes.

    With *only*, of the files and folders of it that are named.
    """
    roots = [directory / name for name in only] or [directory]
    files = {path for root in roots for path in (root, *root.rglob("*")) if path.is_file()}
    digest = hashlib.sha256()
    for file in sorted(files):
        executable = bool(file.stat().st_mode & 0o100)
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(directory)} {executable} {content}\n".encode())
    return digest.hexdigest()[:12]


def present(tag: str) -> bool:
    """Tell whether the Engine has the image *tag*."""
    with closing(engine.connect()) as client:
        return engine.image_id(client, tag) is not None


def built(wanted: Sources, context: Path, label: str) -> str:
    """Give the tag of the image that *context* makes, building it, as a step named *label*, where it is not here."""
    tag = f"zkops/sandbox-{context.name}:{content_hash(context)}"
    if not present(tag):
        base = sources.base_image(wanted, "trixie")
        with step(label) as current:
            engine.build(context, tag, args={"BASE": base}, step=current)
    return tag
