"""The page as a visitor sees it, in headless Chromium: the one of the system, nothing is downloaded."""

import base64
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from gallery.pictures import find_content, find_style
from tests.browser import FRAMES, foreign_requests, new_page, open_page, open_section, repainted
from tests.demo.server import file_at

PHOTO, PAINTING = find_content("coffee").path(), find_style("duerer_lion").path()


def after(page: Page) -> Locator:
    """The repainted half of the slider."""
    return page.locator("#slider img.after")


def upload(page: Page, place: str, file: Path) -> None:
    page.locator(f"#{place} input[type=file]").set_input_files(file)


@pytest.fixture(scope="module")
def at_rest(browser: Browser, address: str) -> Iterator[Page]:
    """The page on a desk for tests that paint nothing and leave it at the tab Transfer, loaded once."""
    page = new_page(browser)
    open_page(page, address)
    yield page
    page.context.close()


def test_a_click_on_a_painting_is_enough_and_frames_it(page: Page) -> None:
    framed = page.locator("#painting-gallery, #more").locator("[aria-pressed=true]")
    note = page.locator("#painting-note")
    expect(page.get_by_role("heading", name="MetaStyle 风格迁移")).to_be_visible()
    repainted(page, "astronaut__hokusai_great_wave__original-500.png")
    expect(framed).to_have_accessible_name(re.compile("The Great Wave"))
    page.locator("#painting-gallery").get_by_label("Composition VIII").click()
    repainted(page, "astronaut__kandinsky_composition_viii__original-500.png")
    expect(note).to_contain_text("Composition VIII, Wassily Kandinsky, 1923")
    page.locator("#more").get_by_label("Lion").click()
    repainted(page, "astronaut__duerer_lion__original-500.png")
    expect(framed).to_have_accessible_name(re.compile("Lion"))
    expect(page.locator("#slider")).to_be_in_viewport(ratio=0.5)
    expect(page.locator("#status")).to_have_attribute("role", "status")

    page.locator("#painting-random").click()
    expect(note).not_to_contain_text("Lion")
    expect(after(page)).not_to_have_attribute("src", re.compile("duerer_lion__original"))
    expect(after(page)).to_have_attribute("src", re.compile("astronaut__.*__original"))
    upload(page, "painting", PHOTO)
    expect(framed).to_have_count(0)


def test_own_pictures_from_upload_to_download(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "my coffee.png"
    shutil.copy(PHOTO, photo)
    upload(page, "photo", photo)
    expect(page.locator("#photo-note")).to_contain_text("my coffee.png, 600 × 400 px")
    upload(page, "painting", PAINTING)
    expect(page.locator("#painting-note")).to_contain_text("duerer_lion.jpg")
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name="Improved, 500 images").click()
    page.get_by_label("Longest side").click()
    page.get_by_role("option", name="384 px").click()
    page.get_by_role("button", name="Stylize", exact=True).click()

    status = page.locator("#status")
    expect(status).to_contain_text("improved-500")
    expect(status).to_contain_text(
        re.compile(r"style pass [\d.]+ s.*total [\d.]+ s.*result 384 × 256 px", re.DOTALL)
    )
    repainted(page, "my-coffee__duerer_lion__improved-500.png")

    with page.expect_download() as download:
        page.get_by_role("button", name="Download PNG").click()
    assert download.value.suggested_filename == "my-coffee__duerer_lion__improved-500.png"
    with Image.open(download.value.path()) as image:
        assert (image.format, image.size) == ("PNG", (384, 256))


def test_a_download_of_what_is_no_longer_kept_is_a_sentence(page: Page) -> None:
    page.locator("#painting-gallery").get_by_label("Composition VIII").click()
    repainted(page, "kandinsky_composition_viii__original-500.png")
    file_at(after(page).get_attribute("src")).unlink()
    page.get_by_role("button", name="Download PNG").click()
    said = page.get_by_role("alert")
    expect(said).to_contain_text("This file is no longer kept here")
    page.locator("#painting-gallery").get_by_label("The Great Wave").click()
    expect(said).to_have_count(0)


def test_the_slider_uncovers_the_photo_by_mouse_and_keyboard(at_rest: Page) -> None:
    page = at_rest
    slider = page.locator("#slider").get_by_role("slider")
    expect(slider).to_have_value("25")
    expect(slider).to_have_accessible_name(re.compile("left picture"))
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)
    expect(slider).to_have_value(re.compile(r"7[3-7]"))
    at = int(slider.input_value())
    slider.press("ArrowLeft")
    expect(slider).to_have_value(str(at - 1))
    expect(after(page)).to_have_css("clip-path", f"inset(0px 0px 0px {at - 1}%)")
    expect(after(page)).to_have_attribute("alt", re.compile("Result: astronaut, hokusai great"))
    expect(page.locator("#slider img.before")).to_have_attribute("alt", "Photo")


OVER_BUTTON = """() => {
  const box = document.getElementById("go").getBoundingClientRect(), found = [];
  for (let x = box.left + 4; x < box.right; x += 12) for (let y = box.top + 3; y < box.bottom; y += 6)
    if (!document.elementFromPoint(x, y)?.closest("#go")) found.push([x, y]);
  return found;
}"""
IN_DIALOG = """([x, y]) => Boolean(document.elementFromPoint(x, y)?.closest("dialog.enlarged"))"""


