"""Where the linter meets files, clusters and people: `invoke lint`, `render`, `deploy` and `invoke lint-refresh`."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from zkops.config.cluster import Cluster
from zkops.config.types import memory_bytes
from zkops.core import console
from zkops.core.errors import BadInput
from zkops.images import image
from zkops.manifests.render import render
from zkops.zoocfg.lint.findings import Finding
from zkops.zoocfg.lint.linter import lint
from zkops.zoocfg.lint.source import Names, names, read_tree
from zkops.zoocfg.lint.table import Version, table
from zkops.zoocfg.settings import PROVIDER

OLDEST = Version(3, 6, 0)
LARGEST = 64 * 1024
"""A zoo.cfg is a page or two; whoever names a larger file named the wrong one."""


def check(cluster: Cluster) -> None:
    """Refuse what the linter calls an error in the zoo.cfg of *cluster*, and tell its warnings, once.

    The lines server.N are left out: they are made from machines, which were checked. Nobody is asked anything.

    Raises:
        BadInput: naming every error, each by its key in `zoo_cfg`.
    """
    version = version_of(cluster)
    if Version.parse(version) < OLDEST:
        raise BadInput(
            f"image: ZooKeeper {version} has no metrics providers, and the image's answers the probes",
            "run 3.6 or a later one",
        )
    text = render(cluster, "any").files["zoo.cfg"]
    found = [item for item in lint(text, version) if not item.key.startswith("server.")]
    _warn(tuple(f"zoo_cfg.{item.sentence()}" for item in found if item.level == "warning"))
    errors = [item for item in found if item.level == "error"]
    if len(errors) == 1:
        raise BadInput(f"zoo_cfg.{errors[0].key}: {errors[0].message}", errors[0].mend)
    if errors:
        sentences = "".join(f"\n  zoo_cfg.{item.sentence()}" for item in errors)
        raise BadInput(f"zoo_cfg has {len(errors)} mistakes for ZooKeeper {version}:{sentences}", "mend them all")


def version_of(cluster: Cluster) -> str:
    """Give the version of ZooKeeper that the cluster is to run: by its image's tag, else the one image/ makes."""
    if cluster.image.apache:
        return cluster.image.apache.version
    # Other people's tags may be dates or words, and 3.4 does not start with the lines we write.
    tag = re.match(r"3\.(?:[5-9]|\d\d)\.\d{1,2}(?!\d)", image.wanted(cluster).tag or "", re.ASCII)
    return tag[0] if tag else image.zookeeper_version()


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the linter found in one file."""

    file: str
    version: str
    findings: tuple[Finding, ...]

    def text(self) -> str:
        """Write findings one a line, as compilers do: `FILE:LINE: error: KEY: what is wrong; what to do`."""
        return "\n".join(
            f"{self.file}{f':{item.line}' if item.line else ''}: {item.level}: {item.sentence()}"
            for item in self.findings
        )

    def headline(self) -> str:
        """Count them."""
        return f"{self.errors} errors, {len(self.findings) - self.errors} warnings for ZooKeeper {self.version}"

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(item.level == "error" for item in self.findings)


def lint_file(file: str, version: str, snapshot: str) -> Report:
    """Check anybody's zoo.cfg; *version* empty is the one image/ makes, *snapshot* empty an unknown size.

    Raises:
        BadInput: for a file that is none of text, or a version or size that is none.
    """
    version = version or image.zookeeper_version()
    return Report(file=file, version=version, findings=lint(_read(Path(file)), version, _size(snapshot)))


def refresh(source: str, version: str) -> tuple[str, ...]:
    """Compare the table with the ZooKeeper source in the directory *source*, of *version*; nothing when they agree."""
    if not source or not version:
        raise BadInput(
            "--source and --version are both needed", "write `invoke lint-refresh --source DIR --version 3.9.6`"
        )
    return compare(names(read_tree(Path(source))), Version.parse(version))


def compare(found: Names, version: Version) -> tuple[str, ...]:
    """Say which names the table lacks, and which it has that the source has no more."""
    known = table()
    read = found.switch | found.properties
    settings = set(known.names(version))
    families = {
        name for name in read for family in known.families if not family.other and name.startswith(family.prefix)
    }
    told = set(known.keys) | set(known.guide_names) | set(known.system_properties) | known.no_settings
    lacking = {f"{name}: read from zoo.cfg" for name in read - settings - known.no_settings - (families - settings)}
    lacking |= {f"{name}: read as a system property" for name in found.plain - told}
    lacking |= {f"{name}: named by the guide" for name in found.guide - told - read}
    theirs = {name for name in settings if known.keys[name].reads != PROVIDER}
    gone = {
        f"{name}: in the table and not in the source" for name in theirs - read if not known.keys[name].idle(version)
    }
    return tuple(sorted(lacking | gone))


@cache
def _warn(sentences: tuple[str, ...]) -> None:
    """Tell warnings; `invoke render deploy` finds the same ones twice and tells them once."""
    for sentence in sentences:
        console.warn(sentence)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise BadInput(f"{file}: there is no such file", "name a zoo.cfg") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{file}: cannot be read: {error}", "name a readable file") from error
    if b"\0" in content or len(content) > LARGEST:
        raise BadInput(f"{file}: is no text file, or larger than 64 KiB", "name a zoo.cfg")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")  # what Java takes it for


def _size(snapshot: str) -> int:
    try:
        return memory_bytes(snapshot) if snapshot else 0
    except ValueError:
        raise BadInput(f"--snapshot: {snapshot!r} is no size", "write one such as 800Mi or 2Gi") from None
