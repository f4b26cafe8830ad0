#!/usr/bin/env python3
"""Brings nox into `.venv` of this checkout and hands all arguments on to it: `python3 bootstrap.py -s demo`.

For machines with Python 3.11 and nothing else: works without pip, without ensurepip (Debian splits it off) and where
the distribution's Python refuses `pip install` (PEP 668). One thing outside this checkout is changed, as root and until
the next restart: the kernel's limit of inotify instances, where it is too low for the tests' sandboxes.
"""

import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache" / "bootstrap"

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES = 1024
"""Enough for the three sandboxes that the tests run at once; many distributions allow 128."""


def main(arguments: list[str]) -> int:
    """Make `.venv` with nox where it is missing, then run nox; give its exit code."""
    if sys.version_info < (3, 11):
        print(f"error: this is Python {sys.version.split()[0]}; Python 3.11 or newer is needed", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    nox = VENV / "bin" / "nox"
    try:
        if not nox.exists():
            print("bootstrap: bringing nox into .venv", file=sys.stderr)
            install_nox()
        raise_limits()
        return subprocess.run([nox, *arguments], check=False).returncode
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        print(f"error: `{command}` ended with exit code {error.returncode}; its reason stands above", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def install_nox() -> None:
    """Make the environment and install nox into it, with pip from wherever it can be had."""
    with_pip = importlib.util.find_spec("ensurepip") is not None
    venv.create(VENV, clear=True, with_pip=with_pip)
    python = str(VENV / "bin" / "python")
    pip = [python, "-m", "pip"] if with_pip else [python, str(pip_from_archive() / "pip")]
    subprocess.run([*pip, "install", "--quiet", "nox"], check=True)


def raise_limits() -> None:
    """Raise the limit of inotify instances where it is too low and this user may; `sandbox.up` says what it needs."""
    if os.geteuid() or not INOTIFY.exists() or int(INOTIFY.read_text()) >= INOTIFY_INSTANCES:
        return
    try:
        INOTIFY.write_text(f"{INOTIFY_INSTANCES}\n")
    except OSError:  # a container may be root and not allowed to
        return
    print(f"bootstrap: raised fs.inotify.max_user_instances to {INOTIFY_INSTANCES}", file=sys.stderr)


def pip_from_archive() -> Path:
    """Unpack Debian's pip wheel below `.cache`; a wheel runs where it lies."""
    CACHE.mkdir(parents=True, exist_ok=True)
    wheels = sorted(CACHE.glob("usr/share/python-wheels/pip-*.whl"))
    if not wheels:
        if not Path("/usr/bin/apt-get").exists():
            sys.exit("error: this Python has neither pip nor ensurepip; install pip, then run this again")
        lists = CACHE / "lists"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        # The machine's own apt configuration, with lists of our own: nothing of the machine is changed.
        apt = ["apt-get", "-qq", "-o", f"Dir::State::Lists={lists}", "-o", "APT::Sandbox::User=root"]
        subprocess.run([*apt, "update"], check=True)
        subprocess.run([*apt, "download", "python3-pip-whl"], check=True, cwd=CACHE)
        subprocess.run(["dpkg", "-x", *map(str, CACHE.glob("python3-pip-whl_*.deb")), str(CACHE)], check=True)
        wheels = sorted(CACHE.glob("usr/share/python-wheels/pip-*.whl"))
    return wheels[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
