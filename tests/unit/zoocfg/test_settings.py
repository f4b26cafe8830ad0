"""zoo.cfg is written from defaults, settings and servers, and what the probes need cannot be taken away."""

import pytest

from zkops.zoocfg import settings as zoocfg


def test_settings_overlay_the_defaults_and_members_are_not_named() -> None:
    lines = zoocfg.text({"tickTime": 500, "forceSync": "yes", "quorumListenOnAllIPs": True}, {}).splitlines()
    assert "tickTime=500" in lines
    assert "tickTime=2000" not in lines
    assert "quorumListenOnAllIPs=true" in lines
    assert not any(line.startswith("server.") for line in lines)


def test_autopurge_is_on_by_default() -> None:
    assert "autopurge.purgeInterval=1" in zoocfg.text({}, {}).splitlines()


def test_a_wider_whitelist_is_allowed() -> None:
    zoocfg.check({"4lw.commands.whitelist": "srvr, mntr,ruok, conf, stat"})
    zoocfg.check({"4lw.commands.whitelist": "*"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reconfigEnabled", False),
        ("reconfigEnabled", "FALSE"),
        ("standaloneEnabled", True),
        ("db.autocreate", "true"),
        ("skipACL", "yes"),
        ("DigestAuthenticationProvider.enabled", False),
        ("DigestAuthenticationProvider.digestAlg", "SHA-256"),
        ("group.1", "1:2"),
        ("weight.1", 2),
    ],
)
def test_what_a_change_of_membership_needs_cannot_be_switched_off(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"zoo_cfg\.{key}: .*; leave it out"):
        zoocfg.check({key: value})


@pytest.mark.parametrize("key", zoocfg.NEEDED)
def test_what_it_needs_may_be_said(key: str) -> None:
    zoocfg.check({key: zoocfg.NEEDED[key][0].upper()})


def test_the_super_users_secret_is_neither_taken_nor_shown() -> None:
    with pytest.raises(ValueError, match=r"superDigest: .*; leave it out") as raised:
        zoocfg.check({"DigestAuthenticationProvider.superDigest": "super:hunter2"})
    assert "hunter2" not in str(raised.value)


def test_a_lost_leader_is_noticed_within_two_seconds_and_data_has_a_minute_to_load() -> None:
    ticks = {key: int(zoocfg.DEFAULTS[key]) for key in ("tickTime", "syncLimit", "initLimit")}
    assert ticks["tickTime"] * ticks["syncLimit"] <= 2000
    assert ticks["tickTime"] * ticks["initLimit"] >= 60_000


def test_sessions_are_bounded_as_with_ticks_of_2_s() -> None:
    assert (zoocfg.DEFAULTS["minSessionTimeout"], zoocfg.DEFAULTS["maxSessionTimeout"]) == ("4000", "40000")


@pytest.mark.parametrize("key", [*zoocfg.OWNED, "server.1", "a b", ""])
def test_what_the_tool_owns_or_cannot_be_a_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"; "):
        zoocfg.check({key: "1"})


def test_the_images_own_provider_serves_metrics_and_probes_whatever_is_set_beside_it() -> None:
    made = zoocfg.metrics("127.0.0.1", 7001, "all")
    lines = zoocfg.text({"metricsProvider.exportJvmInfo": False}, made).splitlines()
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
    with pytest.raises(ValueError, match="lacks srvr, mntr, conf, ruok"):
        zoocfg.check({"4lw.commands.whitelist": "srvr mntr ruok"})
