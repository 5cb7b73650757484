"""Pictures in and out: the one loader for every image that arrives, the one writer of PNG files, and tensors between.

    image = load_image("photo.heic")                    # upright, RGB, sRGB, 8 bits; or ImageError, one sentence
    pixels = to_tensor(resize_longest(image, 512))      # float32 3 x H x W in [0, 1]
    save_png(to_image(pixels), "out.png", text={"Title": "Starry Night"})

The app, the command line and training all load through here, so a picture looks the same to each of them.
"""

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms

try:
    import pillow_heif
except ImportError:
    _HEIF: tuple[str, ...] = ()
else:
    pillow_heif.register_heif_opener()
    _HEIF = ("HEIF",)
FORMATS: tuple[str, ...] = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", *_HEIF)
IMAGE_SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jfif",
    ".webp",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".heic",
    ".heif",
)
PNG = {
    "compress_level": 1,
    "compress_type": zlib.Z_RLE,
}  # of a painted picture the default's size, in a third of its time
MIN_SIDE = 16  # pixels: below it, reflection padding and InstanceNorm have nothing to work on
MAX_PIXELS = 89_000_000  # just under Pillow's decompression-bomb warning, which is thereby always an error here
MAX_ASPECT = 20.0  # longer side / shorter side
Source = str | Path | bytes | BinaryIO | Image.Image
_UPRIGHT = {  # EXIF orientation: what makes it upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FORMAT_NAMES = {"WEBP": "WebP", "HEIF": "HEIC"}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_OTHER_KINDS = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "an EPS file"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\x03\x04", "a ZIP archive"),
)


class ImageError(ValueError):
    """A picture cannot be used; the message is one sentence for its owner: which file, what is wrong, what is right."""


def load_image(
    source: Source,
    *,
    min_side: int = MIN_SIDE,
    max_pixels: int = MAX_PIXELS,
    max_aspect: float = MAX_ASPECT,
    at_least: int | None = None,
) -> Image.Image:
    """Read a picture as a new RGB image: upright (EXIF), 8 bits a channel, in sRGB, transparency laid on white.

    Of an animation or a multi-page file the first frame is read. Greyscale of 16 or 32 bits and floating point is
    scaled, not clipped. An embedded colour profile is applied, a broken one ignored. Metadata is left behind.

    Args:
        source: path, encoded bytes, binary stream (read from its start, left open) or Pillow image (left unchanged).
        min_side: least width and height, in pixels.
        max_pixels: most width x height, in pixels, checked before anything is decoded.
        max_aspect: most longer side / shorter side.
        at_least: lets a JPEG be decoded at 1/2, 1/4 or 1/8 size, much faster, as long as its smaller side stays at
            or above this many pixels. Other formats ignore it.

    Raises:
        ImageError: the file is missing, unreadable, damaged, of another format, or outside the limits above.
    """
    name = _name(source)
    limits = (min_side, max_pixels, max_aspect)
    try:
        if isinstance(source, Image.Image):
            return _to_upright_rgb(source, limits)
        with _opened(source) as file:
            return _read(file, limits, at_least)
    except ImageError as problem:
        raise ImageError(f"{name} {problem}") from problem.__cause__
    except OSError as error:
        raise ImageError(
            f"{name} cannot be opened ({error.strerror or error}); {_accepted()}."
        ) from error
    except (
        Exception
    ) as error:  # a Pillow image whose own data is broken or of a mode no picture has
        raise ImageError(f"{name} cannot be read; {_accepted()}.") from error


def list_images(folder: str | Path) -> list[Path]:
    """The image files directly in a folder, known by their suffix, sorted by name, without hidden files.

    Raises:
        ImageError: the folder does not exist or is not a folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ImageError(f'"{folder}" is not a folder; give a folder of pictures.')
    files = (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    return sorted(path for path in files if not path.name.startswith(".") and path.is_file())


def _name(source: Source) -> str:
    """How messages call the picture: its file name in quotes, without its folder, or "The picture"."""
    path = (
        source
        if isinstance(source, str | Path)
        else getattr(source, "name", None) or getattr(source, "filename", None)
    )
    if not isinstance(path, str | Path) or not Path(path).name:
        return "The picture"
    return '"' + "".join(c if c.isprintable() else "?" for c in Path(path).name) + '"'


def _accepted() -> str:
    names = [_FORMAT_NAMES.get(name, name) for name in FORMATS]
    return f"accepted are {', '.join(names[:-1])} and {names[-1]} pictures"


@contextmanager
def _opened(source: str | Path | bytes | BinaryIO) -> Iterator[BinaryIO]:
    """A seekable stream over the source; a stream that the caller gave is not closed."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir():
            raise ImageError(f"is a folder, not a picture; {_accepted()}.")
        if not path.exists():
            raise ImageError(f"does not exist; {_accepted()}.")
        if not path.is_file():  # a pipe or a device could block or never end
            raise ImageError(f"is not an ordinary file; {_accepted()}.")
        with path.open("rb") as file:
            yield file
    else:
        yield source if source.seekable() else io.BytesIO(source.read())


