"""All measures of a stylised picture at once; here those in an encoder's features, in
`core.metrics.pixels` the others.

Content loss and Gram matrices are those of Gatys, Ecker, Bethge (1508.06576), means and standard
deviations those of Shen, Yan, Zeng (1709.04111); one encoder, VGG19, measures all models,
whatever they were trained with.

    encoder = load_encoder("vgg19")
    contents = [Analysis(picture, encoder) for picture in pictures]      # each looked at once, used for every pair
    numbers = measure(contents[0], style, Analysis(output, encoder))     # {"gram_share": 0.31, "specks": 45.8, ...}
    MEASURES["gram_share"].title                                         # what a reader needs to know of each

Shares put the distance between content picture and style at 1 (nothing done yet) and the goal at 0,
so that styles, whose distances differ a hundredfold, can be averaged: geometrically, see `average`.
Distances are mean squares, like the losses. An encoder in bfloat16
(`Encoder.for_compute(fast_dtype("cpu"))`) takes less time on a CPU with AMX, and moves these
numbers by under 1 % of their value; compare only numbers that come from one dtype.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor

from core.metrics.picture import Picture, Pixels, check_same_size
from core.metrics.pixels import (
    TONES,
    accent_recall,
    color_distance,
    ratio,
    shadow_order,
    sharpness,
    specks,
    ssim,
    tone_change,
)
from core.models.encoder import TAPS, Encoder, normalize
from core.models.losses import CONTENT_TAP, STD_EPS, gram_matrix, mean_std

CHANGE_TAPS = (2, 3)  # the third and the fourth, counted from 0


@dataclass(frozen=True)
class Measure:
    """What a reader needs to know of one number that `measure` gives.

    Attributes:
        title: a few words, for a table or an axis.
        unit: of the value; empty where it has none.
        ideal: the value where nothing is left to wish for in this respect alone.
        is_ratio: whether pairs are averaged geometrically.
    """

    title: str
    unit: str
    ideal: float
    is_ratio: bool = False


def _shares(name: str, title: str) -> dict[str, Measure]:
    taps = {
        f"{name}_{i}": Measure(f"{title} left, {tap}", "", 0, True)
        for i, tap in enumerate(TAPS["vgg19"], 1)
    }
    return {name: Measure(f"{title} left", "", 0, True), **taps}


def _tones(tone: str, title: str) -> dict[str, Measure]:
    return {
        f"{tone}_lightness": Measure(f"{title}: change of lightness", "L*", 0),
        f"{tone}_chroma": Measure(f"{title}: change of saturation", "C*", 0),
    }


MEASURES: dict[str, Measure] = {
    "content_loss": Measure("Content loss", "", 0),
    "content_share": Measure("Content loss, of that of unrelated places", "", 0, True),
    "content_change_3": Measure("Content change, relu3_4", "variances", 0),
    "content_change_4": Measure("Content change, relu4_4", "variances", 0),
    "gram_distance": Measure("Gram distance", "", 0),
    **_shares("gram_share", "Gram distance"),
    "mean_std_distance": Measure("Mean/std distance", "", 0),
    **_shares("mean_std_share", "Mean/std distance"),
    "ssim": Measure("Structural similarity (SSIM)", "", 1),
    "specks": Measure("Specks", "per megapixel", 0),
    **_tones("whites", "Whites"),
    **_tones("blacks", "Blacks"),
    **_tones("shadows", "Shadows"),
    "shadow_order": Measure("Shadows: rank correlation of lightness", "", 1),
    "accent_recall": Measure("Accent colours kept", "", 1),
    "sharpness": Measure("Sharpness, of the photo's", "", 1, True),
    "style_sharpness": Measure("Sharpness, of the painting's", "", 1, True),
    "color_distance": Measure("Colour distance from the painting", "dE", 0),
    "color_share": Measure("Colour distance left", "", 0, True),
}


@dataclass(frozen=True)
class _Encoded:
    grams: list[Tensor]  # tap by tap, C x C
    stats: list[Tensor]  # tap by tap, C x 2: mean and standard deviation
    features: list[Tensor]  # of CHANGE_TAPS, C x H x W


class Analysis:
    """A picture with all that its measures need,
    each part computed when first asked for and then kept.

    Args:
        picture: see `core.metrics.picture`; of 256 px, about 10 MB are kept.
        encoder: the one fixed encoder, `load_encoder("vgg19")`, on any device and in any dtype.

    Raises:
        ValueError: see `core.metrics.picture.Pixels`.
    """

    def __init__(self, picture: Picture, encoder: Encoder) -> None:
        self.pixels = Pixels(picture)
        self.encoder = encoder

    @cached_property
    def encoded(self) -> _Encoded:
        weights = next(self.encoder.parameters())
        with torch.inference_mode():
            images = torch.from_numpy(self.pixels.rgb).permute(2, 0, 1)[None].to(weights.device)
            taps = list(self.encoder(normalize(images)).values())
            grams = [gram_matrix(tap)[0] for tap in taps]
            stats = [mean_std({"tap": tap}).view(-1, 2) for tap in taps]
        return _Encoded(grams, stats, [taps[index][0] for index in CHANGE_TAPS])


def _squares(first: list[Tensor], second: list[Tensor]) -> list[float]:
    pairs = zip(first, second, strict=True)
    return [(a.float() - b.float()).square().mean().item() for a, b in pairs]


def gram_distances(first: Analysis, second: Analysis) -> list[float]:
    """Mean squared difference of the Gram matrices (over C*H*W), tap by tap, 0 upwards;
    their sum is `GramLoss`.
    """
    return _squares(first.encoded.grams, second.encoded.grams)


def mean_std_distances(first: Analysis, second: Analysis) -> list[float]:
    """Mean squared difference of channel means and standard deviations, tap by tap, 0 upwards.

    Weighted by the taps' channels (64, 128, 256, 512) their mean is `MeanStdLoss`.
    """
    return _squares(first.encoded.stats, second.encoded.stats)


def content_change(content: Analysis, output: Analysis) -> list[float]:
    """Mean squared difference of features over their variance in the content, at taps 3 and 4,
    0 upwards.

    The variance is that over the places of the picture, averaged over channels: 1 is the change
    that wiping every feature map to its mean would make, 2 that of shuffling its places. NaN for a
    flat content.
    """
    changes = _squares_of_features(content, output)
    variances = [_variance(content.encoded.stats[index]).mean().item() for index in CHANGE_TAPS]
    return [ratio(change, variance) for change, variance in zip(changes, variances, strict=True)]


def content_loss(content: Analysis, output: Analysis) -> float:
    """Mean squared difference of the features at the third tap, 0 upwards: `ContentLoss`."""
    return _squares_of_features(content, output)[CHANGE_TAPS.index(CONTENT_TAP)]


def unrelated_content_loss(content: Analysis, style: Analysis) -> float:
    """The content loss to expect between places of the content and of the style taken at random,
    0 upwards.

    Content and style have no common places, and mostly not even a common size, so their distance in
    content is this: the sum of both variances and the squared difference of the means, averaged
    over the channels of the third tap.
    """
    first = content.encoded.stats[CONTENT_TAP]
    second = style.encoded.stats[CONTENT_TAP]
    expected = _variance(first) + _variance(second) + (first[:, 0] - second[:, 0]).square()
    return expected.mean().item()


def _squares_of_features(content: Analysis, output: Analysis) -> list[float]:
    check_same_size(content.pixels, output.pixels)
    return _squares(content.encoded.features, output.encoded.features)


def _variance(stats: Tensor) -> Tensor:
    """C: without the epsilon under the standard deviation's root."""
    return (stats[:, 1].square() - STD_EPS).clamp(min=0)


