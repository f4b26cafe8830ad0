"""`report`: lists the reports of rollouts, or opens the newest."""

import os
import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import asdict

from zkops.core import console
from zkops.report import files


def task(*, as_list: bool, json: bool) -> None:
    """List the reports, or open the newest where somebody looks; its path is told in any case.

    Raises:
        Failed: there is none to open, or its record cannot be read.
    """
    if as_list:
        return _list(files.listed(), json=json)
    page = files.newest()
    if json:
        return console.result_json({"page": str(page)} | files.plain(files.read(page)))
    console.result(str(page))
    if sys.stdout.isatty() and graphical():
        webbrowser.open(page.as_uri())
    return None


def graphical() -> bool:
    """Whether a browser has a screen here; one in the terminal could not show the page."""
    shown = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform == "darwin" or any(os.environ.get(name) for name in shown)


def _list(found: Sequence[files.Summary], *, json: bool) -> None:
    if json:
        return console.result_json([asdict(summary) for summary in found])
    rows = [summary.row() for summary in found]
    return console.result_table(f"{len(rows)} reports in {files.DIRECTORY}", files.HEADERS, rows)
