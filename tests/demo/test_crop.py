"""The part of a painting that counts, chosen on the page by mouse and keyboard."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from core.provenance import read
from demo.transfer.address import values_of
from gallery.pictures import find_content
from tests.browser import open_section


def painting(page: Page) -> Locator:
    """The painting in its place."""
    return page.locator("#painting .stage img")


def shape(picture: Locator) -> float:
    """Width / height of what an image shows, once it is there."""
    expect(picture).to_have_js_property("complete", True)
    return float(picture.evaluate("image => image.naturalWidth / image.naturalHeight"))


def test_an_address_crops_its_paintings() -> None:
    values = values_of("style=hokusai_great_wave,duerer_lion&crop=0.0,0.0,1.0,1.0;0.1,0.1,0.9,0.5")
    assert values["second"]["crop"] == [0.1, 0.1, 0.9, 0.5]
    assert "style" not in values_of("crop=0.1,0.1,0.9,0.5"), "of a painting that is not named"


def test_the_part_that_counts_is_chosen_by_keyboard_and_by_mouse(page: Page) -> None:
    expect(page.locator("#status")).to_contain_text("painting 659 × 443 px")
    whole = shape(painting(page))
    page.get_by_role("button", name="Crop Painting", exact=True).press("Enter")
    dialog = page.get_by_role("dialog", name="Crop")
    dialog.get_by_label("Right").press("Home")  # pushed as far as the opposite edge allows
    assert float(dialog.get_by_label("Right").input_value()) == 2
    dialog.get_by_label("Right").fill("50")
    dialog.get_by_role("button", name="Use this part").press("Enter")
    expect(page.locator("#status")).to_contain_text("painting cropped")
    expect(painting(page)).to_have_attribute("src", re.compile("^data:image/jpeg"))
    assert shape(painting(page)) == pytest.approx(whole / 2, rel=0.02)
    query = parse_qs(urlsplit(page.url).query)
    assert query["crop"] == ["0.0,0.0,0.5,1.0"]

    page.get_by_role("button", name="Crop Painting", exact=True).click()
    box = dialog.locator(".whole").bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.75 * box["height"], steps=4)
    page.mouse.up()
    assert abs(float(dialog.get_by_label("Left").input_value()) - 25) <= 1
    dialog.get_by_role("button", name="Use this part").click()
    expect(page.locator("#status")).to_contain_text("painting cropped")
    page.wait_for_function("location.search.includes('crop=0.2')")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download PNG").click()
    [crop] = read(download.value.path()).settings.style_crop
    assert crop == pytest.approx((0.25, 0.25, 0.75, 0.75), abs=0.01)

    page.get_by_role("button", name="Crop Painting", exact=True).click()
    dialog.get_by_role("button", name="Whole picture").click()
    expect(page.locator("#status")).not_to_contain_text("cropped")
    page.wait_for_function("!location.search.includes('crop=')")
    expect(page.get_by_role("button", name="Crop Photo")).to_have_count(0)


def test_places_that_are_unfolded_work_as_others_and_have_a_mask_each(page: Page) -> None:
    open_section(page, "Mix paintings")
    place = page.get_by_role("group", name="Painting 2")
    expect(place.locator(".choose")).to_have_text("Painting 2")
    third = page.locator("#painting-3")
    expect(third.locator(".choose")).to_have_text("Painting 3")
    expect(third.locator("input[type=file]")).to_have_attribute("aria-label", "Painting 3")
    page.locator("#mixing-gallery").get_by_label("Heron before the Sun").click()
    expect(place.locator(".stage img")).to_have_attribute("alt", "Painting 2: stained_glass.jpg")
    expect(place.get_by_role("button", name="Crop Painting 2")).to_be_visible()
    place.get_by_role("button", name="Remove Painting 2").click()
    expect(place.locator(".stage img")).to_be_hidden()

    page.locator("#mixing-gallery").get_by_label("Heron before the Sun").click()
    expect(page.locator("#status")).to_contain_text("mix 50 % / 50 %")
    open_section(page, "Only a part: mask")
    canvas = page.locator("#mask canvas")
    for name, height in (("Painting 1", 0.25), ("Painting 2", 0.75)):
        page.get_by_label("The painting that the mask is for").select_option(name)
        canvas.evaluate("element => element.scrollIntoView({ block: 'center' })")
        box = canvas.bounding_box()
        assert box
        page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + height * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + height * box["height"], steps=3)
        page.mouse.up()
    page.get_by_role("button", name="Stylize", exact=True).click()
    expect(page.locator("#status")).to_contain_text("2 masks")
    expect(page.locator("#status")).not_to_contain_text("mix")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download PNG").click()
    recipe = read(download.value.path())
    assert [mask.name for mask in recipe.masks] == ["mask-1.png", "mask-2.png"]
    with (
        Image.open(download.value.path()) as image,
        Image.open(find_content("astronaut").path()) as photo,
    ):
        assert image.getpixel((5, 256)) == photo.convert("RGB").getpixel((5, 256)), "outside both"
        for x, y in ((256, 128), (256, 384)):
            assert image.getpixel((x, y)) != photo.convert("RGB").getpixel((x, y))
