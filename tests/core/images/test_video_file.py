"""Videos as phones, editors and recorders write them: mirrored, with uneven times, transparent, in HDR."""

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from PIL import Image

from core.images.video_file import Limits, VideoError, contents, opened, probe
from core.images.video_frame import Orientation, orientation_of, picture
from core.inference.video import stylize_video

MILLISECONDS = Fraction(1, 1000)
SIZE = (64, 48)
RED, GREEN, BLUE, WHITE = "red", "green", "blue", "white"
HDR = {  # samples Y, U, V of 10 bits: what Chromium 146 shows of them, BT.2020
    18: {
        (464, 592, 574): (121, 73, 126),
        (486, 465, 630): (168, 72, 75),
        (622, 497, 403): (0, 171, 127),
        (732, 584, 568): (227, 136, 236),
        (660, 412, 620): (255, 112, 87),
        (663, 432, 514): (156, 163, 105),
        (742, 512, 512): (197, 198, 198),
        (883, 512, 512): (241, 241, 241),
    },
    16: {
        (464, 592, 574): (187, 52, 215),
        (486, 465, 630): (255, 0, 48),
        (560, 385, 490): (94, 209, 0),
        (621, 506, 539): (255, 177, 183),
        (572, 512, 512): (184, 184, 184),
        (657, 512, 512): (231, 231, 231),
    },
}


def corners() -> np.ndarray:
    """Red, green, blue and white quarters: top left, top right, bottom left, bottom right."""
    pixels = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    for index, colour in enumerate([(230, 20, 20), (20, 230, 20), (20, 20, 230)]):
        top, left = index // 2 * SIZE[1] // 2, index % 2 * SIZE[0] // 2
        pixels[top : top + SIZE[1] // 2, left : left + SIZE[0] // 2] = colour
    return pixels


def film(
    path: Path,
    times: Sequence[int] = range(0, 400, 100),
    pixels: np.ndarray | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    pixel_shape: Fraction = Fraction(1),
) -> Path:
    """A video of one picture, RGB or RGBA, shown at those times in ms."""
    shown = corners() if pixels is None else pixels
    kind = "rgba" if shown.shape[2] == 4 else "rgb24"
    with av.open(str(path), "w") as file:
        track = cast("VideoStream", file.add_stream(codec, rate=10))
        track.width, track.height, track.pix_fmt = shown.shape[1], shown.shape[0], pix_fmt
        track.codec_context.time_base = MILLISECONDS
        track.codec_context.sample_aspect_ratio = pixel_shape
        if codec == "libvpx-vp9":
            track.metadata["alpha_mode"] = "1"
        for time in times:
            frame = av.VideoFrame.from_ndarray(shown, format=kind)
            frame.pts, frame.time_base = time, MILLISECONDS
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
    return path


def first_picture(path: Path) -> Image.Image:
    info = probe(path)
    with opened(path) as source:
        frame = next(item for item in contents(path, source) if isinstance(item, av.VideoFrame))
        return picture(frame, info.size, info.orientation, info.stored)


def named(image: Image.Image) -> list[str]:
    """The colours of the four corners, top left, top right, bottom left, bottom right."""
    found = []
    for y in (4, image.height - 5):
        for x in (4, image.width - 5):
            r, g, b = cast("tuple[int, int, int]", image.getpixel((x, y)))
            light = {"red": r > 128, "green": g > 128, "blue": b > 128}
            on = [name for name, lit in light.items() if lit]
            found.append(on[0] if len(on) == 1 else "white" if len(on) == 3 else str((r, g, b)))
    return found


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), [RED, GREEN, BLUE, WHITE]),
        ((-1, 0, 0, 1), [GREEN, RED, WHITE, BLUE]),
        ((-1, 0, 0, -1), [WHITE, BLUE, GREEN, RED]),
        ((1, 0, 0, -1), [BLUE, WHITE, RED, GREEN]),
        ((0, 1, 1, 0), [RED, BLUE, GREEN, WHITE]),
        ((0, 1, -1, 0), [BLUE, RED, WHITE, GREEN]),
        ((0, -1, -1, 0), [WHITE, GREEN, BLUE, RED]),
        ((0, -1, 1, 0), [GREEN, WHITE, RED, BLUE]),
    ],
)
def test_all_orientations_of_the_display_matrix(
    tmp_path: Path, matrix: tuple[int, int, int, int], expected: list[str]
) -> None:
    """ISO/IEC 14496-12: (x, y) is shown at (a x + c y, b x + d y), the matrix stored as a, b, u, c, d, v, x, y, w."""
    path = film(tmp_path / "in.mp4")
    data = bytearray(path.read_bytes())
    a, b, c, d = (value << 16 for value in matrix)
    struct.pack_into(">9i", data, data.index(b"tkhd") + 44, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    image = first_picture(path)
    assert named(image) == expected
    assert image.size == (SIZE if matrix[0] else SIZE[::-1])


def test_a_frame_without_a_matrix_is_upright() -> None:
    assert orientation_of(av.VideoFrame(16, 16, "rgb24")) == Orientation()


def lasts(path: Path) -> tuple[float, float, list[float]]:
    """Seconds of the container and of the track, and the times of the frames."""
    with av.open(str(path)) as file:
        track = file.streams.video[0]
        assert file.duration and track.duration and track.time_base
        whole, part = file.duration / av.time_base, float(track.duration * track.time_base)
        return whole, part, [float(frame.time or 0) for frame in file.decode(track)]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "webm"])
