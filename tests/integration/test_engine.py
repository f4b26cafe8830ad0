"""What the Docker Engine is left with after a container has been run."""

from contextlib import closing

import pytest
from docker.errors import ContainerError, NotFound

from zkops.images import docker as engine

VOLUMES = r"sed -n 's|.*/volumes/\([0-9a-f]*\)/_data .*|\1|p' /proc/self/mountinfo"
"""Prints the names of a container's own volumes."""


def test_a_container_that_was_run_goes_with_its_volumes_and_says_why_it_failed(image: str) -> None:
    with closing(engine.connect()) as docker:
        printed = engine.run(docker, image, ["sh", "-c", VOLUMES])
        with pytest.raises(ContainerError) as failure:
            engine.run(docker, image, ["sh", "-c", f"{VOLUMES} >&2; exit 1"])
        for volumes in (printed.split(), bytes(failure.value.stderr or b"").split()):
            assert len(volumes) == 3  # /data, /datalog, /logs
            for volume in volumes:
                with pytest.raises(NotFound):
                    docker.volumes.get(volume.decode())
