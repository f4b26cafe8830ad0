"""The Java properties format, as java.util.Properties.load reads it: what zoo.cfg is written in.

Its traps are why this is not `line.split("=")`: `:` and blanks separate as `=` does, a backslash at the end of a line
joins the next one to it, any other backslash vanishes, and text behind a value is no comment.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLANKS = " \t\f"
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|[\s\S]|$)")
_KEY = re.compile(r"(?:\\[\s\S]|[^\\=: \t\f])*")
_SEPARATOR = re.compile(r"[ \t\f]*[=:]?[ \t\f]*")
_TERMINATOR = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One key with its value; *line* is where it begins, from 1."""

    line: int
    key: str
    value: str
    lost: bool = False
    """A backslash before a letter was taken away, as in `C:\\data`, which is seldom meant."""
    malformed: bool = False
    """Holds `\\u` without four hexadecimal digits: Java refuses the whole file."""


def parse(text: str) -> tuple[Entry, ...]:
    """Read all entries, repeated keys too, in order. Keys and values are trimmed, as ZooKeeper does."""
    return tuple(_entry(line, logical) for line, logical in _logical(_TERMINATOR.split(text)))


def _logical(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Join continued lines and leave out comments; a line that continues another is never a comment."""
    numbered = iter(enumerate(lines, start=1))
    for begin, first in numbered:
        line = first.lstrip(_BLANKS)
        if line in ("", "\\") or line[0] in "#!":  # a lone backslash joins nothing to anything
            continue
        while _continues(line):
            _, following = next(numbered, (0, ""))
            line = line[:-1] + following.lstrip(_BLANKS)
        yield begin, line


def _continues(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _entry(line: int, logical: str) -> Entry:
    found = _KEY.match(logical)
    end = found.end() if found else 0
    separator = _SEPARATOR.match(logical, end)
    raw = logical[separator.end() if separator else end :]
    escapes = _ESCAPE.findall(logical)
    return Entry(
        line=line,
        key=_unescape(logical[:end]).strip(),
        value=_unescape(raw).strip(),
        lost=any(len(escape) == 1 and escape.isalpha() and escape != "u" for escape in escapes),
        malformed="u" in escapes,
    )


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(found: re.Match[str]) -> str:
    escape = found[1]
    if len(escape) == 5:
        return chr(int(escape[1:], 16))
    return _ESCAPES.get(escape, escape)
