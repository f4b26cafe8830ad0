"""From `cluster.yaml` to a frozen `Cluster`; every mistake becomes one sentence with file, line, key and mend."""

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from zkops.cluster import Cluster
from zkops.errors import BadInput

FILE_NAME = "cluster.yaml"

Key = tuple[str | int, ...]
"""Where a value stands in the document: `("machines", 0, "ip")`."""


def load(path: Path) -> Cluster:
    """Read *path*, a cluster description or the directory holding one.

    Raises:
        BadInput: naming file, line where known, key, what is wrong and what to write instead.
    """
    file = path / FILE_NAME if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadInput(
            f"{file}: there is no such file", f"name a {FILE_NAME}, or a directory holding one, with -p"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: cannot be read: {error}", "give a readable text file in UTF-8") from error
    return parse(text, file)


def parse(text: str, file: Path) -> Cluster:
    """Check the text of a cluster description; *file* is only named in errors and gives the directory."""
    data, lines = _read_yaml(text, file)
    if not isinstance(data, dict):
        raise BadInput(
            f"{file}: is not a mapping of keys to values", "begin with `name:`, as the shipped cluster.yaml does"
        )
    if "directory" in data:
        data["directory "] = data.pop("directory")  # the loader's own field is no key of the file
    try:
        return Cluster.model_validate(data | {"directory": file.parent.resolve()}, strict=False)
    except ValidationError as error:
        raise BadInput(*_explain(error, file, lines)) from None


def _read_yaml(text: str, file: Path) -> tuple[Any, dict[Key, int]]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Key, int] = {}
        for key, node in _walk(root, ()):
            if key in lines:
                raise BadInput(
                    f"{file}:{node.start_mark.line + 1}: {_dotted(key)}: stands twice, first in line {lines[key]}",
                    "keep one of them",
                )
            lines[key] = node.start_mark.line + 1
        return yaml.safe_load(text), lines
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        what = " ".join(filter(None, (error.context, error.problem)))
        raise BadInput(
            f"{file}{line}: is not valid YAML: {what}", "mend the line; indent with spaces, never tabs"
        ) from None
    except yaml.YAMLError as error:
        raise BadInput(f"{file}: is not valid YAML: {error}", "give a text file in UTF-8") from None
    except RecursionError:
        raise BadInput(f"{file}: is nested too deeply", "a cluster description has three levels") from None


def _walk(node: yaml.Node | None, key: Key) -> Iterator[tuple[Key, yaml.Node]]:
    """Yield every key of the document with the node that names it, in order."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            inner = (*key, str(name.value))
            yield inner, name
            yield from _walk(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*key, index), value
            yield from _walk(value, (*key, index))


def _explain(error: ValidationError, file: Path, lines: dict[Key, int]) -> tuple[str, str]:
    """Put the first mistake into words, and count the others."""
    first = error.errors(include_url=False)[0]
    key: Key = first["loc"]
    message, _, mend = first["msg"].removeprefix("Value error, ").partition("; ")
    message = re.sub("a valid (tuple|dictionary).*", _plain_type, message.replace("Input should be", "should be"))
    where, shown = _dotted(key), _shown(first["input"])
    match first["type"]:
        case "extra_forbidden":
            where, shown, message, mend = where.strip(), "", "is not a known key", _nearest(key)
        case "missing":
            shown, message, mend = "", "is missing", f"add it: {_documentation(key)}"
        case "value_error" if message.partition(": ")[0].partition("[")[0] in Cluster.model_fields:
            where, _, message = message.partition(": ")  # found by comparing several keys; the message names the one
    others = error.error_count() - 1
    more = f" (and {others} more)" if others else ""
    place = f"{file}{_line(key, where, lines)}"
    named = f"{where}: " if where else ""
    return f"{place}: {named}{shown}{message}{more}", mend or _documentation(key)


def _plain_type(found: re.Match[str]) -> str:
    """Say Python's types in YAML's words."""
    return "a list (`- …`)" if found[1] == "tuple" else "a mapping (`key: value`)"


def _line(key: Key, where: str, lines: dict[Key, int]) -> str:
    """Give `:LINE` of the key, or of the nearest key around it that stands in the document."""
    around = (key[:length] for length in range(len(key), 0, -1))
    named = (known for known in lines if _dotted(known) == where)
    return next((f":{lines[known]}" for known in (*named, *around) if known in lines), "")


def _nearest(key: Key) -> str:
    known = sorted(set(_model_at(key[:-1]).model_fields) - {"directory"})
    near = difflib.get_close_matches(str(key[-1]).strip(), known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"


def _documentation(key: Key) -> str:
    """Give the description of the field at *key*, else the page that describes all."""
    field = _model_at(key[:-1]).model_fields.get(str(key[-1])) if key else None
    return (field and field.description) or "see docs/cluster.md for every key"


def _shown(value: object) -> str:
    return f"{value!r} " if isinstance(value, str | int | float | bool | None) else ""


def _dotted(key: Key) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")


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
