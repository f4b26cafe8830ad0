"""Pure: what is wanted and what is observed → the ordered steps of `deploy`, each with its reason, or a refusal."""

from dataclasses import dataclass
from typing import Literal

from zkops.errors import Refused
from zkops.observed import Observed, whole
from zkops.render import Rendered

Action = Literal["label", "apply", "replace", "wait"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: what is done to which object or node, and why."""

    action: Action
    target: str
    reason: str

    def __str__(self) -> str:
        return f"{self.action} {self.target}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `deploy` will do, in order; nothing when `steps` is empty."""

    steps: tuple[Step, ...]


def plan(rendered: Rendered, observed: Observed) -> Plan:
    """Decide how a new ensemble comes up, or that there is nothing to do.

    An ensemble that never served together (`formed` is not set and no member serves) holds nobody's data: it is made
    anew as often as needed. One that did is only compared.

    Raises:
        Refused: the running ensemble would have to change, or other nodes claim to belong to it.
    """
    if observed.strangers:
        raise Refused(
            f"nodes {', '.join(observed.strangers)} carry the label of {rendered.name} and are not in its description",
            "add them to machines, or take the label off them with kubectl label",
        )
    for member in observed.members:
        if member.label not in {None, rendered.name}:
            raise Refused(
                f"node {member.machine.hostname} carries a member of the ensemble {member.label}",
                "set another kubernetes.node_label for this ensemble: its label would take the node from the other",
            )
    unlabelled = tuple(member.machine.hostname for member in observed.members if member.label is None)
    # A server that runs and cannot be asked may well serve others: silence is no proof that nobody uses it.
    used = any(member.serving or member.silent for member in observed.members)
    running = observed.exists and (observed.formed or used)
    if running:
        _refuse_changes(rendered, observed, unlabelled)
    elif observed.displaced:
        raise Refused(
            f"{rendered.name} was stopped, and cannot be started on its data like this:\n    "
            + "\n    ".join(observed.displaced),
            "go back to the machines, ids, roles and paths it was stopped with; or end it with `invoke delete`",
        )
    steps = [
        *_apply_steps(rendered, observed),
        *(Step(action="label", target=name, reason="it carries a member") for name in unlabelled),
        *_replace_steps(observed, running),
    ]
    if steps or not observed.formed or not whole(observed.members):
        steps.append(Step(action="wait", target=rendered.name, reason="all members must serve and agree on one leader"))
    return Plan(steps=tuple(steps))


def _refuse_changes(rendered: Rendered, observed: Observed, unlabelled: tuple[str, ...]) -> None:
    seen = [
        *(str(change) for change in observed.changes if not _harmless(change.object)),
        # A new configuration is told by its changed lines, not by its object's new name.
        *(
            f"{name}: is missing"
            for name in observed.missing
            if not _harmless(name) and not name.startswith("ConfigMap ")
        ),
        *(f"Node {name}: has not the label of {rendered.name}" for name in unlabelled),
        *(f"Pod on {m.machine.hostname}: was made from a former description" for m in observed.members if m.stale),
    ]
    if seen:
        raise Refused(
            f"{rendered.name} is running and differs from its description:\n    " + "\n    ".join(seen),
            "rolling a change through a running ensemble is not done yet; go back to the description it was deployed"
            " with, or run `invoke stop` and then `invoke deploy`, which keeps the data and interrupts the clients",
        )


def _harmless(name: str) -> bool:
    """A renewed pull secret is used at the next pull and touches no running member."""
    return name.startswith("Secret ")


def _apply_steps(rendered: Rendered, observed: Observed) -> list[Step]:
    changed = {change.object for change in observed.changes}
    steps = []
    for item in rendered.objects:
        name = f"{item['kind']} {item['metadata']['name']}"
        if name in observed.missing:
            steps.append(Step(action="apply", target=name, reason="is not there"))
        elif name in changed:
            steps.append(Step(action="apply", target=name, reason="differs from its description"))
    return steps


def _replace_steps(observed: Observed, running: bool) -> list[Step]:
    """A pod made from an earlier description of an ensemble that never served would stay for ever (OnDelete)."""
    changed = any(change.object.startswith("DaemonSet ") for change in observed.changes)
    return [
        Step(action="replace", target=str(member.pod["metadata"]["name"]), reason="was made from a former description")
        for member in observed.members
        if member.pod and not running and (changed or member.stale)
    ]
