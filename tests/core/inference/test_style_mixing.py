"""Blending what a MetaNet generates: lengths of filters do not count, the flagship's numbers do; and fading to the photo."""

from collections.abc import Callable

import pytest
import torch
from PIL import Image

from core.images.colours import Palette
from core.inference.style_mixing import blend, restore
from core.inference.styled_model import StyledModel
from core.models.encoder import STYLE_SIZE
from core.models.flagship import FlagshipNet
from core.models.registry import Net
from core.models.style_net import StyleNet
from tests.conftest import draw, pixels

NETS: dict[str, Callable[[], Net]] = {
    "resnet": lambda: StyleNet(2, "resnet"),
    "resnext": lambda: StyleNet(2, "resnext"),
    "flagship": lambda: FlagshipNet(4),
}


def net_and_filters(name: str) -> tuple[Net, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    net = NETS[name]()
    net.eval().requires_grad_(False)
    first, second = (net.meta_net(torch.rand(STYLE_SIZE)) for _ in range(2))
    return net, first, second


@pytest.mark.parametrize("name", NETS)
def test_a_blend_at_its_ends_paints_as_the_style_there(name: str) -> None:
    net, first, second = net_and_filters(name)
    photo = draw(1, (32, 24))
    ends = [blend(net.transform_net, [(1 - share, first), (share, second)]) for share in (0.0, 1.0)]
    for filters, wanted in zip(ends, (first, second), strict=True):
        got = StyledModel(net.transform_net, filters)(photo)
        assert abs(pixels(got) - pixels(StyledModel(net.transform_net, wanted)(photo))).max() <= 1


@pytest.mark.parametrize("name", NETS)
def test_one_style_alone_is_left_as_it_is(name: str) -> None:
    net, first, _ = net_and_filters(name)
    assert blend(net.transform_net, [(1.0, first)]) is first


@pytest.mark.parametrize("name", ["resnet", "resnext"])
def test_a_style_with_longer_filters_does_not_win(name: str) -> None:
    """Before an instance norm a filter ten times as long paints the same; so it must weigh the same in a mix."""
    net, first, second = net_and_filters(name)
    longer = {key: 10 * value for key, value in second.items()}
    photo = draw(1, (32, 24))
    mixes = [blend(net.transform_net, [(0.5, first), (0.5, other)]) for other in (second, longer)]
    ours, theirs = (StyledModel(net.transform_net, filters)(photo) for filters in mixes)
    assert abs(pixels(ours) - pixels(theirs)).max() <= 1
    plain = {key: (first[key] + longer[key]) / 2 for key in first}
    assert abs(pixels(StyledModel(net.transform_net, plain)(photo)) - pixels(ours)).max() > 5


def test_the_flagships_numbers_are_blended_as_they_are() -> None:
    net, first, second = net_and_filters("flagship")
    mixed = blend(net.transform_net, [(1.5, first), (-0.5, second)])
    for name in first:
        torch.testing.assert_close(mixed[name], 1.5 * first[name] - 0.5 * second[name])


def test_what_the_networks_lose_of_a_photo_is_given_back() -> None:
    photo, own, full = draw(1), draw(2), draw(3)
    assert abs(pixels(restore(own, photo, own, full, 0.0)) - pixels(photo)).max() <= 2
    assert abs(pixels(restore(full, photo, own, full, 1.0)) - pixels(full)).max() <= 2


def test_a_fade_keeps_the_contrast_that_lies_between() -> None:
    """The mean of a photo and its negative is one grey; its colours must still spread as theirs do."""
    photo = draw(1)
    negative = Image.eval(photo, lambda value: 255 - value)
    half = restore(negative, photo, negative, negative, 0.4)
    wanted = Palette.of(photo).towards(Palette.of(negative), 0.4)
    assert pixels(half).mean(axis=(0, 1)) / 255 == pytest.approx(wanted.mean, abs=0.02)
    assert pixels(half).std() > 0.8 * pixels(photo).std()
    faded = 0.6 * pixels(photo) + 0.4 * pixels(negative)
    assert faded.std() < 0.3 * pixels(photo).std()
