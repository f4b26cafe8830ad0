"""`Cluster` and image → every file and Kubernetes object, deterministic, byte for byte; nothing here touches the world
but reading `manifests/`."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.core.errors import Failed
from zkops.manifests import monitoring
from zkops.manifests.daemonset import fitted, roster_name, super_name
from zkops.manifests.objects import Object
from zkops.manifests.roster import Roster, founding
from zkops.zoocfg import settings as zoocfg

MANIFESTS = ROOT / "manifests"
OLDEST_MINOR = 25
"""Kubernetes 1.25 is the oldest whose schema every object is checked against; the newest is the newest known."""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Everything made from one cluster description and one image."""

    name: str
    namespace: str
    config_hash: str
    image: str
    """The image's reference as the pods name it."""
    objects: tuple[Object, ...]
    """In the order they are applied."""
    roster: Roster
    """The seat of each machine, as described, and who founds the ensemble."""
    files: Mapping[str, str]
    """Relative path → text: zoo.cfg, members and one YAML file an object."""

    def object(self, kind: str) -> Object:
        """Give the one object of a kind."""
        return next(item for item in self.objects if item["kind"] == kind)


def render(cluster: Cluster, image: str) -> Rendered:
    """Render everything for *image*, a reference the nodes can pull, by preference pinned by digest."""
    config = {"zoo.cfg": zoocfg.text(cluster.zoo_cfg, _made(cluster))}
    roster = founding(cluster)
    digest = hashlib.sha256("\0".join(f"{key}\0{text}" for key, text in sorted(config.items())).encode()).hexdigest()[
        :10
    ]
    objects = tuple(
        patch(_common(_load(name), cluster))
        for name, patch in _patches(cluster, image, config, f"{cluster.name}-{digest}").items()
    )
    named = {f"kubernetes/{n}-{item['kind'].lower()}.yaml": dump(item) for n, item in enumerate(objects)}
    files = config | roster.data() | named | {"kubernetes/roster.yaml": dump(roster_object(cluster, roster))}
    files |= monitoring.files(cluster)
    return Rendered(
        name=cluster.name,
        namespace=cluster.kubernetes.namespace,
        config_hash=digest,
        image=image,
        objects=objects,
        roster=roster,
        files=files,
    )


def pull_secret(cluster: Cluster, username: str, password: str) -> Object:
    """Make the pull secret; it is applied and never written to a file."""
    login = base64.b64encode(f"{username}:{password}".encode()).decode()
    auths = json.dumps({"auths": {cluster.registry.domain: {"auth": login}}})
    item = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": cluster.kubernetes.namespace},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(auths.encode()).decode()},
    }
    return _at(_common(item, cluster), ("metadata", "name"), cluster.pull_secret)


def super_secret(cluster: Cluster, data: Mapping[str, str]) -> Object:
    """Make the Secret of the super user, `password` and `digest`; it is applied and never written to a file."""
    item = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": cluster.kubernetes.namespace},
        "type": "Opaque",
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in data.items()},
    }
    return _at(_common(item, cluster), ("metadata", "name"), super_name(cluster))


def password(rendered: Rendered) -> str:
    """Give the super user's password, empty in what was rendered for files."""
    secrets = (item for item in rendered.objects if item["kind"] == "Secret" and item["type"] == "Opaque")
    return next(map(password_in, secrets), "")


def password_in(secret: Object) -> str:
    """Give the password that the super user's Secret holds."""
    return base64.b64decode(secret["data"]["password"]).decode()


def roster_object(cluster: Cluster, roster: Roster) -> Object:
    """Make the ConfigMap that holds *roster*; unlike the configuration it is changed in place."""
    item = _common(_load("roster"), cluster)
    return _at(_at(item, ("metadata", "name"), roster_name(cluster.name)), ("data",), roster.data())


def with_object(rendered: Rendered, item: Object) -> Rendered:
    """Add an object that is applied right after the namespace and not written to files."""
    first, *others = rendered.objects
    return replace(rendered, objects=(first, item, *others))


