"""The tab Compare: what its functions do, its endpoints as programs call them, and the page as a visitor sees it."""

import csv
import io
import re
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Browser, Download, Page, expect

import app
from core.images.decode import ImageError
from core.inference.model_store import ModelStore
from demo.compare import cell as compare_cell
from demo.compare import grid_html, painting
from demo.compare import render as compare_paint
from demo.compare import tab as compare
from demo.compare.selection import OWN, accept_upload, chosen, offered_rows, opening, read
from demo.page import PageBlocks
from demo.server.turns import TURNS
from demo.shared.picture_place import of_gallery
from demo.shared.requests import RequestError
from demo.shared.thumbnails import small_copy
from demo.shared.uploads import new_file
from gallery.grids import backends, paths
from gallery.grids.results import Grid
from gallery.pictures import STYLES, find_content
from tests.browser import new_page, open_page
from tests.demo.server import file_at
from tests.rendered import render
from tests.training import smaller_batches

FIRST, SECOND = STYLES[0], STYLES[1]
PLACE = (0, 1)  # the first style, the second content


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two styles of `original-500` and `improved-500`, instant."""
    folder = tmp_path_factory.mktemp("rendered")
    render(folder)
    return folder


@pytest.fixture
def gallery(rendered: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(paths, "RENDERED", rendered)
    with ModelStore(checkpoints).in_use():
        yield rendered


def upload(name: str, size: tuple[int, int] = (40, 30), color: str = "teal") -> dict[str, object]:
    """The value of an upload button after a picture of that name arrived."""
    path = new_file(name)
    Image.new("RGB", size, color).save(path)
    return {"path": path, "orig_name": name}


# ---- choosing ----


@pytest.mark.usefixtures("gallery")
def test_the_page_opens_on_what_was_rendered() -> None:
    choice = opening()
    assert (choice.title, choice.mode) == ("Appendix A", "instant")
    assert read(choice, FIRST).pictures == 16


def test_it_opens_on_refined_grids_once_there_are_some(gallery: Path, tmp_path: Path) -> None:
    shutil.copytree(gallery, tmp_path, dirs_exist_ok=True)
    render(tmp_path, "refined")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "RENDERED", tmp_path)
        assert opening().mode == "refined"


@pytest.mark.usefixtures("gallery")
@pytest.mark.parametrize(
    ("order", "said"),
    [
        (("C", "instant"), "no appendix named C; choose A or B"),
        (("A", "slow"), "no mode named slow; choose instant or refined"),
        (
            (OWN, "instant", [], ["stained_glass"], ["china"]),
            "at least one model, one painting and one photo",
        ),
        (
            (OWN, "instant", ["starry"], ["stained_glass"], ["china"]),
            "no model named starry; choose from .*improved-500",
        ),
        ((OWN, "instant", ["improved-500"], ["starry"], ["china"]), "no painting named starry"),
        (
            (OWN, "instant", ["improved-500"], ["stained_glass"], ["/etc/passwd"]),
            "did not arrive as a file",
        ),
        (
            (OWN, "instant", ["improved-500"], ["stained_glass"], [f"{i}" for i in range(9)]),
            "room for 8 photos",
        ),
    ],
)
def test_an_impossible_choice_is_refused_in_one_sentence(order: tuple[Any, ...], said: str) -> None:
    with pytest.raises((RequestError, ImageError), match=said):
        chosen(*order)


@pytest.mark.usefixtures("gallery")
def test_own_pictures_of_one_name_stay_apart() -> None:
    values = [accept_upload(upload("holiday.png", color=color))[1] for color in ("teal", "navy")]
    choice = chosen(OWN, "instant", ["improved-500"], ["stained_glass"], values)
    assert [content.title for content in choice.contents] == ["holiday", "holiday (2)"]
    assert len({content.name for content in choice.contents}) == 2


def test_a_broken_upload_is_named() -> None:
    value = upload("holiday.png")
    Path(str(value["path"])).write_text("milk, eggs")
    with pytest.raises(ImageError, match=r'"holiday\.png" is a text file'):
        accept_upload(value)


def test_a_broken_upload_is_named_beside_its_button_and_good_ones_are_chosen() -> None:
    broken, good = upload("milk.png"), upload("holiday.png")
    Path(str(broken["path"])).write_text("milk, eggs")
    add = compare.adder([("Chelsea the cat", "chelsea")])
    answer = add([broken, good], [], ["chelsea"])
    assert 'role="alert"' in answer["problem"] and "milk.png" in answer["problem"]
    assert answer["known"] == [("holiday", good["path"])]
    assert answer["picked"].value == [good["path"], "chelsea"]
    again = add([good], answer["known"], ["chelsea"])
    assert again["problem"] == "", "the next upload takes the sentence away"


@pytest.mark.usefixtures("gallery")
def test_rows_offered_are_the_trained_models_and_what_else_can_paint() -> None:
    assert set(offered_rows()[:2]) == {"improved-500", "original-500"}
    assert "original-1000" not in offered_rows()


# ---- what is shown ----


@pytest.mark.usefixtures("gallery")
def test_a_model_that_is_missing_says_so_and_a_gap_too() -> None:
    choice = chosen("A", "instant")
    shown = grid_html.grid_html(choice, read(choice, FIRST))
    assert shown.count('class="cell"') == 16
    assert shown.count("Not trained yet") == 2
    unpainted = grid_html.grid_html(choice, read(choice, STYLES[5]))
    assert unpainted.count("Not painted yet") == 2


def test_small_copies_that_a_cleaner_took_are_made_again() -> None:
    path, shape = small_copy(STYLES[0])
    shutil.rmtree(path.parent)
    again, same = small_copy(STYLES[0])
    assert again.is_file()
    assert same == shape


def test_a_photograph_in_a_png_is_shown_by_a_light_copy_and_painted_from_the_file_itself() -> None:
    png = find_content("astronaut")
    for _ in range(2):  # again where a cleaner took the copy
        value = of_gallery(png)
        assert Path(value["path"]).read_bytes() == png.path().read_bytes()
        copy = file_at(value["url"])
        with Image.open(copy) as shown, Image.open(png.path()) as whole:
            assert (shown.format, shown.size) == ("JPEG", whole.size), "masks are drawn over it"
            moved = np.asarray(shown, float) - np.asarray(whole, float)
        assert copy.stat().st_size < png.path().stat().st_size / 5
        assert np.sqrt(np.square(moved).mean()) < 4
        copy.unlink()
    jpeg = of_gallery(STYLES[0])
    assert jpeg["url"].endswith(quote(jpeg["path"]))


@pytest.mark.usefixtures("gallery")
def test_names_of_files_are_text_to_the_page() -> None:
    _, value = accept_upload(upload("<i>me.png"))
    choice = chosen(OWN, "instant", ["improved-500"], ["stained_glass"], [value])
    shown = grid_html.grid_html(choice, read(choice, choice.styles[0]))
    assert "<i>" not in shown
    assert "&lt;i&gt;me" in shown


@pytest.mark.usefixtures("gallery")
def test_a_cell_stands_beside_the_photo_at_its_size() -> None:
    (before, after), table = compare_cell.sides(
        chosen("A", "instant"), PLACE, "photo", "improved-500"
    )
    assert after.endswith(f"{FIRST.name}/improved-500/chelsea.jpg")
    with Image.open(before) as photo, Image.open(after) as cell:
        assert (photo.format, photo.size) == ("PNG", cell.size)
    assert "original-500" not in table


@pytest.mark.usefixtures("gallery")
def test_of_two_models_the_number_nearer_to_the_ideal_is_set_apart() -> None:
    (before, _), table = compare_cell.sides(
        chosen("A", "instant"), PLACE, "original-500", "improved-500"
    )
    assert before.endswith("original-500/chelsea.jpg")
    assert '<td class="best">1.01</td><td>2.01</td><td>0</td>' in table
    assert "<td>–</td><td>–</td>" in table, "there are no whites"


@pytest.mark.usefixtures("gallery")
def test_a_cell_that_is_not_there_cannot_be_opened() -> None:
    for place, row in (
        (PLACE, "original-1000"),
        ((0, 99), "improved-500"),
        ((-1, 0), "improved-500"),
    ):
        with pytest.raises(RequestError):
            compare_cell.opened(chosen("A", "instant"), place, "photo", row)


# ---- painting ----


def paint_value(name: str) -> str:
    """What stands for a visitor's own photo of that name in a choice."""
    _, value = accept_upload(upload(name, (320, 200)))
    return value


