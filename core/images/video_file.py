"""Video files to read: a look at one, its frames and sound in order.

    info = probe("in.mov", Limits(seconds=20))             # or VideoError, one sentence
    with opened("in.mov") as source:
        for item in contents("in.mov", source):            # frames of video, packets of sound
            if isinstance(item, av.VideoFrame):
                image = picture(item, info.size, info.orientation, info.stored)

Read with PyAV (FFmpeg's libraries). `core.images.video_frame` makes pictures of frames,
`core.images.video_writer` writes an MP4, `core.inference.video` repaints what comes between.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from core.commandline import UserError
from core.files import printable
from core.images.decode import MIN_SIDE
from core.images.video_frame import Orientation, orientation_of
from core.images.video_times import RunningTimes, steady_frames, without_strays

# No other format is opened: some of FFmpeg's are lists of further files, which a stranger's file
# could point anywhere.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,ogg,asf,flv"
ACCEPTED = "accepted are MP4, MOV, WebM, MKV, AVI, MPEG, OGG, WMV and FLV videos"
MAX_SIDE = 4096  # px, of the file and of the result
TOLERANCE = 0.5  # s: a camera's clip of 20 s is often a little longer
USUAL_RATE = Fraction(30)  # frames per second, where a file does not say


class VideoError(UserError):
    """A video cannot be used."""


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
        stored: width and height in px of its first frame, as the file has it.
        orientation: what makes its frames upright.
        seconds, frames: by the file's own account, None if it gives none.
        sound: whether it has any that can be read.
    """

    size: tuple[int, int]
    stored: tuple[int, int]
    orientation: Orientation
    seconds: float | None
    frames: int | None
    sound: bool


def probe(video: str | Path, limits: Limits = NO_LIMITS) -> VideoInfo:
    """Look at a video's head and first frame.

    Raises:
        VideoError: it cannot be used, or is beyond the limits.
    """
    name = quoted_name(video)
    with opened(video) as source:
        track = next(iter(source.streams.video), None)
        if track is None or track.disposition & av.stream.Disposition.attached_pic:
            raise VideoError(f"{name} has sound but no moving picture; {ACCEPTED}.")
        if track.codec_context is None:  # of a kind that FFmpeg does not know
            raise VideoError(f"{name} is of a kind that cannot be decoded; {ACCEPTED}.")
        seconds = _seconds(source)
        frames = track.frames or None
        if not frames and seconds and track.average_rate:
            frames = round(seconds * track.average_rate)
        if seconds and seconds > limits.seconds + TOLERANCE:
            raise VideoError(
                f"{name} lasts {seconds:.0f} s; accepted are videos of up to {limits.seconds:g} s."
            )
        _check_frames(video, frames or 0, limits)
        sides = (track.codec_context.width, track.codec_context.height)
        if min(sides) < MIN_SIDE or max(sides) > MAX_SIDE:
            raise VideoError(
                f"{name} is {sides[0]} × {sides[1]} pixels; accepted are {MIN_SIDE} to {MAX_SIDE} a side."
            )
        items = contents(video, source, limits)
        frame = next((item for item in items if isinstance(item, av.VideoFrame)), None)
        if frame is None:
            raise VideoError(
                f"{name} holds no frame that can be read; it is damaged or incomplete."
            )
        orientation = orientation_of(frame)
        width, height = round(frame.width * (track.sample_aspect_ratio or 1)), frame.height
        if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
            raise VideoError(
                f"{name} is to be shown at {width} × {height} pixels, as its pixels are not square; "
                f"accepted are {MIN_SIDE} to {MAX_SIDE} a side."
            )
        size = (height, width) if orientation.transposed else (width, height)
        stored, sound = (frame.width, frame.height), sound_of(source) is not None
        return VideoInfo(size, stored, orientation, seconds, frames, sound)


def for_ffmpeg(path: str | Path) -> str:
    """A file's path as FFmpeg takes it, to which what stands before a colon is a protocol."""
    return str(Path(path).absolute())


@contextmanager
def opened(video: str | Path) -> Iterator[InputContainer]:
    """A video to read from. Raises VideoError when the file is missing or of another kind."""
    if not Path(video).is_file():
        raise VideoError(f"{quoted_name(video)} does not exist or is not a file; {ACCEPTED}.")
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        source = av.open(for_ffmpeg(video), options=options, metadata_errors="ignore")
    except av.FFmpegError as error:
        raise VideoError(
            f"{quoted_name(video)} is not a video that can be read, or is incomplete; {ACCEPTED}."
        ) from error
    with source:
        yield source


