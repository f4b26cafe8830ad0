"""A YAML file as an operator wrote it → plain data, with line and wording of every key; what is wrong is one sentence.

Narrower than YAML on purpose: keys are words, values are texts, numbers, yes or no; aliases may neither turn in circles
nor blow a small file up; a date is the text that was written. So no later room meets a surprise.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from zkops.config.keys import Key, dotted, placeholder, unfilled
from zkops.core.errors import BadInput

MAX_BYTES = 2**20
MAX_NODES = 100_000
MAX_DEPTH = 50

_TAG = "tag:yaml.org,2002:"
_WORDS = {f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}value", f"{_TAG}merge"}
_PARSED = {f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float")}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a value stands, in the operator's own words."""

    file: Path
    line: int | None
    key: str
    written: str | None = field(repr=False)
    """The value as it was written, None where it is no single value."""

    def __str__(self) -> str:
        return ": ".join(filter(None, (f"{self.file}:{self.line}" if self.line else f"{self.file}", self.key)))


@dataclass(frozen=True, kw_only=True)
class Document:
    """What a file holds."""

    file: Path
    data: Any = field(repr=False)
    lines: Mapping[Key, int] = field(repr=False)
    written: Mapping[Key, str] = field(repr=False)

    def place(self, key: Key) -> Place:
        """Give the place of *key*; the line is that of the nearest key around it that stands in the document."""
        around = (key[:length] for length in range(len(key), 0, -1))
        line = next((self.lines[known] for known in around if known in self.lines), None)
        return Place(file=self.file, line=line, key=dotted(key), written=self.written.get(key))


def value(data: Any, key: Key) -> Any:
    """Give what stands in plain *data* at *key*, None where nothing does."""
    for part in key:
        inside = isinstance(data, dict) if isinstance(part, str) else isinstance(data, list) and part < len(data)
        data = (data.get(part) if isinstance(part, str) else data[part]) if inside else None
    return data


def is_directory(path: Path) -> bool:
    """Tell whether *path* is a directory; what cannot be looked at is none, and told when it is read."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Tell whether *path* is there and no directory."""
    try:
        return path.exists() and not path.is_dir()
    except OSError:
        return False


