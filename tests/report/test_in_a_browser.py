"""The page of ``csg report`` in headless Chromium: it sorts, fits, is light and dark, and fetches nothing."""

from pathlib import Path

import pytest

from csgaussian_ns.tools import cli
from tests.report.batches import result, write_results

pytestmark = pytest.mark.browser
NAMES = (
    "() => [...document.querySelectorAll('#table tbody tr:not([hidden]) th')].map((cell) => cell.textContent.trim())"
)


@pytest.fixture
def page(tmp_path: Path, browser: str):
    """A function that opens the page in a window of a width and a scheme of colours; faults end the test."""
    playwright = pytest.importorskip("playwright.sync_api")
    sizes = {"two": 400_000, "ten": 1_000_000, "one": 90_000}
    write_results(tmp_path, *(result(name, f"/data/{name}", bytes=size, run=()) for name, size in sizes.items()))
    unknown = result("never", "/data/never", status="failed", bytes=None, psnr=None, ssim=None, gaussians=None)
    write_results(tmp_path, unknown)
    assert cli.main(["report", str(tmp_path), "--views", "0"]) == 0
    faults: list[str] = []
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])

        def visit(width: int, scheme: str):
            shown = chromium.new_page(viewport={"width": width, "height": 700}, color_scheme=scheme)
            shown.on("pageerror", lambda error: faults.append(str(error)))
            shown.on("console", lambda told: faults.append(told.text))
            shown.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or faults.append(asked.url))
            shown.goto((tmp_path / "report.html").as_uri())
            return shown

        yield visit
        chromium.close()
    assert faults == []


def test_headings_sort_and_what_is_unknown_stays_last(page):
    shown = page(1200, "light")
    heading = shown.locator("#table thead th", has_text="Size")
    heading.click()
    assert shown.evaluate(NAMES) == ["one", "two", "ten", "never"] and heading.get_attribute("aria-sort") == "ascending"
    heading.click()
    assert shown.evaluate(NAMES) == ["ten", "two", "one", "never"]
    shown.locator("#table thead th", has_text="Name").click()
    assert shown.evaluate(NAMES) == ["never", "one", "ten", "two"]
    shown.fill("#filter", "T")
    assert "one" in shown.evaluate(NAMES), "every row says csgaussian-lite"
    shown.fill("#filter", "data")
    assert shown.evaluate(NAMES) == [], "paths are told on hovering only"
    shown.fill("#filter", "FAILED")
    assert shown.evaluate(NAMES) == ["never"] and shown.text_content("#shown") == "1 of 4"


def test_a_point_leads_to_its_row(page):
    shown = page(1200, "light")
    points = shown.locator("figure svg a")
    assert points.count() == 3
    points.nth(0).click(force=True)
    assert shown.url.endswith("#row-1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_shows_all_without_moving_sideways(page, scheme: str):
    shown = page(360, scheme)
    assert shown.evaluate("document.documentElement.scrollWidth") == 360
    ground, ink = (
        shown.evaluate(f"getComputedStyle(document.body).{name}").strip("rgb()").split(",")[0]
        for name in ("backgroundColor", "color")
    )
    assert (int(ground) > 128) is (scheme == "light") and (int(ink) < 128) is (scheme == "light")
    text = "getComputedStyle(document.querySelector('figure svg text')).fill"
    assert (int(shown.evaluate(text).strip("rgb()").split(",")[0]) < 128) is (scheme == "light")