def _read(file: BinaryIO, limits: tuple[int, int, float], at_least: int | None) -> Image.Image:
    file.seek(0)
    head = file.read(512)
    try:
        if head.startswith(
            b"\x89PNG"
        ):  # decoding alone passes over the checksums of the pixels and a missing end
            with Image.open(file, formats=("PNG",)) as check:
                check.verify()
        with Image.open(file, formats=FORMATS) as image:
            _check_size(image.size, limits)
            if at_least is not None and image.format in ("JPEG", "MPO"):
                side = max(at_least, limits[0])
                image.draft(None, (side, side))
            return _to_upright_rgb(image, limits)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"has too many pixels; {_up_to(limits[1])}.") from error
    # Malformed files make Pillow raise nearly any type (python-pillow/Pillow#9814), so every one ends here.
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ImageError(f"{_diagnosis(head)}; {_accepted()}.") from error


def _check_size(size: tuple[int, int], limits: tuple[int, int, float]) -> None:
    min_side, max_pixels, max_aspect = limits
    measured = f"is {size[0]} × {size[1]} pixels"
    if min(size) < min_side:
        raise ImageError(
            f"{measured}, which is too small; accepted are pictures of at least {min_side} pixels a side."
        )
    if size[0] * size[1] > max_pixels:
        raise ImageError(f"{measured}, which is too many; {_up_to(max_pixels)}.")
    if max(size) > max_aspect * min(size):
        raise ImageError(
            f"{measured}, which is too long and narrow; "
            f"accepted are pictures whose longer side is at most {max_aspect:g} times the shorter."
        )


def _up_to(max_pixels: int) -> str:
    return f"accepted are pictures of up to {max_pixels / 1e6:g} million pixels"


def _diagnosis(head: bytes) -> str:
    """What is wrong with a file that did not decode, from its first bytes."""
    if not head:
        return "is empty"
    if any(
        accept is not None and accept(head[:16]) is True
        for _, accept in (Image.OPEN[name] for name in FORMATS)
    ):
        return "is damaged, incomplete or of a rare variant that cannot be read"
    kind = next((kind for start, kind in _OTHER_KINDS if head.startswith(start)), None)
    lowered = head.lower()
    if head[4:8] == b"ftyp":
        kind = "a HEIC picture" if head[8:12] in _HEIC_BRANDS else "an AVIF picture or a video"
        if kind == "a HEIC picture":
            return "is a HEIC picture, which needs the pillow-heif package to be read"
    elif b"<svg" in lowered:
        kind = "an SVG drawing"
    elif b"<html" in lowered or b"<!doctype html" in lowered:
        kind = "a web page"
    elif kind is None and head.isascii() and b"\0" not in head:
        kind = "a text file"
    return f"is {kind}, which cannot be used" if kind else "is not a picture that can be read"


def _to_upright_rgb(image: Image.Image, limits: tuple[int, int, float]) -> Image.Image:
    image.load()
    _check_size(image.size, limits)
    profile = image.info.get("icc_profile")
    upright = _to_srgb(_flatten(_to_8_bits(_transposed(image))), profile)
    upright.info = {}
    return upright


def _transposed(image: Image.Image) -> Image.Image:
    """The image turned and mirrored as its EXIF orientation asks.

    ImageOps.exif_transpose also writes the rest of the EXIF anew, which fails on one odd tag and loses the orientation.
    """
    with suppress(
        Exception
    ):  # EXIF that cannot be read does not make the pixels worse: shown as stored
        method = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
        if method is not None:
            return image.transpose(method)
    return image


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Greyscale of 16 bits, 32 bits or floating point (modes I;16, I;16B, I, F) to mode L; other modes as they are.

    Pillow's own conversion clips instead: python-pillow/Pillow#2574. A range that does not show its scale (below zero,
    or past 16 bits; past 1 for floating point) is stretched from its least to its greatest value.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        grey = np.round(np.arange(65536) / 257).astype(np.uint8)[values]
        if isinstance(transparent := image.info.get("transparency"), int):
            grey[values == transparent] = 255
        return Image.fromarray(grey)
    if not np.isfinite(values).all():
        raise ImageError(
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
    return Image.fromarray(scaled.round().astype(np.uint8))


def _flatten(image: Image.Image) -> Image.Image:
    """Any 8-bit mode to L, RGB or CMYK, the modes a colour profile can describe; transparency laid on white."""
    grey = image.mode in ("1", "L", "LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    elif image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image
    elif image.mode == "CMYK":
        return image
    return image.convert("L" if grey else "RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """L, RGB or CMYK to a new RGB image, through the ICC profile where there is one that fits."""
    if profile:
        with suppress(Exception):  # broken, or made for another kind of picture
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            if converted is not None:
                return converted
    return image.convert("RGB")
