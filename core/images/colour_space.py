"""Colours that a file describes without an ICC profile, brought to sRGB.

    space = from_cicp(9, 18)                            # BT.2020 primaries, HLG transfer: HDR video as phones film it
    pixels = to_srgb(samples, space)                    # H x W x 3 of 8 or 16 bits -> H x W x 3 of 8 bits

A colour space is two things: the chromaticities of its red, green, blue and white, and the curve
between a sample and light. Code points are those of ITU-T H.273, which PNG (cICP), AVIF and HEIC
(nclx) and video share. HDR is brought to the range of an ordinary screen as Chromium does it
without an HDR screen: twice the reference white of 203 cd/m2 (ITU-R BT.2408) becomes white. What is
lighter is clipped in pictures; in videos highlights are compressed before that, with white at 1000
cd/m2.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Chromaticities = tuple[float, float, float, float, float, float, float, float]
Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]

ROWS = 256
D65 = (0.3127, 0.3290)
DCI_WHITE = (0.314, 0.351)
ILLUMINANT_C = (0.310, 0.316)
HDR_WHITE = 406.0  # cd/m2, twice the reference white of BT.2408
HLG_PEAK = 1000.0  # cd/m2, of the nominal screen of BT.2100
HLG_GAMMA = 1.2  # of that screen
ENCODE_STEPS = 1 << 16
# Light before and after compression, 1 is white: read off Chromium 146's screen for grey ramps in
# PQ and HLG video, after the tone mapping by reference white of ISO 22028-5. Light up to 0.57, a
# little above HDR's reference white, stays.
_COMPRESSED_FROM = (0.0, 0.57, 0.707, 0.865, 1.06, 1.311, 1.612, 1.984, 2.463)
_COMPRESSED_TO = (0.0, 0.57, 0.631, 0.694, 0.753, 0.823, 0.880, 0.939, 1.0)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@dataclass(frozen=True)
class ColourSpace:
    """What a file's samples mean.

    Attributes:
        chromaticities: CIE x and y of red, green, blue and white.
        curve: samples in [0, 1] to light, where 1 is the screen's white; HDR goes beyond it.
        hlg: whether the curve gives light of the scene,
            which BT.2100's screen shows with more contrast.
        compressed: whether highlights of HDR are compressed rather than clipped.
    """

    chromaticities: Chromaticities
    curve: Curve
    hlg: bool = False
    compressed: bool = False


def gamma(exponent: float, scale: float = 1.0) -> Curve:
    """The curve light = scale * sample ** exponent."""
    return lambda samples: scale * samples**exponent


def srgb_curve(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1."""
    return np.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)


def smpte_240_curve(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE 240M."""
    return np.where(samples < 0.0913, samples / 4, ((samples + 0.1115) / 1.1115) ** (1 / 0.45))


def pq_curve(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084, "PQ": cd/m2, over those of white."""
    root = samples ** (32 / 2523)
    light = np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)
    return 10_000 / HDR_WHITE * light ** (16384 / 2610)


