"""What the Docker Engine is left with after a container has been run."""

from contextlib import closing

import pytest
from docker.errors import ContainerError, NotFound

from zkops import engine

MOUNTS = ["sh", "-c", "sed -n 's|.*/volumes/\\([0-9a-f]*\\)/_data .*|\\1|p' /proc/self/mountinfo; ls /not-there"]


def test_a_container_that_was_run_goes_with_its_volumes_and_says_why_it_failed(image: str) -> None:
    with closing(engine.connect()) as docker:
        volumes = engine.run(docker, image, [*MOUNTS[:2], f"{MOUNTS[2]} || true"]).decode().split()
        assert len(volumes) == 3  # /data, /datalog, /logs
        for volume in volumes:
            with pytest.raises(NotFound):
                docker.volumes.get(volume)
        with pytest.raises(ContainerError) as failure:
            engine.run(docker, image, MOUNTS)
    assert b"/not-there" in (failure.value.stderr or b"")
