"""The flagship's networks: what is generated, and that one painting and a painting for each image give the same."""

import pytest
import torch

from core.models.flagship import CLAMP, FlagshipMetaNet, FlagshipNet
from core.training.flagship_recipe import FlagshipConfig, going_on


@pytest.fixture
def net() -> FlagshipNet:
    torch.manual_seed(0)
    return FlagshipNet(base=8)


def test_what_it_generates() -> None:
    net = FlagshipNet()
    sizes = net.transform_net.generated
    mixes = net.transform_net.mixes
    assert sum(sizes.values()) - sum(mixes.values()) == 1404
    # Two 3x3 convolutions down, eight between 64 channels, two up; the 9x9 one keeps its filters.
    assert sorted(mixes.values()) == sorted([512, 2048, *[64 * 64] * 8, 2048, 512])
    assert net.meta_net.names == (*(n for n in sizes if n not in mixes), *mixes)


def test_a_batch_with_a_painting_each_equals_the_images_one_by_one(net: FlagshipNet) -> None:
    images, descriptors = torch.randn(3, 3, 32, 24), torch.rand(3, 1920)
    together, filters = net(images, descriptors)
    for i in range(3):
        alone, _ = net(images[i : i + 1], descriptors[i])
        assert torch.allclose(together[i : i + 1], alone, atol=1e-4)
    assert torch.allclose(net.transform_net(images, filters), together, atol=1e-4)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_filters_change_with_the_painting(net: FlagshipNet) -> None:
    """Without the changes of filters a picture is another one, in each form in which they are applied."""
    images, descriptors = torch.randn(2, 3, 32, 32), torch.rand(2, 1920)
    filters = net.meta_net(descriptors)
    without = {n: v * (n not in net.transform_net.mixes) for n, v in filters.items()}
    for rows in (slice(0, 1), slice(0, 2)):
        parts = [{n: v[rows] for n, v in some.items()} for some in (filters, without)]
        one, other = (net.transform_net(images[rows], part) for part in parts)
        assert (one - other).abs().max() > 1e-3


def test_emphasis_changes_the_picture_and_can_become_the_usual_one(net: FlagshipNet) -> None:
    torch.nn.init.normal_(net.meta_net.emphasise.weight, std=0.1)
    descriptor = torch.rand(1920)
    usual, bold = net.meta_net(descriptor), net.meta_net(descriptor, 1.5)
    each = net.meta_net(descriptor.expand(2, -1), torch.tensor([0.0, 1.5]))
    for name in usual:
        assert torch.allclose(each[name][0], usual[name], atol=1e-6)
        assert torch.allclose(each[name][1], bold[name], atol=1e-6)
    assert any((bold[name] - usual[name]).abs().max() > 1e-3 for name in usual)


def test_what_more_emphasis_means_is_learnt_in_a_hundred_steps() -> None:
    """For each painting a change of another size, which grows with the emphasis."""
    torch.manual_seed(0)
    meta = FlagshipNet(base=8).meta_net
    paintings = torch.rand(16, 1920) + 0.1
    meta.standardize_on(paintings)
    with torch.no_grad():
        usual = torch.cat(list(meta(paintings).values()), dim=-1)
    changes = 0.1 * torch.randn(16, 1) * torch.randn(usual.shape[-1])
    optimizer = torch.optim.Adam(meta.parameters(), lr=going_on(FlagshipConfig()).lr)
    for _ in range(100):
        emphasis = torch.empty(16).uniform_(-1.5, 2.5)
        found = torch.cat(list(meta(paintings, emphasis).values()), dim=-1)
        wanted = usual + emphasis[:, None] * changes
        loss = (found - wanted).square().mean() / (wanted - usual).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.3


def test_statistics_are_standardised_and_clamped() -> None:
    meta = FlagshipMetaNet({"norm": 4, "mix": 2}, {"mix": 2}, width=8)
    paintings = torch.rand(50, 1920) + 0.1
    meta.standardize_on(paintings)
    seen = meta.standardized(paintings)
    assert seen.mean().abs() < 0.05
    assert 0.9 < seen.std() < 1.1
    assert meta.standardized(torch.full((1920,), 1e6)).max() == CLAMP


def test_at_first_the_emphasis_changes_nothing_and_can_be_learnt(net: FlagshipNet) -> None:
    images, descriptor = torch.randn(1, 3, 32, 32), torch.rand(1920)
    with torch.no_grad():
        assert torch.equal(net(images, descriptor, 1.0)[0], net(images, descriptor)[0])
    net(images, descriptor, 1.0)[0].square().sum().backward()
    change = net.meta_net.emphasise.weight.grad
    assert change is not None and change.abs().max() > 0
