"""The Debian archive as this machine's apt knows it, and base images bootstrapped from it.

No host is named here. Nothing is installed on the machine: mmdebstrap and the archive's keys are unpacked below
`.cache/`, with an apt state of their own.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from zkops import ROOT
from zkops.core.console import Step, step
from zkops.core.errors import Failed
from zkops.images import docker as engine

TOOLS = ROOT / ".cache" / "tools"

# Unset, mmdebstrap would stamp files with the time of the run; the same packages should give the same files.
_EPOCH = "1735689600"
_TARGETS = ["indextargets", "--format", "$(REPO_URI)|$(CODENAME)|$(ORIGIN)|$(LABEL)|$(COMPONENT)"]

# As in debian:*-slim: documentation is left out, here and in every later installation, and dpkg does not wait for the
# disk; an interrupted image is made again anyway. A hook, not --dpkgopt: for that, mmdebstrap runs a Python program
# with /usr/bin/python3, which a machine may not have.
_SLIM = r"""cd "$1" && find usr/share/doc -type f ! -name copyright -delete \
 && rm -rf usr/share/man/* usr/share/info/* usr/share/locale/* \
 && printf "path-exclude=/usr/share/%s/*\n" doc man info locale > etc/dpkg/dpkg.cfg.d/slim \
 && echo "path-include=/usr/share/doc/*/copyright" >> etc/dpkg/dpkg.cfg.d/slim \
 && echo force-unsafe-io > etc/dpkg/dpkg.cfg.d/docker-apt-speedup"""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Where the Debian archive is for this machine."""

    main: str
    security: str | None = None

    def lines(self, suite: str) -> list[str]:
        """Give the lines of a sources.list for *suite*."""
        lines = [f"deb {self.main} {suite} main", f"deb {self.main} {suite}-updates main"]
        return [*lines, f"deb {self.security} {suite}-security main"] if self.security else lines


def find_archive(targets: str) -> Archive | None:
    """Find the Debian archive in what `apt-get indextargets` printed; other origins are ignored."""
    found: dict[str, str] = {}
    for line in targets.splitlines():
        uri, _, origin, label, component = [*line.split("|"), "", "", "", ""][:5]
        # The URI goes into the image's own sources.list: one that is a file of this machine is of no use there.
        if origin == "Debian" and component == "main" and re.match(r"https?://", uri):
            found.setdefault(label, uri.rstrip("/"))
    main = found.get("Debian")
    return Archive(main=main, security=found.get("Debian-Security")) if main else None


def carried(dump: str) -> list[str]:
    """Pick from `apt-config dump` what the image's apt needs too: how to reach the mirror, and how old it may be."""
    keys = r"Acquire::(?:https?::Proxy|Check-Valid-Until|Check-Date)"
    # A password in a proxy's address must not end in an image.
    return re.findall(rf'^({keys} "[^"@]+");$', dump, re.MULTILINE)


