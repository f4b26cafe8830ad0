"""docs/reference/cluster.md, the keys of `cluster.yaml`, made from the models: every key is described once, there."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from zkops.config.cluster import Cluster
from zkops.config.loader import model_in
from zkops.zoocfg import settings as zoocfg

INTRODUCTION = """# `cluster.yaml`, key by key

Made from the code by `pytest tests/unit/docgen/test_reference.py --update-golden`; do not edit.
An unknown key is refused with the nearest known one. `[]` marks a list.

| key | default | meaning |
|---|---|---|
"""


def markdown() -> str:
    """Write the whole page."""
    rows = (f"| `{key}` | {default} | {meaning} |" for key, default, meaning in _rows(Cluster, ""))
    settings = "\n".join(f"| `{key}` | `{value}` |" for key, value in sorted(zoocfg.DEFAULTS.items()))
    return (
        INTRODUCTION
        + "\n".join(rows)
        + "\n\n## Defaults of `zoo_cfg`\n\nAny key of zoo.cfg may be set there but those made from other keys:"
        + f" {', '.join(f'`{key}`' for key in zoocfg.OWNED)} and `server.N`.\n\n"
        + f"| key | default |\n|---|---|\n{settings}\n"
    )


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        inner = model_in(field.annotation)
        listed = "[]" if inner and "tuple" in str(field.annotation) else ""
        yield f"{prefix}{name}", _default(field), field.description or ""
        if inner:
            yield from _rows(inner, f"{prefix}{name}{listed}.")


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if field.is_required():
        return "**must be given**"
    if field.default_factory or isinstance(value, BaseModel):
        return "see below"
    if value in (None, "", ()):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
