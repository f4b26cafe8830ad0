"""From `cluster.yaml` to a frozen `Cluster`; every mistake becomes one sentence with file, line, key and mend."""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from zkops.config import yaml_file as document
from zkops.config.cluster import Cluster
from zkops.config.keys import MAX_SHOWN, Key, placeholder, shown, unfilled
from zkops.config.yaml_file import Document, Place
from zkops.core.errors import BadInput

FILE_NAME = "cluster.yaml"

FindPlace = Callable[[Key], Place]
"""Tells where the operator wrote the value of a key of ours."""


def load(path: Path) -> Cluster:
    """Read *path*, a cluster description or the directory holding one.

    Raises:
        BadInput: naming file, line where known, key, what is wrong and what to write instead.
    """
    if not document.is_directory(path):
        return _cluster(document.read(path))
    if not document.is_file(path / FILE_NAME):
        raise BadInput(
            f"{path}: holds no {FILE_NAME}, and neither layout.yaml nor cluster-configuration.yaml of OpenPAI",
            "name a directory that does, or a file, with -p",
        )
    return _cluster(document.read(path / FILE_NAME))


def parse(text: str, file: Path) -> Cluster:
    """Check the text of a cluster description; *file* is only named in errors and gives the directory."""
    return _cluster(document.parse(text, file))


def _cluster(found: Document) -> Cluster:
    if not isinstance(found.data, dict):
        raise BadInput(
            f"{found.file}: is not a mapping of keys to values", "begin with `name:`, as the shipped cluster.yaml does"
        )
    return check(found.data, found.place, found.file.parent)


def check(data: dict[str, Any], place: FindPlace, directory: Path) -> Cluster:
    """Make a Cluster of plain data; *place* tells where the operator wrote the value of a key."""
    for key, text in _texts(data, ()):
        if placeholder(text):
            raise unfilled(str(place(key)), text)
        if re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", text):
            raise BadInput(
                f"{place(key)}: {_shown(key, text, place)}has a control character", "write it in one line of plain text"
            )
    if "directory" in data:
        data = {("directory " if key == "directory" else key): value for key, value in data.items()}
    try:
        return Cluster.model_validate(data | {"directory": directory.resolve()}, strict=False)
    except ValidationError as error:
        raise BadInput(*_explain(error, place)) from None


def _texts(value: object, key: Key) -> Iterator[tuple[Key, str]]:
    """Yield every text in *value*."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict | list):
        for part, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inner, (*key, part))


def _explain(error: ValidationError, place: FindPlace) -> tuple[str, str]:
    """Put the first mistake into words, and count the others."""
    first = error.errors(include_url=False)[0]
    key: Key = _plain(first["loc"])
    message, _, mend = first["msg"].removeprefix("Value error, ").partition("; ")
    message = re.sub("a valid (tuple|dictionary).*", _plain_type, message.replace("Input should be", "should be"))
    message = message.partition(", unable to")[0]
    value = _shown(key, first["input"], place)
    match first["type"]:
        case "extra_forbidden":
            key = (*key[:-1], str(key[-1]).strip())
            value, message, mend = "", "is not a known key", _nearest(key)
        case "missing":
            value, message, mend = "", "is missing", f"add it: {_documentation(key)}"
        case "value_error" if (named := _key(message.partition(": ")[0]))[:1] and named[0] in _model_at(
            key
        ).model_fields:
            # found by comparing several keys; the message names the one
            key, value, message = (*key, *named), "", message.partition(": ")[2]
        case "string_type" if isinstance(first["input"], bool | int | float):
            mend = mend or "put it in quotes"
    others = len({_plain(mistake["loc"]) for mistake in error.errors(include_url=False)}) - 1
    more = f" (and {others} more)" if others else ""
    mend = mend or f"docs/reference/cluster.md: {_documentation(key)}"
    return _renamed(f"{place(key)}: {value}{message}{more}", place), mend


def _plain(location: tuple[str | int, ...]) -> Key:
    """Leave out what pydantic adds for a value that may be of several types."""
    known = location[:2] if location[:1] == ("zoo_cfg",) else location
    return tuple(part for part in known if part != "[key]")


def _key(where: str) -> Key:
    """Read a key as `dotted` writes it; the keys of zoo_cfg have dots of their own."""
    if where.startswith("zoo_cfg."):
        return ("zoo_cfg", where.removeprefix("zoo_cfg."))
    return tuple(int(part) if part.isdecimal() else part for part in re.findall(r"[^.\[\]]+", where))


def _renamed(message: str, place: FindPlace) -> str:
    """Call the machines that a message names as the operator's own file does."""
    return re.sub(r"(?<![-\w])machines\[(\d+)\]", lambda found: place(("machines", int(found[1]))).key, message)


def _plain_type(found: re.Match[str]) -> str:
    """Say Python's types in YAML's words."""
    return "a list (`- …`)" if found[1] == "tuple" else "a mapping (`key: value`)"


def _shown(key: Key, value: object, place: FindPlace) -> str:
    """Show what was written, but nothing of credentials: somebody may have put the password itself there."""
    if "credentials" in key or isinstance(value, list | dict | tuple):
        return ""
    written = None if isinstance(value, str) else place(key).written
    return f"{shown(value) if written is None else ' '.join(written.split())[:MAX_SHOWN] or 'nothing'} "


def _nearest(key: Key) -> str:
    known = sorted(set(_model_at(key[:-1]).model_fields) - {"directory"})
    near = difflib.get_close_matches(str(key[-1]).strip(), known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"


def _documentation(key: Key) -> str:
    """Give the description of the field at *key*, else the page that describes all."""
    field = _model_at(key[:-1]).model_fields.get(str(key[-1])) if key else None
    return (field and field.description) or "every key is explained there"


def _model_at(key: Sequence[str | int]) -> type[BaseModel]:
    """Give the model of the mapping at *key*."""
    model: type[BaseModel] = Cluster
    for part in key:
        field = model.model_fields.get(str(part))
        model = (model_in(field.annotation) if field else None) or model
    return model


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside `Model | None` or `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)
