"""The tab Video: its functions, the endpoint /stylize_video, and a video from upload to download in Chromium."""

import re
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from core.commandline import UserError
from core.frames import FrameStylizer
from core.images.decode import load_image
from core.inference.video import Progress, stylize_video
from core.settings import Settings
from demo import video
from demo.shared.endpoint_look import CROP, LOOK, MIX, OPAQUE_MASK
from demo.shared.style_form import StyleForm
from demo.shared.uploads import new_file
from demo.video import painted_video
from gallery.pictures import find_style
from tests.browser import foreign_requests, new_page, open_page

PAINTING = str(find_style("duerer_lion").path())
OTHER = str(find_style("hokusai_great_wave").path())


def film(path: Path, seconds: float = 0.5, size: tuple[int, int] = (64, 48)) -> Path:
    """A grey video that grows lighter, 10 frames a second, without sound."""
    with av.open(str(path), "w") as file:
        track = file.add_stream("libx264", rate=10)
        track.width, track.height, track.pix_fmt = *size, "yuv420p"
        for i in range(round(seconds * 10)):
            pixels = np.full((size[1], size[0], 3), 40 + i % 200, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 10)
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
    return path


def uploaded_file(make: Any, name: str) -> dict[str, object]:
    """The raw value of a component after a file of that name was uploaded."""
    path = Path(new_file(name))
    make(path)
    return {"path": str(path), "orig_name": name}


# ---- the page's events ----


def test_a_video_stays_with_what_there_is_to_know_of_it() -> None:
    kept, said = video.accept(uploaded_file(film, "my clip.mp4"))
    assert kept == gr.skip()
    assert "my clip.mp4, 64 × 48 px, 0.5 s, without sound" in said


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("milk, eggs"), "is not a video that can be read"),
        (lambda path: film(path, 21), "lasts 21 s; accepted are videos of up to 20 s"),
    ],
)
def test_a_video_that_cannot_be_used_is_put_away_with_a_sentence(make: Any, said: str) -> None:
    kept, problem = video.accept(uploaded_file(make, "clip.mp4"))
    assert kept is None
    assert 'role="alert"' in problem and said in problem


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"clip": None}, "Choose a video first"),
        ({"style": None}, "Choose a painting first"),
        ({"model": "starry"}, "no trained model named starry"),
        ({"size": 641}, "256 to 640 px"),
        ({"smooth": 1.5}, "between 0 and 1"),
        ({"look": StyleForm(strength=500)}, "strength"),
        ({"look": StyleForm(elsewhere="painting")}, "painting for outside the mask"),
        ({"smooth": None}, "between 0 and 1"),
        ({"clip": PAINTING}, "is not a video that can be read"),
    ],
)
def test_an_impossible_order_is_refused_in_one_sentence(
    tmp_path: Path, order: dict[str, Any], said: str
) -> None:
    usual: dict[str, Any] = {
        "clip": str(film(tmp_path / "clip.mp4")),
        "style": PAINTING,
        "model": "original-500",
    }
    usual |= {"size": 256, "smooth": 0.5, "out": str(tmp_path / "out.mp4"), "look": StyleForm()}
    with pytest.raises(UserError, match=said):
        next(painted_video(**(usual | order)))
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.usefixtures("models")
def test_stopping_keeps_nothing_and_gives_the_buttons_back() -> None:
    visitor = gr.Request(session_hash="visitor")
    clip, style = (
        uploaded_file(film, "clip.mp4"),
        uploaded_file(lambda path: shutil.copy(PAINTING, path), "lion.jpg"),
    )
    run = video.paint(visitor, clip, style, "original-500", 256, 0.5)
    started = next(run)
    assert "Reading the video" in started["status"] and started["stop"].visible
    assert "1 of 5 frames" in next(run)["status"]
    assert video._painting.stop(visitor).value == "Stopping…"
    *_, last = run
    assert "result" not in last and "Stopped; nothing was kept" in last["status"]
    assert last["go"].visible and not last["stop"].visible
    assert not video._painting._stops


