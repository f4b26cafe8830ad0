"""The keys of zoo.cfg: our defaults, which ones belong to the tool, and the text of the file.

Keys and defaults: https://zookeeper.apache.org/doc/r3.9.4/zookeeperAdmin.html#sc_configuration
"""

import re
from collections.abc import Iterable, Mapping

PROBE_WORDS = ("srvr", "mntr", "ruok")
"""The four-letter words that probes, `status` and `mntr` need."""

DEFAULTS: Mapping[str, str] = {
    "tickTime": "2000",
    "initLimit": "10",
    "syncLimit": "5",
    "minSessionTimeout": "4000",
    "maxSessionTimeout": "40000",
    "maxClientCnxns": "60",
    # Off in ZooKeeper itself: the disk then fills until the ensemble stops.
    "autopurge.purgeInterval": "1",
    "autopurge.snapRetainCount": "3",
    "4lw.commands.whitelist": ",".join(PROBE_WORDS),
    # The admin server listens on every address by default and its classes are not in the image.
    "admin.enableServer": "false",
    # An ensemble of one is a quorum of one, so that it can grow without a restart.
    "standaloneEnabled": "false",
}

PROVIDER = "zkops.PrometheusMetrics"
"""The image's own metrics provider; it also answers the probes."""
UPSTREAM_PROVIDER = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider"
NODE = "node"
"""Stands for the address of the machine that a member is on."""
PROVIDER_KEYS = frozenset(
    f"metricsProvider.{name}" for name in ("httpHost", "httpPort", "exportJvmInfo", "metrics", "probes")
)
"""What the image's provider reads."""

OWNED = {
    "dataDir": "paths.data",
    "dataLogDir": "paths.log",
    "clientPort": "ports.client",
    "clientPortAddress": "ports.client",
    "dynamicConfigFile": "machines",
    "peerType": "machines[].role",
    "metricsProvider.className": "metrics",
    "metricsProvider.httpHost": "metrics.address",
    "metricsProvider.httpPort": "ports.metrics",
    "metricsProvider.metrics": "metrics.set",
}
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check(settings: Mapping[str, object]) -> None:
    """Refuse settings that cannot stand; ValueError with what is wrong; what to do."""
    _check_provider(str(settings.get("metricsProvider.className", "")))
    for key, value in settings.items():
        owner = "machines" if key.startswith("server.") else OWNED.get(key)
        if owner:
            raise ValueError(f"zoo_cfg.{key}: is made from {owner}; set that instead")
        if not _KEY.fullmatch(key):
            raise ValueError(f"zoo_cfg: {key!r} is no key of zoo.cfg; write ZooKeeper's own name, such as tickTime")
        if not isinstance(value, bool | int) and not re.fullmatch(r"[^\x00-\x1f\\]*", str(value)):
            raise ValueError(f"zoo_cfg.{key}: has a line break, backslash or control character; write it in one line")
    words = str(settings.get("4lw.commands.whitelist", DEFAULTS["4lw.commands.whitelist"]))
    named = {word.strip() for word in words.split(",")}  # at commas only, as ZooKeeper does
    missing = [word for word in PROBE_WORDS if not named & {word, "*"}]
    if missing:
        raise ValueError(
            f"zoo_cfg.4lw.commands.whitelist: lacks {', '.join(missing)}, which the probes need;"
            f" write {','.join(PROBE_WORDS)} and what you want beside them"
        )


def _check_provider(name: str) -> None:
    key = "zoo_cfg.metricsProvider.className"
    if name in {PROVIDER, UPSTREAM_PROVIDER}:
        raise ValueError(f"{key}: the image serves these metrics by itself; leave it out: /metrics is on by default")
    if name:
        raise ValueError(
            f"{key}: another provider would be in the place of the image's, which answers the probes too;"
            " leave it out, and read /metrics"
        )


def tls(settings: Mapping[str, object]) -> bool:
    """Whether Netty serves the clients or the members speak TLS; image/zkServer.sh asks the same of zoo.cfg."""
    return (
        "Netty" in str(settings.get("serverCnxnFactory", ""))
        or _value(settings.get("sslQuorum", False)).lower() == "true"
    )


def metrics(address: str, port: int, chosen: str) -> dict[str, str]:
    """Give the lines that have the image's provider serve the metrics *chosen*, `small` or `all`.

    Where *address* is `node` none is named: each member is told its machine's by its environment.
    """
    return {
        "metricsProvider.className": PROVIDER,
        **({} if address == NODE else {"metricsProvider.httpHost": address}),
        "metricsProvider.httpPort": str(port),
        "metricsProvider.metrics": chosen,
    }


def text(settings: Mapping[str, object], made: Mapping[str, str], servers: Iterable[str]) -> str:
    """Write a zoo.cfg: defaults, overlaid by *settings* and by what is *made*, then the `server.N=` lines *servers*."""
    merged = {**DEFAULTS, **{key: _value(value) for key, value in settings.items()}, **made}
    lines = ["dataDir=/data", "dataLogDir=/datalog", *(f"{key}={merged[key]}" for key in sorted(merged)), *servers]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
