"""Who loads the page again, or opens the address of a result, finds it; orders of a page do not get in each other's way."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from tests.browser import new_page, open_page, open_section, repainted

OPENING = "astronaut__hokusai_great_wave__original-500.png"
DRAFT = OPENING.replace(".png", ".jpg")


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = new_page(browser)
    open_page(page, address)
    repainted(page, OPENING)
    yield page
    page.context.close()


def arrived(page: Page) -> None:
    """Wait until the page has answered who has come; from then on the browser keeps the form."""
    page.wait_for_function("localStorage['metastyle.form']")


def visitor(page: Page) -> str:
    """The token of the page's visitor."""
    return str(page.evaluate("sessionStorage['metastyle.visitor']"))


def strip(page: Page) -> str:
    """The name under which the results of the page's visit are kept."""
    return str(page.evaluate("sessionStorage.metastyleVisit"))


def stylize(page: Page) -> Locator:
    return page.get_by_role("button", name="Stylize", exact=True)


def stop(page: Page) -> Locator:
    return page.get_by_role("button", name="Stop refining")


def refine(page: Page, batches: int = 100) -> None:
    """Begin to refine at a small size; returns after the first batch, or the last where they are quick."""
    ask_to_refine(page, batches)
    expect(page.locator("#status")).to_contain_text(
        re.compile(rf"Refining: [1-9]\d* of {batches} batches|refined with {batches} of")
    )


def ask_to_refine(page: Page, batches: int = 100) -> None:
    """Order a refining at a small size."""
    page.get_by_label("Longest side").click()
    page.get_by_role("option", name="256 px").click()
    page.get_by_label("Refined").check()
    page.get_by_label("number input for Batches").fill(str(batches))
    page.get_by_label("number input for Batches").press("Tab")
    stylize(page).click()


def orders(page: Page) -> list[str]:
    """What the page has painted from now on: a list that grows."""
    found: list[str] = []

    def note(request: Request) -> None:
        body = request.post_data or ""
        if "/queue/join" in request.url and '"original-500"' in body:
            found.append(body)

    page.on("request", note)
    return found


# ---- one order for each click ----


def test_the_page_orders_nothing_by_itself_and_a_click_orders_once(
    browser: Browser, address: str
) -> None:
    page = new_page(browser)
    ordered = orders(page)
    open_page(page, address)
    repainted(page, OPENING)
    arrived(page)
    assert ordered == []
    page.locator("#painting-gallery").get_by_label("Composition VIII").click()
    repainted(page, "astronaut__kandinsky_composition_viii__original-500.png")
    page.locator("#more").get_by_label("Lion").click()
    repainted(page, "astronaut__duerer_lion__original-500.png")
    assert len(ordered) == 2
    page.context.close()


def test_refining_shows_progress_can_be_stopped_again_and_gives_way_to_another_painting(
    page: Page,
) -> None:
    status = page.locator("#status")
    page.get_by_label("Refined").check()
    expect(page.get_by_label("number input for Batches")).to_have_value("20")
    refine(page)
    expect(status.get_by_role("progressbar")).to_be_visible()
    repainted(page, DRAFT)
    expect(stylize(page)).to_be_hidden()
    stop(page).click()
    expect(status).to_contain_text(re.compile(r"stopped after [1-9]\d* of 100 batches"))
    expect(stylize(page)).to_be_visible()
    expect(page.locator("#stop")).to_be_hidden()

    refine(page)
    page.get_by_label("Instant").check()
    page.locator("#painting-gallery").get_by_label("Composition VIII").click()
    repainted(page, "astronaut__kandinsky_composition_viii__original-500.png")
    expect(stylize(page)).to_be_visible()
    expect(stop(page)).to_be_hidden()

    refine(page)  # in its turn, so that what was given up has ended by now
    stop(page).click()
    expect(status).to_contain_text("stopped after")
    repainted(page, "astronaut__kandinsky_composition_viii__original-500.png")


def test_an_order_that_waits_blocks_no_other_and_never_comes_late(
    browser: Browser, page: Page, address: str
) -> None:
    refine(page)  # the other visitor, whom those who refine wait for
    mine = new_page(browser)
    open_page(mine, address)
    repainted(mine, OPENING)
    ordered = orders(mine)
    ask_to_refine(mine)
    expect(mine.get_by_test_id("toast-body")).to_contain_text("Someone is refining")
    mine.get_by_label("Instant").check()
    stylize(mine).click()
    expect(mine.locator("#status")).to_contain_text("result 256 × 256 px")
    ask_to_refine(mine, batches=2)
    stop(page).click()
    expect(mine.locator("#status")).to_contain_text("refined with 2 of 2 batches")
    assert len(ordered) == 3
    mine.context.close()


# ---- coming back ----


