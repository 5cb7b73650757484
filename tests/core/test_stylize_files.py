"""The command line and its files: names of any kind, what can be read and written, kinds of result, transparency, signals."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from core import stylize
from core.batch import Batch, standard_input
from core.images.decode import load_image
from core.inference.model_store import ModelStore
from core.models.checkpoint import save_model
from core.options import read_settings
from core.provenance import read
from core.reproduce import command_line
from core.settings import SettingsError
from tests.conftest import draw_folder, shipped_encoder, tiny
from tests.core.stylizing import photos_and_paintings, quick


@pytest.fixture
def model(tiny_checkpoint: Callable[[str], Path]) -> Path:
    return tiny_checkpoint("improved-500")


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    return photos_and_paintings(tmp_path)


# ---- names, folders, devices ----


def results_of(out: Path) -> list[str]:
    return sorted(os.fsdecode(path.name) for path in out.iterdir())


@pytest.mark.parametrize(
    "name",
    [
        "Screenshot 2026-01-02 at 3.05.07\u202fPM.png",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467.png",
        "line\u2028break.png",
        "two\nlines.png",
        os.fsdecode(b"latin\xe9.png"),
        "写真.png",
    ],
)
def test_a_photo_of_any_name_is_painted_and_its_recipe_gives_the_same_bytes(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    photo = (pictures[0] / "0000.png").rename(pictures[0] / name)
    style = pictures[1] / "0050.png"
    options = ["--content", str(photo), "--style", str(style), "--model", str(model)]
    assert stylize.main([*options, "--strength", "60", "--out", str(tmp_path / "x.png")]) == 0
    first = (tmp_path / "x.png").read_bytes()
    again = ["--content", str(photo), "--style", str(style), "--settings", str(tmp_path / "x.png")]
    assert stylize.main([*again, "--out", str(tmp_path / "y.png"), "--model", str(model)]) == 0
    assert (tmp_path / "y.png").read_bytes() == first
    assert stylize.main([*options, "--out", str(tmp_path / "out"), "--size", "48"]) == 0
    assert results_of(tmp_path / "out") == [f"{photo.stem}__0050__improved-500.png"]


def test_a_name_that_leaves_no_room_is_cut(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    long = "b" + "\u6f22" * 82 + ".png"  # 251 bytes
    (pictures[0] / "0000.png").rename(pictures[0] / long)
    out = tmp_path / "out"
    arguments = ["--content", str(pictures[0]), "--style", str(pictures[1])]
    assert stylize.main([*arguments, "--model", str(model), "--out", str(out)]) == 0
    assert len(results_of(out)) == 4
    assert max(len(os.fsencode(name)) for name in results_of(out)) <= 255


def test_photos_of_one_name_from_two_folders_all_come_out(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    for folder, name in (("a", "IMG_1.png"), ("a", "IMG_1.bmp"), ("b", "img_1.png")):
        (tmp_path / folder).mkdir(exist_ok=True)
        Image.open(pictures[0] / "0000.png").save(tmp_path / folder / name)
    arguments = ["--content", str(tmp_path / "a"), "--content", str(tmp_path / "b")]
    arguments += ["--style", str(pictures[1] / "0050.png"), "--model", str(model), "--size", "48"]
    assert stylize.main([*arguments, "--out", str(tmp_path / "out")]) == 0
    assert results_of(tmp_path / "out") == [
        "IMG_1-2__0050__improved-500.png",
        "IMG_1__0050__improved-500.png",
        "img_1-3__0050__improved-500.png",
    ]


def test_pictures_in_a_folder_that_are_not_read_are_named(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.open(pictures[0] / "0000.png").save(pictures[0] / "c.avif")
    (pictures[0] / "d.jxl").write_bytes(b"\xff\x0a" + bytes(40))
    (pictures[0] / "raw.CR2").write_bytes(bytes(40))
    (pictures[0] / "0001.png").rename(pictures[0] / "no suffix")
    (pictures[0] / "notes.txt").write_text("Dear Vincent")
    arguments = ["--content", str(pictures[0]), "--style", str(pictures[1] / "0050.png")]
    arguments += ["--model", str(model), "--size", "48", "--out", str(tmp_path / "out")]
    assert stylize.main(arguments) == 2
    said = capsys.readouterr().out
    assert 'skipped: "d.jxl" is a JPEG XL picture, which cannot be used; accepted are PNG' in said
    assert 'skipped: "raw.CR2" is a camera\'s raw file' in said
    assert 'skipped: "no suffix" is a PNG picture without the name of one' in said
    assert "notes.txt" not in said
    assert results_of(tmp_path / "out") == [
        "0000__0050__improved-500.png",
        "c__0050__improved-500.png",
    ]


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        (
            "foo",
            'error: There is no device called "foo"; give auto, cpu, cuda, cuda:N or mps.\n',
        ),
        pytest.param(
            "mps",
            "error: There is no Apple GPU that PyTorch can use here for mps; give cpu.\n",
            marks=pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is one"),
        ),
        ("cuda", "error: There is no GPU that PyTorch can use here for cuda; give cpu.\n"),
        ("cuda:3", "error: There is no GPU that PyTorch can use here for cuda:3; give cpu.\n"),
    ],
)
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there(
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    device: str,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    style = ["--style", str(pictures[1] / "0050.png"), "--device", device]
    assert stylize.main(quick(model, pictures, tmp_path / "x.png", *style)) == 1
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("photo.jpg/x.png", '/photo.jpg" is a file, not a folder.'),
        ("photo.jpg/sub/x.png", '/photo.jpg" is a file, not a folder.'),
        ("photo.txt", "is a file, but the results need a folder."),
        ("x.gif", "Results are PNG, JPEG or WebP files, not .gif"),
        ("n" * 252 + ".png", "the name is too long."),
    ],
)
def test_what_cannot_be_written_is_found_out_before_the_model_is_loaded(
    pictures: tuple[Path, Path],
    tmp_path: Path,
    out: str,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "photo.txt").touch()
    style = ["--style", str(pictures[1] / "0050.png")]
    assert stylize.main(quick(Path("no such model"), pictures, tmp_path / out, *style)) == 1
    said = capsys.readouterr().err
    assert words in said and said.startswith("error: ") and said.count("\n") == 1
    assert results_of(tmp_path) == ["paintings", "photo.jpg", "photo.txt", "photos"]


# ---- JPEG, WebP, transparency ----


def taken_photo(path: Path) -> Path:
    """A photo with a date, a place and a camera in its EXIF."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:05:17 14:03:59"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (48.0, 51.0, 30.0)
    draw_folder(path.parent, 1)
    Image.open(path.parent / "0000.png").save(path, exif=exif, quality=95)
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp", "WEBP"])
def test_the_kind_of_file_is_that_of_its_name_and_keeps_recipe_and_date_but_no_place(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, suffix: str
) -> None:
    photo = taken_photo(tmp_path / "taken" / "写.jpg")
    out = tmp_path / f"x.{suffix}"
    options = ["--content", str(photo), "--style", str(pictures[1] / "0050.png")]
    options += ["--model", str(model)]
    assert stylize.main([*options, "--strength", "70", "--out", str(out)]) == 0
    recipe = read(out)
    assert recipe.settings.strength == 0.7
    assert recipe.content.name == "写.jpg"
    with Image.open(out) as image:
        assert image.format == {"png": "PNG", "webp": "WEBP"}.get(suffix.lower(), "JPEG")
        assert image.info["icc_profile"]
        exif = image.getexif()
        inner = exif.get_ifd(ExifTags.IFD.Exif)
        assert inner[ExifTags.Base.DateTimeOriginal] == "2026:05:17 14:03:59"
        assert not exif.get_ifd(ExifTags.IFD.GPSInfo)
        assert ExifTags.Base.Make not in exif
    again = tmp_path / f"y.{suffix}"
    assert stylize.main([*options, "--settings", str(out), "--out", str(again)]) == 0
    assert again.read_bytes() == out.read_bytes()