def read(file: Path) -> Document:
    """Read a YAML file.

    Raises:
        BadInput: naming file, line where known, what is wrong and what to do.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise BadInput(f"{file}: is larger than {MAX_BYTES // 2**20} MiB", "name the right file")
        return parse(content.decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{file}: is no text in UTF-8: byte {error.start + 1} is {error.object[error.start]:#04x}",
            "save it as UTF-8",
        ) from None
    except FileNotFoundError:
        raise BadInput(
            f"{file}: there is no such file",
            "name a cluster.yaml, or a directory that holds one or is OpenPAI's, with -p",
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"{file}: cannot be read: {reason}", "give a readable text file in UTF-8") from None


def parse(text: str, file: Path) -> Document:
    """Read the text of a YAML file; *file* is only named."""
    try:
        reader = _Reader(text, file)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = reader.value(root, ()) if root else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(filter(None, (error.context, error.problem))).replace("character '\\t'", "a tab")
        # What stands in quotes can be a piece of a password that begins with * or !.
        raise _invalid(text, file, mark.line + 1 if mark else None, re.sub(r" '(?!<)[^']{2,}'", "", what)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise BadInput(
            f"{file}:{line}: has the control character U+{error.character:04X}", "remove it; give plain text in UTF-8"
        ) from None
    except yaml.YAMLError as error:
        raise _invalid(text, file, None, " ".join(str(error).split())) from None
    except RecursionError:
        raise too_deep(file) from None
    return Document(file=file, data=data, lines=reader.lines, written=reader.written)


def too_deep(file: Path) -> BadInput:
    """Give the error for a file that nobody meant to write."""
    return BadInput(f"{file}: is nested too deeply, or an alias holds itself", "a configuration has a few levels")


def _invalid(text: str, file: Path, line: int | None, what: str) -> BadInput:
    lines = text.splitlines()[: line + 1] if line else text.splitlines()
    for number, content in enumerate(lines, start=1):
        if placeholder(content.partition("#")[0]):
            return unfilled(f"{file}:{number}", content)
    place = f"{file}:{line}" if line else f"{file}"
    return BadInput(
        f"{place}: is not valid YAML: {what}",
        "mend the line; indent with spaces, never tabs; a value that begins with one of * & ! % @ ` needs quotes",
    )


class _Reader:
    """Turns composed nodes into plain data, and counts what it reads."""

    def __init__(self, text: str, file: Path) -> None:
        self.text, self.file = text, file
        self.lines: dict[Key, int] = {}
        self.written: dict[Key, str] = {}
        self.nodes = 0
        self._scalars = yaml.SafeLoader("")

    def value(self, node: yaml.Node, key: Key) -> Any:
        self.nodes += 1
        if len(key) > MAX_DEPTH:
            raise too_deep(self.file)
        if self.nodes > MAX_NODES:
            raise BadInput(f"{self.file}: its aliases expand to more than {MAX_NODES} values", "write them out")
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return {name: self.value(inner, (*key, name)) for name, inner in self._entries(node, key)}
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self._item(inner, (*key, index)) for index, inner in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, key)
        raise self._tagged(node, key)

    def _item(self, node: yaml.Node, key: Key) -> Any:
        self.lines[key] = node.start_mark.line + 1
        return self.value(node, key)

    def _entries(self, node: yaml.MappingNode, key: Key) -> Iterator[tuple[str, yaml.Node]]:
        """Yield the mapping's own entries, then those merged in (`<<`) that it does not have itself."""
        merged: list[yaml.Node] = []
        own: dict[str, int] = {}
        for name_node, inner in node.value:
            if name_node.tag == f"{_TAG}merge":
                merged += inner.value if isinstance(inner, yaml.SequenceNode) else [inner]
                continue
            name, line = self._name(name_node, key), name_node.start_mark.line + 1
            if name in own:
                raise BadInput(
                    f"{self.file}:{line}: {dotted((*key, name))}: stands twice, first in line {own[name]}",
                    "keep one of them",
                )
            own[name] = self.lines[(*key, name)] = line
            yield name, inner
        for source in merged:
            yield from self._merged(source, key, own)

    def _merged(self, source: yaml.Node, key: Key, own: dict[str, int]) -> Iterator[tuple[str, yaml.Node]]:
        self.nodes += 1
        if not isinstance(source, yaml.MappingNode) or any(n.tag == f"{_TAG}merge" for n, _ in source.value):
            line = source.start_mark.line + 1
            raise BadInput(f"{self.file}:{line}: {dotted((*key, '<<'))}: cannot be merged here", "write the keys out")
        for name_node, inner in source.value:
            name = self._name(name_node, key)
            if name not in own:
                own[name] = self.lines[(*key, name)] = name_node.start_mark.line + 1
                yield name, inner

    def _name(self, node: yaml.Node, key: Key) -> str:
        if isinstance(node, yaml.ScalarNode) and node.tag in _WORDS | _PARSED:
            return str(node.value)
        line = node.start_mark.line + 1
        content = self.text.splitlines()[line - 1] if line <= len(self.text.splitlines()) else ""
        if placeholder(content):
            raise unfilled(f"{self.file}:{line}", content)
        where = f"in {dotted(key)} " if key else ""
        raise BadInput(f"{self.file}:{line}: a key {where}is a list or a mapping, not a word", "write `key: value`")

    def _scalar(self, node: yaml.ScalarNode, key: Key) -> Any:
        self.written[key] = str(node.value)
        if node.tag in _WORDS:
            return str(node.value)
        if node.tag not in _PARSED:
            raise self._tagged(node, key)
        try:
            return self._scalars.construct_object(node)
        except (ValueError, KeyError, IndexError):
            raise BadInput(
                f"{self.file}:{node.start_mark.line + 1}: {dotted(key)}: is no {node.tag.removeprefix(_TAG)}",
                "write a plain value; put a text in quotes",
            ) from None

    def _tagged(self, node: yaml.Node, key: Key) -> BadInput:
        # The tag itself is not shown: a password that begins with ! reads as one.
        return BadInput(
            f"{self.file}:{node.start_mark.line + 1}: {dotted(key)}: has a YAML tag (`!…`)",
            "remove the tag; a text that begins with ! needs quotes",
        )
