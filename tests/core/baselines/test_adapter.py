"""Methods 1 and 2 in the place of a model: the same orders, recipes and command line; what needs a MetaNet is refused."""

import functools
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import stylize
from core.baselines import adapter, johnson
from core.baselines.adapter import Gatys, PixelStyle
from core.baselines.gatys import optimise
from core.images.decode import ImageError
from core.images.save import save_png
from core.inference.style_file import SavedStyle
from core.inference.stylizer import Cancelled
from core.pipeline import stylize_image
from core.provenance import picture_bytes, provenance_of, read
from core.reproduce import command_line
from core.result import PaintStep, StylizeResult
from core.settings import Settings, SettingsError
from tests.conftest import draw


@pytest.fixture
def photo() -> Image.Image:
    return draw(1, (40, 32))


@pytest.fixture
def painting() -> Image.Image:
    return draw(2, (48, 64))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        johnson, "train", functools.partial(johnson.train, batch=2, crop=32, base=4)
    )


@pytest.mark.slow
def test_gatys_paints_what_optimising_gives(photo: Image.Image, painting: Image.Image) -> None:
    steps: list[tuple[int, int]] = []

    def look(step: PaintStep) -> None:
        steps.append((step.done, step.batches))
        assert step.draft(20).image.size == (20, 16)

    painted = stylize_image(
        photo, painting, Settings(model="gatys", refine=3, style_size=48), on_step=look
    )
    assert (
        painted.image.tobytes() == optimise(photo, painting, steps=3, style_side=48).image.tobytes()
    )
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert (painted.settings.refine, painted.settings.model) == (3, "gatys")
    assert painted.style_loss is not None and painted.style_loss > 0


def test_johnson_trains_a_network_that_paints_other_photos_at_once(
    photo: Image.Image, painting: Image.Image, contents: list[Path]
) -> None:
    steps: list[int] = []

    def work(photo: Image.Image) -> StylizeResult:
        settings = Settings(model="johnson", refine=2, style_size=48)
        return stylize_image(
            photo,
            painting,
            settings,
            refine_contents=contents,
            on_step=lambda step: steps.append(step.done),
        )

    first, second = work(photo), work(draw(5, (33, 47)))
    assert steps == [1, 2], "the second photo needs no training"
    assert (first.image.size, second.image.size) == ((40, 32), (33, 47))
    assert (first.settings.refine, second.settings.refine) == (2, 2)


def test_sizes_masks_and_colours_are_as_with_a_model(
    photo: Image.Image, painting: Image.Image
) -> None:
    mask = Image.new("L", photo.size)
    mask.paste(255, (0, 0, 20, 32))
    settings = Settings(
        model="gatys", refine=2, size=80, detail=32, colours="photo", mask_softness=0, style_size=48
    )
    painted = stylize_image(photo, painting, settings, mask.convert("RGB"))
    assert painted.image.size == (80, 64)
    assert painted.working_size == (32, 26)
    before, after = (np.asarray(image) for image in (painted.before, painted.image))
    assert (before[:, 41:] == after[:, 41:]).all()
    assert (before[:, :39] != after[:, :39]).any()


@pytest.mark.parametrize("name", adapter.METHODS)
def test_settings_without_steps_get_the_usual_number(name: str) -> None:
    method = adapter.METHODS[name]()
    assert method.fitting(Settings(model=name)).refine == {"gatys": 100, "johnson": 300}[name]
    assert method.fitting(Settings(model=name, refine=7)).refine == 7


@pytest.mark.parametrize("name", adapter.METHODS)
def test_what_needs_a_metanet_is_refused(
    name: str, photo: Image.Image, painting: Image.Image
) -> None:
    with pytest.raises(SettingsError, match="full strength only"):
        stylize_image(photo, painting, Settings(model=name, strength=0.5))
    with pytest.raises(SettingsError, match="Refining takes one painting"):
        stylize_image(photo, [painting, photo], Settings(model=name))
    saved, mask = SavedStyle("flagship", "", {}, painting.size, painting), Image.new("L", (40, 32))
    for paintings, outside in ((saved, None), (painting, saved)):
        with pytest.raises(SettingsError, match=f"no painting that could be painted with {name}"):
            stylize_image(photo, paintings, Settings(model=name), mask, outside)


