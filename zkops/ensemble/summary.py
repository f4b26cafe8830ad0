"""The state of an ensemble as rows for people and plain data for scripts; pure."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass

from zkops.config.cluster import Cluster
from zkops.ensemble.observed import Member

HEADERS = ("Server", "Node", "Role", "State", "Epoch", "Zxid", "Lag", "Clients", "Version", "Image")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One member; a field is None where the member does not tell."""

    server: int
    node: str
    role: str
    """participant or observer, as described."""
    state: str
    """leader, follower, observer, standalone, or what is wrong."""
    epoch: int | None
    zxid: str | None
    """Hexadecimal, as ZooKeeper prints it."""
    lag: int | None
    """Transactions behind the leader."""
    clients: int | None
    version: str | None
    image: str | None


@dataclass(frozen=True, kw_only=True)
class Status:
    """The ensemble."""

    name: str
    connect_string: str
    serving: int
    quorum: bool
    """Whether a majority of the voters serves."""
    members: tuple[Row, ...]

    def headline(self) -> str:
        """Say in one sentence how the ensemble is."""
        leader = next((row.node for row in self.members if row.state == "leader"), None)
        led = f", {leader} leads" if leader else ""
        lost = "" if self.quorum else "; NO QUORUM: reads and writes wait"
        return f"{self.name}: {self.serving} of {len(self.members)} members serve{led}{lost}"

    def table(self) -> list[list[str]]:
        """Give the rows as text, `-` for what is not known."""
        return [["-" if value is None else str(value) for value in astuple(row)] for row in self.members]

    def as_json(self) -> dict[str, object]:
        """Give plain data."""
        return asdict(self)


def status(cluster: Cluster, members: Sequence[Member]) -> Status:
    """Put the observed members together."""
    leader = next((m.server for m in members if m.server and m.server.mode in {"leader", "standalone"}), None)
    top = leader.zxid if leader else None
    voting = sum(member.serving and member.machine.role == "participant" for member in members)
    return Status(
        name=cluster.name,
        connect_string=cluster.connect_string,
        serving=sum(member.serving for member in members),
        quorum=voting > len(cluster.voters) // 2,
        members=tuple(_row(member, top) for member in members),
    )


def _row(member: Member, leader_zxid: int | None) -> Row:
    server = member.server
    zxid = server.zxid if server else None
    return Row(
        server=member.machine.id,
        node=member.machine.hostname,
        role=member.machine.role,
        state=member.state,
        # A follower that joined an idle ensemble has the zxid 0x0, of no epoch, until the first write.
        epoch=zxid >> 32 if zxid else None,
        zxid=None if zxid is None else f"{zxid:#x}",
        lag=lag(zxid, leader_zxid),
        clients=server.connections if server and server.mode else None,
        version=server.version if server else None,
        image=short(member.image) or None,
    )


def lag(zxid: int | None, leader: int | None) -> int | None:
    """Count the transactions of the leader's epoch that a member lacks; None where that cannot be told."""
    if zxid is None or leader is None or zxid >> 32 > leader >> 32:
        return None
    had = zxid & 0xFFFFFFFF if zxid >> 32 == leader >> 32 else 0
    # Members are asked one after the other: one asked later than the leader may seem ahead of it.
    return max(0, (leader & 0xFFFFFFFF) - had)


def short(image: str) -> str:
    """Shorten a digest to 12 characters, as Docker does."""
    name, at, digest = image.partition("@sha256:")
    return f"{name.rpartition('/')[2]}{at and '@'}{digest[:12]}"
