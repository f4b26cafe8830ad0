"""Which steps between two ZooKeeper versions are safe member by member; pure. Sources: docs/operate/doctor.md."""

import re
from collections.abc import Mapping

from zkops.doctor.checks import Finding, skipped

Numbers = tuple[int, ...]

FROM: Mapping[Numbers, Numbers] = {(3, 5): (3, 4, 6), (3, 6): (3, 5, 7), (3, 7): (3, 6), (3, 8): (3, 6), (3, 9): (3, 7)}
"""Branch → the oldest version that Apache's notes name as one to come from."""
LOSSLESS = (3, 9, 4)
"""The first of its branch that has ZOOKEEPER-4925: before it, acknowledged writes can be lost."""


def step(where: str, running: str | None, coming: str) -> Finding:
    """Judge going from the version that runs, None where none does, to the one in the image; empty where not told."""
    if not coming or running == "":
        silent = "the server" if coming else "the image"
        return skipped("version", where, f"{silent} does not tell its version")
    if running is None:
        return Finding(check="version", where=where, state="ok", what=f"no server runs yet; {coming} is in the image")
    old, new = _numbers(running), _numbers(coming)
    what = f"{running} runs, {coming} is in the image"
    if old == new:
        return Finding(check="version", where=where, state="ok", what=f"{running} runs, as in the image")
    return _back(where, what, old, new) if new < old else _forth(where, what, old, new)


def stops(old: Numbers, new: Numbers) -> tuple[str, ...]:
    """Name the versions to go by, so that each step is one that Apache names; none where that is one step."""
    found, least = [], FROM.get(new[:2], ())
    while old < least:
        found.append(_text(least))
        least = FROM.get(least[:2], ())
    return tuple(reversed(found))


def _numbers(version: str) -> Numbers:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _text(numbers: Numbers) -> str:
    return ".".join(map(str, numbers))


def _forth(where: str, what: str, old: Numbers, new: Numbers) -> Finding:
    if old[:2] == new[:2]:
        return Finding(check="version", where=where, state="ok", what=f"{what}: a step within {_text(new[:2])}")
    if new[:2] not in FROM:
        mend = "read its release notes first"
        why = f"{what}: what {_text(new[:2])} may come from is not known here"
        return Finding(check="version", where=where, state="warning", what=why, mend=mend)
    by = stops(old, new)
    if not by:
        why = f"{what}: an upgrade one member at a time, as Apache's notes have it"
        return Finding(check="version", where=where, state="ok", what=why)
    why = f"{what}: Apache's notes name {by[-1]} and newer as what to come from"
    mend = f"go by {', then '.join(by)}"
    if old[:2] >= (3, 5):
        return Finding(check="version", where=where, state="warning", what=why, mend=mend)
    mend += "; each member needs a snapshot before 3.5 (ZOOKEEPER-3056)"
    return Finding(check="version", where=where, state="failed", what=why, mend=mend)


def _back(where: str, what: str, old: Numbers, new: Numbers) -> Finding:
    if old[:2] != new[:2]:
        mend = "copy version-2 of one member away first; keep to settings that the older one knows (`invoke lint`)"
        why = f"{what}: a downgrade across branches, which Apache neither describes nor tests"
    elif new < LOSSLESS <= old:
        mend = "stay on 3.9.4 or newer"
        why = f"{what}: a downgrade, back to where ZOOKEEPER-4925 loses acknowledged writes"
    else:
        mend = "read in the release notes which defects come back"
        why = f"{what}: a downgrade"
    return Finding(check="version", where=where, state="warning", what=why, mend=mend)
