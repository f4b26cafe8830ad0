"""The rim: what every task of `tasks.py` shares. Reads the configuration, catches every error once."""

import functools
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from invoke.exceptions import Exit

from zkops import ROOT, config, console
from zkops.cluster import Cluster
from zkops.errors import BadInput, ZkopsError

PATH_VARIABLE = "ZKOPS_PATH"
DEBUG_VARIABLE = "ZKOPS_DEBUG"

P = ParamSpec("P")
R = TypeVar("R")


def guarded(body: Callable[P, R]) -> Callable[P, R]:
    """Turn every error of a task into one sentence on stderr and the exit code of its kind.

    With ZKOPS_DEBUG set the traceback is shown too.
    """

    @functools.wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return body(*args, **kwargs)
        except ZkopsError as error:
            _trace()
            raise Exit(f"error: {error}", code=error.exit_code) from error
        except KeyboardInterrupt:
            raise Exit("interrupted; run the same command again, it goes on from here", code=130) from None
        except BrokenPipeError:  # the reader of stdout went away, as `| head` does
            sys.stderr.close()
            raise Exit(code=0) from None
        except Exit:
            raise
        except Exception as error:
            _trace()
            what = f"error: {type(error).__name__}: {error}"
            raise Exit(
                f"{what}\n  mend: this is a defect of ours; run again with {DEBUG_VARIABLE}=1 and report it"
            ) from error

    return run


def cluster(path: str) -> Cluster:
    """Load the configuration from *path*, else $ZKOPS_PATH, else the checkout's `cluster.yaml`; tell its warnings."""
    return _load(Path(path or os.environ.get(PATH_VARIABLE) or ROOT / config.FILE_NAME))


def seconds(text: str) -> float:
    """Read a number of seconds; Invoke's own reading of numbers ends in a traceback."""
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise BadInput(f"--timeout: {text!r} is no number of seconds", "write a whole number, such as --timeout 300")
    return float(text)


@functools.cache  # `invoke build push deploy` reads it once, and warns once
def _load(path: Path) -> Cluster:
    loaded = config.load(path)
    for warning in loaded.warnings():
        console.warn(warning)
    return loaded


def _trace() -> None:
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exc()
