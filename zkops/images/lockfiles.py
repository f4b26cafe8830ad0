"""What `image/` pins and how it is refreshed: exact packages, and the classes laid out in the image's archive."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from docker.errors import ContainerError, DockerException
from requests.exceptions import RequestException

from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.core.console import step
from zkops.core.errors import BadInput, Failed
from zkops.images import base as sources
from zkops.images import docker as engine
from zkops.images import image

DIRECTORY = ROOT / "image"
LOCK = DIRECTORY / "packages.lock"
CLASSES = DIRECTORY / "classes.lst"
TRAINING = DIRECTORY / "train.sh"


def refresh_lock(cluster: Cluster) -> str:
    """Write the newest versions of the locked packages, with their hashes, into the lock; tell what came of it.

    Raises:
        Failed: with what the archive's tools said.
    """
    base = sources.base_image(cluster.sources, "trixie")
    volumes = {str(DIRECTORY): {"bind": "/image", "mode": "ro"}}
    with step("ask the archive for the newest packages"):
        fresh = _output("image.lock", base, ["bash", "/image/packages.sh", "lock", f"/image/{LOCK.name}"], volumes)
    return _written(LOCK, fresh, "packages")


def refresh_classes(cluster: Cluster) -> str:
    """Write the classes that servers load in their first seconds into the class list; tell what came of it.

    The servers run in the image that `image/` makes now. The list is kept in the repository and not made at each build,
    since which classes are loaded depends a little on timing, and an image must not.

    Raises:
        BadInput: where the description has another image than the one `image/` makes by itself.
        Failed: when the image is not built, or a server did not come up.
    """
    if cluster.image.reference or cluster.image.apache:
        raise BadInput(
            "image.classes runs the image of Debian's packages, but image.reference or image.apache names another",
            "run it with a description that has neither, such as the shipped cluster.yaml",
        )
    ref = image.build(cluster).tagged
    with step("run servers and see what they load"):
        found = _output("image.classes", ref, ["sh", "-c", TRAINING.read_text(encoding="utf-8")])
    return _written(CLASSES, found, "classes")


def _output(task: str, ref: str, command: list[str], volumes: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Run *command* in a container of *ref* that is removed after it, and give what it printed."""
    again = f"run `invoke {task}` again"
    with closing(engine.connect()) as client:
        try:
            printed = engine.run(client, ref, command, volumes=dict(volumes or {}))
        except ContainerError as error:
            said = (error.stderr or b"").decode(errors="replace").strip() or "it said nothing"
            raise Failed(f"{task} came to nothing: {said}", f"mend that, then {again}") from None
        except (DockerException, RequestException) as error:
            raise Failed(f"{task} came to nothing: {error}", again) from error
    return printed.decode()


def _written(file: Path, new: str, what: str) -> str:
    """Put *new* into *file*, and tell in a sentence how many lines changed."""
    old = file.read_text(encoding="utf-8")
    fresh = file.with_suffix(".new")
    fresh.write_text(new, encoding="utf-8")
    # Renamed when complete: a run cut off here leaves the old one whole.
    fresh.replace(file)
    changed = len(set(new.splitlines()) ^ set(old.splitlines()))
    name = file.relative_to(ROOT)
    return f"{name}: {changed} lines changed, review them" if changed else f"{name}: nothing changed in its {what}"
