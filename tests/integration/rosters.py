"""Members that a roster tells who they are, as in Kubernetes: each with disks that a test may wipe or swap."""

import base64
import hashlib
import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss
from testcontainers.core.network import Network

from tests.support.waiting import eventually
from zkops.images import docker as engine
from zkops.manifests.roster import Roster
from zkops.zookeeper.membership import Membership, Role, Seat, parse_membership

from .servers import Server, client, container

PASSWORD = "only a test's"
DIGEST = "super:" + base64.b64encode(hashlib.sha1(f"super:{PASSWORD}".encode()).digest()).decode()  # noqa: S324
ZOO_CFG = """dataDir=/data
dataLogDir=/datalog
tickTime=500
initLimit=10
syncLimit=4
reconfigEnabled=true
standaloneEnabled=false
admin.enableServer=false
4lw.commands.whitelist=srvr,mntr,conf
"""


def seat(number: int, name: str = "", role: Role = "participant") -> Seat:
    """Give the seat of a member; its address is its name on the network."""
    return Seat(id=number, ip=name or f"zoo{number}", quorum=2888, election=3888, client=2181, role=role)


def founding(*numbers: int) -> Roster:
    """Give the roster of an ensemble that is about to be formed."""
    seats = tuple(map(seat, numbers))
    return Roster(hosts={s.ip: s for s in seats}, membership=Membership(seats=seats), founders=numbers)


@dataclass
class Site:
    """Machines in one network, with their disks in one directory."""

    image: str
    directory: Path
    network: Network
    running: dict[int, Server] = field(default_factory=dict)

    def write(self, roster: Roster) -> None:
        """Hand the roster to all machines, as Kubernetes does with its ConfigMap."""
        (self.directory / "ensemble").mkdir(exist_ok=True)
        for name, text in roster.data().items():
            (self.directory / "ensemble" / name).write_text(text)

    def launch(self, number: int, name: str = "", **env: str) -> Server:
        """Start a machine's server in a new container, on the disks that the machine has."""
        self.end(number)
        name = name or f"zoo{number}"
        given = {"NODE_NAME": name, "ZOO_ENSEMBLE": "test/demo", "ZOO_SUPER_DIGEST_FILE": "/super/digest"} | env
        made = container(self.image, given, network=self.network, network_aliases=[name])
        disks = {f"m{number}/data": "/data", f"m{number}/log": "/datalog"}
        for part, target in disks.items():
            (self.directory / part).mkdir(parents=True, exist_ok=True)
            (self.directory / part).chmod(0o777)
            made = made.with_volume_mapping(self.directory / part, target, "rw")
        for part in ("conf", "ensemble", "super"):
            made = made.with_volume_mapping(self.directory / part, f"/{part}", "ro")
        self.running[number] = Server(made)
        made.start()
        return self.running[number]

    def end(self, *numbers: int) -> None:
        """Take machines' containers away; their disks stay."""
        for number in numbers:
            if number in self.running:
                self.running.pop(number).container.stop()

    def start(self, *numbers: int) -> None:
        """Start machines' servers, each in a new container, and wait until all of them serve."""
        for number in numbers:
            self.launch(number)
        self.wait_for(*numbers)

    def wait_for(self, *numbers: int) -> None:
        """Wait until these members serve."""
        for number in numbers:
            eventually(self.running[number].is_ready)

    def form(self, *numbers: int) -> Membership:
        """Form a new ensemble, and note it in the roster as the tool does: from then on nobody begins without data."""
        roster = founding(*numbers)
        self.write(roster)
        self.start(*numbers)
        with self.client() as zookeeper:
            formed = eventually(lambda: self._newer(zookeeper, roster.membership))
        self.write_known(formed)
        return formed

    def write_known(self, membership: Membership, *others: Seat) -> None:
        """Note in the roster what the members agreed on, and seats that machines are to have beside it."""
        hosts = {one.ip: one for one in (*membership.seats, *others)}
        self.write(Roster(hosts=hosts, membership=membership))

    def membership(self, *numbers: int) -> Membership:
        """Read what one of the servers holds for the membership."""
        with self.client(*numbers) as zookeeper:
            return parse_membership(zookeeper.get("/zookeeper/config")[0].decode())

    @contextmanager
    def client(self, *numbers: int) -> Iterator[KazooClient]:
        """Give a client of these members, or of all."""
        with client(*(self.running[number] for number in numbers or self.running)) as zookeeper:
            zookeeper.add_auth("digest", f"super:{PASSWORD}")
            yield zookeeper

    def enter(self, joining: Seat, *by: int) -> Membership:
        """Give a member its seat, by one of the members named."""
        return self._change(by, joining=str(joining), leaving=None)

    def leave(self, number: int, *by: int) -> Membership:
        """Take a member's seat away, by one of the members named."""
        return self._change(by, joining=None, leaving=str(number))

    def _change(self, by: tuple[int, ...], *, joining: str | None, leaving: str | None) -> Membership:
        before = self.membership(*by)
        with self.client(*by) as zookeeper:
            # The leader that leaves takes its connections with it, the answer among them: the result is read.
            with suppress(ConnectionLoss):
                zookeeper.reconfig(joining, leaving, None)
            return eventually(lambda: self._newer(zookeeper, before))

    @staticmethod
    def _newer(zookeeper: KazooClient, before: Membership) -> Membership | None:
        found = parse_membership(zookeeper.retry(zookeeper.get, "/zookeeper/config")[0].decode())
        return found if found.version > before.version else None

    def add(self, path: str, *by: int, count: int = 20) -> set[str]:
        """Write *count* znodes below a path, and give the names of those that were acknowledged."""
        with self.client(*by) as zookeeper:
            zookeeper.ensure_path(path)
            made = (str(zookeeper.create(f"{path}/n", b"kept", sequence=True)) for _ in range(count))
            return {name.rpartition("/")[2] for name in made}

    def known(self, path: str, number: int) -> set[str]:
        """Give the names below a path, as member *number* has them."""
        with self.client(number) as zookeeper:
            zookeeper.sync(path)
            return set(zookeeper.get_children(path))

    def shell(self, command: str) -> str:
        """Run a shell command as root in the directory of all disks: `mN/data` and `mN/log` are those of member N."""
        with closing(engine.connect()) as docker:
            done = engine.run(
                docker,
                self.image,
                ["-ec", f"cd /site; {command}"],
                entrypoint="sh",
                user="0:0",
                volumes={str(self.directory): {"bind": "/site", "mode": "rw"}},
            )
        return done.decode()

    def wipe(self, number: int, *disks: str) -> None:
        """Give a machine new, empty disks in place of those named: data, log."""
        self.end(number)
        for disk in disks or ("data", "log"):
            place = shlex.quote(f"m{number}/{disk}")
            self.shell(f"rm -rf {place} && mkdir {place} && chmod 777 {place}")


@contextmanager
def site(image: str, directory: Path) -> Iterator[Site]:
    """Give a network with no machines yet, and take all away at the end."""
    directory.chmod(0o755)
    for name, file, text in (("conf", "zoo.cfg", ZOO_CFG), ("super", "digest", DIGEST + "\n")):
        (directory / name).mkdir()
        (directory / name / file).write_text(text)
    with Network() as network:
        made = Site(image, directory, network)
        try:
            yield made
        finally:
            made.end(*made.running)
