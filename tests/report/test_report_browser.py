"""The page of a report in a browser: no network, no complaints, both themes, a phone, the keyboard, paper, and no script."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import releases

from flows.reporting import write_report
from warehouse.address import resolve_address

pytestmark = pytest.mark.slow
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)><a href='https://example.org'>"
CONTRAST = """() => {
  const number = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = number(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const bad = [];
  const words = "p, dt, dd, th, td, h1, h2, h3, h4, a, summary, button, .said, code, svg text";
  for (const element of document.querySelectorAll(words)) {
    if (!element.getClientRects().length || !element.textContent.trim()) continue;
    const style = getComputedStyle(element);
    const front = number(element.tagName === "text" ? style.fill : style.color);
    const [one, two] = [light(front), light(behind(element))].sort((x, y) => y - x);
    if ((one + 0.05) / (two + 0.05) < 4.5) bad.push(`${element.tagName} ${element.textContent.trim().slice(0, 40)}`);
  }
  return bad;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("PREFMILL_REQUIRE_CHROMIUM") == "1":
            pytest.fail("no Chromium is installed; apt-get install chromium")
        pytest.skip("no Chromium is installed; apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a release of many pairs whose words would like to be markup."""
    folder = tmp_path_factory.mktemp("report")
    address = resolve_address(str(folder / "lake"))
    rows = releases.innocent(60)
    for at, row in enumerate(rows):
        row |= {
            "score_gap": 1.0 + at,
            "confidence": at / 60,
            "flags": ["odd"] if at % 20 == 0 else [],
            "licence": HOSTILE,
        }
        row |= {
            "passages": [{"passage_id": "psg_1", "start": 1, "end": 90, "heading": HOSTILE}],
            "chosen_model": "m" * 90,
        }
        releases.said(row, "chosen", f"{HOSTILE} {at} " + "w" * 300 + " word" * 3000)
    releases.plant(address, rows, "planted")
    return write_report(address, "planted", folder / "report.html", lambda what: None)


@pytest.fixture
def visit(browser: Any, page_file: Path) -> Iterator[Any]:
    """Opens the report; fails afterwards if it asked for anything, complained, or said `alert`."""
    trouble: list[str] = []
    contexts = []

    def opened(**options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: None if asked.url == page_file.as_uri() else trouble.append(asked.url))
        page.goto(page_file.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_it_is_readable_at_every_width_in_both_themes(visit: Any, scheme: str, width: int) -> None:
    page = visit(color_scheme=scheme, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CONTRAST) == []
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != ground
    assert page.evaluate(CONTRAST) == []


def test_a_screen_reader_finds_its_way(visit: Any) -> None:
    page = visit()
    assert page.evaluate(
        "[...document.querySelectorAll('main, header, nav, footer')].map((e) => e.tagName).sort().join()"
    ) == ("FOOTER,HEADER,MAIN,NAV")
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((e) => Number(e.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    plots = page.evaluate(
        "[...document.querySelectorAll('.plot')].map((e) => [e.getAttribute('role'), e.getAttribute('aria-label').length > 20, "
        "!!e.querySelector('svg'), !!e.parentElement.querySelector('details table caption')])"
    )
    assert len(plots) > 5
    assert all(plot == ["img", True, True, True] for plot in plots)
    links = page.evaluate("[...document.querySelectorAll('a')].map((e) => e.getAttribute('href'))")
    assert all(
        link.startswith("#") and page.evaluate("(id) => !!document.getElementById(id)", link[1:]) for link in links
    )
    for label in page.evaluate(
        "[...document.querySelectorAll('[aria-labelledby]')].map((e) => e.getAttribute('aria-labelledby'))"
    ):
        assert label in ids


def test_axe_has_nothing_to_say(visit: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit(bypass_csp=True)
    found = axe.Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:100]) for each in found] == []


def test_examples_are_leafed_through_with_the_keyboard(visit: Any) -> None:
    page = visit()
    shown = "document.querySelectorAll('#examples [data-shelf]:first-of-type article:not(.away)').length"
    where = page.locator("[data-shelf] .where").first
    assert page.evaluate(shown) == 1
    assert where.inner_text() == "1 of 8"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.locator("[data-step='1']").first.focus()
    for key, now in (("Enter", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", 8), ("ArrowRight", 1), ("Home", 1)):
        page.keyboard.press(key)
        assert where.inner_text() == f"{now} of 8"
        assert page.evaluate(shown) == 1
    assert page.evaluate("document.activeElement.matches(':focus-visible')")


def test_without_script_everything_is_there(visit: Any) -> None:
    page = visit(java_script_enabled=False)
    assert page.locator("#examples article").count() == page.locator("#examples article:visible").count() == 19
    assert not page.locator("#theme").is_visible()
    assert not page.locator(".leaf").first.is_visible()


def test_it_prints(visit: Any, tmp_path: Path) -> None:
    page = visit(color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#examples article:visible").count() == 19
    assert not page.locator("#theme").is_visible()
    assert page.pdf().startswith(b"%PDF-")
