"""The tab Transfer without a browser: what its functions do, and its endpoints as programs call them."""

import html
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.utils import get_upload_folder
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import app
from core.baselines.adapter import METHODS
from core.inference.model_store import ModelStore
from core.inference.stylizer import Cancelled
from core.models.model_card import CARD
from core.models.registry import MODELS
from core.provenance import read
from core.reproduce import command_line
from core.settings import Settings, SettingsError
from demo.server.job_queue import AT_ONCE, LONG
from demo.server.turns import Job
from demo.shared import controls, messages, requests
from demo.shared.background import in_background
from demo.shared.controls import settings_of
from demo.shared.endpoint_look import CROP, LOOK, MASK, MASKS, MIX
from demo.shared.picture_place import accepted
from demo.shared.requests import RequestError, StylizeRequest, file_name, repaint
from demo.shared.uploads import label_of, new_file
from demo.shared.widgets import another
from demo.transfer import endpoints
from gallery.pictures import find_content, find_style, paintings
from tests.hungry import GPU_ERROR, Hungry
from tests.runs import write_about

PHOTO = str(find_content("coffee").path())  # 600 x 400 px
PAINTING = str(find_style("duerer_lion").path())


@pytest.fixture
def no_models(tmp_path: Path) -> Iterator[None]:
    with ModelStore(tmp_path).in_use():
        yield


def uploaded_file(name: str, write: Callable[[Path], object]) -> dict[str, object]:
    """The value of an Image component after a file of that name was uploaded."""
    path = Path(new_file(name))
    write(path)
    return {"path": str(path), "orig_name": name}


# ---- names ----


@pytest.mark.parametrize(
    ("content", "style", "expected"),
    [
        ("/tmp/a/photo.jpg", "wave.png", "photo__wave__improved-500.png"),
        ("my photo (1).heic", "Café Terrace.jpg", "my-photo--1__Café-Terrace__improved-500.png"),
        ("照片.jpg", "星夜.jpg", "照片__星夜__improved-500.png"),
        ("../../etc/...", "<b>.png", "picture__b__improved-500.png"),
        ("../../etc/..png", "<b>.png", "png__b__improved-500.png"),
        ("字" * 100 + ".png", "x.png", "字" * 20 + "__x__improved-500.png"),
    ],
)
def test_a_result_is_named_after_its_two_pictures(content: str, style: str, expected: str) -> None:
    assert file_name(content, style, "improved-500") == expected


def test_the_flagship_is_offered_first_then_the_original_models(
    tmp_path: Path,
) -> None:
    store = ModelStore(tmp_path)
    for name in ("original-1000", "original-500", "improved-500", "ablation-mse"):
        card = json.loads((write_about(tmp_path / name, name) / CARD).read_text())
        card["variant"] |= {"title": name.upper(), "base": 32}
        (tmp_path / name / CARD).write_text(json.dumps(card))
    assert list(store.titles()) == ["original-500", "original-1000", "improved-500", "ablation-mse"]
    assert store.titles()["improved-500"] == "IMPROVED-500"
    (tmp_path / "flagship").mkdir()
    (tmp_path / "flagship" / "model.json").write_text("cut off")
    assert next(iter(store.titles().items())) == ("flagship", MODELS["flagship"].title)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.json").write_text("cut off")
    assert store.titles()["mine"] == "mine"


# ---- repainting ----


def settings(**changed: Any) -> Settings:
    """What the page's controls come to, untouched but for some of them."""
    untouched: dict[str, Any] = {
        "model": "original-500",
        "mode": "instant",
        "batches": 20,
        "size": 512,
        "style_size": 256,
    }
    return settings_of(**(untouched | changed))


