"""An MP4 with H.264 and the source's sound, which every browser plays.

    with opened("in.mov") as source, mp4("out.mp4", source, info.size) as result:
        for item in contents("in.mov", source):            # frames of video, packets of sound
            if isinstance(item, av.VideoFrame):
                image = picture(item, info.size, info.orientation, info.stored)
                result.add(image, item.pts, item.duration)
            else:
                result.add_sound(item)

Time stamps are those of the source, so that a variable frame rate stays one, moved so that the
result begins at 0.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from PIL import Image

from core.files import replacing
from core.images.video_file import USUAL_RATE, for_ffmpeg, sound_of, time_base_of

# What FFmpeg says of damaged times and sound when it writes them; a full disk is another error.
REFUSED_BY_MP4 = (av.error.ArgumentError, av.error.InvalidDataError, av.error.PatchWelcomeError)
COPIED_SOUND = ("aac", "mp3")
SOUND_RATE = 48_000  # Hz, where sound is encoded
BT709, LIMITED_RANGE = 1, 1  # as FFmpeg counts
# Without frames that look ahead ("bf"), frames are stored in the order in which they are shown, and
# a track lasts as long as its time stamps say.
QUALITY = {"crf": "20", "preset": "fast", "bf": "0"}


class Writer:
    """H.264 and the source's sound on their way into an open file; see `mp4`."""

    def __init__(
        self, file: OutputContainer, source: InputContainer, size: tuple[int, int]
    ) -> None:
        track = source.streams.video[0]
        rate = track.average_rate or USUAL_RATE
        self._file, self._time_base = file, time_base_of(track)
        self._start = _start(source)
        # Of the frames that the encoder still holds, by time stamp.
        self._durations: dict[int, int] = {}
        self._last: int | None = None
        self._usual_duration = max(1, round(1 / (rate * self._time_base)))
        self._video = file.add_stream("libx264", rate=rate, options=QUALITY)
        self._video.width, self._video.height, self._video.pix_fmt = *size, "yuv420p"
        context = self._video.codec_context
        context.time_base = self._time_base
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        self._heard = sound_of(source)
        self._heard_until = float("-inf")  # dts of the sound that was written last
        self._copied = self._heard is not None and self._heard.codec.canonical_name in COPIED_SOUND
        if self._heard and self._copied:
            self._sound = file.add_stream_from_template(self._heard)
        elif self._heard:
            layout = "mono" if self._heard.codec_context.channels == 1 else "stereo"
            self._sound = file.add_stream("aac", rate=SOUND_RATE, layout=layout)
            self._resampler = _Resampler(layout)

    def add(self, image: Image.Image, pts: int, duration: int = 0) -> None:
        """The next frame.

        Args:
            image: RGB.
            pts: when it is shown, in the source's time base.
            duration: for how long, in the same unit; it counts for the last frame. 0 where it is
                not known: as long as the frame before.
        """
        frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
        time = pts - round(self._start / self._time_base)
        gap = self._usual_duration if self._last is None else time - self._last
        self._last = time
        frame.pts, frame.time_base = time, self._time_base
        self._durations[time] = duration or gap
        self._mux_video(self._video.encode(frame))

    def _mux_video(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            if packet.pts is not None:
                packet.duration = self._durations.pop(packet.pts, self._usual_duration)
            self._file.mux(packet)

    def add_sound(self, packet: av.Packet) -> None:
        """The next packet of the source's sound."""
        if not self._heard:
            return
        if not self._copied:
            with suppress(av.FFmpegError):  # a damaged moment of sound is left out
                for frame in self._heard.decode(packet):
                    if frame.pts is not None and frame.time_base:
                        frame.pts -= round(self._start / frame.time_base)
                    for part in self._resampler.resample(frame):
                        self._mux_sound(self._sound.encode(part))
        elif packet.dts is not None:  # else it is the mark at the end
            later = round(self._start / packet.time_base)
            packet.dts -= later
            if packet.pts is not None:
                packet.pts -= later
            packet.stream = self._sound
            self._mux_sound([packet])

    def _mux_sound(self, packets: list[av.Packet]) -> None:
        """Sound that goes back in time or cannot be read, as in damaged files, is left out."""
        for packet in packets:
            if packet.dts is not None and packet.dts > self._heard_until:
                self._heard_until = packet.dts
                with suppress(*REFUSED_BY_MP4):
                    self._file.mux(packet)

    def finish(self) -> None:
        """What the encoders still hold."""
        self._mux_video(self._video.encode(None))
        if self._heard and not self._copied:
            for part in self._resampler.resample(None):
                self._mux_sound(self._sound.encode(part))
            self._mux_sound(self._sound.encode(None))


class _Resampler:
    """Sound brought to one layout and rate, though both may change on the way, as in recordings of television."""

    def __init__(self, layout: str) -> None:
        self._layout = layout
        self._of: tuple[str, str, int] | None = None  # format, layout and rate of what came last
        self._current: av.AudioResampler | None = None

    def resample(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        """The frame, with what was still held where it is of another kind; of None, all that is held."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate) if frame else None
        found: list[av.AudioFrame | None] = []
        if kind != self._of:
            if self._current:
                found += self._current.resample(None)
            self._current = av.AudioResampler("fltp", self._layout, SOUND_RATE) if frame else None
            self._of = kind
        if frame and self._current:
            found += self._current.resample(frame)
        # A resampler with nothing to do gives back what it is given, and at the end the mark of it.
        return [_timed(each) for each in found if each is not None]


def _timed(frame: av.AudioFrame) -> av.AudioFrame:
    """A frame with its time in samples, as the encoder wants it of all frames."""
    if frame.pts is not None and frame.time_base:
        frame.pts = round(frame.pts * frame.time_base * SOUND_RATE)
    frame.time_base = Fraction(1, SOUND_RATE)
    return frame


def _start(source: InputContainer) -> Fraction:
    """The time in s at which the source begins, 0 where it begins before that,
    as sound may that an encoder starts up on.
    """
    sound = sound_of(source)
    streams = [source.streams.video[0], *([sound] if sound else ())]
    starts = [
        stream.start_time * stream.time_base
        for stream in streams
        if stream.start_time is not None and stream.time_base
    ]
    return max(Fraction(0), min(starts, default=Fraction(0)))


@contextmanager
def mp4(path: str | Path, source: InputContainer, size: tuple[int, int]) -> Iterator[Writer]:
    """An MP4 of that width and height (even, in px), which is there once the context ends well,
    and not at all otherwise.
    """
    with (
        replacing(Path(path)) as temporary,
        av.open(
            for_ffmpeg(temporary), "w", format="mp4", options={"movflags": "+faststart"}
        ) as file,
    ):
        writer = Writer(file, source, size)
        yield writer
        writer.finish()
