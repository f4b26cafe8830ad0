"""Looks at a machine from inside, by a pod of a few seconds with the ensemble's own image; changes nothing there."""

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

import yaml

from zkops.config.cluster import Cluster, Machine, Ports
from zkops.core.errors import Failed, ZkopsError
from zkops.ensemble.observed import pod_trouble
from zkops.images.registry import Login
from zkops.kube import causes
from zkops.kube.client import Kube
from zkops.manifests.objects import Object
from zkops.manifests.render import MANIFESTS, pull_secret

T = TypeVar("T")
Read = Callable[[str, float], T | None]
"""Reads what a pod has printed by an operator's time; None where more is to come, ValueError for what no pod says."""

START_SECONDS = 60.0
"""So long may the pods take to report, the pulling of the image included."""

POLL_SECONDS = 0.3
CLOCK_AGE = 0.6
"""Mean age in seconds of what the pod's clock has printed last: whole seconds, cut off, five times a second."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why something could not be found out, and the mend."""

    what: str
    mend: str = ""
    tried: bool = True
    """Whether it was tried at all."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A directory of the description as one machine has it."""

    wanted: str
    nearest: str
    """The directory itself, or the nearest one above it that is there."""
    kind: str
    """What stands at `nearest`, in the words of stat(1): `directory`, `regular file`, `symbolic link` …"""
    owner: str
    """`uid:gid`"""
    mode: str
    """Octal."""
    read_only: bool
    available: int = 0
    """Bytes."""
    size: int = 0
    """Bytes of the whole file system."""
    filesystem: str = ""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one machine says."""

    listeners: Mapping[int, int]
    """TCP port → uid of the process that listens there."""
    places: tuple[Place, ...]
    skew: float
    """Seconds that the machine's clock is ahead of the operator's."""


def directories(cluster: Cluster) -> tuple[str, ...]:
    """Give the member's directories on its machine, as the DaemonSet mounts them."""
    log = cluster.paths.log or cluster.paths.data
    return (f"{cluster.paths.data}/{cluster.name}/data", f"{log}/{cluster.name}/log")


def manifest(cluster: Cluster, machine: Machine, image: str, namespace: str, suffix: str) -> Object:
    """Fit `manifests/doctor.yaml` to one machine."""
    item: Object = deepcopy(yaml.safe_load((MANIFESTS / "doctor.yaml").read_text(encoding="utf-8")))
    item["metadata"] |= {"name": f"{cluster.name}-doctor-{machine.id}-{suffix}", "namespace": namespace}
    item["metadata"]["labels"]["app.kubernetes.io/instance"] = cluster.name
    item["spec"]["nodeName"] = machine.hostname
    item["spec"]["containers"][0] |= {"image": image, "args": list(directories(cluster))}
    # With credentials a secret of its own: the ensemble's comes with the first deploy.
    secret = f"{cluster.name}-doctor" if cluster.registry.credentials else cluster.pull_secret
    if secret:
        item["spec"]["imagePullSecrets"] = [{"name": secret}]
    return item


def parse(text: str, now: float) -> Look | None:
    """Read what the pod printed, *now* being the operator's time; None where it has not printed everything yet.

    Raises:
        ValueError: when a line is none of the pod's.
    """
    lines = [line.split("\t") for line in text.splitlines()]
    clocks = [float(fields[1]) for fields in lines if fields[0] == "clock"]
    if not clocks:
        return None
    space = {fields[1]: fields[2:] for fields in lines if fields[0] == "space"}
    return Look(
        listeners={int(fields[1]): int(fields[2]) for fields in lines if fields[0] == "listen"},
        places=tuple(_place(fields[1:], space.get(fields[1], [])) for fields in lines if fields[0] == "path"),
        skew=clocks[-1] + CLOCK_AGE - now,
    )


def _place(fields: Sequence[str], space: Sequence[str]) -> Place:
    wanted, nearest, kind, owner, mode, options = fields
    available, size, filesystem = space or ("0", "0", "")
    return Place(
        wanted=wanted,
        nearest=nearest,
        kind=kind,
        owner=owner,
        mode=mode,
        read_only="ro" in options.split(","),
        available=int(available),
        size=int(size),
        filesystem=filesystem,
    )