def test_memory_is_given_back_after_a_large_picture_before_the_next_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else each thread of the server keeps the gigabyte that its largest picture took."""
    held: list[bool] = []
    monkeypatch.setattr(
        requests, "release_freed_memory", lambda: held.append(requests.TURNS._taken)
    )
    order = StylizeRequest(PHOTO, [PAINTING], settings(size=64))
    list(repaint(order))
    assert held == []
    for given_back in (1000, 300_000):  # all pictures are larger, or the painting alone
        monkeypatch.setattr(requests, "GIVEN_BACK", given_back)
        list(repaint(order))
    assert held == [True, True]


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("size", "expected"), [(256, (256, 171)), (1024, (1024, 683)), (controls.OWN, (600, 400))]
)
def test_before_and_after_have_the_size_that_was_asked_for(
    size: int, expected: tuple[int, int]
) -> None:
    [painting] = repaint(StylizeRequest(PHOTO, [PAINTING], settings(size=size)))
    assert painting.before.size == painting.after.size == expected
    assert painting.content_size == (600, 400)
    assert painting.file_name == "coffee__duerer_lion__original-500.png"
    assert painting.seconds["total"] >= painting.seconds["style"] + painting.seconds["transform"]


@pytest.mark.usefixtures("models")
def test_pixels_can_be_optimised_in_place_of_a_model() -> None:
    chosen = settings(model="gatys", size=32, style_size=64)
    assert chosen.refine == 100, "a fixed number of steps"
    *drafts, painting = repaint(StylizeRequest(PHOTO, [PAINTING], replace(chosen, refine=5)))
    assert [draft.batches_done for draft in drafts] == [1, 2, 4]
    assert painting.file_name == "coffee__duerer_lion__gatys.png"
    assert "refined with 5 of 5 steps" in messages.facts(painting)
    assert painting.recipe and "--model gatys --size 32 --style-size 64 --refine 5" in command_line(
        painting.recipe
    )


@pytest.mark.usefixtures("models")
def test_the_photos_own_size_ends_at_what_a_public_page_can_bear(tmp_path: Path) -> None:
    wide = tmp_path / "wide.png"
    Image.radial_gradient("L").convert("RGB").resize((2400, 120)).save(wide)
    [painting] = repaint(
        StylizeRequest(str(wide), [PAINTING], settings(size=controls.OWN, strength=0))
    )
    assert painting.after.size == (2048, 102)
    assert painting.recipe and painting.recipe.settings.size == 2048


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"model": "starry"},
            "no trained model named starry; choose one of original-500, improved-500",
        ),
        ({"model": "/etc"}, "no trained model named /etc"),
        ({"mode": "slow"}, "no mode named slow"),
        ({"mode": "refined", "batches": 101}, "whole number from 1 to 100"),
        ({"mode": "refined", "batches": 2.5}, "whole number from 1 to 100"),
        ({"size": 4096}, "16 to 2048 px"),
        ({"model": "gatys", "size": 768}, "choose a longest side of at most 512 px"),
        ({"size": float("nan")}, "16 to 2048 px"),
        ({"detail": 4096}, "16 to 2048 px"),
        ({"style_size": 1000}, "64 to 512 px"),
        ({"strength": 2}, "strength must be a number from 0 to 1.5"),
        ({"colours": "sepia"}, "no way 'sepia' to colour"),
    ],
)
def test_an_impossible_order_is_refused_in_one_sentence(changed: dict[str, Any], said: str) -> None:
    with pytest.raises((RequestError, SettingsError), match=said):
        next(repaint(StylizeRequest(PHOTO, [PAINTING], settings(**changed))))


@pytest.mark.usefixtures("models")
def test_an_order_needs_its_pictures() -> None:
    with pytest.raises(RequestError, match="Choose a photo first"):
        next(repaint(StylizeRequest(None, [PAINTING], settings())))
    with pytest.raises(RequestError, match="Choose a painting first"):
        next(repaint(StylizeRequest(PHOTO, [None, PAINTING], settings())))


@pytest.mark.usefixtures("no_models")
def test_without_a_model_the_command_that_trains_one_is_named() -> None:
    with pytest.raises(RequestError, match=r"python -m core\.train improved-500"):
        next(repaint(StylizeRequest(PHOTO, [PAINTING], settings(model=None))))


# ---- work in the background ----


def counting(give: Callable[[int], None], job: Job, stopped: Callable[[], bool]) -> None:
    """Gives 1, 2, ... until it is stopped."""
    done = 0
    while not stopped():
        done += 1
        give(done)
    raise Cancelled


def test_what_works_in_the_background_gives_one_after_the_other_and_leaves_the_callers_stop_alone() -> (
    None
):
    def three(give: Callable[[int], None], *_: object) -> None:
        for number in range(3):
            give(number)

    stop = threading.Event()
    assert list(in_background(three, stop)) == [0, 1, 2]
    assert not stop.is_set()


def test_what_is_stopped_in_the_background_ends_with_what_it_raises() -> None:
    stop = threading.Event()
    run = in_background(counting, stop)
    assert next(run) == 1
    stop.set()
    with pytest.raises(Cancelled):
        list(run)


def test_what_nobody_waits_for_does_not_go_on_in_the_background() -> None:
    stop = threading.Event()
    run = in_background(counting, stop)
    next(run)
    run.close()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread.name == "refine":
            thread.join(timeout=60)
            assert not thread.is_alive()
    assert not stop.is_set()


# ---- pictures that visitors bring ----


def test_a_broken_picture_leaves_the_former_one_and_gets_a_sentence() -> None:
    kept, said = accepted(
        uploaded_file("holiday.jpg", lambda path: path.write_bytes(b"\xff\xd8\xff\xe0 no"))
    )
    assert kept == gr.skip()
    assert '"holiday.jpg" is damaged' in html.unescape(said)
    assert "accepted are PNG, JPEG" in said


def test_a_good_picture_comes_in_with_its_name_and_size() -> None:
    file = uploaded_file("a<b>.png", Image.new("RGB", (40, 30)).save)
    kept, said = accepted(file)
    assert (kept["path"], kept["brought"]) == (file["path"], file["path"])
    assert kept["orig_name"] == "a<b>.png"
    assert "a&lt;b&gt;.png, 40 × 30 px" in said


def test_a_random_painting_is_never_the_one_that_is_there() -> None:
    note = messages.caption(label_of(paintings()[0]))
    seen = {another(note)[1] for _ in range(200)}
    assert note not in seen and len(seen) > 10
    assert seen <= {messages.caption(label_of(each)) for each in paintings()}


def test_an_avif_comes_in_as_it_is() -> None:
    kept, said = accepted(uploaded_file("phone.avif", Image.new("RGB", (60, 40), "red").save))
    assert Path(kept["path"]).name == "phone.avif" and "phone.avif, 60 × 40 px" in said


def test_a_picture_that_browsers_do_not_show_is_shown_as_png() -> None:
    kept, said = accepted(uploaded_file("scan.tif", Image.new("RGB", (3000, 1500), "red").save))
    assert "scan.tif, 3000 × 1500 px" in said
    with Image.open(kept["path"]) as shown:
        assert (Path(kept["path"]).name, shown.format, shown.size) == (
            "scan.png",
            "PNG",
            (2048, 1024),
        )


# ---- endpoints ----


def test_every_named_endpoint_is_documented(client: Client) -> None:
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert {"/stylize", "/refine", "/models"} <= set(named)
    assert all(endpoint["description"] for endpoint in named.values())
    parameters = [parameter["parameter_name"] for parameter in named["/stylize"]["parameters"]]
    own = ["content", "style", "model", "mode", "batches", "size"]
    assert parameters == [*own, *LOOK, *MIX, *MASK, *MASKS, *CROP]
    defaults = [parameter["parameter_has_default"] for parameter in named["/stylize"]["parameters"]]
    assert defaults == [False, False] + [True] * (len(parameters) - 2)


def test_refining_waits_in_the_line_of_what_is_long() -> None:
    with gr.Blocks() as page:
        endpoints.build(gr.Dropdown(), gr.Radio())
    lines = {fn.api_name: fn.concurrency_id for fn in page.fns.values()}
    assert (lines["refine"], lines["stylize"]) == (LONG, AT_ONCE)


def test_models_lists_what_there_is(client: Client) -> None:
    assert list(client.predict(api_name="/models")) == ["original-500", "improved-500"]


def test_stylize_answers_with_a_png_and_what_there_is_to_say(client: Client) -> None:
    picture, info = client.predict(
        handle_file(PHOTO),
        handle_file(PAINTING),
        model="original-500",
        size=256,
        api_name="/stylize",
    )
    assert Path(picture).name == info["file_name"] == "coffee__duerer_lion__original-500.png"
    with Image.open(picture) as image:
        assert (image.format, image.size) == ("PNG", (256, 171))
    assert info["content_size"] == [600, 400]
    assert set(info["seconds"]) == {"model", "style", "transform", "total"}


def test_stylize_takes_every_control_and_the_png_carries_them(
    client: Client, tmp_path: Path
) -> None:
    mask = tmp_path / "mask.png"
    Image.new("L", (60, 40)).save(mask)
    picture, info = client.predict(
        handle_file(PHOTO),
        handle_file(PAINTING),
        model="original-500",
        size=96,
        strength=0.5,
        colours="photo",
        detail=64,
        style_2=handle_file(find_style("stained_glass").path()),
        mix="3, 1",
        mask=handle_file(mask),
        mask_softness=2,
        mask_invert=True,
        api_name="/stylize",
    )
    chosen = {
        "strength": 0.5,
        "colours": "photo",
        "detail": 64,
        "mix": [3, 1],
        "mask_softness": 2,
        "mask_invert": True,
    }
    assert chosen.items() <= info["settings"].items()
    recipe = read(picture)
    assert recipe.settings.to_json() == info["settings"]
    assert [style.name for style in recipe.styles] == ["duerer_lion.jpg", "stained_glass.jpg"]
    assert "--mix 3.0 1.0" in info["command"] and "--mask mask.png" in info["command"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mix": "much, little"}, 'weights of a mix must be numbers, as in "0.7 0.3"'),
        ({"mix": "0.7 0.3"}, "2 weights for 1 painting;"),
        ({"outside": handle_file(PAINTING)}, "A painting for outside the mask needs a mask"),
        ({"strength": -1}, "strength must be a number from 0 to 1.5"),
    ],
)
def test_stylize_refuses_what_does_not_go_together(
    client: Client, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(AppError, match=said):
        client.predict(
            handle_file(PHOTO), handle_file(PAINTING), size=96, api_name="/stylize", **changed
        )


@pytest.mark.slow
def test_refine_answers_with_the_loss_it_reached(client: Client) -> None:
    job = client.submit(
        handle_file(PHOTO),
        handle_file(PAINTING),
        model="original-500",
        batches=1,
        size=256,
        api_name="/refine",
    )
    [(picture, info)] = list(job)
    assert Path(picture).name == "coffee__duerer_lion__original-500.png"
    assert (info["batches_done"], info["draft"], info["output_size"]) == (1, False, [256, 171])
    assert info["style_loss"] > 0


@pytest.mark.slow
def test_refine_takes_a_painting_for_each_of_several_masks(client: Client, tmp_path: Path) -> None:
    left, right = tmp_path / "left.png", tmp_path / "right.png"
    for path, x in ((left, 0), (right, 32)):
        mask = Image.new("L", (64, 64))
        mask.paste(255, (x, 0, x + 32, 64))
        mask.save(path)
    order = {"style_2": handle_file(PHOTO), "model": "original-500", "batches": 1, "size": 64}
    order |= {"mask": handle_file(left), "mask_2": handle_file(right), "api_name": "/refine"}
    *_, (_, info) = list(client.submit(handle_file(PHOTO), handle_file(PAINTING), **order))
    assert info["batches_done"] == 1 and info["command"].count("--mask") == 1
    assert info["command"].count("left.png") == info["command"].count("right.png") == 1
    del order["mask"], order["mask_2"]
    with pytest.raises(AppError, match="Refining takes one painting"):
        client.predict(handle_file(PHOTO), handle_file(PAINTING), **order)


def test_stylize_refuses_a_broken_picture_in_one_sentence(client: Client, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("milk, eggs")
    with pytest.raises(
        AppError, match=r'"notes\.png" is a text file, which cannot be used; accepted are PNG'
    ):
        client.predict(
            handle_file(tmp_path / "notes.png"), handle_file(PAINTING), api_name="/stylize"
        )


def test_memory_that_does_not_suffice_is_a_sentence_that_says_what_helps(
    models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METHODS, "hungry", Hungry)
    photo, painting = (
        uploaded_file("in.jpg", partial(shutil.copy, it)) for it in (PHOTO, PAINTING)
    )
    look = [part.default for part in signature(endpoints.stylize).parameters.values()][6:]
    with pytest.raises(type(GPU_ERROR)) as raised:
        endpoints.stylize(photo, painting, "hungry", "instant", 20, 256, *look)
    said = messages.sentence(raised.value)
    assert "not enough memory for this on the server; choose a smaller size" in said


def test_stylize_refuses_a_file_that_was_not_uploaded(address: str) -> None:
    """Gradio itself checks only values that carry its mark; a hand-made request leaves the mark out."""
    assert not Path(PHOTO).is_relative_to(get_upload_folder())
    order = [
        {"path": PHOTO},
        {"path": PAINTING},
        "original-500",
        "instant",
        20,
        256,
        256,
        1,
        "style",
        0,
        *[None] * 3,
        "",
        *[None] * 3,
        False,
        False,
        *[None] * 3,
        "",
    ]
    event = httpx.post(f"{address}gradio_api/call/stylize", json={"data": order}).json()["event_id"]
    answer = httpx.get(f"{address}gradio_api/call/stylize/{event}", timeout=30).text
    assert answer.startswith("event: error")
    assert "did not arrive as a file" in answer


# ---- the command ----


@pytest.mark.slow
def test_sharing_that_fails_leaves_the_page_up_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def no_tunnel(*_: object) -> str:
        raise RuntimeError("Could not get share link from Gradio API Server.")

    pages = []

    def look_and_leave() -> None:
        said = capsys.readouterr()
        pages.extend([httpx.get(said.out.split()[-1]).text, said.err])

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(app.networking, "setup_tunnel", no_tunnel)
    monkeypatch.setattr(app, "wait_until_told", look_and_leave)
    assert app.main(["--share", "--checkpoints", str(tmp_path)]) == 0
    assert "python -m core.train improved-500" in pages[0]
    assert "gradio.s3" not in pages[0], "a page for sharing loads its scripts from the network"
    assert "could not be shared, only the address above works: Could not get share" in pages[1]


def test_a_malformed_auth_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app.parse(["--auth", "visitor"])
    assert "user:password" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--checkpoints", "--runs"])
def test_a_folder_without_a_name_is_refused(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        app.parse([option, ""])
    assert "the name is empty" in capsys.readouterr().err
