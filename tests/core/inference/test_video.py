"""Videos that are made here, repainted with a function in place of a model, and read again."""

import itertools
import struct
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image, ImageOps

from core.commandline import NO_MEMORY
from core.frames import FrameStylizer
from core.images.decode import load_image
from core.images.video_file import Limits, VideoError, contents, opened, probe
from core.images.video_writer import mp4
from core.inference import video as video_module
from core.inference.model_store import model_store
from core.inference.stylizer import Cancelled
from core.inference.video import even_size, painted_frames, stylize_video
from core.settings import Settings
from core.training.refine import refine
from core.video import main
from tests.conftest import draw
from tests.hungry import GPU_ERROR
from tests.training import smaller_batches

MILLISECONDS = Fraction(1, 1000)
UNEVEN = [0, 10, 15, 40, 90, 110, 200, 230, 231, 400]  # ms


def film(
    path: Path,
    times: Sequence[int] = range(0, 400, 40),
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    sound: str = "",
    rotation: int = 0,
) -> Path:
    """A video that is red, with a white upper left quarter; frames at those times in ms; sound of that codec, if any."""
    pixels = np.full((size[1], size[0], 3), (200, 30, 60), np.uint8)
    pixels[: size[1] // 2, : size[0] // 2] = 255
    with av.open(str(path), "w") as file:
        track = cast("VideoStream", file.add_stream(codec, rate=25))
        track.width, track.height, track.pix_fmt = *size, "yuv420p"
        track.codec_context.time_base = MILLISECONDS
        if rotation:
            track.set_display_rotation(rotation)
        voice = (
            cast("AudioStream", file.add_stream(sound, rate=48000, layout="mono"))
            if sound
            else None
        )
        for time in times:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, MILLISECONDS
            file.mux(track.encode(frame))
        if voice:
            tone = 0.3 * np.sin(np.arange(48 * max(times)) * 2 * np.pi * 440 / 48000)
            heard = av.AudioFrame.from_ndarray(
                tone.astype(np.float32)[None], format="fltp", layout="mono"
            )
            heard.sample_rate, heard.pts, heard.time_base = 48000, 0, Fraction(1, 48000)
            file.mux(voice.encode(heard))
            file.mux(voice.encode(None))
        file.mux(track.encode(None))
    return path


def watched(path: Path) -> tuple[list[float], list[np.ndarray]]:
    """Times in seconds and pixels of the frames in a file."""
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
    return [float(frame.time or 0) for frame in frames], [
        frame.to_ndarray(format="rgb24") for frame in frames
    ]


def heard(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])


def same(image: Image.Image) -> Image.Image:
    return image


# ---- what comes out ----


def test_every_frame_is_painted_and_written_as_browsers_play_it(tmp_path: Path) -> None:
    seen = []
    result = stylize_video(
        film(tmp_path / "in.mp4"),
        tmp_path / "out" / "out.mp4",
        ImageOps.invert,
        on_frame=lambda p: seen.append(p.done),
    )
    assert seen == list(range(1, 11)) and (result.done, result.frames, result.size) == (
        10,
        10,
        (64, 48),
    )
    assert result.fps > 0 and result.seconds_left == 0
    with av.open(str(tmp_path / "out" / "out.mp4")) as file:
        track = file.streams.video[0]
        assert (file.format.name.split(",")[1], track.codec.canonical_name) == ("mp4", "h264")
        assert track.codec_context.pix_fmt == "yuv420p" and not file.streams.audio
    _, frames = watched(tmp_path / "out" / "out.mp4")
    assert np.abs(frames[0][-4, -4].astype(int) - (55, 225, 195)).max() <= 12
    assert frames[0][4, 4].max() <= 12
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["out.mp4"]


def test_colours_survive(tmp_path: Path) -> None:
    stylize_video(film(tmp_path / "in.mp4"), tmp_path / "out.mp4", same)
    (_, before), (_, after) = watched(tmp_path / "in.mp4"), watched(tmp_path / "out.mp4")
    assert np.abs(before[5][-8:, -8:].astype(int) - after[5][-8:, -8:]).max() <= 6


def test_time_stamps_of_a_variable_frame_rate_are_kept(tmp_path: Path) -> None:
    stylize_video(film(tmp_path / "in.mp4", UNEVEN), tmp_path / "out.mp4", same)
    times, _ = watched(tmp_path / "out.mp4")
    assert times == pytest.approx([ms / 1000 for ms in UNEVEN], abs=1e-4)


