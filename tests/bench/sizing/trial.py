"""Try a size under its memory limit: fill, work, restart, work again; or three members, one of them joining empty.

A member that the kernel kills, or that ends for want of heap, ends the trial with an exception.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import docker

from .load import Filler, Load, transport_of
from .server import EMPTY, Server, server
from .work import work

REQUESTS = 40_000


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a member under a limit did; times are processor time."""

    load: Load
    member: str
    """`alone`, or what it did among three."""
    limit_mib: int
    heap_mib: int
    anonymous_mib: float
    """Most anonymous memory."""
    both_mib: float
    """Most anonymous and kernel memory together: what the kernel cannot take back before it kills."""
    start_seconds: float = 0
    """From the container's start until it serves, with all data: read from its disk, or sent by the leader."""

    def record(self) -> dict[str, Any]:
        """Give it as flat data; `spare` is the part of the limit that anonymous memory never took."""
        flat = asdict(self.load) | {key: value for key, value in asdict(self).items() if key != "load"}
        flat["spare"] = 1 - self.anonymous_mib / self.limit_mib
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in flat.items() if value}


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a trial gives each member."""

    limit_mib: int
    heap_mib: int
    init_limit: int


def alone(image: str, load: Load, bounds: Bounds, **options: Any) -> Iterator[Trial]:
    """Try one server: filled, at work, restarted, at work again."""
    given: dict[str, Any] = {"heap_mib": bounds.heap_mib, "limit_mib": bounds.limit_mib}
    with (
        transport_of(load.transport) as chosen,
        server(image, **given, **chosen, **options) as made,
        made.watched(),
    ):
        _fill_and_work(made, load)
        made.restart()
        seconds = made.cpu_seconds()
        with closing(Filler(made, load.transport)) as filler:
            work(filler, load, writes=REQUESTS, reads=REQUESTS)
        yield _outcome(made, load, bounds, "alone", seconds)


def joining(image: str, load: Load, bounds: Bounds, **options: Any) -> Iterator[Trial]:
    """Try three members: two are filled, at work, then the third joins with an empty disk."""
    with _ensemble(image, bounds, **options) as member, ExitStack() as stack:
        members = [stack.enter_context(member(1)), stack.enter_context(member(2))]
        for each in members:
            stack.enter_context(each.watched())
        _fill_and_work(members[0], load)
        third = stack.enter_context(member(3))
        stack.enter_context(third.watched())
        third.wait(600)
        seconds = third.cpu_seconds()
        with closing(Filler(third, load.transport)) as filler:
            work(filler, load, writes=REQUESTS, reads=REQUESTS)
        yield _outcome(members[0], load, bounds, "serving clients")
        yield _outcome(members[1], load, bounds, "leading")
        yield _outcome(third, load, bounds, "joining empty", seconds)


def _fill_and_work(made: Server, load: Load) -> None:
    with closing(Filler(made, load.transport)) as filler:
        filler.fill(load)
        work(filler, load, writes=REQUESTS, reads=REQUESTS)


def _outcome(made: Server, load: Load, bounds: Bounds, member: str, seconds: float = 0) -> Trial:
    made.wait(60)  # it lives: serves, in the same container
    return Trial(
        load=load,
        member=member,
        limit_mib=bounds.limit_mib,
        heap_mib=bounds.heap_mib,
        anonymous_mib=made.peak.anonymous,
        both_mib=made.peak.both,
        start_seconds=seconds,
    )


@contextmanager
def _ensemble(
    image: str, bounds: Bounds, *, prefix: str, variables: Mapping[str, str] = EMPTY, **options: Any
) -> Iterator[Any]:
    names = {number: f"{prefix}-{os.getpid()}-member-{number}" for number in (1, 2, 3)}
    network = docker.from_env().networks.create(f"{prefix}-{os.getpid()}")
    ours = {
        "ZOO_SERVERS": " ".join(f"server.{number}={name}:2888:3888;2181" for number, name in names.items()),
        "ZOO_INIT_LIMIT": str(bounds.init_limit),
        "ZOO_SYNC_LIMIT": "5",
    }

    def member(number: int) -> AbstractContextManager[Server]:
        return server(
            image,
            prefix=prefix,
            heap_mib=bounds.heap_mib,
            limit_mib=bounds.limit_mib,
            variables={**variables, **ours, "ZOO_MY_ID": str(number)},
            name=names[number],
            network=network.name,
            **options,
        )

    try:
        yield member
    finally:
        network.remove()
