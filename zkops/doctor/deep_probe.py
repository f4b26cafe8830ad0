"""Measures the machines for `invoke doctor --deep`: a pod on each writes to the member's disks for some seconds.

What runs there: `manifests/deep.yaml`, and `zkops.Preflight` in the image.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

import yaml

from zkops.config.cluster import Cluster, Machine
from zkops.doctor import node_probe as nodeprobe
from zkops.doctor.node_probe import Look, Place, Trouble
from zkops.images.registry import Login
from zkops.kube.client import Kube
from zkops.manifests.objects import Object
from zkops.manifests.render import MANIFESTS

SECONDS = 120.0
"""So long may the pods take: 10 s for a snapshot, 8 s for each of two disks, and slow machines."""
CLOCKS = 5
"""So often is the clock read. The reading that took the shortest way counts, which is some 20 ms old then."""
LOG, DATA = "/look/log", "/look/data"
"""Where the pod has the member's directories."""
_OLDER = "Could not find or load main class"


@dataclass(frozen=True, kw_only=True)
class Writes:
    """How long synced writes took on a disk; times in seconds."""

    count: int
    median: float
    slow: float
    """Ninety-nine of a hundred were quicker."""
    longest: float
    late: float
    """How long a process waited for the processor meanwhile, ninety-nine times of a hundred at most."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A snapshot that was looked at."""

    name: str
    size: int
    """Bytes."""
    age: float
    """Seconds."""
    state: str
    """`whole` after its checksum was right, `sealed` where only begin and end were read, else what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Deep:
    """What was measured on one machine; directories are LOG and DATA."""

    image: str
    """The version of ZooKeeper in the image."""
    running: str
    """The version of the server on the client port, empty where none tells one."""
    files: int | None
    """How many files a container may open, None without a limit."""
    memory: int
    """Bytes that the machine has free for processes now."""
    swap: int
    """Bytes of swap space that a container may use."""
    clock_kept: bool | None
    """Whether something keeps the clock right, such as NTP; None where the machine does not tell."""
    skew: float
    """Seconds that the machine's clock is ahead of the operator's; as right for all machines as for one."""
    inodes: Mapping[str, tuple[int, int]]
    """Directory → how many are free, how many there are (0: as many as wanted); of two on one disk only LOG."""
    writes: Mapping[str, Writes]
    """Directory → what was measured, likewise."""
    unwritten: Mapping[str, str]
    """Directory → why nothing was measured."""
    snapshots: tuple[Snapshot, ...] = ()
    """From the newest on, up to the first good one."""
    kept: int = 0
    """Snapshots there are."""
    ages: tuple[float, ...] = ()
    """Seconds, of the oldest hundred snapshots, oldest first."""
    logs: int = 0
    """Transaction logs there are."""
    size: int = 0
    """Bytes of snapshots and logs."""


def manifest(cluster: Cluster, machine: Machine, image: str, namespace: str, places: Sequence[Place]) -> Object:
    """Fit `manifests/deep.yaml` to one machine, whose data and log directory are *places*; one of them is usable."""
    item = nodeprobe.manifest(cluster, machine, image, namespace, nodeprobe.suffix())
    own: Object = deepcopy(yaml.safe_load((MANIFESTS / "deep.yaml").read_text(encoding="utf-8")))
    spec, container = own["spec"], own["spec"]["containers"][0]
    spec |= {key: item["spec"][key] for key in ("nodeName", "imagePullSecrets") if key in item["spec"]}
    found = {name: place for name, place in zip((DATA, LOG), places, strict=True) if usable(place)}
    # Nothing of others is judged: what stands above the member's directory is not its own.
    files = {name: f"{name}/version-2" if name in found and own_directory(found[name]) else "" for name in (DATA, LOG)}
    disks = [name for name in (LOG, DATA) if name in found]
    container |= {"image": image, "args": [files[DATA], files[LOG], str(cluster.ports.client), *disks]}
    container["volumeMounts"] = [mount for mount in container["volumeMounts"] if mount["mountPath"] in found]
    spec["volumes"] = [volume for volume in spec["volumes"] if f"/look/{volume['name']}" in found]
    for volume in spec["volumes"]:
        volume["hostPath"]["path"] = found[f"/look/{volume['name']}"].nearest
    return own | {"metadata": item["metadata"]}


def usable(place: Place) -> bool:
    """Whether something can be written there, or above it before the first deploy."""
    return place.kind == "directory" and not place.read_only


def own_directory(place: Place) -> bool:
    """Whether it is the member's directory itself."""
    return place.nearest == place.wanted