def test_a_variable_frame_rate_keeps_its_times_and_lasts_as_long(
    tmp_path: Path, suffix: str
) -> None:
    times = [0, 40, 80, 500, 510, 520, 1500, 1540, 3000, 3040]
    codec = "libvpx-vp9" if suffix == "webm" else "libx264"
    source = film(tmp_path / f"in.{suffix}", times, codec=codec)
    stylize_video(source, tmp_path / "out.mp4", lambda image: image)
    whole, part, shown = lasts(tmp_path / "out.mp4")
    assert shown == pytest.approx([time / 1000 for time in times], abs=1e-3)
    assert whole == pytest.approx(part, abs=1e-3)
    assert 3.04 < part <= 3.04 + 1


def test_the_last_frame_is_shown_as_long_as_in_the_source(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.mp4"), "w") as file:
        track = cast("VideoStream", file.add_stream("libx264", rate=10, options={"bf": "0"}))
        track.width, track.height, track.pix_fmt = *SIZE, "yuv420p"
        packets = []
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(corners(), format="rgb24")
            frame.pts = index
            packets += track.encode(frame)
        packets += track.encode(None)
        packets[-1].duration = 7  # of a tenth of a second
        for packet in packets:
            file.mux(packet)
    before = lasts(tmp_path / "in.mp4")
    assert before[0] == pytest.approx(0.9, abs=0.01)
    stylize_video(tmp_path / "in.mp4", tmp_path / "out.mp4", lambda image: image)
    assert lasts(tmp_path / "out.mp4") == before


@pytest.mark.parametrize("suffix", ["mkv", "ts"])
def test_a_video_that_does_not_begin_at_0(tmp_path: Path, suffix: str) -> None:
    source = film(tmp_path / f"in.{suffix}", range(100_000, 101_000, 100))
    info = probe(source, Limits(seconds=20))
    assert info.seconds == pytest.approx(1, abs=0.15)
    stylize_video(source, tmp_path / "out.mp4", lambda image: image, limits=Limits(seconds=20))
    whole, _, shown = lasts(tmp_path / "out.mp4")
    assert shown == pytest.approx(np.arange(10) / 10, abs=2e-3)
    assert whole == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("a.mov", "png", "rgba"), ("a.mov", "qtrle", "argb"), ("a.webm", "libvpx-vp9", "yuva420p")],
)
def test_what_is_transparent_in_a_video_is_white(
    tmp_path: Path, name: str, codec: str, pix_fmt: str
) -> None:
    pixels = np.dstack([corners(), np.full(SIZE[::-1], 255, np.uint8)])
    pixels[: SIZE[1] // 2, : SIZE[0] // 2, 3] = 0
    image = first_picture(film(tmp_path / name, pixels=pixels, codec=codec, pix_fmt=pix_fmt))
    assert named(image) == [WHITE, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("curve", HDR)
def test_hdr_is_seen_as_chromium_shows_it(tmp_path: Path, curve: int) -> None:
    side = 32
    patches = list(HDR[curve])
    path = tmp_path / "in.mp4"
    with av.open(str(path), "w") as file:
        track = cast("VideoStream", file.add_stream("libx264", rate=10, options={"crf": "4"}))
        track.width, track.height, track.pix_fmt = side * len(patches), side, "yuv420p10le"
        context = track.codec_context
        context.color_trc, context.color_primaries, context.colorspace = curve, 9, 9
        context.color_range = 1
        frame = av.VideoFrame(track.width, side, "yuv420p10le")
        for plane, values in zip(frame.planes, zip(*patches, strict=True), strict=True):
            lines = np.zeros((plane.height, plane.line_size // 2), "<u2")
            lines[:, : plane.width] = np.repeat(values, plane.width // len(patches))
            plane.update(lines.tobytes())
        frame.pts = 0
        file.mux(track.encode(frame))
        file.mux(track.encode(None))
    image = first_picture(path)
    for index, expected in enumerate(HDR[curve].values()):
        seen = image.getpixel((index * side + side // 2, side // 2))
        assert seen == pytest.approx(expected, abs=16), patches[index]


def test_pixels_that_are_not_square_are_shown_as_they_should_be(tmp_path: Path) -> None:
    assert probe(film(tmp_path / "wide.mp4", pixel_shape=Fraction(4, 3))).size == (85, 48)


@pytest.mark.parametrize("shape", [Fraction(1, 60), Fraction(40)])
def test_a_film_is_refused_that_is_to_be_shown_as_a_line(tmp_path: Path, shape: Fraction) -> None:
    said = r'^"line.mp4" is to be shown at \d+ × 48 pixels, as its pixels are not square; accepted'
    with pytest.raises(VideoError, match=said):
        probe(film(tmp_path / "line.mp4", pixels=np.tile(corners(), (1, 2, 1)), pixel_shape=shape))


@pytest.mark.parametrize(("codec", "between"), [("libx264", 3), ("mpeg4", 2), ("libx264", 0)])
def test_an_avi_whose_frames_refer_to_later_ones_keeps_all_of_them(
    tmp_path: Path, codec: str, between: int
) -> None:
    """AVI knows no other times than those at which frames are decoded."""
    path, frames = tmp_path / "film.avi", 12
    with av.open(str(path), "w") as file:
        track = cast("VideoStream", file.add_stream(codec, rate=10))
        track.width, track.height, track.pix_fmt = *SIZE, "yuv420p"
        track.codec_context.max_b_frames = between
        for number in range(frames):
            pixels = np.full((SIZE[1], SIZE[0], 3), 20 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels).reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
    with opened(path) as source:
        found = [item for item in contents(path, source) if isinstance(item, av.VideoFrame)]
        times = [float((item.pts or 0) * (item.time_base or 1)) for item in found]
    grey = [item.to_ndarray(format="rgb24").mean() for item in found]
    assert grey == pytest.approx([20 * number for number in range(frames)], abs=4)
    assert np.diff(times) == pytest.approx(np.full(frames - 1, 0.1))


def film_of_sizes(path: Path, sizes: Sequence[tuple[int, int]]) -> Path:
    """A red video, an AVI of JPEGs, each frame of a size of its own."""
    with av.open(str(path), "w") as file:
        track = cast("VideoStream", file.add_stream("mjpeg", rate=10))
        track.width, track.height, track.pix_fmt = *sizes[0], "yuvj420p"
        for time, size in enumerate(sizes):
            buffer = io.BytesIO()
            Image.new("RGB", size, "red").save(buffer, "JPEG", subsampling="4:2:0")
            packet = av.Packet(buffer.getvalue())
            packet.stream, packet.pts, packet.dts = track, time, time
            packet.time_base = Fraction(1, 10)
            file.mux(packet)
    return path


def test_a_frame_of_another_shape_is_seen_whole_between_black_bars(tmp_path: Path) -> None:
    sizes = [SIZE, (128, 96), (32, 96), (64, 16)]
    boxes = [(0, 0, 64, 48), (0, 0, 64, 48), (24, 0, 40, 48), (0, 16, 64, 32)]
    path = film_of_sizes(tmp_path / "film.avi", sizes)
    seen: list[Image.Image] = []

    def paint(frame: Image.Image) -> Image.Image:
        seen.append(frame)
        return frame

    stylize_video(path, tmp_path / "out.mp4", paint)
    shown = [frame.getchannel("R").point(lambda red: 255 * (red > 128)) for frame in seen]
    assert [red.getbbox() for red in shown] == boxes
    assert {frame.size for frame in seen} == {SIZE}


def test_a_frame_larger_than_is_accepted_is_not_decoded_on_the_way(tmp_path: Path) -> None:
    """A decoder holds several, each of up to half a gigabyte."""
    path = film_of_sizes(tmp_path / "film.avi", [SIZE, SIZE, SIZE, (5000, 5000)])
    with pytest.raises(VideoError, match="only its first 3 frames can be read"):
        stylize_video(path, tmp_path / "out.mp4", lambda frame: frame)
    assert not (tmp_path / "out.mp4").exists()
