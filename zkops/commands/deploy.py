"""What the tasks call: ties configuration, image, rendering and Kubernetes together, one function a task."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from zkops.commands import delete as wipe
from zkops.commands import drain as maintenance
from zkops.commands import lint as linting
from zkops.commands import shell as typed
from zkops.commands import stop as halt
from zkops.commands.delete import Deletion
from zkops.commands.drain import Drained
from zkops.commands.stop import Stopped
from zkops.config.cluster import Cluster, Machine
from zkops.core import console
from zkops.core.errors import BadInput, Failed
from zkops.ensemble.observed import Member
from zkops.ensemble.summary import Status
from zkops.ensemble.summary import status as put_together
from zkops.images import image
from zkops.images.image import Login
from zkops.kube import lease, observe
from zkops.kube import logs as written
from zkops.kube.client import Kube
from zkops.manifests import render
from zkops.manifests.objects import Object, named
from zkops.planning.planner import Plan
from zkops.rollout import deploy as rollout
from zkops.rollout import executor as steps
from zkops.rollout import history, revisions
from zkops.rollout import rollback as former
from zkops.rollout.deploy import Report
from zkops.rollout.options import Wish
from zkops.rollout.revisions import History
from zkops.zookeeper import four_letter as fourletter
from zkops.zookeeper import reconfig as membership


def render_files(cluster: Cluster, directory: Path) -> tuple[Path, ...]:
    """Render for the image as known here, by digest once it was pushed; check and write."""
    linting.check(cluster)
    rendered = render.render(cluster, image.known(cluster))
    with console.step("checking every object against the schemas of Kubernetes") as step:
        versions = render.check(rendered)
        step.update(f"{versions[0]} to {versions[-1]}")
    return render.write(rendered, directory)


def plan(cluster: Cluster, *, repair: bool) -> Plan:
    """Tell what `deploy` would do; nothing is changed."""
    kube = Kube(cluster)
    return rollout.planned(cluster, rendered(cluster, kube), kube, repair=repair)


def deploy(cluster: Cluster, wish: Wish) -> Report:
    """Bring the ensemble to what is described; see `zkops.rollout.deploy.deploy`."""
    linting.check(cluster)
    kube = Kube(cluster)
    return rollout.deploy(cluster, rendered(cluster, kube), kube, wish)


def refresh(cluster: Cluster, wish: Wish) -> Report:
    """Deploy the description with the image that runs now."""
    linting.check(cluster)
    kube = Kube(cluster)
    now = _rendered(cluster, running_image(cluster, kube), _login(cluster), kube)
    return rollout.deploy(cluster, now, kube, wish)


def upgrade(cluster: Cluster, wish: Wish) -> Report:
    """Deploy the described image with everything else as it runs now."""
    kube = Kube(cluster)
    now = rendered(cluster, kube)
    return rollout.deploy(cluster, former.with_image(kube, cluster, now), kube, wish)


def rollback(cluster: Cluster, number: int | None, wish: Wish) -> Report:
    """Deploy a former revision, its image and its configuration; by default the one before the present one."""
    kube = Kube(cluster)
    now = _rendered(cluster, running_image(cluster, kube), _login(cluster), kube)
    back = former.revision(kube, cluster, now, number)
    return rollout.deploy(cluster, back.rendered, kube, replace(wish, doing=f"rollback to {back.number}"))


def revisions_of(cluster: Cluster) -> History:
    """Give the last revisions, oldest first."""
    kube = Kube(cluster)
    return revisions.shown(history.read(kube, cluster), held=lease.held_by(kube, cluster) is not None)


def drain(cluster: Cluster, node: str, timeout: float) -> Drained:
    """Take a machine's member out for maintenance; see `zkops.commands.drain.drain`."""
    maintenance.machine_of(cluster, node)
    kube = Kube(cluster)
    password = render.password_in(_super_secret(cluster, kube))
    with lease.hold(kube, cluster, f"drain of {node}") as held:
        return maintenance.drain(
            cluster, kube, node, timeout, lambda member: steps.move_leadership(cluster, kube, password, member), held
        )


