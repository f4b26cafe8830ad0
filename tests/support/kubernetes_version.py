"""Which Kubernetes the tests' sandboxes run: pytest's option `--kubernetes`, kept where programs of tests see it."""

import os

VARIABLE = "ZKOPS_TEST_KUBERNETES"
"""A minor version such as `1.34`; unset, it is the product's default."""


def wanted() -> str | None:
    """Give the version that was asked for, None for the default."""
    return os.environ.get(VARIABLE) or None


def sandbox_section(api_port: int) -> dict[str, object]:
    """Give the section `sandbox` of a test's cluster description."""
    version = wanted()
    return {"api_port": api_port} | ({"kubernetes": version} if version else {})