def own_grid() -> Grid:
    choice = chosen(
        OWN, "instant", ["improved-500"], [FIRST.name], ["chelsea", paint_value("holiday.png")]
    )
    return read(choice, FIRST)


@pytest.mark.slow
@pytest.mark.usefixtures("gallery")
def test_gaps_are_painted_and_measured_and_what_is_there_is_kept() -> None:
    grid = own_grid()
    assert [cell.picture is None for cell in grid.rows[0].cells] == [False, True]
    steps = list(compare_paint.paint([grid], threading.Event()))
    assert [(step.done, step.total, step.changed) for step in steps] == [
        (0, 1, False),
        (1, 1, True),
    ]
    kept, painted = compare_paint.completed(grid).rows[0].cells
    assert kept == grid.rows[0].cells[0]
    assert painted.picture is not None
    with Image.open(painted.picture) as image:
        assert image.size == (410, 256)
    assert painted.numbers["ssim"] < 1
    assert list(compare_paint.paint([grid], threading.Event())) == []


@pytest.mark.slow
@pytest.mark.usefixtures("gallery")
def test_a_refined_row_is_refined_first_and_then_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "REFINE_BATCHES", 1)
    smaller_batches(monkeypatch, crop=64)
    choice = chosen(OWN, "refined", ["improved-500"], [FIRST.name], [paint_value("holiday.png")])
    grid, stop = read(choice, FIRST), threading.Event()
    steps = list(compare_paint.paint([grid], stop))
    assert "refined with 1 of 1 batches" in steps[1].text
    assert (steps[-1].done, steps[-1].total, steps[-1].changed) == (1, 1, True)
    assert compare_paint.completed(grid).pictures == 1
    assert not stop.is_set(), "the other rows are still to be painted"


