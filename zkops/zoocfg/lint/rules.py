"""Rules that need more than one key of zoo.cfg, or that find something missing; each names the code it is taken from.

Where a setting may also be given to the JVM (`-Dzookeeper.KEY`), its absence here is a warning only.
"""

from collections.abc import Callable, Iterator

from zkops.zoocfg.lint.findings import Finding, Settings
from zkops.zoocfg.lint.server_rules import members, standalone
from zkops.zoocfg.lint.table import table
from zkops.zoocfg.settings import PROVIDER, PROVIDER_KEYS, UPSTREAM_PROVIDER

DEFAULT_TICK = 3000  # ZooKeeperServer.DEFAULT_TICK_TIME
LOAD_BYTES_A_SECOND = 20 * 1000**2
"""A careful guess of how fast a follower receives, writes and loads a snapshot; measure yours by `mntr`."""
MONITORED = ("srvr", "mntr", "ruok")
"""The four-letter words that anybody's monitoring asks."""
NETTY = "org.apache.zookeeper.server.NettyServerCnxnFactory"

Found = Iterator[Finding]


def _required(cfg: Settings) -> Found:
    """QuorumPeerConfig.parseProperties."""
    if "dataDir" not in cfg:
        yield cfg.error("dataDir", "is missing: ZooKeeper does not start", "add it, such as dataDir=/var/lib/zookeeper")
    for address, port in (("clientPortAddress", "clientPort"), ("secureClientPortAddress", "secureClientPort")):
        if address in cfg and port not in cfg:
            yield cfg.error(address, f"is set without {port}: ZooKeeper does not start", f"add {port}")
    if not standalone(cfg) or "dynamicConfigFile" in cfg:
        for key in ("initLimit", "syncLimit"):
            if key not in cfg:
                yield cfg.error(key, "is missing: a member of an ensemble does not start", f"add it, such as {key}=5")


def _served(cfg: Settings) -> Found:
    """QuorumPeerMain.runFromConfig opens client ports only where one is set; ZOOKEEPER-4276 for TLS alone."""
    ports = [entry for entry in cfg.under("server.") if ";" in entry.value]
    elsewhere = "dynamicConfigFile" in cfg or (cfg.ours and not cfg.under("server."))
    if "clientPort" in cfg or ports or elsewhere:
        return
    if "secureClientPort" not in cfg:
        yield cfg.warning("clientPort", "is missing: no client can connect", "add clientPort=2181")
    elif cfg.version.branch < (3, 10):
        message = "alone, without clientPort, does not serve before 3.10 (ZOOKEEPER-4276)"
        yield cfg.warning("secureClientPort", message, "add clientPort")


def _limits(cfg: Settings) -> Found:
    tick = max(1, cfg.number("tickTime", DEFAULT_TICK))
    least, most = cfg.number("minSessionTimeout", -1), cfg.number("maxSessionTimeout", -1)
    # -1 stands for the default: QuorumPeerConfig.parseProperties.
    shortest, longest = (2 * tick if least == -1 else least), (20 * tick if most == -1 else most)
    if shortest > longest:
        key = "minSessionTimeout" if "minSessionTimeout" in cfg else "maxSessionTimeout"
        message = (
            f"the shortest session, {shortest} ms, is longer than the longest, {longest} ms: ZooKeeper does not start"
        )
        yield cfg.error(key, message, "make minSessionTimeout the smaller; the defaults are 2 and 20 ticks")
    elif shortest < 2 * tick:
        message = f"{shortest} ms is less than two ticks of {tick} ms, too short for the heartbeats of its clients"
        yield cfg.warning("minSessionTimeout", message, f"write {2 * tick} or more, or a smaller tickTime")
    init, sync = cfg.number("initLimit", 0), cfg.number("syncLimit", 0)
    if 0 < init < sync:
        message = f"{init} ticks to load all data are fewer than the {sync} of syncLimit to answer"
        yield cfg.warning("initLimit", message, f"write {2 * sync} or more")
    needed = cfg.snapshot_bytes / LOAD_BYTES_A_SECOND * 1000
    if init > 0 and init * tick < needed:
        message = f"{init * tick / 1000:.0f} s are too short to send and load {cfg.snapshot_bytes / 1000**2:.0f} MB"
        yield cfg.warning("initLimit", message, f"write {-int(-needed // tick)} or more")


