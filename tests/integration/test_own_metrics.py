"""What /metrics tells beside ZooKeeper's own metrics: membership, configuration, clients, certificates."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.waiting import eventually
from zkops.config.cluster import Cluster
from zkops.manifests import render

from .certificates import KEYS, renew
from .rosters import Site
from .scrapes import Scrape, metrics
from .servers import Ensemble, Server, client, container, serving

EXPIRY = "zookeeper_certificate_expiry_timestamp_seconds"


def members_of(scrape: Scrape) -> set[tuple[str, ...]]:
    """Give id, role and address of the members that one member tells of."""
    return {tuple(value for _, value in labels) for name, labels in scrape.samples if name == "zookeeper_member_info"}


def own_id(scrape: Scrape) -> str:
    (member,) = scrape.labels("zookeeper_serving", "member")
    return member


def test_every_member_tells_who_belongs_to_the_ensemble_and_that_it_serves_itself(three: Ensemble) -> None:
    scrapes = [metrics(member) for member in three.members]
    assert [own_id(scrape) for scrape in scrapes] == ["1", "2", "3"]
    for scrape in scrapes:
        assert members_of(scrape) == {(str(number), "participant", f"zoo{number}") for number in (1, 2, 3)}
        assert scrape.value("zookeeper_serving", member=own_id(scrape)) == 1


def test_a_member_without_a_quorum_does_not_serve_and_still_knows_the_others(three: Ensemble) -> None:
    left, *others = three.members
    for member in others:
        member.kill()
    eventually(lambda: metrics(left).value("zookeeper_serving", member="1") == 0)
    scrape = metrics(left)
    assert len(members_of(scrape)) == 3
    assert scrape.names() & {"zookeeper_epoch", "zookeeper_last_zxid", "quorum_size"} == set()


def test_each_leader_begins_an_epoch_and_all_tell_the_last_transaction(three: Ensemble) -> None:
    before = metrics(three.leader()).value("zookeeper_epoch")
    three.leader().kill()
    three.heal()
    with client(*three.members) as zookeeper:
        zxid = zookeeper.create("/written", b"", makepath=True, include_data=True)[1].czxid
        zookeeper.delete("/written")
    assert metrics(three.leader()).value("zookeeper_epoch") > before
    epoch = (zxid + 1) >> 32
    for member in three.members:
        # The end of the client's session may follow.
        eventually(lambda m=member: metrics(m).samples.get(("zookeeper_last_zxid", ()), 0) > zxid)  # type: ignore[misc]
        assert metrics(member).value("zookeeper_epoch") == epoch


def test_a_lone_server_tells_no_membership(standalone: Server) -> None:
    ensemble_s = {"zookeeper_serving", "zookeeper_member_info", "zookeeper_epoch"}
    assert metrics(standalone).names() & ensemble_s == set()


def test_the_configuration_has_the_name_that_its_configmap_has(machines: Site, cluster: Cluster) -> None:
    rendered = render.render(cluster, machines.image)
    (machines.directory / "conf" / "zoo.cfg").write_text(rendered.files["zoo.cfg"])
    machines.form(1)
    scrape = metrics(machines.running[1])
    assert scrape.labels("zookeeper_config_info", "config") == {rendered.object("ConfigMap")["metadata"]["name"]}
    assert scrape.value("zookeeper_autopurge_interval_hours") == 1


def test_autopurge_that_is_off_is_told(image: str) -> None:
    with serving(image, {"ZOO_AUTOPURGE_PURGEINTERVAL": "0"}) as server:
        assert metrics(server).value("zookeeper_autopurge_interval_hours") == 0


def test_the_connections_of_the_busiest_address_stand_beside_their_limit(image: str) -> None:
    with serving(image, {"ZOO_MAX_CLIENT_CNXNS": "7"}) as server, ExitStack() as stack:
        assert metrics(server).value("zookeeper_busiest_client_cnxns") == 0
        for _ in range(3):
            stack.enter_context(client(server))
        scrape = metrics(server)
        assert scrape.value("zookeeper_max_client_cnxns") == 7
        assert scrape.value("zookeeper_busiest_client_cnxns") == 3


def test_what_a_collection_left_of_the_old_generation_is_told(standalone: Server) -> None:
    assert "Tenured Gen" in metrics(standalone).labels("jvm_memory_pool_collection_used_bytes", "pool")


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """Give a directory for the configuration that the server may write."""
    tmp_path.chmod(0o777)
    return tmp_path


@pytest.fixture
def keyed(image: str, conf: Path) -> Iterator[tuple[Server, float]]:
    """Give a server that reloads its clients' certificate and not the members', with one that lasts 30 days."""
    mount = [(str(conf), "/conf", "rw")]
    with container(image, volumes=mount).with_command(["sleep", "600"]) as maker:
        expiry = renew(Server(maker), 30)
    stores = {f"{prefix}.keyStore.{key}": value for prefix in ("ssl", "ssl.quorum") for key, value in KEYS.items()}
    extra = " ".join(f"{key}={value}" for key, value in (stores | {"client.certReload": "true"}).items())
    with serving(image, {"ZOO_CFG_EXTRA": extra}, volumes=mount) as server:
        yield server, expiry


def test_a_certificate_s_end_is_told_as_the_server_knows_it(keyed: tuple[Server, float]) -> None:
    server, expiry = keyed
    assert metrics(server).value(EXPIRY, use="client") == pytest.approx(expiry, abs=600)
    assert metrics(server).value(EXPIRY, use="quorum") == pytest.approx(expiry, abs=600)
    renewed = renew(server, 300)
    assert metrics(server).value(EXPIRY, use="client") == pytest.approx(renewed, abs=600)
    # Not reloaded: the server still works with the old one.
    assert metrics(server).value(EXPIRY, use="quorum") == pytest.approx(expiry, abs=600)


def test_without_a_key_store_no_certificate_is_told(standalone: Server) -> None:
    assert EXPIRY not in metrics(standalone).names()
