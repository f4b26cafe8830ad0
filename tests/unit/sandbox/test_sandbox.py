"""sandbox: its layout, files and judgements, without an Engine."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import layout, lifecycle
from sandbox.builds import content_hash
from sandbox.readiness import unready
from zkops.config import loader as config
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput, Refused

TEXT = """\
name: small
machines:
  - {hostname: small-1, ip: 172.31.79.11, id: 1}
  - {hostname: small-2, ip: 172.31.79.12, id: 2, role: observer}
registry: {domain: "127.0.0.1:25079", plain_http: true}
kubernetes: {kubeconfig: kubeconfig}
sandbox: {api_port: 26479}
"""


def cluster(text: str = TEXT, directory: Path = Path()) -> Cluster:
    return config.parse(text, directory / "cluster.yaml")


def test_addresses_and_names_follow_the_machines() -> None:
    planned = layout.plan(cluster())
    assert (planned.network, planned.subnet, planned.gateway) == ("zkops-small", "172.31.79.0/24", "172.31.79.1")
    assert [(box.name, box.hostname, box.ip) for box in planned.boxes] == [
        ("zkops-small-registry", "registry", "172.31.79.2"),
        ("zkops-small-control", "small-control", "172.31.79.3"),
        ("zkops-small-small-1", "small-1", "172.31.79.11"),
        ("zkops-small-small-2", "small-2", "172.31.79.12"),
    ]
    assert planned.registry.published == ((5000, 25079),)
    assert planned.control.published == ((6443, 26479),)
    assert dict(planned.workers[0].environment)["K3S_URL"] == "https://172.31.79.3:6443"


def test_the_pushed_name_means_the_registry_container_on_every_node() -> None:
    for box in layout.plan(cluster()).nodes:
        files = dict(box.files)
        hosts = files["/etc/containerd/certs.d/127.0.0.1:25079/hosts.toml"]
        assert hosts.startswith('server = "http://172.31.79.2:5000"\n')
        assert '[host."http://172.31.79.2:5000"]\n  capabilities = ["pull", "resolve"]' in hosts
        assert files["/etc/rancher/k3s/registries.yaml"] == (
            'mirrors:\n  "127.0.0.1:25079":\n    endpoint:\n      - "http://172.31.79.2:5000"\n'
        )


def test_a_boxs_files_go_in_as_a_readable_archive() -> None:
    box = layout.plan(cluster()).control
    with tarfile.open(fileobj=io.BytesIO(box.archive())) as tar:
        assert sorted(f"/{name}" for name in tar.getnames()) == sorted(path for path, _ in box.files)
        assert {member.mode for member in tar.getmembers()} == {0o644}


def test_k3s_takes_its_pause_image_from_the_mirror_too() -> None:
    mirrored = cluster(TEXT + "sources: {pull_prefix: 'mirror.example:5000/hub'}\n")
    for box in layout.plan(mirrored).nodes:
        assert "--pause-image=mirror.example:5000/hub/rancher/mirrored-pause:3.6" in box.command
    assert not any("--pause-image" in word for word in layout.plan(cluster()).control.command)


@pytest.mark.parametrize(
    ("prefix", "described"),
    [
        (
            "mirror.example:5000/hub",
            {"endpoint": ["https://mirror.example:5000"], "rewrite": {"(.*)": "hub/$1"}},
        ),
        ("mirror.example", {"endpoint": ["https://mirror.example"]}),
    ],
)
def test_k3s_takes_what_it_pulls_by_itself_from_the_mirror(prefix: str, described: dict[str, Any]) -> None:
    mirrors = yaml.safe_load(layout.registries_yaml("127.0.0.1:25079", "http://172.31.79.2:5000", prefix))["mirrors"]
    assert mirrors == {"127.0.0.1:25079": {"endpoint": ["http://172.31.79.2:5000"]}, "docker.io": described}


def test_every_kubelet_is_let_run_on_cgroup_v1() -> None:
    assert all("--kubelet-arg=fail-cgroupv1=false" in box.command for box in layout.plan(cluster()).nodes)


def test_a_changed_machine_changes_its_boxs_spec_and_no_others() -> None:
    before, after = layout.plan(cluster()), layout.plan(cluster(TEXT.replace("79.12", "79.14")))
    assert before.workers[1].spec != after.workers[1].spec
    assert [box.spec for box in before.boxes[:3]] == [box.spec for box in after.boxes[:3]]


def test_a_description_without_sandbox_is_refused() -> None:
    plain = TEXT.replace("sandbox: {api_port: 26479}\n", "")
    with pytest.raises(BadInput, match="no `sandbox`"):
        layout.plan(cluster(plain))


@pytest.mark.parametrize("hostname", ["control", "registry", "small-control"])
def test_a_machine_named_as_a_part_of_the_sandbox_is_refused(hostname: str) -> None:
    with pytest.raises(BadInput, match=f"hostname {hostname} is one the sandbox needs"):
        layout.plan(cluster(TEXT.replace("small-1", hostname)))


def test_a_sandbox_needs_a_kubeconfig_of_its_own() -> None:
    with pytest.raises(BadInput, match=r"kubernetes.kubeconfig is not set"):
        lifecycle.down(cluster(TEXT.replace("kubernetes: {kubeconfig: kubeconfig}\n", "")))


def test_a_kubeconfig_is_pointed_at_this_machine_and_marked() -> None:
    text = layout.rewritten_kubeconfig("server: https://127.0.0.1:6443\n", 26479, "small")
    assert text == f"{layout.mark('small')}\nserver: https://127.0.0.1:26479\n"


def test_a_users_own_kubeconfig_is_never_removed(tmp_path: Path) -> None:
    own = tmp_path / "config"
    own.write_text("apiVersion: v1\n")
    lifecycle._remove_kubeconfig(own, "small")
    assert own.exists()
    own.write_text(layout.mark("small") + "\n")
    lifecycle._remove_kubeconfig(own, "small")
    assert not own.exists()


def test_the_content_hash_sees_names_bytes_and_the_executable_bit(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    seen = {content_hash(tmp_path)}
    file.chmod(0o755)
    seen.add(content_hash(tmp_path))
    file.write_text("y")
    seen.add(content_hash(tmp_path))
    file.rename(tmp_path / "b")
    seen.add(content_hash(tmp_path))
    assert len(seen) == 4
    assert content_hash(tmp_path) in seen


START = "2026-01-01T10:00:05.123456789Z"


def node(name: str = "n1", status: str = "True", beat: str = "2026-01-01T10:00:05Z") -> dict[str, Any]:
    ready = {"type": "Ready", "status": status, "lastHeartbeatTime": beat, "message": "no network plugin"}
    return {"kind": "Node", "metadata": {"name": name}, "status": {"conditions": [ready]}}


ACCOUNT = {"kind": "ServiceAccount", "metadata": {"name": "default"}}


@pytest.mark.parametrize(
    ("items", "lacking"),
    [
        ([node(), ACCOUNT], {}),
        ([ACCOUNT], {"n1": "not registered yet"}),
        ([node()], {"the default ServiceAccount": "not made yet"}),
        ([node(status="False"), ACCOUNT], {"n1": "no network plugin"}),
        ([node(beat="2026-01-01T10:00:04Z"), ACCOUNT], {"n1": "no sign of life since its start"}),
        ([node() | {"status": {}}, ACCOUNT], {"n1": "no sign of life since its start"}),
    ],
)
def test_a_node_is_ready_only_by_a_heartbeat_of_this_start(items: list[Any], lacking: dict[str, str]) -> None:
    assert unready({"items": items}, {"n1": START}) == lacking


class FakeContainer:
    """As much of a container as the check of misfits looks at."""

    def __init__(self, spec: str) -> None:
        self.labels = {layout.SPEC_LABEL: spec}


def test_a_sandbox_of_another_description_is_refused_not_mixed() -> None:
    planned = layout.plan(cluster())
    fitting: dict[str, Any] = {box.name: FakeContainer(box.spec) for box in planned.boxes}
    lifecycle._refuse_misfits(planned, fitting)
    with pytest.raises(Refused, match="zkops-small-gone does not fit"):
        lifecycle._refuse_misfits(planned, fitting | {"zkops-small-gone": FakeContainer("x")})
    moved = replace(planned, workers=(replace(planned.workers[0], ip="172.31.79.99"), planned.workers[1]))
    with pytest.raises(Refused, match="zkops-small-small-1 does not fit"):
        lifecycle._refuse_misfits(moved, fitting)


def test_workers_without_their_control_plane_are_refused() -> None:
    planned = layout.plan(cluster())
    workers: dict[str, Any] = {box.name: FakeContainer(box.spec) for box in planned.workers}
    with pytest.raises(Refused, match="lost its control plane"):
        lifecycle._refuse_misfits(planned, workers)
