"""The strip of this visit's results, in Chromium: filled by the tab Transfer, compared, kept over a reload, emptied."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page, expect

import app
from core.inference.model_store import ModelStore
from demo.page import PageBlocks
from demo.shared.requests import JobResult, StylizeRequest, repaint
from demo.shared.templates import component
from demo.transfer import events
from demo.transfer import tab as transfer
from gallery import pictures
from gallery.pictures import STYLES
from tests.browser import new_page


@pytest.fixture(scope="module")
def address(tiny_checkpoint: Callable[[str], Path]) -> Iterator[str]:
    """A page of the tab Transfer alone, with one tiny model, served from this process."""
    store = ModelStore(tiny_checkpoint("improved-500").parent)
    with pytest.MonkeyPatch.context() as patch, store.in_use():
        for module in (transfer, pictures):
            patch.setattr(module, "MORE_STYLES", STYLES[:1])
        with PageBlocks() as blocks, gr.Tab("Transfer", id="transfer"):
            transfer.build()
            component("transfer/history", elem_id="strip")
        yield app.start(blocks.queue_jobs(), "127.0.0.1", None, None)
        blocks.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = new_page(browser)
    page.goto(address, wait_until="domcontentloaded")
    yield page
    page.context.close()


def test_results_are_kept_in_the_browser_compared_and_emptied(page: Page) -> None:
    results, section = page.locator("#strip .results button"), page.locator("#strip .visit")
    expect(page.locator("#status .facts")).to_be_visible()
    expect(section).to_be_hidden()  # the result that the page opens with is not the visitor's

    for title, count in (("Summertime", 1), ("Heron before the Sun", 2)):
        page.locator("#painting-gallery").get_by_label(title).click()
        expect(results).to_have_count(count)
    expect(results.first).to_have_accessible_name("astronaut in stained glass, improved-500")
    expect(results.last).to_have_accessible_name("astronaut in cassatt summertime, improved-500")
    longest = "image => Math.max(image.naturalWidth, image.naturalHeight)"
    assert results.first.locator("img").evaluate(longest) == 512

    page.reload(wait_until="domcontentloaded")
    expect(results).to_have_count(2)
    expect(results.first).to_have_accessible_name("astronaut in stained glass, improved-500")

    results.first.click()
    expect(results.first).to_have_attribute("aria-pressed", "true")
    expect(section).to_contain_text("click another one to compare it with")
    results.last.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("astronaut in cassatt summertime")
    slider = dialog.get_by_role("slider")
    expect(slider).to_be_focused()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(slider).to_have_value("40")
    expect(dialog.locator("img.before")).to_have_css("clip-path", "inset(0px 60% 0px 0px)")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(results.first).to_have_attribute("aria-pressed", "false")

    page.get_by_role("button", name="Empty the strip").click()
    expect(section).to_be_hidden()
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("#slider img.after")).to_be_visible()
    expect(results).to_have_count(0)


def test_drafts_stay_out_and_another_visit_begins_empty(
    page: Page, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, shown = page.locator("#strip .results button"), threading.Event()

    def drafted(order: StylizeRequest, stop: threading.Event) -> Iterator[JobResult]:
        """The result, as a draft of refining first, until the test has looked at it."""
        painting = next(repaint(order))
        yield replace(painting, recipe=None, batches=2, batches_done=1)
        shown.wait(timeout=60)
        yield painting

    monkeypatch.setattr(events, "repaint", drafted)
    expect(page.locator("#slider img.after")).to_be_visible()
    page.locator("#painting-gallery").get_by_label("Moulin").click()
    expect(page.locator("#status")).to_contain_text("Refining: 1 of 2 batches")
    page.wait_for_timeout(600)  # longer than the strip waits for the page to settle
    expect(results).to_have_count(0)
    shown.set()
    expect(results).to_have_count(1)

    other = page.context.new_page()
    other.goto(address, wait_until="domcontentloaded")
    expect(other.locator("#slider img.after")).to_be_visible()
    expect(other.locator("#strip .results button")).to_have_count(0)
