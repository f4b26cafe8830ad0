"""The server's container: its user, its signals, its file systems, the official image's variables."""

import json
from pathlib import Path

import pytest

from tests.support.waiting import eventually

from .servers import Server, client, command_line, container, server, serving

ZOO_CFG = "dataDir=/data\nclientPort=2181\nadmin.enableServer=false\n4lw.commands.whitelist=srvr,mntr,ruok\n"


def settings(running: Server) -> dict[str, str]:
    """Read the zoo.cfg the server runs with."""
    lines = running.run("cat", "/conf/zoo.cfg").text.splitlines()
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def test_it_runs_as_an_ordinary_user(standalone: Server) -> None:
    assert standalone.run("id", "-u").text == "1000\n"
    assert standalone.container.get_wrapped_container().attrs["Config"]["User"] == "1000:1000"


def test_process_1_reaps_orphans(standalone: Server) -> None:
    assert standalone.run("cat", "/proc/1/comm").text == "tini\n"
    # The shell ends before its child, which process 1 inherits.
    assert standalone.run("sh", "-c", "(sleep 0.1; echo $$ >/tmp/done) &").code == 0
    eventually(lambda: standalone.run("cat", "/tmp/done").code == 0)
    eventually(lambda: " Z " not in standalone.run("sh", "-c", "cat /proc/[0-9]*/stat").text)


def test_zookeeper_is_3_9_6(standalone: Server) -> None:
    assert standalone.srvr().version == "3.9.6"


def test_sigterm_stops_it_within_10_seconds_and_data_is_kept(image: str) -> None:
    with serving(image) as running:
        with client(running) as zookeeper:
            zookeeper.create("/kept", b"data")
        seconds = running.stop()
        assert seconds < 10
        assert running.ended().code == 143
        running.start()
        eventually(running.is_ready)
        with client(running) as zookeeper:
            assert zookeeper.get("/kept")[0] == b"data"


def test_the_log_has_one_line_an_event(image: str) -> None:
    # An unknown provider makes the server end with a stack trace.
    broken = {"ZOO_CFG_EXTRA": "metricsProvider.className=no.such.Provider"}
    with server(image, broken) as failing:
        log = failing.ended().text
    assert "no.such.Provider" in log
    assert " | at " in log
    assert "\n\tat " not in log
    assert "\nCaused by" not in log


def test_variables_of_the_official_image_become_zoo_cfg(image: str) -> None:
    env = {
        "ZOO_TICK_TIME": "1234",
        "ZOO_INIT_LIMIT": "11",
        "ZOO_SYNC_LIMIT": "7",
        "ZOO_AUTOPURGE_PURGEINTERVAL": "3",
        "ZOO_AUTOPURGE_SNAPRETAINCOUNT": "9",
        "ZOO_MAX_CLIENT_CNXNS": "17",
        "ZOO_CFG_EXTRA": "maxSessionTimeout=77777 extendedTypesEnabled=true",
        "ZOO_4LW_COMMANDS_WHITELIST": "srvr,ruok,conf",
        "ZOO_MY_ID": "42",
    }
    with serving(image, env) as running:
        found = settings(running)
        conf = dict(line.split("=", 1) for line in running.ask("conf").splitlines() if "=" in line)
        assert running.run("cat", "/data/myid").text == "42\n"
    assert found["autopurge.snapRetainCount"] == "9"
    assert found["autopurge.purgeInterval"] == "3"
    assert found["initLimit"] == "11"
    assert found["syncLimit"] == "7"
    assert found["extendedTypesEnabled"] == "true"
    assert (conf["tickTime"], conf["maxClientCnxns"], conf["maxSessionTimeout"]) == ("1234", "17", "77777")


def test_jvm_flags_set_the_heap_once(image: str) -> None:
    with serving(image, {"JVMFLAGS": "-Xmx96m"}) as running:
        command = command_line(running)
    assert [word for word in command if word.startswith("-Xmx")] == ["-Xmx96m"]


def test_heap_in_megabytes_as_in_zkenv(image: str) -> None:
    with serving(image, {"ZK_SERVER_HEAP": "80"}) as running:
        assert "-Xmx80m" in command_line(running)


def test_words_outside_the_white_list_are_refused(standalone: Server) -> None:
    assert "not in the whitelist" in standalone.ask("conf")


def test_an_existing_zoo_cfg_is_not_overwritten(image: str) -> None:
    mine = ZOO_CFG + "tickTime=777\n"
    with container(image).with_copy_into_container(mine.encode(), "/conf/zoo.cfg") as made:
        running = Server(made)
        eventually(running.is_ready)
        assert running.run("cat", "/conf/zoo.cfg").text == mine


