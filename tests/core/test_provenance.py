"""Recipes: in the picture, back out of it, and as a command line and a Python snippet that give the same bytes again."""

import io
import json
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from core import stylize
from core.images.decode import load_image
from core.images.save import NOTE, png_bytes
from core.inference.model_store import ModelStore
from core.provenance import (
    VERSION,
    Provenance,
    ProvenanceError,
    Source,
    paint_files,
    picture_bytes,
    read,
    save,
)
from core.reproduce import command_line, python_snippet
from core.settings import Settings, SettingsError
from tests.conftest import draw
from tests.training import smaller_batches

MODEL = "improved-500"
PHOTO, PAINTING, OTHER, MASK = "a photo's copy.png", "-painting.png", "Ölbild 画.png", "mask.png"


@pytest.fixture(autouse=True)
def _here(
    tiny_checkpoint: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A folder with a photo, two paintings and a mask, and one untrained tiny model as if it were shipped."""
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / MODEL).symlink_to(tiny_checkpoint(MODEL))
    smaller_batches(monkeypatch, batch=2, crop=32)
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate((PHOTO, PAINTING, OTHER)):
        draw(seed, (48, 40)).save(name)
    Image.linear_gradient("L").save(MASK)
    with ModelStore(tmp_path / "checkpoints").in_use():
        yield


ORDERS: dict[str, dict[str, Any]] = {
    "default": {},
    "a mix": {
        "styles": [PAINTING, OTHER],
        "settings": Settings(
            mix=(0.7, 0.3),
            style_crop=((0, 0, 1, 1), (0.1, 0.05, 0.9, 1)),
            strength=0.07,
            colours="photo",
            size=40,
            detail=32,
            style_size=48,
        ),
    },
    "an even mix": {
        "styles": [PAINTING, OTHER],
        "settings": Settings(style_size=48, tiles=True, colours="match"),
    },
    "a mask": {
        "settings": Settings(
            MODEL,
            mask_softness=2.5,
            mask_invert=True,
            colours="recolour",
            strength=1.5,
            style_size=48,
        ),
        "mask": MASK,
        "outside": OTHER,
    },
    "a mask for each": {
        "styles": [PAINTING, OTHER],
        "settings": Settings(style_size=48),
        "mask": [MASK, PHOTO],
    },
    "refined": {"settings": Settings(refine=1, style_size=48), "refine_contents": [PHOTO, OTHER]},
}


def order(name: str) -> dict[str, Any]:
    return {"content": PHOTO, "styles": [PAINTING], "settings": Settings(style_size=48)} | ORDERS[
        name
    ]


@pytest.mark.parametrize("name", ORDERS)
def test_command_line_and_snippet_give_the_same_bytes_again(name: str) -> None:
    painted, recipe = paint_files(**order(name))
    save(painted, recipe, "first.png")
    wanted = Path("first.png").read_bytes()

    words = shlex.split(command_line(recipe, out="second.png"))
    assert words[:3] == ["python", "-m", "core.stylize"]
    assert stylize.main(words[3:]) == 0
    assert Path("second.png").read_bytes() == wanted

    exec(python_snippet(recipe, out="third.png"), {})
    assert Path("third.png").read_bytes() == wanted


@pytest.mark.parametrize("name", ORDERS)
def test_a_recipe_is_read_back_from_the_picture(name: str) -> None:
    painted, recipe = paint_files(**order(name))
    data = picture_bytes(painted.image, recipe)
    assert read(io.BytesIO(data)) == recipe
    assert Provenance.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert load_image(data).tobytes() == painted.image.tobytes()
    assert recipe.settings.model == MODEL, "the best shipped, by its name"
    assert recipe.content == Source.of(PHOTO) == Source(PHOTO, recipe.content.sha256)
    assert len(recipe.model_hash) == 64


def test_the_text_is_international_and_the_picture_says_that_it_is_srgb() -> None:
    painted, recipe = paint_files(**order("an even mix"))
    data = picture_bytes(painted.image, recipe)
    assert b"iTXt" + NOTE.encode() in data and "Ölbild 画".encode() in data
    with Image.open(io.BytesIO(data)) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert str(Path.cwd()).encode() not in data, "no folders"


def test_files_elsewhere_are_named_by_their_paths() -> None:
    _, recipe = paint_files(**order("default"))
    files: dict[str, str | Path] = {
        recipe.content.sha256: "/photos/one.png",
        recipe.styles[0].sha256: Path("paintings/two.png"),
    }
    assert "--content /photos/one.png --style paintings/two.png" in command_line(recipe, files)
    assert "'/photos/one.png'" in python_snippet(recipe, files)
    assert f"--style ./{PAINTING}" in command_line(recipe), "a name is not taken for an option"


def changed(**values: Any) -> bytes:
    """A picture whose recipe has other values."""
    _, recipe = paint_files(**order("default"))
    text = json.dumps(recipe.to_json() | values)
    return png_bytes(draw(1), text={NOTE: PngImagePlugin.iTXt(text)})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"format": 99}, "The recipe has format 99; this version reads 1."),
        ({"content": None}, "The recipe cannot be read: something is missing from it."),
        (
            {"content": {"name": "x", "sha256": "12"}},
            "The recipe cannot be read: a file's name or hash is not one.",
        ),
        (
            {"content": {"name": "a\nb", "sha256": "0" * 64}},
            "The recipe cannot be read: a file's name or hash",
        ),
        ({"styles": 5}, "The recipe cannot be read"),
        ({"styles": []}, "A picture takes 1 to 4 paintings, not 0."),
        ({"settings": {"strength": 7}}, "The setting strength must be a number from 0 to 1.5."),
        ({"settings": {"model": 7}}, "The model must be the name of one."),
    ],
)
def test_a_changed_recipe_is_refused_in_one_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises((ProvenanceError, SettingsError)) as error:
        read(io.BytesIO(changed(**values)))
    assert str(error.value).startswith(sentence)


def test_folders_in_a_recipe_are_left_out() -> None:
    """A recipe may come from anyone; it names files, never places."""
    recipe = read(io.BytesIO(changed(content={"name": "../../etc/passwd", "sha256": "0" * 64})))
    assert recipe.content.name == "passwd"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            png_bytes(draw(1)),
            "This picture carries no recipe; only files as MetaStyle saved them do.",
        ),
        (png_bytes(draw(1), text={NOTE: "{"}), "The recipe of this picture is damaged."),
        (
            png_bytes(draw(1), text={NOTE: "[1]"}),
            "The recipe cannot be read: something is missing from it.",
        ),
        (
            png_bytes(draw(1))[:20],
            "This is not a PNG, JPEG or WebP picture, so it carries no recipe.",
        ),
        (b"GIF89a", "This is not a PNG, JPEG or WebP picture, so it carries no recipe."),
    ],
)
def test_a_picture_without_a_recipe_is_said_to_have_none(
    data: bytes, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(ProvenanceError) as error:
        read(tmp_path / "x.png")
    assert str(error.value) == sentence
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing.png")


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads(
        (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    )
    assert project["project"]["version"] == VERSION
