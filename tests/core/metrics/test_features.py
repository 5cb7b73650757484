"""Measures of features against the losses and by hand; and `measure`, which gives all measures at once."""

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from core.images.convert import to_tensor
from core.metrics.features import (
    MEASURES,
    Analysis,
    average,
    content_change,
    content_loss,
    gram_distances,
    mean_std_distances,
    measure,
    unrelated_content_loss,
)
from core.models.encoder import Encoder, normalize
from core.models.losses import ContentLoss, GramLoss, MeanStdLoss
from tests.conftest import shipped_encoder

SHARES = [name for name in MEASURES if "_share" in name and name != "content_share"]


@pytest.fixture(scope="module")
def vgg() -> Encoder:
    return shipped_encoder("vgg19")


@pytest.fixture(scope="module")
def content(vgg: Encoder, photos: dict[str, Image.Image]) -> Analysis:
    return Analysis(photos["chelsea"].resize((128, 96), Image.Resampling.LANCZOS), vgg)


@pytest.fixture(scope="module")
def style(vgg: Encoder, photos: dict[str, Image.Image]) -> Analysis:
    return Analysis(photos["coffee"].resize((112, 120), Image.Resampling.LANCZOS), vgg)


@pytest.fixture(scope="module")
def painted(photos: dict[str, Image.Image]) -> Image.Image:
    """An output between the two: the content's picture, half overlaid with the style's."""
    both = [
        photos[name].resize((128, 96), Image.Resampling.LANCZOS) for name in ("chelsea", "coffee")
    ]
    return Image.blend(both[0], both[1], 0.5)


@pytest.fixture(scope="module")
def numbers(
    vgg: Encoder, content: Analysis, style: Analysis, painted: Image.Image
) -> dict[str, float]:
    return measure(content, style, Analysis(painted, vgg))


def features(vgg: Encoder, image: Image.Image) -> dict[str, torch.Tensor]:
    return vgg(normalize(to_tensor(image)[None]))


def as_image(picture: Analysis) -> Image.Image:
    return Image.fromarray((picture.pixels.rgb * 255).round().astype(np.uint8))


# All at once


def test_measure_gives_every_number_that_is_described_in_that_order(
    numbers: dict[str, float],
) -> None:
    assert list(numbers) == list(MEASURES)
    assert all(
        type(value) is float and math.isfinite(value)
        for name, value in numbers.items()
        if "whites" not in name
    )


def test_the_same_pictures_give_the_same_numbers_analysed_before_or_not(
    vgg: Encoder,
    content: Analysis,
    style: Analysis,
    painted: Image.Image,
    numbers: dict[str, float],
) -> None:
    pictures = (as_image(content), to_tensor(as_image(style)), to_tensor(painted)[None])
    again = measure(*(Analysis(picture, vgg) for picture in pictures))
    np.testing.assert_allclose(list(again.values()), list(numbers.values()), rtol=1e-4)


def test_losses_are_those_that_models_are_trained_with(
    vgg: Encoder,
    content: Analysis,
    style: Analysis,
    painted: Image.Image,
    numbers: dict[str, float],
) -> None:
    photo, painting, output = (
        features(vgg, image) for image in (as_image(content), as_image(style), painted)
    )
    gram, mean_std = GramLoss(), MeanStdLoss()
    assert numbers["content_loss"] == pytest.approx(ContentLoss("relu3_4")(output, photo).item())
    assert numbers["gram_distance"] == pytest.approx(gram(output, gram.target(painting)).item())
    assert numbers["mean_std_distance"] == pytest.approx(
        mean_std(output, mean_std.target(painting)).item()
    )
    whole = gram(photo, gram.target(painting)).item()
    assert numbers["gram_share"] == pytest.approx(numbers["gram_distance"] / whole)
    whole = mean_std(photo, mean_std.target(painting)).item()
    assert numbers["mean_std_share"] == pytest.approx(numbers["mean_std_distance"] / whole)


def test_the_content_as_its_own_output_has_everything_left_to_do(
    content: Analysis, style: Analysis
) -> None:
    found = measure(content, style, content)
    assert [found[name] for name in SHARES] == [1] * len(SHARES)
    for name in ("content_loss", "content_share", "content_change_3", "content_change_4", "specks"):
        assert found[name] == 0
    assert found["ssim"] == found["sharpness"] == found["shadow_order"] == pytest.approx(1)


def test_the_style_as_output_has_nothing_left_to_do(
    vgg: Encoder, content: Analysis, painted: Image.Image
) -> None:
    output = Analysis(painted, vgg)
    found = measure(content, output, output)
    assert [found[name] for name in SHARES] == [0] * len(SHARES)
    assert found["style_sharpness"] == 1
    assert found["content_share"] > 0


def test_between_content_and_style_every_share_is_partly_done(numbers: dict[str, float]) -> None:
    for name in ("gram_share", "mean_std_share", "color_share"):
        assert 0 < numbers[name] < 1


