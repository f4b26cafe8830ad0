"""Under a memory limit: the heap fits it, and memory that runs out ends the server with what is needed to see why."""

from contextlib import suppress

import pytest
from kazoo.exceptions import KazooException

from tests.support.waiting import eventually
from zkops.zoocfg import sizing

from .servers import Server, client, command_line, server, serving

MEBIBYTE = 1024**2


def heap(running: Server) -> int:
    """Give the heap the server was started with, in MiB."""
    (found,) = [word for word in command_line(running) if word.startswith("-Xmx")]
    return int(found.removeprefix("-Xmx").removesuffix("m"))


@pytest.mark.parametrize("limit", [192, 256, 512, 1000, 2048, 4096])
def test_the_heap_is_what_sizing_derives_from_the_containers_limit(image: str, limit: int) -> None:
    with serving(image, {"ZK_SERVER_HEAP": ""}, mem_limit=f"{limit}m") as running:
        assert heap(running) * MEBIBYTE == sizing.heap_bytes(limit * MEBIBYTE)


def test_with_netty_the_heap_leaves_what_sizing_reserves_for_it(image: str) -> None:
    netty = "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory"
    with serving(image, {"ZK_SERVER_HEAP": "", "ZOO_CFG_EXTRA": netty}, mem_limit="512m") as running:
        assert heap(running) * MEBIBYTE == sizing.heap_bytes(512 * MEBIBYTE, tls=True)


def test_a_limit_too_small_for_any_heap_is_refused_in_one_sentence(image: str) -> None:
    with server(image, {"ZK_SERVER_HEAP": ""}, mem_limit="48m") as refused:
        answer = refused.ended()
    assert answer.code == 78
    assert answer.text.startswith("zookeeper: the memory limit of 48 MiB")
    assert answer.text.count("\n") == 1


def test_a_heap_asked_for_is_taken_whatever_the_limit(image: str) -> None:
    with serving(image, {"ZK_SERVER_HEAP": "100"}, mem_limit="512m") as running:
        assert heap(running) == 100


def test_out_of_memory_ends_the_server_and_leaves_a_heap_dump(image: str) -> None:
    with serving(image, {"ZK_SERVER_HEAP": "24"}) as small:
        with client(small) as zookeeper, suppress(KazooException, TimeoutError):
            for number in range(60):
                zookeeper.create(f"/big-{number}", bytes(1_000_000))
        eventually(lambda: not small.running)
        answer = small.ended()
        dumped = small.container.get_wrapped_container().get_archive("/logs/zookeeper.hprof")[1]
    assert answer.code == 3  # what ExitOnOutOfMemoryError ends with
    assert "java.lang.OutOfMemoryError" in answer.text
    assert dumped["size"] > MEBIBYTE
