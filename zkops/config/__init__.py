"""`cluster.yaml` or an OpenPAI directory becomes one frozen `Cluster`; pure but for reading files."""