def look(
    cluster: Cluster, kube: Kube, image: str, login: Login | None, machines: Collection[Machine]
) -> Mapping[str, Look | Trouble]:
    """Look at *machines*; hostname → what it says, or why it says nothing. The pods are gone afterwards."""
    pods = {machine.hostname: manifest(cluster, machine, image, kube.namespace, suffix()) for machine in machines}
    return ask(cluster, kube, login, {host: (pod, parse) for host, pod in pods.items()}, START_SECONDS)


def suffix() -> str:
    """Give what makes a pod's name one that was never used."""
    return secrets.token_hex(3)


def ask(
    cluster: Cluster, kube: Kube, login: Login | None, pods: Mapping[str, tuple[Object, Read[T]]], seconds: float
) -> Mapping[str, T | Trouble]:
    """Run a pod on each host and read what it prints, for *seconds* at most; the pods are gone afterwards."""
    sweep(cluster, kube)
    try:
        if login:
            secret = pull_secret(cluster, login.username, login.password)
            secret["metadata"] |= {"name": f"{cluster.name}-doctor", "namespace": kube.namespace}
            secret["metadata"]["labels"] |= {"app.kubernetes.io/name": "zookeeper-doctor"}
            kube.apply(secret)
        return _await({host: (_start(pod, kube), read) for host, (pod, read) in pods.items()}, kube, seconds)
    finally:
        sweep(cluster, kube)


def sweep(cluster: Cluster, kube: Kube) -> None:
    """Remove the pods of this run, or of one that was killed; what cannot be removed now ends by itself."""
    selector = f"app.kubernetes.io/name=zookeeper-doctor,app.kubernetes.io/instance={cluster.name}"
    with suppress(ZkopsError):
        for item in kube.objects("Pod", namespace=kube.namespace, label_selector=selector):
            kube.delete_pod(item["metadata"]["name"], item["spec"]["terminationGracePeriodSeconds"])
        if cluster.registry.credentials:
            name = {"name": f"{cluster.name}-doctor", "namespace": kube.namespace}
            kube.delete({"apiVersion": "v1", "kind": "Secret", "metadata": name})


def _start(item: Object, kube: Kube) -> Object | Trouble:
    try:
        return kube.create(item)
    except Failed as error:
        return Trouble(what=error.what, mend=error.mend)


def _await(
    started: Mapping[str, tuple[Object | Trouble, Read[T]]], kube: Kube, seconds: float
) -> dict[str, T | Trouble]:
    answers: dict[str, T | Trouble] = {host: pod for host, (pod, _) in started.items() if isinstance(pod, Trouble)}
    deadline = time.monotonic() + seconds
    while waiting := {host: item for host, item in started.items() if host not in answers}:
        for host, (pod, read) in waiting.items():
            late = time.monotonic() > deadline
            answer = pod if isinstance(pod, Trouble) else _answer(pod, read, kube, late=late)
            if answer:
                answers[host] = answer
        time.sleep(POLL_SECONDS)
    return answers


def _answer(pod: Object, read: Read[T], kube: Kube, *, late: bool) -> T | Trouble | None:
    name = str(pod["metadata"]["name"])
    try:
        before = time.time()
        text = kube.logs(name, lines=5000)
        answer = read(text, (before + time.time()) / 2)
        return answer or why_silent(kube.get(pod), late=late)
    except ValueError as error:
        return Trouble(what=f"the looking pod said what cannot be read: {error}", mend="report this, it is our defect")
    except Failed as error:
        return Trouble(what=error.what, mend=error.mend) if late else None


def why_silent(pod: Object | None, *, late: bool) -> Trouble | None:
    """Say why a pod reports nothing; None where it may still do so."""
    if pod is None:
        return Trouble(what="the looking pod was removed by somebody", mend="run `invoke doctor` again")
    trouble = pod_trouble(pod)
    if trouble.startswith(("ErrImagePull", "ImagePullBackOff")):
        why = trouble.rpartition("failed to do request: ")[2]
        return Trouble(what=f"the image cannot be pulled: {why}", mend=causes.known([f"pull: {trouble}"], Ports()))
    if pod["status"].get("phase") == "Failed" or "ended with exit code" in trouble or late:
        message = pod["status"].get("message") or trouble or "it is not started"
        return Trouble(what=f"the looking pod does not report: {message}", mend="see `kubectl describe node`")
    return None
