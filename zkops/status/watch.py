"""`status --watch`: asks the members and Kubernetes all along, and shows what they tell.

One thread a member and one for Kubernetes: who is slow holds up nobody else, and never the view.
"""

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from threading import Event, Thread
from types import FrameType

from rich.console import Console
from rich.live import Live

from zkops.config.cluster import Cluster, Machine
from zkops.core.errors import BadInput, ZkopsError
from zkops.ensemble.summary import Status, status
from zkops.kube import observe
from zkops.kube import tunnel as forward
from zkops.kube.client import Kube
from zkops.status import scrape
from zkops.status.ensemble import Scene, ensemble, member_json
from zkops.status.sample import Reading
from zkops.status.view import View
from zkops.status.vitals import Moment

KEPT = 60
"""Readings of a member that are kept."""
DRAWN_SECONDS = 0.5
KUBERNETES_SECONDS = 2.0
"""Least time between two looks at Kubernetes."""
PIPED_WIDTH = 500


class Feed:
    """Asks all along in threads of its own; what they learn is picked up by `scene`."""

    def __init__(self, cluster: Cluster, interval: float, connect: Callable[[Cluster], Kube] = Kube) -> None:
        self._cluster, self._interval, self._connect = cluster, interval, connect
        self._kube: Kube | None = None
        self._members = scrape.unseen(cluster)
        self._seen = 0.0
        self._trouble = ""
        self._fatal: BaseException | None = None
        self._readings: dict[int, tuple[Reading, ...]] = {machine.id: () for machine in cluster.machines}
        self._looked, self._over = Event(), Event()

    def start(self) -> None:
        """Begin."""
        for machine in self._cluster.machines:
            self._run(self._ask, machine)
        self._run(self._look)

    def stop(self) -> None:
        """End as soon as each has its answer; nobody waits for that."""
        self._over.set()

    def asked(self) -> bool:
        """Whether Kubernetes has told, or failed to, and every member was asked twice: rates need two readings."""
        return bool(self._seen or self._trouble) and all(len(told) > 1 for told in self._readings.values())

    def scene(self) -> Scene:
        """Give what is known now.

        Raises:
            ZkopsError: what no waiting will mend, such as a kubeconfig that cannot be read.
        """
        if self._fatal:
            raise self._fatal
        return Scene(
            name=self._cluster.name,
            members=self._members,
            readings=dict(self._readings),
            moment=Moment(now=time.monotonic(), interval=self._interval, kubernetes=bool(self._seen)),
            trouble=self._trouble_words(),
        )

    def _trouble_words(self) -> str:
        if not self._trouble:
            return ""
        then = f"; nodes, pods and restarts are of {time.monotonic() - self._seen:.0f} s ago" if self._seen else ""
        return f"Kubernetes: {self._trouble}{then}; waiting for it"

    def _run(self, body: Callable[..., None], *arguments: object) -> None:
        def guarded() -> None:
            try:
                body(*arguments)
            except BaseException as error:  # raised again where it is seen
                self._fatal = error

        # Daemons: one that waits for a lost machine must not hold up the end.
        Thread(target=guarded, daemon=True).start()

    def _ask(self, machine: Machine) -> None:
        station = scrape.Station(self._cluster, machine)
        place = self._cluster.machines.index(machine)
        # Kubernetes knows the way to those that are not reached directly; it may be gone, too.
        self._looked.wait(KUBERNETES_SECONDS)
        while not self._over.is_set():
            reading = station.read(scrape.way(self._members[place], self._kube))
            self._readings[machine.id] = (*self._readings[machine.id], reading)[-KEPT:]
            # On the same beat as the others: figures of different members are then of the same time.
            self._over.wait(self._interval - time.monotonic() % self._interval)
        station.close()

    def _look(self) -> None:
        while not self._over.is_set():
            try:
                kube = self._kube or self._connect(self._cluster)
                members = scrape.look(self._cluster, kube)
            except BadInput:
                raise
            except ZkopsError as error:
                self._trouble = error.what
            else:
                self._kube, self._members, self._seen, self._trouble = kube, members, time.monotonic(), ""
            self._looked.set()
            self._over.wait(max(self._interval, KUBERNETES_SECONDS))


