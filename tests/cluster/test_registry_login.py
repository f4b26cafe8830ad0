"""A registry that wants a login: pushed to and pulled from with credentials that show nowhere."""

import base64
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from sandbox.layout import hosts_toml
from tests.cluster.conftest import MakePipeline, Pipeline, until
from zkops import ROOT

pytestmark = pytest.mark.timeout(600)

DOMAIN = "127.0.0.1:25178"
ADDRESS = "172.31.78.250"
PASSWORD = "s3cret-word"
# The same password as the registry wants it: bcrypt, made with crypt(3).
HTPASSWD = b"ann:$2b$05$abcdefghijklmnopqrstuuEpHRRKIlpAGo.iP7Bpa.htQEJMAAnRe\n"


def put(container: Any, path: str, content: bytes) -> None:
    """Write a file, and the directories above it, into a container."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.size, entry.mode = len(content), 0o644
        archive.addfile(entry, io.BytesIO(content))
    container.put_archive("/", packed.getvalue())


@pytest.fixture
def closed_registry(pipeline: Pipeline) -> Iterator[None]:
    """A second registry on the sandbox's network, and nodes that know where it is."""
    client = docker.from_env()
    container = client.containers.create(
        client.containers.get("zkops-pipe-registry").image,
        environment={
            "REGISTRY_AUTH": "htpasswd",
            "REGISTRY_AUTH_HTPASSWD_REALM": "zkops",
            "REGISTRY_AUTH_HTPASSWD_PATH": "/htpasswd",
        },
        ports={"5000/tcp": ("127.0.0.1", int(DOMAIN.rpartition(":")[2]))},
    )
    try:
        client.networks.get("zkops-pipe").connect(container, ipv4_address=ADDRESS)
        put(container, "/htpasswd", HTPASSWD)
        container.start()
        for machine in pipeline.cluster.machines:
            put(
                pipeline.node(machine.hostname),
                f"/etc/containerd/certs.d/{DOMAIN}/hosts.toml",
                hosts_toml(f"http://{ADDRESS}:5000").encode(),
            )
        yield
    finally:
        container.remove(v=True, force=True)


def test_credentials_reach_registry_and_nodes_and_show_nowhere(
    closed_registry: None, make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    (tmp_path / "login").write_text(f"username: ann\npassword: {PASSWORD}\n")
    registry = {"domain": DOMAIN, "plain_http": True, "credentials": {"file": "login"}}
    closed = make_pipeline("closed", 12481, registry=registry)
    until(lambda: closed.invoke("push").returncode != 2, "the registry answers", bound=30)
    looked = closed.invoke("build", "push", "doctor")
    assert looked.returncode == 0, "the doctor's own pods pull with a secret that is gone afterwards\n" + looked.stdout
    assert closed.kube.objects("Secret", namespace="default", label_selector="app.kubernetes.io/instance=closed") == ()
    done = closed.invoke("build", "push", "deploy", "render")
    assert done.returncode == 0, done.stderr
    assert closed.status()["serving"] == 3
    assert "nothing to do" in closed.ok("deploy")

    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "closed-registry", "namespace": "closed"}}
    assert closed.kube.get(secret), "the pull secret is there"
    rendered = "".join(path.read_text() for path in (ROOT / "build" / "rendered").rglob("*") if path.is_file())
    pods = json.dumps(closed.kube.pods("closed"), default=str)
    forms = (PASSWORD, *(base64.b64encode(text.encode()).decode() for text in (PASSWORD, f"ann:{PASSWORD}")))
    for place in (done.stdout, done.stderr, looked.stdout, looked.stderr, rendered, pods):
        assert not any(form in place for form in forms)
