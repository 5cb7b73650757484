"""Strength, colours, mixing, masks and recipes on the Transfer tab: as functions, and once through in a browser."""

import base64
import io
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from core import stylize
from core.images.decode import ImageError
from core.provenance import read
from core.settings import Settings, SettingsError
from demo.shared import mask
from demo.shared.mask import AUTO, PNG_URL, mask_file, outside_file
from demo.shared.mixing import EQUAL, mixture
from demo.shared.requests import RequestError, repaint
from demo.shared.uploads import new_file, saved
from demo.transfer import provenance
from demo.transfer.form import TransferForm
from gallery.pictures import find_content, find_style
from tests.browser import new_page, open_page, open_section


def uploaded(source: Path, name: str | None = None) -> dict[str, object]:
    """The value of a place after this file was uploaded to it."""
    path = new_file(name or source.name)
    shutil.copy(source, path)
    return {"path": path, "orig_name": Path(path).name}


def controls(**changed: Any) -> TransferForm:
    """The tab's controls as they stand at first, but for some of them."""
    values: dict[str, Any] = {
        "content": uploaded(find_content("coffee").path()),
        "style": uploaded(find_style("duerer_lion").path()),
        "model": "original-500",
        "mode": "instant",
        "batches": 20,
        "size": 96,
        "style_size": 256,
        "strength": 100,
        "colours": "auto",
        "detail": 0,
        **dict.fromkeys(("second", "third", "fourth", "painted", "mask", "outside")),
        **{f"weight_{number}": EQUAL for number in (1, 2, 3, 4)},
        "elsewhere": "photo",
        "softness": AUTO,
        "invert": False,
        "alpha": False,
    }
    return TransferForm(**(values | changed))