@contextmanager
def feeding(cluster: Cluster, interval: float, connect: Callable[[Cluster], Kube] = Kube) -> Iterator[Feed]:
    """Ask all along meanwhile."""
    feed = Feed(cluster, interval, connect)
    with forward.quiet():
        feed.start()
        try:
            yield feed
        finally:
            feed.stop()


def watch(cluster: Cluster, interval: float, connect: Callable[[Cluster], Kube] = Kube) -> None:
    """Show the ensemble until Ctrl-C, which is its normal end; without a terminal show it once, as text."""
    out = Console(highlight=False)
    with feeding(cluster, interval, connect) as feed:
        if not out.is_terminal or out.is_dumb_terminal:
            _print_once(feed, out if out.is_terminal else Console(highlight=False, width=PIPED_WIDTH))
            return
        with _ended_by_kill(), suppress(KeyboardInterrupt):
            _draw(feed, out)
        # The whole screen was ours, and what was there before is back: leave the last look as well.
        out.print(_view(feed))


def _draw(feed: Feed, out: Console) -> None:
    with Live(console=out, screen=True, auto_refresh=False) as live:
        while True:
            live.update(_view(feed, "Ctrl-C ends"), refresh=True)
            time.sleep(DRAWN_SECONDS)


def _print_once(feed: Feed, out: Console) -> None:
    while not feed.asked():
        feed.scene()
        time.sleep(0.1)
    out.print(_view(feed))


def _view(feed: Feed, hint: str = "") -> View:
    return View(ensemble=ensemble(feed.scene()), clock=time.strftime("%H:%M:%S"), hint=hint)


@contextmanager
def _ended_by_kill() -> Iterator[None]:
    """Give the terminal back as it was also when we are told to end: by default Python ends without another word."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    former = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def report(cluster: Cluster, interval: float) -> dict[str, object]:
    """Give the state of the ensemble as plain data: what `status` shows, and the figures of all members.

    Raises:
        Failed: Kubernetes does not answer.
    """
    kube = Kube(cluster)
    stations = [scrape.Station(cluster, machine) for machine in cluster.machines]
    with forward.quiet():
        members = scrape.look(cluster, kube)
        # Before the readings, between which a member's requests are counted: what this asks is none of its clients'.
        shown = status(cluster, observe.observe_members(cluster, kube))
        begun = time.monotonic()
        first = scrape.once(stations, members, kube)
        time.sleep(max(0.0, begun + interval - time.monotonic()))
        second = scrape.once(stations, members, kube)
        for station in stations:
            station.close()
    # Whoever hung made its round long: the others are as fresh as they were when they answered.
    moment = Moment(now=min(reading.at for reading in second.values()), interval=interval)
    readings = {number: (first[number], second[number]) for number in second}
    return merged(shown, Scene(name=cluster.name, members=members, readings=readings, moment=moment))


def merged(shown: Status, scene: Scene) -> dict[str, object]:
    """Add the figures to what `status` tells; its own keys stay as they are."""
    now = ensemble(scene)
    figures = {found.id: member_json(found) for found in now.members}
    rows = [figures[row.server] | asdict(row) for row in shown.members]
    return now.as_json() | shown.as_json() | {"members": rows}


def interval(text: str) -> float:
    """Read how many seconds lie between two readings.

    Raises:
        BadInput: it is no number from 0.5 to 60.
    """
    if re.fullmatch(r"[0-9]{1,2}([.][0-9]{1,3})?", text) and 0.5 <= float(text) <= 60:
        return float(text)
    raise BadInput(f"--interval: {text!r} is no number of seconds from 0.5 to 60", "write it such as --interval 2")
