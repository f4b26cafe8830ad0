"""Whether a value is one that ZooKeeper can take, by the kind of its setting."""

import re
from collections.abc import Callable, Mapping

from zkops.zoocfg.lint.table import Key, Version

WORDS = frozenset(
    re.findall(r"\w+", "conf cons crst dirs dump envi gtmk hash isro mntr ruok srst srvr stat stmk wchc wchp wchs")
)
"""The four-letter words. FourLetterCommands.java at release-3.9.5."""

_LIMITS = {"int": 2**31, "port": 2**31, "long": 2**63}
# Integer.getInteger decodes, so hexadecimal counts there; Integer.parseInt of QuorumPeerConfig knows decimals only.
_DECIMAL = re.compile(r"[+-]?[0-9]{1,19}")
_DECODED = re.compile(r"[+-]?(?:0[xX]|#)[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTERVAL = re.compile(r"[+-]?[0-9]{1,10}")
_SUFFIXED = re.compile(r"[+-]?[0-9]{1,10}(?:ms|MS|[sSmMhHdD])?")
# HOST:QUORUM:ELECTION[:ROLE], several with | between. QuorumPeer.QuorumServer.initializeWithAddressString.
_SERVER = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:;|\s\[\]]+):(?P<quorum>[0-9]{1,5}):(?P<election>[0-9]{1,5})(?::(?P<role>\w+))?"
)
_CLIENT = re.compile(r"(?:(?:\[[0-9A-Fa-f:.%]+\]|[^:;|\s\[\]]+):)?[0-9]{1,5}")


def wrong(key: Key, value: str, version: Version) -> str:
    """Say what is wrong with *value* in a phrase that follows `is`; empty when nothing is."""
    if key.values:
        return _one_of(key, value)
    check = _CHECKS.get(key.type)
    return check(key, value, version) if check else ""


def out_of_range(key: Key, value: str) -> str:
    """Say which bound *value*, a right number, lies beyond; empty when none."""
    number = float(value) if key.type == "float" else _number(value)
    if key.min is not None and number < key.min:
        return f"below {key.min}"
    if key.max is not None and number > key.max:
        return f"above {key.max}"
    return ""


def _number(value: str) -> int:
    if _DECIMAL.fullmatch(value):
        return int(value)
    return int(re.sub("0[xX]|#", "", value, count=1), 16)


def _one_of(key: Key, value: str) -> str:
    fits = value.lower() in {word.lower() for word in key.values} if key.nocase else value in key.values
    return "" if fits else f"none of {', '.join(word or '(empty)' for word in key.values)}"


def _bool(_key: Key, value: str, _version: Version) -> str:
    return "" if value.lower() in {"true", "false"} else "neither true nor false"


def _whole(key: Key, value: str, _version: Version) -> str:
    decoded = key.reads != "QuorumPeerConfig" and _DECODED.fullmatch(value)
    if not _DECIMAL.fullmatch(value) and not decoded:
        return "no whole number"
    limit = _LIMITS[key.type]
    if not -limit <= _number(value) < limit:
        return f"too large a number, the most is {limit - 1}"
    if key.type == "port" and not (1 if key.min is None else key.min) <= _number(value) <= 65535:
        return "no port, 1 to 65535"
    return out_of_range(key, value) if key.type != "port" and not key.soft else ""


def _float(key: Key, value: str, _version: Version) -> str:
    return out_of_range(key, value) if _FLOAT.fullmatch(value) else "no number"


def _class(_key: Key, value: str, _version: Version) -> str:
    # Class.forName and loadClass take full names alone; the guide's `NettyServerCnxnFactory` ends the start.
    return "" if re.fullmatch(r"[\w$]+(\.[\w$]+)+", value) else "no full class name, such as org.example.Name"


def _path(_key: Key, value: str, _version: Version) -> str:
    if not value:
        return "empty"
    return "no path: it holds a control character" if re.search(r"[\x00-\x1f]", value) else ""


def _interval(_key: Key, value: str, version: Version) -> str:
    if version.branch >= (3, 10):
        return "" if _SUFFIXED.fullmatch(value) else "no interval, such as 24, 90m or 12h"
    if _SUFFIXED.fullmatch(value) and not _INTERVAL.fullmatch(value):
        return "no whole number of hours; units came with 3.10"
    return "" if _INTERVAL.fullmatch(value) else "no whole number of hours"


def _words(_key: Key, value: str, _version: Version) -> str:
    # Split at commas alone: FourLetterCommands.isEnabled.
    words = [word.strip() for word in value.split(",") if word.strip()]
    spaced = [word for word in words if re.search(r"\s", word)]
    unknown = [word for word in words if word != "*" and word not in WORDS]
    if spaced:
        return f"separated by blanks in {spaced[0]!r}, which makes one unknown word of it"
    return f"naming words that do not exist: {', '.join(unknown[:5])}" if unknown else ""


def _ids(_key: Key, value: str, _version: Version) -> str:
    return "" if re.fullmatch(r"[0-9]{1,19}(:[0-9]{1,19})*", value) else "no list of member ids with colons between"


def _server(_key: Key, value: str, version: Version) -> str:
    servers, *clients = value.split(";")
    parsed = addresses(value)
    if not parsed:
        return "not of the form HOST:QUORUM:ELECTION[:participant|observer][;[HOST:]CLIENTPORT]"
    if len(clients) > (2 if version.branch >= (3, 10) else 1):
        return "too long: `;SECUREPORT` behind the client port came with 3.10" if len(clients) == 2 else "too long"
    if any(client and not _CLIENT.fullmatch(client.strip()) for client in clients) or (clients and not any(clients)):
        return f"no member: {';'.join(clients)!r} is no client port"
    if "|" in servers and version.branch < (3, 6):
        return "too long: several addresses came with 3.6"
    return _ports(parsed)


def _ports(parsed: tuple[Mapping[str, str], ...]) -> str:
    roles = {part["role"].lower() for part in parsed if part["role"]}
    if not roles <= {"participant", "observer"}:
        return f"no member: {min(roles - {'participant', 'observer'})!r} is no role, write participant or observer"
    if any(not 0 < int(part[port]) < 65536 for part in parsed for port in ("quorum", "election")):
        return "no member: a port lies outside 1 to 65535"
    same = any(int(part["quorum"]) == int(part["election"]) for part in parsed)
    return "no member: quorum and election port must differ" if same else ""


def addresses(server: str) -> tuple[Mapping[str, str], ...]:
    """Take the value of a server.N apart: host, quorum, election, role of each address; empty when it is none."""
    found = [_SERVER.fullmatch(part.strip()) for part in server.partition(";")[0].split("|")]
    return (
        tuple({name: part[name] or "" for name in _SERVER.groupindex} for part in found if part) if all(found) else ()
    )


_CHECKS: Mapping[str, Callable[[Key, str, Version], str]] = {
    "bool": _bool,
    "int": _whole,
    "long": _whole,
    "port": _whole,
    "float": _float,
    "class": _class,
    "path": _path,
    "interval": _interval,
    "words": _words,
    "ids": _ids,
    "server": _server,
}
