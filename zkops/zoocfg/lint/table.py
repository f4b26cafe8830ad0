"""The table of settings, `zkops/zoocfg/lint/keys.yaml`: which keys a version of ZooKeeper knows, and of what kind."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import resources
from typing import Any

import yaml

from zkops.core.errors import BadInput

_LAST = 9999
"""Stands for the newest patch release where only `3.9` is said."""


@dataclass(frozen=True, order=True)
class Version:
    """A ZooKeeper version; `3.9` is the newest 3.9."""

    major: int
    minor: int
    patch: int = _LAST

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read `3.9`, `3.9.6` or `3.9.6-2`.

        Raises:
            BadInput: for anything else, and for versions before 3.5, whose source was not read.
        """
        found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(?:[-+~].*)?", text, re.ASCII)
        known = ", ".join(table().versions)
        if not found:
            raise BadInput(
                f"--version: {text!r} is no version of ZooKeeper", f"write one such as 3.9.6; known: {known}"
            )
        version = cls(int(found[1]), int(found[2]), int(found[3]) if found[3] else _LAST)
        if version < cls(3, 5, 0):
            raise BadInput(f"--version: ZooKeeper {text} is older than the tables", f"known: {known}")
        return version

    @property
    def branch(self) -> tuple[int, int]:
        """Major and minor number."""
        return self.major, self.minor

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}" + ("" if self.patch == _LAST else f".{self.patch}")


def _at(text: str) -> Version:
    """Read a version of the table, which means its first release: `3.10` there is 3.10.0."""
    return Version(*(int(part) for part in [*text.split("."), "0"][:3]))


@dataclass(frozen=True, kw_only=True)
class Key:
    """One setting; the head of the table explains the fields."""

    name: str
    about: str
    reads: str = "X509Util"
    type: str = "string"
    values: tuple[str, ...] = ()
    nocase: bool = False
    min: int | None = None
    max: int | None = None
    soft: bool = False
    since: tuple[str, ...] = ()
    until: str = ""
    instead: str = ""
    ignored: str = ""
    unsafe: Mapping[str, str] = field(default_factory=dict)
    risky: Mapping[str, str] = field(default_factory=dict)
    secret: bool = False
    client: bool = False

    def known(self, version: Version) -> bool:
        """Say whether *version* reads this key; a key brought back to a branch is known there from that release on."""
        since = [_at(text) for text in self.since]
        branch = [first for first in since if first.branch == version.branch]
        begun = version >= branch[0] if branch else not since or any(first < version for first in since)
        return begun and not self.gone(version)

    def gone(self, version: Version) -> bool:
        """Say whether it was removed before *version*."""
        return bool(self.until) and version >= _at(self.until)

    def idle(self, version: Version) -> bool:
        """Say whether *version* accepts it and does nothing with it."""
        return bool(self.ignored) and version >= _at(self.ignored)


@dataclass(frozen=True, kw_only=True)
class Family:
    """Keys with a common prefix and any suffix of a kind, such as `server.N`."""

    prefix: str
    suffix: str
    type: str
    about: str
    other: bool = False
    """Meant for others than ZooKeeper: what is not in the table may be right."""

    def key(self, name: str) -> Key:
        """Give the member of the family named *name*."""
        return Key(name=name, type=self.type, about=self.about, reads="QuorumPeerConfig")

    def fits(self, name: str) -> bool:
        """Say whether *name* belongs to it."""
        return name.startswith(self.prefix) and bool(re.fullmatch(self.suffix, name.removeprefix(self.prefix)))


@dataclass(frozen=True, kw_only=True)
class Table:
    """Everything the linter knows about settings."""

    versions: Mapping[str, str]
    """Version → tag of the source it was read from."""
    keys: Mapping[str, Key]
    families: tuple[Family, ...]
    system_properties: Mapping[str, str]
    guide_names: Mapping[str, str]
    no_settings: frozenset[str]

    def names(self, version: Version) -> tuple[str, ...]:
        """Give the names that *version* reads from zoo.cfg, without the families."""
        return tuple(key.name for key in self.keys.values() if key.known(version))

    def newer(self, version: Version) -> bool:
        """Say whether *version* came after the newest source read."""
        return version.branch > max(_at(text).branch for text in self.versions)


@cache
def table() -> Table:
    """Read the table, once."""
    text = resources.files("zkops.zoocfg.lint").joinpath("keys.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    tls = {f"{prefix}{name}": row for name, row in data["tls"].items() for prefix in ("ssl.", "ssl.quorum.")}
    return Table(
        versions=data["versions"],
        keys={key.name: key for key in _keys(data["keys"] | tls)},
        families=tuple(Family(prefix=prefix, **row) for prefix, row in data["families"].items()),
        system_properties=data["system_properties"],
        guide_names=data["guide_names"],
        no_settings=frozenset(data["no_settings"]),
    )


def _keys(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Key]:
    lists = {item.name for item in fields(Key) if str(item.type).startswith("tuple")}
    for name, row in rows.items():
        values: dict[str, Any] = {key: tuple(value) if key in lists else value for key, value in row.items()}
        yield Key(name=name, **values)
