"""An ensemble whose membership can be changed, at addresses that last over restarts."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from tests.support.measuring.lab import Member, lab
from tests.support.waiting import eventually
from zkops.images import daemon
from zkops.zookeeper import reconfig as membership
from zkops.zookeeper.membership import Membership

from .servers import FAST

PASSWORD = "of the super user"


@dataclass(frozen=True)
class Dynamic:
    """Members by name: `m1` has the id 1, and so on."""

    members: dict[str, Member]
    founded: Membership
    """What it was at first: all vote."""
    make: Callable[[str], Member]
    """Make a member anew at its address, as on a machine whose disk was replaced."""

    @property
    def ways(self) -> dict[str, str]:
        """Name → HOST:PORT."""
        return {name: f"{member.address}:2181" for name, member in self.members.items()}

    @property
    def servers(self) -> str:
        """All as a connect string."""
        return ",".join(self.ways.values())

    def leader(self) -> str:
        """Give the name of the one that leads."""
        return eventually(lambda: next((n for n, m in self.members.items() if m.mode() == "leader"), ""))

    def others(self, *names: str) -> list[str]:
        """Give the names of the others."""
        return [name for name in self.members if name not in names]

    def replace(self, name: str) -> None:
        """Start a member with an empty disk in the place of one, and wait until it follows."""
        self.members[name].remove()
        self.members[name] = self.make(name)
        self.members[name].start()
        eventually(self.members[name].mode)

    def heal(self) -> None:
        """Let all run, serve and vote again."""
        for member in self.members.values():
            member.container.reload()
            if member.container.status == "paused":
                member.container.unpause()
            elif member.container.status != "running":
                member.start()
        for member in self.members.values():
            eventually(member.mode)
        for seat in self.founded.seats:
            membership.enter(self.servers, PASSWORD, seat, membership.read(self.servers))


def number(name: str) -> int:
    """Give the id of a member."""
    return int(name.removeprefix("m"))


@contextmanager
def dynamic(image: str) -> Iterator[Dynamic]:
    """Start three members and remove them at the end."""
    digest = f"-Dzookeeper.DigestAuthenticationProvider.superDigest={membership.super_digest(PASSWORD)}"
    env = FAST | {
        "ZOO_INIT_LIMIT": "20",
        "ZOO_STANDALONE_ENABLED": "false",
        "ZOO_CFG_EXTRA": "reconfigEnabled=true",
        "JVMFLAGS": digest,
    }
    prefix = f"zkops-dynamic-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with closing(daemon.connect()) as client, lab(client, prefix) as place, place.running(image, env, 3) as made:
        members = {f"m{n}": member for n, member in enumerate(made, start=1)}
        founded = membership.read(",".join(f"{member.address}:2181" for member in made))
        servers = {"ZOO_SERVERS": founded.text().partition("version=")[0].replace("\n", " ")}

        def make(name: str) -> Member:
            mine = servers | {"ZOO_MY_ID": str(number(name))}
            return place.member(image, env | mine, members[name].address)

        yield Dynamic(members, founded, make)
