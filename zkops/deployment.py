"""What the tasks call: ties configuration, image, rendering and Kubernetes together, one function a task."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from zkops import console, fourletter, halt, image, linting, observe, render, rollout, wipe
from zkops import logs as written
from zkops import shell as typed
from zkops.cluster import Cluster, Machine
from zkops.errors import BadInput, Failed
from zkops.halt import Stopped
from zkops.kube import Kube
from zkops.observed import Member
from zkops.rollout import Report
from zkops.status import Status
from zkops.status import status as put_together
from zkops.wipe import Deletion


def render_files(cluster: Cluster, directory: Path) -> tuple[Path, ...]:
    """Render for the image as known here, by digest once it was pushed; check and write."""
    linting.check(cluster)
    rendered = render.render(cluster, image.known(cluster))
    with console.step("checking every object against the schemas of Kubernetes") as step:
        versions = render.check(rendered)
        step.update(f"{versions[0]} to {versions[-1]}")
    return render.write(rendered, directory)


def deploy(cluster: Cluster, timeout: float) -> Report:
    """Bring the ensemble up; see `zkops.rollout.deploy`."""
    linting.check(cluster)
    return rollout.deploy(cluster, rendered(cluster), Kube(cluster), timeout)


def rendered(cluster: Cluster) -> render.Rendered:
    """Render what `deploy` applies: the image by digest, and the pull secret where its registry wants a login."""
    ref = image.resolve(cluster)
    objects = render.render(cluster, ref.pinned)
    login = image.login(image.at_its_registry(cluster, ref))
    if not login:
        return objects
    return render.with_object(objects, render.pull_secret(cluster, login.username, login.password))


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
    """End the members, keep data and configuration; see `zkops.halt.stop`."""
    return halt.stop(cluster, Kube(cluster), timeout)


def delete(cluster: Cluster, confirm: str, timeout: float) -> Deletion:
    """Remove the ensemble with its data, when its name was given; see `zkops.wipe.delete`."""
    wipe.confirm(cluster, confirm)
    return wipe.delete(cluster, Kube(cluster), timeout)


def logs(cluster: Cluster, member: str, choice: written.Wanted, follow: bool) -> Iterator[str]:
    """Give what one member wrote, by hostname or id, or all; see `zkops.logs`."""
    give = written.follow if follow else written.read
    return give(cluster, _select(cluster, member), Kube(cluster), choice)


def shell(cluster: Cluster, command: str) -> None:
    """Open a ZooKeeper shell; see `zkops.shell.shell`."""
    typed.shell(cluster, command, lambda: Kube(cluster))


def _select(cluster: Cluster, member: str) -> tuple[Machine, ...]:
    found = tuple(m for m in cluster.machines if member in {"", m.hostname, str(m.id)})
    if not found:
        names = ", ".join(f"{machine.hostname} ({machine.id})" for machine in cluster.machines)
        raise BadInput(f"--member: {member} is no member of {cluster.name}", f"its members are {names}")
    return found
