"""A throw-away registry and a throw-away Kubernetes in containers, made to fit a cluster description."""

from sandbox.lifecycle import down, prepare, up

__all__ = ["down", "prepare", "up"]
