"""A painting's style saved on the page, and dropped in again."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from core.images.decode import load_image
from core.inference.style_file import load_style
from core.provenance import read
from demo.shared.picture_place import accepted
from demo.shared.uploads import new_file
from tests.browser import open_section


def test_what_is_no_style_file_leaves_the_painting_alone() -> None:
    path = Path(new_file("x.safetensors"))
    path.write_bytes(b"no")
    kept, said = accepted({"path": str(path), "orig_name": "x.safetensors"}, styles=True)
    assert "damaged or no style file" in said and kept.get("__type__") == "update"


def test_a_style_is_saved_and_dropped_in_again(page: Page, tmp_path: Path) -> None:
    def downloaded(button: str) -> Path:
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        return file

    expect(page.locator("#status")).to_contain_text("original-500")
    wanted = load_image(downloaded("Download PNG"))
    open_section(page, "Recipe of this picture")
    file = downloaded("Save the style of the painting")
    assert file.name == "hokusai_great_wave.style.safetensors"
    assert load_style(file).model == "original-500"

    page.locator("#painting input[type=file]").set_input_files(file)
    expect(page.locator("#painting-note")).to_contain_text(
        "hokusai_great_wave.style.safetensors, a style for original-500"
    )
    expect(page.get_by_role("button", name="Crop Painting", exact=True)).to_be_hidden()
    expect(page.locator("#slider img.after")).to_have_attribute(
        "src", re.compile("style__original")
    )
    again = downloaded("Download PNG")
    assert load_image(again) == wanted
    assert read(again).styles[0].name == file.name

    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name="Improved, 500 images").click()
    page.get_by_role("button", name="Stylize", exact=True).click()
    expect(page.locator("#status")).to_contain_text("so that improved-500 cannot use it")