def test_quality_and_format(model: Path, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    style = ["--style", str(pictures[1] / "0050.png")]
    sizes = []
    for quality in ("20", "95"):
        out = tmp_path / quality
        more = [*style, "--format", "webp", "--quality", quality]
        assert stylize.main(quick(model, pictures, out, *more)) == 0
        (result,) = out.iterdir()
        assert result.suffix == ".webp"
        sizes.append(result.stat().st_size)
    assert sizes[1] > 1.2 * sizes[0]
    assert stylize.main(quick(model, pictures, tmp_path / "x.jpg", *style, "--quality", "0")) == 1


@pytest.mark.parametrize("suffix", ["png", "webp", "jpg"])
def test_a_transparent_photo(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, suffix: str
) -> None:
    image = Image.open(pictures[0] / "0000.png").convert("RGB")
    alpha = Image.linear_gradient("L").resize(image.size)
    image.putalpha(alpha)
    image.save(pictures[0] / "0000.png")
    out = tmp_path / f"x.{suffix}"
    options = ["--content", str(pictures[0] / "0000.png"), "--model", str(model)]
    options += ["--style", str(pictures[1] / "0050.png"), "--out", str(out)]
    assert stylize.main(options) == 0
    with Image.open(out) as result:
        assert result.mode == ("RGB" if suffix == "jpg" else "RGBA")
        if suffix != "jpg":
            assert result.getchannel("A").tobytes() == alpha.tobytes()
        else:
            assert min(result.getpixel((5, 0))) > 240  # type: ignore[arg-type]


def test_the_photos_transparency_as_its_mask(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Image.open(pictures[0] / "0000.png") as image:
        cut = image.convert("RGB")
    cut.putalpha(Image.new("L", cut.size, 0))
    cut.paste((200, 30, 30, 255), (0, 0, 48, 72))
    cut.save(pictures[0] / "0000.png")
    options = ["--content", str(pictures[0]), "--style", str(pictures[1] / "0050.png")]
    options += ["--model", str(model), "--mask-softness", "0"]
    out = tmp_path / "out"
    assert stylize.main([*options, "--mask", "alpha", "--out", str(out)]) == 2, "one is opaque"
    assert 'skipped: "0001.png" has no transparency' in capsys.readouterr().out
    (result,) = out.iterdir()
    pixels = np.asarray(load_image(result))
    assert (pixels[:, 49:] == 255).all(), "the photo there lies on white"
    assert np.abs(pixels[:, :47].astype(int) - (200, 30, 30)).mean() > 5
    again = tmp_path / "again.png"
    photo = ["--content", str(pictures[0] / "0000.png"), *options[2:]]
    assert stylize.main([*photo, "--settings", str(result), "--out", str(again)]) == 0
    assert again.read_bytes() == result.read_bytes()
    assert " --mask alpha" in command_line(read(result))


def test_a_mask_painted_white_on_transparent_styles_only_there(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    mask = Image.new("RGBA", (96, 72))
    mask.paste("white", (0, 0, 48, 72))
    mask.save(tmp_path / "mask.png")
    style = ["--style", str(pictures[1] / "0050.png"), "--mask", str(tmp_path / "mask.png")]
    options = ["--content", str(pictures[0] / "0000.png"), "--model", str(model), *style]
    out = tmp_path / "x.png"
    assert stylize.main([*options, "--mask-softness", "0", "--out", str(out)]) == 0
    before = np.asarray(load_image(pictures[0] / "0000.png")).astype(int)
    changed = np.abs(np.asarray(load_image(out)) - before)
    assert changed[:, 49:].max() == 0
    assert changed[:, :47].mean() > 5


@pytest.mark.slow
def test_ctrl_c_ends_it_with_one_line(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    """Other signals in tests/core/test_commandline.py."""
    out = tmp_path / "out"
    arguments = ["--content", str(pictures[0]), "--style", str(pictures[1] / "0050.png")]
    arguments += ["--model", str(model), "--refine", "10000", "--out", str(out)]
    command = [sys.executable, "-m", "core.stylize", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while b"Stylising" not in process.stderr.read(1) + process.stderr.read1():  # type: ignore[attr-defined]
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.decode().splitlines()[-1] == "Stopped; what was painted stays."
    assert "Traceback" not in errors.decode()
    assert not out.exists() or not any(out.iterdir())


# ---- what is read is not replaced, and is read as it was meant ----


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that was said of an error."""
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    return line


def test_a_result_never_replaces_what_it_is_made_of(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, painting = pictures[0] / "0000.png", pictures[1] / "0050.png"
    (tmp_path / "link.png").symlink_to(photo)
    before = photo.read_bytes(), painting.read_bytes()
    for out in (photo, painting, tmp_path / "link.png"):
        assert stylize.main(quick(model, pictures, out, "--style", str(painting))) == 1
        assert "is read for the result, which would replace it" in one_line(capsys)
    assert (photo.read_bytes(), painting.read_bytes()) == before


def test_a_style_is_saved_under_a_name_that_is_taken_for_one(
    model: Path, pictures: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    painting = pictures[1] / "0050.png"
    options = ["--style", str(painting), "--model", str(model), "--save-style", str(painting)]
    before = painting.read_bytes()
    assert stylize.main(options) == 1
    assert "Give --save-style a name that ends in .style.safetensors" in one_line(capsys)
    assert painting.read_bytes() == before


@pytest.mark.parametrize("name", ["o.jxl", "o.pdf", "o.mp4", "o.tif"])
def test_no_folder_is_called_like_another_kind_of_file(
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = quick(model, pictures, tmp_path / name, "--style", str(pictures[1] / "0050.png"))
    assert stylize.main(options) == 1
    assert "Results are PNG, JPEG or WebP files" in one_line(capsys)


@pytest.mark.parametrize(
    ("name", "kind"), [("s.png", "PNG"), ("s.JPEG", "JPEG"), ("s.webp", "WEBP")]
)
def test_a_sheet_is_the_kind_of_file_that_its_name_says(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, name: str, kind: str
) -> None:
    options = quick(model, pictures, tmp_path / name, "--style", str(pictures[1]), "--sheet")
    assert stylize.main(options) == 0
    with Image.open(tmp_path / name) as sheet:
        assert sheet.format == kind
        assert sheet.info["icc_profile"]


def test_a_sheet_too_large_is_refused_before_anything_is_painted(
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    painted: list[Sequence[object]] = []
    monkeypatch.setattr(Batch, "_paint", lambda _, *given: painted.append(given))
    options = quick(model, pictures, tmp_path / "out", "--style", str(pictures[1]), "--sheet")
    assert stylize.main([*options, "--size", "8192"]) == 1
    assert "The sheet would have" in capsys.readouterr().out
    assert not painted


def test_a_folder_of_paintings_may_hold_style_files(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = pictures[1]
    saved = folder / "wave.style.safetensors"
    made = ["--style", str(folder / "0050.png"), "--model", str(model), "--save-style", str(saved)]
    assert stylize.main(made) == 0
    assert stylize.main(quick(model, pictures, tmp_path / "out", "--style", str(folder))) == 0
    assert [name.split("__")[1] for name in results_of(tmp_path / "out")] == [
        "0050",
        "0051",
        "wave",
    ]


def test_standard_input_is_painted_in_every_style(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standard_input.cache_clear()
    stream = io.TextIOWrapper(io.BytesIO((pictures[0] / "0000.png").read_bytes()))
    monkeypatch.setattr("sys.stdin", stream)
    options = ["--content", "-", "--style", str(pictures[1]), "--model", str(model), "--size", "40"]
    assert stylize.main([*options, "--out", str(tmp_path / "out")]) == 0
    assert len(results_of(tmp_path / "out")) == 2
    assert stylize.main([*options, "--style", "-", "--out", str(tmp_path / "out")]) == 1
    standard_input.cache_clear()


def save_style(model: Path, painting: str, out: Path) -> None:
    made = ["--style", painting, "--model", str(model), "--save-style", str(out)]
    assert stylize.main(made) == 0


def test_a_style_of_another_model_is_one_file_that_is_skipped(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(5)
    variant, other = tiny("original-500"), tmp_path / "original-500"
    about = {"style_weight": 12.0, "lr": 1e-3}
    save_model(other, variant, variant.build(), shipped_encoder("vgg16"), about)
    saved = tmp_path / "old.style.safetensors"
    painting = str(pictures[1] / "0050.png")
    save_style(other, painting, saved)
    given = ["--style", str(saved), painting]
    assert stylize.main(quick(model, pictures, tmp_path / "out", *given)) == 2
    said = capsys.readouterr()
    assert 'skipped: "old.style.safetensors": This style file was made with' in said.out
    assert results_of(tmp_path / "out") == ["0000__0050__improved-500.png"]


@pytest.mark.parametrize("asked", [["--colours", "recolour"], ["--style-crop", "0,0,0.9,0.9"]])
def test_a_style_file_that_holds_too_little_is_one_file_that_is_skipped(
    asked: list[str],
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    saved, painting = tmp_path / "wave.style.safetensors", str(pictures[1] / "0050.png")
    save_style(model, painting, saved)
    given = ["--style", str(saved), painting, *asked]
    assert stylize.main(quick(model, pictures, tmp_path / "out", *given)) == 2
    said = capsys.readouterr().out
    assert 'skipped: "wave.style.safetensors": A style file holds no painting that could be' in said
    assert results_of(tmp_path / "out") == ["0000__0050__improved-500.png"]


@pytest.mark.parametrize("more", [[], ["--sheet"]])
def test_a_painting_whose_part_is_too_small_is_skipped_and_the_photo_is_painted_in_others(
    more: list[str],
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = draw_folder(tmp_path / "small", 1, first_seed=60, size=(20, 20))[0]
    given = ["--style", str(small), str(pictures[1] / "0050.png"), "--style-crop", "0,0,0.5,0.5"]
    assert stylize.main(quick(model, pictures, tmp_path / "out", *given, *more)) == 2
    said = capsys.readouterr().out
    assert said.count('skipped: "0060.png": The part of the painting has 10 x 10 px;') == 1
    assert "1 painted" in said and "1 skipped" in said


def test_a_style_file_is_skipped_by_a_method_that_needs_the_painting(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, painting = tmp_path / "wave.style.safetensors", str(pictures[1] / "0050.png")
    save_style(model, painting, saved)
    given = ["--content", str(pictures[0] / "0000.png"), "--style", str(saved), painting]
    given += ["--model", "gatys", "--refine", "1", "--size", "40", "--out", str(tmp_path / "out")]
    assert stylize.main(given) == 2
    assert "could be painted with gatys" in capsys.readouterr().out
    assert results_of(tmp_path / "out") == ["0000__0050__gatys.png"]


@pytest.mark.parametrize(
    "options", [["--content", ""], ["--style", ""], ["--out", ""], ["--strength", "1e2000000"]]
)
def test_an_empty_name_or_an_endless_number_is_refused(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        stylize.main(["--content", "photo.jpg", "--style", "painting.jpg", *options])
    assert f"argument {options[0]}" in capsys.readouterr().err


def test_settings_that_do_not_end_are_not_read_to_their_end(tmp_path: Path) -> None:
    """As of a device, or of a film that was meant for another option."""
    path = tmp_path / "settings.json"
    path.write_text("{}" + " " * 10_000_000)
    with pytest.raises(SettingsError, match="neither a picture made here nor a JSON file"):
        read_settings(path)


def test_settings_may_come_through_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(
        target=lambda: (tmp_path / "pipe").write_text('{"strength": 0.5}'), daemon=True
    )
    writer.start()
    assert read_settings(tmp_path / "pipe").strength == 0.5


@pytest.mark.parametrize("name", ["x/../../../esc", "nul\0byte", "", ".hidden", "n" * 101])
def test_a_models_name_stays_a_files_name(
    model: Path, tmp_path: Path, name: str, pictures: tuple[Path, Path], capsys: Any
) -> None:
    shutil.copytree(model, tmp_path / "model")
    card = json.loads((tmp_path / "model" / "model.json").read_text())
    card["variant"]["name"] = name
    (tmp_path / "model" / "model.json").write_text(json.dumps(card))
    options = quick(tmp_path / "model", pictures, tmp_path / "out", "--style", str(pictures[1]))
    assert stylize.main(options) == 1
    assert "variant.name" in one_line(capsys)


def test_a_folder_that_is_called_like_a_model_is_not_taken_for_one(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / model.name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert ModelStore(model.parent).path(model.name) == model
