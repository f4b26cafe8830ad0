"""The keys of zoo.cfg: our defaults, which ones belong to the tool, and the text of the file.

Keys and defaults: https://zookeeper.apache.org/doc/r3.9.4/zookeeperAdmin.html#sc_configuration
"""

import re
from collections.abc import Mapping

PROBE_WORDS = ("srvr", "mntr", "conf", "ruok")
"""The four-letter words that probes, `status`, `plan` and `mntr` need."""

DEFAULTS: Mapping[str, str] = {
    # A lost leader is noticed after syncLimit ticks, 1.8 s. Why each value is as it is: docs/plan/failover.md.
    "tickTime": "300",
    "syncLimit": "6",
    # 60 s to load the data; the next four keep what else would wait as long, or 5 s, short.
    "initLimit": "200",
    "connectToLearnerMasterLimit": "6",
    "leader.maxTimeToWaitForEpoch": "200",
    "cnxTimeout": "2000",
    "fastleader.maxNotificationInterval": "2000",
    # By themselves 2 and 20 ticks.
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
    # Members come and go while the ensemble runs.
    "reconfigEnabled": "true",
    # A member whose disk was emptied learns the data before it votes.
    "db.autocreate": "false",
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
    "DigestAuthenticationProvider.superDigest": "the super user's Secret",
    "metricsProvider.className": "metrics",
    "metricsProvider.httpHost": "metrics.address",
    "metricsProvider.httpPort": "ports.metrics",
    "metricsProvider.metrics": "metrics.set",
}
NEEDED = {
    "reconfigEnabled": ("true", "members join and leave by it"),
    "standaloneEnabled": ("false", "others cannot join a server that runs outside a quorum"),
    "db.autocreate": ("false", "a member with an empty disk may vote away what others have acknowledged"),
    "skipACL": ("no", "anybody may then change the membership"),
    "DigestAuthenticationProvider.enabled": ("true", "the tool logs in by it to change the membership"),
    "DigestAuthenticationProvider.digestAlg": ("sha1", "the digest that the tool logs in with is made so"),
}
"""Key → the only value it may have, in lower case, and what speaks against another one."""
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check(settings: Mapping[str, object]) -> None:
    """Refuse settings that cannot stand; ValueError with what is wrong; what to do."""
    _check_provider(str(settings.get("metricsProvider.className", "")))
    _check_needed(settings)
    for key, value in settings.items():
        owner = "machines" if key.startswith("server.") else OWNED.get(key)
        if owner:
            raise ValueError(f"zoo_cfg.{key}: is made from {owner}; {mend(key)}")
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


def mend(owned: str) -> str:
    """Say what to do in place of setting a key of `OWNED`."""
    return "leave it out" if owned.endswith("superDigest") else "set that instead"


def _check_needed(settings: Mapping[str, object]) -> None:
    for key, (needed, reason) in NEEDED.items():
        if key in settings and _value(settings[key]).lower() != needed:
            raise ValueError(f"zoo_cfg.{key}: must be {needed}, for {reason}; leave it out")
    grouped = [key for key in settings if key.startswith(("group.", "weight."))]
    if grouped:
        raise ValueError(
            f"zoo_cfg.{grouped[0]}: quorums by groups cannot be changed while they run; leave it out: each voter counts"
            " the same"
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


def text(settings: Mapping[str, object], made: Mapping[str, str]) -> str:
    """Write a zoo.cfg without its members: defaults, overlaid by *settings* and by what is *made*."""
    merged = {**DEFAULTS, **{key: _value(value) for key, value in settings.items()}, **made}
    lines = ["dataDir=/data", "dataLogDir=/datalog", *(f"{key}={merged[key]}" for key in sorted(merged))]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
