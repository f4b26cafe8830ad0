"""`logs`: spans of time, merging of lines, and what is asked of the API."""

from typing import Any, cast

import pytest

from tests.support.command_line import invoke
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput, Failed
from zkops.kube import logs
from zkops.kube.client import Kube


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172800), ("0h1s", 1)])
def test_a_span_of_time_is_read(text: str, seconds: int) -> None:
    assert logs.span(text) == seconds


@pytest.mark.parametrize("text", ["10", "m", "10x", "-5m", "1.5h", "0s", "10 m", "\u0661m", "1h-", " 1h", "99999999d"])
def test_anything_else_is_no_span(text: str) -> None:
    with pytest.raises(BadInput, match="--since"):
        logs.span(text)


@pytest.mark.parametrize("text", ["0", "-1", "ten", "1.5", "12345678", "000", "2 "])
def test_what_is_no_number_of_lines_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--lines"):
        logs.wanted("", text)


@pytest.mark.parametrize(
    ("since", "lines", "options"),
    [
        ("", "", {"tail_lines": 100}),
        ("10m", "", {"since_seconds": 600}),
        ("", "7", {"tail_lines": 7}),
        ("1m", "7", {"since_seconds": 60, "tail_lines": 7}),
    ],
)
def test_without_a_choice_the_last_hundred_lines_are_asked_for(since: str, lines: str, options: dict[str, int]) -> None:
    assert logs.wanted(since, lines).options() == options
    assert logs.wanted(since, lines, previous=True).options() == options | {"previous": True}


def test_lines_are_merged_by_time_whatever_zone_a_node_writes_in() -> None:
    lines = [
        logs.parse("a", "2026-01-01T12:00:00.000000003Z third"),
        logs.parse("a", "2026-01-01T12:00:01Z fifth"),
        logs.parse("a", "2026-01-01T12:00:01Z \tat sixth"),
        logs.parse("b", "2026-01-01T13:59:59.5+02:00 second"),
        logs.parse("b", "2026-01-01T14:00:00.5+02:00 fourth"),
        logs.parse("b", "unable to read, the node says"),
    ]
    texts = [line.text for line in logs.merge(lines)]
    assert texts == ["unable to read, the node says", "second", "third", "fourth", "fifth", "\tat sixth"]


def test_lines_of_several_begin_with_their_host_and_of_one_do_not(cluster: Cluster) -> None:
    line = logs.parse("demo-2", "2026-01-01T12:00:00Z it says")
    assert logs.shown(cluster.machines)(line) == "demo-2  it says"
    assert logs.shown(cluster.machines[1:2])(line) == "it says"


class Pods:
    """A Kubernetes with two of three pods, one of them on a machine that does not answer."""

    def pods(self, _instance: str) -> list[dict[str, Any]]:
        return [
            {
                "metadata": {"name": f"pod-{host}", "creationTimestamp": "2026"},
                "spec": {"nodeName": host},
                "status": {"phase": "Running"},
            }
            for host in ("demo-1", "demo-2")
        ]

    def log_lines(self, pod: str, **_options: Any) -> list[str]:
        if pod == "pod-demo-2":
            raise Failed("the node does not answer")
        return ["2026-01-01T12:00:00Z said"]


def test_a_machine_that_does_not_answer_does_not_hide_the_others(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    kube = cast(Kube, Pods())
    assert list(logs.read(cluster, cluster.machines, kube, logs.Wanted())) == ["demo-1  said"]
    said = capsys.readouterr().err
    assert "demo-2: the node does not answer" in said
    assert "demo-3: no pod" in said
    with pytest.raises(Failed, match="does not answer"):
        list(logs.read(cluster, cluster.machines[1:2], kube, logs.Wanted()))
    with pytest.raises(Failed, match="no member"):
        list(logs.read(cluster, cluster.machines[2:], kube, logs.Wanted()))


def test_a_run_that_ended_cannot_be_followed() -> None:
    with pytest.raises(BadInput, match="--previous"):
        logs.wanted("", "", previous=True, follow=True)


@pytest.mark.parametrize(
    "wrong", [("--since", "soon"), ("--lines", "0"), ("--member", "nobody"), ("--follow", "--previous")]
)
def test_wrong_flags_end_in_one_sentence_and_exit_code_2(wrong: tuple[str, ...]) -> None:
    done = invoke("logs", *wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