def test_each_of_several_paintings_fills_its_own_mask(
    photo: Image.Image, painting: Image.Image
) -> None:
    left, right = Image.new("L", photo.size), Image.new("L", photo.size)
    left.paste(255, (0, 0, 20, 32))
    right.paste(255, (20, 0, 40, 32))
    paintings, drafts = [painting, draw(3, (64, 48))], list[StylizeResult]()
    settings = Settings(model="gatys", refine=1, style_size=48, mask_softness=0)
    painted = stylize_image(
        photo, paintings, settings, [left, right], on_step=lambda it: drafts.append(it.draft(40))
    )
    assert drafts[0].image.crop((20, 0, 40, 32)).tobytes() == photo.crop((20, 0, 40, 32)).tobytes()
    for one, box in zip(paintings, ((0, 0, 20, 32), (20, 0, 40, 32)), strict=True):
        alone = stylize_image(photo, one, settings)
        assert painted.image.crop(box).tobytes() == alone.image.crop(box).tobytes()


def test_a_photo_too_large_to_optimise_is_refused(painting: Image.Image) -> None:
    with pytest.raises(ImageError, match="up to 1024 px a side"):
        Gatys(photo=Image.new("RGB", (1025, 20))).refine(painting, (), 1)
    assert PixelStyle()(painting) is painting, "before the first step"


@pytest.mark.slow
@pytest.mark.parametrize("name", adapter.METHODS)
def test_paintings_inside_and_outside_a_mask_are_painted_one_after_the_other(
    name: str, photo: Image.Image, painting: Image.Image
) -> None:
    mask = Image.new("L", photo.size)
    mask.paste(255, (0, 0, 20, 32))
    drafts: list[Image.Image] = []
    settings = Settings(model=name, refine=6, style_size=48, mask_softness=0)
    painted = stylize_image(
        photo,
        painting,
        settings,
        mask,
        draw(3, (64, 48)),
        on_step=lambda step: drafts.append(step.draft(40).image),
    )
    assert len(drafts) == 12
    left, right = (0, 0, 20, 32), (20, 0, 40, 32)
    assert drafts[11].tobytes() == painted.image.tobytes()
    assert drafts[5].crop(left).tobytes() == painted.image.crop(left).tobytes()
    assert drafts[5].crop(right).tobytes() != painted.image.crop(right).tobytes()
    if name == "gatys":
        assert drafts[5].crop(right).tobytes() == photo.crop(right).tobytes()


def test_stopped_it_gives_what_it_had_reached_or_says_that_there_is_nothing(
    photo: Image.Image, painting: Image.Image
) -> None:
    done: list[int] = []
    settings = Settings(model="gatys", refine=9, style_size=48)
    painted = stylize_image(
        photo,
        painting,
        settings,
        on_step=lambda step: done.append(step.done),
        stop=lambda: len(done) == 2,
    )
    assert painted.settings.refine == 2
    with pytest.raises(Cancelled):
        stylize_image(photo, painting, settings, stop=lambda: True)


def test_the_command_line_gives_the_same_bytes_as_the_recipe(
    photo: Image.Image, painting: Image.Image, tmp_path: Path
) -> None:
    for image, name in ((photo, "photo.png"), (painting, "painting.png")):
        save_png(image, tmp_path / name)
    files = [str(tmp_path / name) for name in ("photo.png", "painting.png")]
    order = [
        "--content",
        files[0],
        "--style",
        files[1],
        "--model",
        "gatys",
        "--refine",
        "2",
        "--style-size",
        "48",
    ]
    assert stylize.main([*order, "--device", "cpu", "--out", str(tmp_path / "out.png")]) == 0
    recipe = read(tmp_path / "out.png")
    assert re.search(r"--model gatys .*--refine 2", command_line(recipe))
    again = stylize_image(photo, painting, recipe.settings)
    data = picture_bytes(again.image, provenance_of(again, recipe.content, recipe.styles))
    assert data == (tmp_path / "out.png").read_bytes()
    assert read(io.BytesIO(data)) == recipe
