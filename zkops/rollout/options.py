"""What is asked of a change beside its description; pure."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked of a deploy beside its description."""

    doing: str = "deploy"
    timeout: float = 300
    """Seconds for a member to come back, or for all to serve."""
    repair: bool = False
    """Whether the one broken member is to be mended."""
    confirm: str = ""
    """The ensemble's name, where its membership shrinks."""
    max_gap: float | None = None
    """Seconds without an acknowledged write at which the change is stopped and undone; None for no limit."""
