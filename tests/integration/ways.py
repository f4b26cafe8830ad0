"""Four ways to run ZooKeeper: volumes, user, id and configuration as those images' own scripts make them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """How somebody runs ZooKeeper."""

    section: str
    """The heading in the page that tells how to come from there."""
    suite: str
    """The Debian release that carries the version."""
    user: str
    volumes: Mapping[str, str]
    """Where a member's volumes are: in its container → on its machine, as the page has it."""
    names: Mapping[int, str]
    """The members' names on the network."""
    begin: str
    """What is done in the container before the server starts; $ID is its member's id."""
    config: str
    """The file that the server is given."""
    new: str = "/var/lib/zkops/demo"
    """Where the page puts the data."""
    flags: tuple[str, ...] = ()


COMMON = """
tickTime=2000
clientPort=2181
autopurge.purgeInterval=1
admin.enableServer=false
4lw.commands.whitelist=srvr,mntr
"""
CHART = {n: f"my-zookeeper-{n - 1}.my-zookeeper-headless.default.svc.cluster.local" for n in (1, 2, 3)}
BITNAMI = Way(
    section="Bitnami chart",
    suite="trixie",
    user="1001:1001",
    volumes={"/bitnami/zookeeper": "/mnt/old"},
    names=CHART,
    begin=f"""
data=/bitnami/zookeeper/data
mkdir -p $data
[ "$(ls -A $data)" ] || echo $ID >$data/myid
SERVERS="{" ".join(f"server.{n}={name}:2888:3888;2181" for n, name in CHART.items())}"
cat >/tmp/zoo.cfg <<END
{COMMON}
initLimit=10
syncLimit=5
dataDir=$data
reconfigEnabled=false
maxCnxns=0
maxSessionTimeout=40000
$(printf '%s\\n' $SERVERS)
END""",
    config="/tmp/zoo.cfg",
)
OPERATOR = {n: f"zk-{n - 1}.zk-headless.default.svc.cluster.local" for n in (1, 2, 3)}
PRAVEGA = Way(
    section="pravega operator",
    suite="trixie",
    user="0:0",
    volumes={"/data": "/mnt/old"},
    names=OPERATOR,
    begin=f"""
cat >/tmp/zoo.cfg <<END
{COMMON}
initLimit=10
syncLimit=2
dataDir=/data
standaloneEnabled=false
reconfigEnabled=true
skipACL=yes
dynamicConfigFile=/data/zoo.cfg.dynamic
END
[ -f /data/myid ] || echo $ID >/data/myid
[ -f /data/zoo.cfg.dynamic ] || echo "server.1={OPERATOR[1]}:2888:3888:participant;2181" >/data/zoo.cfg.dynamic
if [ ! -d /data/conf ]; then
    mkdir /data/conf
    cp /tmp/zoo.cfg /data/conf
else
    last=$(tail -n 1 /data/conf/zoo.cfg)
    head -n -1 /tmp/zoo.cfg >/data/conf/zoo.cfg
    echo "$last" >>/data/conf/zoo.cfg
fi""",
    config="/data/conf/zoo.cfg",
)
OFFICIAL = Way(
    section="official image",
    suite="bookworm",
    user="1000:1000",
    volumes={"/data": "/srv/zookeeper/data", "/datalog": "/srv/zookeeper/datalog"},
    names={1: "zookeeper"},
    begin=f"""
cat >/tmp/zoo.cfg <<END
{COMMON}
dataDir=/data
dataLogDir=/datalog
initLimit=5
syncLimit=2
standaloneEnabled=true
server.1=localhost:2888:3888;2181
END
[ -f /data/myid ] || echo $ID >/data/myid""",
    config="/tmp/zoo.cfg",
)
OPENPAI = Way(
    section="OpenPAI",
    suite="bullseye",
    user="0:0",
    volumes={"/var/lib/zoodata": "/datastorage/zoodata"},
    names={1: "openpai-master"},
    begin="""
cat >/tmp/zoo.cfg <<END
tickTime=2000
initLimit=5
syncLimit=2
dataDir=/var/lib/zoodata
clientPort=2181
server.1=openpai-master:2888:3888
END
echo $ID >/var/lib/zoodata/myid""",
    config="/tmp/zoo.cfg",
    new="/datastorage/zookeeper",
    # What it would tell of its log needs java.desktop, which our runtime does not have.
    flags=("-Dzookeeper.jmx.log4j.disable=true",),
)
