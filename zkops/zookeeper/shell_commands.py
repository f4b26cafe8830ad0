"""The commands of `shell`: one line of text → what is done to the tree of znodes, and the answer as text."""

import argparse
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from kazoo import exceptions
from kazoo.handlers.threading import KazooTimeoutError

from zkops.core.errors import BadInput, Failed, Refused, ZkopsError

ANSWER_SECONDS = 15.0

Arguments = argparse.Namespace


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command of the shell."""

    usage: str
    summary: str
    parser: argparse.ArgumentParser
    run: Callable[[Any, Arguments], str | None]
    """Takes kazoo's client and the arguments; gives what is printed, None for nothing."""


def parse(line: str) -> tuple[Command, Arguments] | None:
    """Read one line; None for an empty one or a comment.

    Raises:
        BadInput: no such command, or not its arguments.
    """
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise BadInput(f"{line.strip()}: {str(error).lower()}", "close the quotation marks") from None
    if not words:
        return None
    command = COMMANDS.get(words[0])
    if not command:
        raise BadInput(f"{words[0]}: there is no such command", f"write one of {', '.join(COMMANDS)}, quit")
    arguments = command.parser.parse_args(words[1:])
    _check_path(getattr(arguments, "path", "/"), command)
    return command, arguments


def execute(zookeeper: Any, line: str) -> str | None:
    """Carry one line out with kazoo's client *zookeeper*; give what is printed.

    Raises:
        BadInput: the line is no command.
        Failed: ZooKeeper refuses it or does not answer.
    """
    parsed = parse(line)
    if not parsed:
        return None
    command, arguments = parsed
    try:
        return command.run(zookeeper, arguments)
    except (exceptions.KazooException, KazooTimeoutError) as error:
        raise explain(error, getattr(arguments, "path", "/")) from error


def explain(error: Exception, path: str) -> ZkopsError:
    """Put an error of ZooKeeper into words."""
    for kind, (what, mend) in _ERRORS.items():
        if isinstance(error, kind):
            return Failed(what.format(path=path), mend)
    return Failed(f"{path}: {type(error).__name__} {error}".rstrip(), "see `invoke logs`")


_ERRORS: dict[type[Exception], tuple[str, str]] = {
    exceptions.NoNodeError: (
        "{path} is not there",
        "see `ls` of the path above; `create` makes one level at a time",
    ),
    exceptions.NodeExistsError: ("{path} is there already", "use `set` to change it"),
    exceptions.NotEmptyError: ("{path} has children", "use `deleteall` to delete it with all below it"),
    exceptions.BadVersionError: ("{path} has another version by now", "look at it again with `stat`, then repeat"),
    exceptions.NoChildrenForEphemeralsError: (
        "{path} is below an ephemeral node, which can have no children",
        "choose a path",
    ),
    exceptions.NoAuthError: ("{path} is protected: its access list does not let this shell do that", "ask its owner"),
    exceptions.BadArgumentsError: ("{path} is nothing ZooKeeper can do that to", "see `help`"),
    exceptions.QuotaExceededError: ("{path} is at its quota", "raise the quota, or delete something"),
    exceptions.SessionExpiredError: (
        "the session ended and its ephemeral nodes with it; whether the last write was done is not known",
        "look before you repeat it",
    ),
    exceptions.ConnectionLoss: (
        "the connection was lost; whether a write was done is not known",
        "see `invoke status`, look before you repeat it",
    ),
    KazooTimeoutError: (
        f"no answer within {ANSWER_SECONDS:.0f} s; whether a write was done is not known",
        "see whether there is a quorum with `invoke status`",
    ),
}


def _check_path(path: str, command: Command) -> None:
    if not path.startswith("/") or (path != "/" and (path.endswith("/") or "//" in path)):
        raise BadInput(f"{path!r} is no path: it begins with / and has names between single /", command.usage)


