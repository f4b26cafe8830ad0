"""How long the run may take: rounds end early when their share of the time is used up, and the report says so."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from zkops.core.console import say


@dataclass
class Clock:
    """Bounds the rounds of every group; *seconds* is the whole run's allowance."""

    quick: bool
    seconds: float
    begun: float = field(default_factory=time.monotonic)
    notes: list[str] = field(default_factory=list)
    """What was shortened, in words."""

    def rounds(self, group: str, full: int, quick: int, share: float) -> Iterator[int]:
        """Yield round numbers from 1: *full* or *quick* many, at least one, within *share* (0 to 1) of all the time."""
        wanted = quick if self.quick else full
        begun = time.monotonic()
        for number in range(1, wanted + 1):
            spent, left = time.monotonic() - begun, self.begun + self.seconds - time.monotonic()
            one = spent / max(1, number - 1)
            if number > 1 and (spent + one > share * self.seconds or one > left):
                self.notes.append(f"{group}: {number - 1} of {wanted} rounds, for lack of time")
                say(f"bench: {self.notes[-1]}")
                return
            say(f"bench: {group}, round {number} of {wanted} ({time.monotonic() - self.begun:.0f} s)")
            yield number
