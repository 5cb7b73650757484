"""The tab Many: its functions, the endpoints /sheet and /stylize_many, and both halves of the tab in Chromium."""

import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser, Page, expect

import app
from core.baselines.adapter import METHODS
from core.files import distinct_name
from core.images.decode import load_image, load_with_alpha
from core.images.normalise import on_white
from core.inference.model_store import ModelStore
from core.pipeline import stylize_image
from core.provenance import read
from core.settings import Settings
from core.training import refine
from demo.many import cells, photo_steps
from demo.many import photos as many_photos
from demo.many import sheet as many_sheet
from demo.many import tab as many
from demo.many.cells import painted_cells, sheet_file
from demo.many.photo_steps import PhotosStep, painted_photos, zipped
from demo.page import PageBlocks
from demo.server.refusals import NO_MEMORY
from demo.shared import requests, widgets
from demo.shared.endpoint_look import LOOK, MASK, MIX
from demo.shared.requests import RequestError, StylizeRequest, repaint
from demo.shared.style_form import StyleForm
from demo.shared.uploads import new_file
from demo.shared.widgets import photo_input
from gallery.pictures import CONTENTS, Picture
from tests.browser import foreign_requests, new_page
from tests.conftest import draw, draw_folder
from tests.demo.server import file_at
from tests.hungry import Hungry