def test_a_refining_outlives_a_reload_and_another_language_and_its_result_is_there_for_its_visitor_alone(
    browser: Browser, page: Page, address: str
) -> None:
    pagoda = "china__hokusai_great_wave__original-500.png"
    status = page.locator("#status")
    arrived(page)
    page.locator("#photo-gallery").get_by_label("Pagoda in China").click()
    repainted(page, pagoda)
    expect(page).to_have_url(re.compile("photo=china"))
    refine(page)
    page.reload(wait_until="domcontentloaded")
    expect(status).to_contain_text(re.compile(r"Refining: \d+ of 100 batches"))
    expect(page.get_by_label("Refined")).to_be_checked()
    expect(page.get_by_label("number input for Batches")).to_have_value("100")
    expect(stylize(page)).to_be_hidden()

    page.get_by_label("Longest side").click()
    page.get_by_role("option", name="384 px").click()
    page.wait_for_function("JSON.parse(localStorage['metastyle.form'] ?? '{}').size === 384")
    page.get_by_role("link", name="中文").click()
    expect(status).to_contain_text(re.compile(r"微调：\d+ / 100 批"))
    expect(page.locator("#photo-note")).to_contain_text("中国")
    expect(page.get_by_label("最长边")).to_have_value("384 px")
    page.locator("#stop").click()
    repainted(page, pagoda)
    expect(page.get_by_role("button", name="风格迁移", exact=True)).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(status).to_contain_text("stopped after")
    repainted(page, pagoda)
    expect(stylize(page)).to_be_visible()

    refine(page, batches=2)
    page.goto("about:blank")  # and meanwhile it is finished
    page.goto(address, wait_until="domcontentloaded")
    expect(status).to_contain_text("refined with 2 of 2 batches")
    page.reload(wait_until="domcontentloaded")
    expect(status).to_contain_text("refined with 2 of 2 batches")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download PNG").click()
    assert download.value.suggested_filename == pagoda
    stranger = new_page(browser)
    open_page(stranger, address)
    repainted(stranger, OPENING)
    arrived(stranger)
    expect(stranger.locator("#status")).not_to_contain_text("refined")
    stranger.context.close()


def test_a_painted_mask_survives_a_reload_and_goes_with_its_photo(page: Page) -> None:
    arrived(page)
    open_section(page, "Only a part: mask")
    paint_mask(page, 0.3)
    stylize(page).click()
    expect(page.locator("#status")).to_contain_text("masked")
    paint_mask(page, 0.7)  # since the last picture
    kept = "JSON.parse(sessionStorage['metastyle.form'] ?? '{}').painted"
    before = page.evaluate(kept)
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("#status")).to_contain_text("masked")
    stylize(page).click()
    expect(page.locator("#status")).to_contain_text("masked")
    open_section(page, "Only a part: mask")
    expect(page.get_by_text("Save mask")).to_be_visible()
    assert painted_at(page, 0.3) and painted_at(page, 0.7) and not painted_at(page, 0.5)
    assert page.evaluate(kept) == before
    paint_mask(page, 0.5)
    page.wait_for_function(f"(before) => {kept} !== before", arg=before)
    assert painted_at(page, 0.3) and painted_at(page, 0.5) and painted_at(page, 0.7)
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("#status")).to_contain_text("masked")
    page.locator("#photo-gallery").get_by_label("Pagoda in China").click()
    repainted(page, "china__hokusai_great_wave__original-500.png")
    page.wait_for_function(f"{kept} === null")
    stylize(page).click()
    expect(page.locator("#status")).not_to_contain_text("masked")


def paint_mask(page: Page, where: float) -> None:
    """A stroke from top to bottom, at this part of the width."""
    box = page.locator("#mask canvas").bounding_box()
    assert box
    x = box["x"] + where * box["width"]
    page.mouse.move(x, box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(x, box["y"] + 0.7 * box["height"], steps=3)
    page.mouse.up()


def painted_at(page: Page, where: float) -> bool:
    """Whether the mask is painted there, in the middle of the height."""
    seen = """(canvas, where) => canvas.getContext("2d").getImageData(
        where * canvas.width, canvas.height / 2, 1, 1).data[3] > 127"""
    return bool(page.locator("#mask canvas").evaluate(seen, where))


def test_two_tabs_of_a_browser_have_each_their_own_refining(page: Page, address: str) -> None:
    arrived(page)
    refine(page)
    other = page.context.new_page()
    other.goto(address, wait_until="domcontentloaded")
    other.wait_for_function("sessionStorage['metastyle.form']")
    other.get_by_label("Instant").check()
    other.locator("#painting-gallery").get_by_label("Composition VIII").click()
    repainted(other, "astronaut__kandinsky_composition_viii__original-500.png")
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("#status")).to_contain_text(re.compile(r"Refining: \d+ of 100 batches"))
    other.reload(wait_until="domcontentloaded")
    repainted(other, "astronaut__kandinsky_composition_viii__original-500.png")
    stop(page).click()
    expect(page.locator("#status")).to_contain_text("stopped after")
    expect(page.locator("#painting-note")).to_contain_text("The Great Wave")
    context = page.context
    page.close()
    again = context.new_page()
    again.goto(address, wait_until="domcontentloaded")
    expect(again.locator("#status")).to_contain_text("stopped after")


