"""The page as a visitor sees it, in headless Chromium: the one of the system, nothing is downloaded."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from gallery.pictures import find_content, find_style
from tests.browser import foreign_requests, new_page, open_page

PHOTO, PAINTING = find_content("coffee").path(), find_style("duerer_lion").path()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = new_page(browser)
    open_page(page, address)
    yield page
    page.context.close()


def after(page: Page) -> Locator:
    """The repainted half of the slider."""
    return page.locator("#slider").get_by_test_id("imageslider-image").nth(1)


def upload(page: Page, place: str, file: Path) -> None:
    page.locator(f"#{place} input[type=file]").set_input_files(file)


def repainted(page: Page, file_name: str) -> None:
    expect(after(page)).to_have_attribute("src", re.compile(re.escape(file_name)))


def test_a_click_on_a_painting_is_enough(page: Page) -> None:
    expect(page.get_by_role("heading", name="MetaStyle 风格迁移")).to_be_visible()
    repainted(page, "astronaut__hokusai_great_wave__original-500.png")
    page.locator("#painting-gallery").get_by_label("Thumbnail 7 of 8").click()
    repainted(page, "astronaut__kandinsky_composition_viii__original-500.png")
    expect(page.locator("#painting-note")).to_contain_text(
        "Composition VIII, Wassily Kandinsky, 1923"
    )
    page.locator("#more").get_by_label("Thumbnail 6 of").click()
    repainted(page, "astronaut__duerer_lion__original-500.png")
    expect(page.locator("#slider")).to_be_in_viewport(ratio=0.5)


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


def test_the_slider_uncovers_the_photo(page: Page) -> None:
    expect(after(page)).to_have_attribute("style", re.compile(r"0px 0px 0px 50%"))
    box = page.locator("#slider").get_by_test_id("slider").locator(".icon-wrap").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 200, y, steps=5)
    page.mouse.up()
    expect(after(page)).to_have_attribute("style", re.compile(r"0px 0px 0px [78]\d(\.\d+)?%"))


def test_a_broken_file_is_named_and_the_result_stays(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "holiday.jpg"
    broken.write_bytes(PAINTING.read_bytes()[:5000])
    repainted(page, "astronaut__hokusai_great_wave__original-500.png")
    upload(page, "photo", broken)
    alert = page.locator("#photo-note").get_by_role("alert")
    expect(alert).to_contain_text(
        re.compile(r'^"holiday\.jpg" is damaged, incomplete .* accepted are PNG, JPEG.*\.$')
    )
    page.get_by_role("button", name="Stylize", exact=True).click()
    expect(page.locator("#status").get_by_role("alert")).to_contain_text("Choose a photo first")
    repainted(page, "astronaut__hokusai_great_wave__original-500.png")
    page.locator("#photo-gallery").get_by_label("Thumbnail 3 of").click()
    repainted(page, "china__hokusai_great_wave__original-500.png")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_file_can_be_dropped_on_the_picture_that_is_there(page: Page) -> None:
    box = page.locator("#photo img").bounding_box()
    assert box is not None
    drag = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(PHOTO)], "dragOperationsMask": 1}
    devtools = page.context.new_cdp_session(page)
    for step in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": step, **drag, "data": data})
    expect(page.locator("#photo-note")).to_contain_text("coffee.png, 600 × 400 px")
    expect(page.locator("#photo img")).to_have_attribute("src", re.compile(r"coffee\.png"))


def test_refining_shows_progress_and_can_be_stopped(page: Page) -> None:
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name="Original, 500 images").click()
    page.get_by_label("Longest side").click()
    page.get_by_role("option", name="256 px").click()
    page.get_by_label("Refined").check()
    expect(page.get_by_label("number input for Batches")).to_have_value("20")
    page.get_by_role("button", name="Stylize", exact=True).click()
    status = page.locator("#status")
    expect(status).to_contain_text("Refining: 1 of 20 batches")
    expect(status.get_by_role("progressbar")).to_be_visible()
    repainted(page, "astronaut__hokusai_great_wave__original-500.png")
    page.get_by_role("button", name="Stop refining").click()
    expect(status).to_contain_text(re.compile(r"stopped after [1-9] of 20 batches"))
    expect(page.get_by_role("button", name="Stylize", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("theme", "paper"), [("light", "rgb(247, 241, 230)"), ("dark", "rgb(25, 23, 24)")]
)
def test_on_a_phone_all_fits_and_nothing_comes_from_elsewhere(
    browser: Browser, address: str, theme: str, paper: str
) -> None:
    page = new_page(browser, width=390)
    foreign = foreign_requests(page)
    open_page(page, f"{address}?__theme={theme}")
    expect(page.locator("#more img").first).to_be_visible()
    expect(page.locator("body")).to_have_css("background-color", paper)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert foreign == []
    page.context.close()