MODEL = "improved-500"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos `0000.png` ..., three paintings `0100.png` ..., and a photo that is broken."""
    folder = tmp_path_factory.mktemp("many")
    draw_folder(folder, 3)
    draw_folder(folder, 3, first_seed=100)
    (folder / "broken.jpg").write_bytes((folder / "0000.png").read_bytes()[:900])
    return folder


@pytest.fixture(scope="module", autouse=True)
def gallery(folder: Path, tiny_checkpoint: Callable[[str], Path]) -> Iterator[list[Picture]]:
    """A gallery of three paintings and two photos, and one tiny model."""
    names = ("Lion", "Poppies", "Lake")
    own = [
        Picture(f"painting-{i}", name, "", "", "", str(folder / f"010{i}.png"))
        for i, name in enumerate(names)
    ]
    store = ModelStore(tiny_checkpoint(MODEL).parent)
    with pytest.MonkeyPatch.context() as patch, store.in_use():
        for module in (cells, many_sheet):
            patch.setattr(module, "paintings", lambda: own)
        patch.setattr(widgets, "photographs", lambda: CONTENTS[1:3])
        patch.setattr(widgets, "paintings", lambda: own)
        yield own


def uploaded_file(file: Path, name: str = "") -> dict[str, object]:
    """The raw value of a component after that file was uploaded."""
    path = new_file(name or file.name)
    shutil.copy(file, path)
    return {"path": path, "orig_name": Path(path).name}


def settings(size: int = 64, strength: float = 1.0) -> Settings:
    return Settings(model=MODEL, size=size, strength=strength)


# ---- every painting at once ----


def test_the_photo_is_painted_in_every_painting_as_elsewhere(
    folder: Path, gallery: list[Picture]
) -> None:
    photo = folder / "0000.png"
    cells = list(painted_cells(str(photo), MODEL, 128, StyleForm()))
    assert [cell.picture for cell in cells] == gallery
    assert [(cell.done, cell.of) for cell in cells] == [(1, 3), (2, 3), (3, 3)]
    expected = stylize_image(load_image(photo), gallery[1].image(), settings(128)).image
    assert cells[1].image.size == (128, 96)
    assert cells[1].image.tobytes() == expected.tobytes()


def test_the_whole_sheet_is_one_png_with_the_photo_first(folder: Path) -> None:
    cells = list(painted_cells(str(folder / "0000.png"), MODEL, 128, StyleForm()))
    file = sheet_file("holiday.jpg", cells, MODEL)
    assert Path(file).name == "holiday__sheet__improved-500.png"
    with Image.open(file) as sheet:
        assert sheet.format == "PNG" and sheet.width > 2 * 128
        assert sheet.crop((12, 12, 140, 108)).tobytes() == cells[0].before.tobytes()


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"content": None}, "Choose a photo first"),
        ({"model": "starry"}, "no trained model named starry"),
        ({"size": 385}, "128 to 384 px"),
        ({"size": None}, "128 to 384 px"),
    ],
)
def test_an_impossible_sheet_is_refused_in_one_sentence(
    folder: Path, order: dict[str, Any], said: str
) -> None:
    usual: dict[str, Any] = {"content": str(folder / "0000.png"), "model": MODEL, "size": 128}
    usual["look"] = StyleForm()
    with pytest.raises(RequestError, match=said):
        next(painted_cells(**(usual | order)))


def test_a_stopped_sheet_keeps_what_is_painted(folder: Path) -> None:
    visitor = gr.Request(session_hash="visitor")
    run = many_sheet.paint_sheet(visitor, uploaded_file(folder / "0000.png"), MODEL, 128)
    assert "Reading the photo" in next(run)["status"]
    first = next(run)
    assert [cell["done"] for cell in first["grid"]["cells"]] == [True, False, False]
    assert len(first["shown"].pictures) == 1 and "1 of 3 paintings · Lion" in first["status"]
    assert "Painting it large" in many_sheet.wait()
    assert many_sheet._painting.stop(visitor).value == "Stopping…"
    *_, last = run
    assert "stopped after 1 of 3 paintings" in last["status"]
    assert last["go"].visible and not last["stop"].visible
    with Image.open(last["download"].value["path"]) as sheet:
        assert sheet.width < 3 * 128, "the photo and one painting"
    assert not many_sheet._painting._stops


def test_memory_that_the_large_photo_of_a_sheet_took_is_given_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back: list[str] = []
    monkeypatch.setattr(requests, "release_freed_memory", lambda: given_back.append("all"))
    monkeypatch.setattr(requests, "GIVEN_BACK", 100)
    next(painted_cells(str(folder / "0000.png"), MODEL, 128, StyleForm()))
    assert given_back == ["all"]


def test_a_click_on_what_is_not_painted_is_answered(gallery: list[Picture]) -> None:
    click = gr.EventData(None, {"index": 2})
    assert "not painted yet" in many_sheet.enlarge(click, None, 64)["large_status"]
    shown = many_sheet.Shown("/gone.png", MODEL, tuple(gallery))
    said = many_sheet.enlarge(click, shown, 64)["large_status"]
    assert 'role="alert"' in said and "gone.png" in said


def test_a_large_picture_of_the_sheet_is_shown_by_a_light_copy(
    folder: Path, gallery: list[Picture]
) -> None:
    draw(1, (1800, 200)).save(folder / "wide.png")
    form = StyleForm(strength=0)
    shown = many_sheet.Shown(str(folder / "wide.png"), MODEL, tuple(gallery), form)
    answer = many_sheet.enlarge(gr.EventData(None, {"index": 1}), shown, 2048)
    for side in ("before", "after"):
        with Image.open(file_at(answer["slider"][side])) as copy:
            assert (copy.format, copy.size) == ("JPEG", (1600, 178))
    assert "Shown by a light copy" in answer["large_status"]
    with Image.open(answer["large_download"].value["path"]) as png:
        assert (png.format, png.size) == ("PNG", (2048, 228))


def test_a_sheet_is_painted_with_what_the_controls_say(folder: Path) -> None:
    photo, visitor = uploaded_file(folder / "0000.png"), gr.Request(session_hash="visitor")
    look: dict[str, Any] = {"strength": 60, "colours": "photo", "style_size": 96, "detail": 64}
    masked = look | {"mask": uploaded_file(folder / "0102.png"), "softness": 0, "invert": True}
    *_, last = many_sheet.paint_sheet(visitor, photo, MODEL, 128, **masked)
    assert "3 paintings" in last["status"]
    cells = list(painted_cells(str(photo["path"]), MODEL, 128, StyleForm(**masked)))
    wanted = replace(
        settings(128), strength=0.6, colours="photo", style_size=96, detail=64,
        mask_softness=0.0, mask_invert=True,
    )  # fmt: skip
    image, painting, mask = (
        load_image(folder / name) for name in ("0000.png", "0101.png", "0102.png")
    )
    assert cells[1].image.tobytes() == stylize_image(image, painting, wanted, mask).image.tobytes()


def test_what_is_hidden_of_a_transparent_photo_has_no_colours_on_a_sheet_either(
    folder: Path, gallery: list[Picture], tmp_path: Path
) -> None:
    photo, alpha = load_image(folder / "0000.png"), Image.new("L", (96, 72))
    alpha.paste(255, (0, 0, 30, 72))
    photo.putalpha(alpha)
    photo.save(tmp_path / "cut.png")
    cells = painted_cells(str(tmp_path / "cut.png"), MODEL, 128, StyleForm(colours="match"))
    matched = replace(settings(128), colours="match")
    seen = load_with_alpha(tmp_path / "cut.png")
    wanted = stylize_image(seen, gallery[0].image(), matched).image
    assert next(cells).image.tobytes() == on_white(wanted).tobytes()


def test_a_photo_is_taken_along_once_from_another_tab(folder: Path) -> None:
    photo = uploaded_file(folder / "0000.png", "mine.png")
    answer = many.take_along(photo, "mine.png, 96 × 72 px", None)
    assert answer["content"]["path"] == photo["path"] and answer["note"] == "mine.png, 96 × 72 px"
    assert many.take_along(photo, "", answer["taken"]) == {}, "what was chosen here since stays"
    assert many.take_along(None, "", None) == {}


# ---- several photos at once ----


def test_each_photo_becomes_a_png_with_its_recipe_and_a_broken_one_is_named(
    folder: Path, tmp_path: Path
) -> None:
    photos = [str(folder / name) for name in ("0000.png", "broken.jpg", "0001.png", "0001.png")]
    *_, last = painted_photos(photos, [str(folder / "0100.png")], settings(), tmp_path)
    assert last.names == ("0000", "0001", "0001"), "captions are the photos' names"
    assert [Path(file).name for file in last.files] == [
        "0000__0100__improved-500.png",
        "0001__0100__improved-500.png",
        "0001-2__0100__improved-500.png",
    ]
    assert len(last.skipped) == 1 and '"broken.jpg"' in last.skipped[0]
    recipe = read(last.files[1])
    assert (recipe.content.name, recipe.styles[0].name, recipe.settings.size) == (
        "0001.png",
        "0100.png",
        64,
    )
    expected = stylize_image(
        load_image(folder / "0001.png"), load_image(folder / "0100.png"), settings()
    ).image
    assert load_image(last.files[1]).tobytes() == expected.tobytes()


def test_a_photo_too_large_for_the_memory_is_skipped_and_others_are_painted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METHODS, "hungry", Hungry)
    (small,) = draw_folder(tmp_path / "small", 1, 9, (40, 32))
    order = Settings(model="hungry")
    photos = [str(folder / "0000.png"), str(small)]
    *_, last = painted_photos(photos, [str(folder / "0100.png")], order, tmp_path)
    assert last.skipped == (f'"0000.png": {NO_MEMORY}',)
    assert [Path(file).name for file in last.files] == ["0009__0100__hungry.png"]


def test_an_avif_is_a_photo_like_others(folder: Path, tmp_path: Path) -> None:
    photo = tmp_path / "phone.avif"
    with Image.open(folder / "0000.png") as image:
        image.save(photo, quality=95)
    *_, last = painted_photos([str(photo)], [str(folder / "0100.png")], settings(), tmp_path)
    assert not last.skipped
    assert read(last.files[0]).content.name == "phone.avif"
    [cell, *_] = painted_cells(str(photo), MODEL, 128, StyleForm())
    assert cell.before.size == (128, 96)


def test_names_that_folders_of_some_systems_hold_for_the_same_differ() -> None:
    names: set[str] = set()
    given = ("a", "A", "a-2", "a", "caf\u00e9", "cafe\u0301")
    assert [distinct_name(name, "__b__m.png", names).split("__")[0] for name in given] == [
        "a", "A-2", "a-2-2", "a-3", "caf\u00e9", "cafe\u0301-2",
    ]  # fmt: skip


def test_limits_are_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, style = str(folder / "0000.png"), [str(folder / "0100.png")]
    for photos, said in (
        ([], "Choose photos first"),
        ([photo] * 21, "These are 21 photos; at most 20"),
    ):
        with pytest.raises(RequestError, match=said):
            next(painted_photos(photos, style, settings(), tmp_path))
    assert "2 photos, " in many_photos.accept([uploaded_file(Path(photo)) for _ in range(2)])
    monkeypatch.setattr(photo_steps, "MAX_BYTES", 1000)
    with pytest.raises(RequestError, match="KB together; at most"):
        next(painted_photos([photo], style, settings(), tmp_path))
    assert 'role="alert"' in many_photos.accept([uploaded_file(Path(photo))])
    assert list(tmp_path.iterdir()) == []


def test_a_broken_painting_ends_it_before_the_first_photo(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'"broken\.jpg"'):
        next(
            painted_photos(
                [str(folder / "0000.png")], [str(folder / "broken.jpg")], settings(), tmp_path
            )
        )


def test_a_part_of_the_painting_that_is_too_small_ends_it_before_the_first_photo(
    folder: Path, tmp_path: Path
) -> None:
    """Not said of each photo, as if that could not be used."""
    small = replace(settings(), style_crop=((0, 0, 0.1, 0.1),))
    photos = [str(folder / "0000.png"), str(folder / "0001.png")]
    with pytest.raises(ValueError, match=r"^The part of the painting has"):
        next(painted_photos(photos, [str(folder / "0100.png")], small, tmp_path))


@pytest.mark.parametrize("value", [{"path": "/etc/passwd"}, "/etc/passwd", {}])
def test_files_that_were_not_uploaded_are_not_read(value: Any) -> None:
    assert "did not arrive as a file" in many_photos.accept([value])


def test_a_zip_is_whole_or_not_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "photos.zip"
    monkeypatch.setattr(photo_steps, "new_file", lambda name: str(target))
    files = (str(folder / "0000.png"), str(folder / "gone.png"))
    step = PhotosStep(2, 2, files, ("0000", "gone"), (), 1.0)
    with pytest.raises(OSError, match=r"gone\.png"):
        zipped(step, "painting.png", MODEL)
    assert list(tmp_path.iterdir()) == []


def test_stopped_photos_come_in_a_zip_of_those_that_are_painted(folder: Path) -> None:
    visitor = gr.Request(session_hash="visitor")
    photos = [uploaded_file(folder / f"000{i}.png") for i in range(3)]
    run = many_photos.paint(visitor, photos, uploaded_file(folder / "0100.png"), MODEL, 64)
    next(run)
    first = next(run)
    assert [name for _, name in first["results"]] == ["0000"] and "1 of 3 photos" in first["status"]
    many_photos._painting.stop(visitor)
    *_, last = run
    assert "1 painted, stopped after 1 of 3" in last["status"] and last["go"].visible
    names = zipfile.ZipFile(last["download"].value["path"]).namelist()
    assert names == ["0000__0100__improved-500.png"]
    assert not many_photos._painting._stops


def test_photos_are_painted_with_what_the_controls_say(folder: Path) -> None:
    visitor = gr.Request(session_hash="visitor")
    look: dict[str, Any] = {"strength": 60, "colours": "recolour", "style_size": 96}
    look |= {"second": uploaded_file(folder / "0101.png"), "weight_1": 30, "weight_2": 10}
    photos, style = [uploaded_file(folder / "0000.png")], uploaded_file(folder / "0100.png")
    *_, last = many_photos.paint(visitor, photos, style, MODEL, 64, **look)
    recipe = read(last["results"][0][0])
    assert [source.name for source in recipe.styles] == ["0100.png", "0101.png"]
    assert recipe.settings == replace(
        settings(), mix=(30, 10), strength=0.6, colours="recolour", style_size=96
    )
    *_, refused = many_photos.paint(visitor, photos, style, MODEL, 64, **look | {"strength": 500})
    assert 'role="alert"' in refused["status"] and "strength" in refused["status"]


@pytest.fixture
def small_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of refining on crops of the usual 256 px takes seconds."""
    monkeypatch.setattr(refine, "TrainingBatches", partial(refine.TrainingBatches, crop=64))