def hlg_curve(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """ARIB STD-B67, "HLG": light of the scene, 0 to 1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(samples <= 0.5, samples**2 / 3, (np.exp((samples - c) / a) + b) / 12)


SRGB_PRIMARIES = (0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
BT2020_PRIMARIES = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
P3_PRIMARIES = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
PAL_PRIMARIES = (0.640, 0.330, 0.290, 0.600, 0.150, 0.060)
NTSC_PRIMARIES = (0.630, 0.340, 0.310, 0.595, 0.155, 0.070)
ADOBE_PRIMARIES = (0.640, 0.330, 0.210, 0.710, 0.150, 0.060)
SRGB = (*SRGB_PRIMARIES, *D65)

_PRIMARIES: dict[int, Chromaticities] = {  # H.273, table 2
    1: SRGB,
    4: (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, *ILLUMINANT_C),
    5: (*PAL_PRIMARIES, *D65),
    6: (*NTSC_PRIMARIES, *D65),
    7: (*NTSC_PRIMARIES, *D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *ILLUMINANT_C),
    9: (*BT2020_PRIMARIES, *D65),
    11: (*P3_PRIMARIES, *DCI_WHITE),
    12: (*P3_PRIMARIES, *D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *D65),
}
PQ, HLG = 16, 18
_VIDEO_SCREEN = gamma(2.4)  # BT.1886: how screens show what was filmed with the curve of BT.709
_CURVES: dict[int, Curve] = {  # H.273, table 3
    **dict.fromkeys((1, 6, 11, 12, 14, 15), _VIDEO_SCREEN),
    4: gamma(2.2),
    5: gamma(2.8),
    7: smpte_240_curve,
    8: gamma(1.0),
    13: srgb_curve,
    PQ: pq_curve,
    17: gamma(2.6, 52.37 / 48),
    HLG: hlg_curve,
}

ADOBE_RGB = ColourSpace((*ADOBE_PRIMARIES, *D65), gamma(563 / 256))
SRGB_CICP = (1, 13)


def is_colour_triangle(chromaticities: Chromaticities) -> bool:
    """Whether chromaticities are those of three different colours around a white,
    so that they can be converted.
    """
    corners = np.array(chromaticities).reshape(4, 2)
    if (corners <= 0).any() or (corners.sum(axis=1) > 1).any():
        return False
    sides = np.linalg.det(np.column_stack([corners[:3], np.ones(3)]))
    return bool(abs(sides) > 1e-3) and bool(np.isfinite(_matrix(chromaticities)).all())


def from_cicp(primaries: int, transfer: int) -> ColourSpace | None:
    """The colour space of two code points of H.273; None where one is unspecified or reserved."""
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        return None
    return ColourSpace(_PRIMARIES[primaries], _CURVES[transfer], transfer == HLG)


def to_srgb(samples: NDArray[np.integer], space: ColourSpace) -> NDArray[np.uint8]:
    """Samples of a colour space as sRGB; what lies outside of sRGB is clipped.

    Args:
        samples: H x W (grey) or H x W x 3, uint8 or uint16.

    Returns:
        H x W x 3.
    """
    height, width = samples.shape[:2]
    levels = int(np.iinfo(samples.dtype).max)
    light_of_sample = space.curve(np.linspace(0, 1, levels + 1)).astype(np.float32)
    matrix = _matrix(space.chromaticities)
    luminance = _rgb_to_xyz(space.chromaticities)[1].astype(np.float32)
    result = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, ROWS):
        light = light_of_sample[samples[top : top + ROWS]]
        if light.ndim == 2:
            light = np.repeat(light[:, :, None], 3, axis=2)
        if space.hlg:
            light = _on_hlg_screen(light, luminance)
        if space.compressed:
            light = _highlights_compressed(light)
        steps = np.clip(light @ matrix.T, 0, 1) * np.float32(ENCODE_STEPS) + np.float32(0.5)
        result[top : top + ROWS] = _CODES[steps.astype(np.int32)]
    return result


def _on_hlg_screen(light: Floats, luminance: Floats) -> Floats:
    """Light of the scene as the nominal screen of BT.2100 shows it:
    raised by its own luminance, hue kept.
    """
    scene = np.maximum(light @ luminance, 0)[:, :, None]
    return np.float32(HLG_PEAK / HDR_WHITE) * scene ** np.float32(HLG_GAMMA - 1) * light


def _highlights_compressed(light: Floats) -> Floats:
    """Light with its highlights brought below white; the three colours of a pixel by one factor,
    so that hues stay.
    """
    strongest = light.max(axis=2, keepdims=True)
    target = np.interp(strongest, _COMPRESSED_FROM, _COMPRESSED_TO).astype(np.float32)
    return light * (target / np.maximum(strongest, np.float32(1e-6)))


def _srgb_codes() -> NDArray[np.uint8]:
    """The 8-bit sRGB code of each of `ENCODE_STEPS` + 1 amounts of light from 0 to 1."""
    light = np.linspace(0, 1, ENCODE_STEPS + 1)
    codes = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255 * codes).astype(np.uint8)


_CODES = _srgb_codes()


def _rgb_to_xyz(chromaticities: Chromaticities) -> NDArray[np.float64]:
    """3 x 3, columns red, green, blue; white has Y = 1."""
    corners = np.array(chromaticities, dtype=np.float64).reshape(4, 2)
    xyz = np.stack([corners[:, 0], corners[:, 1], 1 - corners.sum(axis=1)]) / corners[:, 1]  # 3 x 4
    strengths = np.linalg.solve(xyz[:, :3], xyz[:, 3])
    return xyz[:, :3] * strengths


def _matrix(chromaticities: Chromaticities) -> Floats:
    """3 x 3: light in these primaries to light in those of sRGB,
    the white point adapted after Bradford.
    """
    white = _rgb_to_xyz(chromaticities).sum(axis=1)  # 3: X, Y, Z
    target = _rgb_to_xyz(SRGB).sum(axis=1)
    scale = np.diag((_BRADFORD @ target) / (_BRADFORD @ white))
    adapted = np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD
    whole = np.linalg.inv(_rgb_to_xyz(SRGB)) @ adapted @ _rgb_to_xyz(chromaticities)
    return whole.astype(np.float32)
