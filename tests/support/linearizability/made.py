"""Histories made by hand, and by running clients against a register that is right."""

import math
import random
from dataclasses import replace
from typing import Any

from tests.support.linearizability.history import GONE, Kind, Operation

KEY = "/chaos/keys/1"
MADE = Operation(key=KEY, kind="create", session="m", invoked=0, returned=0.5, status="ok", value="made", version=0)


def operation(kind: Kind, begin: float, end: float, session: str = "a", **given: Any) -> Operation:
    found = {"status": "ok", **given}
    return Operation(key=KEY, kind=kind, session=session, invoked=begin, returned=end, **found)


def write(value: str, version: int, begin: float, end: float, session: str = "a") -> Operation:
    return operation("write", begin, end, session, value=value, version=version)


def cas(value: str, version: int, begin: float, end: float, session: str = "a") -> Operation:
    return operation("cas", begin, end, session, value=value, version=version, expected=version - 1)


def read(value: str, version: int, begin: float, end: float, session: str = "a") -> Operation:
    return operation("read", begin, end, session, value=value, version=version)


def unanswered(value: str, begin: float, expected: int = GONE) -> Operation:
    kind: Kind = "write" if expected == GONE else "cas"
    return Operation(key=KEY, kind=kind, session="u", invoked=begin, value=value, expected=expected)


def refused(value: str, expected: int, begin: float, end: float) -> Operation:
    return operation("cas", begin, end, status="fail", value=value, expected=expected)


def true_history(seed: int, clients: int, count: int, unanswered_share: float) -> list[Operation]:
    """Run clients against one register; each operation takes effect at a moment between its begin and its end."""
    rng = random.Random(seed)  # noqa: S311 - to be repeated
    plan = sorted(_plan(rng, clients, count))
    version, value, zxid = 0, "made", 1
    made = [replace(MADE, zxid=1)]
    for _, begin, end, client, number in plan:
        kind: Kind = rng.choice(["write", "cas", "read"])
        silent = rng.random() < unanswered_share
        happens = not silent or rng.random() < 0.5
        expected = version - (rng.random() < 0.3) if kind == "cas" else GONE
        if kind == "read":
            if not silent:
                made.append(operation("read", begin, end, f"s{client}", value=value, version=version, zxid=zxid))
            continue
        given: dict[str, Any] = {"value": f"{client}.{number}", "expected": expected}
        fits = kind == "write" or expected == version
        if fits and happens:
            version, value, zxid = version + 1, given["value"], zxid + 1
        status = "unknown" if silent else "ok" if fits else "fail"
        given |= {"status": status, "zxid": zxid, "version": version if status == "ok" else GONE}
        made.append(operation(kind, begin, math.inf if silent else end, f"s{client}", **given))
    return made


def _plan(rng: random.Random, clients: int, count: int) -> list[tuple[float, float, float, int, int]]:
    found = []
    for client in range(clients):
        at = 1 + rng.random()
        for number in range(count // clients):
            length = rng.expovariate(10)
            found.append((at + length * rng.random(), at, at + length, client, number))
            at += length + rng.expovariate(20)
    return found
