"""OpenPAI's configuration directory, read as a `Cluster` and written as a `cluster.yaml`."""
