"""Two of three lose their disks: nobody serves an empty tree, and what the third has can be brought back."""

import pytest

from tests.cluster.conftest import MakePipeline, Pipeline, until

pytestmark = pytest.mark.timeout(900)

OWN = "/var/lib/zkops/lost"
LOST, KEPT = ("pipe-1", "pipe-2"), "pipe-3"


def run(pipeline: Pipeline, hostname: str, script: str) -> str:
    code, output = pipeline.node(hostname).exec_run(["sh", "-c", script])
    assert code == 0, output
    return str(output.decode())


def test_two_of_three_lost_disks_serve_nothing_until_the_third_is_copied_as_documented(
    make_pipeline: MakePipeline,
) -> None:
    ensemble = make_pipeline("lost", 15081)
    ensemble.ok("deploy")
    ensemble.ok("shell", "--command", "create /kept first")

    for host in LOST:
        run(ensemble, host, f"rm -rf {OWN}/data/* {OWN}/log/*")
    for pod in ensemble.kube.pods("lost"):
        ensemble.kube.delete_pod(pod["metadata"]["name"], 1)
    until(
        lambda: (
            {row["node"]: row["state"] for row in ensemble.status()["members"]}.keys() == {*LOST, KEPT}
            and all("not currently serving" in row["state"] for row in ensemble.status()["members"])
        ),
        "all three run again, and none serves",
    )
    assert ensemble.status()["quorum"] is False
    assert ensemble.invoke("deploy", "--timeout", "10").returncode == 1, "there is nothing that a deploy could do"

    ensemble.ok("stop")
    for host in LOST:
        for place in ("data", "log"):
            run(ensemble, host, f"rm -rf {OWN}/{place}/version-2")
            stream, _ = ensemble.node(KEPT).get_archive(f"{OWN}/{place}/version-2")
            assert ensemble.node(host).put_archive(f"{OWN}/{place}", b"".join(stream))
    ensemble.ok("deploy")
    assert ensemble.status()["serving"] == 3
    assert ensemble.ok("shell", "--command", "get /kept").strip() == "first"