def data_url(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return PNG_URL + base64.b64encode(file.getvalue()).decode()


# ---- from controls to an order ----


def test_untouched_controls_are_the_default_settings() -> None:
    order = controls().request_of()
    assert order.settings == Settings(model="original-500", size=96)
    assert (len(order.styles), order.masks, order.outside) == (1, [], None)


def test_each_control_reaches_its_setting() -> None:
    glass = uploaded(find_style("stained_glass").path())
    changed = {
        "strength": 55,
        "colours": "photo",
        "detail": 64,
        "third": glass,
        "weight_3": 20,
        "softness": 8,
    }
    order = controls(**changed, invert=True).request_of()
    assert order.settings == Settings(
        model="original-500",
        mix=(50, 20),
        strength=0.55,
        colours="photo",
        size=96,
        detail=64,
        mask_softness=8,
        mask_invert=True,
    )
    assert order.styles[1] == glass["path"]


def test_the_photos_transparency_is_the_mask_where_it_has_some() -> None:
    assert not controls(alpha=True).request_of().settings.mask_alpha
    cut = new_file("cut.png")
    Image.new("RGBA", (64, 64), (200, 30, 30, 90)).save(cut)
    assert controls(alpha=True, content={"path": cut}).request_of().settings.mask_alpha


def test_without_a_photo_there_is_nothing_to_paint_a_mask_on() -> None:
    with gr.Blocks() as page:
        parts = mask.build("video", None, several=False)
    assert "data-photo" not in str(page.get_config_file())
    assert "mask" in parts and "painted" not in parts


def test_each_painting_has_its_own_crop() -> None:
    glass = uploaded(find_style("stained_glass").path()) | {"crop": [0.1, 0.1, 0.9, 0.5]}
    order = controls(third=glass).request_of()
    assert order.settings.style_crop == ((0, 0, 1, 1), (0.1, 0.1, 0.9, 0.5))
    with pytest.raises(SettingsError, match="A crop is"):
        controls(third=glass | {"crop": [1, 2]}).request_of()


def test_places_that_are_empty_have_no_weight() -> None:
    assert mixture(["a", None, "c", None], [10, 20, 30, 40]) == (["a", "c"], (10, 30))
    assert mixture(["a", None, None, None], [0, 20, 30, 40]) == (["a"], ())
    assert mixture([None, "b", None, None], [1, 2, 3, 4]) == ([None, "b"], (1, 2)), (
        "the first painting is missed later"
    )


def test_a_painted_mask_becomes_a_file_and_a_mask_file_goes_before_it(tmp_path: Path) -> None:
    painted = Image.new("L", (32, 24), 255)
    file = mask_file(data_url(painted), None)
    assert file
    with Image.open(file) as image:
        assert image.size == (32, 24)
    painted.save(tmp_path / "own.png")
    given = uploaded(tmp_path / "own.png")
    assert mask_file(data_url(painted), given) == given["path"]
    assert mask_file(None, None) is mask_file("", None) is None


@pytest.mark.parametrize(
    "painted", ["/etc/passwd", PNG_URL + "no!", PNG_URL + "A" * 5_000_000, ["a"]]
)
def test_a_mask_that_was_not_painted_here_is_refused(painted: Any) -> None:
    with pytest.raises(ImageError, match="The painted mask did not arrive"):
        mask_file(painted, None)


def test_each_painting_may_have_its_own_mask() -> None:
    one, two = (data_url(Image.new("L", (32, 24), grey)) for grey in (255, 200))
    painted = json.dumps([None, one, None, two])
    second, fourth = (
        uploaded(find_style(name).path()) for name in ("stained_glass", "duerer_lion")
    )
    fourth |= {"crop": [0, 0, 0.5, 0.5]}
    order = controls(painted=painted, second=second, fourth=fourth).request_of()
    assert order.styles == [second["path"], fourth["path"]]
    assert [Path(mask).name for mask in order.masks] == ["mask-2.png", "mask-4.png"]
    assert order.settings.mix == ()
    assert order.settings.style_crop == ((0, 0, 1, 1), (0, 0, 0.5, 0.5))
    for slow in ({"mode": "refined"}, {"model": "gatys"}):
        order = controls(painted=painted, second=second, fourth=fourth, **slow).request_of()
        assert order.settings.refine > 0, "paintings that have a mask each are not mixed"
    with pytest.raises(RequestError, match=r"^Painting 2 has a mask but is empty"):
        controls(painted=painted, fourth=fourth).request_of()
    with pytest.raises(ImageError, match="did not arrive"):
        controls(painted="[" * 100_000).request_of()


def test_a_painting_for_elsewhere_must_be_chosen() -> None:
    assert outside_file("photo", None) is None
    with pytest.raises(RequestError, match="Choose the painting for outside the mask"):
        outside_file("painting", None)


# ---- recipes ----


def loaded(path: Path, now: TransferForm) -> tuple[dict[str, Any], str]:
    """What loading a file does: control -> its new value, those that stay as they are left out; and what is said."""
    answer = dict(provenance.load(uploaded(path), **vars(now)))
    said = answer.pop("loaded")
    new = {name: getattr(value, "value", value) for name, value in answer.items()}
    return {name: v["path"] if isinstance(v, dict) else v for name, v in new.items()}, said


@pytest.mark.usefixtures("models")
def test_the_command_that_is_shown_makes_the_same_file_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    glass = uploaded(find_style("stained_glass").path())
    chosen = controls(
        second=glass, weight_2=20, strength=80, painted=data_url(Image.linear_gradient("L"))
    )
    [painting] = repaint(chosen.request_of())
    assert painting.recipe
    command, _, _ = provenance.texts(painting.recipe, painting.file_name)
    monkeypatch.chdir(provenance.ROOT)
    outside = find_content(
        "coffee"
    ).path()  # only its name is shown where scikit-image is installed elsewhere
    words = [str(outside) if word == outside.name else word for word in shlex.split(command)[3:]]
    words[words.index("mask.png")] = str(mask_file(chosen.painted, None))
    words[words.index(painting.file_name)] = str(tmp_path / painting.file_name)
    assert stylize.main(words) == 0
    assert (tmp_path / painting.file_name).read_bytes() == Path(saved(painting)).read_bytes()


@pytest.mark.usefixtures("models")
def test_a_png_puts_every_control_back(tmp_path: Path) -> None:
    glass, lion = (uploaded(find_style(name).path()) for name in ("stained_glass", "duerer_lion"))
    own = uploaded(find_content("chelsea").path(), "my cat.png")
    Path(str(own["path"])).write_bytes(
        Path(str(own["path"])).read_bytes() + b"\0"
    )  # no longer the gallery's
    mask = {
        "painted": data_url(Image.linear_gradient("L")),
        "elsewhere": "painting",
        "outside": lion,
        "softness": 3,
    }
    chosen = controls(
        content=own, third=glass, strength=70, colours="recolour", size=100, detail=64, **mask
    )
    [painting] = repaint(chosen.request_of())
    values, said = loaded(Path(saved(painting)), controls())
    assert values["strength"] == 70 and values["colours"] == "recolour"
    assert (values["size"], values["detail"], values["softness"]) == (100, 64, 3)
    assert [Path(values[place]).name for place in ("style", "outside")] == ["duerer_lion.jpg"] * 2
    assert Path(values["second"]).name == "stained_glass.jpg", (
        "paintings move up to the first places"
    )
    assert values["third"] is values["fourth"] is values["content"] is values["painted"] is None
    assert (values["weight_1"], values["weight_2"], values["elsewhere"]) == (50, 50, "painting")
    assert "Bring these files yourself: the photo my cat.png, the mask mask.png." in said

    kept, said = loaded(Path(saved(painting)), chosen)
    assert kept["content"] == own["path"] and "painted" not in kept
    assert "Bring" not in said


@pytest.mark.usefixtures("models")
def test_json_leaves_the_pictures_alone_and_a_folder_is_no_model(
    tmp_path: Path, checkpoints: Path
) -> None:
    file = tmp_path / "settings.json"
    settings = Settings(
        model=str(checkpoints / "original-500"), mix=(0.7, 0.3), strength=1.2, size=4000, refine=0
    )
    file.write_text(json.dumps(settings.to_json()))
    values, said = loaded(file, controls(fourth=uploaded(find_style("duerer_lion").path())))
    assert not {"content", "style", "second", "painted", "model"} & set(values)
    assert (values["strength"], values["size"], values["weight_1"], values["weight_4"]) == (
        120,
        2048,
        70,
        30,
    )
    assert "There is no trained model named" in said and "at most 2048 px" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}[]", "they are not JSON"),
        (b'{"strength": 7}', "strength must be a number from 0 to 1.5"),
        (b'{"layers": 3}', "There is no setting"),
        (b" " * 200_000, "neither a picture made here nor a JSON file"),
        (b"\x89PNG\r\n\x1a\n", "is not a PNG, JPEG or WebP picture, so it carries no recipe"),
    ],
)
def test_a_file_without_settings_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "file").write_bytes(content)
    values, answer = loaded(tmp_path / "file", controls())
    assert values == {}
    assert said in answer and 'role="alert"' in answer


