"""zoo.cfg is written from defaults, settings and servers, and what the probes need cannot be taken away."""

import pytest

from zkops import zoocfg


def test_settings_overlay_the_defaults_and_servers_come_last() -> None:
    lines = zoocfg.text(
        {"tickTime": 500, "forceSync": "yes", "quorumListenOnAllIPs": True}, {}, ["server.1=a"]
    ).splitlines()
    assert "tickTime=500" in lines
    assert "tickTime=2000" not in lines
    assert "quorumListenOnAllIPs=true" in lines
    assert lines[-1] == "server.1=a"


def test_autopurge_is_on_by_default() -> None:
    assert "autopurge.purgeInterval=1" in zoocfg.text({}, {}, []).splitlines()


def test_a_wider_whitelist_is_allowed() -> None:
    zoocfg.check({"4lw.commands.whitelist": "srvr, mntr,ruok, conf"})
    zoocfg.check({"4lw.commands.whitelist": "*"})


@pytest.mark.parametrize("key", [*zoocfg.OWNED, "server.1", "a b", ""])
def test_what_the_tool_owns_or_cannot_be_a_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"; "):
        zoocfg.check({key: "1"})


def test_the_images_own_provider_serves_metrics_and_probes_whatever_is_set_beside_it() -> None:
    made = zoocfg.metrics("127.0.0.1", 7001, "all")
    lines = zoocfg.text({"metricsProvider.exportJvmInfo": False}, made, []).splitlines()
    assert [line for line in lines if line.startswith("metrics")] == [
        "metricsProvider.className=zkops.PrometheusMetrics",
        "metricsProvider.exportJvmInfo=false",
        "metricsProvider.httpHost=127.0.0.1",
        "metricsProvider.httpPort=7001",
        "metricsProvider.metrics=all",
    ]


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        (zoocfg.UPSTREAM_PROVIDER, "leave it out: /metrics is on by default"),
        (zoocfg.PROVIDER, "leave it out: /metrics is on by default"),
        ("org.example.Mine", "answers the probes too; leave it out"),
    ],
)
def test_no_provider_takes_the_place_of_the_one_that_answers_the_probes(name: str, mend: str) -> None:
    with pytest.raises(ValueError, match=mend):
        zoocfg.check({"metricsProvider.className": name})


def test_a_whitelist_is_split_at_commas_only_as_zookeeper_does() -> None:
    with pytest.raises(ValueError, match="lacks srvr, mntr, ruok"):
        zoocfg.check({"4lw.commands.whitelist": "srvr mntr ruok"})