def test_a_painting_is_refined_once_and_all_photos_are_painted_with_it(
    folder: Path, small_crops: None
) -> None:
    visitor, style = gr.Request(session_hash="visitor"), uploaded_file(folder / "0100.png")
    photos = [uploaded_file(folder / name) for name in ("broken.jpg", "0000.png", "0001.png")]
    order: dict[str, Any] = {"mode": "refined", "batches": 3}
    answers = list(many_photos.paint(visitor, photos, style, MODEL, 64, **order))
    said = [answer["status"] for answer in answers if "status" in answer]
    refining = [text for text in said if "Refining: " in text]
    assert "the first batch" in refining[0]
    assert ["1 of 3 batches" in refining[1], "2 of 3 batches" in refining[2]] == [True, True]
    assert len(refining) == 3, "for the first photo that can be read, and never again"
    assert "Skipped: " in refining[2], "what was skipped before stays to be read"
    assert "refined with 3 of 3 batches" in said[-1] and "2 painted" in said[-1]
    files = [file for file, _ in answers[-1]["results"]]
    assert [read(file).settings.refine for file in files] == [3, 3]
    request = StylizeRequest(str(photos[2]["path"]), [str(style["path"])], settings())
    *_, alone = repaint(replace(request, settings=replace(settings(), refine=3)))
    assert load_image(files[1]).tobytes() == alone.after.tobytes(), "as in the tab Transfer"


