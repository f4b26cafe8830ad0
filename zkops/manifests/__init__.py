"""A `Cluster` and an image become Kubernetes objects and files, byte for byte; pure."""
