"""docs/cluster.schema.json, the JSON Schema of `cluster.yaml`, made from the models, for editors to complete and check.

It is the outline: what needs comparing of values (addresses, amounts, ids given twice) is checked when the file is
read.
"""

import json
from typing import Any

from zkops.config.cluster import Cluster
from zkops.images import image
from zkops.zoocfg.lint.table import Version, table
from zkops.zoocfg.settings import OWNED, mend

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BOUNDS = {"ge": "minimum", "le": "maximum"}
"""pydantic writes bounds by its own names where a validator stands before them."""
_SETTING = {"type": ["string", "integer", "boolean"]}


def schema() -> dict[str, Any]:
    """Make the schema."""
    made = Cluster.model_json_schema()
    # Set by the loader, no key of the file.
    del made["properties"]["directory"]
    made["properties"]["zoo_cfg"] |= _settings()
    bounded: dict[str, Any] = _bounded(made)
    return {"$schema": DIALECT} | bounded


def text() -> str:
    """Write the schema as it is committed."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _bounded(part: Any) -> Any:
    if isinstance(part, dict):
        return {_BOUNDS.get(key, key): _bounded(value) for key, value in part.items()}
    return [_bounded(value) for value in part] if isinstance(part, list) else part


def _settings() -> dict[str, Any]:
    """Offer the settings of the ZooKeeper that image/ makes; refuse those made from other keys; allow any other."""
    known = table()
    names = known.names(Version.parse(image.zookeeper_version()))
    offered = {name: _SETTING | {"description": known.keys[name].about} for name in sorted(names)}
    owned = {name: {"not": {}, "description": f"Is made from {owner}; {mend(name)}."} for name, owner in OWNED.items()}
    return {"properties": offered | owned, "patternProperties": {r"^(server|group|weight)\.": {"not": {}}}}
