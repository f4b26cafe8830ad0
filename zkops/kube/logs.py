"""`logs`: what one member or all wrote, merged by the time at which Kubernetes took each line."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from zkops.config.cluster import Cluster, Machine
from zkops.core import console
from zkops.core.errors import BadInput, Failed
from zkops.ensemble.observed import newest_by_node, pod_trouble
from zkops.kube.client import Kube
from zkops.manifests.objects import Object

DEFAULT_LINES = 100
GATHER_SECONDS = 0.3
"""How long lines of several members are gathered while following, to print them in order."""
AGAIN_SECONDS = 2.0

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which lines are wanted."""

    since: int | None = None
    """Only those of the last seconds."""
    lines: int | None = None
    """Only the last ones of each member."""
    previous: bool = False
    """Those of the run before the last restart of the container."""

    def options(self) -> dict[str, Any]:
        """Give the options of the API."""
        named = {"since_seconds": self.since, "tail_lines": self.lines, "previous": self.previous}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of one member."""

    time: datetime
    host: str
    text: str


def wanted(since: str, lines: str, *, previous: bool = False, follow: bool = False) -> Wanted:
    """Read the command line: the last 100 lines of each member, where neither *since* nor *lines* is given."""
    if follow and previous:
        raise BadInput("--follow and --previous exclude each other: a run that ended says nothing new", "give one")
    if lines and not re.fullmatch(r"0*[1-9][0-9]{0,6}", lines, re.ASCII):
        raise BadInput(f"--lines: {lines!r} is no number of lines", "write a whole number above 0, such as --lines 50")
    count = int(lines) if lines else None if since else DEFAULT_LINES
    return Wanted(since=span(since) if since else None, lines=count, previous=previous)


def span(text: str) -> int:
    """Read a span of time such as `90s`, `10m` or `1h30m` as seconds."""
    parts = re.findall(r"(\d{1,6})([dhms])", text, re.ASCII)
    if not parts or "".join(number + unit for number, unit in parts) != text or not any(int(n) for n, _ in parts):
        raise BadInput(f"--since: {text!r} is no span of time", "write numbers with d, h, m or s, such as 10m or 1h30m")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def parse(host: str, raw: str) -> Line:
    """Take the time off the front of a line, as the API put it there."""
    stamp, _, text = raw.partition(" ")
    try:
        return Line(time=datetime.fromisoformat(stamp), host=host, text=text)
    except ValueError:  # the node's own words, such as that a file is gone
        return Line(time=_BEGINNING, host=host, text=raw)


def merge(lines: Iterable[Line]) -> list[Line]:
    """Put lines in order of time; those of one member stay in their order where times are equal."""
    return sorted(lines, key=lambda line: line.time)


def shown(machines: Sequence[Machine]) -> Callable[[Line], str]:
    """Give how a line is printed: begun with its host where there are several."""
    width = max(len(machine.hostname) for machine in machines)
    return lambda line: line.text if len(machines) == 1 else f"{line.host:<{width}}  {line.text}"


def read(cluster: Cluster, machines: Sequence[Machine], kube: Kube, choice: Wanted) -> Iterator[str]:
    """Yield the lines of *machines* in order, as they are printed.

    Raises:
        Failed: no member runs, or none of them can be read.
    """
    pods = _pods(cluster, machines, kube)
    lines: list[Line] = []
    errors: list[Failed] = []
    for host, pod in pods.items():
        try:
            found = [parse(host, raw) for raw in _raw(pod, kube, choice.options())]
        except Failed as error:
            errors.append(error)
            console.warn(f"{host}: {error.what}")
            continue
        if not found:
            console.say(f"{host}: no such lines")
        lines += found
    if errors and len(errors) == len(pods):
        raise errors[0]
    yield from map(shown(machines), merge(lines))


def follow(cluster: Cluster, machines: Sequence[Machine], kube: Kube, choice: Wanted) -> Iterator[str]:
    """Yield lines as they come, also of pods that replace others, until interrupted, which is its normal end."""
    _pods(cluster, machines, kube)
    queue: SimpleQueue[Line] = SimpleQueue()
    for machine in machines:
        Thread(target=_tail, args=(cluster, machine, kube, choice, queue), daemon=True).start()
    with suppress(KeyboardInterrupt):
        while True:
            batch = [queue.get()]
            time.sleep(GATHER_SECONDS)
            yield from map(shown(machines), merge([*batch, *_drain(queue)]))


def _drain(queue: SimpleQueue[Line]) -> Iterator[Line]:
    try:
        while True:
            yield queue.get_nowait()
    except Empty:
        return


def _tail(cluster: Cluster, machine: Machine, kube: Kube, choice: Wanted, queue: SimpleQueue[Line]) -> None:
    """Follow one machine's member; when its log ends, go on with that of the pod that comes next."""
    options = choice.options()
    last, told = _BEGINNING, ""
    while True:
        resumed = last
        try:
            pod = newest_by_node(kube.pods(cluster.name)).get(machine.hostname)
            for raw in _raw(pod, kube, options | {"follow": True}) if pod else ():
                line = parse(machine.hostname, raw)
                # What was there before the interruption was printed before it.
                if line.time > resumed or resumed == _BEGINNING:
                    queue.put(line)
                    last = max(last, line.time)
        except Failed as error:
            if error.what != told:  # once, not every two seconds
                console.warn(f"{machine.hostname}: {error.what}")
            told = error.what
        time.sleep(AGAIN_SECONDS)
        if last != _BEGINNING:
            options = {"since_seconds": _seconds_since(last)}


def _seconds_since(moment: datetime) -> int:
    """Count generously: clocks differ, and what comes twice is left out."""
    return max(1, int((datetime.now(UTC) - moment + timedelta(minutes=1)).total_seconds()))


def _raw(pod: Object, kube: Kube, options: dict[str, Any]) -> Iterator[str]:
    container = "prepare-data" if pod_trouble(pod).startswith("prepare-data") else "zookeeper"
    return kube.log_lines(str(pod["metadata"]["name"]), container=container, **options)


def _pods(cluster: Cluster, machines: Sequence[Machine], kube: Kube) -> dict[str, Object]:
    found = newest_by_node(kube.pods(cluster.name))
    pods = {machine.hostname: found[machine.hostname] for machine in machines if machine.hostname in found}
    if not pods:
        raise Failed(f"no member of {cluster.name} that was asked for has a pod", "see `invoke status`")
    for machine in machines:
        if machine.hostname not in pods:
            console.say(f"{machine.hostname}: no pod")
    return pods
