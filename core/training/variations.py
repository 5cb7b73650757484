"""Paintings varied while training, so that a network meets more styles than there are pictures.

Colours: turned in hue, channels changed about, more or less saturated, stronger or weaker in
contrast, lighter or darker, negative, or those of another painting. Strokes: a painting is seen
whole, larger, or smaller than it is.

    cuts = random_views(store, numbers, generator)
    images = vary_colours(store.cut(numbers, cuts, side=256), generator)
"""

import math

import torch
from torch import Tensor

from core.training.picture_store import Cuts, PictureStore

WHOLE = 0.55  # share of the views that show a painting as it is
CLOSER, FARTHER = 1.0, -0.5  # binary logarithms of the others' enlargements, at most and at least
PLAIN = 0.45  # share of the paintings that keep their colours
# How often each change is made to the others:
TURN, SWAP, SATURATE, CONTRAST, LIGHTEN, NEGATIVE, BORROW = 0.4, 0.15, 0.35, 0.35, 0.3, 0.04, 0.3
LUMA = (0.299, 0.587, 0.114)


def random_views(store: PictureStore, numbers: Tensor, generator: torch.Generator) -> Cuts:
    """A square of each painting: its smaller side at most, a part of that,
    or more than that by reflection.
    """
    draws = torch.rand(5, len(numbers), generator=generator, device=store.sizes.device)
    sizes = store.sizes[numbers]
    zoom = torch.exp2(FARTHER + (CLOSER - FARTHER) * draws[0])
    side = sizes.amin(dim=1) / torch.where(draws[1] < WHOLE, 1.0, zoom)
    room = sizes - side[:, None]  # negative where it reaches beyond the edges
    return Cuts(draws[2] * room[:, 0], draws[3] * room[:, 1], side, draws[4] < 0.5)


def vary_colours(images: Tensor, generator: torch.Generator) -> Tensor:
    """N x 3 x H x W in [0, 1]: some of them as they are,
    the others with one or more changes of colour.
    """
    count = len(images)
    device = images.device

    def chosen(share: float) -> Tensor:
        return torch.rand(count, 1, 1, generator=generator, device=device) < share

    def amount(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, generator=generator, device=device)

    plain = chosen(PLAIN)
    pixels = images.flatten(2)  # N x 3 x HW
    other = pixels.roll(1, dims=0)
    theirs = [value[..., None] for value in torch.std_mean(other, dim=2)]
    ours = [value[..., None] for value in torch.std_mean(pixels, dim=2)]
    borrowed = (pixels - ours[1]) / (ours[0] + 1e-3) * theirs[0] + theirs[1]
    changed = torch.where(chosen(BORROW), borrowed, pixels)

    eye = torch.eye(3, device=device)
    turned = torch.where(chosen(TURN), _hue_matrix(amount(-math.pi, math.pi).flatten()), eye)
    orders = torch.rand(count, 3, generator=generator, device=device).argsort(dim=1)
    swapped = torch.where(chosen(SWAP), eye[orders], eye)
    luma = torch.tensor(LUMA, device=device).expand(3, 3)
    saturation = torch.where(chosen(SATURATE), amount(0.0, 2.0), 1.0)
    matrix = (saturation * eye + (1 - saturation) * luma) @ swapped @ turned  # N x 3 x 3
    changed = matrix @ changed

    mean = changed.mean(dim=(1, 2), keepdim=True)
    contrast = torch.where(chosen(CONTRAST), amount(0.5, 1.8), 1.0)
    lighter = torch.where(chosen(LIGHTEN), amount(-0.2, 0.2), 0.0)
    changed = mean + contrast * (changed - mean) + lighter
    changed = torch.where(chosen(NEGATIVE), 1 - changed, changed)
    return torch.where(plain, pixels, changed).clamp(0, 1).view_as(images)


def _hue_matrix(angle: Tensor) -> Tensor:
    """The rotation of RGB about the axis of greys by N angles (radians),
    N x 3 x 3 (Rodrigues' formula).
    """
    axis = 1 / math.sqrt(3)
    cross = axis * torch.tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=angle.device)
    cosine, sine = angle.cos()[:, None, None], angle.sin()[:, None, None]
    eye = torch.eye(3, device=angle.device)
    return cosine * eye + sine * cross + (1 - cosine) / 3
