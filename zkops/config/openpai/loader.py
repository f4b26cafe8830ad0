"""An OpenPAI configuration directory, in both its historic shapes → the same `Cluster`.

Machines stand in `layout.yaml` (from 2018-11) or `cluster-configuration.yaml` (before), the registry in
`services-configuration.yaml`; either of its spellings goes with either machine file. An optional `zkops.yaml` beside
them holds keys of our own, laid over the translation. docs/migrate/openpai.md tells what becomes of every field.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zkops.config import loader as config
from zkops.config import yaml_file as document
from zkops.config.cluster import Cluster
from zkops.config.keys import Key, dotted
from zkops.config.openpai.translate import Draft, translate_documents
from zkops.config.yaml_file import Document, Place
from zkops.core import console
from zkops.core.errors import BadInput

MACHINE_FILES = ("layout.yaml", "cluster-configuration.yaml")
SERVICES_FILE = "services-configuration.yaml"
FILES = (*MACHINE_FILES, SERVICES_FILE)
OVERLAY_FILE = "zkops.yaml"


@dataclass(frozen=True, kw_only=True)
class Translation:
    """Plain data as `cluster.yaml` would hold it, and where each value was written."""

    directory: Path
    documents: tuple[Document, Document]
    """The file with the machines and the one with the services."""
    data: Mapping[str, Any]
    origins: Mapping[Key, tuple[Document, Key]]
    overlay: Document | None
    warnings: tuple[str, ...]

    def place(self, key: Key) -> Place:
        """Tell where the operator wrote the value of our *key*: the nearest known around it, the overlay's first."""
        for length in range(len(key), 0, -1):
            if self.overlay and key[:length] in self.overlay.lines:
                return self.overlay.place(key)
            if key[:length] in self.origins:
                found, original = self.origins[key[:length]]
                return found.place((*original, *key[length:]))
        return Place(file=self.directory, line=None, key=dotted(key), written=None)


def holds(path: Path) -> bool:
    """Tell whether *path* is an OpenPAI directory, or one of its files; a `cluster.yaml` beside them goes first."""
    if path.name in FILES:
        return True
    found = {name for name in (config.FILE_NAME, *FILES) if document.is_file(path / name)}
    return bool(found) and config.FILE_NAME not in found


def load(path: Path) -> Cluster:
    """Read an OpenPAI directory, and tell its warnings.

    Raises:
        BadInput: naming the operator's own file, line and key, what is wrong and what to write instead.
    """
    found = translate(path)
    loaded = check(found)
    for warning in found.warnings:
        console.warn(warning)
    return loaded


def check(found: Translation) -> Cluster:
    """Make a Cluster of the translation."""
    return config.check(dict(found.data), found.place, found.directory)


def translate(path: Path) -> Translation:
    """Read the files of the directory and put them into our words; nothing is checked but what the words need."""
    directory = path if document.is_directory(path) else path.parent
    file = next((directory / name for name in MACHINE_FILES if document.is_file(directory / name)), None)
    if file is None:
        raise BadInput(
            f"{directory}: has {SERVICES_FILE}, but neither {' nor '.join(MACHINE_FILES)}",
            "put the file with the machine-list beside it",
        )
    if not document.is_file(directory / SERVICES_FILE):
        raise BadInput(f"{directory}: has {file.name}, but no {SERVICES_FILE}", "put it beside, it names the registry")
    overlay = _mapping(directory / OVERLAY_FILE) if document.is_file(directory / OVERLAY_FILE) else None
    draft = translate_documents(_mapping(file), _mapping(directory / SERVICES_FILE))
    unread = [directory / name for name in MACHINE_FILES if name != file.name and document.is_file(directory / name)]
    notes = tuple(f"{other}: is not read, {file.name} beside it goes first" for other in unread)
    return _overlaid(draft, overlay, directory, notes)


def _overlaid(draft: Draft, overlay: Document | None, directory: Path, notes: tuple[str, ...]) -> Translation:
    ours = overlay.data if overlay else {}
    # A list or a value of the overlay takes the place of everything that was translated below its key.
    whole = {key for key in overlay.lines if not isinstance(document.value(ours, key), dict)} if overlay else set()
    origins = {
        key: origin
        for key, origin in draft.origins.items()
        if not any(key[:length] in whole for length in range(1, len(key) + 1))
    }
    found = Translation(
        directory=directory,
        documents=draft.documents,
        data=_merged(draft.data, ours),
        origins=origins,
        overlay=overlay,
        warnings=notes + tuple(draft.warnings),
    )
    registry = found.data.get("registry")
    if isinstance(registry, dict):
        for key in ("domain", "namespace"):
            if key not in registry:
                raise BadInput(
                    f"{found.place(('registry', key))}: is missing",
                    f"add it: the {key} of the image's name, domain/namespace/zookeeper",
                )
    return found


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }
    return dict(below) | both


def _mapping(file: Path) -> Document:
    found = document.read(file)
    if found.data is None:
        raise BadInput(f"{file}: is empty", "fill it in, or name another directory with -p")
    if not isinstance(found.data, dict):
        raise BadInput(f"{file}: is not a mapping of keys to values", "write `key: value` lines")
    return found