@pytest.mark.parametrize(("name", "sound"), [("in.mp4", "aac"), ("in.mkv", "mp3")])
def test_sound_that_every_browser_plays_is_copied_to_the_byte(
    tmp_path: Path, name: str, sound: str
) -> None:
    stylize_video(film(tmp_path / name, sound=sound), tmp_path / "out.mp4", same)
    packets = []
    for path in (tmp_path / name, tmp_path / "out.mp4"):
        with av.open(str(path)) as file:
            packets.append([bytes(packet) for packet in file.demux(audio=0) if packet.size])
    assert packets[1] and packets[0] == packets[1]


def test_sound_and_picture_stay_together_when_a_file_does_not_begin_at_zero(tmp_path: Path) -> None:
    stylize_video(film(tmp_path / "in.ts", sound="aac"), tmp_path / "out.mp4", same)
    starts = []
    for path in (tmp_path / "in.ts", tmp_path / "out.mp4"):
        with av.open(str(path)) as sounds, av.open(str(path)) as pictures:
            starts.append(
                float(next(sounds.decode(audio=0)).time or 0)
                - float(next(pictures.decode(video=0)).time or 0)
            )
    assert starts[0] == pytest.approx(starts[1], abs=0.03)
    assert len(heard(tmp_path / "out.mp4")) == pytest.approx(
        len(heard(tmp_path / "in.ts")), abs=2048
    )


def test_other_sound_is_encoded_as_aac(tmp_path: Path) -> None:
    source = film(tmp_path / "in.webm", range(0, 800, 40), codec="libvpx-vp9", sound="libopus")
    stylize_video(source, tmp_path / "out.mp4", same)
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert file.streams.audio[0].codec.canonical_name == "aac"
    tone = heard(tmp_path / "out.mp4")
    assert len(tone) / 48000 == pytest.approx(0.76, abs=0.06)
    loudest = np.abs(np.fft.rfft(tone)).argmax() * 48000 / len(tone)
    assert loudest == pytest.approx(440, abs=5)


def test_sound_that_changes_its_layout_and_rate_midway_is_kept_to_the_end(tmp_path: Path) -> None:
    source = tmp_path / "in.ts"  # as recordings of television: AC-3, from stereo to mono
    with av.open(str(source), "w") as file:
        track = cast("VideoStream", file.add_stream("libx264", rate=25))
        track.width, track.height, track.pix_fmt = 64, 48, "yuv420p"
        voice = file.add_stream("ac3", rate=48000, layout="stereo")
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
        for second, (layout, rate) in enumerate((("stereo", 48000), ("mono", 44100))):
            coder = av.AudioCodecContext.create("ac3", "w")
            coder.format, coder.layout, coder.sample_rate = "fltp", layout, rate
            tone = 0.3 * np.sin(np.arange(rate) * 2 * np.pi * 440 / rate).astype(np.float32)
            sound = av.AudioFrame.from_ndarray(
                np.stack([tone] * coder.channels), format="fltp", layout=layout
            )
            sound.sample_rate, sound.time_base, sound.pts = rate, Fraction(1, rate), second * rate
            for packet in [*coder.encode(sound), *coder.encode(None)]:
                packet.stream, packet.time_base = voice, Fraction(1, rate)
                file.mux(packet)
    stylize_video(source, tmp_path / "out.mp4", same)
    assert len(heard(tmp_path / "out.mp4")) / 48000 == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(("suffix", "sound"), [(".ts", "aac"), (".ts", ""), (".flv", "")])
def test_a_film_whose_times_begin_anew_midway_is_kept_to_the_end(
    tmp_path: Path, suffix: str, sound: str
) -> None:
    """As recordings are that were put one after the other."""
    lengths = 1600, 3200, 1200  # ms
    parts = [film(tmp_path / f"{ms}{suffix}", range(0, ms, 40), sound=sound) for ms in lengths]
    head = 13 if suffix == ".flv" else 0  # bytes, which such a file has once
    data = [part.read_bytes()[head if number else 0 :] for number, part in enumerate(parts)]
    whole = tmp_path / f"whole{suffix}"
    whole.write_bytes(b"".join(data))
    stylize_video(whole, tmp_path / "out.mp4", same)
    times, _ = watched(tmp_path / "out.mp4")
    assert len(times) == sum(lengths) / 40
    assert min(np.diff(times)) > 0 and max(np.diff(times)) < 0.15
    if sound:
        assert len(heard(tmp_path / "out.mp4")) / 48000 == pytest.approx(6, abs=0.2)


