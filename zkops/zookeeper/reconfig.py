"""Who belongs to the ensemble, as the servers themselves agreed; read, and changed one member at a time.

ZooKeeper calls a change a reconfiguration: https://zookeeper.apache.org/doc/r3.9.4/zookeeperReconfig.html
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from kazoo import exceptions
from kazoo.handlers.threading import KazooTimeoutError

from zkops.core.errors import Failed
from zkops.zookeeper import client as session
from zkops.zookeeper.membership import Membership, Seat, parse_membership

CONFIG = "/zookeeper/config"
SESSION_SECONDS = 10.0
READ_SECONDS = 10.0
SETTLE_SECONDS = 15.0
"""To tell what came of a change: the leader may be changing with it."""
CHANGE_SECONDS = 30.0
"""For a member to be in sync, so that it may vote."""
ANSWER_SECONDS = 5.0
PAUSE_SECONDS = 0.1
UNNAMED = "NAME-super"

# The answer was lost, not necessarily the request.
_UNKNOWN = (
    exceptions.ConnectionLoss,
    exceptions.SessionExpiredError,
    exceptions.SessionMovedError,
    exceptions.OperationTimeoutError,
    KazooTimeoutError,
)
_NOT_YET: dict[type[Exception], str] = {
    exceptions.NewConfigNoQuorumError: "too few of the members that are to vote are in sync with the leader",
    exceptions.ReconfigInProcessError: "another change of the membership is under way",
    exceptions.BadVersionError: "another change of the membership is under way",
}


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """One change: kazoo's arguments for it, and how to see that it was done."""

    joining: str | None = None
    leaving: str | None = None
    granted: Callable[[Membership], bool]
    who: str


def super_secret() -> dict[str, str]:
    """Make a password for ZooKeeper's super user: `password` for the tool, `digest` of it for the servers."""
    password = secrets.token_urlsafe(32)
    return {"password": password, "digest": super_digest(password)}


def super_digest(password: str) -> str:
    """Give what the servers compare the super user's password with: `super:` and base64 of a hash."""
    # SHA-1 is ZooKeeper's default; the password has 256 random bits, which no table of hashes holds.
    hashed = hashlib.sha1(f"super:{password}".encode(), usedforsecurity=False).digest()
    return f"super:{base64.b64encode(hashed).decode()}"


def read(servers: str, within: float = READ_SECONDS) -> Membership:
    """Ask the first of *servers* that serves for the membership, as of now.

    Raises:
        Failed: none tells *within* so many seconds.
    """
    deadline = time.monotonic() + within
    while True:
        left = max(deadline - time.monotonic(), 0.1)
        try:
            with session.opened(servers, timeout=SESSION_SECONDS, within=left) as zookeeper:
                # What this server knows may be old; after a sync it is not.
                zookeeper.sync_async(CONFIG).get(timeout=left)
                return parse_membership(zookeeper.get_async(CONFIG).get(timeout=left)[0].decode())
        except _UNKNOWN as error:
            if time.monotonic() > deadline:
                raise Failed(
                    f"no member tells the membership within {within:.0f} s: there is no quorum",
                    "see `invoke status`, then run the same command again",
                ) from error


def enter(
    servers: str,
    password: str,
    seat: Seat,
    known: Membership,
    *,
    within: float = CHANGE_SECONDS,
    secret: str = UNNAMED,
) -> Membership:
    """Let a member in, or give it another role or address; give the membership then.

    *known* is the membership the decision was made on; nothing is done where another one is in force by now.
    A member is let in to vote once it is in sync: waited for *within* so many seconds. *secret* names the Secret with
    the *password*, for people.

    Raises:
        Failed: it cannot be done, or it cannot be told whether it was.
    """
    wish = _Wish(joining=str(seat), granted=lambda live: live.seat(seat.id) == seat, who=f"member {seat.id} in")
    return _change(servers, password, wish, known, within, secret)


def leave(
    servers: str,
    password: str,
    number: int,
    known: Membership,
    *,
    within: float = CHANGE_SECONDS,
    secret: str = UNNAMED,
) -> Membership:
    """Take the member with the id *number* out of the membership; the rest as for `enter`.

    Where it leads, another one leads afterwards.
    """
    wish = _Wish(leaving=str(number), granted=lambda live: live.seat(number) is None, who=f"member {number} out")
    return _change(_last(servers, known.seat(number)), password, wish, known, within, secret)


def _change(servers: str, password: str, wish: _Wish, known: Membership, within: float, secret: str) -> Membership:
    deadline, reason = time.monotonic() + within, ""
    while True:
        # Also after a success: the answer says that it was proposed and agreed on, this that others know.
        live = read(servers, SETTLE_SECONDS if reason else READ_SECONDS)
        if wish.granted(live):
            return live
        if live.version != known.version:
            raise Failed(
                f"taking {wish.who}: somebody else changed the membership meanwhile", "run the same command again"
            )
        if reason and time.monotonic() > deadline:
            raise Failed(
                f"taking {wish.who}: not done within {within:.0f} s: {reason}",
                "see `invoke status`, then run the same command again",
            )
        time.sleep(PAUSE_SECONDS if reason else 0)
        # Asking twice is safe: what *known* was is the condition, so that only one can be done.
        reason = _ask(servers, password, wish, known, secret)


def _ask(servers: str, password: str, wish: _Wish, known: Membership, secret: str) -> str:
    """Ask for the change once; give why it is not done, or why that is not known."""
    try:
        with session.opened(servers, timeout=SESSION_SECONDS, within=READ_SECONDS, password=password) as zookeeper:
            pending = zookeeper.reconfig_async(wish.joining, wish.leaving, None, known.version)
            pending.get(timeout=ANSWER_SECONDS)
            return "it was answered, but is not in force"
    except _UNKNOWN:
        return "the connection was lost"
    except tuple(_NOT_YET) as error:
        return _NOT_YET[type(error)]
    except exceptions.KazooException as error:
        raise _explained(error, wish, secret) from None


def _explained(error: Exception, wish: _Wish, secret: str) -> Failed:
    """Put what no second try mends into words."""
    match error:
        case exceptions.NoAuthError():
            return Failed(
                f"taking {wish.who}: the servers do not accept the password of Secret {secret} as their super user's",
                "if the Secret was made anew, the servers know the former one: run `invoke deploy` to restart them",
            )
        case exceptions.ReconfigDisabledError() | exceptions.UnimplementedError():
            return Failed(
                f"taking {wish.who}: the servers run with a fixed membership",
                "take reconfigEnabled and standaloneEnabled out of zoo_cfg and run `invoke deploy`",
            )
        case _:
            return Failed(f"taking {wish.who}: refused: {type(error).__name__} {error}".rstrip(), "see `invoke logs`")


def _last(servers: str, seat: Seat | None) -> str:
    """Put the address of a seat behind the others: a leader that is taken out drops its clients without an answer."""
    mine = f"{seat.ip}:{seat.client}" if seat else ""
    return ",".join(sorted(servers.split(","), key=lambda server: server == mine))
