"""A painting's style in a file: the same picture again, and a sentence for all that is not such a file."""

import base64
import io
import json
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, save

from core import stylize
from core.frames import FrameStylizer
from core.images.colour_transport import ColourSample
from core.images.decode import ImageError, load_image
from core.inference.style_file import Painting, SavedStyle, load_painting, load_style, save_style
from core.inference.stylizer import Stylizer
from core.models.checkpoint import Model, load_model, save_model
from core.models.registry import MODELS
from core.models.weights import WeightsError
from core.pipeline import stylize_image
from core.provenance import paint_files, read
from core.save_style import save_style_of
from core.settings import Settings, SettingsError
from tests.conftest import draw, draw_folder, pixels, shipped_encoder

QUICK = Settings("improved-500", style_size=48)


@pytest.fixture
def ours(tiny_model: Callable[[str], Model]) -> Stylizer:
    return Stylizer(tiny_model("improved-500"), shipped_encoder("vgg19"))


@pytest.fixture
def other(tiny_model: Callable[[str], Model]) -> Stylizer:
    return Stylizer(tiny_model("original-500"), shipped_encoder("vgg16"))


@pytest.fixture
def painting() -> Image.Image:
    return draw(50)


@pytest.fixture
def photo() -> Image.Image:
    return draw(1)


@pytest.fixture
def file(ours: Stylizer, painting: Image.Image, tmp_path: Path) -> Path:
    path = tmp_path / "wave.style.safetensors"
    save_style_of([painting], QUICK, path, ours)
    return path


def test_a_loaded_style_paints_to_the_byte_as_its_painting(
    ours: Stylizer, painting: Image.Image, photo: Image.Image, file: Path
) -> None:
    style = load_painting(file)
    assert isinstance(style, SavedStyle)
    assert (style.model, style.size) == ("improved-500", painting.size)
    assert style.thumbnail.size == painting.size, "smaller than a thumbnail"
    more = {"strength": 0.6, "colours": "photo"}, {"colours": "match"}
    for settings in (QUICK, *(replace(QUICK, **each) for each in more)):  # type: ignore[arg-type]
        wanted = stylize_image(photo, painting, settings, stylizer=ours).image
        assert stylize_image(photo, style, settings, stylizer=ours).image == wanted
    assert FrameStylizer([style], QUICK, stylizer=ours)(photo) == (
        stylize_image(photo, painting, QUICK, stylizer=ours).image
    )


def test_styles_are_mixed_and_a_mix_is_saved(
    ours: Stylizer, painting: Image.Image, photo: Image.Image, file: Path, tmp_path: Path
) -> None:
    second, settings = draw(51), replace(QUICK, mix=(0.7, 0.3))
    wanted = stylize_image(photo, [painting, second], settings, stylizer=ours).image
    with_file = stylize_image(photo, [load_style(file), second], settings, stylizer=ours).image
    apart = torch.tensor(list(wanted.tobytes())) - torch.tensor(list(with_file.tobytes()))
    assert apart.abs().max() <= 1, "the order of a sum"
    between = tmp_path / "between.safetensors"
    save_style_of([painting, second], settings, between, ours)
    assert stylize_image(photo, load_style(between), QUICK, stylizer=ours).image == wanted
    matched = replace(settings, colours="match")
    wanted = stylize_image(photo, [painting, second], matched, stylizer=ours).image
    alone = replace(matched, mix=())
    with_file = stylize_image(photo, load_style(between), alone, stylizer=ours).image
    assert np.abs(pixels(wanted) - pixels(with_file)).max() <= 3, "its colours are kept in 8 bits"


def test_a_file_from_before_colours_were_kept_still_paints(
    ours: Stylizer, painting: Image.Image, photo: Image.Image, tmp_path: Path
) -> None:
    file = tmp_path / "old.style.safetensors"
    save_style(ours, ours.encode_style(painting, QUICK.style_size), file, painting, None)
    old = load_style(file)
    assert old.colours is None
    wanted = stylize_image(photo, painting, QUICK, stylizer=ours).image
    assert stylize_image(photo, old, QUICK, stylizer=ours).image == wanted
    mixed: list[Painting] = [painting, old]
    for given in ([old], mixed):
        with pytest.raises(SettingsError, match="make it again from the painting"):
            stylize_image(photo, given, replace(QUICK, colours="match"), stylizer=ours)
    between = tmp_path / "between.style.safetensors"
    save_style_of([painting, old], replace(QUICK, mix=(0.5, 0.5)), between, ours)
    assert load_style(between).colours is None


def test_of_the_flagships_style_files_that_hold_no_colours_pictures_are_as_painted(
    painting: Image.Image, photo: Image.Image, tmp_path: Path
) -> None:
    variant = replace(MODELS["flagship"], base=4)
    vgg = shipped_encoder("vgg19")
    save_model(tmp_path, variant, variant.build(), vgg, {"style_weight": 1.0, "lr": 1e-3})
    stylizer, settings = Stylizer(load_model(tmp_path), vgg), Settings(style_size=48)
    for name, colours in (("new", ColourSample.of(painting)), ("old", None)):
        file = tmp_path / f"{name}.style.safetensors"
        styled = stylizer.encode_style(painting, 48)
        save_style(stylizer, styled, file, painting, colours)
        asked = settings if colours else replace(settings, colours="style")
        wanted = stylize_image(photo, painting, asked, stylizer=stylizer).image
        style = load_style(file)
        assert stylize_image(photo, style, settings, stylizer=stylizer).image == wanted
        assert FrameStylizer([style], settings, stylizer=stylizer)(photo) == wanted


