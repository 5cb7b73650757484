"""The page in headless Chromium: the one of the system, nothing is downloaded.

A test that asks for the fixture `browser` is marked `browser`, and is skipped where there is no Chromium.
"""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What gives the browser a camera of its own, without a question.
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
LOCAL = ("http://127.0.0.1:", "data:", "blob:")  # where a page may ask for something
FRAMES = """() => new Promise((done) => {
  let left = 5;
  const next = () => (left-- ? requestAnimationFrame(next) : setTimeout(done));
  next();
})"""
SLOW = 60_000  # ms: the longest wait, for a machine whose cores are busy

expect.set_options(timeout=SLOW)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses a browser, and skip it where there is none."""
    missing = pytest.mark.skip(reason="there is no Chromium on this machine (apt install chromium)")
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(missing)


@pytest.fixture(scope="module")
def chromium_flags() -> list[str]:
    """What Chromium is started with beside FLAGS; for a test file to override."""
    return []


@pytest.fixture(scope="module")
def browser(chromium_flags: list[str]) -> Iterator[Browser]:
    """Chromium, started once for each test file (Playwright's event loop would be in others' way)."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS + chromium_flags, timeout=SLOW
        )
        yield chromium
        chromium.close()


def new_page(
    browser: Browser, width: int = 1280, height: int | None = None, touch: bool = False
) -> Page:
    """An empty page of this width in px in a context of its own: a desktop's, or below 600 px a phone's.

    Args:
        touch: whether it is used with fingers.
    """
    size = {"width": width, "height": height or (844 if width < 600 else 900)}
    context = browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        accept_downloads=True,
        has_touch=touch,
        is_mobile=touch,
    )
    context.set_default_timeout(SLOW)
    return context.new_page()


def open_page(page: Page, address: str, tab: str = "Transfer") -> None:
    """Go to the page, wait until it is there, and choose a tab."""
    page.goto(address, wait_until="domcontentloaded")
    page.get_by_role("tab", name=tab).click()
    page.evaluate(FRAMES)


def choose_tab(page: Page, name: str) -> None:
    """Choose another tab of a page that is there; on a phone the last ones are in a menu."""
    item = page.locator(".overflow-dropdown button").filter(has_text=name)
    page.get_by_role("tab", name=name, exact=True).or_(item).first.dispatch_event("click")
    chosen = page.locator("[role=tab][aria-selected=true], .overflow-dropdown .selected")
    expect(chosen.filter(has_text=name).first).to_be_attached()
    page.evaluate(FRAMES)


def open_section(page: Page, name: str) -> None:
    """Open a section that is folded up, and wait until its controls keep what is entered.

    Gradio builds them then, and sets their values once more a frame after they are seen: what is entered before that is lost.
    """
    page.get_by_role("button", name=name).click()
    page.evaluate(FRAMES)


def repainted(page: Page, file_name: str) -> None:
    """Wait until the tab Transfer shows this result."""
    after = page.locator("#slider img.after")
    expect(after).to_have_attribute("src", re.compile(re.escape(file_name)))


def foreign_requests(page: Page) -> list[str]:
    """What the page asks for elsewhere than on this machine, from now on: a list that grows."""
    found: list[str] = []
    page.on(
        "request",
        lambda request: found.append(request.url) if not request.url.startswith(LOCAL) else None,
    )
    return found
