"""Warping error on clips whose flicker is known, and what smoothing does to them."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.images.convert import to_image, to_tensor
from core.inference.temporal import Smoother, motion, warp
from core.metrics.flicker import pan_and_zoom, sharpness, warping_error
from tests.conftest import draw

SIZE = (96, 64)


@pytest.fixture(scope="module")
def clip(photos: dict[str, Image.Image]) -> tuple[list[Image.Image], list[torch.Tensor]]:
    return pan_and_zoom(photos["astronaut"], frames=6, size=SIZE, pan=(0.08, 0.03), zoom=1.1)


def flickering(frames: list[Image.Image], by: int) -> list[Image.Image]:
    """The frames, every second one brighter by that many steps of 1/255."""
    return [
        Image.fromarray((np.asarray(f) // 2 + 60 + by * (i % 2)).astype(np.uint8))
        for i, f in enumerate(frames)
    ]


def still(height: int, width: int) -> torch.Tensor:
    return torch.zeros(height, width, 2)


def test_a_still_clip_has_no_warping_error() -> None:
    picture = draw(1)
    assert warping_error([picture, picture, picture], [still(72, 96)] * 2) == pytest.approx(
        0, abs=1e-3
    )


def test_flicker_of_five_steps_is_measured_as_five() -> None:
    frames = flickering([draw(1)] * 4, by=5)
    assert warping_error(frames, [still(72, 96)] * 3) == pytest.approx(5, abs=1e-2)


def test_a_shift_by_whole_pixels_is_no_flicker() -> None:
    wide = draw(2, (110, 72))
    frames = [wide.crop((3 * step, 0, 3 * step + 96, 72)) for step in range(4)]
    flow = still(72, 96) + torch.tensor([3.0, 0.0])
    assert warping_error(frames, [flow] * 3) == pytest.approx(0, abs=1e-2)
    assert warping_error(frames, [-flow] * 3) > 5, "the sign of the flow matters"


def test_pixels_that_were_not_there_before_do_not_count() -> None:
    picture = torch.rand(3, 8, 8)
    moved, inside = warp(picture, still(8, 8) + torch.tensor([2.0, 0.0]))
    assert torch.allclose(moved[..., :6], picture[..., 2:], atol=1e-5)
    assert inside[:, :6].all() and not inside[:, 6:].any()
    with pytest.raises(ValueError, match="no pixel is seen"):
        warping_error([to_image(picture)] * 2, [still(8, 8) + 100])


def test_the_pan_and_zoom_moves_as_its_flow_says(
    clip: tuple[list[Image.Image], list[torch.Tensor]],
) -> None:
    frames, flows = clip
    assert len(frames) == 6 and len(flows) == 5 and all(frame.size == SIZE for frame in frames)
    unmoved = warping_error(frames, [torch.zeros_like(flow) for flow in flows])
    assert warping_error(frames, flows) < 0.35 * unmoved


def test_motion_is_found_in_the_input(clip: tuple[list[Image.Image], list[torch.Tensor]]) -> None:
    frames, flows = clip
    found = motion(to_tensor(frames[1]), to_tensor(frames[0]))
    off = (found - flows[0])[8:-8, 8:-8].norm(dim=-1).mean()
    assert off < 0.3 * flows[0].norm(dim=-1).mean()


def test_smoothing_lowers_flicker_and_follows_the_motion(
    clip: tuple[list[Image.Image], list[torch.Tensor]],
) -> None:
    frames, flows = clip
    painted = flickering(frames, by=20)
    errors = []
    for smooth in (0.0, 0.5, 1.0):
        smoother = Smoother(smooth)
        errors.append(
            warping_error([smoother(f, p) for f, p in zip(frames, painted, strict=True)], flows)
        )
    assert errors[0] == warping_error(painted, flows)
    assert errors[1] < 0.7 * errors[0]
    assert errors[2] < 0.3 * errors[0]
    kept = Smoother(1.0)
    assert sharpness([kept(f, f) for f in frames]) > 0.85 * sharpness(frames), (
        "what moves is not smeared"
    )


def test_a_cut_takes_nothing_over() -> None:
    smoother = Smoother(1.0)
    black, white = Image.new("RGB", SIZE), Image.new("RGB", SIZE, "white")
    smoother(black, black)
    assert np.asarray(smoother(white, white)).min() == 255


@pytest.mark.parametrize("smooth", [-0.1, 1.1, float("nan")])
def test_smoothing_has_a_range(smooth: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Smoother(smooth)
