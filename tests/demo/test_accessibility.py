"""axe-core finds no serious fault on any tab, in light and dark, on a desk and on a phone, and nothing
lies upon what can be pressed.
"""

import contextlib
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.browser import choose_tab, new_page

TABS = ("Transfer", "Many", "Compare", "Report", "Weight growth", "Video", "Live")
SERIOUS = ("serious", "critical")

COVERED = """() => {
  const AT = [[0.5, 0.5], [0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8]];
  const isCovered = (part) => {
    if (!part.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
    part.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const box = part.getBoundingClientRect();
    if (box.width < 8 || box.height < 8) return false;
    return AT.some(([x, y]) => {
      const above = document.elementFromPoint(box.x + x * box.width, box.y + y * box.height);
      return above && !part.contains(above) && !above.contains(part) && !part.closest("label")?.contains(above);
    });
  };
  return [...document.querySelectorAll("button, input, select, textarea, a[href]")].filter(isCovered)
    .map((part) => part.outerHTML.slice(0, 200));
}"""  # what something else lies upon


def faults(page: Page) -> list[tuple[str, str]]:
    """The rules that are broken gravely, each with the first element that breaks it."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        (fault["id"], fault["nodes"][0]["html"][:200])
        for fault in found
        if fault["impact"] in SERIOUS
    ]


def covered_parts(page: Page) -> list[str]:
    """What something lies upon and stays there: the page lets nothing be pressed for a moment while it
    arrives, which is longer on a busy machine.
    """
    with contextlib.suppress(PlaywrightTimeoutError):
        page.wait_for_function(f"!({COVERED})().length")
    return page.evaluate(COVERED)  # type: ignore[no-any-return]


def unfold(page: Page) -> None:
    """Open whatever is folded, and what is folded in that."""
    folded = page.locator("button.label-wrap[aria-expanded=false]:visible")
    while folded.count():
        folded.first.dispatch_event("click")
        page.wait_for_function("() => new Promise(done => requestAnimationFrame(() => done(true)))")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_no_tab_has_a_serious_fault_and_one_would_be_found(
    browser: Browser, address: str, scheme: str, width: int
) -> None:
    page = new_page(browser, width)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(address, wait_until="domcontentloaded")
    found, covered = {}, {}
    for tab in TABS:
        choose_tab(page, tab)
        if tab == "Transfer":
            expect(page.locator("#slider img.after")).to_be_visible()
        unfold(page)
        found[tab], covered[tab] = faults(page), covered_parts(page)
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"x.png\"><button></button>')"
    )
    with_faults = faults(page)
    page.context.close()
    assert found == {tab: [] for tab in TABS}
    assert covered == {tab: [] for tab in TABS}
    assert {name for name, _ in with_faults} >= {"image-alt", "button-name"}
