"""Records what the tests and the docs show, from a real ensemble: `python -m tests.support.screenshots IMAGE`.

It starts three members in containers, lets clients write and read, and writes:

- `docs/pictures/status-watch*.svg`: the live view of `invoke status --watch`, narrow and wide, and with a member lost
- `tests/support/fakes/pages/`: what a leader, a follower and a server without a quorum answer to `srvr` and on /metrics
"""

import io
import re
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import docker
from kazoo.client import KazooClient
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from tests.support import factories
from tests.support.measuring.lab import Member, lab
from tests.support.waiting import until
from zkops import ROOT
from zkops.config import loader as config
from zkops.config.cluster import Cluster
from zkops.ensemble.observed import Member as Observed
from zkops.status import scrape
from zkops.status.ensemble import Ensemble, Scene, ensemble
from zkops.status.sample import Reading
from zkops.status.view import View
from zkops.status.vitals import Moment

PICTURES = ROOT / "docs" / "pictures"
PAGES = ROOT / "tests" / "support" / "fakes" / "pages"
SECONDS = 30
SVG = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Without the fonts that rich's own template fetches from the network."""


def main(image: str) -> None:
    """Record everything."""
    with lab(docker.from_env(), "zkops-pictures") as place, place.running(image, {}, 3) as members:
        described = _described(members)
        with _load(members):
            whole = _watched(described, members, SECONDS)
            _pages(members)
        _picture(whole, "status-watch", 80)
        _picture(whole, "status-watch-wide", 250)
        _one_less(described, members)


def _described(members: Sequence[Member]) -> Cluster:
    """Give the shipped description with the containers as its machines."""
    shipped = config.load(ROOT / "cluster.yaml")
    pairs = zip(shipped.machines, members, strict=True)
    machines = tuple(machine.model_copy(update={"ip": member.address}) for machine, member in pairs)
    return shipped.model_copy(update={"machines": machines})


@contextmanager
def _load(members: Sequence[Member]) -> Iterator[None]:
    """Let clients read and write, more and less by turns, on every member."""
    over = threading.Event()
    threads = [threading.Thread(target=_client, args=(member, n, over)) for n, member in enumerate(members)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _client(member: Member, number: int, over: threading.Event) -> None:
    client = KazooClient(hosts=f"{member.address}:2181")
    client.start()
    path = f"/load-{number}"
    client.ensure_path(path)
    count = 0
    while not over.is_set():
        count += 1
        client.create(f"{path}/n-", b"x" * 100, sequence=True)
        client.get_children(path, watch=lambda _event: None)
        client.set(path, b"y" * 200)
        over.wait(0.004 * (1 + (count // 300 + number) % 4))
    client.stop()
    client.close()


def _watched(described: Cluster, members: Sequence[Member], seconds: int) -> Ensemble:
    """Read all members once a second, and put the readings together as the live view does."""
    stations = [scrape.Station(described, machine) for machine in described.machines]
    seen = [
        Observed(machine=machine, node_ready=True, label=None, pod=_pod(member, machine.hostname), server=None)
        for machine, member in zip(described.machines, members, strict=True)
    ]
    readings: dict[int, list[Reading]] = {machine.id: [] for machine in described.machines}
    for _ in range(seconds):
        for key, reading in scrape.once(stations, seen, None).items():
            readings[key].append(reading)
        time.sleep(1 - time.monotonic() % 1)
    moment = Moment(now=time.monotonic(), interval=1)
    return ensemble(Scene(name=described.name, members=tuple(seen), readings=readings, moment=moment))


def _pod(member: Member, hostname: str) -> dict[str, object]:
    """What Kubernetes would tell of a container: its image and its restarts are the container's own."""
    member.container.reload()
    image = str(member.container.attrs["Image"])
    return factories.pod(hostname, f"zookeeper@{image}", restartCount=member.container.attrs["RestartCount"])


def _picture(now: Ensemble, name: str, width: int) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    out = Console(record=True, width=width, force_terminal=True, color_system="truecolor", file=io.StringIO())
    out.print(View(ensemble=now, clock="14:03:12", hint="Ctrl-C ends"))
    out.save_svg(str(PICTURES / f"{name}.svg"), title="invoke status --watch", code_format=SVG)


def _pages(members: Sequence[Member]) -> None:
    modes = [member.mode() for member in members]
    for kind in ("leader", "follower"):
        _record(members[modes.index(kind)], kind)


def _record(member: Member, kind: str) -> None:
    PAGES.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(f"http://{member.address}:7000/metrics", timeout=10) as page:
        (PAGES / f"{kind}.metrics").write_bytes(page.read())
    (PAGES / f"{kind}.srvr").write_text(member.ask("srvr"), encoding="utf-8")


def _one_less(described: Cluster, members: Sequence[Member]) -> None:
    """Stop followers: first one, for a picture of it, then another, for the page of a server without a quorum."""
    followers = [member for member in members if member.mode() == "follower"]
    leader = next(member for member in members if member not in followers)
    followers[0].container.stop(timeout=10)
    _picture(_watched(described, members, 8), "status-watch-lost", 80)
    followers[1].container.stop(timeout=10)
    until(lambda: "not currently serving" in leader.ask("srvr"), "a server without a quorum", 60)
    _record(leader, "looking")


if __name__ == "__main__":
    main(sys.argv[1])
