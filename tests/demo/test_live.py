"""The tab Live: whose turn it is, what becomes of a frame, and two visitors with Chromium's pretended camera."""

import base64
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from core.images.decode import ImageError
from core.inference.model_store import ModelStore
from core.settings import SettingsError
from demo import live
from demo.live import CameraQueue, repaint
from demo.shared.requests import RequestError
from demo.shared.style_form import StyleForm
from gallery.pictures import find_style
from tests.browser import CAMERA, new_page, open_page

PAINTING = str(find_style("duerer_lion").path())


@pytest.fixture
def models(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(live, "_queue", CameraQueue())
    live._stylizer.cache_clear()
    with ModelStore(checkpoints).in_use():
        yield
    live._stylizer.cache_clear()


def data_url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


# ---- whose turn it is ----


def test_one_visitor_alone_is_live_as_long_as_they_like() -> None:
    queue = CameraQueue(limit=60, patience=3)
    assert [queue.wait("a", now) for now in range(200)] == [0] * 200


def test_others_wait_and_are_told_how_long_at_most() -> None:
    queue = CameraQueue(limit=60, patience=3)
    assert queue.wait("a", 0) == 0
    assert [queue.wait("b", 1), queue.wait("c", 1)] == [59, 119]
    assert [queue.wait("a", 2), queue.wait("b", 2), queue.wait("c", 2)] == [0, 58, 118]


def test_a_turn_passes_on_when_its_time_is_over_and_someone_waits() -> None:
    queue = CameraQueue(limit=60, patience=3)
    for now in range(60):
        assert (queue.wait("a", now), queue.wait("b", now)) == (0, 60 - now)
    assert (queue.wait("a", 60), queue.wait("b", 60)) == (60, 0)
    assert queue.wait("a", 61) == 59


def test_a_visitor_who_waits_longer_goes_first() -> None:
    queue = CameraQueue(limit=10, patience=3)
    for now in range(30):
        live_now = [name for name in "abc" if queue.wait(name, now) == 0]
        assert live_now[-1] == "abc"[now // 10]


def test_the_next_visitor_goes_on_when_the_one_who_is_live_stops() -> None:
    queue = CameraQueue(limit=60, patience=3)
    queue.wait("a", 0)
    assert [queue.wait("b", now) for now in (1, 2, 3)] == [59, 58, 57]
    assert queue.wait("b", 3.5) == 0
    assert queue.wait("a", 4) == pytest.approx(59.5)


# ---- a frame ----


@pytest.mark.usefixtures("models")
def test_a_frame_comes_back_painted_in_the_chosen_size(photos: dict[str, Image.Image]) -> None:
    frame = data_url(photos["coffee"])
    painted = repaint(frame, PAINTING, "original-500", 256)
    with Image.open(
        io.BytesIO(base64.b64decode(painted.removeprefix("data:image/jpeg;base64,")))
    ) as image:
        assert (image.format, image.size) == ("JPEG", (256, 171))
    assert repaint(frame, PAINTING, "improved-500", 256) != painted


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    "address",
    [
        None,
        PAINTING,
        "file:///etc/passwd",
        "http://127.0.0.1/frame.jpg",
        "data:text/plain;base64,bWlsaw==",
        "data:image/jpeg;base64,!",
        "data:image/jpeg;base64," + "A" * 5_000_000,
    ],
)
def test_only_pictures_that_are_sent_along_are_read(address: str | None) -> None:
    with pytest.raises(ImageError, match=r"picture did not arrive"):
        repaint(address, PAINTING, "original-500", 256)


@pytest.mark.usefixtures("models")
def test_a_frame_that_is_broken_or_too_large_is_refused() -> None:
    with pytest.raises(ImageError, match="is empty"):
        repaint("data:image/jpeg;base64,", PAINTING, "original-500", 256)
    with pytest.raises(ImageError, match="too many"):
        repaint(data_url(Image.new("RGB", (4000, 1000))), PAINTING, "original-500", 256)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("style", "model", "size", "said"),
    [
        (None, "original-500", 256, "Choose a painting first"),
        (
            PAINTING,
            "starry",
            256,
            "no trained model named starry; choose one of original-500, improved-500",
        ),
        (PAINTING, "original-500", 4096, "longest side can be 256, 320, 384, 512 px"),
    ],
)
def test_an_impossible_order_is_refused_in_one_sentence(
    style: str | None, model: str, size: float, said: str
) -> None:
    with pytest.raises(RequestError, match=said):
        repaint(data_url(Image.new("RGB", (64, 48))), style, model, size)


@pytest.mark.usefixtures("models")
def test_a_second_visitor_is_told_to_wait() -> None:
    camera, style = {"url": data_url(Image.new("RGB", (64, 48)))}, None
    first, second = (gr.Request(session_hash=name) for name in "ab")
    said = live.frame(first, camera, style, "original-500", 256)["status"]
    assert "Choose a painting first" in said
    answer = live.frame(second, camera, style, "original-500", 256)
    assert "picture" not in answer
    said = answer["status"]
    assert re.search(r"Another visitor is live; your turn comes in at most (59|60) s", said)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("colours", ["recolour", "match"])