# ---- in the browser ----


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = new_page(browser, width=390)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, address)
    yield page
    page.context.close()


def stylized(page: Page, *said: str) -> None:
    """Press the button and wait for a result of which all this is said."""
    page.get_by_role("button", name="Stylize", exact=True).click()
    for part in said:
        expect(page.locator("#status")).to_contain_text(part)


def type_strength(page: Page, percent: str) -> None:
    page.get_by_label("number input for Strength").fill(percent)
    page.get_by_label("number input for Strength").blur()
    expect(page.get_by_label("range slider for Strength")).to_have_value(percent)


def drag(page: Page, selector: str, *places: tuple[float, float]) -> None:
    """Draw from place to place, given as shares of an element's width and height."""
    element = page.locator(selector)
    element.evaluate("element => element.scrollIntoView({ block: 'center' })")
    box = element.bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def test_all_controls_from_a_phone_and_back_from_the_picture(
    page: Page, address: str, tmp_path: Path
) -> None:
    open_section(page, "Strength, colours, strokes")
    type_strength(page, "80")
    page.get_by_label("photo's", exact=True).check()
    stylized(page, "strength 80 %", "the photo's colours")

    open_section(page, "Mix paintings")
    page.locator("#mixing-gallery").get_by_label("Heron before the Sun").click()
    expect(page.locator("#painting-2 img")).to_have_attribute("src", re.compile("stained_glass"))
    expect(page.locator("#status")).to_contain_text("mix 50 % / 50 %")
    drag(page, "#square .square", (0.5, 0.5), (0.25, 0.5))
    expect(page.locator("#square .shares")).to_have_text("Painting 1 75 %Painting 2 25 %")
    expect(page.locator("#status")).to_contain_text("mix 75 % / 25 %")
    page.locator("#square .square").press("ArrowRight")
    expect(page.get_by_label("number input for Weight 1")).to_have_value("70")

    open_section(page, "Only a part: mask")
    drag(page, "#mask canvas", (0.7, 0.7), (0.8, 0.8))
    page.locator("#mask").get_by_text("Undo").click()
    expect(page.get_by_text("Save mask")).to_be_hidden()
    drag(page, "#mask canvas", (0.25, 0.3), (0.3, 0.3))
    stylized(page, "masked", "mix 70 % / 30 %")
    assert page.evaluate("document.documentElement.scrollWidth") == 390

    with page.expect_download() as download:
        page.get_by_role("button", name="Download PNG").click()
    file = tmp_path / download.value.suggested_filename
    shutil.copy(download.value.path(), file)
    only_where_it_was_painted(file)

    open_section(page, "Recipe of this picture")
    page.locator("#recipe-command").get_by_label("Copy").click()
    command = page.evaluate("navigator.clipboard.readText()")
    assert (
        "--strength 80" in command
        and "--mix 70.0 30.0" in command
        and command.endswith(f"--out {file.name}")
    )

    # Somebody else, who has neither the mask nor the settings.
    assert page.context.browser
    page = new_page(page.context.browser, 390)
    open_page(page, address)
    open_section(page, "Recipe of this picture")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Load settings").click()
    chooser.value.set_files(file)
    expect(page.locator("#loaded")).to_contain_text(
        "Bring these files yourself: the mask mask.png."
    )
    open_section(page, "Strength, colours, strokes")
    expect(page.get_by_label("number input for Strength")).to_have_value("80")
    expect(page.get_by_label("photo's", exact=True)).to_be_checked()
    open_section(page, "Mix paintings")
    expect(page.locator("#square .shares")).to_have_text("Painting 1 70 %Painting 2 30 %")
    stylized(page, "mix 70 % / 30 %", "strength 80 %")
    page.context.close()


