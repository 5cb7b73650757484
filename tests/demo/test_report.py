"""The tab Report: what it shows, the endpoint /report, and the page in Chromium."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client
from playwright.sync_api import Browser, expect

from core.metrics.paired_test import FAILS, HOLDS, LOWER, compare
from demo import report as tab
from gallery import report as written
from gallery.claims.finding import NOT_YET, Claim, Finding, Section
from gallery.report import CHANGE, SHOWN, Report, to_json
from tests.browser import FRAMES, SLOW, new_page, open_page

TESTED = compare(np.arange(64.0) + 3, np.arange(64.0), LOWER)
FINDINGS = (
    Finding(
        "improved-500 against original-500, refined",
        FAILS,
        "9.9 against 3.3 dE",
        {"improved-500": 9.9, "original-500": 3.3},
        TESTED,
        caution="photos count one by one",
        pairs=64,
    ),
    Finding("base <32>", HOLDS, "647.8 against 850.2; of 2", over="in 2 of 3 seeds"),
    Finding("improved-1000 against original-1000", NOT_YET, "needs improved-1000"),
)
REPORT = Report(
    (
        Section(
            "Ablations (消融实验)",
            "By `core.metrics.paired_test`.",
            (Claim("Colours agree", "Section 4", "distance", FINDINGS),),
        ),
    ),
    {
        "instant": {"original-500": dict.fromkeys([*SHOWN, CHANGE], 0.5) | {"ssim": None}},
        "refined": {},
    },
)


def test_a_claim_that_fails_is_shown_as_failing() -> None:
    page = tab.page(REPORT)
    assert (
        '<span class="verdict fails"><span aria-hidden="true">✗</span> does not hold</span>' in page
    )
    assert (
        '<span class="values">9.9 against 3.3 dE</span><span class="test">higher in 64 of 64 pairs, '
        in page
    )
    assert "photos count one by one</span>" in page
    assert '<span class="values">647.8 against 850.2; of 2</span>' in page, "values stay whole"
    assert "<b>1</b> does not hold" in page


def test_all_claims_stand_first_in_one_table_that_leads_to_each() -> None:
    page = tab.page(REPORT)
    overview = page[page.index('aria-label="All claims"') : page.index("</nav>")]
    assert '<a href="#claim-1-1">Colours agree</a>' in overview
    assert "1 holds, 1 does not hold, 1 not measured yet" in overview
    assert '<section class="claim" id="claim-1-1">' in page[page.index("</nav>") :]


def test_what_is_not_measured_is_folded_away_and_says_what_it_needs() -> None:
    page = tab.page(REPORT)
    assert "<summary>1 test not measured yet</summary>" in page
    assert "improved-1000 against original-1000: needs improved-1000" in page


def test_text_is_escaped_and_marked_up() -> None:
    page = tab.page(REPORT)
    assert "base &lt;32&gt;" in page
    assert "<code>core.metrics.paired_test</code>" in page
    assert '<span lang="zh">消融实验</span>' in page


def test_averages_are_a_table_with_dashes_for_gaps() -> None:
    page = tab.page(REPORT)
    assert '<th scope="row">Original, 500 images (原模型)</th>' in page
    assert page.count("<td>0.5</td>") == len(SHOWN) and page.count("<td>–</td>") == 1
    assert "No picture has been rendered yet." in page


@pytest.mark.parametrize("text", [None, "cut off {"])
def test_without_a_report_the_endpoint_is_empty(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "DATA", tmp_path / "report.json")
    if text:
        (tmp_path / "report.json").write_text(text)
    assert tab.read() is None
    assert tab.report() == {}


def test_the_endpoint_gives_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "DATA", tmp_path / "report.json")
    written.DATA.write_text(to_json(REPORT), encoding="utf-8")
    assert tab.report() == json.loads(to_json(REPORT))


@pytest.mark.parametrize(
    ("accepted", "name", "said"),
    [
        ("en", "REPORT.md", "*Section 4.* Measured: distance."),
        ("zh-CN", "REPORT.zh.md", "| 情形 | 测量结果 | 对数 | 结论 |"),
    ],
)
def test_the_file_is_in_the_visitors_language(accepted: str, name: str, said: str) -> None:
    asked = SimpleNamespace(headers={"accept-language": accepted})
    path = Path(tab.markdown_file(REPORT, cast(gr.Request, asked)))
    assert path.name == name
    assert said in path.read_text("utf-8")


def test_a_chinese_visitor_downloads_a_chinese_report(browser: Browser, address: str) -> None:
    page = browser.new_context(locale="zh-CN").new_page()
    page.set_default_timeout(SLOW)
    page.goto(f"{address}?tab=report", wait_until="domcontentloaded")
    with page.expect_download() as download:
        page.get_by_role("button", name="下载 Markdown").click()
    assert download.value.suggested_filename == "REPORT.zh.md"
    text = download.value.path().read_text("utf-8")
    assert text.startswith("# 报告的论断与测量结果") and "**成立**" in text
    page.context.close()


def test_programs_get_the_shipped_report(address: str) -> None:
    found = Client(address, verbose=False).predict(api_name="/report")
    assert found == json.loads(written.DATA.read_text(encoding="utf-8"))


def test_the_tab_fits_a_desk_and_a_phone(browser: Browser, address: str) -> None:
    page = new_page(browser)
    open_page(page, address, "Report")
    expect(page.get_by_role("heading", name="Weight growth")).to_be_visible()
    expect(page.get_by_role("list", name="Tests by their outcome")).to_contain_text("does not hold")
    for width in (1280, 390):
        page.set_viewport_size(
            {"width": width, "height": 900}
        )  # a phone's hides the tab behind "…"
        page.evaluate(FRAMES)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (
            "only tables scroll sideways"
        )
    page.context.close()
