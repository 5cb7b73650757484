"""The networks: the report's sizes, what is generated and what is the network's own, and two ways to the same numbers."""

import pytest
import torch
from torch import Tensor, nn

from core.models.encoder import STYLE_SIZE
from core.models.layers import Filters, GeneratedConv2d, InstanceNorm, LastConv2d, ResNeXtBlock
from core.models.registry import parameter_counts
from core.models.style_net import BLOCKS, GeneratingLinear, MetaNet, StyleNet, TransformNet

REPORT_UNIT = 1_024_000  # bytes: the report's "MB"
COUNTS = {
    (8, "resnet"): (16_867_720, 3_899),
    (8, "resnext"): (11_561_064, 299_835),
    (32, "resnet"): (217_640_224, 15_587),
    (32, "resnext"): (161_100_960, 4_738_275),
}


def random_filters(net: TransformNet, seed: int = 0) -> Filters:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(size, generator=generator) * 0.1 for name, size in net.generated.items()
    }


def tiny_net(block: str, base: int = 2) -> StyleNet:
    torch.manual_seed(0)
    return StyleNet(base, block)


@pytest.mark.parametrize(("base", "block"), COUNTS)
def test_parameter_counts_of_the_report(base: int, block: str) -> None:
    with torch.device("meta"):
        net = StyleNet(base, block)
    meta_net, transform_net = COUNTS[base, block]
    assert parameter_counts(net) == {"meta_net": meta_net, "transform_net": transform_net}


@pytest.mark.parametrize(("block", "size"), [("resnet", 850), ("resnext", 647)])
def test_file_sizes_of_the_report(block: str, size: int) -> None:
    with torch.device("meta"):
        net = StyleNet(32, block)
    size_in_bytes = sum(p.nbytes for p in net.parameters())
    assert int(size_in_bytes / REPORT_UNIT) == size


def test_original_generates_all_fourteen_convolutions_between_the_9x9_ones() -> None:
    net = TransformNet(8, "resnet")
    assert list(net.generated.values()) == [
        8 * 16 * 9 + 16,
        16 * 32 * 9 + 32,
        *[32 * 32 * 9 + 32] * 10,
        32 * 16 * 9 + 16,
        16 * 8 * 9 + 8,
    ]
    own = [tuple(m.weight.shape) for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert own == [(8, 3, 9, 9), (3, 8, 9, 9)]


def test_improved_generates_six_and_owns_the_32_branches() -> None:
    net = TransformNet(8, "resnext")
    wide = 32 * 32
    assert list(net.generated.values()) == [
        8 * 16 * 9 + 16,
        16 * 32 * 9 + 32,
        32 * wide + wide,
        wide * 32 + 32,
        32 * 16 * 9 + 16,
        16 * 8 * 9 + 8,
    ]
    own = {tuple(m.weight.shape): m.groups for m in net.modules() if isinstance(m, nn.Conv2d)}
    assert own == {(8, 3, 9, 9): 1, (wide, 32, 3, 3): 32, (3, 8, 9, 9): 1}


def test_the_layer_of_figure_5_has_its_name() -> None:
    assert StyleNet().get_parameter("transform_net.downsampling.1.weight").shape == (8, 3, 9, 9)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("height", "width"), [(16, 16), (20, 48)])
def test_output_has_the_input_size(block: str, height: int, width: int) -> None:
    outputs, filters = tiny_net(block)(torch.randn(2, 3, height, width), torch.randn(STYLE_SIZE))
    assert outputs.shape == (2, 3, height, width)
    assert outputs.dtype == torch.float32
    assert torch.isfinite(outputs).all()
    assert {name: len(value) for name, value in filters.items()} == tiny_net(
        block
    ).transform_net.generated


def test_unknown_block_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^There is no block named 'densenet'; choose resnet or resnext\.$"
    ):
        TransformNet(8, "densenet")


def test_meta_net_gives_each_layer_its_own_128_hidden_values() -> None:
    torch.manual_seed(0)
    net = MetaNet({"first": 5, "second": 7})
    descriptor = torch.randn(STYLE_SIZE)
    hidden = torch.relu(net.hidden.weight @ descriptor + net.hidden.bias)
    assert hidden.shape == (256,)
    filters = net(descriptor)
    for i, name in enumerate(("first", "second")):
        layer = net.outputs[i]
        assert isinstance(layer, nn.Linear)
        wanted = layer.weight @ hidden[128 * i : 128 * (i + 1)] + layer.bias
        torch.testing.assert_close(filters[name], wanted, rtol=1e-4, atol=1e-5)