def bootstrap(suite: str, tag: str) -> None:
    """Make a minimal Debian image from the archive with mmdebstrap, and tag it.

    Raises:
        Failed: on a machine without apt or without a Debian archive, or when mmdebstrap fails.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise _nowhere("this machine has no apt")
    with step(f"bootstrap {tag} from the Debian archive, about half a minute") as current, _workspace() as space:
        current.update("looking for the archive")
        apt = _private_apt(space)
        # An error is no matter while Debian's own lists arrive: third-party sources may be out of reach.
        updated = _run(["apt-get", *apt, "update", "-q"], space)
        archive = find_archive(_run(["apt-get", *apt, *_TARGETS, "Created-By: Packages"], space))
        if archive is None:
            raise _nowhere(f"apt knows no Debian archive that answers{engine.tail_of(updated.splitlines())}")
        current.update("unpacking mmdebstrap")
        root = _tools(apt, space)
        tar = space / f"{suite}.tar"
        _mmdebstrap(_command(root, archive, suite, tar, carried(_run(["apt-config", "dump"], space))), space, current)
        current.update("importing")
        with closing(engine.connect()) as client:
            repository, _, version = tag.partition(":")
            client.api.import_image_from_file(str(tar), repository=repository, tag=version, changes=['CMD ["bash"]'])


def _nowhere(why: str) -> Failed:
    return Failed(
        f"base images can neither be pulled nor bootstrapped: {why}",
        "set sources.pull_prefix to a registry that has them, or run where apt reaches a Debian archive",
    )


@contextmanager
def _workspace() -> Iterator[Path]:
    TOOLS.mkdir(parents=True, exist_ok=True)
    space = Path(tempfile.mkdtemp(prefix="bootstrap-", dir=TOOLS))
    space.chmod(0o755)  # apt's unprivileged user goes through it
    try:
        yield space
    finally:
        shutil.rmtree(space, ignore_errors=True)


def _private_apt(space: Path) -> list[str]:
    """Options that give apt lists and a cache of its own: the machine's may be missing, and are not ours to change."""
    for name in ("lists/partial", "cache/archives/partial"):
        (space / name).mkdir(parents=True)
    settings = {
        "Dir::State::lists": f"{space}/lists",
        "Dir::Cache": f"{space}/cache",
        "APT::Sandbox::User": "",
        "APT::Update::Post-Invoke": "",
        "APT::Update::Post-Invoke-Success": "",
        "Acquire::Languages": "none",
        "Acquire::Retries": "1",
        "Acquire::http::Timeout": "15",
        "Acquire::https::Timeout": "15",
    }
    return [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]


def _tools(apt: list[str], space: Path) -> Path:
    """Unpack mmdebstrap, the archive's keys, and what they need that this machine lacks, such as most of Perl."""
    wanted = ["--download-only", "--reinstall", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring"]
    # Nothing is installed, so nothing need be locked: apt would ask for root to do that.
    output = _run(["apt-get", *apt, "-o", "Debug::NoLocking=true", "install", "-y", "-q", *wanted], space)
    packages = list(space.glob("cache/archives/*.deb"))
    if len(packages) < 2:
        raise _nowhere(f"apt cannot download mmdebstrap{engine.tail_of(output.splitlines())}")
    for package in packages:
        _run(["dpkg", "-x", str(package), str(space / "root")], space)
    return space / "root"


def _perl_path(root: Path) -> str:
    """Give the directories of Perl modules below *root*, as PERL5LIB takes them."""
    found = (*root.glob("usr/share/perl/5.*"), *root.glob("usr/lib/*/perl/5.*"), root / "usr/share/perl5")
    return ":".join(map(str, found))


def _run(command: list[str], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return done.stdout + (done.stderr if done.returncode else "")


def _command(root: Path, archive: Archive, suite: str, tar: Path, options: list[str]) -> list[str]:
    mode = "root" if os.geteuid() == 0 else "unshare"
    keyring = root / "usr/share/keyrings/debian-archive-keyring.gpg"
    return [
        "perl",
        str(root / "usr/bin/mmdebstrap"),
        f"--mode={mode}",
        "--variant=minbase",
        f"--keyring={keyring}",
        *(f"--aptopt={option}" for option in ('APT::Install-Recommends "false"', *options)),
        f"--customize-hook={_SLIM}",
        suite,
        str(tar),
        *archive.lines(suite),
    ]


def _mmdebstrap(command: list[str], space: Path, current: Step) -> None:
    ours = {"PERL5LIB": _perl_path(space / "root")} | ({"TMPDIR": str(space)} if os.geteuid() == 0 else {})
    environment = {"SOURCE_DATE_EPOCH": _EPOCH} | os.environ | ours
    engine.LOGS.mkdir(parents=True, exist_ok=True)
    log_file = engine.LOGS / "bootstrap.log"
    lines: list[str] = []
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            current.update(lines[-1].removeprefix("I: "))
        code = process.wait()
    except BaseException:
        # It takes its mounts and its directory away by itself when told to end.
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise
    finally:
        log_file.write_text("\n".join(lines))
    if code:
        user = "install uidmap (`sudo apt-get install uidmap`) or run the same once as root; "
        mend = f"{user if os.geteuid() else ''}see {log_file}, then run the same again"
        raise Failed(f"mmdebstrap ended with {code}:{engine.tail_of(lines)}", mend)
