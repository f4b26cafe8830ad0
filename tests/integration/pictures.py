"""Takes the pictures of the documentation: `python -m tests.integration.pictures [PAGE]`, of it or of the samples."""

import shutil
import sys
import tempfile
from pathlib import Path

from tests.support import timelines
from zkops import ROOT
from zkops.config import loader as config
from zkops.images import base as sources
from zkops.images import daemon
from zkops.report import page as report

from .browser import Browser, browser_image, browsing

DIRECTORY = ROOT / "docs" / "pictures"
SHOWN = (
    ("done", 1280, "light", "report.png"),
    ("done", 1280, "dark", "report-dark.png"),
    ("done", 400, "light", "report-narrow.png"),
    ("done", 400, "dark", "report-narrow-dark.png"),
    ("undone", 1280, "light", "report-undone.png"),
)
"""Which page, how wide, in which colour scheme, and the file."""


def take(browser: Browser, name: str, width: int, scheme: str) -> bytes:
    """Take one, of the page of that name in the browser's directory."""
    browser.open(f"file:///pages/{name}.html", width=width, scheme=scheme)
    return browser.picture()


def size(png: bytes) -> tuple[int, int]:
    """Give width and height."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def main(page: Path | None) -> None:
    """Write them; *page* is the report of a rollout that was done."""
    daemon.ensure()
    image = browser_image(sources.base_image(config.load(ROOT).sources, "trixie"))
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        pages = Path(made)
        pages.chmod(0o755)
        (pages / "done.html").write_text(report.page(timelines.done()), encoding="utf-8")
        (pages / "undone.html").write_text(report.page(timelines.undone()), encoding="utf-8")
        if page:
            shutil.copyfile(page, pages / "done.html")
        with browsing(image, pages) as browser:
            for name, width, scheme, file in SHOWN:
                (DIRECTORY / file).write_bytes(take(browser, name, width, scheme))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else None)
