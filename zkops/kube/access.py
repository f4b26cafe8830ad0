"""The rights that the tasks need in Kubernetes: as a table, asked from the API server, named where they are missing."""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

from zkops.config.cluster import Cluster
from zkops.kube.client import Kube
from zkops.manifests import monitoring

PARALLEL = 8


@dataclass(frozen=True, kw_only=True, order=True)
class Right:
    """To do one verb on one kind of resource."""

    resource: str
    """With its API group, as RBAC messages write it: `daemonsets.apps`, `pods/log`."""
    verb: str
    namespace: str = ""
    """Empty for resources of the whole cluster."""

    def __str__(self) -> str:
        where = f"in namespace {self.namespace}" if self.namespace else "in the whole cluster"
        return f"{self.verb} {self.resource} {where}"

    def review(self) -> dict[str, object]:
        """Give the question for the API server."""
        name, _, group = self.resource.partition(".")
        resource, _, subresource = name.partition("/")
        asked = {"verb": self.verb, "resource": resource, "group": group, "subresource": subresource}
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "metadata": {},  # the API server takes no name here
            "spec": {"resourceAttributes": asked | {"namespace": self.namespace}},
        }


CLUSTER_WIDE = frozenset({"nodes", "namespaces"})
TABLE = (
    # resource, verbs, the tasks that need them
    ("nodes", "list", "plan deploy status stop delete drain doctor"),
    ("nodes", "patch", "deploy delete drain"),
    ("namespaces", "get", "deploy doctor"),
    # Comparing is a dry run of applying: `plan` needs the rights of `deploy`.
    ("namespaces", "patch", "plan deploy"),
    ("serviceaccounts", "get patch", "plan deploy stop delete"),
    ("serviceaccounts", "create", "deploy"),
    ("secrets", "get patch", "plan deploy drain doctor"),
    ("secrets", "create", "deploy doctor"),
    ("configmaps", "get patch", "plan deploy stop drain history"),
    ("configmaps", "create update", "deploy"),
    ("leases.coordination.k8s.io", "get create update", "deploy drain history"),
    ("services", "get patch", "plan deploy"),
    ("services", "create", "deploy"),
    ("daemonsets.apps", "get patch", "plan deploy"),
    ("daemonsets.apps", "create", "deploy"),
    ("controllerrevisions.apps", "list", "plan deploy status stop drain"),
    ("events", "list", "deploy delete"),
    ("pods", "list", "plan deploy status stop delete drain logs shell doctor"),
    ("pods", "delete", "deploy stop delete doctor"),
    ("pods/log", "get", "deploy logs doctor"),
    ("pods/portforward", "get", "plan deploy status stop drain shell"),
    ("pods", "get create", "delete doctor"),
    ("pods", "patch", "delete"),
    ("daemonsets.apps", "delete", "stop delete"),
    ("configmaps", "list delete", "deploy delete"),
    ("secrets", "delete", "delete doctor"),
    ("leases.coordination.k8s.io", "delete", "delete"),
    ("services", "delete", "delete"),
    ("serviceaccounts", "delete", "delete"),
)
KINDS = {
    "Namespace": "namespaces",
    "Secret": "secrets",
    "ServiceAccount": "serviceaccounts",
    "ConfigMap": "configmaps",
    "Service": "services",
    "DaemonSet": "daemonsets.apps",
    "PodMonitor": "podmonitors.monitoring.coreos.com",
    "PrometheusRule": "prometheusrules.monitoring.coreos.com",
}


def needed(cluster: Cluster, *, namespace_exists: bool, version: str = "") -> dict[Right, str]:
    """Give every right that the tasks need on a Kubernetes of *version*, such as `v1.35.0`, with the tasks."""
    rows = [*TABLE]
    for kind in monitoring.kinds(cluster):
        resource = KINDS[kind]
        rows += [(resource, "get patch", "plan deploy"), (resource, "create", "deploy"), (resource, "delete", "delete")]
    if not namespace_exists:
        rows.append(("namespaces", "create", "deploy"))
    minor = re.match(r"v?1\.(\d+)", version)
    if minor and int(minor[1]) >= 35:
        # Asked for beside `get` since https://github.com/kubernetes/kubernetes/pull/134577.
        rows.append(("pods/portforward", "create", "plan deploy status stop drain shell"))
    return {right: tasks for row in rows for right, tasks in _of_row(row, cluster.kubernetes.namespace)}


def _of_row(row: tuple[str, str, str], namespace: str) -> Iterator[tuple[Right, str]]:
    resource, verbs, tasks = row
    for verb in verbs.split():
        yield scoped(resource, verb, namespace), tasks


def scoped(resource: str, verb: str, namespace: str) -> Right:
    """Give a right in *namespace*, or in the whole cluster where the resource has no namespace."""
    return Right(resource=resource, verb=verb, namespace="" if resource in CLUSTER_WIDE else namespace)


def missing(rights: Iterable[Right], kube: Kube) -> tuple[Right, ...]:
    """Ask the API server which of the rights this user does not have."""

    def allowed(right: Right) -> bool:
        return bool(kube.create(right.review())["status"]["allowed"])

    rights = tuple(rights)
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        return tuple(right for right, yes in zip(rights, pool.map(allowed, rights), strict=True) if not yes)


def together(rights: Iterable[Right]) -> tuple[str, ...]:
    """Put rights on the same resource into one phrase: `create, patch pods in namespace x`."""
    ordered = sorted(rights, key=lambda right: (right.resource, right.namespace, right.verb))
    groups = groupby(ordered, key=lambda right: (right.resource, right.namespace))
    found = (list(group) for _, group in groups)
    return tuple(", ".join((*(right.verb for right in group[:-1]), str(group[-1]))) for group in found)
