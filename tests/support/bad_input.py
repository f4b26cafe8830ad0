"""Configurations with a mistake in them, and what every refusal must be like."""

import re

from zkops import ROOT

CORPUS = ROOT / "tests" / "corpus"
SECRETS = re.compile(r"s3cret-of|hunter2")


def check_sentence(said: str, file: str) -> None:
    """Demand one sentence and a mend, naming the file, in plain characters, of a length people read."""
    what, _, mend = said.partition("\n  mend: ")
    assert what.startswith("error: ")
    assert mend.strip()
    assert (what + mend).isprintable(), said
    assert len(what) < 500
    assert file in what, what
    assert not re.search(r"Traceback|pydantic|yaml\.|Error\b|object at 0x", said), said
    assert not SECRETS.search(said)