def test_the_time_left_is_that_of_the_photos_without_the_refining() -> None:
    step = PhotosStep(1, 3, ("a.png",), ("a",), (), seconds=605.0, refining=600.0)
    assert "1 of 3 photos · about 10 s left" in many_photos.progress(step)


def test_stopped_refining_gives_the_first_photo_with_what_it_had_reached(
    folder: Path, small_crops: None
) -> None:
    visitor, style = gr.Request(session_hash="visitor"), uploaded_file(folder / "0102.png")
    photos = [uploaded_file(folder / f"000{i}.png") for i in range(3)]
    order: dict[str, Any] = {"mode": "refined", "batches": 100}
    run = many_photos.paint(visitor, photos, style, MODEL, 64, **order)
    next(answer for answer in run if "1 of 100 batches" in answer["status"])
    many_photos._painting.stop(visitor)
    *_, last = run
    assert "1 painted, stopped after 1 of 3" in last["status"] and last["go"].visible
    [(file, _)] = last["results"]
    done = read(file).settings.refine
    assert 1 <= done < 100 and f"stopped after {done} of 100 batches" in last["status"]


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"colours": "recolour"}, "refined anew for each"),
        ({"batches": 0}, "from 1 to 100"),
        ({"model": "gatys"}, "no trained model named gatys"),
    ],
)
def test_photos_that_would_each_take_minutes_are_refused(
    folder: Path, order: dict[str, Any], said: str
) -> None:
    photos, style = [uploaded_file(folder / "0000.png")], uploaded_file(folder / "0100.png")
    usual: dict[str, Any] = {"model": MODEL, "mode": "refined", "size": 64}
    visitor = gr.Request(session_hash="visitor")
    *_, last = many_photos.paint(visitor, photos, style, **usual | order)
    assert said in last["status"] and last["go"].visible


