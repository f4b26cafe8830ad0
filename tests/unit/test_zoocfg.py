"""zoo.cfg is written from defaults, settings and servers, and what the probes need cannot be taken away."""

import pytest

from zkops import zoocfg


def test_settings_overlay_the_defaults_and_servers_come_last() -> None:
    lines = zoocfg.text(
        {"tickTime": 500, "forceSync": "yes", "quorumListenOnAllIPs": True}, ["server.1=a"]
    ).splitlines()
    assert "tickTime=500" in lines
    assert "tickTime=2000" not in lines
    assert "quorumListenOnAllIPs=true" in lines
    assert lines[-1] == "server.1=a"


def test_autopurge_is_on_by_default() -> None:
    assert "autopurge.purgeInterval=1" in zoocfg.text({}, []).splitlines()


def test_a_wider_whitelist_is_allowed() -> None:
    zoocfg.check({"4lw.commands.whitelist": "srvr, mntr,ruok, conf"})
    zoocfg.check({"4lw.commands.whitelist": "*"})


@pytest.mark.parametrize("key", ["dataDir", "dataLogDir", "clientPort", "server.1", "dynamicConfigFile", "a b", ""])
def test_what_the_tool_owns_or_cannot_be_a_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"; "):
        zoocfg.check({key: "1"})


def test_a_whitelist_is_split_at_commas_only_as_zookeeper_does() -> None:
    with pytest.raises(ValueError, match="lacks srvr, mntr, ruok"):
        zoocfg.check({"4lw.commands.whitelist": "srvr mntr ruok"})
