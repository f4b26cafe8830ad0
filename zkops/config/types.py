"""The kinds of values that `cluster.yaml` holds, each refusing what Docker, Kubernetes or ZooKeeper would refuse later.

A message reads: what is wrong; what to write instead.
"""

import re
from ipaddress import AddressValueError, IPv4Address
from pathlib import PurePosixPath
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

# RFC 1123, as Kubernetes checks names: a label for most objects, a subdomain (labels with dots) for nodes.
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_LABEL_KEY = re.compile(rf"({_SUBDOMAIN.pattern}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")
# The grammar of an image reference: https://pkg.go.dev/github.com/distribution/reference
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_REPOSITORY = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_HOST = r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_HOST}(\.{_HOST})*(:[0-9]{{1,5}})?")
_MEMORY = re.compile(r"([0-9]{1,15})(Ki|Mi|Gi|Ti|k|M|G|T)?")
_UNITS: dict[str, int] = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    unit: 1024**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"), start=1)
}


def memory_bytes(quantity: str) -> int:
    """Give the bytes of a Kubernetes memory quantity such as `512Mi` or `1G`; ValueError when it is none."""
    found = _MEMORY.fullmatch(quantity)
    if not found:
        raise ValueError("is no amount of memory; write a whole number with Ki, Mi, Gi, k, M or G, such as 512Mi")
    return int(found[1]) * _UNITS[found[2] or ""]


def _kubernetes_version(value: object) -> object:
    # YAML reads 1.20 as the number 1.2.
    if value not in KUBERNETES_VERSIONS:
        known = ", ".join(f'"{version}"' for version in KUBERNETES_VERSIONS)
        raise ValueError(f"is not a version that the sandbox can run; write one of {known}, in quotes")
    return value


def _matching(pattern: re.Pattern[str], limit: int, message: str) -> AfterValidator:
    def check(value: str) -> str:
        if len(value) > limit or not pattern.fullmatch(value):
            raise ValueError(message)
        return value

    return AfterValidator(check)


def _address(value: str) -> str:
    try:
        address = IPv4Address(value)
    except AddressValueError:
        raise ValueError("is no IPv4 address; write the node's own address, such as 10.0.0.11") from None
    if address.is_unspecified or address.is_loopback or address.is_multicast or address.is_reserved:
        raise ValueError("is no address that other machines reach; write the node's own, such as 10.0.0.11")
    return str(address)


def _listen(value: str) -> str:
    if value == "node":
        return value
    try:
        address = IPv4Address(value)
    except AddressValueError:
        raise ValueError("is no IPv4 address to listen on; write node, 0.0.0.0 for all, or 127.0.0.1") from None
    if address.is_loopback and value != "127.0.0.1":
        raise ValueError("is not where the probes ask; write 127.0.0.1")
    if address.is_multicast or address.is_reserved:
        raise ValueError("is no address that a machine has; write node, 0.0.0.0 for all, or 127.0.0.1")
    return str(address)


def _absolute(value: str) -> str:
    path = PurePosixPath(value)
    if (
        len(value) > 1000
        or not path.is_absolute()
        or ".." in path.parts
        or not any(part.strip("/") for part in path.parts)
    ):
        raise ValueError(
            "is no directory for data; write an absolute path below /, without '..', such as /var/lib/zkops"
        )
    return str(path)


def _domain(value: str) -> str:
    host, _, port = value.partition(":")
    if port and not 1 <= int(port) <= 65535:
        raise ValueError(f"has the port {port}; write one from 1 to 65535")
    if not port and "." not in host and host != "localhost":
        raise ValueError(f"is a path on docker.io to Docker, not a host; write {host}:443, or the host's full name")
    return value


def _quantity(value: str) -> str:
    memory_bytes(value)
    return value


def cpu_thousandths(quantity: str) -> int:
    """Give the thousandths of a processor of a Kubernetes quantity such as `500m` or `0.5`."""
    return int(quantity[:-1]) if quantity.endswith("m") else round(float(quantity) * 1000)


def _no_switch(value: object) -> object:
    if isinstance(value, bool):  # Python takes true for 1
        raise ValueError("should be a valid integer")
    return value


def _off(value: object) -> object:
    # YAML 1.1 reads a plain OFF as false; nothing else can be meant by it.
    return "OFF" if value is False else value


def _archive_url(value: str) -> str:
    if "@" in value:
        raise ValueError("holds a login, which would be seen; fetch the archive yourself, and name it as file")
    return value


def _not_kubernetes_own(key: str) -> str:
    prefix = key.rpartition("/")[0]
    if prefix and re.search(r"(^|\.)(kubernetes|k8s)\.io$", prefix):
        raise ValueError("is a label of Kubernetes itself; write one of your own, such as zkops/ensemble")
    return key