@pytest.mark.slow
@pytest.mark.usefixtures("gallery")
def test_others_have_their_turn_between_the_steps_of_an_optimised_picture_and_it_can_be_stopped() -> (
    None
):
    choice = chosen(OWN, "instant", ["gatys"], [FIRST.name], [paint_value("holiday.png")])
    stop = threading.Event()
    run = compare_paint.paint([read(choice, FIRST)], stop)
    assert "getting ready" in next(run).text
    assert "refined with 1 of" in next(run).text
    with TURNS:  # which somebody else gets, though the picture is far from done
        pass
    stop.set()
    assert all(not step.changed for step in run)


@pytest.mark.usefixtures("gallery")
@pytest.mark.usefixtures("gallery")
def test_one_press_paints_so_many_rows_and_the_next_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [picture.name for picture in STYLES[2:5]]  # which are not rendered
    choice = chosen(OWN, "instant", ["original-500"], names, ["chelsea", "rocket"])
    assert painting.view(choice, 2)["paint"].value == "Paint the missing 6 pictures"
    monkeypatch.setattr(painting, "MAX_ROWS", 2)
    assert painting.view(choice, 2)["paint"].value == "Paint 4 of the 6 missing pictures"
    asked = painting.next_of(choice, 2)
    assert [len(grid.rows) for grid in asked] == [1, 1, 0] and asked[0].style == STYLES[4]


def test_painting_that_is_stopped_paints_no_more() -> None:
    grid, stop = own_grid(), threading.Event()
    run = compare_paint.paint([grid], stop)
    assert "getting ready" in next(run).text
    stop.set()
    assert list(run) == []
    assert compare_paint.completed(grid).pictures == 1


# ---- the page ----


@pytest.fixture(scope="module")
def page_address(rendered: Path, checkpoints: Path) -> Iterator[str]:
    """A page of this tab alone, from the drawn gallery and untrained models, served from this process."""
    with pytest.MonkeyPatch.context() as patch, ModelStore(checkpoints).in_use():
        patch.setattr(paths, "RENDERED", rendered)
        with PageBlocks() as blocks, gr.Tab("Compare", id="compare"):
            compare.build()
        yield app.start(blocks.queue_jobs(), "127.0.0.1", None, None)
        blocks.close()


@pytest.fixture(scope="module")
def client(page_address: str) -> Client:
    return Client(page_address, verbose=False)


def test_compare_answers_with_a_grid(client: Client) -> None:
    picture = client.predict("A", FIRST.name, "instant", api_name="/compare")
    assert Path(picture).name == f"MetaStyle_appendix-A_instant_{FIRST.name}.png"
    with Image.open(picture) as image:
        assert image.format == "PNG"
        assert image.width > image.height > 5 * 256


