"""What the linter finds, and the file as its rules see it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from zkops.zoocfg.lint.table import Version
from zkops.zoocfg.properties import Entry
from zkops.zoocfg.settings import PROVIDER

Level = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing wrong with a zoo.cfg, and what to do about it."""

    level: Level
    line: int | None
    """Where the key stands; None when what is wrong is that it does not stand there."""
    key: str
    message: str
    mend: str

    def sentence(self) -> str:
        """Give key, message and mend in one line."""
        text = f"{self.key}: {self.message}; {self.mend}"
        return "".join(character if character.isprintable() else "?" for character in text)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A zoo.cfg as ZooKeeper sees it: of a repeated key one holds, here the last."""

    entries: tuple[Entry, ...]
    version: Version
    snapshot_bytes: int = 0
    """Size of the largest snapshot; 0 is unknown."""

    @cached_property
    def by_key(self) -> Mapping[str, Entry]:
        """The entry that holds, by key."""
        return {entry.key: entry for entry in self.entries}

    @property
    def ours(self) -> bool:
        """Whether it is for our image, whose entrypoint adds the members and makes `initialize` where it must be."""
        return self.text("metricsProvider.className") == PROVIDER

    def __contains__(self, key: str) -> bool:
        return key in self.by_key

    def text(self, key: str, default: str = "") -> str:
        """Give the value of *key*."""
        return self.by_key[key].value if key in self.by_key else default

    def number(self, key: str, default: int) -> int:
        """Give a whole number; what is none was told already and counts as *default*."""
        value = self.text(key)
        return int(value) if re.fullmatch(r"[+-]?[0-9]{1,10}", value) else default

    def flag(self, key: str, default: bool = False) -> bool:
        """Say whether *key* is true."""
        return self.text(key, str(default)).lower() == "true"

    def under(self, *prefixes: str) -> tuple[Entry, ...]:
        """Give the entries whose keys begin with one of *prefixes*, in order."""
        return tuple(entry for entry in self.by_key.values() if entry.key.startswith(prefixes))

    def error(self, key: str, message: str, mend: str) -> Finding:
        """Find something that ZooKeeper refuses, does not do, or must not do."""
        return self._found("error", key, message, mend)

    def warning(self, key: str, message: str, mend: str) -> Finding:
        """Find something allowed that is seldom meant."""
        return self._found("warning", key, message, mend)

    def _found(self, level: Level, key: str, message: str, mend: str) -> Finding:
        entry = self.by_key.get(key)
        return Finding(level=level, line=entry.line if entry else None, key=key, message=message, mend=mend)
