"""A video's frame as a picture: upright, in sRGB, on white where it is transparent.

orientation = orientation_of(frame)                 # of the first frame; it holds for all of them
image = picture(frame, (512, 288), orientation, (1920, 1080))   # in px, as the first frame is stored
"""

from dataclasses import dataclass, replace
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from core.images.colour_space import HLG, PQ, ColourSpace, from_cicp, srgb_curve, to_srgb

# A video that does not say which colours it has is taken to have those of HD from here on.
HD_LINES = 720
UNMARKED = 2  # as FFmpeg counts, of the matrix, the primaries and the curve
BT2020, P3_CINEMA, P3_DISPLAY = 9, 11, 12  # of the primaries: those that an sRGB screen shows dull


@dataclass(frozen=True)
class Orientation:
    """What makes a stored frame upright, in this order.

    Attributes:
        transposed: rows become columns.
        mirrored: left and right change places.
        flipped: top and bottom change places.
    """

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def applied(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """H x W x 3, upright; W x H x 3 where it is transposed."""
        if self.transposed:
            pixels = pixels.transpose(1, 0, 2)
        if self.mirrored:
            pixels = pixels[:, ::-1]
        return pixels[::-1] if self.flipped else pixels


def orientation_of(frame: VideoFrame) -> Orientation:
    """The orientation that a frame's display matrix asks for, to the nearest of the eight;
    upright where it has none.

    The matrix (ISO/IEC 14496-12, 6.2.2) takes the stored place (x, y) to the shown place (a x + c
    y, b x + d y); it is stored as 32-bit integers a, b, u, c, d, v, x, y, w. FFmpeg's own rotation
    angle knows no mirrors.
    """
    side_data: Any = frame.side_data
    matrix = side_data.get(SideData.DISPLAYMATRIX)
    if matrix is None:
        return Orientation()
    a, b, _, c, d, *_ = np.frombuffer(matrix, dtype=np.int32, count=9).tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transposed=True, mirrored=c < 0, flipped=b < 0)
    return Orientation(mirrored=a < 0, flipped=d < 0)


def picture(
    frame: VideoFrame, size: tuple[int, int], orientation: Orientation, first: tuple[int, int]
) -> Image.Image:
    """A frame as an upright RGB picture of sRGB.

    HDR (PQ, HLG) and wide colours are converted as for pictures (`core.images.colour_space`); what
    is transparent is laid on white. A frame of another shape than the first is seen whole, between
    black bars.

    Args:
        size: width and height in px of the picture.
        first: width and height in px of the film's first frame, as it is stored.
    """
    width, height = (size[1], size[0]) if orientation.transposed else size
    inner = _within((width, height), (frame.width, frame.height), first)
    if any(component.is_alpha for component in frame.format.components):
        frame = _on_white(frame)
    space = _colour_space(frame)
    matrix = "ITU709" if frame.colorspace == UNMARKED and frame.height >= HD_LINES else None
    deep = "rgb48le" if space else "rgb24"
    scaled = frame.reformat(*inner, deep, src_colorspace=matrix, interpolation="LANCZOS")
    samples = scaled.to_ndarray()
    pixels = to_srgb(samples.astype(np.uint16), space) if space else samples.astype(np.uint8)
    if inner != (width, height):
        image = Image.new("RGB", (width, height))
        image.paste(Image.fromarray(pixels), ((width - inner[0]) // 2, (height - inner[1]) // 2))
        pixels = np.asarray(image)
    return Image.fromarray(np.ascontiguousarray(orientation.applied(pixels)))


def _within(
    size: tuple[int, int], stored: tuple[int, int], first: tuple[int, int]
) -> tuple[int, int]:
    """How large a frame is shown in a picture of a size that the first frame fills, pixels of both
    frames being of one shape.
    """
    if stored[0] * first[1] == stored[1] * first[0]:
        return size
    width, height = stored[0] * size[0] / first[0], stored[1] * size[1] / first[1]
    scale = min(size[0] / width, size[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _colour_space(frame: VideoFrame) -> ColourSpace | None:
    """The colours of HDR and of wide primaries; None for those of ordinary video,
    which are shown as they are.
    """
    primaries, curve = int(frame.color_primaries), int(frame.color_trc)
    if curve in (PQ, HLG):
        space = from_cicp(BT2020 if primaries == UNMARKED else primaries, curve)
        return replace(space, compressed=True) if space else None
    if primaries in (BT2020, P3_CINEMA, P3_DISPLAY):
        wide = from_cicp(primaries, curve)
        return ColourSpace(wide.chromaticities, srgb_curve) if wide else None
    return None


def _on_white(frame: VideoFrame) -> av.VideoFrame:
    """A frame with transparency as an opaque one, of the same size."""
    straight = frame.reformat(format="rgba").to_ndarray()
    opacity = straight[:, :, 3:].astype(np.uint16)
    mixed = straight[:, :, :3] * opacity + 255 * (255 - opacity)
    opaque = ((mixed + 127) // 255).astype(np.uint8)
    return av.VideoFrame.from_ndarray(opaque, format="rgb24")
