"""The pictures of the gallery are all there, are what the table says, and are credited; the stained glass can be redrawn."""

import logging
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.images import library
from core.images.decode import ImageError
from gallery import pictures
from gallery.artwork import mosaic
from gallery.pictures import CONTENTS, FOLDER, MORE_STYLES, STYLES, Picture, PictureNotFoundError

ALL = (*CONTENTS, *STYLES, *MORE_STYLES)


def name_of(picture: Picture) -> str:
    return picture.name


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a picture was looked for on the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def my_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for the user's own pictures; neither of its two folders exists yet."""
    monkeypatch.setattr(library, "MY_CONTENT", tmp_path / "content")
    monkeypatch.setattr(library, "MY_STYLE", tmp_path / "style")
    return tmp_path


def test_the_gallery_is_eight_by_eight_and_the_order_is_fixed() -> None:
    assert [p.name for p in CONTENTS] == [
        "astronaut", "chelsea", "china", "page", "camera", "rocket", "flower", "coffee",
    ]  # fmt: skip
    assert [p.name for p in STYLES] == [
        "hokusai_great_wave", "renoir_moulin_de_la_galette", "cassatt_summertime", "vangogh_church_at_auvers",
        "stained_glass", "hokusai_woman_with_fan", "kandinsky_composition_viii", "vangogh_cafe_terrace_at_night",
    ]  # fmt: skip


@pytest.mark.parametrize("eight", [CONTENTS, STYLES])
def test_the_first_four_are_in_every_training_set_and_the_last_four_in_none(
    eight: tuple[Picture, ...],
) -> None:
    assert [p.in_training for p in eight] == [True] * 4 + [False] * 4


def test_the_other_paintings_are_in_no_training_set() -> None:
    assert len(MORE_STYLES) == 21
    assert not any(p.in_training for p in MORE_STYLES)


def test_names_are_unique() -> None:
    assert len({p.name for p in ALL}) == len(ALL) == 37


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("picture", ALL, ids=name_of)
def test_every_picture_loads_without_the_network_and_is_grey_if_it_is_called_so(
    picture: Picture,
) -> None:
    image = picture.image()
    assert image.mode == "RGB"
    assert min(image.size) >= 191  # the page; all others have at least 298
    pixels = np.asarray(image).astype(int)
    assert pixels.std() > 10  # none is flat, which training cannot use
    assert (np.ptp(pixels, axis=2).max() == 0) == picture.grey


@pytest.mark.parametrize("picture", CONTENTS, ids=name_of)
def test_photographs_are_read_from_the_installed_packages(picture: Picture) -> None:
    assert FOLDER not in picture.path().parents
    assert picture.package in picture.path().parts
    named_alike = set(FOLDER.glob(f"**/{picture.path().name}")) - set(FOLDER.glob("rendered/**/*"))
    assert not named_alike


def test_every_file_in_the_style_folder_is_in_the_table_once() -> None:
    listed = sorted(p.path().name for p in (*STYLES, *MORE_STYLES))
    assert listed == sorted(path.name for path in (FOLDER / "style").iterdir())


def test_a_missing_package_is_named() -> None:
    lost = Picture("x", "x", "", "", "", "x.png", package="no_such_package")
    with pytest.raises(FileNotFoundError, match='"no_such_package", which is not installed'):
        lost.path()


def test_a_missing_file_is_one_clear_error() -> None:
    with pytest.raises(ImageError, match="does not exist"):
        Picture("x", "x", "", "", "", "style/nothing.jpg").image()


def test_find_by_name() -> None:
    assert pictures.find_content("rocket") is CONTENTS[5]
    assert pictures.find_style("stained_glass") is STYLES[4]
    assert pictures.find_style("duerer_lion").artist == "Albrecht Dürer"


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(PictureNotFoundError) as error:
        pictures.find_content("rockett")
    assert str(error.value).startswith(
        'There is no content called "rockett"; there are: astronaut, chelsea, '
    )
    with pytest.raises(PictureNotFoundError, match=r"stained_glass.*vangogh_pere_tanguy"):
        pictures.find_style("rocket")


@pytest.mark.usefixtures("my_folders")
def test_without_own_folders_there_are_no_own_pictures() -> None:
    assert library.photographs() == library.library().contents
    assert library.my_styles() == ()


def test_own_pictures_are_found_and_broken_files_left_out(
    my_folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (my_folders / "style").mkdir()
    Image.new("RGB", (40, 30), "teal").save(my_folders / "style" / "my_tiles.png")
    (my_folders / "style" / "broken.jpg").write_bytes(b"not a picture")
    (my_folders / "style" / "notes.txt").write_text("not meant as a picture")
    with caplog.at_level(logging.WARNING):
        (own,) = library.my_styles()
    assert (own.name, own.title, own.in_training) == ("my-my_tiles.png", "my tiles", False)
    assert own.image().size == (40, 30)
    assert pictures.find_style("my-my_tiles.png") == own
    assert '"broken.jpg"' in caplog.text
    assert "notes.txt" not in caplog.text


def test_an_own_picture_never_hides_one_of_the_gallery(my_folders: Path) -> None:
    (my_folders / "content").mkdir()
    Image.new("RGB", (40, 30), "teal").save(my_folders / "content" / "rocket.png")
    assert pictures.find_content("rocket") is CONTENTS[5]
    assert pictures.find_content("my-rocket.png").image().size == (40, 30)


def test_credits_are_up_to_date() -> None:
    """If this fails, run: python -m gallery.pictures > gallery/CREDITS.md"""
    assert (FOLDER / "CREDITS.md").read_text(encoding="utf-8") == pictures.credits_text()


def test_every_picture_is_credited_with_its_terms() -> None:
    rows = [line for line in pictures.credits_text().splitlines() if line.startswith("| `")]
    assert len(rows) == len(ALL)
    for picture, row in zip(ALL, rows, strict=True):
        assert picture.licence
        assert picture.source
        assert all(
            part in row for part in (picture.title, picture.artist, picture.source, picture.licence)
        )


def shipped_window() -> Image.Image:
    return pictures.find_style("stained_glass").image()


def test_the_stained_glass_is_what_the_script_draws() -> None:
    """Redrawn at a quarter of the size, for speed: 8 of 255 away on average; another seed is 32 away."""
    drawn = np.asarray(mosaic.window(256), dtype=float)
    shipped = np.asarray(shipped_window().resize((256, 256), Image.Resampling.LANCZOS), dtype=float)
    assert np.abs(drawn - shipped).mean() < 12


def test_the_stained_glass_is_drawn_the_same_every_time() -> None:
    first, second = (mosaic.window(96).tobytes() for _ in range(2))
    assert first == second


def test_the_stained_glass_has_dark_lead_and_glass_of_every_hue() -> None:
    window = shipped_window()
    assert window.size == (1024, 1024)
    lead = np.asarray(window).max(axis=2) < 64
    assert 0.2 < lead.mean() < 0.4
    hue, saturation, value = np.asarray(window.convert("HSV")).transpose(2, 0, 1)
    vivid = (saturation > 110) & (value > 90)
    shares = np.bincount(hue[vivid] // 16, minlength=16) / hue.size
    assert (shares > 0.005).all()


def test_the_script_says_in_one_line_when_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    missing = tmp_path / "file" / "window.jpg"
    done = subprocess.run(
        [sys.executable, "-m", "gallery.artwork.mosaic", str(missing)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    reason = f'"{missing.parent}" is a file, not a folder'
    assert done.stderr == f'error: "{missing}" cannot be written: {reason}.\n'