def dump(item: Object) -> str:
    """Write an object as YAML: keys in the order of `manifests/`, so that a review shows only what changed."""
    text: str = yaml.dump(item, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=120)
    return text


def check(rendered: Rendered) -> tuple[str, ...]:
    """Check every object strictly against the schema of each Kubernetes version; give the versions.

    Raises:
        Failed: naming object, field and version; an object of ours that a schema refuses is a defect of ours.
    """
    newest = int(kubernetes_validate.latest_version().split(".")[1])
    versions = tuple(f"1.{minor}" for minor in range(OLDEST_MINOR, newest + 1))
    for version in versions:
        for item in rendered.objects:
            if item["apiVersion"] == monitoring.OPERATOR:  # kinds of its own, which Kubernetes' schemas do not have
                continue
            try:
                kubernetes_validate.validate(item, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                where = ".".join(map(str, error.path))
                name = f"{item['kind']} {item['metadata']['name']}"
                raise Failed(
                    f"{name}: {where}: {error.message} (schema of Kubernetes {version})",
                    "compare the files in manifests/ with the last commit",
                ) from error
    return versions


def write(rendered: Rendered, directory: Path) -> tuple[Path, ...]:
    """Write all files below *directory*, and remove files of an earlier rendering that are no longer made."""
    wanted = {directory / name: text for name, text in rendered.files.items()}
    stale = {path for path in directory.rglob("*") if path.is_file()} - set(wanted) if directory.exists() else set()
    for path in stale:
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tuple(sorted(wanted))


def _patches(
    cluster: Cluster, image: str, config: Mapping[str, str], config_name: str
) -> dict[str, Callable[[Object], Object]]:
    """Give, for every file of `manifests/` in the order of applying, what fits it to the cluster."""
    return {
        "namespace": lambda item: _at(item, ("metadata", "name"), cluster.kubernetes.namespace),
        "serviceaccount": lambda item: _with_pull_secret(item, cluster.pull_secret),
        "configmap": lambda item: _at(_at(item, ("metadata", "name"), config_name), ("data",), dict(config)),
        "service": lambda item: _at(item, ("spec", "ports", 0, "port"), cluster.ports.client),
        "daemonset": lambda item: fitted(item, cluster, image, config_name),
    } | monitoring.patches(cluster)


def _made(cluster: Cluster) -> dict[str, str]:
    return zoocfg.metrics(cluster.metrics.address, cluster.ports.metrics, cluster.metrics.set)


def _common(item: Object, cluster: Cluster) -> Object:
    """Set what every object carries: name, namespace and the standard labels, also where pods and selectors do."""
    if item["kind"] == "Namespace":  # may be shared with others: it gets no label of this ensemble
        return item
    values = {"name": "zookeeper", "instance": cluster.name, "managed-by": "zkops"}
    labels = {f"app.kubernetes.io/{key}": value for key, value in values.items()}
    item["metadata"] |= {"name": cluster.name, "labels": labels}
    if "namespace" in item["metadata"]:
        item["metadata"]["namespace"] = cluster.kubernetes.namespace
    if item["kind"] == "Service":
        item["spec"]["selector"] = labels
    if item["kind"] == "DaemonSet":
        item["spec"]["selector"]["matchLabels"] = labels
        item["spec"]["template"]["metadata"]["labels"] = labels
    return item


def _with_pull_secret(item: Object, secret: str | None) -> Object:
    return item | ({"imagePullSecrets": [{"name": secret}]} if secret else {})


def _at(item: Object, path: tuple[str | int, ...], value: Any) -> Object:
    target: Any = item
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return item


def _load(name: str) -> Object:
    item: Object = yaml.safe_load((MANIFESTS / f"{name}.yaml").read_text(encoding="utf-8"))
    return deepcopy(item)


class _Dumper(yaml.SafeDumper):
    """Block style for texts of several lines, no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