def test_a_style_of_another_model_is_refused(
    other: Stylizer, photo: Image.Image, file: Path
) -> None:
    with pytest.raises(WeightsError, match=r"made with improved-500, so that original-500 cannot"):
        other.encode_style(load_style(file))


def changed(file: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    """The file with other numbers."""
    data = file.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    numbers = load(data)
    change(numbers)
    file.write_bytes(save(numbers, json.loads(data[8 : 8 + length])["__metadata__"]))
    return file


@pytest.mark.parametrize(
    "change",
    [
        lambda numbers: numbers.pop(next(iter(numbers))),
        lambda numbers: next(iter(numbers.values())).fill_(torch.nan),
        lambda numbers: numbers.update({next(iter(numbers)): torch.zeros(3)}),
    ],
    ids=["missing", "not a number", "too few"],
)
def test_broken_numbers_are_refused(
    ours: Stylizer, file: Path, change: Callable[[dict[str, torch.Tensor]], object]
) -> None:
    style = load_style(changed(file, change))
    with pytest.raises(WeightsError, match=r"^The numbers of this style file are broken"):
        ours.encode_style(style)


def test_what_is_no_style_file_is_refused_by_name(file: Path, tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"<html>")
    (tmp_path / "b.safetensors").write_bytes(save({"x": torch.zeros(2)}))
    (tmp_path / "c.safetensors").write_bytes(file.read_bytes()[:-40])
    data = file.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    about = json.loads(data[8 : 8 + length])["__metadata__"]
    large = io.BytesIO()
    Image.new("RGB", (161, 160)).save(large, "PNG")
    thumbnail = base64.b64encode(large.getvalue()).decode()
    broken = {
        "d": {"size": "-4x64"},
        "e": {"thumbnail": thumbnail},
        "g": {"colours": "AAAA"},
        "h": {"colours": "no colours"},
    }
    for name, other in broken.items():
        (tmp_path / f"{name}.safetensors").write_bytes(save(load(data), about | other))
    small = {key: values.to(torch.int8) for key, values in load(data).items()}
    (tmp_path / "f.safetensors").write_bytes(save(small, about))
    for name in "abcdefgh":
        with pytest.raises(ImageError, match=rf'^"{name}.safetensors" is damaged or no style file'):
            load_style(tmp_path / f"{name}.safetensors")
    with pytest.raises(ImageError, match="cannot be opened"):
        load_style(tmp_path / "missing.safetensors")
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(ImageError, match=r'^"pipe.safetensors" is not an ordinary file\.$'):
        load_style(tmp_path / "pipe.safetensors")
    (tmp_path / "lfs.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ImageError, match=r'^"lfs.safetensors" is a Git LFS pointer, [^\n]*\.$'):
        load_style(tmp_path / "lfs.safetensors")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (replace(QUICK, colours="recolour"), "could be recoloured"),
        (replace(QUICK, refine=1), "could be refined on"),
        (replace(QUICK, style_crop=((0, 0, 0.5, 0.5),)), "could be cropped"),
        (Settings("gatys"), "could be painted with gatys"),
    ],
)
def test_what_needs_the_painting_is_refused(
    photo: Image.Image, file: Path, settings: Settings, said: str
) -> None:
    given = {} if settings.model == "gatys" else {"stylizer": None}
    with pytest.raises(SettingsError, match=said):
        stylize_image(photo, load_style(file), settings, **given)  # type: ignore[arg-type]


def test_refined_styles_are_not_saved(
    ours: Stylizer, painting: Image.Image, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="refined style"):
        save_style_of([painting], replace(QUICK, refine=1), tmp_path / "x", ours)
    with pytest.raises(ValueError, match="refined style"):
        save_style(
            ours, replace(ours.encode_style(painting), refined=1), tmp_path / "x", painting, None
        )


def test_from_the_command_line(
    tiny_checkpoint: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, painting = draw_folder(tmp_path / "in", 2)
    model = ["--model", str(tiny_checkpoint("improved-500"))]
    file, first, second = (
        tmp_path / "wave.style.safetensors",
        tmp_path / "a.png",
        tmp_path / "b.png",
    )
    read_as = ["--style", str(painting), "--style-size", "64"]
    assert stylize.main([*model, *read_as, "--save-style", str(file)]) == 0
    assert capsys.readouterr().out == f"The style is in {file}.\n"
    content = ["--content", str(photo), *model]
    assert stylize.main([*content, *read_as, "--out", str(first)]) == 0
    assert stylize.main([*content, "--style", str(file), "--out", str(second)]) == 0
    assert load_image(first) == load_image(second)
    assert read(second).styles[0].name == file.name
    _, recipe = paint_files(photo, [file], read(second).settings)
    assert recipe == read(second)
    assert stylize.main([*content, "--style", str(file), "--out", str(tmp_path / "out")]) == 0
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["0000__wave__improved-500.png"]
    both = ["--style", str(painting), str(photo), "--save-style", str(file)]
    assert stylize.main([*model, *both]) == 1
    assert "--save-style takes one painting" in capsys.readouterr().err
