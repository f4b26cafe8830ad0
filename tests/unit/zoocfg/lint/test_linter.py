"""The linter finds what ZooKeeper would refuse or ignore, per version, and nothing where nothing is wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import MakeCluster
from tests.support.zoo_cfg import CLEAN
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput
from zkops.manifests.render import render
from zkops.zoocfg.lint.findings import Finding
from zkops.zoocfg.lint.linter import lint
from zkops.zoocfg.lint.table import Version, table

VERSIONS = ("3.5", "3.6", "3.7", "3.8", "3.9", "3.10")
PROMETHEUS = "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n"
OURS = "metricsProvider.className=zkops.PrometheusMetrics\n"
NETTY = "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n"


def found(text: str, version: str = "3.9", *, base: str = CLEAN, snapshot: int = 0) -> list[Finding]:
    """Lint *text* set into a clean file: its keys replace those of the file."""
    keys = {line.split("=")[0] for line in text.splitlines()}
    kept = [line for line in base.splitlines() if line.split("=")[0] not in keys]
    return list(lint("\n".join([*kept, text]), version, snapshot))


def one(text: str, version: str = "3.9", snapshot: int = 0) -> Finding:
    """Give the one finding."""
    findings = found(text, version, snapshot=snapshot)
    assert len(findings) == 1, findings
    return findings[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_clean_file_is_clean(version: str) -> None:
    assert lint(CLEAN, version) == ()


def test_what_we_render_is_clean(cluster: Cluster, make_cluster: MakeCluster) -> None:
    alone = make_cluster(machines=[{"hostname": "demo-1", "ip": "172.31.77.11", "id": 1}])
    for described in (cluster, alone):
        for version in VERSIONS[1:]:  # metrics providers came with 3.6, and the probes are answered by one
            assert lint(render(described, "any").files["zoo.cfg"], version) == ()


@pytest.mark.parametrize(
    ("text", "version", "says", "mend"),
    [
        ("ticktime=2000", "3.9", "is no setting", "write tickTime"),
        ("autopurge.purgeInteval=1", "3.9", "is no setting", "did you mean autopurge.purgeInterval?"),
        ("server1=a:1:2", "3.9", "is no setting", "did you mean server.1?"),
        ("completelyDifferent=1", "3.9", "is no setting", "remove it"),
        ("zookeeper.snapCount=10000", "3.9", "is no setting", "write snapCount"),
        ("jute.maxbuffer=4194304", "3.9", "only as a system property", "-Djute.maxbuffer=VALUE"),
        ("znode.container.checkIntervalMs=1", "3.9", "only as a system property", "-Dznode"),
        ("maxConcurrentSnapSyncs=5", "3.9", "name of the guide", "leader.maxConcurrentSnapSyncs"),
        ("requestThrottleLimit=5", "3.6", "name of the guide", "request_throttle_max_requests"),
        ("leader.maxConcurrentSnapshots=5", "3.6", "removed in ZooKeeper 3.6", "leader.maxConcurrentSnapSyncs"),
        ("maxCnxns=5", "3.5", "it came with 3.6.0", "remove it"),
        ("client.certReload=true", "3.8.4", "it came with 3.7.2 and 3.8.5 and 3.9.0", "remove it"),
        ("fips-mode=true", "3.8.1", "it came with 3.8.2", "remove it"),
        ("metricsProvider.httpsPort=1", "3.9", "it came with 3.10", "remove it"),
        ("tickTime=2s", "3.9", "'2s' is no whole number", "a whole number"),
        ("tickTime=0", "3.9", "'0' is below 1", "a whole number"),
        ("tickTime=0x10", "3.9", "is no whole number", "a whole number"),
        ("snapCount=99999999999", "3.9", "too large", "a whole number"),
        ("secureClientPortAddress=a", "3.9", "without secureClientPort", "add secureClientPort"),
        ("clientPort=70000", "3.9", "no port", "a port"),
        ("reconfigEnabled=yes", "3.9", "neither true nor false", "true or false"),
        ("leaderServes=false", "3.9", "none of yes, no", "yes or no"),
        ("snapshot.compression.method=zip", "3.9", "none of", "gz or snappy"),
        ("snapshotSizeFactor=half", "3.9", "no number", "0.5"),
        ("snapshotSizeFactor=2", "3.9", "above 1", "0.5"),
        ("watchManagerName=WatchManagerOptimized", "3.9", "no full class name", "its package"),
        ("authProvider.sasl=Sasl", "3.9", "no full class name", "its package"),
        ("autopurge.purgeInterval=90m", "3.9", "units came with 3.10", "whole hours"),
        ("autopurge.purgeInterval=90x", "3.10", "no interval", "whole hours"),
        ("4lw.commands.whitelist=srvr,mntr,ruok,foo", "3.9", "do not exist: foo", "known words"),
        ("minSessionTimeout=60000", "3.9", "longer than the longest, 40000", "the smaller"),
        ("maxSessionTimeout=3000", "3.9", "longer than the longest, 3000", "the smaller"),
        ("electionAlg=1", "3.6", "does not start", "remove it"),
        ("forceSync=no", "3.9", "acknowledged writes are lost", "remove it"),
        ("skipACL=yes", "3.9", "everybody", "remove it"),
        ("testingonly.initialZxid=1", "3.9", "ZooKeeper's own tests", "remove it"),
        ("quorum.auth.enableSasl=true\nquorum.auth.serverRequireSasl=true", "3.9", "learnerRequireSasl", "add"),
        ("enforce.auth.enabled=true", "3.9", "needs enforce.auth.schemes", "add"),
        (PROMETHEUS, "3.10", "7000 is no longer implied", "metricsProvider.httpPort=7000"),
        (OURS + "metricsProvider.metrics=some", "3.9", "none of small, all", "small or all"),
        (OURS + "metricsProvider.httpPort=70000", "3.7", "no port", "a port"),
        ("server.4=a:2888", "3.9", "not of the form", "HOST:QUORUM:ELECTION"),
        ("server.4=a:2888:2888:observer", "3.9", "must differ", "HOST"),
        ("server.4=a:2888:3888:leader", "3.9", "'leader' is no role", "HOST"),
        ("server.4=a:2888:3888:observer;x", "3.9", "no client port", "HOST"),
        ("server.4=a:2888:3888:observer;2181;2281", "3.9", "came with 3.10", "HOST"),
        ("server.4=a:2888:3888|b:2888:3888:observer", "3.5", "came with 3.6", "HOST"),
        ("server.300=a:2888:3888:observer", "3.9", "between 1 and 255", "another id"),
        ("server.4=10.0.0.1:2888:3889:observer", "3.9", "has the address of server.1", "its own"),
        ("server.4=:2888:3888", "3.9", "not of the form", "HOST"),
        ("server.a=a:2888:3888", "3.9", "is no setting", "did you mean"),
        ("group.1=1:2:3\ngroup.2=a,b", "3.9", "no list of member ids", "colons"),
        ("a=\\u12", "3.9", "", ""),
    ],
)
def test_errors(text: str, version: str, says: str, mend: str) -> None:
    errors = [item for item in found(text, version) if item.level == "error"]
    assert errors
    assert says in errors[0].message
    assert mend in errors[0].mend


@pytest.mark.parametrize(
    ("text", "version", "says"),
    [
        ("autopurge.purgeInterval=0", "3.9", "is off"),
        ("autopurge.snapRetainCount=1", "3.9", "taken as 3"),
        ("4lw.commands.whitelist=*", "3.9", "cost much"),
        ("4lw.commands.whitelist=conf", "3.9", "lacks mntr, ruok"),
        ("quorumListenOnAllIPs=true", "3.9", "every address"),
        ("snapshot.trust.empty=true", "3.9", "missing data"),
        ("db.autocreate=false", "3.9", "never forms"),
        ("electionAlg=1", "3.5", "deprecated"),
        ("initLimit=2", "3.9", "fewer than"),
        ("minSessionTimeout=1000", "3.9", "less than two ticks"),
        ("dataLogDir=/data/", "3.9", "same as dataDir"),
        ("txnLogSizeLimitInKb=65536", "3.9", "two blocks"),
        ("admin.enableServer=true", "3.9", "every address, port 8080"),
        ("admin.serverPort=9000\nadmin.enableServer=true", "3.10", "port 9000"),
        ("admin.serverPort=9000", "3.10", "AdminServer is off"),
        ("ssl.quorum.keyStore.location=/k", "3.9", "TLS between members is off"),
        ("ssl.keyStore.password=x", "3.9", "in plain text"),
        ("metricsProvider.httpPort=7000", "3.9", "no effect without"),
        (PROMETHEUS + "metricsProvider.httpport=7000", "3.9", "not read by PrometheusMetricsProvider"),
        (PROMETHEUS + "metricsProvider.metrics=all", "3.9", "not read by PrometheusMetricsProvider"),
        (OURS + "metricsProvider.numWorkerThreads=2", "3.9", "not read by PrometheusMetrics"),
        (OURS + "metricsProvider.probes=everywhere", "3.9", "can then ask the probes"),
        (PROMETHEUS + "metricsProvider.httpPort=7000\nmetricsProvider.maxQueueSize=9", "3.10", "ignored from"),
        ("ssl.ocsp=true", "3.10", "without crl"),
        ("localSessionsUpgradingEnabled=true", "3.9", "no effect alone"),
        (NETTY + "clientTcpKeepAlive=true", "3.9", "no effect with Netty"),
        ("fastleader.minNotificationInterval=9\nfastleader.maxNotificationInterval=5", "3.9", "is larger"),
        ("sasl.clientconfig=Client", "3.9", "read by clients"),
        ("server.4=d:2888:3888", "3.9", "4 voting members"),
        ("dataDir=/data # here", "3.9", "belongs to the value"),
        ("dataDir=C:\\zk", "3.9", "vanishes"),
        ("newThing=1", "3.11", "in no version up to 3.10"),
        ("multiAddress.enabled=true\nserver.4=d:2888:3888:observer|e:2888:3888:observer", "3.9", "in zoo.cfg alone"),
    ],
)
def test_warnings(text: str, version: str, says: str) -> None:
    finding = one(text, version)
    assert finding.level == "warning"
    assert says in finding.message


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("autopurge.purgeInterval=90m", "3.10"),
        ("snapCount=0x10000", "3.9"),
        ("tickTime=+2000", "3.9"),
        ("reconfigEnabled=TRUE", "3.9"),
        ("superUser.2=bob\nauthProvider.1=org.example.Sasl", "3.9"),
        ("fsync.warningthresholdms=500", "3.5"),
        ("server.4=[fe80::1]:2888:3888:observer;[::1]:2181", "3.9"),
        ("server.4=d:2888:3888:observer;2181;2281", "3.10"),
        ("group.1=1:2\ngroup.2=3\nweight.1=2", "3.9"),
        (PROMETHEUS, "3.9"),
        (PROMETHEUS + "metricsProvider.httpPort=7000", "3.10"),
        ("metricsProvider.className=org.example.Mine\nmetricsProvider.anything=1", "3.9"),
        ("metricsProvider.className=org.example.Mine\nmetricsProvider.metrics=mine", "3.9"),
        (OURS + "metricsProvider.httpHost=::\nmetricsProvider.metrics=all\nmetricsProvider.probes=loopback", "3.6"),
        (OURS, "3.10"),
        ("ssl.ocsp=true", "3.9"),
        ("client.certReload=true", "3.8.5"),
        ("client.certReload=true", "3.9.6-2"),
        ("admin.serverAddress=127.0.0.1\nadmin.enableServer=true", "3.9"),
    ],
)
def test_no_finding(text: str, version: str) -> None:
    assert found(text, version) == []


def test_tls_for_clients_needs_netty_and_a_key_store() -> None:
    assert [item.message.split(",")[0] for item in found("secureClientPort=2281")] == [
        "needs Netty",
        "has no key store here",
    ]
    assert found(f"secureClientPort=2281\n{NETTY}ssl.keyStore.location=/k") == []


def test_tls_between_members_is_set_whole() -> None:
    assert [item.key for item in found("sslQuorum=true")] == ["sslQuorum", "sslQuorum"]
    whole = "sslQuorum=true\nssl.quorum.keyStore.location=/k\n"
    assert "closeSocketAsync" in one(whole).message
    assert found(whole, "3.6") == []
    assert found(whole + "leader.closeSocketAsync=true\nlearner.closeSocketAsync=true") == []


def test_members_against_standalone() -> None:
    lone = CLEAN.partition("server.2")[0]
    assert [item.level for item in found("", base=lone)] == ["warning"]
    assert found("standaloneEnabled=false", base=lone) == []
    observed = found("server.9=z:2888:3888:observer", base=lone)
    assert [item.level for item in observed] == ["error"]
    nobody = CLEAN.partition("server.1")[0]
    assert [item.key for item in found("standaloneEnabled=false", base=nobody)] == ["standaloneEnabled"]
    assert found("dynamicConfigFile=/d", base=nobody) == []
    assert {item.key for item in found("dynamicConfigFile=/d")} == {"server.1", "server.2", "server.3"}


def test_groups_name_every_member_once() -> None:
    assert "in group.1 already" in one("group.1=1:2\ngroup.2=2:3").message
    assert one("group.1=1:2").key == "server.3"
    assert {item.key for item in found("weight.1=2")} == {"server.1", "server.2", "server.3"}


def test_what_must_be_there() -> None:
    missing = {
        (item.key, item.level): item.line for item in lint("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2", "3.9")
    }
    assert missing.keys() >= {("dataDir", "error"), ("initLimit", "error"), ("syncLimit", "error")}
    assert ("clientPort", "warning") in missing
    assert missing["dataDir", "error"] is None


def test_init_limit_against_the_data() -> None:
    assert found("", snapshot=300 * 1000**2) == []
    finding = one("initLimit=10", snapshot=1000 * 1000**2)
    assert (finding.level, finding.mend) == ("warning", "write 25 or more")


def test_repeated_keys_are_named_with_both_lines() -> None:
    finding = lint(CLEAN + "tickTime=3000\n", "3.9")[0]
    assert (finding.line, finding.key, finding.message) == (12, "tickTime", "stands twice, first in line 1")


def test_a_byte_order_mark_is_an_error_and_the_rest_is_read() -> None:
    findings = lint("\ufeff" + CLEAN, "3.9")
    assert [(item.line, item.level) for item in findings] == [(1, "error")]


def test_a_secret_is_never_shown() -> None:
    text = (
        "ssl.keyStore.password=hunter2\nssl.keyStore.pasword=hunter2\nDigestAuthenticationProvider.superDigest=hunter2"
    )
    assert "hunter2" not in "".join(item.sentence() for item in found(text))


@pytest.mark.parametrize("version", ["", "3", "3.4", "2.9", "nine", "3.9.x", "٣.٩"])
def test_a_version_that_is_none_is_bad_input(version: str) -> None:
    with pytest.raises(BadInput, match="--version"):
        lint(CLEAN, version)


def test_the_table_is_whole() -> None:
    known = table()
    assert [len(known.names(Version.parse(version))) for version in VERSIONS] == [128, 211, 226, 238, 248, 263]
    assert {name for name in known.guide_names.values() if name not in known.keys} == set()
    assert {key.instead for key in known.keys.values() if key.instead} <= set(known.keys)
    assert not set(known.guide_names) & set(known.keys)


@settings(max_examples=150, deadline=None)
@given(st.text(), st.sampled_from(VERSIONS))
def test_any_text_is_survived(text: str, version: str) -> None:
    for item in lint(text, version):
        assert item.sentence().isprintable()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*table().keys, "server.1", "server.2", "group.1", "weight.1", "authProvider.1"]),
            st.one_of(
                st.text(max_size=9), st.integers(-9, 99999).map(str), st.sampled_from(["true", "no", "*", "a:1:2|b"])
            ),
        )
    ),
    st.sampled_from(VERSIONS),
)
def test_any_values_are_survived(pairs: list[tuple[str, str]], version: str) -> None:
    lint("\n".join(f"{key}={value}" for key, value in pairs), version)
