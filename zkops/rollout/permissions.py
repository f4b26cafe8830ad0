"""The rights that a plan needs: asked for before anything is touched."""

from collections.abc import Iterable

from zkops.core.errors import Failed
from zkops.kube.access import KINDS, Right, missing, scoped, together
from zkops.kube.client import Kube
from zkops.planning.plan import Step


def of_steps(steps: Iterable[Step], namespace: str) -> tuple[Right, ...]:
    """Give the rights that carrying out the steps of a plan needs, beyond those of observing."""
    found: set[Right] = set()
    for step in steps:
        match step.action:
            case "apply":
                resource = KINDS[step.target.partition(" ")[0]]
                # Server-side apply patches, and creates what is not there.
                found |= {scoped(resource, verb, namespace) for verb in ("patch", "create")}
            case "label":
                found.add(scoped("nodes", "patch", namespace))
            case "unlabel":
                found |= {scoped("nodes", "patch", namespace), scoped("pods", "delete", namespace)}
            case "replace" | "restart":
                found.add(scoped("pods", "delete", namespace))
            case "roster":
                found |= {scoped("configmaps", verb, namespace) for verb in ("patch", "create")}
            case "wait":
                found.add(scoped("daemonsets.apps", "patch", namespace))
                found.add(scoped("pods", "delete", namespace))  # of a member that ends; and a change may be undone
    return tuple(sorted(found))


def demand(steps: Iterable[Step], kube: Kube) -> None:
    """Refuse to begin what cannot be finished for want of a right.

    Raises:
        Failed: naming every missing right; nothing was touched.
    """
    lacking = missing(of_steps(steps, kube.namespace), kube)
    if lacking:
        raise Failed(
            f"forbidden: this user has not the right to {'; '.join(together(lacking))}; nothing was touched",
            "let an administrator grant what is named; `invoke doctor` tells the rights of all tasks",
        )
