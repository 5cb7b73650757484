"""The registry, and every variant of it through build, forward, backward, save and load."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from core.images.convert import to_tensor
from core.models.checkpoint import load_model, save_model
from core.models.encoder import denormalize, normalize
from core.models.registry import (
    CONTENT_WEIGHT,
    FLAGSHIP,
    MODELS,
    TV_WEIGHT,
    VARIANTS,
    Variant,
)
from core.training.objective import Objective
from tests.conftest import shipped_encoder

REPORT = {
    "original-500": ("vgg16", "resnet", "mse", 500),
    "original-1000": ("vgg16", "resnet", "mse", 1000),
    "improved-500": ("vgg19", "resnext", "gram", 500),
    "improved-1000": ("vgg19", "resnext", "gram", 1000),
    "ablation-vgg16": ("vgg16", "resnext", "gram", 500),
    "ablation-resnet": ("vgg19", "resnet", "gram", 500),
    "ablation-mse": ("vgg19", "resnext", "mse", 500),
}


def test_the_registry_is_the_reports_table() -> None:
    table = {
        name: (v.encoder, v.block, v.style_loss, v.images)
        for name, v in VARIANTS.items()
        if name in REPORT
    }
    assert table == REPORT
    assert list(table) == list(REPORT)
    assert all(VARIANTS[name].base == 32 and VARIANTS[name].name == name for name in REPORT)
    assert (CONTENT_WEIGHT, TV_WEIGHT) == (1.0, 1e-6)


def test_style_weights_by_encoder_and_loss() -> None:
    """For each model: two of one encoder and loss may not differ."""
    weights = {
        ("vgg16", "mse"): 12.0,
        ("vgg19", "mse"): 6.0,
        ("vgg16", "gram"): 2e4,
        ("vgg19", "gram"): 5e3,
        ("vgg19", "relative"): 8.0,
    }
    for name, v in MODELS.items():
        assert v.style_weight == weights[v.encoder, v.style_loss], name
        assert v.style_weight_for("oxford") == v.style_weight, name


def test_the_reports_style_weights_hold_for_torchvisions_encoder() -> None:
    report = {"mse": 50.0, "gram": 3e5, "relative": 8.0}
    for name, v in MODELS.items():
        assert v.style_weight_for("torchvision") == report[v.style_loss], name


@pytest.mark.parametrize(
    ("base", "note"),
    [
        (32, ""),
        (8, "8 channels, a quarter of the report's width"),
        (16, "16 channels, half the report's width"),
        (1, "1 channel, 0.031 times the report's width"),
        (12, "12 channels, 0.38 times the report's width"),
        (48, "48 channels, 1.5 times the report's width"),
    ],
)
def test_how_wide_a_model_is(base: int, note: str) -> None:
    assert replace(VARIANTS["improved-500"], base=base).width_note == note


def test_the_flagship_has_a_width_of_its_own() -> None:
    assert FLAGSHIP.width_note == ""


@pytest.mark.parametrize("name", VARIANTS)
def test_build_forward_backward_save_load(
    name: str, tmp_path: Path, photos: dict[str, Image.Image]
) -> None:
    variant: Variant = replace(VARIANTS[name], base=4)
    vgg = shipped_encoder(variant.encoder)
    torch.manual_seed(0)
    net = variant.build()
    photo, painting = (
        to_tensor(photos[key].resize((32, 32)))[None] for key in ("astronaut", "coffee")
    )
    objective = Objective(variant, vgg)
    style = objective.style(painting)
    contents = normalize(photo)

    outputs, filters = net(contents, style.descriptor)
    assert outputs.shape == contents.shape
    gradient, losses = objective.gradient(outputs, contents, style)
    assert all(torch.isfinite(loss) and loss > 0 for loss in losses)
    outputs.backward(gradient)
    for parameter_name, parameter in net.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        if parameter_name.endswith("weight"):
            assert parameter.grad.abs().max() > 0, parameter_name

    save_model(
        tmp_path / name, variant, net, vgg, {"style_weight": objective.style_weight, "lr": 1e-3}
    )
    model = load_model(tmp_path / name)
    assert model.variant == variant
    assert not any(p.requires_grad for p in model.net.parameters())
    model.check_encoder(vgg)
    again, again_filters = model.net(contents, style.descriptor)
    for layer, value in filters.items():
        torch.testing.assert_close(again_filters[layer], value.detach(), rtol=1e-5, atol=1e-6)
    difference = denormalize(again).clamp(0, 1) - denormalize(outputs.detach()).clamp(0, 1)
    assert difference.abs().max() < 0.1 / 255
