"""The page in headless Chromium: keys, filters, nothing from elsewhere, nothing from a document run, both widths."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from releases import asked, innocent, plant, said

from warehouse.address import resolve_address

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
HOSTILE = "<script>window.broken=1</script><img src=//x.example/x onerror=window.broken=1> \u202e"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The printed address of the page over a planted release."""
    address = resolve_address(str(tmp_path_factory.mktemp("browsed") / "lake"))
    rows = innocent(60)
    asked(rows[3], f"needle {HOSTILE}")
    said(rows[3], "chosen", HOSTILE * 3)
    plant(address, rows, "hostile")
    command = [sys.executable, "-m", "flows.cli", "ui", "-w", str(address.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_person_searches_filters_opens_and_leafs_by_keys(
    browser: Any, url: str, width: int, scheme: str, tmp_path: Path
) -> None:
    base = url.split("/?")[0]
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda problem: complaints.append(str(problem)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(url)
    page.wait_for_url(f"{base}/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/release/hostile/pairs")
    page.keyboard.press("/")
    page.keyboard.type("needle")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pairs?q=needle")
    assert page.locator(".pair").count() == 1
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pair/par_00000003?q=needle")
    assert "<script>" in page.locator("article.chosen").inner_text()
    page.keyboard.press("d")
    assert page.locator("[data-differences]").get_attribute("aria-pressed") == "false"
    page.keyboard.press("u")
    page.wait_for_url("**/pairs?q=needle")
    page.goto(f"{base}/release/hostile/pairs")
    page.locator("select[name=column]").select_option("split")
    page.locator("select[name=operator]").select_option("is")
    page.locator("input[name=value]").fill("test")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**column=split**")
    assert "15 of 60 pairs" in page.locator("[role=status]").inner_text()
    # Each press waits for its page: a key that comes before the page's script is heard by nobody.
    with page.expect_navigation(url="**/pair/*"):
        page.locator("[data-open]").first.click()
    first = page.locator("h1").inner_text()
    with page.expect_navigation():
        page.keyboard.press("j")
    assert page.locator("h1").inner_text() != first
    with page.expect_navigation():
        page.keyboard.press("k")
    assert page.locator("h1").inner_text() == first
    for path in (
        "/",
        "/release/hostile",
        "/release/hostile/pairs",
        "/release/hostile/pair/par_00000003",
        "/funnel",
        "/sql",
    ):
        page.goto(base + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the screen"
        assert page.evaluate("window.broken === undefined")
        assert page.locator("h1").count() == 1
        page.screenshot(path=tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 5000
    context.close()
    assert complaints == []
    assert {each.split("/")[2] for each in requests} == {base.split("/")[2]}
