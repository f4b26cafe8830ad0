"""The image's bill of materials (CycloneDX JSON): taken out of the image, where its build has put it."""

import io
import tarfile
from contextlib import closing
from pathlib import Path

from docker import DockerClient
from docker.errors import NotFound

from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput, Failed
from zkops.images import docker as engine
from zkops.images import image

INSIDE = "/opt/zookeeper/sbom.cdx.json"
BESIDE = ROOT / "build" / "sbom.cdx.json"


def read(cluster: Cluster) -> str:
    """Give the bill of the image the cluster is to run.

    Raises:
        Failed: when that image is not on this machine, or holds no bill.
    """
    reference = image.wanted(cluster).tagged
    with closing(engine.connect()) as client, engine.explained(f"reading the bill of materials of {reference}"):
        if not engine.image_id(client, reference):
            mend = f"run `docker pull {reference}`" if cluster.image.reference else "run `invoke build`"
            raise Failed(f"{reference} is not on this machine", f"{mend}, then the same again")
        return _copied(client, reference)


def _copied(client: DockerClient, reference: str) -> str:
    # Never started: nothing of the image runs here.
    container = client.containers.create(reference)
    try:
        chunks, _ = container.get_archive(INSIDE)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            member = archive.extractfile(Path(INSIDE).name)
            if member:
                return member.read().decode()
    except NotFound:
        pass
    finally:
        container.remove(v=True)
    raise Failed(f"{reference} holds no {INSIDE}", "name an image that was made from image/ with `invoke build`")


def write(cluster: Cluster, output: str) -> Path:
    """Write the bill to the file *output*, by default beside what `invoke build` notes; give the file.

    Raises:
        BadInput: when the file cannot be written.
    """
    text, file = read(cluster), Path(output) if output else BESIDE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--output: {file} cannot be written: {error.strerror}", "name another file") from error
    return file
