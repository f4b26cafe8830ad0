"""The generators of docs/reference/cluster.md and docs/cluster.schema.json."""
