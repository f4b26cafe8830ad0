"""When a sandbox is ready: the registry answers, every node is Ready since its last start, pods can be made."""

import http.client
import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import docker
from docker.errors import APIError
from docker.models.containers import Container

from sandbox.containers import find
from sandbox.layout import Box, Layout
from zkops.core.console import step
from zkops.core.errors import Failed
from zkops.images.docker import tail_of

NODES_SECONDS = 240.0
REGISTRY_SECONDS = 30.0
PAUSE_SECONDS = 0.3

# What a node needs to run pods: itself, and the account every pod of the namespace gets, made a moment later.
_LISTING = ["kubectl", "get", "nodes,serviceaccounts", "--namespace=default", "--output=json", "--request-timeout=5s"]


def unready(listing: Mapping[str, Any], started: Mapping[str, str]) -> dict[str, str]:
    """Say what is missing, by node, from kubectl's listing and the time each node's container was started."""
    items: list[dict[str, Any]] = listing.get("items", [])
    nodes = {item["metadata"]["name"]: item for item in items if item["kind"] == "Node"}
    missing = {name: reason for name, since in started.items() if (reason := _node(nodes.get(name), since))}
    accounts = {item["metadata"]["name"] for item in items if item["kind"] == "ServiceAccount"}
    return missing if "default" in accounts else missing | {"the default ServiceAccount": "not made yet"}


def _node(node: Mapping[str, Any] | None, since: str) -> str:
    if node is None:
        return "not registered yet"
    conditions = {condition["type"]: condition for condition in node["status"].get("conditions", [])}
    ready = conditions.get("Ready", {})
    # After a quick restart the API still shows the Ready of before.
    if _seconds(ready.get("lastHeartbeatTime", "")) < _seconds(since):
        return "no sign of life since its start"
    return "" if ready.get("status") == "True" else str(ready.get("message", "not Ready"))


def _seconds(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp[:19] or "1970-01-01T00:00:00")


def missing(client: docker.DockerClient, layout: Layout) -> dict[str, str]:
    """Look once and say what is missing, by container or node; empty when all is ready."""
    found = find(client, layout.name)
    states = {box.name: _state(found.get(box.name), layout.network) for box in layout.boxes}
    if down := {name: state for name, state in states.items() if state != "running"}:
        return down
    try:
        code, output = found[layout.control.name].exec_run(_LISTING)
        if code:
            return {layout.control.hostname: "the Kubernetes API does not answer yet"}
        started = {box.hostname: str(found[box.name].attrs["State"]["StartedAt"]) for box in layout.nodes}
        return unready(json.loads(output), started)
    except (APIError, json.JSONDecodeError):
        return {layout.control.hostname: "kubectl cannot be run in it"}


def _state(container: Container | None, network: str) -> str:
    if container is None:
        return "missing"
    attached = network in container.attrs["NetworkSettings"]["Networks"]
    return str(container.status) if attached or container.status != "running" else "cut off"


def wait_for_nodes(client: docker.DockerClient, layout: Layout) -> None:
    """Wait until all nodes can run pods.

    Raises:
        Failed: naming the node, what it lacks and its last log lines; at once when a container has ended.
    """
    deadline = time.monotonic() + NODES_SECONDS
    total = len(layout.nodes)
    with step(f"start Kubernetes on {total} nodes") as current:
        while lacking := missing(client, layout):
            name, reason = next(iter(lacking.items()))
            ended = [box for box in layout.boxes if lacking.get(box.name) in {"exited", "dead", "missing"}]
            if ended:
                raise _failure(client, layout, ended[0], "ended while the sandbox came up")
            if time.monotonic() > deadline:
                box = next((box for box in layout.nodes if box.hostname == name), layout.control)
                raise _failure(client, layout, box, f"is not ready after {NODES_SECONDS:.0f} s, {name}: {reason}")
            current.update(f"{total - len(lacking)} ready; {name}: {reason}")
            time.sleep(PAUSE_SECONDS)


def wait_for_registry(client: docker.DockerClient, layout: Layout) -> None:
    """Wait until the registry answers on this machine.

    Raises:
        Failed: with its last log lines when it does not.
    """
    deadline = time.monotonic() + REGISTRY_SECONDS
    port = layout.registry.published[0][1]
    while not answers(port):
        if time.monotonic() > deadline:
            raise _failure(client, layout, layout.registry, f"does not answer on 127.0.0.1:{port}")
        time.sleep(PAUSE_SECONDS)


def answers(port: int) -> bool:
    """Tell whether a registry answers on *port* of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _failure(client: docker.DockerClient, layout: Layout, box: Box, what: str) -> Failed:
    container = find(client, layout.name).get(box.name)
    log = container.logs(tail=50).decode(errors="replace") if container else ""
    return Failed(
        f"the container {box.name} {what}{tail_of(log.splitlines())}",
        "run `invoke sandbox.up` again; docs/internals/sandbox.md tells what a sandbox needs of the machine",
    )
