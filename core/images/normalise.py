"""Decoded pixels of any kind to upright, 8-bit sRGB: the last step of `core.images.decode`."""

import io
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageChops, ImageCms

from core.images.colour_space import to_srgb
from core.images.colour_tags import Colours

TIFF_TAGS = {"BitsPerSample": 258, "PlanarConfiguration": 284, "SampleFormat": 339}
UNSIGNED, SIGNED = 1, 2  # of TIFF's SampleFormat
UPRIGHT = 1
_UPRIGHT = {  # EXIF orientation: what makes it upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PixelError(ValueError):
    """The pixels mean nothing; the message says why, after the picture's name."""


def upright_srgb(
    image: Image.Image,
    colours: Colours,
    deep: NDArray[np.uint16] | None = None,
    negative: bool = False,
) -> Image.Image:
    """A decoded picture as a new image of 8-bit sRGB, upright as its EXIF orientation asks.

    Args:
        image: decoded, of any mode.
        colours: how its samples are to be read.
        deep: the same samples with 16 bits, H x W x 3 or H x W x 4,
            where `image` has only their upper 8.
        negative: whether 0 means white, in a grey picture.

    Returns:
        An RGBA image where any of the pixels is not quite opaque, else an RGB image.

    Raises:
        PixelError: there are NaN or infinite values among the samples.
    """
    alpha = _alpha(image)
    if deep is not None and deep.shape[2] == 4:
        alpha = Image.fromarray(_to_8_bits(deep[:, :, 3]))
    samples = _samples(image, deep, negative) if colours.space else None
    if colours.space and samples is not None:
        rgb = Image.fromarray(to_srgb(samples, colours.space))
    else:
        rgb = _by_profile(_opaque(image, negative), colours.profile)
    if alpha is not None and alpha.getextrema() != (255, 255):
        rgb.putalpha(alpha)
    rgb = _transposed(rgb, image)
    rgb.info = {}
    return rgb


def _samples(
    image: Image.Image, deep: NDArray[np.uint16] | None, negative: bool
) -> NDArray[np.integer] | None:
    """Grey or RGB samples to which a colour space applies, H x W or H x W x 3;
    None for other kinds of picture.
    """
    if deep is not None:
        return deep[:, :, :3]
    if image.mode.startswith("I;16"):
        return _grey_16(image, negative)
    if image.mode in ("I", "F", "CMYK", "LAB"):
        return None
    return np.asarray(_opaque(image, negative))


def on_white(image: Image.Image) -> Image.Image:
    """An RGB or RGBA image as RGB, laid on white."""
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _alpha(image: Image.Image) -> Image.Image | None:
    """How opaque each pixel is, mode L; None where all of them are."""
    if image.mode.startswith("I;16"):
        transparent = image.info.get("transparency")
        if not isinstance(transparent, int):
            return None
        opaque = np.asarray(image) != transparent
        return Image.fromarray(opaque.astype(np.uint8) * np.uint8(255))
    if not image.has_transparency_data or image.mode in ("I", "F"):
        return None
    return image.convert("RGBA").getchannel("A")


def _opaque(image: Image.Image, negative: bool) -> Image.Image:
    """The picture without its transparency, in mode L, RGB or CMYK,
    which a colour profile can describe.
    """
    if image.mode.startswith("I;16"):
        return Image.fromarray(_to_8_bits(_grey_16(image, negative)))
    if image.mode in ("I", "F") or _is_signed_8(image):
        return Image.fromarray(_stretched(image, negative))
    if image.mode == "CMYK":
        return image
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image
    if image.mode in ("1", "L", "LA", "La"):
        straight = image.convert("LA") if image.mode == "La" else image
        grey = straight.convert("L")
        return ImageChops.invert(grey) if negative else grey
    if image.has_transparency_data:
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _grey_16(image: Image.Image, negative: bool) -> NDArray[np.uint16]:
    """Grey of up to 16 bits (modes I;16, I;16B), H x W, scaled to 16 bits, where 0 is black."""
    values = np.asarray(image).astype(np.uint16)
    bits = tiff_tag(image, "BitsPerSample", 16)
    if 8 < bits < 16:
        largest = (1 << bits) - 1
        values = (values.clip(max=largest).astype(np.uint32) * 65535 // largest).astype(np.uint16)
    return 65535 - values if negative else values


def _is_signed_8(image: Image.Image) -> bool:
    """Whether a grey picture is a TIFF of signed 8 bits, which Pillow takes for unsigned ones."""
    return image.mode == "L" and tiff_tag(image, "SampleFormat", UNSIGNED) == SIGNED


def tiff_tag(image: Image.Image, name: str, default: int) -> int:
    """The first value of a TIFF tag that has one for each sample;
    the default where the picture is no TIFF.
    """
    tags = getattr(image, "tag_v2", None) or {}
    values = tags.get(TIFF_TAGS[name])
    if isinstance(values, tuple):
        return int(values[0]) if values else default
    return default if values is None else int(values)


def _to_8_bits(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """16 bits to 8, rounded. Pillow's own conversion clips instead: python-pillow/Pillow#2574."""
    return np.round(np.arange(65536) / 257).astype(np.uint8)[values]


def _stretched(image: Image.Image, negative: bool) -> NDArray[np.uint8]:
    """Grey of 32 bits, of floating point (modes I, F) or of signed 8 bits in 8 bits, H x W.

    A range that does not show its scale (below zero, or past 16 bits; past 1 for floating point) is
    stretched from its least to its greatest value.

    Raises:
        PixelError: NaN or infinite values.
    """
    values = np.asarray(image)
    is_tiff = getattr(image, "tag_v2", None) is not None
    if image.mode == "I" and is_tiff and tiff_tag(image, "SampleFormat", UNSIGNED) == UNSIGNED:
        values = values.view(np.uint32)  # Pillow takes TIFF's unsigned 32 bits for signed ones
    if _is_signed_8(image):
        values = values.view(np.int8)
    if not np.isfinite(values).all():
        raise PixelError(
            "holds pixel values that are not numbers (NaN or infinity); accepted are finite values."
        )
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1 and image.mode == "F":
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 65535 and image.mode == "I":
        low, high = 0.0, 255.0 if high <= 255 else 65535.0
    scaled = values.astype(np.float64)
    scaled -= low
    scaled *= 255 / (high - low) if high > low else 0.0
    grey = scaled.round().astype(np.uint8)
    return 255 - grey if negative else grey


def _by_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """L, RGB or CMYK to a new RGB image, through the ICC profile where there is one that fits."""
    if profile:
        with suppress(Exception):  # broken, or made for another kind of picture
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB") if image.mode != "RGB" else image.copy()


def orientation_of(image: Image.Image) -> int:
    """EXIF's orientation of a picture that Pillow has opened, 1 to 8; 1 where it says none.

    Where EXIF says none, Pillow takes XMP's, which browsers pass over.
    """
    with suppress(Exception):  # EXIF that cannot be read does not make the pixels worse
        exif = image.getexif()
        if image.info.get("xmp"):
            exif = Image.Exif()
            exif.load(image.info.get("exif") or b"")
        orientation = exif.get(ExifTags.Base.Orientation, UPRIGHT)
        return orientation if orientation in _UPRIGHT else UPRIGHT
    return UPRIGHT


def _transposed(image: Image.Image, source: Image.Image) -> Image.Image:
    """The image turned and mirrored as the EXIF orientation of `source` asks.

    ImageOps.exif_transpose also writes the rest of the EXIF anew, which fails on one odd tag and
    loses the orientation.
    """
    method = _UPRIGHT.get(orientation_of(source))
    return image if method is None else image.transpose(method)
