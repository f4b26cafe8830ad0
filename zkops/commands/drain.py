"""`drain` and `undrain`: one machine's member ends for maintenance of the machine, and comes back.

The drained member keeps its seat and its vote: a majority is still counted of all voters, so that those who are left
never decide alone what it has not agreed to, and coming back is no change of the membership. That is why a drain needs
as many others as a majority, and why only one voter is drained at a time. A leader gives up its leadership first.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zkops.commands.stop import on
from zkops.config.cluster import Cluster, Machine
from zkops.core import console
from zkops.core.errors import BadInput, Failed, Refused
from zkops.ensemble.observed import Member
from zkops.kube.client import Kube
from zkops.kube.observe import DRAINED, agreed_on, drained_of, observe_members
from zkops.rollout.guard import Held
from zkops.zookeeper.membership import Membership

POLL_SECONDS = 0.5

Move = Callable[[Member], None]
"""Sees that a member that serves votes and does not lead: leaves the membership with it where it leads, and enters."""


@dataclass(frozen=True, kw_only=True)
class Drained:
    """What a drain or an undrain did."""

    node: str
    said: str
    changed: bool

    def sentence(self) -> str:
        """Say what was done."""
        return self.said


def machine_of(cluster: Cluster, wanted: str) -> Machine:
    """Find a machine by hostname or id.

    Raises:
        BadInput: there is none; says which there are.
    """
    found = next((machine for machine in cluster.machines if wanted in {machine.hostname, str(machine.id)}), None)
    if not found:
        names = ", ".join(f"{machine.hostname} ({machine.id})" for machine in cluster.machines)
        raise BadInput(f"{wanted or 'nothing'} is no machine of {cluster.name}", f"pass --node with one of {names}")
    return found


def refuse_unsafe(host: str, members: Sequence[Member], membership: Membership | None) -> None:
    """See that the ensemble can do without the member on *host*.

    Who votes is as the servers' own *membership* says, else as described.

    Raises:
        Refused: too few would be left, or another voter is out already.
    """
    described = {member.machine.id for member in members if member.machine.role == "participant"}
    voters = membership.voters if membership else frozenset(described)
    target = next(member for member in members if member.machine.hostname == host)
    if target.machine.id not in voters:  # its going takes nothing from the quorum
        return
    by_id = {member.machine.id: member for member in members}
    for number in sorted(voters - {target.machine.id}):
        _refuse_absent(number, by_id.get(number), host)
    left = len(voters) - 1
    if left <= len(voters) // 2:
        raise Refused(
            f"without {host} there is no quorum: {left} of {len(voters)} voters is no majority",
            "add machines to the description and run `invoke deploy` first, so that at least 3 vote",
        )


def _refuse_absent(number: int, other: Member | None, host: str) -> None:
    if other is None:
        raise Refused(f"member {number} is not in the description and votes", "run `invoke deploy` first")
    name = other.machine.hostname
    if other.drained:
        raise Refused(
            f"{name} is drained already: without {host}, too, the ensemble would be at its edge",
            f"run `invoke undrain --node {name}` first",
        )
    if not other.serving:
        raise Refused(
            f"{name} does not serve ({other.state}): {host} cannot be spared now",
            f"mend {name} first, see `invoke status`; or drain it in the place of {host}",
        )


def drain(cluster: Cluster, kube: Kube, node: str, timeout: float, move: Move, held: Held) -> Drained:
    """Take the member on *node*, a hostname or id, out of service; *timeout* in seconds for it to end.

    The lock of the ensemble is *held*. Interrupted at any moment, running it again finishes.

    Raises:
        BadInput: it is no machine of the description.
        Refused: the others could not do without it; nothing was touched.
        Failed: it does not end in time.
    """
    host = machine_of(cluster, node).hostname
    member = _look(cluster, kube, host)
    if member.drained and member.label is None and not member.pod:
        return Drained(node=host, said=f"{host} is drained already", changed=False)
    _refuse_other(cluster, member)
    if _leads(member) or _was_cut_off(member):
        move(member)
        _until_follows(cluster, kube, host, timeout)
    held.check()  # a leader's turn may have taken long
    # First the note: whoever looks in between must see a member that is to be away, not one that is lost.
    _note(kube, host, lambda names: (*(name for name in names if name != cluster.name), cluster.name))
    if member.label == cluster.name:
        kube.unlabel_node(host, cluster.kubernetes.node_label)
    if not member.node_ready:
        later = "what runs there ends when it is back, and nothing starts before `invoke undrain`"
        return Drained(node=host, said=f"{host} is drained, but its node is not ready: {later}", changed=True)
    _until_ended(cluster, kube, host, timeout)
    return Drained(
        node=host, said=f"{host} is drained; bring it back with `invoke undrain --node {host}`", changed=True
    )


def undrain(cluster: Cluster, kube: Kube, node: str, timeout: float, held: Held) -> Drained:
    """Bring the member on *node* back; *timeout* in seconds until it serves and is in sync.

    The lock of the ensemble is *held*. Interrupted at any moment, running it again finishes.

    Raises:
        BadInput: it is no machine of the description.
        Refused: the node carries a member of another ensemble.
        Failed: the member does not serve in time.
    """
    host = machine_of(cluster, node).hostname
    member = next(m for m in observe_members(cluster, kube) if m.machine.hostname == host)
    if not member.drained:
        return Drained(node=host, said=f"{host} is not drained", changed=False)
    _refuse_other(cluster, member)
    kube.label_node(host, cluster.kubernetes.node_label, cluster.name)
    _until_back(cluster, kube, host, timeout)
    held.check()
    _note(kube, host, lambda names: tuple(name for name in names if name != cluster.name))
    return Drained(node=host, said=f"{host} serves again", changed=True)


def in_sync(host: str, members: Sequence[Member]) -> bool:
    """Whether the member on *host* serves, and the leader says that all who serve are in sync with it.

    Others may be away meanwhile.
    """
    here = any(member.machine.hostname == host and member.serving and member.ready for member in members)
    return here and _agree(members)


def _agree(members: Sequence[Member]) -> bool:
    serving = [member for member in members if member.serving]
    leaders = [member for member in serving if _leads(member)]
    return len(leaders) == 1 and (len(serving) == 1 or leaders[0].synced == len(serving) - 1)


def _leads(member: Member) -> bool:
    return bool(member.server and member.server.mode in {"leader", "standalone"})


def _was_cut_off(member: Member) -> bool:
    """Whether a former drain left the membership with it and did not enter again."""
    meant = member.serving and member.machine.role == "participant"
    return bool(meant and member.membership and member.machine.id not in member.membership.voters)


def _look(cluster: Cluster, kube: Kube, host: str) -> Member:
    """Observe, and give the member on *host* where it can be spared."""
    members = observe_members(cluster, kube)
    refuse_unsafe(host, members, agreed_on(members))
    return next(member for member in members if member.machine.hostname == host)


def _refuse_other(cluster: Cluster, member: Member) -> None:
    if member.label not in {None, cluster.name}:
        raise Refused(
            f"node {member.machine.hostname} carries a member of the ensemble {member.label}",
            "set another kubernetes.node_label for this ensemble",
        )


def _note(kube: Kube, host: str, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
    """Change whose members are noted as taken off the node."""
    node = next((item for item in kube.nodes() if item["metadata"]["name"] == host), None)
    if not node:
        raise Failed(
            f"{host} is no node of this Kubernetes any more, so its member has ended",
            "take it out of machines and run `invoke deploy`, which gives its vote up",
        )
    names = change(drained_of(node))
    kube.annotate({"apiVersion": "v1", "kind": "Node", "metadata": {"name": host}}, DRAINED, ",".join(names) or None)


def _until_follows(cluster: Cluster, kube: Kube, host: str, timeout: float) -> None:
    """Wait until another leads: right after that some are not in sync yet, and none may go."""

    def follows() -> str:
        members = observe_members(cluster, kube)
        try:
            refuse_unsafe(host, members, agreed_on(members))
        except Refused as error:
            return error.what
        follower = any(m.machine.hostname == host and m.serving and not _leads(m) for m in members)
        return "" if follower and _agree(members) else _states(members)

    _until(follows, f"waiting until {host} follows another leader", timeout, f"invoke drain --node {host}")


def _until_ended(cluster: Cluster, kube: Kube, host: str, timeout: float) -> None:
    def ended() -> str:
        left = [str(pod["metadata"]["name"]) for pod in kube.pods(cluster.name) if on(pod) == host]
        return f"pod {left[0]} is there" if left else ""

    _until(ended, f"waiting until the member on {host} has ended", timeout, f"invoke drain --node {host}")


def _until_back(cluster: Cluster, kube: Kube, host: str, timeout: float) -> None:
    def back() -> str:
        members = observe_members(cluster, kube)
        return "" if in_sync(host, members) else _states(members)

    _until(back, f"waiting until the member on {host} serves and is in sync", timeout, f"invoke undrain --node {host}")


def _until(lacking: Callable[[], str], label: str, timeout: float, command: str) -> None:
    """Wait until nothing is lacking any more; an API server that restarts meanwhile is waited for."""
    deadline = time.monotonic() + timeout
    with console.step(label) as step:
        while True:
            late = time.monotonic() > deadline
            try:
                what = lacking()
            except Failed as error:
                what = error.what
            if not what:
                return
            if late:
                mend = f"see `invoke status` and `kubectl describe pod`, then run `{command}` again; it goes on"
                raise Failed(f"after {timeout:.0f} s of {label}: {what}", mend)
            step.update(what)
            time.sleep(POLL_SECONDS)


def _states(members: Sequence[Member]) -> str:
    return ", ".join(f"{member.machine.hostname} {member.state}" for member in members)
