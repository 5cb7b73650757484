"""TIFF files in which 0 means white,
in the kinds that Pillow hands over as negatives or does not open at all.

Pillow heeds PhotometricInterpretation 0 (WhiteIsZero) for up to 8 bits a sample, forgets it for 16,
and opens few other kinds with it. Such a file is given to Pillow with the tag set to 1
(BlackIsZero), and the pixels are inverted after.
"""

import io
import struct
from typing import BinaryIO

WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLES_PER_PIXEL = 258, 262, 277
_SHORT = 3
# By version, formats of `struct`: of an offset, and of the number of a directory's entries.
_FORMATS = {42: ("I", "H"), 43: ("Q", "Q")}  # 43: BigTIFF


def as_black_is_zero(file: BinaryIO) -> BinaryIO | None:
    """A copy of a TIFF file whose samples of more than 8 bits, or with alpha,
    mean white at 0, marked as the opposite.

    Returns:
        None for any other file.
    """
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 16:
        return None
    entries = _shorts(file, order)
    _, photometric = entries.get(_PHOTOMETRIC, (0, None))
    _, bits = entries.get(_BITS_PER_SAMPLE, (0, 1))
    _, samples = entries.get(_SAMPLES_PER_PIXEL, (0, 1))
    if photometric != WHITE_IS_ZERO or (bits <= 8 and samples == 1):
        return None
    file.seek(0)
    data = bytearray(file.read())
    at, _ = entries[_PHOTOMETRIC]
    struct.pack_into(f"{order}H", data, at, BLACK_IS_ZERO)
    return io.BytesIO(data)


def _shorts(file: BinaryIO, order: str) -> dict[int, tuple[int, int]]:
    """Tag -> place in the file and value, the first one where there are several,
    of the first directory's 16-bit entries; empty where the file is no TIFF or damaged.
    """

    def number(at: int, kind: str) -> int:
        file.seek(at)
        data = file.read(struct.calcsize(kind))
        return int(struct.unpack(order + kind, data)[0])

    found: dict[int, tuple[int, int]] = {}
    try:
        offset, entries = _FORMATS[number(2, "H")]
        width = struct.calcsize(offset)  # bytes, of an offset, of a count and of a value
        directory = number(width, offset)
        first = directory + struct.calcsize(entries)
        for index in range(min(number(directory, entries), 4096)):
            at = first + index * (4 + 2 * width)
            tag, kind, count = number(at, "H"), number(at + 2, "H"), number(at + 4, offset)
            if kind == _SHORT:
                place = at + 4 + width
                place = place if count * 2 <= width else number(place, offset)
                found[tag] = (place, number(place, "H"))
    # Another version, or a directory that is cut or points beyond the file.
    except (KeyError, struct.error, OverflowError, ValueError):
        return {}
    return found
