"""Your own ZooKeeper on Kubernetes: render, build, push, deploy, and what an operator needs afterwards."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout this package is run from: image/, manifests/ and sandbox/ lie below it."""