@pytest.mark.usefixtures("models")
def test_a_video_is_painted_with_what_the_controls_say(tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", 0.2)
    other = uploaded_file(lambda path: shutil.copy(OTHER, path), "wave.jpg")
    form = StyleForm(strength=60, colours="recolour", second=other, weight_1=30, weight_2=10)
    out = tmp_path / "out.mp4"
    assert list(painted_video(str(clip), PAINTING, "original-500", 256, 0, str(out), form))
    settings = Settings("original-500", (30, 10), 0.6, "recolour")
    paint = FrameStylizer([load_image(PAINTING), load_image(OTHER)], settings)
    expected = tmp_path / "expected.mp4"
    stylize_video(clip, expected, paint, 256)
    assert frames(out) == frames(expected)
    plain = tmp_path / "plain.mp4"
    assert list(painted_video(str(clip), PAINTING, "original-500", 256, 0, str(plain), StyleForm()))
    assert frames(out) != frames(plain)


def frames(path: Path) -> list[bytes]:
    """The pixels of each frame."""
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24").tobytes() for frame in file.decode(video=0)]


def test_progress_says_frames_rate_and_time_left() -> None:
    line = video.progress_line(Progress(done=30, frames=120, size=(64, 48), seconds=10))
    assert "30 of 120 frames · 3.0 frames/s · about 30 s left" in line
    assert 'max="120" value="30"' in line
    assert "30 frames · 3.0 frames/s" in video.progress_line(Progress(30, None, (64, 48), 10))


# ---- the endpoint ----


def test_the_endpoint_answers_with_an_mp4_and_what_there_is_to_say(
    client: Client, tmp_path: Path
) -> None:
    named = client.view_api(return_format="dict")["named_endpoints"]["/stylize_video"]
    assert [p["parameter_name"] for p in named["parameters"]] == [
        "clip",
        "style",
        "model",
        "size",
        "smooth",
        *LOOK,
        *MIX,
        *OPAQUE_MASK,
        *CROP,
    ]
    assert named["description"].startswith("Repaint a video of up to 20 seconds")
    clip = film(tmp_path / "clip.mp4")
    job = client.submit(
        handle_file(clip),
        handle_file(PAINTING),
        model="original-500",
        size=256,
        api_name="/stylize_video",
    )
    *drafts, (result, info) = list(job)
    assert drafts[0][0] is None and drafts[0][1]["frames"] == 1
    assert (Path(result).name, info["frames"], info["size"]) == (
        "clip__duerer_lion__original-500.mp4",
        5,
        [256, 192],
    )
    with av.open(result) as file:
        assert sum(1 for _ in file.decode(video=0)) == 5


def test_the_endpoint_takes_all_settings(client: Client, tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4")
    Image.new("L", (64, 48), "white").save(tmp_path / "mask.png")
    order: dict[str, Any] = {"model": "original-500", "size": 256, "smooth": 0}
    order |= {"style_2": handle_file(PAINTING), "mix": "0.7 0.3", "mask_invert": True}
    order |= {"mask": handle_file(tmp_path / "mask.png"), "colours": "photo"}
    files = handle_file(clip), handle_file(PAINTING)
    result, info = client.predict(*files, **order, api_name="/stylize_video")
    assert info["frames"] == 5
    with av.open(result) as file:
        frame = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(frame - 40.0).mean() < 6, "nothing is inside the inverted mask"
    with pytest.raises(AppError, match="strength"):
        client.predict(*files, strength=5, api_name="/stylize_video")


def test_the_endpoint_refuses_a_picture_in_one_sentence(client: Client, tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "photo.png")
    with pytest.raises(
        AppError, match=r'"photo\.png" is not a video that can be read.* accepted are MP4'
    ):
        client.predict(
            handle_file(tmp_path / "photo.png"), handle_file(PAINTING), api_name="/stylize_video"
        )


# ---- in the browser ----


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = new_page(browser, width=900)
    open_page(page, address, "Video")
    page.set_viewport_size({"width": 390, "height": 844})  # where the tab hides behind "…"
    yield page
    page.context.close()


def test_a_video_from_upload_to_download(page: Page, tmp_path: Path) -> None:
    foreign = foreign_requests(page)
    status, clip = page.locator("#video-status"), page.locator("#clip input[type=file]")
    expect(page.locator("#video-limits")).to_contain_text(
        "Up to 20 seconds, 1,200 frames and 64 MB"
    )
    page.get_by_role("button", name="Stylize video").click()
    expect(status.get_by_role("alert")).to_contain_text("Choose a video first")

    clip.set_input_files(film(tmp_path / "long.mp4", 19.9))
    expect(page.locator("#clip-note")).to_contain_text("long.mp4, 64 × 48 px, 19.9 s")
    expect(page.get_by_label("Trim video to selection")).to_be_hidden()
    page.get_by_role("button", name="Stylize video").click()
    expect(status).to_contain_text(re.compile(r"\d+ of 199 frames.*[\d.]+ frames/s.*s left"))
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(status).to_contain_text("Stopped; nothing was kept")

    page.locator("#clip").get_by_label("Clear").click()
    clip.set_input_files(film(tmp_path / "short.mp4"))
    expect(page.locator("#clip-note")).to_contain_text("short.mp4")
    page.locator("#video-paintings").get_by_label("Composition VIII").click()
    expect(page.locator("#video-painting-note")).to_contain_text("Composition VIII")
    expect(page.locator("#video-remark")).to_contain_text("painted at once")
    page.locator("#video-style-controls button").first.click()
    page.locator("#video-colours").get_by_label("photo's").check()
    panel = page.get_by_role("tabpanel")
    for label in ("Model", "Longest side"):
        wide = panel.get_by_label(label, exact=True).evaluate("input => input.offsetWidth")
        assert wide > 240, "names of models have the width of a phone"
    page.get_by_role("button", name="Stylize video").click()
    expect(status).to_contain_text("5 frames")
    name = re.compile(r"short__kandinsky_composition_viii__\w+-500\.mp4$")
    expect(page.locator("#video-result video")).to_have_attribute("src", name)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download MP4").click()
    assert name.match(download.value.suggested_filename)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert foreign == []
