"""What the pages link to is there, and what they say to type is understood."""

import re
from pathlib import Path

import pytest

from tests.support.command_line import understood
from zkops import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = r"\]\((?!https?:)([^)#\s]+)"


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """Give a page without its code."""
    return re.sub(r"(?ms)^```.*?^```$|`[^`\n]+`", "", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Give the anchors that a Markdown page has for its headings, as GitHub makes them."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))
    headings = (re.sub(r"\]\([^)]*\)", "", heading) for heading in re.findall(r"(?m)^#+ (.*)$", text))
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def is_there(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


def commands(page: Path) -> list[str]:
    """Give what begins with `invoke`, in lines of code and within the text, without comments and redirections."""
    text = page.read_text(encoding="utf-8")
    fenced = "".join(re.findall(r"(?ms)^```\w*\n(.*?)^```$", text))
    lines = re.findall(r"(?m)^(?: {4}|\$ )?(invoke .*)$", fenced) + re.findall(r"(?m)^ {4,}(invoke .*)$", text)
    spans = re.findall(r"`(invoke [^`\n]+)`", text)
    return [re.split(r" [#<>|&] ?|;", found)[0] for found in lines + spans]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_page_and_a_heading_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page))
    assert [link for link in links if not is_there(page, link)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_a_page_names_exists_with_the_options_named(page: Path) -> None:
    assert [told for told in map(understood, commands(page)) if told] == []


def test_a_wrong_link_and_a_wrong_command_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n\n[here](#a-page)\n\n    invoke deploy   # now\n\n`invoke status --josn` or `invoke fly`\n"
    )
    assert is_there(page, "#a-page")
    assert not is_there(page, "#no-page")
    assert not is_there(page, "missing.md")
    found = commands(page)
    assert [word.strip() for word in found] == ["invoke deploy", "invoke status --josn", "invoke fly"]
    assert [bool(understood(command)) for command in found] == [False, True, True]


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    new = {PAGES[0]}
    while new:
        reached |= new
        links = {(page.parent / path).resolve() for page in new for path in re.findall(LINK, prose(page))}
        new = links & set(PAGES) - reached
    assert set(PAGES) - reached == set()


def test_every_session_of_nox_that_a_page_names_exists() -> None:
    sessions = set(re.findall(r"@nox\.session[^\n]*\ndef (\w+)", (ROOT / "noxfile.py").read_text(encoding="utf-8")))
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?:nox|bootstrap\.py) -s ([a-z]+)", text))
    assert named
    assert named - sessions == set()