def look(
    cluster: Cluster, kube: Kube, image: str, login: Login | None, looks: Mapping[Machine, Look]
) -> Mapping[str, Deep | Trouble]:
    """Measure on the machines of *looks*; hostname → what was found, or why nothing. The pods are gone afterwards."""
    pods = {
        machine.hostname: (manifest(cluster, machine, image, kube.namespace, seen.places), Reader())
        for machine, seen in looks.items()
        if any(map(usable, seen.places))
    }
    nowhere = Trouble(what="need a directory that can be written, see the check of the disk", tried=False)
    none = {machine.hostname: nowhere for machine in looks if machine.hostname not in pods}
    return {**none, **nodeprobe.ask(cluster, kube, login, pods, SECONDS)} if pods else none


@dataclass
class Reader:
    """Reads a pod's output again and again, until its clock was read often enough."""

    skews: list[float] = field(default_factory=list)

    def __call__(self, text: str, now: float) -> Deep | Trouble | None:
        """Give what the pod printed by *now*, with the best reading of its clock; None where more is to come."""
        if _OLDER in text:
            return Trouble(what="the image is older than this check", mend="run `invoke build push`")
        found = parse(text, now)
        if found is None:
            return None
        self.skews.append(found.skew)
        # What is printed arrives late, never early.
        return replace(found, skew=max(self.skews)) if len(self.skews) >= CLOCKS else None


def parse(text: str, now: float) -> Deep | None:
    """Read what the pod printed, *now* being the operator's time; None where it has not printed everything yet.

    Raises:
        ValueError: when a line is none of the pod's.
    """
    lines = [line.split("\t") for line in text.splitlines()]
    clocks = [float(fields[1]) / 1000 for fields in lines if fields[0] == "clock"]
    if not clocks:
        return None
    one = {fields[0]: fields[1:] for fields in lines}
    memory = {fields[1]: int(fields[2]) * 1024 for fields in lines if fields[0] == "memory"}
    kept, logs = one.get("kept", ["0", "0", ""]), one.get("logs", ["0", "0"])
    return Deep(
        image=one["image"][0] if "image" in one else "",
        running=one["running"][0] if "running" in one else "",
        files=None if (files := one.get("files", ["unlimited"])[0]) == "unlimited" else int(files),
        memory=memory.get("MemAvailable:", 0),
        swap=_swap(memory.get("SwapTotal:", 0), one.get("swap", ["max"])[0]),
        clock_kept=one["kept-clock"][0] == "1" if "kept-clock" in one else None,
        skew=clocks[-1] - now,
        inodes={fields[1]: (int(fields[2]), int(fields[3])) for fields in lines if fields[0] == "inodes"},
        writes={fields[1]: _writes(fields[2:]) for fields in lines if fields[0] == "fsync"},
        unwritten={fields[1]: fields[2] for fields in lines if fields[0] == "unsynced"},
        snapshots=tuple(_snapshot(fields[1:]) for fields in lines if fields[0] == "snapshot"),
        kept=int(kept[0]),
        ages=tuple(float(age) for age in kept[2].split(",") if age),
        logs=int(logs[0]),
        size=int(kept[1]) + int(logs[1]),
    )


def _swap(there: int, allowed: str) -> int:
    return there if allowed == "max" else min(there, int(allowed))


def _writes(fields: Sequence[str]) -> Writes:
    count, *micros = map(int, fields)
    median, slow, longest, late = (each / 1e6 for each in micros)
    return Writes(count=count, median=median, slow=slow, longest=longest, late=late)


def _snapshot(fields: Sequence[str]) -> Snapshot:
    name, size, age, state = fields
    return Snapshot(name=name, size=int(size), age=float(age), state=state)
