"""Video files: a look at one, its frames and sound in order, and an MP4 to write both to.

    info = probe("in.mov", Limits(seconds=20))             # or VideoError, one sentence
    with opened("in.mov") as source, mp4("out.mp4", source, info, info.size) as result:
        for item in contents("in.mov", source):            # frames of video, packets of sound
            if isinstance(item, av.VideoFrame):
                result.add(picture(item, info.size, info), item.pts)

Read and written with PyAV (FFmpeg's libraries). `core.inference.video` repaints what comes between.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream
from PIL import Image

from core.files import replacing
from core.images.decode import MIN_SIDE

# No other format is opened: some of FFmpeg's are lists of further files, which a stranger's file could point anywhere.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,ogg,asf,flv"
ACCEPTED = "accepted are MP4, MOV, WebM, MKV, AVI, MPEG, OGG, WMV and FLV videos"
SUFFIXES = (
    ".mp4",
    ".m4v",
    ".mov",
    ".webm",
    ".mkv",
    ".avi",
    ".mpg",
    ".mpeg",
    ".ts",
    ".ogv",
    ".wmv",
    ".flv",
    ".3gp",
)
COPIED_SOUND = ("aac", "mp3")
SOUND_RATE = 48_000  # Hz, where sound is encoded
MAX_SIDE = 4096  # px, of the file and of the result
TOLERANCE = 0.5  # s: a camera's clip of 20 s is often a little longer
HD_LINES = (
    720  # a video that does not say which colours it has is taken to have those of HD from here on
)
UNMARKED, BT709, LIMITED_RANGE = 2, 1, 1  # as FFmpeg counts
QUALITY = {"crf": "20", "preset": "fast"}
USUAL_RATE = Fraction(30)  # frames per second, where a file does not say


class VideoError(ValueError):
    """A video cannot be used; the message is one sentence for its owner."""


@dataclass(frozen=True)
class Limits:
    """What is accepted: seconds and frames."""

    seconds: float = float("inf")
    frames: float = float("inf")


NO_LIMITS = Limits()


@dataclass(frozen=True)
class VideoInfo:
    """What there is to know of a video before it is painted.

    Attributes:
        size: width and height in px as it is shown: upright, with square pixels.
        quarter_turns: counter-clockwise, that make its frames upright.
        seconds, frames: by the file's own account, None if it gives none.
        sound: whether it has any.
    """

    size: tuple[int, int]
    quarter_turns: int
    seconds: float | None
    frames: int | None
    sound: bool


def probe(video: str | Path, limits: Limits = NO_LIMITS) -> VideoInfo:
    """Look at a video's head and first frame.

    Raises:
        VideoError: it cannot be used, or is beyond the limits.
    """
    with opened(video) as source:
        if (
            not source.streams.video
            or source.streams.video[0].disposition & av.stream.Disposition.attached_pic
        ):
            raise VideoError(f"{_name(video)} has sound but no moving picture; {ACCEPTED}.")
        track = source.streams.video[0]
        seconds = float(source.duration / av.time_base) if source.duration else None
        frames = track.frames or (
            round(seconds * track.average_rate) if seconds and track.average_rate else None
        )
        if seconds and seconds > limits.seconds + TOLERANCE:
            raise VideoError(
                f"{_name(video)} lasts {seconds:.0f} s; accepted are videos of up to {limits.seconds:g} s."
            )
        _check_frames(video, frames or 0, limits)
        sides = (track.codec_context.width, track.codec_context.height)
        if min(sides) < MIN_SIDE or max(sides) > MAX_SIDE:
            raise VideoError(
                f"{_name(video)} is {sides[0]} × {sides[1]} pixels; accepted are {MIN_SIDE} to {MAX_SIDE} a side."
            )
        frame = next(
            (item for item in contents(video, source, limits) if isinstance(item, av.VideoFrame)),
            None,
        )
        if frame is None:
            raise VideoError(
                f"{_name(video)} holds no frame that can be read; it is damaged or incomplete."
            )
        turns = round(frame.rotation / 90) % 4
        width, height = round(frame.width * (track.sample_aspect_ratio or 1)), frame.height
        size = (height, width) if turns % 2 else (width, height)
        return VideoInfo(size, turns, seconds, frames, bool(source.streams.audio))


@contextmanager
def opened(video: str | Path) -> Iterator[InputContainer]:
    """A video to read from. Raises VideoError when the file is missing or of another kind."""
    if not Path(video).is_file():
        raise VideoError(f"{_name(video)} does not exist or is not a file; {ACCEPTED}.")
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        source = av.open(str(video), options=options, metadata_errors="ignore")
    except av.FFmpegError as error:
        raise VideoError(
            f"{_name(video)} is not a video that can be read, or is incomplete; {ACCEPTED}."
        ) from error
    with source:
        yield source


def contents(
    video: str | Path, source: InputContainer, limits: Limits = NO_LIMITS
) -> Iterator[av.Packet | av.VideoFrame]:
    """Packets of the first sound track, and frames of the first video track, each later than the one before.

    Raises:
        VideoError: it is damaged in between, or goes beyond the limits.
    """
    track = source.streams.video[0]
    track.thread_type = "AUTO"
    time_base = _time_base(track)
    step = max(1, int(1 / ((track.average_rate or USUAL_RATE) * time_base)))
    first: int | None = None
    last, count = 0, 0
    try:
        for packet in source.demux([track, *source.streams.audio[:1]]):
            if packet.stream is not track:
                yield packet
                continue
            for frame in track.decode(packet):
                if frame.pts is None:
                    frame.pts = last + step
                if first is None:
                    first = frame.pts
                elif frame.pts <= last:
                    continue
                last, count = frame.pts, count + 1
                if (last - first) * time_base > limits.seconds + TOLERANCE:
                    raise VideoError(
                        f"{_name(video)} is too long; accepted are videos of up to {limits.seconds:g} s."
                    )
                _check_frames(video, count, limits)
                yield frame
    except av.FFmpegError as error:
        raise VideoError(
            f"{_name(video)} is damaged: only its first {count} frames can be read."
        ) from error


def picture(frame: av.VideoFrame, size: tuple[int, int], info: VideoInfo) -> Image.Image:
    """A frame as RGB, upright, of that width and height in px."""
    width, height = reversed(size) if info.quarter_turns % 2 else size
    colours = "ITU709" if frame.colorspace == UNMARKED and frame.height >= HD_LINES else None
    pixels = frame.reformat(
        width, height, "rgb24", src_colorspace=colours, interpolation="LANCZOS"
    ).to_ndarray()
    return Image.fromarray(np.ascontiguousarray(np.rot90(pixels, info.quarter_turns)))


class Writer:
    """H.264 and the source's sound on their way into an open file; see `mp4`."""

    def __init__(
        self, file: OutputContainer, source: InputContainer, info: VideoInfo, size: tuple[int, int]
    ) -> None:
        track = source.streams.video[0]
        self._file, self._time_base = file, _time_base(track)
        self._video = file.add_stream(
            "libx264", rate=track.average_rate or USUAL_RATE, options=QUALITY
        )
        self._video.width, self._video.height, self._video.pix_fmt = *size, "yuv420p"
        context = self._video.codec_context
        context.time_base = self._time_base
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        self._heard = source.streams.audio[0] if info.sound else None
        self._copied = self._heard is not None and self._heard.codec.canonical_name in COPIED_SOUND
        if self._heard and self._copied:
            self._sound = file.add_stream_from_template(self._heard)
        elif self._heard:
            layout = "mono" if self._heard.codec_context.channels == 1 else "stereo"
            self._sound = file.add_stream("aac", rate=SOUND_RATE, layout=layout)

    def add(self, image: Image.Image, pts: int | None) -> None:
        """The next frame, RGB, at its time in the source's time base."""
        frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
        frame.pts, frame.time_base = pts, self._time_base
        self._file.mux(self._video.encode(frame))

    def add_sound(self, packet: av.Packet) -> None:
        """The next packet of the source's sound."""
        if not self._heard:
            return
        if not self._copied:
            with suppress(av.error.InvalidDataError):  # a damaged moment of sound is left out
                for frame in self._heard.decode(packet):
                    self._file.mux(self._sound.encode(frame))
        elif packet.dts is not None:  # else it is the mark at the end
            packet.stream = self._sound
            self._file.mux(packet)

    def finish(self) -> None:
        """What the encoders still hold."""
        self._file.mux(self._video.encode(None))
        if self._heard and not self._copied:
            self._file.mux(self._sound.encode(None))


@contextmanager
def mp4(
    path: str | Path, source: InputContainer, info: VideoInfo, size: tuple[int, int]
) -> Iterator[Writer]:
    """An MP4 of that width and height (even, in px), which is there once the context ends well, and not at all otherwise."""
    with (
        replacing(Path(path)) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as file,
    ):
        writer = Writer(file, source, info, size)
        yield writer
        writer.finish()


def _time_base(track: VideoStream) -> Fraction:
    return track.time_base or Fraction(1, 90_000)


def _check_frames(video: str | Path, frames: int, limits: Limits) -> None:
    if frames > limits.frames:
        raise VideoError(
            f"{_name(video)} has too many frames; accepted are videos of up to {limits.frames:g}."
        )


def _name(video: str | Path) -> str:
    return '"' + "".join(c if c.isprintable() else "?" for c in Path(video).name) + '"'
