"""The log: one line an event on stdout, text or JSON, levels for each logger."""

import json

from tests.support.waiting import eventually

from .servers import Server, server, serving


def test_json_on_request_one_object_a_line_stack_traces_included(image: str) -> None:
    broken = {"ZOO_CFG_EXTRA": "metricsProvider.className=no.such.Provider", "ZOO_LOG_FORMAT": "json"}
    with server(image, broken) as failing:
        log = failing.container.get_logs()[0].decode() if failing.ended() else ""
    events = [json.loads(line) for line in log.splitlines()]
    assert {"time", "level", "logger", "thread", "message"} <= set(events[0])
    (failure,) = [event for event in events if "no.such.Provider" in event.get("exception", "")]
    assert failure["level"] == "ERROR"
    assert "\n\tat org.apache.zookeeper." in failure["exception"]


def levels(running: Server, logger: str) -> set[str]:
    """Give the levels at which a logger spoke."""
    lines = [line.split() for line in running.logs().splitlines()]
    return {words[1] for words in lines if len(words) > 2 and words[2] == f"{logger}:"}


def test_levels_are_set_for_all_and_for_single_loggers(image: str) -> None:
    env = {
        "ZOO_LOG_LEVEL": "ERROR",
        "ZOO_LOG_LEVELS": "org.apache.zookeeper.server.persistence=DEBUG,org.apache.zookeeper.server.ZKDatabase=INFO",
    }
    with serving(image, env) as running:
        eventually(lambda: levels(running, "ZKDatabase") == {"INFO"})
        assert "DEBUG" in levels(running, "FileTxnSnapLog")
        assert levels(running, "NIOServerCnxnFactory") <= {"ERROR"}


def test_what_is_no_format_is_told_and_text_is_written(image: str) -> None:
    with serving(image, {"ZOO_LOG_FORMAT": "xml"}) as running:
        assert "xml is no log format" in running.logs()
        assert "INFO" in levels(running, "ZKDatabase")


def test_a_level_that_is_none_is_told_and_passed_over(image: str) -> None:
    with serving(image, {"ZOO_LOG_LEVELS": "org.apache.zookeeper=LOUD"}) as running:
        assert "LOUD is no log level" in running.logs()
