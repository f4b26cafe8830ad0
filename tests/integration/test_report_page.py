"""The report's page in a real browser: quiet, alone, readable in both colour schemes, and usable without a mouse."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import timelines
from zkops.report import page as report
from zkops.report.timeline import Timeline

from . import pictures
from .browser import ASSETS, Browser, browser_image, browsing

PAGES: dict[str, Callable[[], Timeline]] = {
    "done": timelines.done,
    "undone": timelines.undone,
    "failed": timelines.failed,
    "interrupted": timelines.interrupted,
    "refused": timelines.refused,
    "long": timelines.long,
}
BOTH = [(name, scheme) for name in PAGES for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pages")
    directory.chmod(0o755)
    for name, make in PAGES.items():
        (directory / f"{name}.html").write_text(report.page(make()), encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def browser(base: str, pages: Path) -> Iterator[Browser]:
    with browsing(browser_image(base), pages) as found:
        yield found


def show(browser: Browser, name: str, *, width: int = 1280, scheme: str = "light") -> None:
    browser.open(f"file:///pages/{name}.html", width=width, scheme=scheme)


def script(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_the_console_is_empty_and_nothing_but_the_page_is_asked_for(browser: Browser, name: str) -> None:
    show(browser, name)
    assert browser.complaints == []
    asked = [url for url in browser.requests if not url.startswith("data:")]
    assert asked == [f"file:///pages/{name}.html"]


def test_the_browser_refuses_what_somebody_smuggles_into_the_page(browser: Browser) -> None:
    show(browser, "done")
    browser.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"http://127.0.0.1:9/x.png\"><p style=\"color:red\">')"
    )
    assert browser.evaluate("getComputedStyle(document.body.lastElementChild).color") != "rgb(255, 0, 0)"
    browser.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    assert any("img-src data:" in complaint for complaint in browser.complaints)
    assert any("style-src" in complaint for complaint in browser.complaints)


@pytest.mark.parametrize(("name", "scheme"), BOTH)
def test_every_text_stands_out_from_its_ground(browser: Browser, name: str, scheme: str) -> None:
    for width in (1280, 400):
        show(browser, name, width=width, scheme=scheme)
        found = browser.evaluate(script("contrast.js"))
        assert found["seen"] > 20
        assert found["weak"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_measure_of_contrast_finds_what_is_too_weak(browser: Browser, scheme: str) -> None:
    show(browser, "done", scheme=scheme)
    browser.evaluate("document.querySelector('h1').style.setProperty('color', 'var(--line)')")
    browser.evaluate("document.querySelector('.lane text').style.setProperty('fill', 'var(--accent)')")
    weak = browser.evaluate(script("contrast.js"))["weak"]
    assert any(item["text"].startswith("demo: deploy") for item in weak)
    assert any(item["text"] == "3" for item in weak), "the number in the first block that is wide enough for it"


def test_light_and_dark_are_really_two(browser: Browser) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        show(browser, "done", scheme=scheme)
        grounds.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(set(grounds)) == 2


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [1280, 768, 400, 320])
def test_nothing_is_cut_off_or_has_to_be_scrolled_sideways(browser: Browser, name: str, width: int) -> None:
    show(browser, name, width=width)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(script("outside.js")) == []


@pytest.mark.parametrize("name", PAGES)
def test_tab_reaches_everything_in_its_order_and_shows_where_it_is(browser: Browser, name: str) -> None:
    show(browser, name)
    count = browser.evaluate(script("keyboard.js"))
    assert count >= 4
    reached = []
    for _ in range(count):
        browser.press("Tab")
        reached.append(browser.evaluate("focused()"))
    assert [item["number"] for item in reached] == list(range(count))
    assert [item for item in reached if not item["shown"]] == []


def test_the_enter_key_leads_from_a_step_to_its_row_and_opens_what_is_folded(browser: Browser) -> None:
    show(browser, "done")
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.getBoundingClientRect().left") >= 0, "the skip link is seen then"
    browser.press("Tab")
    for _ in range(4):
        browser.press("Tab")
    assert browser.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Step 5: leave demo-3")
    browser.press("Enter")
    assert browser.evaluate("location.hash") == "#step-5"
    assert browser.evaluate("document.querySelector('tr:target .what').textContent") == "leave demo-3"
    browser.evaluate("[...document.querySelectorAll('summary')][1].focus()")
    browser.press("Enter")
    assert browser.evaluate("document.querySelectorAll('details')[1].open") is True


@pytest.mark.parametrize("name", PAGES)
def test_a_screen_reader_is_told_a_name_for_everything(browser: Browser, name: str) -> None:
    show(browser, name)
    nodes = [(str(n["role"]["value"]), str(n.get("name", {}).get("value", ""))) for n in browser.accessible()]
    roles = {role for role, _ in nodes}
    drawn = {"figure", "table", "row", "columnheader", "rowheader"} if name != "refused" else set()
    assert {"banner", "main", "contentinfo", "heading", "link", "DisclosureTriangle", *drawn} <= roles
    needing = {"link", "img", "image", "figure", "region", "heading", "DisclosureTriangle", "columnheader"}
    assert [node for node in nodes if node[0] in needing and not node[1].strip()] == []
    unnamed = [node for node in nodes if node[0] == "group" and not node[1].strip()]
    assert len(unnamed) == roles_of(nodes, "DisclosureTriangle"), "what is folded is named by its summary"
    lanes = [text for role, text in nodes if role in {"img", "image"}]
    assert len(lanes) >= 3 or not drawn
    assert all(": " in text and " for " in text for text in lanes), "each member's lane says in words what it shows"


def roles_of(nodes: list[tuple[str, str]], role: str) -> int:
    return sum(found == role for found, _ in nodes)


def test_on_a_narrow_screen_the_table_is_a_table_still(browser: Browser) -> None:
    show(browser, "done", width=400)
    roles = [str(node["role"]["value"]) for node in browser.accessible()]
    assert roles.count("row") >= 11
    assert roles.count("rowheader") == 10


@pytest.mark.parametrize(("name", "width", "scheme", "file"), pictures.SHOWN)
def test_the_documentation_shows_the_page_as_wide_as_it_is(
    browser: Browser, name: str, width: int, scheme: str, file: str
) -> None:
    taken = pictures.take(browser, name, width, scheme)
    assert pictures.size(taken) == (width, browser.evaluate("innerHeight"))
    assert len(taken) > 50_000, "a page without content makes a small picture"
    kept = (pictures.DIRECTORY / file).read_bytes()
    assert pictures.size(kept)[0] == width, "take it with python -m tests.integration.pictures"


def test_a_step_is_drawn_over_the_time_it_took(browser: Browser) -> None:
    show(browser, "done")
    timeline = timelines.done()
    lane = "document.querySelector('svg.lane').getBoundingClientRect()"
    width, left = browser.evaluate(f"[{lane}.width, {lane}.left]")
    for number, step in enumerate(timeline.steps, 1):
        place = f"document.querySelector('svg.lane a[href=\"#step-{number}\"] rect').getBoundingClientRect()"
        x, wide = browser.evaluate(f"[{place}.left, {place}.width]")
        assert x - left == pytest.approx(width * step.begun / timeline.end, abs=1.5)
        assert wide == pytest.approx(width * (step.ended - step.begun) / timeline.end, abs=1.5)
