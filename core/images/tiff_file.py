"""TIFF files in which 0 means white,
in the kinds that Pillow hands over as negatives or does not open at all.

Pillow heeds PhotometricInterpretation 0 (WhiteIsZero) for up to 8 bits a sample, forgets it for 16,
and opens few other kinds with it. Such a file is given to Pillow with the tag set to 1
(BlackIsZero), and the pixels are inverted after.
"""

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLES_PER_PIXEL = 258, 262, 277
_SHORT = 3


@dataclass(frozen=True)
class _Layout:
    """Where a kind of TIFF keeps things: formats of `struct`,
    and the place of the first directory's offset.
    """

    order: str
    offset: str
    offset_at: int
    count: str
    entry_size: int
    value_at: int


def as_black_is_zero(file: BinaryIO) -> BinaryIO | None:
    """A copy of a TIFF file whose samples of more than 8 bits, or with alpha,
    mean white at 0, marked as the opposite.

    Returns:
        None for any other file.
    """
    file.seek(0)
    layout = _layout(file.read(16))
    if layout is None:
        return None
    entries = _shorts(file, layout)
    _, photometric = entries.get(_PHOTOMETRIC, (0, None))
    _, bits = entries.get(_BITS_PER_SAMPLE, (0, 1))
    _, samples = entries.get(_SAMPLES_PER_PIXEL, (0, 1))
    if photometric != WHITE_IS_ZERO or (bits <= 8 and samples == 1):
        return None
    file.seek(0)
    data = bytearray(file.read())
    at, _ = entries[_PHOTOMETRIC]
    struct.pack_into(f"{layout.order}H", data, at, BLACK_IS_ZERO)
    return io.BytesIO(data)


def _layout(head: bytes) -> _Layout | None:
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 16:
        return None
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    if version == 42:
        return _Layout(order, "I", 4, "H", 12, 8)
    if version == 43:  # BigTIFF
        return _Layout(order, "Q", 8, "Q", 20, 12)
    return None


def _shorts(file: BinaryIO, layout: _Layout) -> dict[int, tuple[int, int]]:
    """Tag -> place in the file and value, the first one where there are several,
    of the first directory's 16-bit entries.
    """

    def number(at: int, kind: str) -> int:
        file.seek(at)
        data = file.read(struct.calcsize(kind))
        return int(struct.unpack(layout.order + kind, data)[0])

    found: dict[int, tuple[int, int]] = {}
    try:
        directory = number(layout.offset_at, layout.offset)
        first = directory + struct.calcsize(layout.count)
        for index in range(min(number(directory, layout.count), 4096)):
            at = first + index * layout.entry_size
            tag, kind, count = number(at, "H"), number(at + 2, "H"), number(at + 4, layout.offset)
            if kind == _SHORT:
                inline = count * 2 <= struct.calcsize(layout.offset)
                place = at + layout.value_at
                place = place if inline else number(place, layout.offset)
                found[tag] = (place, number(place, "H"))
    # A directory that is cut or points beyond the file.
    except (struct.error, OverflowError, ValueError):
        return {}
    return found
