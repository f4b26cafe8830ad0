"""The Docker Engine's daemon: found, or installed and started where this user may."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Literal

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from zkops.core.console import say, step
from zkops.core.errors import Failed

OLDEST = (20, 10)
"""Docker Engine 20.10, as found in Debian 12, is the floor."""

LOG = Path("/var/log/dockerd.log")
SYSTEMD = Path("/run/systemd/system")
"""There where systemd manages this machine: sd_booted(3)."""

START_SECONDS = 60.0
TAIL_LINES = 15


class NoEngine(Failed):
    """No Docker Engine answers where one is expected."""


def connect(timeout: float = 60) -> docker.DockerClient:
    """Give a client of the Engine that DOCKER_HOST names, or of the local one.

    Raises:
        Failed: when none answers, access is denied, or it is older than 20.10.
    """
    where = os.environ.get("DOCKER_HOST") or "the local socket"
    try:
        client = docker.from_env(timeout=timeout)
        version: str = client.version()["Version"]
    except (DockerException, RequestException) as error:
        raise no_answer(where, str(error)) from error
    if release(version) < OLDEST:
        raise Failed(
            f"the Docker Engine on {where} is {version}; 20.10 is the oldest that works",
            "install a newer Docker Engine, such as Debian's package docker.io",
        )
    return client


def no_answer(where: str, error: str) -> Failed:
    """Put into words why no Engine could be spoken to."""
    if "PermissionError" in error or "Permission denied" in error:
        return Failed(
            f"the Docker Engine on {where} refuses this user",
            "run `sudo usermod -aG docker $USER`, log in anew, and run the same command again; or run it as root",
        )
    return NoEngine(
        f"no Docker Engine answers on {where}",
        "start it (`sudo systemctl start docker`), or install it (Debian and Ubuntu: `sudo apt-get install docker.io`)",
    )


def release(version: str) -> tuple[int, int]:
    """Give major and minor of a version such as `20.10.24+dfsg1`."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:2]]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


def ensure() -> None:
    """See to it that a Docker Engine answers: install and start the distribution's where this user may.

    Raises:
        Failed: with one sentence that tells what to install or start, where this cannot be done from here.
    """
    try:
        connect().close()
    except NoEngine as missing:
        if os.environ.get("DOCKER_HOST"):
            raise
        os_release = Path("/etc/os-release")
        text = os_release.read_text() if os_release.is_file() else ""
        if lacking(text, root=os.geteuid() == 0, installed=shutil.which("dockerd") is not None) == "package":
            _install()
        _start(missing)


def lacking(os_release: str, *, root: bool, installed: bool) -> Literal["package", "daemon"]:
    """Decide what is missing for an Engine to answer, from /etc/os-release and the user.

    Raises:
        Failed: where it is the user who has to act.
    """
    fields = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', os_release, re.MULTILINE))
    debian = {"debian", "ubuntu"} & {fields.get("ID"), *fields.get("ID_LIKE", "").split()}
    if installed and root:
        return "daemon"
    if installed:
        raise Failed("the Docker Engine is installed but not running", "start it: `sudo systemctl start docker`")
    if debian and root:
        return "package"
    if debian:
        raise Failed("there is no Docker Engine here", "install one: `sudo apt-get install docker.io`")
    name = fields.get("PRETTY_NAME", "this system")
    raise Failed(
        f"there is no Docker Engine here, and on {name} it is not installed automatically",
        "install Docker Engine 20.10 or newer with the system's package manager, start it, and run the same again",
    )


def _install() -> None:
    say("There is no Docker Engine on this machine: installing the distribution's package docker.io.")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "docker.io"]
    with step("install docker.io") as current:
        for command in (["apt-get", "update", "-q"], install):
            current.update(" ".join(command))
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        # An update may fail for a third-party source that is of no matter here: only the installation counts.
        if done.returncode:
            raise Failed(
                f"docker.io could not be installed:\n{_last(done.stdout + done.stderr)}",
                "mend apt (`apt-get update` shows more), then run the same command again",
            )


def _start(missing: NoEngine) -> None:
    systemd = SYSTEMD.is_dir()
    say(f"No Docker Engine answers: starting {'docker.service' if systemd else 'dockerd'}.")
    if systemd:
        done = subprocess.run(["systemctl", "start", "docker"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"docker.service does not start: {_last(done.stderr)}", "see `journalctl -u docker`")
        _await_engine(None, missing)
        return
    # Without systemd the daemon is started itself: Debian's /etc/init.d/docker gives up where ulimit may not be raised.
    with LOG.open("ab") as log:
        daemon = subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    _await_engine(daemon, missing)


def _await_engine(daemon: subprocess.Popen[bytes] | None, missing: NoEngine) -> None:
    deadline = time.monotonic() + START_SECONDS
    with step("start the Docker Engine"):
        while time.monotonic() < deadline and (daemon is None or daemon.poll() is None):
            try:
                connect().close()
            except NoEngine:
                time.sleep(0.2)
            else:
                return
        if daemon is None:
            raise Failed(missing.what, "see `journalctl -u docker`") from missing
        why = "ended at once" if daemon.poll() is not None else f"does not answer after {START_SECONDS:.0f} s"
        raise Failed(f"dockerd {why}:\n{_last(LOG.read_text(errors='replace'))}", f"see {LOG}")


def _last(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-TAIL_LINES:])
