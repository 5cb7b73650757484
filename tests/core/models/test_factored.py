"""MetaNets in factors: what they generate against whole matrices, and whole matrices made of them again."""

import pytest
import torch
from torch import Tensor, nn

from core.models.encoder import STYLE_SIZE
from core.models.factored import (
    FactoredLinear,
    factor,
    factorise,
    hidden_vectors,
    is_factored,
    rebuild,
)
from core.models.style_net import HIDDEN, StyleNet


def descriptors(count: int, directions: int = 6, seed: int = 0) -> Tensor:
    """As real pictures have them: positive, with a large mean, and varying in few directions."""
    generator = torch.Generator().manual_seed(seed)
    basis = torch.rand(directions, STYLE_SIZE, generator=torch.Generator().manual_seed(1))
    return 1 + torch.rand(count, directions, generator=generator) @ basis


def tiny_net(block: str = "resnet") -> StyleNet:
    torch.manual_seed(0)
    return StyleNet(2, block).eval()


def relative(got: Tensor, wanted: Tensor) -> float:
    return float(((got - wanted).norm() / wanted.norm()).detach())


def dense(module: FactoredLinear, hidden: Tensor) -> Tensor:
    """The formula of the format, in float64 and with whole matrices."""
    columns = module.columns.double() * module.scales.double()
    along = module.projection.double() @ hidden.double() - module.centre.double()
    return module.base.double() + columns @ along


def test_the_forward_pass_is_the_formats_formula() -> None:
    net = factorise(tiny_net(), descriptors(20), rank=4)
    for module, hidden in zip(
        net.meta_net.outputs, hidden_vectors(net.meta_net, descriptors(3, seed=9)), strict=True
    ):
        assert isinstance(module, FactoredLinear)
        for row in hidden:
            wanted = dense(module, row)
            assert relative(module(row).double(), wanted) < 1e-5
            assert relative((module.weight() @ row + module.bias()).double(), wanted) < 1e-5


@pytest.mark.parametrize("block", ["resnet", "resnext"])
def test_pictures_that_were_not_factored_by_are_generated_for_too(block: str) -> None:
    net = tiny_net(block)
    stored = factorise(net, descriptors(40), rank=30)
    for descriptor in descriptors(5, seed=5):
        whole, factored = net.meta_net(descriptor), stored.meta_net(descriptor)
        assert whole.keys() == factored.keys()
        for name, value in whole.items():
            assert relative(factored[name], value) < 0.01, name


def test_the_factors_are_the_best_of_their_rank() -> None:
    """Against numpy's singular value decomposition of the N x M matrix itself; int8 and float16 cost little."""
    torch.manual_seed(3)
    linear, hidden = nn.Linear(HIDDEN, 300), torch.rand(40, HIDDEN) ** 3
    outputs = linear(hidden).detach().double()
    centred = outputs - outputs.mean(dim=0)
    singular = torch.linalg.svdvals(centred)
    for rank in (1, 4, 9):
        module = factor(linear, hidden, rank)
        assert len(module.scales) == rank
        error = (module(hidden).double() - outputs).norm()
        best = singular[rank:].square().sum().sqrt()
        assert best * 0.999 < error < best * 1.05 + 0.01 * singular[0]


def test_a_higher_rank_costs_less() -> None:
    net, pictures = tiny_net(), descriptors(30, directions=20)
    whole = net.meta_net(pictures[0])
    errors = []
    for rank in (1, 4, 16):
        found = factorise(net, pictures, rank).meta_net(pictures[0])
        errors.append(sum(relative(found[name], value) for name, value in whole.items()))
    assert errors[0] > errors[1] > errors[2]


def test_no_more_directions_are_kept_than_there_are() -> None:
    net = tiny_net()
    for pictures, ranks in ((descriptors(3), {2}), (descriptors(1), {0})):
        stored = factorise(net, pictures, rank=8)
        assert {len(module.scales) for module in stored.meta_net.outputs} <= ranks | {0}  # type: ignore[arg-type]
        for name, value in net.meta_net(pictures[0]).items():
            assert relative(stored.meta_net(pictures[0])[name], value) < 0.01, name


def test_neither_factoring_nor_rebuilding_touches_the_network() -> None:
    net = tiny_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    stored = factorise(net, descriptors(10), rank=4)
    kept = {name: value.clone() for name, value in stored.state_dict().items()}
    whole = rebuild(stored, descriptors(10))
    for parameter in whole.parameters():
        parameter.data.add_(1)
    assert (is_factored(net), is_factored(stored), is_factored(whole)) == (False, True, False)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(torch.equal(value, kept[name]) for name, value in stored.state_dict().items())


def test_whole_matrices_generate_the_same_for_the_pictures_they_are_made_for() -> None:
    stored = factorise(tiny_net(), descriptors(40), rank=6)
    pictures = descriptors(7, seed=2)
    whole = rebuild(stored, pictures)
    assert whole.state_dict().keys() == tiny_net().state_dict().keys()
    for descriptor in pictures:
        for name, value in stored.meta_net(descriptor).items():
            assert relative(whole.meta_net(descriptor)[name], value) < 1e-3, name


def test_directions_that_no_picture_has_get_the_entries_of_a_new_layer() -> None:
    stored = factorise(tiny_net(), descriptors(40), rank=6)
    pictures = descriptors(7, seed=2)
    whole, again = rebuild(stored, pictures), rebuild(stored, pictures)
    other = rebuild(stored, pictures, seed=1)
    hidden = hidden_vectors(stored.meta_net, pictures)
    new = nn.Linear(HIDDEN, 1000).weight.std()
    for index, module in enumerate(whole.meta_net.outputs):
        assert isinstance(module, nn.Linear)
        factored = stored.meta_net.outputs[index]
        assert isinstance(factored, FactoredLinear)
        added = module.weight - factored.weight()
        assert (added @ hidden[index].T).norm() < 1e-3 * added.norm() * hidden[index].norm()
        assert 0.9 * new < added.std() < new
        name = f"meta_net.outputs.{index}.weight"
        assert torch.equal(module.weight, again.state_dict()[name])
        assert not torch.equal(module.weight, other.state_dict()[name])
        assert module.weight.requires_grad


def test_a_layer_in_factors_has_a_tenth_of_the_whole_matrix() -> None:
    net = StyleNet(4, "resnet")
    stored = factorise(net, descriptors(20), rank=8)
    size = [
        sum(value.nbytes for value in one.meta_net.outputs.state_dict().values())
        for one in (net, stored)
    ]
    assert size[1] < size[0] / 10
