"""What a large painting took to be read is the system's again, wherever the page reads one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from demo import live, video
from demo.shared import requests
from demo.shared.style_form import StyleForm
from demo.shared.uploads import new_file
from demo.transfer import style_file
from gallery.pictures import find_content, find_style
from tests.demo.test_live import data_url
from tests.demo.test_video import film

MODEL = "original-500"
PHOTO, PAINTING = find_content("coffee"), str(find_style("duerer_lion").path())


def paint_video(folder: Path) -> object:
    clip, out = str(film(folder / "clip.mp4", 0.1)), str(folder / "out.mp4")
    return list(video.painted_video(clip, PAINTING, MODEL, 256, 0, out, StyleForm()))


def paint_camera(folder: Path) -> object:
    return live.repaint(data_url(PHOTO.image().resize((64, 48))), PAINTING, MODEL, 256)


def save_style(folder: Path) -> object:
    painting = new_file("lion.jpg")
    shutil.copy(PAINTING, painting)
    form = vars(style_file.TransferForm(content={"path": painting}, style={"path": painting}))
    return style_file.take(**form | {"model": MODEL})["style_file"]


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("work", [paint_video, paint_camera, save_style])
def test_memory_that_a_large_painting_took_is_given_back(
    work: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back: list[str] = []
    monkeypatch.setattr(requests, "release_freed_memory", lambda: given_back.append("all"))
    live._stylizer.cache_clear()
    assert work(tmp_path) and given_back == []
    live._stylizer.cache_clear()
    monkeypatch.setattr(requests, "GIVEN_BACK", 10_000)
    assert work(tmp_path) and given_back == ["all"]
