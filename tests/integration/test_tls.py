"""TLS with the JDK of the image: between members, to clients, and for the probes where no plain port is open."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from testcontainers.core.network import Network

from tests.support.waiting import eventually

from .servers import FAST, Server, container

NAMES = ("tls1", "tls2", "tls3")
STORE = {"keyStore.location": "/conf/store.p12", "keyStore.password": "changeit"}
STORE |= {"trustStore.location": "/conf/trust.p12", "trustStore.password": "changeit"}
SETTINGS = {
    "secureClientPort": "2281",
    "serverCnxnFactory": "org.apache.zookeeper.server.NettyServerCnxnFactory",
    "sslQuorum": "true",
    # A member checks the other's name by reverse lookup, and gets the container's name with the network's.
    "ssl.quorum.hostnameVerification": "false",
    **{f"{prefix}.{key}": value for prefix in ("ssl", "ssl.quorum") for key, value in STORE.items()},
}
KEYTOOL = f"""
set -e
cd /conf
names={",".join(f"dns:{name}" for name in (*NAMES, "localhost"))}
keytool -genkeypair -keyalg EC -alias member -dname CN=zookeeper -validity 30 -ext SAN=$names \\
    -storetype PKCS12 -keystore store.p12 -storepass changeit
keytool -exportcert -alias member -keystore store.p12 -storepass changeit -file /tmp/member.crt
keytool -importcert -noprompt -alias member -file /tmp/member.crt \\
    -storetype PKCS12 -keystore trust.p12 -storepass changeit
chmod 644 *.p12
"""


@pytest.fixture(scope="module")
def conf(image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with zoo.cfg and one self-signed key that all members share, made by the image's keytool."""
    directory = tmp_path_factory.mktemp("tls")
    directory.chmod(0o777)
    made = container(image, volumes=[(str(directory), "/conf", "rw")])
    with made.with_command(["sh", "-c", KEYTOOL]) as maker:
        done = Server(maker).ended()
    assert done.code == 0, done.text
    limits = {"tickTime": FAST["ZOO_TICK_TIME"], "initLimit": "20", "syncLimit": "8", "dataDir": "/data"}
    servers = {f"server.{number}": f"{name}:2888:3888" for number, name in enumerate(NAMES, start=1)}
    lines = [f"{key}={value}\n" for key, value in (limits | SETTINGS | servers).items()]
    (directory / "zoo.cfg").write_text("".join(lines))
    return directory


@pytest.fixture(scope="module")
def members(image: str, conf: Path) -> Iterator[list[Server]]:
    """Give three members that speak nothing but TLS."""
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        made = []
        for number, name in enumerate(NAMES, start=1):
            mount = [(str(conf), "/conf", "ro")]
            described = container(
                image, {"ZOO_MY_ID": str(number)}, network=network, network_aliases=[name], volumes=mount
            )
            made.append(Server(stack.enter_context(described)))
        for member in made:
            eventually(member.is_ready)
        yield made


def test_three_members_agree_over_tls_and_the_probes_need_no_plain_port(members: list[Server]) -> None:
    assert sorted(member.probe("ready").text for member in members) == [
        "ready: follower\n",
        "ready: follower\n",
        "ready: leader\n",
    ]
    assert members[0].run("nc", "-w", "3", "127.0.0.1", "2181").code != 0
    assert "Using TLS encrypted quorum communication" in members[0].logs()


def test_a_client_writes_and_reads_over_tls(members: list[Server]) -> None:
    stores = " ".join(f"-Dzookeeper.ssl.{key}={value}" for key, value in STORE.items())
    socket = "-Dzookeeper.clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty"
    flags = f"CLIENT_JVMFLAGS='-Dzookeeper.client.secure=true {socket} {stores}'"
    created = members[0].run("sh", "-c", f"{flags} zkCli.sh -server localhost:2281 create /secret kept")
    assert "Created /secret" in created.text
    found = members[1].run("sh", "-c", f"{flags} zkCli.sh -server localhost:2281 get /secret")
    assert "kept" in found.text
