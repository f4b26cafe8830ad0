"""The names of all settings, read out of a ZooKeeper source tree: the lint table is compared with them at a release.

Nothing is run or parsed as Java; the ways in which ZooKeeper reads a setting are few and alike since 3.5. A setting
read in a new way is missed here, which is why the administrator's guide is read too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from zkops.core.errors import BadInput

PREFIX = "zookeeper."
_STRING = r'"([^"\\\n]+)"'
_CONSTANT = re.compile(rf"\bString\s+([A-Z][A-Z0-9_]*)\s*=\s*{_STRING}\s*;")
_PREFIXED = re.compile(r'"zookeeper\."\s*\+\s*([A-Z][A-Z0-9_]*)')
_SWITCH = re.compile(rf"key\s*\.\s*equals\s*\(\s*(?:{_STRING}|(?:\w+\.)?([A-Z][A-Z0-9_]*))\s*\)")
_PROPERTY = re.compile(r'"zookeeper\.([A-Za-z0-9_.-]*[A-Za-z0-9_-])"')
_PLAIN = re.compile(rf"\b(?:System\s*\.\s*getProperty|getInteger|getLong|getBoolean)\s*\(\s*{_STRING}")
_TLS = re.compile(rf"getConfigPrefix\(\)\s*\+\s*{_STRING}")
_METRICS = re.compile(rf"configuration\s*\.\s*getProperty\s*\(\s*(?:{_STRING}|([A-Z][A-Z0-9_]*))")
# Markdown to 3.9 (`* *name* :`, its term may go on: `and *other*`), MDX since (`- _name_ :`).
_TERM = re.compile(r"^(?:\* \*|- _).*?(?::|$)", re.MULTILINE)
_TERM_NAME = re.compile(
    r"(?<![\w.])[*_]([A-Za-z0-9]\w*(?:[.-]\w+)*)(?:[*_]|(?<!_)(?= and ))|and ([A-Za-z]\w*\.[\w.]+)[*_]"
)
_NAMED_PROPERTY = re.compile(r"\*\*zookeeper\.([\w.-]*\w)\**")
_GUIDES = ("zookeeperAdmin.md", "configuration-parameters.mdx")
# zookeeperAdmin.md is the whole guide: before its settings stand members and files, after them commands.
_SETTINGS = re.compile(r"^#+ Configuration Parameters$(.*?)(?:^#+ ZooKeeper Commands$|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of settings by the way they are read."""

    switch: frozenset[str]
    """Compared with the key in QuorumPeerConfig: a bad value ends the start."""
    properties: frozenset[str]
    """Read as system property `zookeeper.NAME`: zoo.cfg reaches them through QuorumPeerConfig's last branch."""
    plain: frozenset[str]
    """Read as a system property without that prefix: zoo.cfg does not reach them."""
    guide: frozenset[str]
    """Named by the administrator's guide, as a setting or as `zookeeper.NAME`."""


def read_tree(directory: Path) -> dict[str, str]:
    """Read the Java sources and the guide below *directory*; path → text.

    Raises:
        BadInput: when *directory* holds no ZooKeeper server.
    """
    wanted = [path for path in directory.rglob("*.java") if "test" not in path.relative_to(directory).parts]
    wanted += [path for name in _GUIDES for path in directory.rglob(name)]
    if not any(path.name == "QuorumPeerConfig.java" for path in wanted):
        raise BadInput(
            f"{directory}: holds no ZooKeeper source (no QuorumPeerConfig.java)",
            "name the unpacked source archive or a checkout of a release tag with --source",
        )
    return {str(path.relative_to(directory)): path.read_text(encoding="utf-8", errors="replace") for path in wanted}


def names(files: Mapping[str, str]) -> Names:
    """Find the names of all settings in *files*, path → text."""
    java = {path: text for path, text in files.items() if path.endswith(".java")}
    constants = dict(found for text in java.values() for found in _CONSTANT.findall(text))
    switch = {literal or constants.get(name, name) for literal, name in _in(java, "QuorumPeerConfig", _SWITCH)}
    metrics = {
        f"metricsProvider.{literal or constants.get(name, name)}"
        for literal, name in _in(java, "PrometheusMetricsProvider", _METRICS)
    }
    properties = {name for text in java.values() for name in _PROPERTY.findall(text)} | set(_tls(java))
    properties |= {constants[name] for text in java.values() for name in _PREFIXED.findall(text) if name in constants}
    plain = {name for text in java.values() for name in _PLAIN.findall(text) if not name.startswith(PREFIX)}
    guide = {name for path, text in files.items() if path.endswith(_GUIDES) for name in _guide(text)}
    return Names(
        switch=frozenset(switch | metrics),
        properties=frozenset(properties),
        plain=frozenset(plain),
        guide=frozenset(guide),
    )


def _in(java: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    for path, text in java.items():
        if Path(path).stem == name:
            yield from pattern.findall(text)


def _tls(java: Mapping[str, str]) -> Iterator[str]:
    """Join the TLS settings with their prefixes: those of X509Util exist for clients and for the quorum."""
    for stem, prefixes in (("X509Util", ("ssl.", "ssl.quorum.")), ("ClientX509Util", ("ssl.",))):
        found = {name for path, text in java.items() if Path(path).stem == stem for name in _TLS.findall(text)}
        yield from ("".join(parts) for parts in product(prefixes, found))


def _guide(text: str) -> Iterator[str]:
    section = _SETTINGS.search(text)
    settings = section[1] if section else text
    for term in _TERM.findall(settings):
        yield from ((first or second).removeprefix(PREFIX) for first, second in _TERM_NAME.findall(term))
    yield from _NAMED_PROPERTY.findall(settings)
