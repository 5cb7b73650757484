"""What a picture's file says of its colours: a profile, or a colour space, or nothing,
which means sRGB.
"""

import re
import struct
from contextlib import suppress
from dataclasses import dataclass

from PIL import ExifTags, Image

from core.images.colour_space import ADOBE_RGB, SRGB_CICP, ColourSpace, from_cicp

NCLX_WITHIN = 1 << 16  # bytes: AVIF and HEIC files describe themselves at their beginning
# Values of EXIF's ColorSpace, of which only 1, sRGB, is in the standard.
UNCALIBRATED, ADOBE_BY_NIKON = 65535, 2
_INTEROPERABILITY_INDEX = 1
_NCLX = re.compile(rb"colrnclx(.{7})", re.DOTALL)


@dataclass(frozen=True)
class Colours:
    """How a file's samples are to be read; sRGB where both are None.

    Attributes:
        profile: ICC profile.
        space: colour space, where there is no profile.
        from_exif: whether `space` is known from EXIF alone, which browsers do not heed.
    """

    profile: bytes | None = None
    space: ColourSpace | None = None
    from_exif: bool = False


def find_colours(image: Image.Image, head: bytes) -> Colours:
    """The colours of a picture that is not a PNG: its ICC profile,
    the nclx box of AVIF and HEIC, or Adobe RGB by EXIF.

    Args:
        image: opened by Pillow; it need not be decoded yet.
        head: the first `NCLX_WITHIN` bytes of the file.
    """
    profile = image.info.get("icc_profile")
    if profile:
        return Colours(profile=profile)
    if image.format in ("AVIF", "HEIF"):
        return Colours(space=_from_nclx(head))
    return exif_colours(image)


def exif_colours(image: Image.Image) -> Colours:
    """Adobe RGB where a camera has marked its picture so:
    DCF's interoperability index R03 (Exif 2.3, annex).
    """
    with suppress(Exception):  # damaged EXIF says nothing
        exif = image.getexif()
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(_INTEROPERABILITY_INDEX, "")
        index = index.decode("ascii", "replace") if isinstance(index, bytes) else str(index)
        is_r03 = index.strip("\0 ") == "R03"
        if space == ADOBE_BY_NIKON or (is_r03 and space in (UNCALIBRATED, None)):
            return Colours(space=ADOBE_RGB, from_exif=True)
    return Colours()


def _from_nclx(head: bytes) -> ColourSpace | None:
    found = _NCLX.search(head)
    if found is None:
        return None
    primaries, transfer, _, _ = struct.unpack(">HHHB", found.group(1))
    return None if (primaries, transfer) == SRGB_CICP else from_cicp(primaries, transfer)
