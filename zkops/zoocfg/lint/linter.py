"""The linter of zoo.cfg: what ZooKeeper would refuse, ignore without a word, or do against the operator's will.

QuorumPeerConfig ends with `System.setProperty("zookeeper." + key, value)`: a key it does not know becomes a system
property that perhaps nobody reads. What is known is in `zkops.zoocfg.lint.table`; how keys go together in
`zkops.zoocfg.lint.rules`.
"""

import difflib
from collections.abc import Iterator

from zkops.zoocfg.lint.findings import Finding, Settings
from zkops.zoocfg.lint.rules import RULES
from zkops.zoocfg.lint.table import Key, Table, Version, table
from zkops.zoocfg.lint.values import out_of_range, wrong
from zkops.zoocfg.properties import Entry, parse
from zkops.zoocfg.settings import DEFAULTS, PROVIDER, PROVIDER_KEYS

BYTE_ORDER_MARK = "\ufeff"


def lint(text: str, version: str, snapshot_bytes: int = 0) -> tuple[Finding, ...]:
    """Check the text of a zoo.cfg for a version of ZooKeeper such as `3.9` or `3.9.6`; findings in the file's order.

    *snapshot_bytes*, the size of the largest snapshot, lets initLimit be checked against it; 0 is unknown.

    Raises:
        BadInput: when *version* is none, or older than 3.5.
    """
    entries = parse(text.removeprefix(BYTE_ORDER_MARK))
    settings = Settings(entries=entries, version=Version.parse(version), snapshot_bytes=snapshot_bytes)
    found = [*_format(text, entries), *_repeated(entries)]
    for entry in entries:
        found += _entry(entry, settings)
    for rule in RULES:
        found += rule(settings)
    # What is missing from the file comes last.
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: (finding.line is None, finding.line or 0)))


def _format(text: str, entries: tuple[Entry, ...]) -> Iterator[Finding]:
    if text.startswith(BYTE_ORDER_MARK):
        message = "the file begins with a byte-order mark, which Java takes as part of the first line"
        yield Finding(level="error", line=1, key="(file)", message=message, mend="save it as UTF-8 without BOM")
    for entry in entries:
        if entry.malformed:
            yield _error(entry, "holds \\u without four hexadecimal digits: Java refuses the file", "write \\\\u")
        elif entry.lost:
            yield _warning(entry, "a backslash before a letter vanishes in this format", "write \\\\ for \\, or use /")
        elif " #" in entry.value:
            yield _warning(entry, "text behind # belongs to the value", "put the comment on a line of its own")