def _election(cfg: Settings) -> Found:
    """QuorumPeerConfig.parseProperties since release-3.6.0."""
    if cfg.version.branch >= (3, 6) and cfg.number("electionAlg", 3) != 3:
        yield cfg.error("electionAlg", "is 3 alone from 3.6 on: ZooKeeper does not start", "remove it")


def _purge(cfg: Settings) -> Found:
    """DatadirCleanupManager does nothing for an interval of 0, the default."""
    interval = cfg.text("autopurge.purgeInterval", "0")
    if not interval.strip("+-0msMShHdD") or interval.startswith("-"):
        message = "is off: old snapshots and logs stay until the disk is full"
        yield cfg.warning("autopurge.purgeInterval", message, "write 1, for every hour")


def _words(cfg: Settings) -> Found:
    """FourLetterCommands.isEnabled: `srvr` is always on."""
    key = "4lw.commands.whitelist"
    words = {word.strip() for word in cfg.text(key).split(",")}
    if "*" in words:
        message = "* also answers words that cost much (dump, wchc, wchp) and tell who is connected"
        yield cfg.warning(key, message, f"name the words, such as {','.join(MONITORED)}")
        return
    missing = [word for word in MONITORED if word not in words | {"srvr"}]
    if missing:
        message = f"lacks {', '.join(missing)}, which probes and monitoring need"
        yield cfg.warning(key, message, f"write {','.join(MONITORED)}")


def _tls_clients(cfg: Settings) -> Found:
    """NIOServerCnxnFactory.configure throws for a secure port."""
    wanted = next((key for key in ("secureClientPort", "client.portUnification") if key in cfg), "")
    if not wanted or (wanted == "client.portUnification" and not cfg.flag(wanted)):
        return
    if "Netty" not in cfg.text("serverCnxnFactory"):
        found = cfg.error if "serverCnxnFactory" in cfg else cfg.warning
        yield found(wanted, "needs Netty, unless the JVM is told so", f"add serverCnxnFactory={NETTY}")
    if "ssl.keyStore.location" not in cfg and "ssl.context.supplier.class" not in cfg:
        message = "has no key store here, so every TLS connection fails unless the JVM is told one"
        yield cfg.warning(wanted, message, "add ssl.keyStore.location and ssl.trustStore.location")


def _tls_quorum(cfg: Settings) -> Found:
    on = cfg.flag("sslQuorum")
    if on and "ssl.quorum.keyStore.location" not in cfg and "ssl.quorum.context.supplier.class" not in cfg:
        message = "has no key store here, so the members cannot connect unless the JVM is told one"
        yield cfg.warning("sslQuorum", message, "add ssl.quorum.keyStore.location and ssl.quorum.trustStore.location")
    # The guide's advice at sslQuorum, both from 3.7.1 on.
    slow = [key for key in ("leader.closeSocketAsync", "learner.closeSocketAsync") if not cfg.flag(key)]
    if on and slow and all(table().keys[key].known(cfg.version) for key in slow):
        message = f"closing TLS connections can hold up an election without {' and '.join(slow)}"
        yield cfg.warning("sslQuorum", message, f"add {' and '.join(f'{key}=true' for key in slow)}")
    # The AdminServer takes its certificates from there too: JettyAdminServer.
    used = on or any(cfg.flag(key) for key in ("portUnification", "admin.portUnification", "admin.forceHttps"))
    for entry in () if used else cfg.under("ssl.quorum.")[:1]:
        yield cfg.warning(entry.key, "has no effect: TLS between members is off", "add sslQuorum=true")


def _revocation(cfg: Settings) -> Found:
    """From 3.10 ocsp no longer implies crl: guide of master at ssl.ocsp."""
    for prefix in ("ssl.", "ssl.quorum."):
        if cfg.version.branch >= (3, 10) and cfg.flag(f"{prefix}ocsp") and not cfg.flag(f"{prefix}crl"):
            yield cfg.warning(f"{prefix}ocsp", "does nothing without crl from 3.10 on", f"add {prefix}crl=true")


def _sasl(cfg: Settings) -> Found:
    """QuorumPeerConfig.parseProperties, for members; AuthenticationHelper, for clients."""
    enable, server, learner = (
        f"quorum.auth.{key}" for key in ("enableSasl", "serverRequireSasl", "learnerRequireSasl")
    )
    for key, needed in ((server, enable), (learner, enable), (server, learner)):
        if cfg.flag(key) and not cfg.flag(needed):
            yield cfg.error(key, f"needs {needed}: ZooKeeper does not start", f"add {needed}=true")
    schemes = cfg.text("enforce.auth.schemes") or cfg.flag("sessionRequireClientSASLAuth")
    if cfg.flag("enforce.auth.enabled") and not schemes:
        message = "needs enforce.auth.schemes: ZooKeeper does not start"
        yield cfg.error("enforce.auth.enabled", message, "add enforce.auth.schemes, such as sasl or x509")


