"""One family of errors for people: what happened, what to run next, and the exit code that tells scripts which kind.

Every room raises these and nothing else for what a user can cause or mend; the rim (`zkops.cli`) catches them once.
"""


class ZkopsError(Exception):
    """A failure explained: *what* happened in one sentence, and the *mend*, what to do or run next."""

    exit_code = 1

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.what}\n  mend: {self.mend}" if self.mend else self.what


class Failed(ZkopsError):
    """The work was begun and could not be finished."""


class Unanswered(Failed):
    """The API server did not answer: what was asked for may have been done or not."""


class Spoilt(Failed):
    """A member did not come back from a change, or clients waited too long: what was changed is to be undone."""


class BadInput(ZkopsError):
    """The configuration or the command line is wrong; nothing was touched."""

    exit_code = 2


class Refused(ZkopsError):
    """What was asked for is not safe now; nothing was touched."""

    exit_code = 3


class RolledBack(ZkopsError):
    """A change failed half-way and was undone: all is as in the revision *number* again."""

    exit_code = 4

    def __init__(self, what: str, mend: str = "", number: int = 0) -> None:
        super().__init__(what, mend)
        self.number = number
