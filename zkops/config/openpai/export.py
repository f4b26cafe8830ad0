"""An OpenPAI directory → the text of the equal `cluster.yaml`, commented: where each value came from, what was left."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from zkops.config import loader as config
from zkops.config import yaml_file as document
from zkops.config.keys import Key, dotted, shown
from zkops.config.openpai import loader as openpai
from zkops.config.openpai.loader import Translation
from zkops.core.errors import BadInput

LEFT: tuple[tuple[Key, str], ...] = (
    (("default-machine-properties",), "logins for ssh; nothing is done on machines but through Kubernetes"),
    (("machine-sku",), "sizes of machines; set `resources` to what a member needs"),
    (("kubernetes",), "addresses of the API server; kubernetes.kubeconfig says how it is reached"),
    (("cluster", "clusterid"), "name of the OpenPAI cluster; `name` is the ensemble's"),
    (("cluster", "common", "cluster-id"), "name of the OpenPAI cluster; `name` is the ensemble's"),
    (("cluster", "common", "cluster-type"), "which services OpenPAI started"),
    (("cluster", "common", "k8s-rbac"), "roles are always used"),
)
"""Fields that bear on ZooKeeper or look so, and are not taken over."""

COMMENTS: Mapping[Key, str] = {
    ("name",): "names the objects and the data directories; OpenPAI has no name for its ensemble",
    ("resources",): 'qos-switch: "false" set no requests at all; small ones keep a member from being killed first',
    ("registry", "credentials"): "user name and password are read there, in place; they stand nowhere else. Another\n"
    "file takes the lines `username: …` and `password: …` and no `key`; or name username_env and password_env.",
    ("paths", "data"): "OpenPAI kept its data in zoodata below it, which is neither read nor removed; ours is in NAME/",
}


def describe(path: Path, directory: Path) -> str:
    """Give the text of a `cluster.yaml` to stand in *directory*; it was checked as `deploy` checks it."""
    if not openpai.holds(path):
        raise BadInput(
            f"{path}: is no OpenPAI directory: it holds a {config.FILE_NAME}, or none of {', '.join(openpai.FILES)}",
            "name the directory with OpenPAI's configuration, with -p",
        )
    found = openpai.translate(path)
    openpai.check(found)
    data = _moved(dict(found.data), found.directory, directory)
    lines = [
        f"# Made by `invoke import-openpai` from {', '.join(_files(found))}.",
        "# docs/reference/cluster.md explains every key.",
        *_mapping(found, data, ()),
        "",
        "# Not taken over:",
        *(f"# - {place}: {why}" for place, why in _left(found)),
        *(f"# Take note: {warning}" for warning in found.warnings),
    ]
    return "\n".join(lines) + "\n"


def _files(found: Translation) -> Iterator[str]:
    yield from (shown(str(made.file))[1:-1] for made in (*found.documents, found.overlay) if made)


def _moved(data: dict[str, Any], source: Path, target: Path) -> dict[str, Any]:
    """Name files so that they are found from the new directory."""
    for key in (("registry", "credentials", "file"), ("kubernetes", "kubeconfig")):
        name = document.value(data, key)
        if isinstance(name, str) and not Path(name).expanduser().is_absolute():
            there = os.path.relpath(source.resolve() / name, target.resolve())
            data = _with(data, key, there)
    return data


def _with(data: Mapping[str, Any], key: tuple[str, ...], value: str) -> dict[str, Any]:
    inner = value if len(key) == 1 else _with(data[key[0]], key[1:], value)
    return dict(data) | {key[0]: inner}


def _mapping(found: Translation, data: Mapping[str, Any], key: Key) -> Iterator[str]:
    """Write a mapping: one line a value, with where it came from; mappings below it indented."""
    margin = "  " * len(key)
    for name, value in data.items():
        here = (*key, name)
        if not key:
            yield ""
        yield from (f"{margin}# {line}" for line in COMMENTS.get(here, "").splitlines() if _known(found, here))
        if isinstance(value, dict) and value:
            yield f"{margin}{_scalar(name)}:"
            yield from _mapping(found, value, here)
        elif isinstance(value, list) and value:
            yield f"{margin}{_scalar(name)}:"
            yield from (f"{margin}  - {_flow(item)}{_origin(found, (*here, n))}" for n, item in enumerate(value))
        else:
            yield f"{margin}{_scalar(name)}: {_flow(value)}{_origin(found, here)}"


def _known(found: Translation, key: Key) -> bool:
    """Tell whether the value is of the translation, not of the overlay."""
    return not found.overlay or key not in found.overlay.lines


def _origin(found: Translation, key: Key) -> str:
    place = found.place(key)
    line = f":{place.line}" if place.line else ""
    return f"  # {place.file.name}{line}" if place.file != found.directory else ""


def _flow(value: Any) -> str:
    """Write a value in one line; quotes keep `no` and 1.10 what they are."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(name)}: {_flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value) if isinstance(value, str) else json.dumps(value)


def _scalar(text: str) -> str:
    plain = all(part.isalnum() or part in "-_./" for part in text) and text[:1].isalpha() and text.isascii()
    words = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    if plain and text.lower() not in words:
        return text
    quoted: str = yaml.safe_dump(text, default_style='"', width=10**6)
    return quoted.rstrip("\n")


def _left(found: Translation) -> Iterator[tuple[str, str]]:
    for key, why in LEFT:
        for made in found.documents:
            if key in made.lines:
                yield f"{made.file.name}:{made.lines[key]} {dotted(key)}", why
    members, services = found.documents
    others = len(members.data["machine-list"]) - len(found.data["machines"])
    if others > 0:
        yield f"{members.file.name} machine-list", f"{others} machine(s) without a zkid carry no member"
    yield f"{services.file.name}", "what it says of other services"
