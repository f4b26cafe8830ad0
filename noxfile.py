"""What CI runs, and what a newcomer runs first. `nox` runs the checks and the tests, `nox -t full` all; see `nox -l`.

Nothing but nox is needed: every session makes its own environment below `.nox/`. Where even pip is missing,
`python3 bootstrap.py` brings nox and hands its arguments on.
"""

import configparser
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "typecheck", "unit", "integration", "cluster", "chaos"]
nox.options.stop_on_first_error = True
nox.options.reuse_venv = "yes"
# virtualenv, not uv: it follows pip's own settings, such as a site's package mirror.
nox.options.default_venv_backend = "virtualenv"

CODE = ("zkops", "sandbox", "tests", "tasks.py", "noxfile.py", "bootstrap.py")


@nox.session
def demo(session: nox.Session) -> None:
    """Do everything once on the embedded default: sandbox, build, push, deploy, status."""
    session.install("-q", "-e.")
    session.run("invoke", "sandbox.images", "sandbox.up", "build", "push", "deploy", "status", *session.posargs)
    invoke = Path(session.bin) / "invoke"
    session.log(f"Go on with {invoke} --list; remove the sandbox with {invoke} sandbox.down")


@nox.session(tags=["full"])
def lint(session: nox.Session) -> None:
    """Check style and formatting of the code, who imports whom, and the shell scripts' syntax."""
    session.install("-q", *_extra("lint"))
    session.run("ruff", "check", *CODE)
    session.run("ruff", "format", "--check", *CODE)
    session.run("lint-imports", "--no-cache")
    for script in (*Path("image").iterdir(), *Path("sandbox").rglob("*.sh")):
        if script.is_file() and script.read_bytes().startswith((b"#!/bin/bash", b"#!/bin/sh")):
            session.run("bash", "-n", str(script), external=True, silent=True)


@nox.session(tags=["full"])
def typecheck(session: nox.Session) -> None:
    """Check the types, strictly."""
    session.install("-q", "-e.[typecheck,test,sbom]", "nox")
    session.run("mypy")


@nox.session(tags=["full"])
def unit(session: nox.Session) -> None:
    """Test the pure middle: fast, no Docker."""
    _test(session, "unit", "-n2")


@nox.session(tags=["full"])
def integration(session: nox.Session) -> None:
    """Test the real image in containers: probes, `mntr`, an ensemble of three, the official image's variables."""
    _test(session, "integration", "-n2", "--dist=loadfile", extras="test,sbom", prepare=True)


@nox.session(tags=["full"])
def cluster(session: nox.Session) -> None:
    """Test the whole pipeline on a real registry and Kubernetes in containers; `-- --kubernetes 1.34`."""
    _test(session, "cluster", "-n2", "--dist=loadgroup", prepare=True)


@nox.session(tags=["full"])
def chaos(session: nox.Session) -> None:
    """Change an ensemble with faults laid over it, and check every promise; `-- --minutes 60`, `-- --replay FILE`."""
    session.install("-q", "-e.[test]")
    session.run("python", "-m", "tests.support.prepare")
    session.run("python", "-m", "tests.chaos", *session.posargs)


@nox.session(tags=["full"])
def alerts(session: nox.Session) -> None:
    """Make faults, see Prometheus' alerts fire and clear; `-- --all`, `-- --quiet MINUTES`, `-- --only ROUND`."""
    session.install("-q", "-e.[test]")
    session.run("python", "-m", "tests.support.prepare")
    session.run("python", "-m", "tests.alerts", *session.posargs)


@nox.session(default=False, tags=["update"])
def kubernetes(session: nox.Session) -> None:
    """Write the module files of the sandbox's Kubernetes for the newest releases."""
    session.install("-q", "-e.")
    session.run("python", "-m", "sandbox.update")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure our image beside one made as the official one is; `-- --quick`, `-- --only GROUP`, `-- --out DIR`."""
    session.install("-q", "-e.[bench,test]")
    session.run("python", "-m", "tests.bench", *session.posargs)


def _extra(name: str) -> list[str]:
    """Give the requirements of one extra, to install them without the project and all it needs."""
    settings = configparser.ConfigParser()
    settings.read("setup.cfg")
    return settings["options.extras_require"][name].split()


def _test(session: nox.Session, name: str, *options: str, extras: str = "test", prepare: bool = False) -> None:
    session.install("-q", f"-e.[{extras}]")
    if prepare:  # pytest would hide the minutes that this takes the first time, and its workers do it twice
        session.run("python", "-m", "tests.support.prepare", *session.posargs)
    session.run("pytest", f"tests/{name}", *options, f"--junitxml=build/junit-{name}.xml", *session.posargs)


if __name__ == "__main__":
    sys.exit("run: python3 bootstrap.py, or: pip install nox && nox")