def nothing_lies_over_the_button(page: Page) -> None:
    for scrolled in (0, 40, 80, 120, 200):
        page.evaluate("y => scrollTo(0, y)", scrolled)
        assert page.evaluate(OVER_BUTTON) == [], scrolled
    expect(page.locator("#go")).to_have_css("opacity", "1")


def enlarged_the_result_lies_above_everything(page: Page, width: int, height: int) -> None:
    page.locator("#slider").get_by_role("button", name="Enlarge").click()
    dialog = page.get_by_role("dialog", name="The picture, enlarged")
    expect(dialog).to_be_visible()
    for x in (0.02, 0.3, 0.5, 0.98):
        for y in (0.02, 0.3, 0.5, 0.7, 0.98):
            assert page.evaluate(IN_DIALOG, [x * width, y * height]), (x, y)
    expect(dialog.get_by_role("slider")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#slider").get_by_role("slider")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1920, 1080), (1280, 800)])
def test_nothing_lies_over_the_button_nor_over_the_enlarged_result(
    at_rest: Page, width: int, height: int
) -> None:
    at_rest.set_viewport_size({"width": width, "height": height})
    at_rest.evaluate(FRAMES)
    nothing_lies_over_the_button(at_rest)
    enlarged_the_result_lies_above_everything(at_rest, width, height)


def test_a_broken_file_is_named_and_the_result_stays(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "holiday.jpg"
    broken.write_bytes(PAINTING.read_bytes()[:5000])
    repainted(page, "astronaut__hokusai_great_wave__original-500.png")
    upload(page, "photo", broken)
    alert = page.locator("#photo-note").get_by_role("alert")
    expect(alert).to_contain_text(
        re.compile(r'^"holiday\.jpg" is damaged, incomplete .* accepted are PNG, JPEG.*\.$')
    )
    expect(page.locator("#photo img")).to_have_attribute("alt", "Photo: astronaut.png")
    repainted(page, "astronaut__hokusai_great_wave__original-500.png")
    page.locator("#photo-gallery").get_by_label("Pagoda in China").click()
    repainted(page, "china__hokusai_great_wave__original-500.png")
    expect(page.get_by_role("alert")).to_have_count(0)


def drop(page: Page, place: str, data: dict[str, object]) -> None:
    box = page.locator(f"#{place} .stage").bounding_box()
    assert box is not None
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    devtools = page.context.new_cdp_session(page)
    for step in ("dragEnter", "dragOver", "drop"):
        more = {"data": {"items": [], "dragOperationsMask": 1} | data}
        devtools.send("Input.dispatchDragEvent", {"type": step, **at, **more})


PASTE = """([kind, name]) => {
  const data = new DataTransfer();
  if (kind === "text") data.setData("text/plain", name);
  else data.items.add(new File([Uint8Array.from(atob(kind), (c) => c.charCodeAt(0))], name, { type: "image/png" }));
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


NO_PICTURES = (
    {"mimeType": "text/plain", "data": "starry night"},
    {"mimeType": "text/uri-list", "data": "http://style.test/a.html"},
    {"mimeType": "text/html", "data": "<img src='http://style.test/a.png'>"},
)


def test_what_is_no_picture_or_too_large_is_not_sent(at_rest: Page, tmp_path: Path) -> None:
    page, said = at_rest, at_rest.locator("#photo .said")

    def nothing_changed() -> None:
        expect(page.locator("#photo img")).to_have_attribute("alt", "Photo: astronaut.png")
        expect(page.locator("#photo-note")).to_contain_text("Eileen Collins")
        said.evaluate("element => { element.textContent = ''; }")

    for item in NO_PICTURES:
        drop(page, "photo", {"items": [item]})
        expect(said, item["mimeType"]).to_contain_text("no picture file")
        nothing_changed()
    page.evaluate(PASTE, ["text", "starry night"])
    expect(said).to_contain_text("no picture on the clipboard")
    nothing_changed()
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(65 << 20)
    upload(page, "photo", large)
    expect(said).to_have_text('"large.png" has 65 MB; at most 64 MB are accepted.')
    nothing_changed()


def test_a_picture_is_dropped_chosen_or_pasted(page: Page) -> None:
    drop(page, "photo", {"files": [str(PHOTO)]})
    expect(page.locator("#photo-note")).to_contain_text("coffee.png, 600 × 400 px")
    expect(page.locator("#photo img")).to_have_attribute("src", re.compile(r"coffee\.png"))
    repainted(page, "coffee__hokusai_great_wave__original-500.png")

    for click in (
        page.get_by_role("button", name="Your photo").click,
        page.locator("#photo .stage").click,
    ):
        with page.expect_file_chooser() as chooser:  # at once
            click()
        chooser.value.set_files([])  # whoever cancels loses nothing
        expect(page.locator("#photo img")).to_have_attribute("alt", "Photo: coffee.png")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Your photo").click()
    chooser.value.set_files(PAINTING)
    repainted(page, "duerer_lion__hokusai_great_wave__original-500.png")

    png = base64.b64encode(PHOTO.read_bytes()).decode()
    page.evaluate(PASTE, [png, "pasted.png"])
    expect(page.locator("#photo-note")).to_contain_text("pasted.png, 600 × 400 px")
    repainted(page, "pasted__hokusai_great_wave__original-500.png")
    page.locator("#painting .choose").focus()
    page.evaluate(PASTE, [png, "second.png"])
    expect(page.locator("#painting-note")).to_contain_text("second.png")


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ("undefined", "only to pages of https"),  # as browsers have it under http://style.test
        (
            "{ getUserMedia: async () => { throw new DOMException('', 'NotAllowedError') } }",
            "allow",
        ),
    ],
)
def test_a_camera_that_may_not_be_used_is_a_sentence(
    at_rest: Page, devices: str, said: str
) -> None:
    page = at_rest
    faults: list[object] = []
    page.on("pageerror", lambda fault: faults.append(fault))
    value = f"{{ configurable: true, value: {devices} }}"
    page.evaluate(f"Object.defineProperty(navigator, 'mediaDevices', {value})")
    page.get_by_role("button", name="Camera for Photo").click()
    expect(page.locator("#photo .said")).to_contain_text(said)
    expect(page.locator("#photo img")).to_have_attribute("alt", "Photo: astronaut.png")
    assert faults == []


def test_a_frame_that_withholds_the_camera_is_told(browser: Browser, address: str) -> None:
    page = new_page(browser)
    around = """<iframe src="./" allow="camera 'none'" width="1200" height="800"></iframe>"""
    page.route("**/around", lambda route: route.fulfill(content_type="text/html", body=around))
    page.goto(f"{address}around", wait_until="domcontentloaded")
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Camera for Photo").click()
    expect(frame.locator("#photo .said")).to_contain_text("open this page in a tab of its own")
    page.context.close()


CENTRED = "element => { element.scrollIntoView({ block: 'center' }); return scrollY; }"


def swipe(page: Page, selector: str, distance: int) -> None:
    """A finger that goes up, starting on an element."""
    element = page.locator(selector)
    element.evaluate(CENTRED)
    box = element.bounding_box()
    assert box is not None
    x, y = box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2
    devtools = page.context.new_cdp_session(page)
    for share in range(11):
        kind = "touchMove" if share else "touchStart"
        touch = {"type": kind, "touchPoints": [{"x": x, "y": y - distance * share / 10}]}
        devtools.send("Input.dispatchTouchEvent", touch)
        page.wait_for_timeout(16)
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_on_a_phone_a_swipe_over_a_slider_scrolls_and_tabs_of_the_menu_are_in_the_address(
    browser: Browser, address: str
) -> None:
    page = new_page(browser, 390, touch=True)
    open_page(page, address)
    open_section(page, "Strength, colours, strokes")
    strength = page.get_by_label("range slider for Strength")
    expect(strength).to_have_value("100")
    for selector, slider, value in (
        ("#strength input[type=range]", strength, "100"),
        ("#slider input[type=range]", page.locator("#slider input[type=range]"), "25"),
    ):
        top = page.locator(selector).evaluate(CENTRED)
        swipe(page, selector, 200)
        page.wait_for_function("top => scrollY > top + 100", arg=top)
        expect(slider).to_have_value(value)
    expect(page.get_by_label("number input for Strength")).to_have_value("100")

    for name in ("Report", "Compare"):
        page.get_by_role("button", name="More tabs").click()
        page.locator(".overflow-dropdown").get_by_role("button", name=name).click()
        expect(page).to_have_url(re.compile(rf"\?tab={name.lower()}$"))
    page.go_back()
    expect(page.get_by_role("tab", name="Report")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(page.get_by_role("tab", name="Transfer")).to_have_attribute("aria-selected", "true")
    page.context.close()


def test_the_open_tab_is_in_the_address(at_rest: Page) -> None:
    """An address opens its tab in tests/demo/test_language.py."""
    page = at_rest
    page.get_by_role("tab", name="Report").click()
    expect(page).to_have_url(re.compile(r"\?tab=report$"))
    page.get_by_role("tab", name="Compare").click()
    expect(page).to_have_url(re.compile(r"\?tab=compare$"))
    page.go_back()
    expect(page.get_by_role("tab", name="Report")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(page.get_by_role("tab", name="Transfer")).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize(
    ("theme", "paper"), [("light", "rgb(247, 241, 230)"), ("dark", "rgb(25, 23, 24)")]
)
def test_on_a_phone_all_fits_and_can_be_reached_and_nothing_comes_from_elsewhere(
    browser: Browser, address: str, theme: str, paper: str
) -> None:
    page = new_page(browser, width=390)
    foreign = foreign_requests(page)
    open_page(page, f"{address}?__theme={theme}")
    expect(page.locator("#more img").first).to_be_visible()
    expect(page.locator("body")).to_have_css("background-color", paper)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    nothing_lies_over_the_button(page)
    enlarged_the_result_lies_above_everything(page, 390, 844)
    assert foreign == []
    page.context.close()