def _named(pattern: str, limit: int, message: str) -> AfterValidator:
    return _matching(re.compile(pattern, re.ASCII), limit, message)


Label = Annotated[
    str, _matching(_LABEL, 63, "is no Kubernetes name; write lower-case letters, digits and '-', 63 at most")
]
EnsembleName = Annotated[
    str,
    _named(
        rf"(?=[a-z]){_LABEL.pattern}",
        40,
        "is no name for Kubernetes objects; write lower-case letters, digits and '-', a letter first, 40 at most",
    ),
]
NodeName = Annotated[
    str,
    _matching(
        _SUBDOMAIN,
        253,
        "is no Kubernetes node name; write lower-case letters, digits, '-' and '.', as kubectl shows it",
    ),
]
LabelKey = Annotated[
    str,
    _matching(_LABEL_KEY, 253, "is no Kubernetes label key; write one such as zkops/ensemble"),
    AfterValidator(_not_kubernetes_own),
]
LabelValue = Annotated[
    str,
    _named(
        r"|[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?",
        63,
        "is no value of a Kubernetes label; write letters, digits, '-', '_' and '.', 63 at most",
    ),
]
Domain = Annotated[
    str,
    _matching(_DOMAIN, 253, "is no registry's host; write HOST or HOST:PORT, without http:// and without a path"),
    AfterValidator(_domain),
]
Repository = Annotated[
    str, _matching(_REPOSITORY, 200, "is no image path; write lower-case letters and digits, with '/' between words")
]
Tag = Annotated[str, _matching(_TAG, 128, "is no image tag; write letters, digits, '_', '.' and '-', 128 at most")]
Reference = Annotated[
    str,
    _named(
        rf"({_DOMAIN.pattern}/)?{_REPOSITORY.pattern}(:\w[\w.-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?",
        500,
        "is no image reference; write one such as registry.example/zookeeper:3.9.6",
    ),
]
# Not shown when it is wrong: it may be the password itself, put into the wrong place.
EnvironmentName = Annotated[
    str,
    _named(
        r"[A-Za-z_][A-Za-z0-9_]*",
        200,
        "is no name of an environment variable; write the variable's name here, and the value into the variable",
    ),
]
PullPrefix = Annotated[
    str,
    _named(
        rf"|{_DOMAIN.pattern}(/{_REPOSITORY.pattern})?",
        400,
        "is no prefix to pull from; write HOST[:PORT][/PATH], without http://",
    ),
]
Listen = Annotated[str, AfterValidator(_listen)]
LogLevel = Annotated[Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF"], BeforeValidator(_off)]
# Neither a comma nor an equals sign: the image is told NAME=LEVEL,NAME=LEVEL.
LoggerName = Annotated[
    str,
    _named(
        r"[A-Za-z_$][\w$-]*(\.[\w$-]+)*",
        200,
        "is no logger's name; write a package or a class, such as org.apache.zookeeper.server.quorum",
    ),
]
Release = Annotated[
    str,
    _named(
        r"3\.([6-9]|[1-9]\d)\.\d{1,2}",
        10,
        "is no release with a metrics provider, which the probes need; write 3.6.0 or a later one, such as 3.9.4",
    ),
]
ArchiveUrl = Annotated[
    str,
    _named(
        r"https?://[^/\s\"'\\<>]+/[^\s\"'\\<>]+",
        1000,
        "is no URL of an archive; write http(s)://HOST/PATH/apache-zookeeper-VERSION-bin.tar.gz",
    ),
    AfterValidator(_archive_url),
]
WebAddress = Annotated[
    str, _named(r"https?://[^/\s\"'\\<>]+[^\s\"'\\<>]*", 1000, "is no address on the web; write https://HOST/PATH")
]
Address = Annotated[str, AfterValidator(_address)]
Whole = Annotated[int, BeforeValidator(_no_switch)]
Port = Annotated[Whole, Field(ge=1, le=65535)]
MemberId = Annotated[Whole, Field(ge=1, le=255)]
Memory = Annotated[str, AfterValidator(_quantity)]
Cpu = Annotated[
    str, _named(r"\d+m?|\d+\.\d+", 20, "is no amount of processors; write cores or thousandths, such as 1, 0.5 or 500m")
]
_KubernetesVersion = Literal["1.20", "1.34", "1.35", "1.36", "1.37"]
KUBERNETES_VERSIONS: tuple[str, ...] = get_args(_KubernetesVersion)
KubernetesVersion = Annotated[_KubernetesVersion, BeforeValidator(_kubernetes_version)]
AbsolutePath = Annotated[str, AfterValidator(_absolute)]
Setting = str | int | bool
