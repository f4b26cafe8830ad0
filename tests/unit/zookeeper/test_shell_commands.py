"""`shell`: lines become commands, errors become sentences, scripts end at the first failure."""

from typing import Any

import pytest
from kazoo import exceptions
from kazoo.handlers.threading import KazooTimeoutError

from zkops.commands import shell
from zkops.core.errors import BadInput, Failed, Refused
from zkops.zookeeper import shell_commands as znodes


class Answer:
    """What kazoo gives for a request under way."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def get(self, *, block: bool, timeout: float) -> Any:
        assert block
        assert timeout > 0
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Tree:
    """As much of kazoo's client as listing and deleting need, over a dictionary of paths."""

    def __init__(self, *paths: str) -> None:
        self.paths = set(paths)
        self.deleted: list[str] = []

    def get_children_async(self, path: str) -> Answer:
        if path not in self.paths:
            return Answer(exceptions.NoNodeError())
        below = {p[len(path.rstrip("/")) + 1 :] for p in self.paths if p.startswith(path.rstrip("/") + "/")}
        return Answer([name for name in below if name and "/" not in name])

    def get_async(self, path: str) -> Answer:
        return Answer((b"caf\xc3\xa9 \xff", None))

    def delete_async(self, path: str, version: int = -1) -> Answer:
        self.paths.discard(path)
        self.deleted.append(path)
        return Answer(exceptions.BadVersionError() if version == 7 else True)


def tree() -> Tree:
    return Tree("/", "/a", "/a/b", "/a/b/c", "/z")


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("ls", {"path": "/", "R": False}),
        ("ls -R /a", {"path": "/a", "R": True}),
        ("ls /a -R", {"path": "/a", "R": True}),
        ('set /a "two words"', {"path": "/a", "data": "two words", "version": -1}),
        ("set -v 3 /a -1", {"path": "/a", "data": "-1", "version": 3}),
        ("create -e -s /a/n-", {"path": "/a/n-", "data": "", "e": True, "s": True}),
        ("create -- /a -x", {"path": "/a", "data": "-x", "e": False}),
        ("delete -v 0 /a", {"path": "/a", "version": 0}),
        ("stat /a  # why", {"path": "/a"}),
    ],
)
def test_a_line_is_read(line: str, values: dict[str, Any]) -> None:
    parsed = znodes.parse(line)
    assert parsed is not None
    assert values.items() <= vars(parsed[1]).items()


@pytest.mark.parametrize("line", ["", "   ", "# a comment"])
def test_an_empty_line_is_nothing(line: str) -> None:
    assert znodes.parse(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "gett /a",
        "get",
        "get a",
        "get /a/",
        "get /a//b",
        "get /a /b",
        "set /a",
        "set -v x /a b",
        "ls -x",
        'get "/a',
        "help me",
    ],
)
def test_what_is_no_command_is_told_with_what_to_write(line: str) -> None:
    with pytest.raises(BadInput) as caught:
        znodes.parse(line)
    assert caught.value.mend


def test_every_command_is_in_the_help() -> None:
    text = znodes.execute(tree(), "help")
    assert text is not None
    assert all(command.usage in text for command in znodes.COMMANDS.values())


def test_listing_and_deleting_go_over_the_whole_tree() -> None:
    zookeeper = tree()
    assert znodes.execute(zookeeper, "ls /") == "a\nz"
    assert znodes.execute(zookeeper, "ls /z") is None
    assert znodes.execute(zookeeper, "ls -R /a") == "/a\n/a/b\n/a/b/c"
    assert znodes.execute(zookeeper, "deleteall /a") == "deleted /a, 3 nodes"
    assert zookeeper.deleted == ["/a/b/c", "/a/b", "/a"], "children first"


def test_the_whole_tree_is_never_deleted() -> None:
    zookeeper = tree()
    with pytest.raises(Refused):
        znodes.execute(zookeeper, "deleteall /")
    assert zookeeper.deleted == []


def test_data_that_is_no_text_is_shown_escaped() -> None:
    assert znodes.execute(tree(), "get /a") == "café \\xff"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (exceptions.NoNodeError(), "/a is not there"),
        (exceptions.NodeExistsError(), "/a is there already"),
        (exceptions.NotEmptyError(), "/a has children"),
        (exceptions.BadVersionError(), "/a has another version"),
        (exceptions.NoAuthError(), "/a is protected"),
        (exceptions.ConnectionLoss(), "whether a write was done is not known"),
        (exceptions.ConnectionClosedError(), "the session ended"),
        (KazooTimeoutError(), "no answer within 15 s"),
        (exceptions.MarshallingError("odd"), "/a: MarshallingError odd"),
    ],
)
def test_errors_of_zookeeper_are_sentences(error: Exception, words: str) -> None:
    told = znodes.explain(error, "/a")
    assert words in told.what
    assert told.mend
    assert told.exit_code == 1


def test_a_script_ends_at_the_first_failure_and_names_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    zookeeper = tree()
    with pytest.raises(Failed, match="line 3: /none is not there"):
        shell.run(iter(["# begin\n", "ls /\n", "ls /none\n", "deleteall /z\n"]), zookeeper)
    assert capsys.readouterr().out == "a\nz\n"
    assert zookeeper.deleted == []


def test_quitting_ends_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    shell.run(iter(["quit\n", "ls /\n"]), tree())
    assert capsys.readouterr().out == ""


def test_at_a_terminal_an_error_is_told_and_the_next_line_read(capsys: pytest.CaptureFixture[str]) -> None:
    prompt = shell.Prompt("demo", tree())
    assert not prompt.onecmd("delete -v 7 /a")
    assert not prompt.onecmd("nonsense")
    assert not prompt.onecmd("")
    assert "another version" in capsys.readouterr().err
    assert prompt.onecmd("EOF")
    assert prompt.onecmd("quit")


def test_commands_and_paths_are_completed() -> None:
    prompt = shell.Prompt("demo", tree())
    assert prompt.completenames("de") == ["delete", "deleteall"]
    assert prompt.completedefault("", "ls /", 4, 4) == ["a", "z"]
    assert prompt.completedefault("b", "ls /a/b", 6, 7) == ["b"]
    assert prompt.completedefault("x", "ls /none/x", 9, 10) == []