def test_the_tool_that_is_chosen_is_legible_under_the_pointer_too(page: Page) -> None:
    open_section(page, "Only a part: mask")
    brush, eraser = (
        page.locator("#mask [data-tool=brush]"),
        page.locator("#mask [data-tool=eraser]"),
    )
    background = "tool => getComputedStyle(tool).backgroundColor"
    chosen, other = brush.evaluate(background), eraser.evaluate(background)
    eraser.hover()
    expect(eraser).not_to_have_css("background-color", other)
    brush.hover()
    expect(brush).to_have_css("background-color", chosen)


def only_where_it_was_painted(file: Path) -> None:
    """Something changed near the stroke, nothing of the photo elsewhere."""
    with Image.open(find_content("astronaut").path()) as photo, Image.open(file) as result:
        assert read(file).mask
        change = np.abs(np.asarray(photo, dtype=int) - np.asarray(result, dtype=int)).max(axis=2)
    stroke = change[int(0.25 * 512) : int(0.35 * 512), int(0.22 * 512) : int(0.33 * 512)]
    assert np.median(stroke) > 5
    outside = change.copy()
    outside[int(0.15 * 512) : int(0.45 * 512), int(0.1 * 512) : int(0.45 * 512)] = 0
    assert outside.max() == 0


@pytest.mark.slow  # builds the whole page
@pytest.mark.parametrize(
    ("tab", "more", "said"),
    [
        ("", ("mixing", "masking"), None),
        ("many", ("mixing",), "No mask here"),
        ("sheet", ("masking",), "No mixing here"),
        ("video", ("mixing", "masking"), "Each frame is painted at once"),
        ("live", ("mixing",), "No mask here"),
    ],
)
def test_every_tab_has_the_same_controls_or_says_which_it_leaves_out(
    components: dict[str, dict[str, Any]], tab: str, more: tuple[str, ...], said: str | None
) -> None:
    names = ("strength", "colours", "style-size", "detail", *more)
    assert {f"{tab}-{name}".removeprefix("-") for name in names} <= components.keys()
    if said:
        assert said in components[f"{tab}-remark"]["value"]


@pytest.fixture(scope="module")
def components() -> dict[str, dict[str, Any]]:
    """The properties of the page's components by their ids."""
    import app

    found = app.build().get_config_file()["components"]
    return {each["props"].get("elem_id"): each["props"] for each in found}
