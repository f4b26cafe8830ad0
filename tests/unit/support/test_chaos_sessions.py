"""What one session may see and what not, and the file that histories are kept in."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.linearizability import history, sessions
from tests.support.linearizability.history import GONE, Operation
from tests.support.linearizability.made import MADE, operation, refused, true_history, write


def peek(value: str, version: int, begin: float, session: str = "a", **given: Any) -> Operation:
    return operation("peek", begin, begin + 0.5, session, value=value, version=version, **given)


X, Y = write("x", 1, 1, 2, "w"), write("y", 2, 3, 4, "w")


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param([peek("made", 0, 9)], id="stale, but of nobody's own"),
        pytest.param([peek("x", 1, 9), peek("made", 0, 9, "b")], id="two sessions at two places"),
        pytest.param([peek("y", 2, 9, "w")], id="its own write"),
        pytest.param([peek("x", 1, 9, zxid=7), peek("x", 1, 10, zxid=7)], id="nothing new"),
        pytest.param([operation("alive", 9, 10, version=0)], id="its ephemeral znode is there"),
    ],
)
def test_what_a_session_may_see_passes(seen: list[Operation]) -> None:
    assert sessions.check([MADE, X, Y, *seen]) == []


@pytest.mark.parametrize(
    ("seen", "what"),
    [
        ([peek("y", 2, 9), peek("x", 1, 10)], "saw /chaos/keys/1 in version 2, then in an older one"),
        ([peek("x", 1, 9, "w")], "saw /chaos/keys/1 in version 2, then in an older one"),
        ([peek("x", 1, 9, zxid=7), peek("x", 1, 10, zxid=6)], "went back from zxid 0x7 to 0x6"),
        ([operation("peek", 9, 10, version=GONE)], "the key is gone"),
        ([peek("z", 1, 9)], "a value that nobody wrote"),
        ([peek("y", 2, 2)], "a value that was written only later"),
        ([peek("x", 2, 9)], "a value that was written as version 1"),
        ([refused("z", 0, 5, 6), peek("z", 3, 9)], "a value of a write that was refused"),
        (
            [operation("alive", 9, 10, version=GONE)],
            "its ephemeral znode /chaos/keys/1 is gone, and the session is not",
        ),
    ],
)
def test_what_a_session_must_not_see_is_found(seen: list[Operation], what: str) -> None:
    assert [found for found in sessions.check([MADE, X, Y, *seen]) if what in found]


def test_a_history_is_kept_as_it_is(tmp_path: Path) -> None:
    run = [*true_history(seed=1, clients=3, count=30, unanswered_share=0.3)]
    history.save(run, tmp_path / "run.gz")
    assert list(history.load(tmp_path / "run.gz")) == run