def test_instance_norm() -> None:
    x = torch.randn(2, 3, 8, 9) * 4 + 5
    wanted = (x - x.mean((2, 3), keepdim=True)) / torch.sqrt(
        x.var((2, 3), keepdim=True, correction=0) + 1e-5
    )
    torch.testing.assert_close(InstanceNorm()(x), wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(InstanceNorm()(x[:1]), wanted[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block", BLOCKS)
def test_each_image_is_stylised_alone(block: str) -> None:
    net, images, descriptor = tiny_net(block), torch.randn(3, 3, 16, 20), torch.randn(STYLE_SIZE)
    together, _ = net(images, descriptor)
    for i in range(3):
        torch.testing.assert_close(
            net(images[i : i + 1], descriptor)[0], together[i : i + 1], rtol=1e-4, atol=1e-4
        )
    whole = net.transform_net(images, net.meta_net(descriptor))
    torch.testing.assert_close(whole, together, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("block", BLOCKS)
def test_generated_filters_have_no_scale(block: str) -> None:
    """Each feeds an instance norm without affine, so growing filters change nothing (report: "weights keep growing")."""
    net = tiny_net(block).transform_net
    filters, images = random_filters(net), torch.randn(1, 3, 32, 32)
    grown = {name: value * 7 for name, value in filters.items()}
    torch.testing.assert_close(net(images, grown), net(images, filters), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("block", BLOCKS)
def test_another_style_gives_another_picture(block: str) -> None:
    net, images = tiny_net(block), torch.randn(1, 3, 16, 16)
    first, second = (net(images, torch.randn(STYLE_SIZE))[0] for _ in range(2))
    assert (first - second).abs().mean() > 1e-3


def naive_resnext(block: ResNeXtBlock, x: Tensor, filters: Filters) -> Tensor:
    """Expand, 32 separate 3x3 convolutions, reduce, each with its norm; no groups, no shortcuts."""
    channels = x.shape[1]
    expand, reduce = (layer for layer in block if isinstance(layer, GeneratedConv2d))
    (branches,) = (layer for layer in block if isinstance(layer, nn.Conv2d))
    assert branches.bias is not None
    (weight_in, bias_in), (weight_out, bias_out) = expand.split(filters), reduce.split(filters)
    norm, pad = nn.InstanceNorm2d(32 * channels), nn.ReflectionPad2d(1)
    wide = pad(torch.relu(norm(torch.nn.functional.conv2d(x, weight_in, bias_in))))
    parts = [
        torch.nn.functional.conv2d(part, weight, bias)
        for part, weight, bias in zip(
            wide.split(channels, 1),
            branches.weight.split(channels),
            branches.bias.split(channels),
            strict=True,
        )
    ]
    wide = torch.relu(norm(torch.cat(parts, 1)))
    return x + nn.InstanceNorm2d(channels)(torch.nn.functional.conv2d(wide, weight_out, bias_out))


@pytest.mark.parametrize("count", [1, 2])
def test_resnext_inference_in_groups_equals_training_and_the_plain_formula(count: int) -> None:
    torch.manual_seed(1)
    net = TransformNet(2, "resnext")
    filters = random_filters(net)
    block = net.residuals
    assert isinstance(block, ResNeXtBlock)
    x = torch.randn(count, 8, 12, 16)
    plain = block(x, filters)
    with torch.no_grad():
        grouped = block(x, filters)
    torch.testing.assert_close(plain, naive_resnext(block, x, filters), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(grouped, plain, rtol=1e-4, atol=1e-4)


def test_the_last_convolution_is_the_same_in_training_and_without() -> None:
    torch.manual_seed(0)
    conv, x = LastConv2d(8, 3, 9), torch.randn(1, 8, 24, 24)
    trained = conv(x)
    assert trained.requires_grad
    with torch.inference_mode():
        torch.testing.assert_close(conv(x), trained.detach(), rtol=1e-5, atol=1e-5)


def test_resnext_inference_leaves_its_input_alone() -> None:
    net = TransformNet(2, "resnext")
    x = torch.randn(1, 8, 8, 8).contiguous(memory_format=torch.channels_last)
    before = x.clone()
    with torch.no_grad():
        net.residuals(x, random_filters(net))
    assert torch.equal(x, before)


@pytest.mark.parametrize("block", BLOCKS)
def test_bfloat16_compute_stays_close_and_parameters_stay_float32(block: str) -> None:
    net, images, descriptor = tiny_net(block), torch.randn(1, 3, 32, 32), torch.randn(STYLE_SIZE)
    exact, _ = net(images, descriptor)
    net.compute_dtype = torch.bfloat16
    rough, _ = net(images, descriptor)
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).square().mean().sqrt() < 0.05 * exact.std()
    rough.sum().backward()
    assert all(
        p.grad is not None and p.grad.dtype == p.dtype == torch.float32 for p in net.parameters()
    )


@pytest.mark.parametrize("trained", [True, False])
def test_a_generating_layer_is_a_linear_map_with_a_linear_maps_gradients(trained: bool) -> None:
    torch.manual_seed(3)
    layer, plain = GeneratingLinear(5, 40).double(), nn.Linear(5, 40).double()
    plain.load_state_dict(layer.state_dict())
    layer.requires_grad_(trained)
    hidden = torch.randn(5, dtype=torch.float64, requires_grad=True)
    same = hidden.detach().clone().requires_grad_()
    weights = torch.randn(40, dtype=torch.float64)
    ours, theirs = layer(hidden), plain(same)
    torch.testing.assert_close(ours, theirs)
    (ours * weights).sum().backward()
    (theirs * weights).sum().backward()
    torch.testing.assert_close(hidden.grad, same.grad)
    for mine, other in zip(layer.parameters(), plain.parameters(), strict=True):
        if trained:
            torch.testing.assert_close(mine.grad, other.grad)
        else:
            assert mine.grad is None