def measure(content: Analysis, style: Analysis, output: Analysis) -> dict[str, float]:
    """Every measure of `MEASURES` for one pair and its output.

    Args:
        content: the photo.
        style: the painting, at the size at which the models read it,
            as its strokes are measured in pixels.
        output: of the content's size.

    Returns:
        The names of `MEASURES`, in their order; NaN where a measure has nothing to look at (a
        content without whites, a style without accents) or nothing to divide by.

    Raises:
        ValueError: an encoder other than VGG19, or not the same for all, or an output of another
            size.
    """
    for picture in (content, style, output):
        if picture.encoder.name != "vgg19" or picture.encoder is not content.encoder:
            raise ValueError("pictures are compared in one vgg19, so that models can be compared")
    check_same_size(content.pixels, output.pixels)
    return {**feature_measures(content, style, output), **_pixel_measures(content, style, output)}


def feature_measures(content: Analysis, style: Analysis, output: Analysis) -> dict[str, float]:
    """The part of `measure` that the encoder sees: content loss and change,
    Gram and mean/std distances and shares.
    """
    loss = content_loss(content, output)
    unrelated = unrelated_content_loss(content, style)
    found = {"content_loss": loss, "content_share": ratio(loss, unrelated)}
    found["content_change_3"], found["content_change_4"] = content_change(content, output)
    # A share is the output's distance over the content's, tap by tap and of all together.
    channels = [len(tap) for tap in style.encoded.stats]
    average_by_channels = partial(np.average, weights=channels)
    for name, distances, together in (
        ("gram", gram_distances, sum),
        ("mean_std", mean_std_distances, average_by_channels),
    ):
        parts, wholes = distances(output, style), distances(content, style)
        found[f"{name}_distance"] = float(together(parts))
        found[f"{name}_share"] = ratio(float(together(parts)), float(together(wholes)))
        for tap, (part, whole) in enumerate(zip(parts, wholes, strict=True), 1):
            found[f"{name}_share_{tap}"] = ratio(part, whole)
    return found


def _pixel_measures(content: Analysis, style: Analysis, output: Analysis) -> dict[str, float]:
    photo, painting, result = content.pixels, style.pixels, output.pixels
    found = {"ssim": ssim(photo, result), "specks": specks(photo, result)}
    for tone in TONES:
        found[f"{tone}_lightness"], found[f"{tone}_chroma"] = tone_change(photo, result, tone)
    distance = color_distance(painting, result)
    return found | {
        "shadow_order": shadow_order(photo, result),
        "accent_recall": accent_recall(painting, result),
        "sharpness": sharpness(photo, result),
        "style_sharpness": sharpness(painting, result),
        "color_distance": distance,
        "color_share": ratio(distance, color_distance(painting, photo)),
    }


def average(name: str, values: Iterable[float]) -> float:
    """Mean of one measure over pairs: geometric for shares and ratios, arithmetic for the others.

    NaN values are left out; NaN where nothing is left, 0 where a ratio is 0.
    """
    if MEASURES[name].is_ratio:
        return geometric_mean(values)
    kept = np.array([value for value in values if not np.isnan(value)])
    return float(kept.mean()) if len(kept) else float("nan")


def geometric_mean(values: Iterable[float]) -> float:
    """Of numbers of at least 0. NaN values are left out; NaN where nothing is left,
    0 where one is 0.
    """
    kept = np.array([value for value in values if not np.isnan(value)])
    if not len(kept):
        return float("nan")
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(kept).mean()))
