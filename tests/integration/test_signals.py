"""How a server ends when it is told to: at once, for the sake of who waits for it; and the signal that ends nothing."""

import re
import signal
import socket

import pytest

from tests.support.waiting import eventually

from .servers import Server, client, serving


def handled(running: Server) -> set[signal.Signals]:
    """Give the signals that the server has a handler of its own for; the kernel acts on the others, at once."""
    status = running.run("sh", "-c", "cat /proc/$(pidof java)/status").text
    mask = int(re.findall(r"^SigCgt:\s*(\w+)", status, re.M)[0], 16)
    return {number for number in signal.Signals if mask >> (number - 1) & 1}


@pytest.mark.parametrize(("told", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_told_to_end_it_ends_at_once_and_keeps_its_data(image: str, told: signal.Signals, code: int) -> None:
    with serving(image) as running:
        with client(running) as zookeeper:
            zookeeper.create("/kept", b"data")
        # With a handler, Java takes 300 ms to end, answers nothing in them, and lets its clients wait.
        assert told not in handled(running)
        host, _, port = running.address.partition(":")
        with socket.create_connection((host, int(port)), 30) as waiting:
            running.kill(told.name)
            assert waiting.recv(1) == b""
        assert running.ended().code == code
        running.start()
        eventually(running.is_ready)
        with client(running) as zookeeper:
            assert zookeeper.get("/kept")[0] == b"data"


def test_sighup_ends_it_as_java_ends(image: str) -> None:
    with serving(image) as running:
        assert signal.SIGHUP in handled(running)
        running.kill("SIGHUP")
        assert running.ended().code == 129


def test_sigquit_prints_the_threads_and_ends_nothing(image: str) -> None:
    with serving(image) as running:
        running.run("sh", "-c", "kill -QUIT $(pidof java)")
        eventually(lambda: "Full thread dump" in running.logs() and '"main"' in running.logs())
        assert running.is_ready()


def test_a_server_that_is_process_1_ends_too(image: str) -> None:
    with serving(
        image, entrypoint=["/opt/zookeeper/bin/entrypoint"], command=["zkServer.sh", "start-foreground"]
    ) as lone:
        assert lone.run("cat", "/proc/1/comm").text == "java\n"
        lone.kill("SIGTERM")
        assert lone.ended().code == 143
