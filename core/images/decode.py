"""The one loader for every picture that arrives:
any accepted format to an upright image of 8-bit sRGB.

    image = load_image("photo.heic")                    # RGB, transparency laid on white; or ImageError, one sentence
    image = load_with_alpha("logo.png")                 # RGBA where something is transparent
    mask = load_mask("mask.png")                        # L

The app, the command line and training all load through here, so a picture looks the same to each of
them.
"""

import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from core.commandline import UserError
from core.files import LFS_BEGINS, LFS_POINTER, printable
from core.images.colour_tags import NCLX_WITHIN, Colours, exif_colours, find_colours
from core.images.formats import FORMATS, IMAGE_SUFFIXES, RARE, diagnosis, formats_said
from core.images.jpeg_file import completed as completed_jpeg
from core.images.normalise import PixelError, on_white, tiff_tag, upright_srgb
from core.images.png_file import SIGNATURE, decode_16_bits, read_chunks, without_pixels
from core.images.tiff_file import as_black_is_zero

MIN_SIDE = 16  # pixels: below it, reflection padding and InstanceNorm have nothing to work on
MAX_PIXELS = 89_000_000  # just under Pillow's decompression-bomb warning, which is thereby always an error here
MAX_ASPECT = 20.0  # longer side / shorter side
Source = str | Path | bytes | BinaryIO | Image.Image


@dataclass(frozen=True)
class Limits:
    """What is accepted: pixels a side at least, pixels at most, longer side / shorter side at most."""

    min_side: int = MIN_SIDE
    max_pixels: int = MAX_PIXELS
    max_aspect: float = MAX_ASPECT


class ImageError(UserError):
    """A picture cannot be used; the message says which file, what is wrong, and what is right."""


def load_image(
    source: Source,
    *,
    min_side: int = MIN_SIDE,
    max_pixels: int = MAX_PIXELS,
    max_aspect: float = MAX_ASPECT,
    at_least: int | None = None,
) -> Image.Image:
    """Read a picture as a new RGB image: upright (EXIF), 8 bits a channel, in sRGB,
    transparency laid on white.

    Of an animation or a multi-page file the first frame is read. Greyscale of 16 or 32 bits and
    floating point is scaled, not clipped. An embedded colour profile is applied, a broken one
    ignored. Metadata is left behind.

    Args:
        source: path, encoded bytes, binary stream (read from its start,
            left open) or Pillow image (left unchanged).
        min_side: least width and height, in pixels.
        max_pixels: most width x height, in pixels, checked before anything is decoded.
        max_aspect: most longer side / shorter side.
        at_least: lets a JPEG be decoded at 1/2, 1/4 or 1/8 size, much faster, as long as its
            smaller side stays at or above this many pixels. Other formats ignore it.

    Raises:
        ImageError: the file is missing, unreadable, damaged, of another format,
            or outside the limits above.
    """
    limits = Limits(min_side, max_pixels, max_aspect)
    return on_white(_load(source, limits, at_least))


def load_with_alpha(source: Source, at_least: int | None = None) -> Image.Image:
    """`load_image`, as an RGBA image where any of the pixels is transparent;
    hidden colours are white.
    """
    image = _load(source, Limits(), at_least)
    if image.mode == "RGBA":
        hidden = image.getchannel("A").point(lambda alpha: 255 if alpha == 0 else 0)
        image.paste((255, 255, 255, 0), mask=hidden)
    return image


def load_mask(source: Source) -> Image.Image:
    """Read a mask as a greyscale image (mode L): white where the style goes, and what is
    transparent counts as black.

    Raises:
        ImageError: as `load_image`.
    """
    image = _load(source, Limits())
    if image.mode == "RGBA":
        black = Image.new("RGBA", image.size, "black")
        image = Image.alpha_composite(black, image)
    return image.convert("L")


def browsers_agree(path: str | Path) -> bool:
    """Whether browsers show a picture file, and with the colours that `load_image` reads.

    Raises:
        ImageError: as `load_image`.
    """
    with suppress(Exception), opened_picture(path) as image:
        if image.format in ("TIFF", "HEIF"):
            return False
        if image.format == "PNG" and read_chunks(Path(path).read_bytes(), 0).colours:
            return True
        return bool(image.info.get("icc_profile")) or not exif_colours(image).from_exif
    return True


def _load(source: Source, limits: Limits, at_least: int | None = None) -> Image.Image:
    """An upright sRGB picture, RGB or RGBA. Raises ImageError with the picture's name."""
    name = _name(source)
    try:
        if isinstance(source, Image.Image):
            return _converted(source, limits)
        with opened(source) as file:
            return _read(file, limits, at_least)
    except (ImageError, PixelError) as problem:
        raise ImageError(f"{name} {problem}") from problem.__cause__
    except OSError as error:
        reason = error.strerror or error
        raise ImageError(f"{name} cannot be opened ({reason}); {formats_said()}.") from error
    # A Pillow image whose own data is broken, or of a mode that no picture has.
    except Exception as error:
        raise ImageError(f"{name} cannot be read; {formats_said()}.") from error


def _converted(image: Image.Image, limits: Limits) -> Image.Image:
    """What `_load` gives for a Pillow image."""
    image.load()
    _check_size(image.size, limits)
    colours = Colours(image.info.get("icc_profile"))
    if not colours.profile:
        colours = exif_colours(image)
    return upright_srgb(image, colours)


