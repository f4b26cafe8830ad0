"""Who belongs to an ensemble: the seats of a membership; pure.

A membership is what ZooKeeper calls the (dynamic) configuration:
https://zookeeper.apache.org/doc/r3.9.4/zookeeperReconfig.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Role = Literal["participant", "observer"]

_LINE = re.compile(r"^server\.(\d+)=([^:\s]+):(\d+):(\d+)(?::(participant|observer))?;(?:[^:\s]*:)?(\d+)$")


@dataclass(frozen=True, kw_only=True)
class Seat:
    """One member of a membership: its id, its address, its ports and whether it votes."""

    id: int
    ip: str
    quorum: int
    election: int
    client: int
    role: Role = "participant"

    @property
    def spec(self) -> str:
        """The seat as ZooKeeper writes it, without its id."""
        return f"{self.ip}:{self.quorum}:{self.election}:{self.role};{self.client}"

    def __str__(self) -> str:
        return f"server.{self.id}={self.spec}"


@dataclass(frozen=True, kw_only=True)
class Membership:
    """All seats, by id. The *version* is the zxid of the change that made it, 0 before the first quorum."""

    version: int = 0
    seats: tuple[Seat, ...]

    @property
    def voters(self) -> frozenset[int]:
        """The ids of those that vote."""
        return frozenset(seat.id for seat in self.seats if seat.role == "participant")

    @property
    def majority(self) -> int:
        """How many voters must serve."""
        return len(self.voters) // 2 + 1

    def seat(self, number: int) -> Seat | None:
        """Give the seat of an id, None where it has none."""
        return next((seat for seat in self.seats if seat.id == number), None)

    def entered(self, seat: Seat) -> "Membership":
        """Give the membership with *seat* in the place of that id's former one."""
        return replace(self, seats=in_order([*(other for other in self.seats if other.id != seat.id), seat]))

    def left(self, number: int) -> "Membership":
        """Give the membership without an id."""
        return replace(self, seats=tuple(seat for seat in self.seats if seat.id != number))

    def text(self) -> str:
        """Write the lines of a dynamic configuration file."""
        version = f"version={self.version:x}\n" if self.version else ""
        return "".join(f"{seat}\n" for seat in self.seats) + version


def parse_membership(text: str) -> Membership:
    """Read a dynamic configuration, as `/zookeeper/config` holds it.

    Raises:
        ValueError: a line is none of `server.N=…` and `version=…`.
    """
    version, seats = 0, []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = _LINE.match(line)
        if found:
            seats.append(_seat(*found.groups()))
        elif line.startswith("version="):
            version = int(line.removeprefix("version="), 16)
        else:
            raise ValueError(f"no line of a membership: {line}")
    return Membership(version=version, seats=in_order(seats))


def _seat(number: str, ip: str, quorum: str, election: str, role: str | None, client: str) -> Seat:
    return Seat(
        id=int(number),
        ip=ip,
        quorum=int(quorum),
        election=int(election),
        client=int(client),
        role="observer" if role == "observer" else "participant",
    )


def in_order(seats: Iterable[Seat]) -> tuple[Seat, ...]:
    """Sort seats by id, as a membership holds them."""
    return tuple(sorted(seats, key=lambda seat: seat.id))