def undrain(cluster: Cluster, node: str, timeout: float) -> Drained:
    """Bring a drained machine's member back; see `zkops.commands.drain.undrain`."""
    maintenance.machine_of(cluster, node)
    kube = Kube(cluster)
    with lease.hold(kube, cluster, f"undrain of {node}") as held:
        return maintenance.undrain(cluster, kube, node, timeout, held)


def _login(cluster: Cluster) -> Login | None:
    """Give the login of the registry that the running image came from."""
    return None if cluster.image.reference else image.login(cluster)


def running_image(cluster: Cluster, kube: Kube) -> str:
    """Give the image that the ensemble runs, by digest."""
    daemonset = kube.get(named("apps/v1", "DaemonSet", cluster))
    if not daemonset:
        raise Failed(f"{cluster.name} is not running", "run `invoke deploy`, which starts it")
    return str(daemonset["spec"]["template"]["spec"]["containers"][0]["image"])


def rendered(cluster: Cluster, kube: Kube) -> render.Rendered:
    """Render what `deploy` applies: the image by digest, and the Secrets, which are in no file."""
    ref = image.resolve(cluster)
    return _rendered(cluster, ref.pinned, image.login(image.at_its_registry(cluster, ref)), kube)


def _rendered(cluster: Cluster, pinned: str, login: Login | None, kube: Kube) -> render.Rendered:
    objects = render.with_object(render.render(cluster, pinned), _super_secret(cluster, kube))
    if not login:
        return objects
    return render.with_object(objects, render.pull_secret(cluster, login.username, login.password))


def _super_secret(cluster: Cluster, kube: Kube) -> Object:
    """Give the super user's Secret with the password there is, or a new one."""
    made = membership.super_secret()
    wanted = render.super_secret(cluster, made)
    live = kube.get(wanted)
    return wanted | {"data": live["data"]} if live and live.get("data", {}).keys() == wanted["data"].keys() else wanted


def status(cluster: Cluster) -> Status:
    """Observe every member."""
    return put_together(cluster, members(cluster))


def members(cluster: Cluster) -> tuple[Member, ...]:
    """Observe every member, as it is now."""
    return observe.observe_members(cluster, Kube(cluster))


def mntr(cluster: Cluster, member: str) -> Mapping[str, Mapping[str, str]]:
    """Ask one member, by hostname or id, or all; hostname → metrics, empty for a member that is in no quorum."""
    wanted = _select(cluster, member)
    kube = Kube(cluster)
    answers: dict[str, Mapping[str, str]] = {}
    for found in observe.observe_members(cluster.model_copy(update={"machines": wanted}), kube):
        if not found.pod or not found.server:
            raise Failed(f"{found.machine.hostname} cannot be asked: {found.state}", "see `invoke status`")
        answers[found.machine.hostname] = fourletter.parse_mntr(
            observe.ask(cluster, found.machine, found.pod, kube)("mntr")
        )
    return answers


def stop(cluster: Cluster, timeout: float) -> Stopped:
    """End the members, keep data and configuration; see `zkops.commands.stop.stop`."""
    return halt.stop(cluster, Kube(cluster), timeout)


def delete(cluster: Cluster, confirm: str, timeout: float) -> Deletion:
    """Remove the ensemble with its data, when its name was given; see `zkops.commands.delete.delete`."""
    wipe.confirm(cluster, confirm)
    return wipe.delete(cluster, Kube(cluster), timeout)


def logs(cluster: Cluster, member: str, choice: written.Wanted, follow: bool) -> Iterator[str]:
    """Give what one member wrote, by hostname or id, or all; see `zkops.kube.logs`."""
    give = written.follow if follow else written.read
    return give(cluster, _select(cluster, member), Kube(cluster), choice)


def shell(cluster: Cluster, command: str) -> None:
    """Open a ZooKeeper shell; see `zkops.commands.shell.shell`."""
    typed.shell(cluster, command, lambda: Kube(cluster))


def _select(cluster: Cluster, member: str) -> tuple[Machine, ...]:
    found = tuple(m for m in cluster.machines if member in {"", m.hostname, str(m.id)})
    if not found:
        names = ", ".join(f"{machine.hostname} ({machine.id})" for machine in cluster.machines)
        raise BadInput(f"--member: {member} is no member of {cluster.name}", f"its members are {names}")
    return found