def _admin(cfg: Settings) -> Found:
    """AdminServerFactory: on unless `false` up to 3.9, off unless `true` from 3.10 (ZOOKEEPER-5050)."""
    on = cfg.flag("admin.enableServer", default=cfg.version.branch < (3, 10))
    if on and "admin.serverAddress" not in cfg:
        key = "admin.serverPort" if "admin.serverPort" in cfg else "admin.enableServer"
        message = (
            f"the AdminServer listens on every address, port {cfg.text('admin.serverPort', '8080')}, without a login"
        )
        yield cfg.warning(key, message, "write admin.serverAddress=127.0.0.1 or admin.enableServer=false")
    others = [entry.key for entry in cfg.under("admin.") if entry.key != "admin.enableServer"]
    if not on and others:
        yield cfg.warning(
            others[0], "has no effect: the AdminServer is off", "add admin.enableServer=true or remove it"
        )


def _metrics(cfg: Settings) -> Found:
    """PrometheusMetricsProvider.configure; from 3.10 it throws where no port is set. Ours has a default."""
    provider = cfg.text("metricsProvider.className")
    options = [entry.key for entry in cfg.under("metricsProvider.") if entry.key != "metricsProvider.className"]
    if options and not provider:
        yield cfg.warning(options[0], "has no effect without metricsProvider.className", f"add it: {UPSTREAM_PROVIDER}")
    if provider not in {PROVIDER, UPSTREAM_PROVIDER}:
        return
    upstream = {key.name for key in table().keys.values() if key.reads == "PrometheusMetricsProvider"}
    for key in options:
        if key not in (PROVIDER_KEYS if provider == PROVIDER else upstream):
            message = f"is not read by {provider.rpartition('.')[2]}"
            yield cfg.warning(key, message, "remove it, or look for a typing error")
    ports = {"metricsProvider.httpPort", "metricsProvider.httpsPort"} & set(options)
    if provider == UPSTREAM_PROVIDER and cfg.version.branch >= (3, 10) and not ports:
        message = "needs a port from 3.10 on, 7000 is no longer implied: ZooKeeper does not start"
        yield cfg.error("metricsProvider.className", message, "add metricsProvider.httpPort=7000")


def _disks(cfg: Settings) -> Found:
    if "dataLogDir" in cfg and cfg.text("dataLogDir").rstrip("/") == cfg.text("dataDir").rstrip("/"):
        message = "is the same as dataDir; snapshots and log then wait for one another"
        yield cfg.warning("dataLogDir", message, "use a device of its own, or remove it")
    block, limit = cfg.number("preAllocSize", 65536), cfg.number("txnLogSizeLimitInKb", -1)
    if 0 < limit < 2 * block:
        message = (
            f"{limit} KB is less than two blocks of preAllocSize, {block} KB: a new log file for nearly every write"
        )
        yield cfg.warning("txnLogSizeLimitInKb", message, f"write {2 * block} or more")


def _idle(cfg: Settings) -> Found:
    """Settings that another one makes void."""
    if cfg.flag("localSessionsUpgradingEnabled") and not cfg.flag("localSessionsEnabled"):
        yield cfg.warning("localSessionsUpgradingEnabled", "has no effect alone", "add localSessionsEnabled=true")
    if cfg.flag("clientTcpKeepAlive") and "Netty" in cfg.text("serverCnxnFactory"):
        yield cfg.warning("clientTcpKeepAlive", "has no effect with Netty", "remove it")
    least, most = (f"fastleader.{end}NotificationInterval" for end in ("min", "max"))
    if least in cfg and most in cfg and cfg.number(least, 0) > cfg.number(most, 0):
        yield cfg.warning(least, f"is larger than {most}", "make it the smaller")


RULES: tuple[Callable[[Settings], Found], ...] = (
    _required,
    _served,
    _limits,
    _election,
    _purge,
    _words,
    _tls_clients,
    _tls_quorum,
    _revocation,
    _sasl,
    _admin,
    _metrics,
    _disks,
    _idle,
    members,
)
