"""A former revision as something to deploy: its image and its configuration, with the members of today."""

from copy import deepcopy
from dataclasses import dataclass, replace

from zkops.config.cluster import Cluster
from zkops.core.errors import Failed
from zkops.kube.client import Kube
from zkops.manifests.objects import Object
from zkops.manifests.render import Rendered
from zkops.rollout import history, revisions
from zkops.rollout.revisions import DONE, Revision


@dataclass(frozen=True, kw_only=True)
class Former:
    """A revision and what it applies."""

    number: int
    rendered: Rendered


def before(kube: Kube, cluster: Cluster, rendered: Rendered) -> Former | None:
    """Give what a deploy of *rendered* would be undone to: the newest revision that was done, if it is another."""
    done = [revision for revision in history.read(kube, cluster) if revision.outcome == DONE]
    newest = done[-1] if done else None
    if not newest or newest.daemonset == rendered.object("DaemonSet"):
        return None
    return _restored(newest, rendered, kube)


def revision(kube: Kube, cluster: Cluster, rendered: Rendered, number: int | None) -> Former:
    """Give the revision of *number*, by default the one before the present one; the rest is as *rendered*.

    Raises:
        BadInput: there is none; says which there are.
    """
    return _restored(revisions.revision_to(history.read(kube, cluster), number), rendered, kube)


def with_image(kube: Kube, cluster: Cluster, rendered: Rendered) -> Rendered:
    """Give what runs now with the image of *rendered*.

    Raises:
        Failed: nothing was deployed yet.
    """
    now = revisions.live(history.read(kube, cluster))
    if not now:
        raise Failed(f"{cluster.name} was never deployed", "run `invoke deploy`, which deploys image and configuration")
    daemonset = deepcopy(now.daemonset)
    pod = daemonset["spec"]["template"]["spec"]
    for container in (*pod["initContainers"], *pod["containers"]):
        container["image"] = rendered.image
    return _restored(replace(now, daemonset=daemonset, image=rendered.image), rendered, kube).rendered


def _restored(revision: Revision, rendered: Rendered, kube: Kube) -> Former:
    config = _config(revision, rendered, kube)
    replaced = {id(rendered.object("DaemonSet")): revision.daemonset, id(rendered.object("ConfigMap")): config}
    objects = tuple(replaced.get(id(item), item) for item in rendered.objects)
    name = revision.config.rpartition("-")[2]
    return Former(
        number=revision.number, rendered=replace(rendered, objects=objects, image=revision.image, config_hash=name)
    )


def _config(revision: Revision, rendered: Rendered, kube: Kube) -> Object:
    wanted = rendered.object("ConfigMap")
    named = wanted | {"metadata": wanted["metadata"] | {"name": revision.config}}
    live = kube.get(named)
    if not live:
        raise Failed(
            f"ConfigMap {revision.config} of revision {revision.number} is gone",
            "go back to another revision of `invoke history`, or describe what you want and run `invoke deploy`",
        )
    return named | {"data": live["data"]}
