"""Shared by the tests of configurations."""

import socket
import subprocess

import docker
import kubernetes
import pytest


@pytest.fixture
def nothing_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid Docker, Kubernetes, the network and other programs."""

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("bad input touched the world")

    monkeypatch.setattr(docker, "from_env", forbidden)
    monkeypatch.setattr(docker.DockerClient, "__init__", forbidden)
    monkeypatch.setattr(kubernetes.config, "new_client_from_config", forbidden)
    monkeypatch.setattr(kubernetes.client.ApiClient, "__init__", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(subprocess.Popen, "__init__", forbidden)