def _repeated(entries: tuple[Entry, ...]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for entry in entries:
        if entry.key in first:
            yield _error(entry, f"stands twice, first in line {first[entry.key]}", "keep one of them")
        first.setdefault(entry.key, entry.line)


def _entry(entry: Entry, settings: Settings) -> Iterator[Finding]:
    """Check one key and its value by themselves."""
    key = _known(entry.key, table())
    if key and key.reads == PROVIDER and not settings.ours:  # may be another provider's; the rule on metrics knows two
        return
    provided = settings.ours and entry.key in PROVIDER_KEYS
    if key is None or not (key.known(settings.version) or provided):
        yield _unknown(entry, key, settings)
        return
    if key.idle(settings.version):
        yield _warning(entry, f"is ignored from ZooKeeper {key.ignored} on", "remove it")
    if key.client:
        yield _warning(entry, "is read by clients, not by a server", "set it where the client runs")
    if key.secret:
        path = f"{key.name}Path" if f"{key.name}Path" in table().keys else ""
        mend = f"write the file that holds it to {path}" if path else "keep this file from other readers"
        yield _warning(entry, "a secret stands in plain text", mend)
    problem = wrong(key, entry.value, settings.version)
    if problem:
        yield _error(entry, f"{_shown(entry.value)} is {problem}", f"write {_wanted(key)}")
    elif not (settings.ours and DEFAULTS.get(entry.key) == entry.value):  # where it is risky, the image sees to it
        yield from _judged(entry, key)


def _judged(entry: Entry, key: Key) -> Iterator[Finding]:
    """Judge a value that ZooKeeper takes."""
    value = entry.value.lower()
    if key.soft and out_of_range(key, entry.value):
        yield _warning(
            entry, f"{entry.value} is {out_of_range(key, entry.value)} and is taken as {key.min}", "write it so"
        )
    for reasons, found, word in ((key.unsafe, _error, "unsafe"), (key.risky, _warning, "risky")):
        reason = reasons.get("any") or reasons.get(value)
        if reason:
            yield found(entry, f"{entry.value} is {word}: {reason}", "remove it")


def is_secret(name: str) -> bool:
    """Whether the value of a key of zoo.cfg is to be shown to nobody."""
    key = _known(name, table())
    return key.secret if key else name.lower().endswith("password")


def _known(name: str, known: Table) -> Key | None:
    if name in known.keys:
        return known.keys[name]
    if name in known.system_properties:
        return None
    return next((family.key(name) for family in known.families if family.fits(name)), None)


def _unknown(entry: Entry, key: Key | None, settings: Settings) -> Finding:
    """Say why a key does nothing in this version."""
    name, version, known = entry.key, settings.version, table()
    if key and key.gone(version):
        return _error(
            entry, f"was removed in ZooKeeper {key.until}", f"write {key.instead}" if key.instead else "remove it"
        )
    if key:
        return _error(
            entry, f"is not known in ZooKeeper {version}, it came with {' and '.join(key.since)}", "remove it"
        )
    if name in known.system_properties:
        about = known.system_properties[name]
        return _error(entry, f"works only as a system property ({about})", f"start the JVM with -D{name}=VALUE instead")
    if name in known.guide_names:
        right = known.guide_names[name]
        return _error(entry, "is a name of the guide that ZooKeeper does not read from zoo.cfg", f"write {right}")
    if known.newer(version):
        return _warning(entry, f"is in no version up to {max(known.versions, key=_branch)}", "look it up in the guide")
    return _error(
        entry, f"is no setting of ZooKeeper {version}: it would be taken and do nothing", _nearest(name, settings)
    )


def _branch(version: str) -> tuple[int, int]:
    return Version.parse(version).branch


def _nearest(name: str, settings: Settings) -> str:
    names = (*table().names(settings.version), *(f"{family.prefix}1" for family in table().families))
    bare = name.removeprefix("zookeeper.")
    if bare != name and (bare in names or _known(bare, table())):
        return f"write {bare}; the prefix is for system properties only"
    folded = {known.lower(): known for known in names}
    if name.lower() in folded:
        return f"write {folded[name.lower()]}; upper and lower case matter"
    near = difflib.get_close_matches(name.lower()[:80], folded, n=1, cutoff=0.7)
    return f"did you mean {folded[near[0]]}?" if near else "remove it"


def _wanted(key: Key) -> str:
    """Say what to write, in the words of the table."""
    if key.values:
        quoted = ", in quotes in YAML" if "yes" in key.values else ""
        return " or ".join(word for word in key.values if word) + quoted
    return f"{_KINDS[key.type]} ({key.about.rstrip('.')})"


_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "long": "a whole number",
    "port": "a port",
    "float": "a number such as 0.5",
    "class": "the name with its package",
    "interval": "whole hours",
    "words": "known words with commas between",
    "path": "a path",
    "server": "HOST:QUORUM:ELECTION[:ROLE][;CLIENTPORT]",
    "ids": "ids with colons between",
}


def _shown(value: str) -> str:
    return repr(value if len(value) < 60 else value[:57] + "…")


def _error(entry: Entry, message: str, mend: str) -> Finding:
    return Finding(level="error", line=entry.line, key=entry.key, message=message, mend=mend)


def _warning(entry: Entry, message: str, mend: str) -> Finding:
    return Finding(level="warning", line=entry.line, key=entry.key, message=message, mend=mend)