VIDEO, SOUND = 9, 8  # kinds of tags in an FLV file
TIME = slice(4, 8)  # of a tag's bytes
SHOWN_LATER = slice(13, 16)  # how much later a frame is shown than decoded


@pytest.mark.parametrize(
    ("kind", "where", "damage"),
    [
        (VIDEO, TIME, b"\x01\x00\x00\x00"),
        (VIDEO, TIME, b"\x00\x00\x00\x00"),
        (VIDEO, SHOWN_LATER, b"\x01\x00\x00"),
        (SOUND, TIME, b"\x01\x00\x00\x00"),
        (SOUND, TIME, b"\x00\x00\x00\x00"),
    ],
)
def test_a_damaged_time_neither_pauses_a_film_nor_silences_it(
    tmp_path: Path, kind: int, where: slice, damage: bytes
) -> None:
    source, out = tmp_path / "in.flv", tmp_path / "out.mp4"
    data = bytearray(film(source, range(0, 4000, 40), sound="aac").read_bytes())
    tags, place = [], 13
    while place < len(data):  # each tag: kind, size in three bytes, time, number, content, size
        if data[place] == kind:
            tags.append(place)
        place += 15 + int.from_bytes(data[place + 1 : place + 4])
    middle = tags[len(tags) // 2]
    assert data[middle:][where] != damage
    data[middle + where.start : middle + where.stop] = damage
    source.write_bytes(data)
    stylize_video(source, out, same)
    times, _ = watched(out)
    assert len(times) == 100
    assert min(np.diff(times)) > 0 and max(np.diff(times)) < 0.1
    with av.open(str(out)) as painted:
        sound = [float(frame.time or 0) for frame in painted.decode(audio=0)]
    assert len(sound) > 180 and max(np.diff(sound)) < 0.1 and sound[-1] < 4.1


def test_a_track_that_turns_up_in_a_damaged_film_is_passed_over(tmp_path: Path) -> None:
    class Stumbling:
        """A film at whose end PyAV stumbles over a track that it does not know."""

        def __init__(self, source: InputContainer) -> None:
            self._source = source

        def __getattr__(self, name: str) -> Any:
            return getattr(self._source, name)

        def demux(self, streams: Any) -> Iterator[av.Packet]:
            yield from self._source.demux(streams)
            raise IndexError("list index out of range")

    path = film(tmp_path / "in.ts")
    with opened(path) as source:
        stumbling = cast("InputContainer", Stumbling(source))
        assert len(list(contents(path, stumbling))) == 10


def test_names_with_colons_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "in.mp4").rename(tmp_path / "14:03:59.mp4")
    stylize_video("14:03:59.mp4", "15:00/out.mp4", same)
    assert len(watched(tmp_path / "15:00" / "out.mp4")[0]) == 10


@pytest.mark.parametrize(("rotation", "white"), [(-90, (0, -1)), (90, (-1, 0)), (180, (-1, -1))])
def test_a_phone_held_upright_gives_an_upright_video(
    tmp_path: Path, rotation: int, white: tuple[int, int]
) -> None:
    source = film(tmp_path / "in.mp4", rotation=rotation)
    expected = (64, 48) if rotation == 180 else (48, 64)
    assert probe(source).size == expected
    stylize_video(source, tmp_path / "out.mp4", same)
    _, frames = watched(tmp_path / "out.mp4")
    assert frames[0].shape[1::-1] == expected
    corners = {
        (y, x): int(frames[0][4 if y == 0 else -4, 4 if x == 0 else -4].min())
        for y in (0, -1)
        for x in (0, -1)
    }
    assert max(corners, key=lambda corner: corners[corner]) == white


def test_the_rotation_is_read_as_phones_write_it(tmp_path: Path) -> None:
    """A clip that must be turned clockwise to be upright has the matrix (0, 1; -1, 0) in its header."""
    data = film(tmp_path / "in.mp4", rotation=-90).read_bytes()
    start = data.index(b"tkhd") + 4 + 40
    a, b, _, c, d = struct.unpack(">5i", data[start : start + 20])
    assert (a >> 16, b >> 16, c >> 16, d >> 16) == (0, 1, -1, 0)


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((640, 480), 320, (320, 240)),
        ((641, 481), None, (640, 480)),
        ((1920, 1080), 512, (512, 288)),
        ((100, 300), 151, (50, 150)),
        ((2000, 20), 160, (160, 16)),
    ],
)
def test_both_sides_of_a_result_are_even(
    size: tuple[int, int], longest: int | None, expected: tuple[int, int]
) -> None:
    assert even_size(size, longest) == expected


