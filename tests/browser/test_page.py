"""The HTML report in headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from made_up import HEADER, RECORDS, measured
from playwright.sync_api import sync_playwright

from harness.analyse.view import view
from harness.record import Difference
from harness.report import html
from harness.report.charts import save_all

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium here; `apt-get install chromium` brings one"
)
SPAN = [[{"type": "价格", "span": "九元", "offset": [5, 7]}]]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("page")
    records = [*RECORDS, *measured("wrong", 0.1, Difference("t9", tie=False, expected=SPAN, got=[]))]
    run = view(HEADER, records, [])
    svgs = {chart.stem: chart.with_suffix(".svg").read_bytes() for chart in save_all(run, directory / "charts")}
    written = directory / "report.html"
    written.write_text(html.render(run, svgs, {"t9": "全场五折，九元起。"}), encoding="utf-8")
    return written


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as started:
        yield started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])


@pytest.fixture
def page(browser: Any, file: Path) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.asked = []
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.on("pageerror", lambda error: pytest.fail(str(error)))
    opened.goto(file.as_uri())
    yield opened
    opened.close()


def names(page: Any) -> list[str]:
    found: list[str] = page.locator("#table tbody tr:visible").evaluate_all("rows => rows.map(row => row.dataset.name)")
    return found


def test_no_request_leaves_the_page(page: Any, file: Path) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert [url for url in page.asked if url.startswith("file:")] == [file.as_uri()]


def test_a_heading_sorts_by_figures_and_what_has_none_stays_at_the_end(page: Any) -> None:
    heading = page.get_by_role("button", name="time / stock", exact=True)
    heading.focus()
    page.keyboard.press("Enter")
    up = names(page)
    assert up[0] == "wrong"
    assert set(up[-2:]) == {"broken", "absent"}
    assert heading.locator("xpath=..").get_attribute("aria-sort") == "ascending"
    heading.click()
    assert names(page)[0] == "baseline"
    assert set(names(page)[-2:]) == {"broken", "absent"}


def test_lines_are_filtered_by_name_and_by_state(page: Any) -> None:
    page.get_by_label("Name contains").fill("good -better")
    assert names(page) == ["good"]
    assert page.get_by_role("status").text_content() == "1 of 9"
    page.get_by_label("Name contains").fill("")
    page.get_by_label("Show").select_option("none")
    assert names(page) == ["broken", "absent"]


def test_a_name_leads_to_its_details_with_the_span_in_its_text(page: Any) -> None:
    page.get_by_role("link", name="wrong", exact=True).click()
    assert page.locator("p.text mark").text_content() == "九元"
    assert page.locator("p.text mark").is_visible()
    conditions = page.get_by_role("region", name="Rounds of wrong", exact=True)
    assert conditions.is_visible()
    assert conditions.locator("td").first.text_content() == "0.1% of a core"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window_and_axe_finds_no_serious_fault(
    browser: Any, file: Path, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
    page.close()


def test_a_caption_is_whole_and_a_heading_stands_on_a_line_in_a_narrow_window(browser: Any, file: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    captions = page.evaluate("[...document.querySelectorAll('caption')].map(one => one.getBoundingClientRect().right)")
    assert captions
    assert max(captions) <= 390
    rounds = page.locator("details thead th:first-child")
    assert rounds.first.evaluate("one => one.offsetWidth") >= 64
    page.close()


def test_a_chart_of_sixteen_lines_is_seen_whole_and_one_of_many_scrolls(page: Any) -> None:
    heights = page.evaluate(
        """[1150, 4200].map(height => {
            const figure = document.querySelector('figure');
            figure.firstChild.style.height = height + 'px';
            return figure.scrollHeight > figure.clientHeight;
        })"""
    )
    assert heights == [False, True]
