"""An OpenPAI operator's own directory goes straight to a serving ensemble."""

from pathlib import Path

import pytest
import yaml

from tests.cluster.conftest import DESCRIPTION, Pipeline

pytestmark = pytest.mark.timeout(600)


def test_build_push_deploy_status_straight_from_an_openpai_directory(sandboxed: Path, tmp_path: Path) -> None:
    machines = [
        {"hostname": f"infra-{m['id']}", "nodename": m["hostname"], "hostip": m["ip"], "zkid": str(m["id"])}
        for m in DESCRIPTION["machines"]
    ]
    layout = {"machine-list": [machine | {"pai-master": "true"} for machine in machines]}
    services = {
        "cluster": {
            "common": {"data-path": "/mnt/pai", "qos-switch": "false"},
            "docker-registry": {"namespace": "ourteam", "domain": DESCRIPTION["registry"]["domain"], "tag": "v1.8"},
        }
    }
    overlay = {
        "name": "pai",
        "registry": {"plain_http": True},
        "ports": {"client": 12881, "quorum": 12882, "election": 12883, "metrics": 12884},
        "resources": DESCRIPTION["resources"],
        "kubernetes": {
            "kubeconfig": str(sandboxed / "kubeconfig"),
            "namespace": "pai",
            "node_label": "test/pai",
        },
    }
    for name, content in {"layout": layout, "services-configuration": services, "zkops": overlay}.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    operator = Pipeline(tmp_path)
    shown = operator.ok("build", "push", "deploy", "status")
    assert "pai: 3 of 3 members serve" in shown
    assert "127.0.0.1:25078/ourteam/zookeeper@sha256:" in shown
    assert "pai is deleted" in operator.ok("delete", "--confirm=pai")