def test_smoothing_calms_a_flickering_paint(tmp_path: Path) -> None:
    source, changes = film(tmp_path / "in.mp4"), []

    def flickering(image: Image.Image) -> Image.Image:
        return Image.new("RGB", image.size, (next(shades),) * 3)

    for smooth in (0.0, 1.0):
        shades = itertools.cycle([60, 160])
        stylize_video(source, tmp_path / "out.mp4", flickering, smooth=smooth)
        _, frames = watched(tmp_path / "out.mp4")
        changes.append(np.abs(np.diff([pixels.mean() for pixels in frames])).mean())
    assert changes[0] > 80 and changes[1] < 0.3 * changes[0]


# ---- what does not come out ----


def test_a_cancelled_video_leaves_no_file(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", sound="aac")
    asked = iter([False, False, True])
    with pytest.raises(Cancelled, match="after 3 frames; nothing was written"):
        stylize_video(source, tmp_path / "out.mp4", same, stop=lambda: next(asked))
    steps = painted_frames(source, tmp_path / "out.mp4", same)
    next(steps)
    assert len(list(tmp_path.iterdir())) == 2, "what has been painted so far is beside it"
    steps.close()
    assert list(tmp_path.iterdir()) == [source]


def test_a_file_that_is_there_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"before")

    def fail(image: Image.Image) -> Image.Image:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        stylize_video(film(tmp_path / "in.mp4"), tmp_path / "out.mp4", fail)
    assert (tmp_path / "out.mp4").read_bytes() == b"before"
    stylize_video(tmp_path / "in.mp4", tmp_path / "out.mp4", same)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]
    assert len(watched(tmp_path / "out.mp4")[0]) == 10


def text(path: Path) -> Path:
    path.write_text("milk, eggs")
    return path


def cut_off(path: Path) -> Path:
    path.write_bytes(film(path).read_bytes()[:1500])
    return path


def only_sound(path: Path) -> Path:
    with av.open(str(path), "w") as file:
        track = file.add_stream("aac", rate=48000, layout="mono")
        silence = av.AudioFrame.from_ndarray(
            np.zeros((1, 4096), np.float32), format="fltp", layout="mono"
        )
        silence.sample_rate, silence.pts, silence.time_base = 48000, 0, Fraction(1, 48000)
        file.mux(track.encode(silence))
        file.mux(track.encode(None))
    return path


def list_of_files(path: Path) -> Path:
    """A list of other files, which FFmpeg would open in its place."""
    path.write_text(f"ffconcat version 1.0\nfile {film(path.with_name('secret.ts')).name}\n")
    with av.open(str(path)) as file:
        assert next(file.decode(video=0)), "nothing here would be gained by a stranger"
    return path


def of_unknown_kind(path: Path, *names: bytes, **options: str) -> Path:
    """A video one of whose tracks says that it is of a kind that nobody knows."""
    data = film(path, **options).read_bytes()  # type: ignore[arg-type]
    for name in names:
        place = data.rindex(name)
        data = data[:place] + b"zzzz" + data[place + 4 :]
    path.write_bytes(data)
    return path


def test_sound_of_an_unknown_kind_is_left_out(tmp_path: Path) -> None:
    source = of_unknown_kind(tmp_path / "in.mp4", b"mp4a", b"esds", sound="aac")
    assert not probe(source).sound
    stylize_video(source, tmp_path / "out.mp4", same)
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert len(file.streams.video) == 1 and not file.streams.audio


def test_a_film_that_is_cut_off_anywhere_keeps_what_is_whole(tmp_path: Path) -> None:
    """Cut before its first sound, a transport stream names a track of which nothing is known."""
    whole = film(tmp_path / "whole.ts", sound="aac").read_bytes()
    painted = 0
    for end in range(188 * 3, len(whole), 188 * 2):
        (tmp_path / "in.ts").write_bytes(whole[:end])
        try:
            stylize_video(tmp_path / "in.ts", tmp_path / "out.mp4", same)
        except VideoError:
            continue
        painted += 1
    assert painted > 5


