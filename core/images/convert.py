"""Pictures to tensors and back, to other sizes, and parts of them."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.images.decode import MIN_SIDE, ImageError

Box = tuple[float, float, float, float]  # left, top, right, bottom: 0 to 1
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
ROWS = 256  # of a picture at once
NO_PICTURE = (
    "What was painted is no picture: the numbers of the model, or of the style file, are broken."
)


def resize_longest(image: Image.Image, longest: int) -> Image.Image:
    """Resize (Lanczos) so that the longer side has `longest` pixels,
    or as many more as keep the shorter one at 16.
    """
    return _resize(image, longest / max(image.size))


def resize_smaller(image: Image.Image, smaller: int) -> Image.Image:
    """Resize (Lanczos) so that the shorter side has `smaller` pixels, but at least 16."""
    return _resize(image, smaller / min(image.size))


def center_crop(photo: Image.Image, side: int) -> Image.Image:
    """The middle square of a photo at smaller side `side`."""
    small = resize_smaller(photo, side)
    left, top = (small.width - side) // 2, (small.height - side) // 2
    return small.crop((left, top, left + side, top + side))


def cropped(image: Image.Image, box: Box) -> Image.Image:
    """The part of a picture between these edges, which are rounded to whole pixels; the picture
    itself for the whole.

    Raises:
        ImageError: the part is shorter than 16 px a side.
    """
    if box == WHOLE:
        return image
    left, right = round(box[0] * image.width), round(box[2] * image.width)
    top, bottom = round(box[1] * image.height), round(box[3] * image.height)
    if min(right - left, bottom - top) < MIN_SIDE:
        raise ImageError(
            f"The part of the painting has {right - left} x {bottom - top} px; "
            f"it must have at least {MIN_SIDE} px a side."
        )
    return image.crop((left, top, right, bottom))


def to_tensor(image: Image.Image) -> Tensor:
    """RGB image to a float32 tensor 3 x H x W in [0, 1]. Raises ValueError for another mode."""
    if image.mode != "RGB":
        raise ValueError(f"expected an RGB image as load_image gives it, got mode {image.mode}")
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
    return pixels.to(torch.float32).div_(255)


def to_image(tensor: Tensor) -> Image.Image:
    """Tensor 3 x H x W or 1 x 3 x H x W to an RGB image; values are clamped to
    [0, 1] and rounded to 8 bits.

    Raises:
        ValueError: another shape.
        ImageError: NaN among the values, as finite but absurd weights give.
    """
    pixels = tensor.detach()
    if pixels.ndim == 4 and pixels.shape[0] == 1:
        pixels = pixels[0]
    if pixels.ndim != 3 or pixels.shape[0] != 3:
        raise ValueError(f"expected a tensor 3 x H x W or 1 x 3 x H x W, got {tuple(tensor.shape)}")
    if torch.isnan(pixels).any():
        raise ImageError(NO_PICTURE)
    pixels = (pixels.to(torch.float32).clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())


def by_rows(paint: Callable[..., np.ndarray], *pictures: Image.Image) -> Image.Image:
    """A picture computed from others of its size, some rows at a time, since float arithmetic takes
    many times the memory of 8-bit pixels.

    Args:
        paint: takes which rows they are, a slice, and those of each picture, rows x W x 3, float32,
            0 to 255; returns those of the result, which are rounded.
        pictures: RGB, of one size.
    """
    width, height = pictures[0].size
    result = Image.new("RGB", (width, height))
    for top in range(0, height, ROWS):
        rows = slice(top, min(top + ROWS, height))
        parts = [each.crop((0, rows.start, width, rows.stop)) for each in pictures]
        painted = paint(rows, *(np.asarray(part, dtype=np.float32) for part in parts))
        pixels = painted.round().clip(0, 255).astype(np.uint8)
        result.paste(Image.fromarray(pixels), (0, top))
    return result


def split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """An RGB or RGBA image as its colours, RGB, and how opaque each pixel is, mode L;
    None where all of them are.
    """
    if image.mode != "RGBA":
        return image, None
    return image.convert("RGB"), image.getchannel("A")


def with_alpha(image: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """An RGB image with a transparency, which is resized to it, as an RGBA image;
    the image itself where there is none.
    """
    if alpha is None:
        return image
    result = image.copy()
    same = alpha.size == image.size
    result.putalpha(alpha if same else alpha.resize(image.size, Image.Resampling.BILINEAR))
    return result


def _resize(image: Image.Image, scale: float) -> Image.Image:
    scale = max(scale, MIN_SIDE / min(image.size))
    size = round(image.width * scale), round(image.height * scale)
    return image.resize(size, Image.Resampling.LANCZOS)
