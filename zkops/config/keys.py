"""How keys and values of a configuration are shown to people: short, in one line, no control characters."""

import re

from zkops.core.errors import BadInput

Key = tuple[str | int, ...]
"""Where a value stands in a document: `("machines", 0, "ip")`."""

MAX_SHOWN = 80


def placeholder(text: str) -> bool:
    """Tell whether *text* holds a place that a template leaves open."""
    return bool(re.search(r"\{\{|\{%|\$\{|<%", text))


def unfilled(place: str, text: str) -> BadInput:
    """Give the error for a template's place that nobody filled in."""
    found = re.search(r"\{\{.*?\}\}|\{%.*?%\}|\$\{.*?\}|\{\{.*|\{%.*|\$\{.*|<%.*", text)
    return BadInput(
        f"{place}: is a template's placeholder {shown(found[0]) if found else ''}",
        "write the value there, or name the file that the template is rendered to",
    )


def dotted(key: Key) -> str:
    """Write a key as people do: `machines[0].ip`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_word(part)}" for part in key)
    return "".join(parts).removeprefix(".")


def _word(part: str) -> str:
    return part if re.fullmatch(r"[\w.\-/]{1,80}", part) else shown(part)


def shown(value: object) -> str:
    """Show a value in one short line, control characters written out, without a password in a URL."""
    text = re.sub(r"://[^/@\s]*@", "://…@", value) if isinstance(value, str) else value
    try:
        whole = repr(text)
    except ValueError:  # an integer of thousands of digits
        return "a number far too large"
    return whole if len(whole) <= MAX_SHOWN else f"{whole[: MAX_SHOWN - 2]}…{whole[-1]}"