def test_frames_are_painted_with_what_the_controls_say(
    colours: str, photos: dict[str, Image.Image]
) -> None:
    first, second = data_url(photos["coffee"]), data_url(photos["chelsea"])
    form = StyleForm(strength=50 if colours == "recolour" else 100, colours=colours)
    mine = repaint(first, PAINTING, "original-500", 256, form, "me")
    assert mine != repaint(first, PAINTING, "original-500", 256)
    assert repaint(first, PAINTING, "original-500", 256, form, "me") == mine
    repaint(second, PAINTING, "original-500", 256, form, "you")
    assert repaint(first, PAINTING, "original-500", 256, form, "me") == mine, "each has their own"
    with pytest.raises(SettingsError, match="strength"):
        repaint(first, PAINTING, "original-500", 256, StyleForm(strength=500))


def test_the_rate_is_that_of_the_latest_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100, 100.5, 101, 101.25, 101.5, 200, 200.1, 200.2])
    monkeypatch.setattr(live.time, "monotonic", lambda: next(clock))
    said = [live.rate("visitor") for _ in range(8)]
    assert ["frames/s" in line for line in said] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
        True,
    ]
    assert "Live: 2.7 frames/s" in said[4] and "Live: 10.0 frames/s" in said[7]


@pytest.mark.usefixtures("models")
def test_frames_that_come_too_fast_are_dropped_and_the_latest_is_painted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    painted: list[str] = []

    def slow(camera: str, *_: object) -> str:
        time.sleep(0.3)
        painted.append(camera)
        return camera

    monkeypatch.setattr(live, "repaint", slow)
    with gr.Blocks() as blocks:
        live.build()
    _, address, _ = blocks.launch(prevent_thread_lock=True, quiet=True)
    [event] = [number for number, event in blocks.fns.items() if event.connection == "stream"]
    body = {"fn_index": event, "session_hash": "visitor"}
    with httpx.Client(base_url=f"{address}gradio_api/") as page:
        look = [each.value for each in blocks.fns[event].inputs[4:]]
        order = [None, "original-500", 256, *look]
        name = page.post("queue/join", json=body | {"data": [{"url": "0"}, *order]}).json()[
            "event_id"
        ]
        for number in range(1, 11):
            time.sleep(0.05)
            page.post(f"stream/{name}", json=body | {"data": [{"url": str(number)}, *order]})
        time.sleep(0.7)
        page.post(f"stream/{name}/close")
    blocks.close()
    assert painted[0] == "0" and painted[-1] == "10"
    assert len(painted) <= 5


# ---- in the browser ----


@pytest.fixture(scope="module")
def chromium_flags() -> list[str]:
    return CAMERA


WAITING_WITHOUT_A_PICTURE = r"""() =>
    /your turn comes in at most \d+ s/.test(document.querySelector("#live-status").innerText)
    && !document.querySelector("#live img")
"""  # at one moment: on a busy machine the first visitor may be taken for gone soon after


def on_camera(browser: Browser, address: str) -> Page:
    page = new_page(browser, width=900)
    page.context.grant_permissions(["camera"])
    open_page(page, address, "Live")
    page.get_by_role("button", name="Access Webcam").click()
    record(page).click()
    return page


def record(page: Page) -> Locator:
    """The button that starts and stops."""
    return page.locator("#camera").get_by_role("button", name="capture photo")


def status(page: Page) -> Locator:
    return page.locator("#live-status")


def test_the_camera_is_painted_live_for_one_visitor_after_the_other(
    browser: Browser, address: str
) -> None:
    first = on_camera(browser, address)
    expect(status(first)).to_contain_text(re.compile(r"Live: \d+\.\d frames/s"))
    picture = first.locator("#live img")
    expect(picture).to_have_attribute("src", re.compile("^data:image/jpeg;base64,"))
    assert picture.evaluate("image => Math.max(image.naturalWidth, image.naturalHeight)") == 320
    shown = picture.get_attribute("src") or ""
    expect(picture).not_to_have_attribute("src", shown)
    label = "element => getComputedStyle(element, '::after').content"
    button = record(first).locator(".icon-with-text")
    assert button.evaluate(label) == '"Stop"', "nothing is recorded"
    first.mouse.wheel(0, 400)
    expect(picture).to_be_in_viewport(ratio=0.9)  # beside what is chosen below it

    expect(first.locator("#live-remark")).to_contain_text("No mask here")
    first.locator("#live-style-controls button").first.click()
    first.locator("#live-colours").get_by_label("photo's").check()
    expect(status(first)).to_contain_text("frames/s")
    first.locator("#live-paintings").get_by_label("Composition VIII").click()
    expect(first.locator("#live-painting-note")).to_contain_text("Composition VIII")
    expect(status(first)).to_contain_text("frames/s")

    second = on_camera(browser, address)
    second.wait_for_function(WAITING_WITHOUT_A_PICTURE)
    record(first).click()
    expect(status(first)).to_have_text("Stopped.")
    with first.expect_download() as download:
        first.locator("#live").get_by_label("Download").click()
    assert download.value.suggested_filename == "live.jpg"
    with Image.open(download.value.path()) as kept:
        assert kept.format == "JPEG" and max(kept.size) == 320
    assert button.evaluate(label) == '"Start"'
    expect(second.locator("#live img")).to_be_visible()
    expect(status(second)).to_contain_text("Live")
