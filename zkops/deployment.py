"""What the tasks call: ties configuration, image, rendering and Kubernetes together, one function a task."""

from collections.abc import Mapping
from pathlib import Path

from zkops import console, fourletter, image, observe, render, rollout
from zkops.cluster import Cluster, Machine
from zkops.errors import BadInput, Failed
from zkops.kube import Kube
from zkops.observe import Member
from zkops.rollout import Report
from zkops.status import Status
from zkops.status import status as put_together


def render_files(cluster: Cluster, directory: Path) -> tuple[Path, ...]:
    """Render for the image as known here, by digest once it was pushed; check and write."""
    rendered = render.render(cluster, image.known(cluster))
    with console.step("checking every object against the schemas of Kubernetes") as step:
        versions = render.check(rendered)
        step.update(f"{versions[0]} to {versions[-1]}")
    return render.write(rendered, directory)


def deploy(cluster: Cluster, timeout: float) -> Report:
    """Bring the ensemble up; see `zkops.rollout.deploy`."""
    rendered = render.render(cluster, image.resolve(cluster).pinned)
    login = image.login(cluster)
    if login:
        rendered = render.with_object(rendered, render.pull_secret(cluster, login.username, login.password))
    return rollout.deploy(cluster, rendered, Kube(cluster), timeout)


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


def _select(cluster: Cluster, member: str) -> tuple[Machine, ...]:
    found = tuple(m for m in cluster.machines if member in {"", m.hostname, str(m.id)})
    if not found:
        names = ", ".join(f"{machine.hostname} ({machine.id})" for machine in cluster.machines)
        raise BadInput(f"--member: {member} is no member of {cluster.name}", f"its members are {names}")
    return found