def contents(
    video: str | Path, source: InputContainer, limits: Limits = NO_LIMITS
) -> Iterator[av.Packet | av.VideoFrame]:
    """Packets of the first sound track, and frames of the first video track,
    each later than the one before. What comes after times that begin anew follows what came before,
    and a single time that is damaged does not count.

    Raises:
        VideoError: it is damaged in between, or goes beyond the limits.
    """
    track = source.streams.video[0]
    time_base = time_base_of(track)
    first: int | None = None
    last, count = 0, 0
    for item in steady_frames(_decoded(video, source, track), time_base):
        if isinstance(item, av.Packet):
            yield item
            continue
        assert item.pts is not None  # `_decoded` gives each frame a time
        if first is None:
            first = item.pts
        elif item.pts <= last:
            continue
        last, count = item.pts, count + 1
        if (last - first) * time_base > limits.seconds + TOLERANCE:
            raise VideoError(
                f"{quoted_name(video)} is too long; accepted are videos of up to {limits.seconds:g} s."
            )
        _check_frames(video, count, limits)
        yield item


def _decoded(
    video: str | Path, source: InputContainer, track: VideoStream
) -> Iterator[av.Packet | av.VideoFrame]:
    """Packets of the first sound track, and frames of a video track, all with a time.
    Raises VideoError: it is damaged in between.
    """
    decoder = _decoder(track)
    step = max(1, int(1 / ((track.average_rate or USUAL_RATE) * time_base_of(track))))
    times = deque[int]() if _has_decoding_times_alone(source, track) else None
    running = RunningTimes()
    last, count = 0, 0
    try:
        for packet in without_strays(_packets(source, track)):
            running.run_on(packet)
            if packet.stream is not track:
                yield packet
                continue
            if times is not None and packet.dts is not None:
                times.append(packet.dts)
            for frame in decoder.decode(packet):
                if times is not None:
                    frame.pts = times.popleft() if times else None
                if frame.pts is None:
                    frame.pts = last + step
                last, count = frame.pts, count + 1
                yield frame
    except (av.FFmpegError, OverflowError) as error:  # times may be beyond all numbers
        raise VideoError(
            f"{quoted_name(video)} is damaged: only its first {count} frames can be read."
        ) from error


def _packets(source: InputContainer, track: VideoStream) -> Iterator[av.Packet]:
    """Packets of a video track and of the first sound track."""
    sound = sound_of(source)
    # In a damaged film further tracks may turn up on the way. PyAV does not know them, and may
    # stumble over them at the very end.
    with suppress(IndexError):
        yield from source.demux([track, sound] if sound else [track])


def _has_decoding_times_alone(source: InputContainer, track: VideoStream) -> bool:
    """Whether a file says when frames are decoded but not when they are shown, and these differ:
    an AVI whose frames refer to later ones. FFmpeg's guesses go back in time there. The first frame
    that is shown has the first of these times, and so on.
    """
    return source.format.name == "avi" and bool(track.codec_context.has_b_frames)


def sound_of(source: InputContainer) -> AudioStream | None:
    """The first sound track; None where there is none, or its file does not say enough to read it."""
    track = next(iter(source.streams.audio), None)
    context = None if track is None else track.codec_context
    is_whole = context is not None and context.sample_rate and context.layout.nb_channels
    return track if is_whole else None


def _decoder(track: VideoStream) -> VideoCodecContext:
    """What decodes a track. FFmpeg's own decoders of VP8 and VP9 pass over transparency,
    that of libvpx does not.
    """
    library = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(track.codec_context.codec.canonical_name)
    if library and track.metadata.get("alpha_mode", track.metadata.get("ALPHA_MODE")) == "1":
        decoder = cast("VideoCodecContext", CodecContext.create(library, "r"))
        decoder.extradata = track.codec_context.extradata
    else:
        track.thread_type = "AUTO"
        decoder = track.codec_context
    # Frames may become larger on the way, and a decoder holds up to sixteen of them.
    decoder.options = {**decoder.options, "max_pixels": str(MAX_SIDE**2)}
    return decoder


def _seconds(source: InputContainer) -> float | None:
    """How long a file says it lasts. Matroska gives the time of the end,
    which is later where it does not begin at 0.
    """
    if not source.duration:
        return None
    duration = source.duration
    start = max(0, source.start_time or 0)
    if "matroska" in source.format.name and duration > start:
        duration -= start
    return float(duration / av.time_base)


def time_base_of(track: VideoStream) -> Fraction:
    return track.time_base or Fraction(1, 90_000)


def _check_frames(video: str | Path, frames: int, limits: Limits) -> None:
    if frames > limits.frames:
        raise VideoError(
            f"{quoted_name(video)} has too many frames; accepted are videos of up to {limits.frames:g}."
        )


def quoted_name(video: str | Path) -> str:
    """A video's file name for a message."""
    path = Path(video)
    return f'"{printable(path.name or path)}"'
