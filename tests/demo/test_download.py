"""The result to take along: PNG, JPEG or WebP, each with its recipe and its date, none with its place."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Browser, Page, expect

from core.images.metadata import date_taken
from core.provenance import read, save
from core.settings import Settings
from demo.shared.picture_place import accepted
from demo.shared.requests import StylizeRequest, repaint
from demo.shared.uploads import new_file, saved
from demo.transfer.download import take
from demo.transfer.events import painted
from gallery.pictures import find_style
from tests.browser import new_page, open_page, open_section
from tests.conftest import draw
from tests.demo.server import file_at
from tests.training import smaller_batches

TAKEN = "2026:05:17 14:03:59"
PAINTING = str(find_style("duerer_lion").path())


def described(path: str | Path, image: Image.Image, **options: Any) -> str:
    """A picture file with a date and a place."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = TAKEN
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (48.0, 51.0, 30.0)
    image.save(path, exif=exif, **options)
    return str(path)


def half_clear() -> Image.Image:
    """A drawn picture whose right half is transparent."""
    image = draw(1)
    image.putalpha(Image.new("L", image.size, 255))
    image.paste((0, 0, 0, 0), (image.width // 2, 0, image.width, image.height))
    return image


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(("suffix", "kind"), [(".jpg", "JPEG"), (".webp", "WEBP")])
def test_another_kind_of_file_is_what_the_command_line_would_have_written(
    tmp_path: Path, suffix: str, kind: str
) -> None:
    photo = described(tmp_path / "photo.jpg", draw(1))
    [painted] = repaint(StylizeRequest(photo, [PAINTING], Settings("original-500", size=64)))
    png = {"path": saved(painted), "orig_name": "photo.png"}
    answer = take(suffix, png, 80)
    assert painted.recipe
    save(painted.painted, painted.recipe, tmp_path / f"direct{suffix}", 80)
    assert Path(answer["file"]).read_bytes() == (tmp_path / f"direct{suffix}").read_bytes()
    assert Path(answer["file"]).name == f"photo__duerer_lion__original-500{suffix}"
    assert read(answer["file"]).settings.size == 64
    with Image.open(answer["file"]) as image:
        assert image.format == kind
        assert not image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    assert date_taken(answer["file"]) == TAKEN


@pytest.mark.usefixtures("models")
def test_transparency_comes_back_but_in_jpeg(tmp_path: Path) -> None:
    photo = tmp_path / "cut.png"
    half_clear().save(photo)
    [painted] = repaint(StylizeRequest(str(photo), [PAINTING], Settings("original-500", size=64)))
    png = {"path": saved(painted)}
    with Image.open(take(".webp", png, 90)["file"]) as image:
        assert image.getchannel("A").getextrema() == (0, 255)
    with Image.open(take(".jpg", png, 100)["file"]) as image:
        assert image.mode == "RGB"
        assert min(image.getpixel((60, 20))) > 250, "white where nothing was"  # type: ignore[arg-type, type-var]


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(("mode", "suffix"), [("RGB", ".jpg"), ("RGBA", ".webp")])
def test_a_large_result_is_shown_by_a_light_copy(tmp_path: Path, mode: str, suffix: str) -> None:
    photo = tmp_path / "wide.png"
    image = draw(1, (1800, 200))
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(photo)
    settings = Settings("original-500", strength=0)
    [answer] = painted(StylizeRequest(str(photo), [PAINTING], settings), threading.Event())
    for side in ("before", "after"):
        path = file_at(answer["slider"][side])
        with Image.open(path) as shown:
            assert shown.size == (1600, 178) and shown.mode == mode
        assert path.suffix == suffix
    assert path.stem == "wide__duerer_lion__original-500"
    assert "Shown by a light copy" in answer["status"]
    with Image.open(answer["download"]["value"]) as png:
        assert (png.format, png.size) == ("PNG", (1800, 200))


@pytest.mark.usefixtures("models")
@pytest.mark.slow
def test_photo_and_drafts_are_shown_by_light_copies_and_a_result_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smaller_batches(monkeypatch, crop=32)
    draw(1).save(tmp_path / "photo.png")
    settings = Settings("original-500", refine=3)
    answers = painted(
        StylizeRequest(str(tmp_path / "photo.png"), [PAINTING], settings), threading.Event()
    )
    *drafts, last = [answer["slider"] for answer in answers]
    assert drafts
    for draft in drafts:
        assert file_at(draft["after"]).name == "photo__duerer_lion__original-500.jpg"
    for slider in (*drafts, last):
        with Image.open(file_at(slider["before"])) as photo:
            assert (photo.format, photo.size) == ("JPEG", draw(1).size)
            moved = np.asarray(photo, float) - np.asarray(draw(1), float)
        assert np.sqrt(np.square(moved).mean()) < 8, "of 255: less than the noise that is drawn"
    with Image.open(file_at(last["after"])) as result:
        assert result.format == "PNG"


@pytest.mark.parametrize(
    ("png", "quality", "said"),
    [
        (None, 90, "There is no result yet"),
        ({"path": "/etc/passwd"}, 90, "did not arrive"),
        ("photo", 101, "must be 1 to 100"),
        ("photo", 2.5, "must be 1 to 100"),
        ("photo", 90, "carries no recipe"),
    ],
)
def test_what_cannot_be_taken_along_is_one_sentence(png: Any, quality: float, said: str) -> None:
    if png == "photo":
        path = new_file("photo.png")
        draw(1).save(path)
        png = {"path": path}
    answer = take(".jpg", png, quality)
    assert answer["file"] is None and said in answer["status"]


def test_what_browsers_do_not_show_keeps_its_date_and_its_transparency() -> None:
    path = described(new_file("cut.heic"), half_clear())
    kept, _ = accepted({"path": path, "orig_name": "cut.heic"})
    assert kept["path"].endswith("cut.png")
    assert date_taken(kept["path"]) == TAKEN
    with Image.open(kept["path"]) as shown:
        assert shown.mode == "RGBA" and shown.getchannel("A").getextrema() == (0, 255)
        assert not shown.getexif().get_ifd(ExifTags.IFD.GPSInfo)


# ---- in a browser ----


def test_a_transparent_photo_may_be_its_own_mask(page: Page, tmp_path: Path) -> None:
    open_section(page, "Only a part: mask")
    expect(page.locator("#mask-invert")).to_be_visible()
    own = page.locator("#mask-alpha input")
    expect(own).to_be_hidden()
    half_clear().save(tmp_path / "cut.png")
    page.locator("#photo input[type=file]").set_input_files(tmp_path / "cut.png")
    own.check()
    page.get_by_role("button", name="Stylize", exact=True).click()
    expect(page.locator("#status")).to_contain_text("masked by its transparency")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download PNG").click()
    assert read(download.value.path()).settings.mask_alpha
    with Image.open(download.value.path()) as image:
        assert image.mode == "RGB"
        assert image.getpixel((image.width - 3, 10)) == (255, 255, 255)
    page.locator("#photo-gallery").get_by_label("Coffee").click()
    expect(own).to_be_hidden()
    expect(page.locator("#status")).to_contain_text("photo 600 × 400 px")
    expect(page.locator("#status")).not_to_contain_text("masked")


def test_the_page_gives_jpeg_and_webp_of_a_quality(page: Page, tmp_path: Path) -> None:
    expect(page.locator("#download-about")).to_contain_text("where it was taken is left out")
    sizes = []
    for quality in ("20", "95"):
        page.locator("#quality input").fill(quality)
        with page.expect_download() as download:
            page.get_by_role("button", name="WebP").click()
        assert download.value.suggested_filename == (
            "astronaut__hokusai_great_wave__original-500.webp"
        )
        file = tmp_path / f"{quality}.webp"
        download.value.save_as(file)
        sizes.append(file.stat().st_size)
        assert read(file).settings.model == "original-500"
    assert sizes[1] > 1.2 * sizes[0]
    with page.expect_download() as download:
        page.get_by_role("button", name="JPEG").click()
    assert download.value.suggested_filename.endswith(".jpg")
    open_section(page, "Recipe of this picture")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Load settings").click()
    chooser.value.set_files(file)
    expect(page.locator("#loaded")).to_contain_text("95.webp loaded; painting")


# What a phone's browser has: it notes what is shared, and refuses it where `window.refused` names an error.
A_PHONE = """
window.shared = [];
navigator.canShare = ({ files }) => files.every((file) => file.type === "image/png");
navigator.share = async ({ files: [file] }) => {
  if (window.refused) throw new DOMException("", window.refused);
  window.shared.push(`${file.name} ${file.size > 10_000}`);
};
"""


def test_a_result_is_handed_to_another_app_where_there_are_such(
    browser: Browser, address: str
) -> None:
    page, name = new_page(browser, 390), "astronaut__hokusai_great_wave__original-500.png"
    page.add_init_script(A_PHONE)
    open_page(page, address)
    share = page.get_by_role("button", name="Share", exact=True)
    share.click()
    page.wait_for_function("name => window.shared.join() === `${name} true`", arg=name)
    page.evaluate("window.refused = 'NotAllowedError'")
    with page.expect_download() as download:
        share.click()
    assert download.value.suggested_filename == name
    page.context.close()


def test_where_no_app_takes_a_result_nothing_is_offered(page: Page) -> None:
    expect(page.get_by_role("button", name="Download PNG")).to_be_visible()
    expect(page.locator("#share")).to_be_hidden()


MENU_OF = """document.addEventListener("contextmenu", ({ target }) => (window.menuOf = target.className || target.type));"""


def test_the_menu_of_a_right_click_is_the_pictures(page: Page) -> None:
    page.evaluate(MENU_OF)
    stage, line = page.locator("#slider .stage"), page.locator("#slider input[type=range]")
    stage.scroll_into_view_if_needed()
    for share, side in ((0.1, "before"), (0.6, "after")):
        box = stage.bounding_box()
        assert box is not None
        width, y = box["width"], box["y"] + box["height"] / 2
        x = box["x"] + share * width
        page.mouse.click(x, y, button="right")
        page.wait_for_function("side => window.menuOf === side", arg=side)
        expect(line).to_have_value("25")
    page.mouse.click(x, y)
    expect(line).to_have_value("60")
    expect(line).to_be_focused()
    page.mouse.down()
    page.mouse.move(x + 0.2 * width, y, steps=5)
    page.mouse.up()
    expect(line).to_have_value("80")


UNDER_FINGER = """document.addEventListener("pointerdown", ({ target }) => (window.touched = target.className));"""


def test_a_finger_held_still_is_on_the_picture_and_one_that_moves_takes_the_line_along(
    browser: Browser, address: str
) -> None:
    """A phone's browser opens the menu of what the finger is on, which Chromium without a screen does not."""
    page = new_page(browser, 390, touch=True)
    open_page(page, address)
    page.evaluate(UNDER_FINGER)
    stage, line = page.locator("#slider .stage"), page.locator("#slider input[type=range]")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    left, width, y = box["x"], box["width"], box["y"] + box["height"] / 2
    devtools = page.context.new_cdp_session(page)

    def finger(*shares: float, seconds: float) -> None:
        """It goes over these shares of the width, and is lifted after so many seconds by the browser's clock."""
        begun = time.time()
        for kind, share in zip(("touchStart", *["touchMove"] * len(shares)), shares, strict=False):
            touch = {"type": kind, "touchPoints": [{"x": left + share * width, "y": y}]}
            devtools.send("Input.dispatchTouchEvent", touch | {"timestamp": begun})
        lifted = {"type": "touchEnd", "touchPoints": [], "timestamp": begun + seconds}
        devtools.send("Input.dispatchTouchEvent", lifted)

    for share, side in ((0.1, "before"), (0.6, "after")):
        finger(share, seconds=0.7)
        page.wait_for_function("side => window.touched === side", arg=side)
        expect(line).to_have_value("25")
    finger(0.4, seconds=0.1)
    expect(line).to_have_value("40")
    finger(0.6, 0.65, 0.7, 0.75, 0.8, seconds=0.3)
    expect(line).to_have_value("80")
    page.context.close()
