"""The same change rolled three ways through a running ensemble: by us, by a plain DaemonSet, and highest id first.

The second is `updateStrategy: RollingUpdate` with one pod at a time, the third what a StatefulSet does: the highest
ordinal first, each pod ready before the next. All three have our image, our probes and our settings; only who is
restarted when, and how, differs.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

import sandbox
from tests.bench.clock import Clock
from tests.bench.images import Images
from tests.cluster.conftest import DESCRIPTION, Pipeline
from tests.support.kubernetes_version import sandbox_section
from tests.support.measuring.disk import Disk
from tests.support.measuring.lab import Lab
from tests.support.measuring.measures import OURS, PEER, Samples, longest_gap
from tests.support.measuring.writer import Writer
from tests.support.waiting import until
from zkops.config.loader import load
from zkops.ensemble.observed import Member, whole
from zkops.kube.observe import observe_members

NAME, NET = "roll", 86
GAP, ROLL = "longest write gap", "whole roll"
BOUND = 300.0
"""Seconds within which a roll is over."""
AFTER = 2.0
"""Seconds of writing after it."""

Roll = Callable[["Rolled", int], None]


class Rolled(Pipeline):
    """The ensemble that changes are rolled through."""

    @property
    def hosts(self) -> list[str]:
        return [machine.ip for machine in self.cluster.machines]

    def daemonset(self) -> dict[str, Any]:
        found = self.kube.get({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": self._named()})
        assert found
        return found

    def change(self, number: int, strategy: dict[str, Any]) -> None:
        """Change the pods' template, as a new configuration does, and how Kubernetes is to roll it."""
        live = self.daemonset()
        live["spec"]["template"]["metadata"].setdefault("annotations", {})["bench/round"] = str(number)
        live["spec"]["updateStrategy"] = strategy
        assert self.kube.replace(live), "somebody else changed the DaemonSet"

    def members(self) -> tuple[Member, ...]:
        return observe_members(self.cluster, self.kube)

    def settle(self) -> None:
        until(lambda: whole(self.members()), "all members new and serving", BOUND, pause=0.3)

    def _named(self) -> dict[str, str]:
        return {"name": self.cluster.name, "namespace": self.kube.namespace}


def ours(rolled: Rolled, number: int) -> None:
    """`invoke deploy` of a changed setting."""
    file = rolled.directory / "cluster.yaml"
    described = yaml.safe_load(file.read_text()) | {"zoo_cfg": {"autopurge.snapRetainCount": 3 + number}}
    file.write_text(yaml.safe_dump(described))
    rolled.ok("deploy")


def rolling_update(rolled: Rolled, number: int) -> None:
    """A DaemonSet's own way: any order, ready is enough."""
    rolled.change(number, {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}})
    rolled.settle()


def highest_first(rolled: Rolled, number: int) -> None:
    """A StatefulSet's way."""
    rolled.change(number, {"type": "OnDelete"})
    for host in sorted((machine.hostname for machine in rolled.cluster.machines), reverse=True):
        _replace(host, rolled)


def _replace(host: str, rolled: Rolled) -> None:
    before = _of(host, rolled)
    assert before.pod
    rolled.kube.delete_pod(before.pod["metadata"]["name"])
    until(lambda: _new_and_ready(_of(host, rolled), before.uid), f"{host} ready", BOUND, pause=0.3)


def _of(host: str, rolled: Rolled) -> Member:
    return next(member for member in rolled.members() if member.machine.hostname == host)


def _new_and_ready(member: Member, old: str) -> bool:
    return member.uid not in {"", old} and member.pod_ready


WAYS = {"ours": ours, "RollingUpdate": rolling_update, "highest id first": highest_first}


def measure(_lab: Lab, _images: Images, clock: Clock) -> Samples:
    """Roll a change each way in turn, with clients that write all along."""
    samples = Samples("rolling a change through three members")
    with _running() as rolled:
        for number in clock.rounds("changes", 3, 1, share=0.4):
            for place, (way, roll) in enumerate(WAYS.items()):
                for what, value in _rolled(rolled, roll, 10 * number + place).items():
                    _add(samples, way, what, value)
    return samples


def _add(samples: Samples, way: str, what: str, value: float) -> None:
    unit = "" if what == "elections" else "s"
    others = [other for other in WAYS if other != "ours"] if way == "ours" else [way]
    for other in others:
        short = f"{what}, change of three members: {other}" if what in {GAP, ROLL} else ""
        name = f"{what}: {other}, ours"
        samples.add(OURS if way == "ours" else PEER, name, unit, value, headline=short)


@contextmanager
def _running() -> Iterator[Rolled]:
    """Give an ensemble of three in a sandbox of its own; all goes at the end."""
    machines = [{"hostname": f"{NAME}-{n}", "ip": f"172.31.{NET}.{10 + n}", "id": n} for n in (1, 2, 3)]
    described = DESCRIPTION | {
        "name": NAME,
        "machines": machines,
        "registry": {"domain": f"127.0.0.1:250{NET}", "plain_http": True},
        "sandbox": sandbox_section(int(f"264{NET}")),
    }
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "cluster.yaml").write_text(yaml.safe_dump(described))
        cluster = load(Path(directory))
        sandbox.down(cluster)  # a former run may have been ended in its midst
        try:
            sandbox.up(cluster)
            rolled = Rolled(Path(directory))
            rolled.ok("build", "push", "deploy")
            yield rolled
        finally:
            sandbox.down(cluster)


def _rolled(rolled: Rolled, roll: Roll, number: int) -> dict[str, float]:
    """Roll once; give the longest gap of any of three clients, how long it took, and how often leaders changed.

    A gap may be the disk's doing: all members and Kubernetes share one here. So its slowest fsync is told, too.
    """
    rolled.settle()
    before = _epoch(rolled)
    writers = [Writer(f"changes-{n}", rolled.hosts[n:] + rolled.hosts[:n]) for n in range(len(rolled.hosts))]
    with ExitStack() as stack:
        for writer in writers:
            stack.callback(writer.end)
            writer.begin()
        disk = Disk()
        stack.callback(disk.end)
        disk.start()
        begin = time.monotonic()
        roll(rolled, number)
        rolled.settle()
        over = time.monotonic()
        until(lambda: all(w.wrote_since(over + AFTER) for w in writers), "writes go on", BOUND, pause=0.05)
        end = time.monotonic()
        gap = max(longest_gap(writer.acknowledged, begin, end) for writer in writers)
    elections = float(_epoch(rolled) - before)
    return {GAP: gap, ROLL: over - begin, "slowest fsync of the disk meanwhile": disk.slowest, "elections": elections}


def _epoch(rolled: Rolled) -> int:
    return max(member.server.epoch or 0 for member in rolled.members() if member.server)