def test_a_flat_or_perfect_pair_has_no_shares(vgg: Encoder) -> None:
    """The content is its own style, and flat: nothing to divide by, nothing to look at."""
    flat = Analysis(Image.new("RGB", (48, 48), (120, 120, 120)), vgg)
    found = measure(flat, flat, flat)
    nothing = [
        *SHARES,
        "sharpness",
        "style_sharpness",
        "accent_recall",
        "shadow_order",
        "whites_chroma",
    ]
    assert all(math.isnan(found[name]) for name in nothing)
    assert found["gram_distance"] == found["content_loss"] == found["shadows_lightness"] == 0


def test_other_encoders_and_sizes_are_refused(content: Analysis, style: Analysis) -> None:
    other = Analysis(as_image(content), shipped_encoder("vgg16"))
    for pictures in ((content, style, other), (other, other, other)):
        with pytest.raises(ValueError, match="in one vgg19"):
            measure(*pictures)
    with pytest.raises(ValueError, match="its content's size"):
        measure(content, style, style)


# One by one


def test_moving_everything_changes_the_content_and_not_the_style(
    vgg: Encoder, content: Analysis
) -> None:
    """Gram matrices and statistics forget places; rolled round by 32 px, only the seam and the borders are new."""
    rolled = Analysis(np.roll(content.pixels.rgb, (32, 32), axis=(0, 1)), vgg)
    blurred = Analysis(as_image(content).filter(ImageFilter.GaussianBlur(2)), vgg)
    for distances in (gram_distances, mean_std_distances):
        assert sum(distances(content, rolled)) < sum(distances(content, blurred)) / 4
    assert content_change(content, rolled)[0] > content_change(content, blurred)[0]


def constant(picture: Analysis) -> Analysis:
    """As if every feature map of the picture had been wiped to its mean."""
    return with_features(
        picture, [f.mean((1, 2), keepdim=True).expand_as(f) for f in picture.encoded.features]
    )


def shuffled(picture: Analysis) -> Analysis:
    """As if the places of every feature map had been shuffled."""
    generator = torch.Generator().manual_seed(0)
    places = [torch.randperm(f[0].numel(), generator=generator) for f in picture.encoded.features]
    pairs = zip(picture.encoded.features, places, strict=True)
    return with_features(picture, [f.flatten(1)[:, order].view_as(f) for f, order in pairs])


def with_features(picture: Analysis, values: list[torch.Tensor]) -> Analysis:
    result = Analysis(picture.pixels.rgb, picture.encoder)
    result.encoded.features[:] = values
    return result


def test_content_change_is_1_for_wiped_features_and_2_for_shuffled_ones(content: Analysis) -> None:
    assert content_change(content, constant(content)) == pytest.approx([1, 1], rel=1e-3)
    assert content_change(content, shuffled(content)) == pytest.approx([2, 2], rel=0.05)


def test_the_unrelated_content_loss_is_that_of_shuffled_places(content: Analysis) -> None:
    assert content_loss(content, shuffled(content)) == pytest.approx(
        unrelated_content_loss(content, content), rel=0.05
    )


def test_the_unrelated_content_loss_is_that_of_all_pairs_of_places(
    content: Analysis, style: Analysis
) -> None:
    first, second = (
        picture.encoded.features[0].double().flatten(1).T for picture in (content, style)
    )
    wanted = torch.cdist(first, second).square().mean().item() / first.shape[1]
    assert unrelated_content_loss(content, style) == pytest.approx(wanted, rel=1e-4)


def test_blurring_more_changes_content_more(vgg: Encoder, content: Analysis) -> None:
    blurred = [as_image(content).filter(ImageFilter.GaussianBlur(radius)) for radius in (0.5, 1, 2)]
    changes = np.array([content_change(content, Analysis(image, vgg)) for image in blurred])
    assert (np.diff(changes, axis=0) > 0).all()


def test_bfloat16_gives_nearly_the_same_numbers(
    content: Analysis, style: Analysis, painted: Image.Image
) -> None:
    vgg = shipped_encoder("vgg19")
    half = Encoder("vgg19", {f"features.{k}": v for k, v in vgg.features.state_dict().items()})
    half.for_compute(torch.bfloat16)
    pictures = (content.pixels.rgb, style.pixels.rgb, painted)
    found = measure(*(Analysis(picture, half) for picture in pictures))
    wanted = measure(content, style, Analysis(painted, vgg))
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=0.02, nan_ok=True), name


# Averages


def test_ratios_are_averaged_geometrically_and_other_measures_arithmetically() -> None:
    assert average("gram_share", [0.1, 0.4]) == pytest.approx(0.2)
    assert average("sharpness", [0.5, 2]) == pytest.approx(1)
    assert average("specks", [10, 30]) == 20
    assert average("gram_share", [0.0, 0.5]) == 0


def test_gaps_are_left_out_of_averages() -> None:
    assert average("whites_chroma", [math.nan, 3, 5]) == 4
    assert math.isnan(average("gram_share", [math.nan]))
    assert math.isnan(average("specks", []))
