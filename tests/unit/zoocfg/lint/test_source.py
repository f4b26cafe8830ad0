"""The names of settings are found in ZooKeeper's source, however it reads them, and compared with the table."""

from pathlib import Path

import pytest

from zkops.commands import lint as linting
from zkops.core.errors import BadInput
from zkops.zoocfg.lint.source import Names, names, read_tree
from zkops.zoocfg.lint.table import Version, table

# Written for this test: only the ways of reading are ZooKeeper's.
SERVER = """
static final String SWITCHED = "one.switched";
if (key.equals("plainSwitch")) {} else if (key.equals( Other.SWITCHED )) {}
else { System.setProperty("zookeeper." + key, value); }
"""
READS = """
static final String BARE = "bare.name";
static final String FULL = "zookeeper." + BARE;
Integer.getInteger(
    "zookeeper.whole.number", 3);
Boolean.getBoolean("no.prefix");
System.getProperty("zookeeper.open.");
"""
TLS = """private final String a = getConfigPrefix() + "keyStore.new";"""
METRICS = """
static final String PORT = "port";
configuration.getProperty("host", ""); configuration.getProperty(PORT, "1");
"""
GUIDE = """
* *outside* :
### Configuration Parameters
* *guided* :
    (Java system property: **zookeeper.guided.property**)
* *a.b and c.d* and *e.f* :
* *zookeeper.prefixed* :
### ZooKeeper Commands
* *ruok* :
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "server/QuorumPeerConfig.java": SERVER,
        "server/Reads.java": READS,
        "common/X509Util.java": TLS,
        "PrometheusMetricsProvider.java": METRICS,
        "docs/zookeeperAdmin.md": GUIDE,
        "src/test/ATest.java": 'System.getProperty("zookeeper.only.tested");',
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_names_are_found_in_every_way_they_are_read(tree: Path) -> None:
    assert names(read_tree(tree)) == Names(
        switch=frozenset({"plainSwitch", "one.switched", "metricsProvider.host", "metricsProvider.port"}),
        properties=frozenset({"whole.number", "bare.name", "ssl.keyStore.new", "ssl.quorum.keyStore.new"}),
        plain=frozenset({"no.prefix"}),
        guide=frozenset({"guided", "guided.property", "a.b", "c.d", "e.f", "prefixed"}),
    )


def test_the_newer_guide_is_read_too() -> None:
    guide = "- _one.two_ and _three_ :\n  text with _emphasis_ in it\n- _with_underline_ :\n"
    assert names({"configuration-parameters.mdx": guide}).guide == {"one.two", "three", "with_underline"}


def test_differences_are_named() -> None:
    version = Version.parse("3.9")
    # ZooKeeper's source knows nothing of the image's own provider.
    ours = {"metricsProvider.metrics", "metricsProvider.probes"}
    same = Names(
        switch=frozenset(table().names(version)) - ours,
        properties=frozenset({"server.1", "authProvider.1"}),
        plain=frozenset({"jute.maxbuffer", "java.home"}),
        guide=frozenset({"connectionMaxTokens"}),
    )
    assert linting.compare(same, version) == ()
    changed = Names(
        switch=same.switch - {"tickTime"} | {"brandNew"},
        properties=frozenset({"metricsProvider.new"}),
        plain=frozenset({"no.prefix"}),
        guide=frozenset({"guided"}),
    )
    assert linting.compare(changed, version) == (
        "brandNew: read from zoo.cfg",
        "guided: named by the guide",
        "metricsProvider.new: read from zoo.cfg",
        "no.prefix: read as a system property",
        "tickTime: in the table and not in the source",
    )


def test_a_tree_without_zookeeper_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="QuorumPeerConfig"):
        linting.refresh(str(tmp_path), "3.9")
    with pytest.raises(BadInput, match="--source"):
        linting.refresh("", "3.9")