def mounted(directory: Path, members: str) -> dict[str, dict[str, str]]:
    """Write what Kubernetes mounts into *directory*, and describe the mount."""
    (directory / "zoo.cfg").write_text(ZOO_CFG)
    (directory / "members").write_text(members)
    directory.chmod(0o755)
    return {str(directory): {"bind": "/conf", "mode": "ro"}}


def test_it_runs_as_in_kubernetes_with_everything_read_only(image: str, tmp_path: Path) -> None:
    mount = mounted(tmp_path, "node-a 3\nnode-b 4\n")
    made = container(image, {"NODE_NAME": "node-b"}).with_tmpfs_mount("/tmp")
    made.volumes.update(mount)  # type: ignore[arg-type]
    made.with_kwargs(read_only=True, cap_drop=["ALL"], security_opt=["no-new-privileges"])
    with made:
        running = Server(made)
        eventually(running.is_ready)
        assert running.run("cat", "/data/myid").text == "4\n"
        assert running.run("touch", "/opt/zookeeper/x").code != 0
        with client(running) as zookeeper:  # the first write takes a snapshot at the next start
            zookeeper.create("/x", b"y")
        running.kill()
        running.container.wait()
        running.start()
        eventually(running.is_ready)


def refused(image: str, env: dict[str, str], volumes: dict[str, dict[str, str]] | None = None) -> str:
    """Start a server that must refuse; give its one sentence."""
    made = container(image, env)
    made.volumes.update(volumes or {})  # type: ignore[arg-type]
    with made:
        answer = Server(made).ended()
    assert answer.code == 78, answer.text
    assert answer.text.startswith("zookeeper: ")
    assert answer.text.count("\n") == 1
    return answer.text


def test_a_node_that_is_no_member_is_refused(image: str, tmp_path: Path) -> None:
    sentence = refused(image, {"NODE_NAME": "node-z"}, mounted(tmp_path, "node-a 3\n"))
    assert "node node-z is not in /conf/members" in sentence


def test_members_without_the_nodes_name_is_refused(image: str, tmp_path: Path) -> None:
    assert "NODE_NAME is not set" in refused(image, {}, mounted(tmp_path, "node-a 3\n"))


def test_data_of_another_member_is_refused_and_kept(image: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "myid").write_text("3\n")
    data.chmod(0o777)
    mount = {str(data): {"bind": "/data", "mode": "rw"}}
    sentence = refused(image, {"ZOO_MY_ID": "4"}, mount)
    assert "/data/myid" in sentence
    assert "member 3" in sentence
    assert "member 4" in sentence
    assert (data / "myid").read_text() == "3\n"


@pytest.mark.parametrize("directory", ["/data", "/datalog"])
def test_a_data_directory_that_cannot_be_written_is_refused(image: str, tmp_path: Path, directory: str) -> None:
    tmp_path.chmod(0o755)
    sentence = refused(image, {}, {str(tmp_path): {"bind": directory, "mode": "ro"}})
    assert f"{directory} is not writable for uid 1000" in sentence


def test_prepare_data_gives_only_the_data_directories_to_the_user(image: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "old").write_text("x")
    made = container(image).with_kwargs(user="0:0").with_command(["prepare-data", "/mnt/data", "/mnt/log"])
    made.with_volume_mapping(tmp_path, "/mnt", "rw")
    with made:
        assert Server(made).ended().code == 0
    owners = {path.name: path.stat().st_uid for path in (tmp_path, *tmp_path.rglob("*"))}
    assert owners == {tmp_path.name: 0, "data": 1000, "old": 1000, "log": 1000}


def test_another_command_runs_instead(image: str) -> None:
    with server(image, command=["sh", "-c", "id -un; echo $0"]) as other:
        assert other.ended() == type(other.ended())(0, "zookeeper\nsh\n")


def test_its_command_line_client_writes_and_reads(standalone: Server) -> None:
    assert standalone.run("zkCli.sh", "create", "/by-hand", "hello").code == 0
    assert "hello" in standalone.run("zkCli.sh", "get", "/by-hand").text


def test_the_admin_server_asked_for_gets_one_clear_warning(image: str) -> None:
    with serving(image, {"ZOO_ADMINSERVER_ENABLED": "true"}) as running:
        log = running.logs()
    assert log.count("this image has no Jetty") == 1
    assert "jetty" not in log


def test_labels_say_what_it_is_and_no_secret_or_time(image: str, standalone: Server) -> None:
    labels = standalone.container.get_wrapped_container().image.labels
    assert labels["org.opencontainers.image.version"] == "3.9.6"
    assert image.endswith(f"3.9.6-{labels['org.opencontainers.image.revision']}")
    assert "created" not in json.dumps(labels)
