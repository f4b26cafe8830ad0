"""The rim: what every task of `tasks.py` shares. Reads the configuration, catches every error once."""

import functools
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from invoke.exceptions import Exit

from zkops import ROOT
from zkops.config import loader as config
from zkops.config.cluster import Cluster
from zkops.config.openpai import loader as openpai
from zkops.core import console
from zkops.core.errors import BadInput, ZkopsError
from zkops.core.redaction import redacted
from zkops.rollout.options import Wish

PATH_VARIABLE = "ZKOPS_PATH"
DEBUG_VARIABLE = "ZKOPS_DEBUG"

P = ParamSpec("P")
R = TypeVar("R")


def guarded(body: Callable[P, R]) -> Callable[P, R]:
    """Turn every error of a task into one sentence on stderr and the exit code of its kind.

    With `invoke --debug TASK`, or ZKOPS_DEBUG set, the traceback is shown too.
    """

    @functools.wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        _quieten()
        try:
            return body(*args, **kwargs)
        except ZkopsError as error:
            _trace()
            raise Exit(redacted(f"error: {error}"), code=error.exit_code) from error
        except KeyboardInterrupt:
            raise Exit("interrupted; run the same command again, it goes on from here", code=130) from None
        except BrokenPipeError:  # the reader of stdout went away, as `| head` does
            sys.stderr.close()
            raise Exit(code=0) from None
        except Exit:
            raise
        except Exception as error:
            _trace()
            what = redacted(f"error: {type(error).__name__}: {error}")
            raise Exit(
                f"{what}\n  mend: this is a defect of ours; run it as `invoke --debug TASK` and report what that shows"
            ) from error

    return run


def script(body: Callable[[], None]) -> Callable[[], None]:
    """Guard the main function of a program run without Invoke: print an error, and exit with its code."""
    safe = guarded(body)

    @functools.wraps(body)
    def run() -> None:
        try:
            safe()
        except Exit as end:
            if end.message:
                console.say(end.message)
            sys.exit(end.code)

    return run


def cluster(path: str) -> Cluster:
    """Load the configuration from *path*, else $ZKOPS_PATH, else the checkout's `cluster.yaml`; tell its warnings."""
    return _load(where(path))


def where(path: str) -> Path:
    """Give the path of the configuration: *path*, else $ZKOPS_PATH, else the checkout's `cluster.yaml`."""
    return Path(path or os.environ.get(PATH_VARIABLE) or ROOT / config.FILE_NAME)


def seconds(text: str) -> float:
    """Read a number of seconds; Invoke's own reading of numbers ends in a traceback."""
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise BadInput(f"--timeout: {text!r} is no number of seconds", "write a whole number, such as --timeout 300")
    return float(text)


def number(flag: str, text: str) -> int | None:
    """Read a whole number, None where nothing was given."""
    if text and not re.fullmatch(r"[0-9]{1,9}", text):
        raise BadInput(f"{flag}: {text!r} is no number", f"write a whole number, such as {flag} 3")
    return int(text) if text else None


def wish(doing: str, timeout: str, max_gap: str, *, repair: bool = False, confirm: str = "") -> Wish:
    """Read what is asked of a change."""
    if max_gap and not re.fullmatch(r"[0-9]{1,4}([.][0-9]{1,3})?", max_gap):
        raise BadInput(f"--max-gap: {max_gap!r} is no number of seconds", "write it such as --max-gap 0.5")
    gap = float(max_gap) if max_gap else None
    return Wish(doing=doing, timeout=seconds(timeout), repair=repair, confirm=confirm, max_gap=gap)


@functools.cache  # `invoke build push deploy` reads it once, and warns once
def _load(path: Path) -> Cluster:
    loaded = openpai.load(path) if openpai.holds(path) else config.load(path)
    for warning in loaded.warnings():
        console.warn(warning)
    return loaded


def _debugging() -> bool:
    # Invoke's own --debug leaves no other trace than its logger; after the task's name it leaves none at all.
    asked = os.environ.get(DEBUG_VARIABLE) or "--debug" in sys.argv
    return bool(asked) or logging.getLogger("invoke").isEnabledFor(logging.DEBUG)


def _quieten() -> None:
    """Keep Invoke's --debug to Invoke: it makes every library log, and Kubernetes' client logs secrets it sends."""
    if _debugging():
        logging.getLogger("invoke").setLevel(logging.getLogger("invoke").getEffectiveLevel())
        logging.getLogger().setLevel(logging.WARNING)


def _trace() -> None:
    if _debugging():
        sys.stderr.write(redacted(traceback.format_exc()))