class _Parser(argparse.ArgumentParser):
    """Raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{self.prog}: {message}", f"write {self.usage}")


def _command(usage: str, summary: str, run: Callable[[Any, Arguments], str | None]) -> Command:
    """Make a command from its usage: `[-f]` a flag, `[-v N]` an option, `[X]` may be left out."""
    name, _, rest = usage.partition(" ")
    parser = _Parser(prog=name, usage=usage, add_help=False, allow_abbrev=False)
    for word in re.findall(r"\[.+?\]|\S+", rest):
        flag, _, value = word.strip("[]").partition(" ")
        if value:
            parser.add_argument(flag, type=int, default=-1, dest=value.lower())
        elif flag.startswith("-"):
            parser.add_argument(flag, action="store_true", dest=flag.lstrip("-"))
        elif word.startswith("["):
            parser.add_argument(flag.lower(), nargs="?", default="/" if flag == "PATH" else "")
        else:
            parser.add_argument(flag.lower())
    return Command(usage=usage, summary=summary, parser=parser, run=run)


def _answer(pending: Any) -> Any:
    return pending.get(block=True, timeout=ANSWER_SECONDS)


def _join(path: str, child: str) -> str:
    return f"{path.rstrip('/')}/{child}"


def tree(zookeeper: Any, path: str) -> Iterator[str]:
    """Yield *path* and everything below it, parents first."""
    yield path
    for child in sorted(_answer(zookeeper.get_children_async(path))):
        try:
            yield from tree(zookeeper, _join(path, child))
        except exceptions.NoNodeError:  # deleted meanwhile
            continue


def _ls(zookeeper: Any, given: Arguments) -> str | None:
    if given.R:
        return "\n".join(tree(zookeeper, given.path))
    return "\n".join(sorted(_answer(zookeeper.get_children_async(given.path)))) or None


def _get(zookeeper: Any, given: Arguments) -> str:
    data: bytes | None = _answer(zookeeper.get_async(given.path))[0]
    return (data or b"").decode(errors="backslashreplace")


def _set(zookeeper: Any, given: Arguments) -> str:
    stat = _answer(zookeeper.set_async(given.path, given.data.encode(), version=given.version))
    return f"{given.path} has version {stat.version}"


def _create(zookeeper: Any, given: Arguments) -> str:
    pending = zookeeper.create_async(given.path, given.data.encode(), ephemeral=given.e, sequence=given.s)
    return f"created {_answer(pending)}"


def _delete(zookeeper: Any, given: Arguments) -> str:
    _answer(zookeeper.delete_async(given.path, version=given.version))
    return f"deleted {given.path}"


def _deleteall(zookeeper: Any, given: Arguments) -> str:
    if given.path == "/":
        raise Refused("deleteall / would delete everything of everybody", "name what is to be deleted")
    found = list(tree(zookeeper, given.path))
    for path in reversed(found):
        try:
            _answer(zookeeper.delete_async(path))
        except exceptions.NoNodeError:  # somebody else deleted it
            continue
    return f"deleted {given.path}, {len(found)} nodes"


def _stat(zookeeper: Any, given: Arguments) -> str:
    stat = _answer(zookeeper.exists_async(given.path))
    if stat is None:
        raise exceptions.NoNodeError
    values = {
        "cZxid": f"{stat.czxid:#x}",
        "ctime": _moment(stat.ctime),
        "mZxid": f"{stat.mzxid:#x}",
        "mtime": _moment(stat.mtime),
        "pZxid": f"{stat.pzxid:#x}",
        "cversion": stat.cversion,
        "dataVersion": stat.version,
        "aclVersion": stat.aversion,
        "ephemeralOwner": f"{stat.ephemeralOwner:#x}",
        "dataLength": stat.dataLength,
        "numChildren": stat.numChildren,
    }
    return "\n".join(f"{name} = {value}" for name, value in values.items())


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def _help(_zookeeper: Any, _given: Arguments) -> str:
    width = max(len(command.usage) for command in COMMANDS.values())
    lines = [f"{command.usage:<{width}}  {command.summary}" for command in COMMANDS.values()]
    return "\n".join([*lines, f"{'quit':<{width}}  leave"])


COMMANDS = {
    command.usage.split()[0]: command
    for command in (
        _command("ls [-R] [PATH]", "list the children; -R everything below", _ls),
        _command("get PATH", "print the data", _get),
        _command("set [-v VERSION] PATH DATA", "change the data; -v only where it has that version", _set),
        _command("create [-e] [-s] PATH [DATA]", "create a node; -e ephemeral, -s with a number added", _create),
        _command("delete [-v VERSION] PATH", "delete a node without children", _delete),
        _command("deleteall PATH", "delete a node with everything below it", _deleteall),
        _command("stat PATH", "print versions, times, sizes", _stat),
        _command("help", "print this", _help),
    )
}