def test_measures_answers_with_every_number(client: Client) -> None:
    numbers = client.predict("A", "instant", api_name="/measures")
    assert len(numbers) == 2 * 2 * 8
    assert numbers[9] | {"row": "improved-500", "content": "chelsea", "specks": 2.01} == numbers[9]
    assert numbers[9]["whites_lightness"] is None


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (("A", "starry", "instant"), f"no grid of the style starry; there are: {FIRST.name}"),
        (("own", FIRST.name, "instant"), "no appendix named own; choose A or B"),
        (("A", STYLES[4].name, "instant"), "no picture in this grid yet"),
    ],
)
def test_compare_refuses_what_there_is_not(
    client: Client, order: tuple[str, ...], said: str
) -> None:
    with pytest.raises(AppError, match=said):
        client.predict(*order, api_name="/compare")


@pytest.fixture
def page(browser: Browser, page_address: str) -> Iterator[Page]:
    page = new_page(browser)
    opened(page, page_address)
    yield page
    page.context.close()


def opened(page: Page, address: str) -> None:
    open_page(page, address, "Compare")
    expect(page.get_by_role("heading", name="Appendix A")).to_be_visible()


def test_it_opens_on_a_finished_grid_and_another_can_be_chosen(page: Page) -> None:
    grid = page.locator("#grid")
    expect(grid.locator(".cell img")).to_have_count(16)
    grid.locator("img").last.scroll_into_view_if_needed()  # they are loaded where they are seen
    images = "[...document.querySelectorAll('#grid img')]"
    page.wait_for_function(f"{images}.every((image) => image.complete)")
    broken = f"{images}.filter((image) => !image.naturalWidth).map((image) => image.src)"
    assert page.evaluate(broken) == []
    expect(page.locator("#compare-title")).to_contain_text("16 of 32 pictures")

    grid.get_by_role("button", name="Bal du moulin").click()
    expect(grid.locator(".style figcaption")).to_contain_text("Bal du moulin de la Galette")
    expect(grid.get_by_role("button", name="Bal du moulin")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.get_by_label("Appendix B").check()
    expect(page.get_by_role("heading", name="Appendix B")).to_be_visible()
    expect(grid.locator(".cell")).to_have_count(8)
    expect(grid.get_by_text("Not trained yet")).to_have_count(3)
    expect(grid.locator(".style figcaption")).to_contain_text("Bal du moulin de la Galette")
    page.locator("#grid-mode").get_by_label("Refined").check()
    expect(grid.locator(".cell")).to_have_count(0)
    expect(page.locator("#measure-note")).to_contain_text(
        "Nothing in this selection was measured yet"
    )


def test_a_click_on_a_cell_shows_it_large_between_any_two_models(page: Page) -> None:
    page.locator("#grid").get_by_role(
        "button", name=re.compile(r"^Improved, 500 images.*: Chelsea the cat")
    ).click()
    cell, images = (
        page.locator("#cell"),
        page.locator("#cell-slider .stage img"),
    )
    expect(cell.get_by_role("heading")).to_have_text(
        f"Chelsea the cat in the style of {FIRST.title}"
    )
    expect(images.nth(1)).to_have_attribute("src", re.compile(r"improved-500/chelsea\.jpg"))
    expect(images.nth(0)).to_have_attribute("src", re.compile(r"chelsea\.png"))
    specks = cell.get_by_role("row", name="Specks per megapixel")
    expect(specks.get_by_role("cell")).to_have_text(["2.01", "0"])
    expect(cell).to_be_in_viewport(ratio=0.3)

    cell.get_by_label("Before").click()
    page.get_by_role("option", name="Original, 500 images").click()
    expect(images.nth(0)).to_have_attribute("src", re.compile(r"original-500/chelsea\.jpg"))
    expect(specks.get_by_role("cell")).to_have_text(["1.01", "2.01", "0"])


def test_charts_are_drawn_and_follow_the_measure(page: Page) -> None:
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    expect(page.locator(".js-plotly-plot .bars .point > path")).to_have_count(2)
    expect(page.locator(".js-plotly-plot .boxlayer path.box")).to_have_count(4)
    expect(
        page.locator(".js-plotly-plot .hm image, .js-plotly-plot .heatmaplayer image")
    ).to_have_count(1)
    page.get_by_label("Measure", exact=True).click()
    page.get_by_role("option", name="Specks, per megapixel").click()
    expect(page.locator(".js-plotly-plot .xtitle").first).to_have_text("Specks, per megapixel")


def test_everything_can_be_taken_away(page: Page) -> None:
    name = "MetaStyle_appendix-A_instant"
    with Image.open(downloaded(page, "This grid as PNG", f"{name}_{FIRST.name}.png")) as image:
        image.load()
        assert image.format == "PNG"
    pdf = downloaded(page, "All paintings as PDF", f"{name}.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b(?!s)", pdf)) == 2
    with zipfile.ZipFile(downloaded(page, "Pictures as zip", f"{name}_pictures.zip")) as archive:
        assert archive.testzip() is None
        assert f"instant/{SECOND.name}/improved-500/china.jpg" in archive.namelist()
    text = downloaded(page, "Numbers as CSV", f"{name}_measures.csv").read_text(
        encoding="utf-8-sig"
    )
    assert len(list(csv.DictReader(io.StringIO(text)))) == 2 * 2 * 8


