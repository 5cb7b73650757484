"""A video repainted: file in, file out, the style computed once, sound kept.

    paint = model_store().stylizer("original-500").encode_style(load_image("painting.jpg"))
    stylize_video("in.mp4", "out.mp4", paint, size=512, smooth=0.5, on_frame=lambda p: print(p.fps, p.seconds_left))

Read and written with PyAV (FFmpeg's libraries): out comes an MP4 with H.264, yuv420p, even sides,
and the frames' own time stamps, so that a variable frame rate stays one. Sound is copied where
every browser plays it, otherwise encoded as AAC. A phone's rotation is applied; other metadata,
where it was filmed included, is left behind. `core.inference.temporal` lowers flicker.
"""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import av
from PIL import Image

from core.images.decode import MIN_SIDE
from core.images.video_file import (
    MAX_SIDE,
    NO_LIMITS,
    Limits,
    VideoError,
    contents,
    opened,
    probe,
    quoted_name,
)
from core.images.video_frame import picture
from core.images.video_writer import REFUSED_BY_MP4, mp4
from core.inference.stylizer import Cancelled
from core.inference.temporal import Smoother

Paint = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Progress:
    """How far a video is.

    Attributes:
        done: frames painted.
        frames: how many there will be; None if the file does not say.
        size: width and height of the result in px.
        seconds: since the start.
    """

    done: int
    frames: int | None
    size: tuple[int, int]
    seconds: float

    @property
    def fps(self) -> float:
        """Frames painted per second."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        return max(0, self.frames - self.done) / self.fps if self.frames and self.fps else None


def stylize_video(
    video: str | Path,
    out: str | Path,
    paint: Paint,
    size: int | None = None,
    smooth: float = 0.0,
    limits: Limits = NO_LIMITS,
    on_frame: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Progress:
    """Repaint a video; the result appears when it is complete, or not at all.

    Args:
        video: the file to read.
        out: the MP4 to write, replaced if it is there.
        paint: repaints one RGB frame and keeps its size: a `core.frames.FrameStylizer`, say.
        size: longest side of the result in px, 16 to 4096; None for the video's own.
            Sides are rounded to even numbers.
        smooth: 0 to 1, see `core.inference.temporal.Smoother`.
        limits: what is accepted.
        on_frame: called after each frame.
        stop: asked after each frame; true cancels.

    Raises:
        VideoError: the video cannot be used.
        Cancelled: `stop` said so.
        OSError: the result cannot be written.
        ValueError: `smooth` or `size` is outside its range.
    """
    with closing(painted_frames(video, out, paint, size, smooth, limits)) as steps:
        for progress in steps:
            if on_frame:
                on_frame(progress)
            if stop():
                raise Cancelled(
                    f"The video was cancelled after {progress.done} frames; nothing was written."
                )
    return progress


def painted_frames(
    video: str | Path,
    out: str | Path,
    paint: Paint,
    size: int | None = None,
    smooth: float = 0.0,
    limits: Limits = NO_LIMITS,
) -> Generator[Progress, None, None]:
    """`stylize_video` as an iterator over its frames, at least one; closed before its end,
    it leaves nothing behind.
    """
    started, smoother = time.perf_counter(), Smoother(smooth)
    info = probe(video, limits)
    even = even_size(info.size, size)
    done = 0
    try:
        with opened(video) as source, mp4(out, source, even) as result:
            for item in contents(video, source, limits):
                if isinstance(item, av.Packet):
                    result.add_sound(item)
                    continue
                frame = picture(item, even, info.orientation, info.stored)
                result.add(smoother(frame, paint(frame)), item.pts or 0, item.duration)
                done += 1
                yield Progress(done, info.frames, even, time.perf_counter() - started)
    except REFUSED_BY_MP4 as error:
        raise VideoError(
            f"{quoted_name(video)} is damaged: its time stamps or its sound make no sense."
        ) from error


def even_size(size: tuple[int, int], longest: int | None) -> tuple[int, int]:
    """The size of a result: both sides even, as H.264 wants them, and at least 16 px.

    Raises:
        VideoError: `longest` is not between 16 and 4096.
    """
    if longest is not None and not MIN_SIDE <= longest <= MAX_SIDE:
        raise VideoError(f"The longest side must be {MIN_SIDE} to {MAX_SIDE} px.")
    scale = (longest or max(size)) / max(size)
    return _even(size[0] * scale), _even(size[1] * scale)


def _even(side: float) -> int:
    """The even number at or below a side, at least 16;
    what rounding left just below one counts as it.
    """
    return max(MIN_SIDE, 2 * int(side / 2 + 1e-9))
