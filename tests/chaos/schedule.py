"""Which operation meets which fault, and when: made from a seed, kept in a file, replayed from it; pure."""

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Action = Literal["refresh", "upgrade", "rollback", "join", "leave", "replace", "drain"]
Fault = Literal[
    "none",
    "tool killed",
    "node killed",
    "node paused",
    "partition",
    "isolated",
    "API server restarted",
    "disk full",
    "bad image",
    "bad config",
    "crashing image",
    "dying image",
    "late image",
]

MACHINES = (1, 2, 3, 4, 5)
FOUNDERS = (1, 2, 3)
AROUND: tuple[Fault, ...] = (
    "none",
    "tool killed",
    "node killed",
    "node paused",
    "partition",
    "isolated",
    "API server restarted",
    "disk full",
)
"""Faults of the world around the tool, which end."""

WITHIN: Mapping[Action, tuple[Fault, ...]] = {
    "refresh": ("bad config",),
    "upgrade": ("bad image", "crashing image", "dying image", "late image"),
    "join": ("bad image", "bad config", "crashing image"),
    "leave": ("bad image", "bad config", "crashing image"),
    "replace": ("bad image", "bad config", "crashing image"),
    "rollback": (),
    "drain": (),
}
"""Faults of what is to be deployed, by the actions that deploy a description."""

PAIRS: tuple[tuple[Action, Fault], ...] = tuple(
    (action, fault) for action in WITHIN for fault in (*AROUND, *WITHIN[action])
)


@dataclass(frozen=True, kw_only=True)
class World:
    """What is described: the machines by id, the image, and a number that a setting of zoo.cfg is made from."""

    machines: tuple[int, ...] = FOUNDERS
    image: Literal["a", "b"] = "a"
    setting: int = 0


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When a fault begins: so many seconds after the tool's start, or when the tool has told of so many steps."""

    unit: Literal["seconds", "steps"]
    count: float

    def __str__(self) -> str:
        return f"after {self.count:g} {self.unit}"


@dataclass(frozen=True, kw_only=True)
class Round:
    """One operation under one fault."""

    number: int
    action: Action
    fault: Fault
    moment: Moment
    hold: float
    """Seconds from the fault's begin to its end."""
    target: int
    """The machine that leaves, is replaced or is drained; 0 where there is none."""
    victim: int
    """The machine that the fault hits."""
    other: int
    """The machine that the victim is parted from."""
    before: World
    after: World

    def __str__(self) -> str:
        machines = ",".join(map(str, self.after.machines))
        return (
            f"{self.number:3} {self.action:8} {self.fault:20} {self.moment}, for {self.hold:g} s; "
            f"target {self.target or '-'}, victim {self.victim}, other {self.other}; then machines {machines}"
        )


def rounds(seed: int) -> Iterator[Round]:
    """Yield rounds without end, the same for the same seed; each pair of action and fault comes before any comes twice
    more often than it must."""
    rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    world, done = World(), Counter[str]()
    number = 0
    while True:
        number += 1
        action, fault = _chosen(rng, world, done)
        made = _round(rng, number, action, fault, world)
        yield made
        world = made.after


def _chosen(rng: random.Random, world: World, done: Counter[str]) -> tuple[Action, Fault]:
    possible = [pair for pair in PAIRS if _possible(pair[0], world)]
    rng.shuffle(possible)
    action, fault = min(possible, key=lambda pair: (done[str(pair)], done[pair[0]] + done[pair[1]]))
    done.update([str((action, fault)), action, fault])
    return action, fault


def _possible(action: Action, world: World) -> bool:
    spare = len(world.machines) < len(MACHINES)
    return {"join": spare, "replace": spare, "leave": len(world.machines) > len(FOUNDERS)}.get(action, True)


def _round(rng: random.Random, number: int, action: Action, fault: Fault, world: World) -> Round:
    target = rng.choice(world.machines)
    victim, other = rng.sample(world.machines, 2)
    steps = Moment(unit="steps", count=rng.randint(1, 12))
    seconds = Moment(unit="seconds", count=round(rng.uniform(0.5, 12), 1))
    return Round(
        number=number,
        action=action,
        fault=fault,
        moment=rng.choice((steps, seconds)),
        hold=round(rng.uniform(4, 16), 1),
        target=target if action in {"leave", "replace", "drain"} else 0,
        victim=victim,
        other=other,
        before=world,
        after=_after(rng, action, target, world),
    )


def _after(rng: random.Random, action: Action, target: int, world: World) -> World:
    spare = [machine for machine in MACHINES if machine not in world.machines]
    kept = tuple(machine for machine in world.machines if machine != target)
    if action == "refresh":
        return replace(world, setting=world.setting + 1)
    if action == "upgrade":
        return replace(world, image="b" if world.image == "a" else "a")
    if action == "leave":
        return replace(world, machines=kept)
    if action == "replace":
        return replace(world, machines=tuple(sorted((*kept, rng.choice(spare)))))
    if action == "join":
        joining = rng.sample(spare, rng.randint(1, len(spare)))
        return replace(world, machines=tuple(sorted((*world.machines, *joining))))
    return world


def dump(seed: int, made: Sequence[Round]) -> str:
    """Write a schedule as JSON."""
    return json.dumps({"seed": seed, "rounds": [asdict(one) for one in made]}, indent=1) + "\n"


def parse(text: str) -> tuple[int, list[Round]]:
    """Read what `dump` wrote; give seed and rounds."""
    found = json.loads(text)
    return int(found["seed"]), [_parsed(one) for one in found["rounds"]]


def _parsed(found: Mapping[str, Any]) -> Round:
    parts = {"moment": Moment(**found["moment"]), "before": _world(found["before"]), "after": _world(found["after"])}
    return Round(**{**found, **parts})


def _world(found: Mapping[str, Any]) -> World:
    return World(**{**found, "machines": tuple(found["machines"])})