def test_the_address_of_a_result_opens_it(browser: Browser, page: Page, address: str) -> None:
    arrived(page)
    open_section(page, "Strength, colours, strokes")
    page.get_by_label("number input for Strength").fill("80")
    page.get_by_label("number input for Strength").press("Tab")
    page.wait_for_function("JSON.parse(localStorage['metastyle.form'] ?? '{}').strength === 80")
    page.locator("#photo-gallery").get_by_label("Pagoda in China").click()
    repainted(page, "china__hokusai_great_wave__original-500.png")
    expect(page).to_have_url(re.compile(r"\?photo=china&style=hokusai_great_wave&strength=80$"))
    other = new_page(browser, 390)
    other.goto(f"{address}?{urlsplit(page.url).query}", wait_until="domcontentloaded")
    repainted(other, "china__hokusai_great_wave__original-500.png")
    expect(other.locator("#status")).to_contain_text("strength 80 %")
    expect(other.locator("#photo-note")).to_contain_text("Pagoda in China")
    other.context.close()


def test_settings_survive_a_reload(page: Page) -> None:
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name="Improved, 500 images").click()
    page.get_by_label("Longest side").click()
    page.get_by_role("option", name="256 px").click()
    page.wait_for_function("JSON.parse(localStorage['metastyle.form'] ?? '{}').size === 256")
    page.reload(wait_until="domcontentloaded")
    repainted(page, "astronaut__hokusai_great_wave__improved-500.png")
    expect(page.locator("#status")).to_contain_text("result 256 × 256 px")


@pytest.mark.parametrize(
    "without",
    [
        pytest.param("BroadcastChannel.prototype.postMessage = () => {}", id="too busy to answer"),
        pytest.param("delete Navigator.prototype.locks", id="without locks, as over http"),
    ],
)
def test_a_tab_that_was_duplicated_is_a_visitor_of_its_own(page: Page, without: str) -> None:
    """What a page opens takes over its session's storage, as a tab does that the browser duplicates."""
    first, results = visitor(page), strip(page)
    page.context.add_init_script(without)
    page.reload()
    arrived(page)
    repainted(page, OPENING)
    assert visitor(page) == first
    with page.expect_popup() as opened:
        page.evaluate("() => void open(location.href)")
    duplicate = opened.value
    duplicate.wait_for_function("first => sessionStorage['metastyle.visitor'] !== first", arg=first)
    repainted(duplicate, OPENING)
    duplicate.wait_for_function("first => sessionStorage.metastyleVisit !== first", arg=results)
    own = visitor(duplicate)
    page.close()
    duplicate.reload()
    repainted(duplicate, OPENING)
    assert visitor(duplicate) == own != first


def test_a_page_that_back_or_forward_brings_is_its_visitor_again(page: Page) -> None:
    """The browser may keep a page as it was left; it tells it with `pageshow` that it is shown again."""
    repainted(page, OPENING)
    locked = """async (wanted) => {
      const { held } = await navigator.locks.query(), name = "metastyle." + sessionStorage["metastyle.visitor"];
      return held.some((lock) => lock.name === name) === wanted;
    }"""
    left = "localStorage.getItem('metastyle.left')"
    page.wait_for_function(locked, arg=True)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    page.wait_for_function(locked, arg=False)
    assert page.evaluate(left) == visitor(page)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert page.evaluate(left) is None, "nobody else takes it up"
    page.wait_for_function(locked, arg=True)


def test_where_the_browser_keeps_nothing_the_page_paints_all_the_same(
    browser: Browser, address: str
) -> None:
    page = new_page(browser)
    page.add_init_script(
        """for (const name of ["sessionStorage", "localStorage", "indexedDB", "BroadcastChannel"]) {
          const get = () => { throw new DOMException("It is denied.", "SecurityError"); };
          Object.defineProperty(window, name, { get });
        }"""
    )
    open_page(page, address)
    page.wait_for_function(
        "window.metastyle && document.querySelector('.languages [aria-current]')"
    )
    page.locator("#painting-gallery").get_by_label("Composition VIII").click()
    repainted(page, "astronaut__kandinsky_composition_viii__original-500.png")
    page.context.close()