def test_times_that_no_mp4_can_hold_are_refused(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", [0])
    data = bytearray(source.read_bytes())
    struct.pack_into(">I", data, data.index(b"stts") + 16, 2**32 - 2**30)  # how long it is shown
    source.write_bytes(data)
    with pytest.raises(VideoError, match=r'^"in\.mp4" is damaged: its time stamps or'):
        stylize_video(source, tmp_path / "out.mp4", same)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4"]


def test_sound_that_goes_back_in_time_is_left_out(tmp_path: Path) -> None:
    source, out = film(tmp_path / "in.mp4", sound="aac"), tmp_path / "out.mp4"
    with opened(source) as file, mp4(out, file, (64, 48)) as result:
        result.add(Image.new("RGB", (64, 48)), 0)
        packets = [item for item in contents(source, file) if isinstance(item, av.Packet)]
        for index in (0, 1, 2, 3, 2, 4, 5):
            packet = packets[index]
            packet.stream = file.streams.audio[0]
            result.add_sound(packet)
    with av.open(str(out)) as file:
        assert sum(packet.size > 0 for packet in file.demux(audio=0)) == 6


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: of_unknown_kind(path, b"avc1"), "is of a kind that cannot be decoded; acc"),
        (lambda path: path, r'^"clip\.mp4" does not exist .* accepted are MP4'),
        (text, r'^"clip\.mp4" is not a video that can be read.* accepted are MP4'),
        (cut_off, r'^"clip\.mp4" (is not a video that can be read|holds no frame)'),
        (only_sound, r'^"clip\.mp4" has sound but no moving picture'),
        (list_of_files, r'^"clip\.mp4" is not a video that can be read'),
        (
            lambda path: film(path, range(0, 3000, 100)),
            r'^"clip\.mp4" lasts 3 s; accepted are videos of up to 1 s\.$',
        ),
        (
            lambda path: film(path, range(0, 900, 10)),
            r'^"clip\.mp4" has too many frames; .* up to 60\.$',
        ),
    ],
)
def test_what_cannot_be_used_gets_one_sentence(
    tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    source = make(tmp_path / "clip.mp4")
    with pytest.raises(VideoError, match=said) as problem:
        stylize_video(source, tmp_path / "out.mp4", same, limits=Limits(seconds=1, frames=60))
    assert "\n" not in str(problem.value)
    assert not (tmp_path / "out.mp4").exists()


# ---- the command ----


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    draw(5).save(tmp_path / "wave.png")
    return tmp_path / "wave.png"


def test_the_command_repaints_a_file(
    tmp_path: Path,
    painting: Path,
    tiny_checkpoint: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, model = film(tmp_path / "in.mp4", sound="aac"), tiny_checkpoint("original-500")
    order = [
        "--video",
        str(source),
        "--style",
        str(painting),
        "--model",
        str(model),
        "--out",
        str(tmp_path / "o.mp4"),
    ]
    assert main([*order, "--size", "32", "--smooth", "0.5"]) == 0
    said = capsys.readouterr()
    assert "o.mp4: 10 frames of 32 x 24 px" in said.out
    assert "10/10" in said.err
    assert len(watched(tmp_path / "o.mp4")[0]) == 10
    assert main([*order[:1], str(painting), *order[2:]]) == 1
    assert capsys.readouterr().err.endswith(
        "accepted are MP4, MOV, WebM, MKV, AVI, MPEG, OGG, WMV and FLV videos.\n"
    )


def test_the_command_takes_what_can_be_set_about_a_picture(
    tmp_path: Path,
    painting: Path,
    tiny_checkpoint: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, model = film(tmp_path / "in.mp4"), str(tiny_checkpoint("original-500"))
    draw(6).save(tmp_path / "other.png")
    Image.linear_gradient("L").save(tmp_path / "mask.png")
    (tmp_path / "settings.json").write_text('{"detail": 32, "size": 48}')
    order = ["--video", str(source), "--model", model, "--out", str(tmp_path / "o.mp4")]
    order += ["--style", str(painting), str(tmp_path / "other.png"), "--mix", "3", "1"]
    order += ["--strength", "60", "--colours", "photo", "--style-size", "64"]
    order += ["--mask", str(tmp_path / "mask.png"), "--mask-style", str(painting)]
    order += ["--mask-softness", "3", "--mask-invert"]
    assert main([*order, "--settings", str(tmp_path / "settings.json")]) == 0
    assert "10 frames of 48 x 36 px" in capsys.readouterr().out
    settings = Settings("", (3, 1), 0.6, "photo", 48, 32, 64, mask_softness=3, mask_invert=True)
    first, second = load_image(painting), load_image(tmp_path / "other.png")
    mask, stylizer = load_image(tmp_path / "mask.png"), model_store().stylizer(model)
    paint = FrameStylizer([first, second], settings, mask, first, stylizer)
    stylize_video(source, tmp_path / "expected.mp4", paint, 48)
    for frame, expected in zip(
        watched(tmp_path / "o.mp4")[1], watched(tmp_path / "expected.mp4")[1], strict=True
    ):
        assert np.array_equal(frame, expected)

    for wrong, said in (
        (["--mix", "1"], "3 weights for 2 paintings"),
        (["--strength", "500"], "strength"),
        (["--model", "gatys"], "a video needs a trained model"),
        (["--settings", str(source)], "not JSON"),
    ):
        assert main([*order, *wrong]) == 1
        assert said in capsys.readouterr().err


def test_the_command_refines_once_before_the_first_frame(
    tmp_path: Path,
    painting: Path,
    tiny_checkpoint: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    smaller_batches(monkeypatch, batch=2, crop=32)
    draw(6).save(tmp_path / "photo.png")
    source, out = film(tmp_path / "in.mp4"), tmp_path / "o.mp4"
    order = order_of(source, painting, tiny_checkpoint, out)
    assert main([*order, "--refine", "2", "--refine-content", str(tmp_path / "photo.png")]) == 0
    assert "10 frames of" in capsys.readouterr().out
    stylizer = model_store().stylizer(str(tiny_checkpoint("original-500")), "cpu")
    refined = refine(stylizer, load_image(painting), [tmp_path / "photo.png"], 2)
    stylize_video(source, tmp_path / "expected.mp4", refined)
    for frame, expected in zip(watched(out)[1], watched(tmp_path / "expected.mp4")[1], strict=True):
        assert np.array_equal(frame, expected)
    mixed = [*order, "--style", str(painting), "--mix", "1", "1", "--refine", "2"]
    assert main(mixed) == 1
    assert "Refining takes one painting; mix several" in capsys.readouterr().err


def order_of(
    source: Path, painting: Path, tiny_checkpoint: Callable[[str], Path], out: Path
) -> list[str]:
    """The words of a whole command: this film in the style of this painting, by a tiny model."""
    model = tiny_checkpoint("original-500")
    options = {"video": source, "style": painting, "model": model, "device": "cpu", "out": out}
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def test_memory_that_does_not_suffice_for_a_frame_is_one_line_and_leaves_no_file(
    tmp_path: Path,
    painting: Path,
    tiny_checkpoint: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def too_large(*_: object) -> None:
        raise GPU_ERROR

    monkeypatch.setattr(FrameStylizer, "__call__", too_large)
    out = tmp_path / "out" / "o.mp4"
    assert main(order_of(film(tmp_path / "in.mp4"), painting, tiny_checkpoint, out)) == 1
    assert capsys.readouterr().err.endswith(f"error: {NO_MEMORY}\n")
    assert not list(out.parent.iterdir())


def test_interrupting_the_command_leaves_no_file(
    tmp_path: Path,
    painting: Path,
    tiny_checkpoint: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(video_module, "picture", interrupted)
    out = tmp_path / "out" / "o.mp4"
    assert main(order_of(film(tmp_path / "in.mp4"), painting, tiny_checkpoint, out)) == 130
    assert "nothing unfinished was written" in capsys.readouterr().err
    assert not list(out.parent.iterdir())


@pytest.mark.parametrize("wrong", [["--out", "o.webm"], ["--size", "5"], ["--smooth", "2"]])
def test_the_command_refuses_what_makes_no_sense(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--video", "in.mp4", "--style", "wave.png", *wrong])
    assert wrong[0] in capsys.readouterr().err


def test_the_command_replaces_no_video_by_itself(
    tmp_path: Path, painting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = film(tmp_path / "in.mp4")
    before = source.read_bytes()
    assert main(["--video", str(source), "--style", str(painting), "--out", str(source)]) == 1
    assert "is read for the result" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_a_size_from_a_file_of_settings_has_the_limits_of_videos(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"^The longest side must be 16 to 4096 px\.$"):
        stylize_video(film(tmp_path / "in.mp4"), tmp_path / "out.mp4", same, size=8192)
    assert not (tmp_path / "out.mp4").exists()