# ---- the page: endpoints and a browser ----


@pytest.fixture(scope="module")
def address(gallery: list[Picture]) -> Iterator[str]:
    """A page of this tab alone, served from this process."""
    with PageBlocks() as blocks:
        photo, note = photo_input("other")
        with gr.Tab("Many", id="many") as tab:
            many.build(tab, photo, note)
    yield app.start(blocks.queue_jobs(), "127.0.0.1", None, None)
    blocks.close()


def test_a_sheet_for_programs(client: Client, folder: Path) -> None:
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {"/sheet", "/stylize_many"}
    assert [p["parameter_name"] for p in named["/sheet"]["parameters"]] == [
        "content",
        "model",
        "size",
        *LOOK,
        *MASK,
    ]
    assert named["/sheet"]["description"].startswith(
        "Paint a photo in every painting of the gallery"
    )
    job = client.submit(handle_file(folder / "0000.png"), size=128, api_name="/sheet")
    *drafts, (sheet, info) = list(job)
    assert drafts[0][0] is None and drafts[0][1]["paintings"] == ["painting-0"]
    assert info["paintings"] == ["painting-0", "painting-1", "painting-2"] and info["size"] == [
        128,
        96,
    ]
    assert load_image(sheet).width > 2 * 128
    with pytest.raises(AppError, match="128 to 384 px"):
        client.predict(handle_file(folder / "0000.png"), size=1000, api_name="/sheet")
    order: dict[str, Any] = {"size": 128, "strength": 0, "colours": "photo"}
    sheet, _ = client.predict(handle_file(folder / "0000.png"), **order, api_name="/sheet")
    labelled = load_image(sheet)
    first, second = (labelled.crop((left, 12, left + 128, 108)) for left in (12, 12 + 128 + 12))
    assert max(ImageStat.Stat(ImageChops.difference(first, second)).mean) < 1, "strength 0"