def downloaded(page: Page, button: str, name: str) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    download: Download = waiting.value
    assert download.suggested_filename == name
    return Path(download.path())


def test_own_pictures_are_painted_where_they_are_missing(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "holiday.png"
    Image.new("RGB", (64, 48), "teal").save(photo)
    page.get_by_label("Own selection").check()
    expect(page.get_by_role("heading", name="Own selection")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add photos of your own").click()
    chooser.value.set_files(photo)
    grid = page.locator("#grid")
    expect(grid.locator(".content figcaption").first).to_have_text("holiday")
    (tmp_path / "broken.jpg").write_text("milk, eggs")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add photos of your own").click()
    chooser.value.set_files([tmp_path / "broken.jpg", photo])
    said = page.locator("#own-photos-problem").get_by_role("alert")
    expect(said).to_contain_text('"broken.jpg" is a text file')
    page.get_by_role("checkbox", name="Original, 500 images").hover()
    expect(said).to_be_visible()  # also after the grid has followed
    page.get_by_role("checkbox", name="Original, 500 images").uncheck()
    expect(grid.locator(".model")).to_have_count(1)
    page.get_by_role("button", name="Paint the missing 2 pictures").click()
    expect(page.locator("#compare-status").get_by_role("progressbar")).to_be_visible()
    expect(grid.locator(".blank")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    grid.get_by_role("button", name=re.compile("^Improved, 500 images.*: holiday")).click()
    expect(page.locator("#cell-numbers").get_by_role("row", name="Specks")).to_be_visible()


def test_a_chart_is_taken_away_for_white_paper_from_a_dark_page_too(
    browser: Browser, page_address: str
) -> None:
    page = new_page(browser)
    opened(page, f"{page_address}?__theme=dark")
    chart = page.locator(".js-plotly-plot").first
    expect(chart.locator(".main-svg").first).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    expect(page.locator(".js-plotly-plot .legend .bg")).to_have_css("fill-opacity", "0")
    with page.expect_download() as download:
        chart.locator("[data-title='Download plot']").click()
    assert download.value.suggested_filename == ("MetaStyle_appendix-A_instant_gram_share_bars.svg")
    drawn = Path(download.value.path()).read_text("utf-8")
    assert re.search(r"<svg[^>]*><rect[^>]*fill: rgb\(255, 255, 255\); fill-opacity: 1", drawn)
    inks = set(re.findall(r"<text[^>]*?(?<![\w-])fill: (rgb\([^)]*\))", drawn))
    assert inks == {"rgb(77, 69, 58)"}, "dark, whatever the page's text is"
    page.context.close()


@pytest.mark.parametrize(
    ("theme", "ink"), [("light", "rgb(51, 46, 41)"), ("dark", "rgb(235, 226, 210)")]
)
def test_on_a_phone_all_fits_and_charts_can_be_read(
    browser: Browser, page_address: str, theme: str, ink: str
) -> None:
    page = new_page(browser, width=390)
    opened(page, f"{page_address}?__theme={theme}")
    expect(page.locator(".js-plotly-plot .xtitle").first).to_have_css("fill", ink)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("#grid .scroll").evaluate("(grid) => grid.scrollWidth > grid.clientWidth")
    page.context.close()
