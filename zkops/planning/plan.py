"""What `deploy` is to do, as plain frozen data: the steps, the reason for each, and what people should know before."""

from dataclasses import dataclass
from typing import Any, Literal

from zkops.ensemble.observed import Change
from zkops.manifests.roster import Roster
from zkops.zookeeper.membership import Seat

Action = Literal["apply", "roster", "label", "replace", "wait", "leave", "restart", "enter", "unlabel"]
MOVING: frozenset[Action] = frozenset({"leave", "restart", "enter"})
"""The steps that clients could notice."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: what is done to which object or machine, and why."""

    action: Action
    target: str
    """The object of `apply` as `Kind name`, the pod of `replace`, the ensemble of `roster` and `wait`; else a host."""
    reason: str
    host: str = ""
    """The machine concerned; of `wait` the one whose member is waited for, empty where the whole ensemble is."""
    seat: Seat | None = None
    """Of `enter`: the seat to take."""
    roster: Roster | None = None
    """Of `roster`: what to write."""

    def __str__(self) -> str:
        return f"{self.action} {self.target}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `deploy` will do, in order, if all goes well; nothing when `steps` is empty.

    The first step is safe now. What follows is planned anew after each step, from what is observed then.
    """

    steps: tuple[Step, ...]
    changes: tuple[Change, ...] = ()
    """Fields of live objects that differ from the described ones."""
    warnings: tuple[str, ...] = ()
    """What is allowed and seldom wanted, in sentences."""
    shrinks: tuple[str, ...] = ()
    """Machines whose membership ends."""

    @property
    def moves(self) -> bool:
        """Whether clients could notice it."""
        return any(step.action in MOVING for step in self.steps)

    def text(self) -> str:
        """Write it for people: what differs, the numbered steps, the warnings."""
        if not self.steps:
            return "nothing to do: everything is as described"
        width = len(str(len(self.steps)))
        steps = (f"  {number:{width}}. {step}" for number, step in enumerate(self.steps, 1))
        differs = ["differs:", *(f"  {change}" for change in self.changes)] if self.changes else []
        return "\n".join((*differs, "steps:", *steps, *(f"warning: {warning}" for warning in self.warnings)))

    def as_json(self) -> dict[str, Any]:
        """Give plain data."""
        return {
            "changes": [vars(change) for change in self.changes],
            "steps": [
                {"action": step.action, "target": step.target, "host": step.host or None, "reason": step.reason}
                for step in self.steps
            ],
            "warnings": list(self.warnings),
            "shrinks": list(self.shrinks),
            "moves": self.moves,
        }