def list_images(folder: str | Path) -> list[Path]:
    """The image files directly in a folder, known by their suffix, sorted by name,
    without hidden files.

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
    path: Any = source
    if not isinstance(source, str | Path):
        path = getattr(source, "name", None) or getattr(source, "filename", None)
    if not isinstance(path, str | Path) or not Path(path).name:
        return "The picture"
    return f'"{printable(Path(path).name)}"'


@contextmanager
def opened(source: str | Path | bytes | BinaryIO) -> Iterator[BinaryIO]:
    """A seekable stream over the source; a stream that the caller gave is not closed."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, str | Path):
        path = Path(source)
        try:
            mode = path.stat().st_mode
        # ValueError: of a name with a 0 in it.
        except (FileNotFoundError, NotADirectoryError, ValueError) as error:
            raise ImageError(f"does not exist; {formats_said()}.") from error
        if stat.S_ISDIR(mode):
            raise ImageError(f"is a folder, not a picture; {formats_said()}.")
        if not stat.S_ISREG(mode):  # a pipe or a device could block or never end
            raise ImageError(f"is not an ordinary file; {formats_said()}.")
        with path.open("rb") as file:
            yield file
    else:
        yield source if source.seekable() else io.BytesIO(source.read())


@contextmanager
def opened_picture(source: str | Path | bytes | BinaryIO) -> Iterator[Image.Image]:
    """A picture as Pillow opens it: its size, mode and metadata, but neither pixels nor a PNG's
    texts, for which Pillow would refuse it.

    Raises:
        Exception: nearly any, where it is no picture that can be read.
    """
    with opened(source) as file:
        file.seek(0)
        is_png = file.read(len(SIGNATURE)) == SIGNATURE
        file.seek(0)
        head = io.BytesIO(without_pixels(file.read())) if is_png else file
        with Image.open(head, formats=FORMATS) as image:
            yield image


def _read(file: BinaryIO, limits: Limits, at_least: int | None) -> Image.Image:
    """An upright sRGB picture, RGB or RGBA."""
    file.seek(0)
    head = file.read(NCLX_WITHIN)
    file.seek(0)
    if head.startswith(LFS_BEGINS):
        raise ImageError(f"{LFS_POINTER}.")
    try:
        if head.startswith(SIGNATURE):
            return _read_png(file.read(), limits)
        try:
            return _read_other(file, head, limits, at_least)
        except OSError as error:
            whole = _completed_jpeg(file, head, limits) if error.errno is None else None
            if whole is None:
                raise
            return _read_other(io.BytesIO(whole), head, limits, at_least)
    except (ImageError, PixelError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"has too many pixels; {_up_to(limits.max_pixels)}.") from error
    # Malformed files make Pillow raise nearly any type (python-pillow/Pillow#9814): all end here.
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ImageError(f"{diagnosis(head)}; {formats_said()}.") from error


def _read_png(data: bytes, limits: Limits) -> Image.Image:
    parts = read_chunks(data, limits.max_pixels)
    with Image.open(io.BytesIO(parts.pixels), formats=("PNG",)) as image:
        _check_size(image.size, limits)
        image.load()
        colours = parts.colours or exif_colours(image)
        # Of a transparent colour, all 16 bits of a pixel decide whether it is that one.
        needs_all_bits = colours.space or parts.has_clear_colour
        deep = decode_16_bits(parts.pixels) if parts.is_deep and needs_all_bits else None
        return upright_srgb(image, colours, deep)


def _read_other(file: BinaryIO, head: bytes, limits: Limits, at_least: int | None) -> Image.Image:
    inverted = as_black_is_zero(file)
    with Image.open(inverted or file, formats=FORMATS) as image:
        _check_size(image.size, limits)
        planar = tiff_tag(image, "PlanarConfiguration", 1) == 2
        if planar and tiff_tag(image, "BitsPerSample", 8) > 8:
            # Pillow reads other colours than are in it.
            raise ImageError(f"{RARE}; {formats_said()}.")
        if at_least is not None and image.format in ("JPEG", "MPO"):
            side = max(at_least, limits.min_side)
            image.draft(None, (side, side))
        image.load()
        return upright_srgb(image, find_colours(image, head), negative=inverted is not None)


def _completed_jpeg(file: BinaryIO, head: bytes, limits: Limits) -> bytes | None:
    """The JPEG file that did not decode, with the end that it lacks; None where it lacks more,
    or is no JPEG.
    """
    if not head.startswith(b"\xff\xd8\xff"):
        return None
    file.seek(0)
    with Image.open(file, formats=("JPEG",)) as image:
        _check_size(image.size, limits)
    file.seek(0)
    return completed_jpeg(file.read())


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    measured = f"is {size[0]} × {size[1]} pixels"
    if min(size) < limits.min_side:
        raise ImageError(
            f"{measured}, which is too small; accepted are pictures of at least {limits.min_side} pixels a side."
        )
    if size[0] * size[1] > limits.max_pixels:
        raise ImageError(f"{measured}, which is too many; {_up_to(limits.max_pixels)}.")
    if max(size) > limits.max_aspect * min(size):
        raise ImageError(
            f"{measured}, which is too long and narrow; "
            f"accepted are pictures whose longer side is at most {limits.max_aspect:g} times the shorter."
        )


def _up_to(max_pixels: int) -> str:
    return f"accepted are pictures of up to {max_pixels / 1e6:g} million pixels"
