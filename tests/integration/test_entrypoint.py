"""The entry script: zoo.cfg as ZooKeeper reads it, no harm from earlier starts, one sentence for what cannot be."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import eventually

from .servers import Server, command_line, container, server, serving


@pytest.mark.parametrize(
    "text",
    [
        "dataDir=/data/below\r\nclientPort=2181\r\n4lw.commands.whitelist=srvr\r\n",
        "dataDir: /data/below  \nclientPort : 2181\nmetricsProvider.httpPort: 7100\n",
        "# dataDir=/nowhere\n  dataDir /data/below\nclientPort=2181",
    ],
    ids=["CRLF", "colons and trailing spaces", "a space, and no line end"],
)
def test_zoo_cfg_is_read_as_zookeeper_reads_it(image: str, text: str) -> None:
    with container(image).with_copy_into_container(text.encode(), "/conf/zoo.cfg") as made:
        running = Server(made)
        eventually(running.is_ready)
        assert running.run("cat", "/data/below/myid").text == "1\n"
        assert running.run("ls", "/data").text == "below\n"


def test_what_a_cut_off_start_left_behind_is_not_used(image: str) -> None:
    left = "mkdir /data/conf && echo clientPort=3333 >/data/conf/zoo.cfg.new && chmod 400 /data/conf/zoo.cfg.new"
    with serving(image, command=["sh", "-c", f"{left} && exec entrypoint zkServer.sh start-foreground"]) as running:
        assert running.srvr().mode == "standalone"
        assert "3333" not in running.run("cat", "/data/conf/zoo.cfg").text


def test_the_configuration_it_runs_with_is_readable_for_its_user_alone(standalone: Server) -> None:
    assert standalone.run("stat", "-c", "%a", "/data/conf/zoo.cfg", "/data/conf").text == "600\n700\n"


def test_members_changed_at_run_time_are_kept_over_a_restart(image: str) -> None:
    env = {
        "ZOO_STANDALONE_ENABLED": "false",
        "ZOO_CFG_EXTRA": "reconfigEnabled=true skipACL=yes",
        "ZOO_SERVERS": "server.1=0.0.0.0:2888:3888;2181",
    }
    with serving(image, env) as running:
        changed = running.run("zkCli.sh", "reconfig", "-add", "server.7=192.0.2.7:2888:3888:observer;2181")
        assert "server.7=192.0.2.7" in changed.text
        running.kill()
        running.container.wait()
        running.start()
        eventually(running.is_ready)
        assert "server.7=192.0.2.7" in running.run("zkCli.sh", "config").text
        assert "server." not in running.run("cat", "/data/conf/zoo.cfg").text.replace("zkServer.", "")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"user": "0:0"}, "not as root"),
        ({"read_only": True}, "/conf is not writable for uid 1000"),
        ({"environment": {"ZOO_MY_ID": "abc"}}, "ZOO_MY_ID is 'abc'"),
        ({"environment": {"ZOO_MY_ID": "256"}}, "ZOO_MY_ID is '256'"),
        ({"environment": {"ZK_SERVER_HEAP": "1g"}}, "ZK_SERVER_HEAP is 1g"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_start_that_cannot_come_to_good_is_refused(image: str, settings: dict[str, Any], told: str) -> None:
    env = settings.pop("environment", {})
    with container(image, env).with_kwargs(**settings) as made:
        answer = Server(made).ended()
    assert answer.code == 78, answer.text
    assert told in answer.text
    assert answer.text.count("\n") == 1


def test_a_configuration_named_on_the_command_line_is_refused(image: str) -> None:
    with server(image, command=["zkServer.sh", "start-foreground", "/other/zoo.cfg"]) as refusing:
        answer = refusing.ended()
    assert answer.code == 2
    assert "usage: zkServer.sh" in answer.text


@pytest.mark.parametrize(("flags", "serial"), [("-Xmx100m", True), ("-Xmx1g", True), ("-Xmx3g", False)])
def test_large_heaps_are_left_to_the_jvms_own_collector(image: str, flags: str, serial: bool) -> None:
    with serving(image, {"JVMFLAGS": flags}) as running:
        assert ("-XX:+UseSerialGC" in command_line(running)) is serial


def test_status_tells_the_mode_whatever_port_clients_have(image: str) -> None:
    with serving(image, {"ZOO_SERVERS": "server.1=localhost:2888:3888;12181"}) as moved:
        assert "Mode: standalone" in moved.run("zkServer.sh", "status").text


def test_prepare_data_also_mends_what_root_left_below(image: str, tmp_path: Path) -> None:
    (tmp_path / "data" / "version-2").mkdir(parents=True)
    (tmp_path / "data" / "version-2" / "log.1").write_text("x")
    os.chown(tmp_path / "data", 1000, 1000)
    made = container(image).with_kwargs(user="0:0").with_command(["prepare-data", "/mnt/data"])
    with made.with_volume_mapping(tmp_path, "/mnt", "rw"):
        assert Server(made).ended().code == 0
    assert {path.stat().st_uid for path in (tmp_path / "data").rglob("*")} == {1000}


def test_kerberos_and_java_agents_have_their_modules(standalone: Server) -> None:
    modules = standalone.run("java", "--list-modules").text
    assert {"jdk.security.auth@", "jdk.security.jgss@", "java.instrument@"} <= set(
        re.findall(r"^[\w.]+@", modules, re.M)
    )
