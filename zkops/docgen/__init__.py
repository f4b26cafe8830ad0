"""The generators of docs/cluster.md and docs/cluster.schema.json."""
