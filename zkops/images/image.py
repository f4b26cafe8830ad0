"""The ZooKeeper image: built from `image/`, tagged by its content, pushed, and named by the registry's digest."""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.core.console import say, step, warn
from zkops.core.errors import BadInput, Failed
from zkops.images import apache_release as apache
from zkops.images import base as sources
from zkops.images import docker as engine
from zkops.images import registry
from zkops.images.registry import Login, login

__all__ = [
    "ImageRef",
    "Login",
    "at_its_registry",
    "build",
    "content_tag",
    "known",
    "login",
    "push",
    "resolve",
]

DIRECTORY = ROOT / "image"
RECORD = ROOT / "build" / "image.json"
"""What was pushed: `REPOSITORY:TAG` to digest."""

LOCK = "packages.lock"
SERVER_PACKAGE = "libzookeeper-java"

_REFERENCE = re.compile(
    r"(?P<repository>[^\s@]+?)(:(?P<tag>\w[\w.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class ImageRef:
    """An image's name: repository and tag, and the registry's digest once it is known."""

    repository: str
    tag: str
    digest: str | None = None

    @classmethod
    def parse(cls, reference: str) -> Self:
        """Read `REPOSITORY[:TAG][@sha256:…]`, where the repository may begin with `HOST[:PORT]/`."""
        found = _REFERENCE.fullmatch(reference)
        if not found or found["repository"].endswith(("/", ":")) or "//" in reference:
            raise BadInput(
                f"image.reference: {reference!r} is no image reference",
                "write it such as registry.example:5000/zookeeper:3.9.6, with @sha256:… to pin it",
            )
        tag = found["tag"] or ("" if found["digest"] else "latest")
        return cls(repository=found["repository"], tag=tag, digest=found["digest"])

    @property
    def tagged(self) -> str:
        """`REPOSITORY:TAG`; by digest where there is no tag."""
        return f"{self.repository}:{self.tag}" if self.tag else self.pinned

    @property
    def pinned(self) -> str:
        """`REPOSITORY@sha256:…`, which never changes its meaning."""
        if not self.digest:
            raise Failed(f"{self.tagged} has no digest yet", "run `invoke build push`")
        return f"{self.repository}@{self.digest}"


def zookeeper_version(directory: Path = DIRECTORY) -> str:
    """Give ZooKeeper's version, as the package lock in *directory* names it."""
    for line in (directory / LOCK).read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if fields[1:2] == [SERVER_PACKAGE]:
            return fields[2].rsplit("-", 1)[0]
    raise Failed(f"{directory / LOCK} names no {SERVER_PACKAGE}", "restore the file from version control")


def content_tag(directory: Path = DIRECTORY, release: str = "") -> str:
    """Make a tag from names, executable bits and bytes of the files in *directory*: equal content, equal tag.

    *release* is Apache's release that the image is made from, in place of Debian's package. Its version is enough: the
    build takes none but the one that Apache has signed.
    """
    content = hashlib.sha256(release.encode())
    for file in sorted(path for path in directory.rglob("*") if path.is_file()):
        name = file.relative_to(directory).as_posix()
        executable = bool(file.stat().st_mode & 0o100)
        content.update(f"{name}\0{executable}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return f"{release or zookeeper_version(directory)}-{content.hexdigest()[:12]}"


def wanted(cluster: Cluster) -> ImageRef:
    """Give the image the cluster is to run, without asking anybody: the one named, or the one `image/` makes."""
    if cluster.image.reference:
        return ImageRef.parse(cluster.image.reference)
    release = cluster.image.apache.version if cluster.image.apache else ""
    return ImageRef(repository=cluster.repository, tag=content_tag(DIRECTORY, release))


def labels(tag: str, base: str, distribution: str = "debian") -> Mapping[str, str]:
    """Give the OCI labels. No time of making is among them: the same content gives the same labels."""
    version, _, revision = tag.partition("-")
    origin = "Apache's release" if distribution == "apache" else "Debian packages"
    values = {
        "title": "ZooKeeper",
        "description": f"Apache ZooKeeper from {origin}, made by zkops",
        "version": version,
        "revision": revision,
        "licenses": "Apache-2.0 AND GPL-2.0-only WITH Classpath-exception-2.0",
        "base.name": base,
    }
    return {f"org.opencontainers.image.{key}": value for key, value in values.items()}


def build(cluster: Cluster, *, no_cache: bool = False) -> ImageRef:
    """Build the image where its content changed, and set the configured tag beside the content's."""
    ref = wanted(cluster)
    if cluster.image.reference:
        say(f"image.reference names {cluster.image.reference}: nothing to build")
        return ref
    if no_cache or not _present(ref):
        # Got before the step begins: making a base image is a long step of its own.
        base = sources.base_image(cluster.sources, "trixie")
        named = base.removeprefix(f"{cluster.sources.pull_prefix}/")
        with _context(cluster) as context, step(f"build {ref.tagged}") as current:
            engine.build(
                context,
                ref.tagged,
                args={"BASE": base},
                labels=labels(ref.tag, named, cluster.image.distribution),
                step=current,
                nocache=no_cache,
            )
    else:
        say(f"{ref.tagged} is unchanged, nothing to build")
    _tag(ref, cluster.registry.tag)
    return ref


def _context(cluster: Cluster) -> AbstractContextManager[Path]:
    if cluster.image.apache:
        return apache.context(apache.obtain(cluster, cluster.image.apache), DIRECTORY)
    return nullcontext(DIRECTORY)


def _present(ref: ImageRef) -> bool:
    with closing(engine.connect()) as client:
        return engine.image_id(client, ref.tagged) is not None


def _tag(ref: ImageRef, tag: str) -> None:
    with closing(engine.connect()) as client:
        try:
            client.api.tag(ref.tagged, ref.repository, tag=tag)
        except (DockerException, RequestException) as error:
            raise Failed(f"{ref.tagged} cannot be tagged {tag}: {error}", "run `invoke build` again") from error


def push(cluster: Cluster) -> ImageRef:
    """Push the image by both tags where the registry does not have it yet, and record its digest."""
    if cluster.image.reference:
        say(f"image.reference names {cluster.image.reference}: nothing to push")
        return resolve(cluster)
    ref = wanted(cluster)
    user = login(cluster)
    if not _present(ref):
        raise Failed(f"{ref.tagged} has not been built", "run `invoke build push`")
    registry.check_scheme(cluster)
    with closing(engine.connect()) as client:
        _tag(ref, cluster.registry.tag)
        digests = [_push_tag(client, ref, tag, cluster, user) for tag in (ref.tag, cluster.registry.tag)]
    pushed = ImageRef(repository=ref.repository, tag=ref.tag, digest=digests[0])
    _record(pushed)
    return pushed


def _push_tag(client: docker.DockerClient, ref: ImageRef, tag: str, cluster: Cluster, user: Login | None) -> str:
    name = f"{ref.repository}:{tag}"
    there = registry.digest(client, name, cluster, user)
    local = client.api.inspect_image(ref.tagged).get("RepoDigests") or []
    if there and f"{ref.repository}@{there}" in local:
        say(f"{name} is in the registry already, nothing to push")
        return there
    with step(f"push {name}") as current:
        return registry.push(client, tag, cluster, user, current)


def _record(ref: ImageRef) -> None:
    """Add to the record what was pushed; other repositories and tags stay in it."""
    RECORD.parent.mkdir(exist_ok=True)
    new = RECORD.with_suffix(".new")
    new.write_text(json.dumps(_records() | {ref.tagged: ref.digest}, indent=2) + "\n", encoding="utf-8")
    # Renamed when complete: a run cut off here leaves the old record or the new one, never half of one.
    new.replace(RECORD)


def _records() -> dict[str, str]:
    try:
        found = json.loads(RECORD.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _recorded(ref: ImageRef) -> ImageRef | None:
    """Give what was recorded at the last push of the same repository and tag."""
    found = _records().get(ref.tagged)
    return replace(ref, digest=found) if found else None


def at_its_registry(cluster: Cluster, ref: ImageRef) -> Cluster:
    """Give the description as it fits the registry that *ref* names: our credentials are shown to no other."""
    if ref.repository.startswith(f"{cluster.registry.domain}/"):
        return cluster
    host = ref.repository.partition("/")[0]
    named = host if "." in host or ":" in host or host == "localhost" else "docker.io"
    return cluster.model_copy(
        update={"registry": cluster.registry.model_copy(update={"domain": named, "credentials": None})}
    )


def known(cluster: Cluster) -> str:
    """Give the image's reference as well as it is known without asking anybody: pinned, or else by tag."""
    ref = wanted(cluster)
    found = ref if ref.digest else _recorded(ref) or ref
    return found.pinned if found.digest else found.tagged


def resolve(cluster: Cluster) -> ImageRef:
    """Give the image with its digest: as named, as recorded by `push`, or as the registry tells.

    Raises:
        Failed: when the registry does not have it.
    """
    ref = wanted(cluster)
    if ref.digest:
        return ref
    recorded = None if cluster.image.reference else _recorded(ref)
    there = at_its_registry(cluster, ref)
    try:
        registry.check_scheme(there)
        with closing(engine.connect()) as client:
            asked = recorded.pinned if recorded else ref.tagged
            found = registry.digest(client, asked, there, login(there))
    except Failed as error:
        # The record is as good as the registry's word; only where there is none must the registry be reached.
        if not recorded:
            raise
        warn(f"taking the digest recorded by the last push: {error.what}")
        return recorded
    if not found:
        mend = "mend image.reference, or push that image" if cluster.image.reference else "run `invoke build push`"
        raise Failed(f"{ref.tagged} has not been pushed: the registry does not have it", mend)
    return replace(ref, digest=found)
