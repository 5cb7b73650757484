"""Large pictures: computed in strips, with the result of the whole and little memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.images.decode import ImageError
from core.inference.layer_graph import Norm
from core.inference.rows import Normed, Rows
from core.inference.styled_model import StyledModel
from core.inference.tiled import MAX_SIDE, stylize_tiled
from core.models.flagship import FlagshipNet
from core.models.style_net import StyleNet
from tests.conftest import draw

NETWORKS = ("resnet", "resnext", "flagship")
TINY = 500  # values in a strip: 4 to 8 rows
WITH_SCRATCH, WITHOUT = 10**9, 0


def style(network: str) -> StyledModel:
    """An untrained network with the filters of no painting in particular."""
    torch.manual_seed(1)
    net = FlagshipNet(4) if network == "flagship" else StyleNet(2, network)
    net.eval().requires_grad_(False)
    return StyledModel(net.transform_net, net.meta_net(torch.rand(1920)))


def differences(one: Image.Image, other: Image.Image) -> np.ndarray:
    return np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int))


@pytest.mark.parametrize("scratch_bytes", [WITH_SCRATCH, WITHOUT])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("size", [(16, 16), (18, 33), (61, 83), (50, 97)])
def test_strips_give_the_picture_that_the_whole_gives(
    network: str, size: tuple[int, int], scratch_bytes: int
) -> None:
    """Borders and strips' edges included; what is left is rounding to 8 bits, here and there."""
    styled, photo = style(network), draw(2, size)
    tiled = stylize_tiled(styled, photo, strip_values=TINY, scratch_bytes=scratch_bytes)
    assert tiled.size == size and tiled.mode == "RGB"
    assert np.asarray(tiled).std() > 5, "a picture, not one colour"
    difference = differences(tiled, styled(photo))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 2e-3


@pytest.mark.parametrize("network", NETWORKS)
def test_statistics_are_the_whole_pictures(network: str) -> None:
    """A dark upper half and a light lower half come out otherwise when each is painted alone."""
    styled = style(network)
    pixels = np.asarray(draw(3, (40, 80))) // 3
    pixels[40:] += 160
    photo = Image.fromarray(pixels)
    whole = styled(photo)
    halves = Image.new("RGB", photo.size)
    for top in (0, 40):
        halves.paste(styled(photo.crop((0, top, 40, top + 40))), (0, top))
    assert differences(halves, whole).mean() > 5
    assert differences(stylize_tiled(styled, photo, strip_values=TINY), whole).max() <= 1


class Given(Rows):
    """A map that is there already."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values
        super().__init__(*values.shape[1:])

    def rows(self, first: int, last: int) -> torch.Tensor:
        return self.values[:, :, first:last]


def test_statistics_are_exact_where_the_mean_is_large_and_the_strips_uneven() -> None:
    torch.manual_seed(0)
    values = 1000 + torch.randn(1, 3, 300, 400) * torch.tensor([0.1, 1, 10]).view(1, 3, 1, 1)
    norm = Normed(Given(values), Norm())
    for first, last in ((0, 1), (1, 130), (130, 300)):
        norm.gather(first, last, values[:, :, first:last])
    exact = values.double()
    assert norm.count == 300 * 400
    torch.testing.assert_close(norm.mean, exact.mean((0, 2, 3)), rtol=1e-7, atol=0)
    torch.testing.assert_close(
        norm.squares / norm.count, exact.var((0, 2, 3), correction=0), rtol=1e-4, atol=0
    )


def test_a_picture_of_one_colour_is_legal() -> None:
    styled, photo = style("resnet"), Image.new("RGB", (40, 33), "crimson")
    assert differences(stylize_tiled(styled, photo, strip_values=TINY), styled(photo)).max() <= 1


def test_progress_goes_from_0_to_1_and_can_end_the_work() -> None:
    seen: list[float] = []
    stylize_tiled(style("resnext"), draw(1, (40, 60)), seen.append, strip_values=TINY)
    assert seen == sorted(seen)
    assert 0 < seen[0] < 0.05 and seen[-1] == pytest.approx(1)
    assert max(np.diff(seen)) < 0.1

    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stylize_tiled(style("resnet"), draw(1, (40, 60)), stop, strip_values=TINY)


@pytest.mark.parametrize("size", [(15, 40), (40, 15), (MAX_SIDE + 1, 16), (16, MAX_SIDE + 1)])
def test_photos_too_small_or_too_large_are_refused(size: tuple[int, int]) -> None:
    said = rf"^The photo has {size[0]} x {size[1]} px; each side must have 16 to 8192\.$"
    with pytest.raises(ImageError, match=said):
        stylize_tiled(style("resnet"), Image.new("RGB", size))


def test_the_longest_and_narrowest_photos_keep_their_size() -> None:
    for size in ((MAX_SIDE, 16), (16, MAX_SIDE)):
        assert stylize_tiled(style("resnet"), draw(1, size), strip_values=100_000).size == size


MEASURE = """
import torch
from pathlib import Path
from PIL import Image
from core.models.style_net import StyleNet
from core.inference.styled_model import StyledModel
from core.inference.tiled import stylize_tiled

net = StyleNet(8, "resnet").requires_grad_(False)
fixed = StyledModel(net.transform_net, net.meta_net(torch.rand(1920)))
photo = Image.effect_noise((800, 800), 64).convert("RGB")
fixed(photo.crop((0, 0, 64, 64)))

def peak():  # not ru_maxrss, which a process inherits from the one that started it
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1])

taken = [peak()]
for paint in (lambda: stylize_tiled(fixed, photo, strip_values=100_000), lambda: fixed(photo)):
    paint()
    taken.append(peak())
print(taken[1] - taken[0], taken[2] - taken[0])
"""


@pytest.mark.slow
def test_strips_take_a_fraction_of_the_memory() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=root, capture_output=True, text=True, check=True
    )
    tiled, whole = (int(kib) for kib in done.stdout.split())
    assert tiled < whole / 2.5, f"{tiled} KiB in strips, {whole} KiB as a whole"