def test_several_photos_for_programs(client: Client, folder: Path, tmp_path: Path) -> None:
    photos = [handle_file(folder / name) for name in ("0000.png", "broken.jpg", "0001.png")]
    result, info = client.predict(
        photos, handle_file(folder / "0100.png"), size=64, api_name="/stylize_many"
    )
    assert Path(result).name == "photos__0100__improved-500.zip"
    with zipfile.ZipFile(result) as archive:
        assert archive.testzip() is None and archive.namelist() == info["files"]
        archive.extractall(tmp_path)
    assert read(tmp_path / "0001__0100__improved-500.png").settings == settings()
    assert len(info["files"]) == 2 and '"broken.jpg"' in info["skipped"][0]
    look: dict[str, Any] = {"strength": 0.5, "style_2": handle_file(folder / "0000.png")}
    result, _ = client.predict(
        photos[:1], handle_file(folder / "0100.png"), size=64, **look, api_name="/stylize_many"
    )
    with zipfile.ZipFile(result) as archive:
        [name] = archive.namelist()
        archive.extract(name, tmp_path)
    painted = read(tmp_path / name)
    assert painted.settings == replace(settings(strength=0.5), mix=(1, 1))
    assert len(painted.styles) == 2
    none, info = client.predict(
        photos[1:2], handle_file(folder / "0100.png"), size=64, api_name="/stylize_many"
    )
    assert none is None and len(info["skipped"]) == 1
    for order, said in (({"size": 5000}, "16 to 2048 px"), ({"model": "starry"}, "starry")):
        with pytest.raises(AppError, match=said):
            client.predict(
                photos, handle_file(folder / "0100.png"), **order, api_name="/stylize_many"
            )


def test_several_photos_are_refined_for_programs(
    client: Client, folder: Path, tmp_path: Path, small_crops: None
) -> None:
    named = client.view_api(return_format="dict")["named_endpoints"]["/stylize_many"]
    names = [p["parameter_name"] for p in named["parameters"]]
    assert names == [
        "photos",
        "style",
        "model",
        "size",
        *LOOK,
        *MIX,
        "mode",
        "batches",
        "style_crop",
    ]
    photos = [handle_file(folder / name) for name in ("0000.png", "0001.png")]
    order: dict[str, Any] = {"size": 64, "mode": "refined", "batches": 3}
    style = handle_file(folder / "0101.png")
    job = client.submit(photos, style, **order, api_name="/stylize_many")
    *earlier, (result, info) = list(job)
    assert (0, 1) in [(told["done"], told["batches_done"]) for _, told in earlier]
    with zipfile.ZipFile(result) as archive:
        archive.extractall(tmp_path)
    assert [read(tmp_path / name).settings.refine for name in info["files"]] == [3, 3]
    with pytest.raises(AppError, match="no mode named better"):
        client.predict(photos, style, mode="better", api_name="/stylize_many")


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = new_page(browser, width=390)
    page.goto(address, wait_until="domcontentloaded")
    yield page
    page.context.close()


def test_both_halves_in_a_browser(page: Page, folder: Path, tmp_path: Path) -> None:
    foreign = foreign_requests(page)
    small = page.locator("#sheet button")
    expect(page.locator("#sheet-remark")).to_contain_text("No mixing here")
    expect(small).to_have_count(3)
    expect(small.first).to_be_disabled()
    page.locator("#many-photo input[type=file]").set_input_files(folder / "0002.png")
    expect(page.locator("#many-photo-note")).to_contain_text("0002.png, 96 × 72 px")
    page.get_by_role("button", name="Show every painting").click()
    expect(page.locator("#sheet-status")).to_contain_text("3 paintings")
    expect(page.locator("#sheet-status")).to_contain_text("each 192 × 144 px")
    small.nth(1).click()
    name = re.compile(r"0002__0101__improved-500\.png$")
    expect(page.locator("#many-slider img").nth(1)).to_have_attribute("src", name)
    expect(page.locator("#many-large")).to_contain_text("Poppies")
    expect(small.nth(1)).to_have_attribute("aria-pressed", "true")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the sheet as PNG").click()
    assert download.value.suggested_filename == "0002__sheet__improved-500.png"

    page.get_by_role("tab", name="Several photos").click()
    expect(page.locator("#many-remark")).to_contain_text("No mask here")
    photos = [folder / name for name in ("0000.png", "broken.jpg", "0001.png")]
    page.locator("#many-files input[type=file]").set_input_files(photos)
    expect(page.locator("#many-files-note")).to_contain_text("3 photos")
    page.get_by_role("button", name="Paint the photos").click()
    expect(page.locator("#many-status")).to_contain_text("2 painted")
    expect(page.locator("#many-status").get_by_role("alert")).to_contain_text(
        'Skipped: "broken.jpg"'
    )
    expect(page.locator("#many-results img")).to_have_count(2)
    expect(page.locator("#many-results .caption-label")).to_have_text(["0000", "0001"])
    with page.expect_download() as download:
        page.get_by_role("button", name="Download zip").click()
    download.value.save_as(tmp_path / "photos.zip")
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
        archive.extractall(tmp_path)
    assert read(tmp_path / "0001__0100__improved-500.png").content.name == "0001.png"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert foreign == []
