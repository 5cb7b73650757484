"""Frames of a moving picture: the first is painted as a photo is, and what was read from it is kept."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import rendering
from core.frames import FrameStylizer
from core.inference.model_store import model_store
from core.inference.styled_model import StyledModel
from core.inference.stylizer import Cancelled, Stylizer
from core.pipeline import stylize_image
from core.settings import Settings, SettingsError
from tests.conftest import draw_folder

LOOKS = {
    "as by default": Settings(),
    "strength": Settings(strength=0.6),
    "strength 0": Settings(strength=0, detail=48, colours="photo"),
    "beyond the painting": Settings(strength=1.3),
    "the photo's colours": Settings(colours="photo"),
    "painting recoloured": Settings(colours="recolour", strength=0.5),
    "colours matched": Settings(colours="match"),
    "colours of a mix matched": Settings(colours="match", strength=0.7, mix=(0.7, 0.3)),
    "style size": Settings(style_size=96),
    "detail": Settings(detail=48, colours="photo"),
    "mix": Settings(mix=(0.7, 0.3)),
    "hard mask": Settings(mask_softness=0, mask_invert=True),
    "soft mask": Settings(strength=0.8, style_crop=((0.1, 0.1, 0.9, 0.8),)),
}


@pytest.fixture(scope="module")
def stylizer(tiny_checkpoint) -> Stylizer:  # type: ignore[no-untyped-def]
    return model_store().stylizer(tiny_checkpoint("improved-500"))


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> list[Image.Image]:  # type: ignore[no-untyped-def]
    files: list[Path] = draw_folder(tmp_path_factory.mktemp("frames"), 4)
    return [Image.open(file).convert("RGB") for file in files]


@pytest.mark.parametrize("name", LOOKS)
def test_the_first_frame_is_painted_as_a_photo(
    name: str, stylizer: Stylizer, images: list[Image.Image]
) -> None:
    settings, (photo, *paintings) = LOOKS[name], images
    paintings = paintings[: 2 if settings.mix else 1]
    mask = Image.linear_gradient("L").convert("RGB") if "mask" in name else None
    outside = images[3] if name == "soft mask" else None
    expected = stylize_image(photo, paintings, settings, mask, outside, stylizer=stylizer)
    painted = FrameStylizer(paintings, settings, mask, outside, stylizer)(photo)
    assert painted.size == photo.size
    assert painted.tobytes() == expected.image.tobytes()


@pytest.mark.parametrize(
    "settings", [Settings(colours="recolour", strength=0.5), Settings(colours="match")]
)
def test_what_is_read_from_the_first_frame_is_kept(
    settings: Settings, stylizer: Stylizer, images: list[Image.Image]
) -> None:
    paint = FrameStylizer(images[2:3], settings, stylizer=stylizer)
    paint(images[0])
    later = paint(images[1])
    alone = FrameStylizer(images[2:3], settings, stylizer=stylizer)(images[1])
    assert later.tobytes() != alone.tobytes()
    paint(images[0])
    assert paint(images[1]).tobytes() == later.tobytes()


@pytest.mark.parametrize(
    "settings", [Settings(colours="recolour", strength=0.5), Settings(colours="match"), Settings()]
)
def test_nothing_is_kept_of_the_black_before_a_film_fades_in(
    settings: Settings, stylizer: Stylizer, images: list[Image.Image]
) -> None:
    paint = FrameStylizer(images[2:3], settings, stylizer=stylizer)
    black = Image.new("RGB", images[0].size)
    black.putpixel((3, 4), (9, 0, 2))
    assert paint(black).size == paint(black).size == images[0].size
    alone = FrameStylizer(images[2:3], settings, stylizer=stylizer)
    for image in images[:2]:
        assert paint(image).tobytes() == alone(image).tobytes()


@pytest.mark.parametrize("settings", [Settings(colours="recolour"), Settings(colours="match")])
def test_what_is_still_black_inside_the_mask_decides_no_colours(
    settings: Settings, stylizer: Stylizer, images: list[Image.Image]
) -> None:
    left, box = Image.new("L", images[0].size), (0, 0, images[0].width // 2, images[0].height)
    left.paste(255, box)
    hard = replace(settings, mask_softness=0)
    paint, alone = (FrameStylizer(images[2:3], hard, left, stylizer=stylizer) for _ in range(2))
    black_inside = images[0].copy()
    black_inside.paste("black", box)
    paint(black_inside)
    assert paint(images[1]).tobytes() == alone(images[1]).tobytes()
    nothing = Image.new("L", images[0].size)
    unseen = FrameStylizer(images[2:3], hard, nothing, stylizer=stylizer)
    assert unseen(images[1]).tobytes() == images[1].tobytes()


def dimmed(image: Image.Image, contrast: int) -> Image.Image:
    """A picture from black to so many levels, as in a film that fades in."""
    lightest = int(np.asarray(image).max())
    return image.point(lambda value: round(value * contrast / lightest))


@pytest.mark.parametrize(
    "settings", [Settings(colours="recolour"), Settings(colours="match"), Settings(strength=0.5)]
)
def test_a_film_that_fades_in_has_the_colours_of_what_it_shows_then(
    settings: Settings, stylizer: Stylizer, images: list[Image.Image]
) -> None:
    faded_in = FrameStylizer(images[2:3], settings, stylizer=stylizer)
    for contrast in (0, 20, 40, 90, 150, 200):
        faded_in(dimmed(images[0], contrast))
    clear = FrameStylizer(images[2:3], settings, stylizer=stylizer)
    clear(dimmed(images[0], 200))
    assert faded_in(images[1]).tobytes() == clear(images[1]).tobytes()

    dim = FrameStylizer(images[2:3], settings, stylizer=stylizer)
    before = dim(dimmed(images[0], 60)).tobytes()
    dim(dimmed(images[1], 70))  # hardly clearer, so nothing jumps
    assert dim(dimmed(images[0], 60)).tobytes() == before


@pytest.mark.parametrize(
    ("settings", "outside", "said"),
    [
        (Settings(refine=5), False, "needs photographs"),
        (Settings(mix=(1, 2)), False, "2 weights for 1 painting;"),
        (Settings(), True, "needs a mask"),
        (Settings(mask_alpha=True), False, "no transparency"),
    ],
)
def test_what_does_not_go_with_frames_is_refused(
    settings: Settings,
    outside: bool,
    said: str,
    stylizer: Stylizer,
    images: list[Image.Image],
) -> None:
    with pytest.raises(SettingsError, match=said):
        FrameStylizer(images[:1], settings, None, images[1] if outside else None, stylizer)


def test_two_masks_hold_for_every_frame(stylizer: Stylizer, images: list[Image.Image]) -> None:
    photo, *paintings = images[:3]
    left = Image.new("L", photo.size)
    left.paste(255, (0, 0, photo.width // 2, photo.height))
    masks = [left, Image.linear_gradient("L")]
    expected = stylize_image(photo, paintings, Settings(), masks, stylizer=stylizer)
    paint = FrameStylizer(paintings, Settings(), masks, stylizer=stylizer)
    assert paint(photo) == expected.image == paint(photo)


def recording(monkeypatch: pytest.MonkeyPatch) -> list[Image.Image]:
    """The paintings that are refined on from now on, in their order."""
    paintings: list[Image.Image] = []
    really = rendering.refine

    def refine(stylizer: Stylizer, painting: Image.Image, *request: Any) -> StyledModel:
        paintings.append(painting)
        return really(stylizer, painting, *request)

    monkeypatch.setattr(rendering, "refine", refine)
    return paintings


@pytest.mark.usefixtures("_small_batches")
def test_styles_are_refined_once_and_then_paint_every_frame(
    stylizer: Stylizer,
    images: list[Image.Image],
    contents: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photo, second, *paintings = images
    refined_on, settings = recording(monkeypatch), Settings(refine=2, strength=0.8)
    mask, (inside, outside) = Image.linear_gradient("L"), paintings
    paint = FrameStylizer([inside], settings, mask, outside, stylizer, contents)
    steps: list[tuple[int, int]] = []
    paint.refine(lambda *step: steps.append(step))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    paint(Image.new("RGB", photo.size))
    for frame in (photo, second, photo):
        painted = paint(frame)
    assert refined_on == paintings
    expected = stylize_image(
        photo, inside, settings, mask, outside, stylizer=stylizer, refine_contents=contents
    )
    assert painted.tobytes() == expected.image.tobytes()
    instant = FrameStylizer([inside], replace(settings, refine=0), mask, outside, stylizer)
    assert instant(photo).tobytes() != painted.tobytes()


@pytest.mark.usefixtures("_small_batches")
def test_the_first_frame_refines_where_nobody_did_before(
    stylizer: Stylizer,
    images: list[Image.Image],
    contents: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refined_on = recording(monkeypatch)
    unpainted = FrameStylizer(
        images[2:3], Settings(refine=1, strength=0), None, None, stylizer, contents
    )
    unpainted.refine()
    assert unpainted(images[0]) == images[0] and not refined_on
    paint = FrameStylizer(images[2:3], Settings(refine=1), None, None, stylizer, contents)
    assert paint(images[0]).tobytes() != paint(images[1]).tobytes()
    assert refined_on == images[2:3]


@pytest.mark.usefixtures("_small_batches")
def test_refining_for_frames_can_be_stopped(
    stylizer: Stylizer, images: list[Image.Image], contents: list[Path]
) -> None:
    paint = FrameStylizer(images[3:4], Settings(refine=9), None, None, stylizer, contents)
    steps: list[tuple[int, int]] = []
    with pytest.raises(Cancelled, match="after 2 of 9 batches"):
        paint.refine(lambda *step: steps.append(step), stop=lambda: len(steps) == 2)
    assert steps == [(1, 9), (2, 9)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(refine=2, colours="recolour"), "comes before the first frame"),
        (Settings(refine=2), "Refining takes one painting; mix several"),
    ],
)
def test_what_does_not_go_with_refined_frames_is_refused(
    settings: Settings,
    said: str,
    stylizer: Stylizer,
    images: list[Image.Image],
    contents: list[Path],
) -> None:
    paintings = images[: 1 if settings.colours == "recolour" else 2]
    with pytest.raises(SettingsError, match=said):
        FrameStylizer(paintings, settings, None, None, stylizer, contents)
