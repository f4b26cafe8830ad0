"""Is there one order of a key's operations that explains all answers? Linearizability of a versioned register; pure.

The search is Wing and Gong's with Lowe's memory of what was tried, as in Knossos and Porcupine. It stays cheap because
every answer tells the version, and because keys live for seconds only, so that few operations without an answer meet.

What ZooKeeper promises, and what not, decides which operations take part: writes are linearizable, a read only after a
write by the same session. https://zookeeper.apache.org/doc/r3.9.4/zookeeperInternals.html
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tests.support.linearizability.history import GONE, Operation, by_key

State = tuple[int, str]
"""Version and value of a key."""


class Position(NamedTuple):
    """How far a search is: the first known operation not placed, those placed after it, the unknown ones placed."""

    first: int
    ahead: int
    """Bit n: the operation `first + n` is placed."""
    unknown: int
    state: State


def check(history: Iterable[Operation]) -> list[str]:
    """Say of each key whose answers no order explains what is wrong; none is good."""
    keys = by_key(one for one in history if one.kind != "alive")
    return [found for key, operations in keys.items() if (found := explain(key, operations))]


def explain(key: str, operations: Sequence[Operation]) -> str:
    """Say what is wrong with the history of one key, empty where an order explains all answers."""
    made = next((one for one in operations if one.kind == "create"), None)
    if made is None:
        return f"{key}: the history does not say how it was made"
    search = Search(operations)
    best = search.run((made.version, made.value))
    if best is None:
        return ""
    stuck = "; ".join(str(one) for one in search.candidates(best)[:6])
    return (
        f"{key}: no order of its {len(search.known)} answered operations explains the answers: "
        f"at version {best.state[0]}, value {best.state[1] or 'nothing'}, none can be next of: {stuck}"
    )


class Search:
    """The search for an order of one key's operations."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        counted = [one for one in operations if one.changes or (one.kind == "read" and one.status == "ok")]
        ordered = sorted(counted, key=lambda one: one.invoked)
        self.known = [one for one in ordered if one.status != "unknown"]
        self.unknown = [one for one in ordered if one.status == "unknown"]
        self._least = _least_needed(self.known)
        self._seen = {one.value: one.version for one in self.known if one.kind == "read"}

    def run(self, state: State) -> Position | None:
        """Give None where an order was found, else the position that got farthest."""
        start = best = Position(0, 0, 0, state)
        stack, seen = [start], {start}
        while stack:
            at = stack.pop()
            if at.first == len(self.known):
                return None
            best = max(best, at, key=_placed)
            for following in self._following(at):
                if following not in seen:
                    seen.add(following)
                    stack.append(following)
        return best

    def candidates(self, at: Position) -> list[Operation]:
        """Give the known operations that may come next: no other ended before they began."""
        return [self.known[number] for number in self._open(at)]

    def _following(self, at: Position) -> list[Position]:
        numbers = self._open(at)
        steps = [(number, stepped(self.known[number], at.state)) for number in numbers]
        # What changes nothing and fits now may be placed now: every order with it later is one with it here.
        for number, state in steps:
            if state == at.state:
                return [self._place(at, number, state)]
        # The last of the list is tried first: known operations before unknown ones.
        guesses = self._guesses(at, numbers)
        return guesses + [self._place(at, number, state) for number, state in steps if state]

    def _open(self, at: Position) -> list[int]:
        found: list[int] = []
        end = math.inf
        for number in range(at.first, len(self.known)):
            one = self.known[number]
            if one.invoked > end:
                break
            if not at.ahead >> (number - at.first) & 1:
                found.append(number)
                end = min(end, one.returned)
        return [number for number in found if self.known[number].invoked <= end]

    def _guesses(self, at: Position, numbers: Sequence[int]) -> list[Position]:
        """Place one operation without an answer; none that makes a version which leaves an answered one no place."""
        end = min(self.known[number].returned for number in numbers)
        window = range(at.first, at.first + at.ahead.bit_length())
        waiting = [number for number in window if not at.ahead >> (number - at.first) & 1]
        least = min([_needed(self.known[number]) for number in waiting] + [self._least[window.stop]])
        if at.state[0] + 1 > least:
            return []
        return [
            Position(at.first, at.ahead, at.unknown | 1 << number, (at.state[0] + 1, self.unknown[number].value))
            for number in self._useful(at, end)
        ]

    def _useful(self, at: Position, end: float) -> Iterator[int]:
        """Yield the unknown operations worth a try: of those that are the same to all others only the first.

        One whose value was read happened right before the version that was read. Of the others only the version
        counts: one that can happen in no other version goes before one that can, and of those the earliest one.
        """
        version, blind = at.state[0], -1
        for number, one in enumerate(self.unknown):
            if one.invoked > end:
                break
            if at.unknown >> number & 1 or (one.kind == "cas" and one.expected != version):
                continue
            if one.value in self._seen:
                if self._seen[one.value] == version + 1:
                    yield number
            elif blind < 0 or (one.kind == "cas" and self.unknown[blind].kind == "write"):
                blind = number
        if blind >= 0:
            yield blind

    def _place(self, at: Position, number: int, state: State) -> Position:
        first, ahead = at.first, at.ahead | 1 << (number - at.first)
        while ahead & 1:
            first, ahead = first + 1, ahead >> 1
        return Position(first, ahead, at.unknown, state)


def stepped(one: Operation, state: State) -> State | None:
    """Give the state after an operation, None where it cannot happen in this state with the answer it had."""
    version, _ = state
    if one.kind == "read":
        return state if (one.version, one.value) == state else None
    if one.status == "fail":
        return state if version not in {one.expected, GONE} else None
    if version == GONE or (one.kind == "cas" and version != one.expected):
        return None
    made = (version + 1, one.value)
    return made if one.status == "unknown" or one.version == made[0] else None


def _needed(one: Operation) -> float:
    """Give the highest version at which an answered operation can still be placed."""
    if one.status == "fail":
        return math.inf
    return one.version - one.changes


def _least_needed(known: Sequence[Operation]) -> list[float]:
    """Give for each place the least of `_needed` from there on."""
    least = [math.inf]
    for one in reversed(known):
        least.append(min(least[-1], _needed(one)))
    return least[::-1]


def _placed(at: Position) -> int:
    return at.first + at.ahead.bit_count()
