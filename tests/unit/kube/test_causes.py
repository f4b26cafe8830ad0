"""What Kubernetes and a member say of a failure is told in plain words."""

import pytest

from zkops.config.cluster import Ports
from zkops.kube import causes


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (
            "binding to port /0.0.0.0:2181|ERROR java.net.BindException: Address already in use",
            "port 2181 (client) is taken",
        ),
        ("java.net.BindException: Address already in use", "one of the ports 2181, 2888, 3888, 7000 is taken"),
        (
            'MountVolume.SetUp failed for volume "data" : hostPath type check failed: /a/b is not a directory',
            "/a/b on this node is no directory",
        ),
        ("mkdir /var/lib/zkops/x: read-only file system", "mounted read-only"),
        ("chown: changing ownership of '/data': Read-only file system", "mounted read-only"),
        ("java.io.IOException: No space left on device", "the disk of this node is full"),
        (
            "FailedScheduling: 0/4 nodes are available: 1 node(s) didn't have free ports for the requested pod ports",
            "taken by another pod",
        ),
        ("1 node(s) had taint {gpu: }, that the pod didn't tolerate", "the taint gpu"),
        ("1 node(s) had untolerated taint {gpu: yes}", "the taint gpu"),
        ("0/4 nodes are available: 1 Insufficient memory.", "has not the memory"),
        ("zookeeper ended with exit code 137", "for want of memory"),
        ("Failed to pull image x: http: server gave HTTP response to HTTPS client", "expects TLS"),
        ("Failed to pull image x: x509: certificate signed by unknown authority", "does not trust"),
        ("Failed to pull image x: 401 Unauthorized", "refuses this node's login"),
        ("Failed to pull image x: dial tcp 1.2.3.4:5: connect: no route to host", "cannot reach the registry"),
        ("Failed to pull image x: x: not found", "does not have the image"),
        ("all is well", ""),
    ],
)
def test_a_known_cause_is_said_in_plain_words(said: str, cause: str) -> None:
    found = causes.known(said.split("|"), Ports())
    assert cause in found
    assert bool(found) is bool(cause)
    assert "None" not in found
