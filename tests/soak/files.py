"""Files that are broken in every way: pictures, videos, logs, models, recipes; and addresses."""

import importlib
import io
import json
import os
import random
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, cast
from unittest import mock

import av
import numpy as np
import torch
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from core.analysis.curves import LogError
from core.analysis.training_logs import read_files
from core.commandline import UserError
from core.images.colour_transport import ColourSample
from core.images.decode import ImageError, load_image, load_mask, load_with_alpha
from core.images.formats import FORMATS
from core.images.save import encode_picture
from core.images.video_file import Limits, VideoError
from core.inference.style_file import load_style, save_style
from core.inference.stylizer import Stylizer
from core.inference.video import stylize_video
from core.models.checkpoint import load_model, save_model
from core.models.encoder import load_encoder
from core.models.weights import WeightsError
from core.pipeline import stylize_image
from core.provenance import Provenance, ProvenanceError, Source
from core.settings import MATCH, Settings, SettingsError
from core.training.log_writer import WEIGHT_FIELDS
from demo.growth.figure import Curves, View, figure
from demo.shared.uploads import checked_size, displayable
from demo.transfer import address, provenance
from tests.conftest import tiny
from tests.soak.mutants import mutated, odd, odd_json, tried, with_checksums

FRAMES, SIDE = 8, 48


def uploads_in(folder: Path) -> AbstractContextManager[Any]:
    """The page's uploads lie in this folder."""
    return mock.patch.dict(os.environ, {"GRADIO_TEMP_DIR": str(folder)})


# ---- pictures ----


def picture_seeds() -> list[tuple[str, bytes]]:
    """A small picture in each format, with what files carry beside their pixels: suffix, bytes."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (40, SIDE, 3), dtype=np.uint8))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "camera"
    notes = PngInfo()
    notes.add_text("note", "words " * 50, zip=True)
    notes.add(b"gAMA", struct.pack(">I", 100000))
    notes.add(b"cICP", bytes((12, 13, 0, 1)))
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        *(("PNG", "RGB", {}), ("PNG", "RGBA", {}), ("PNG", "P", {}), ("PNG", "I;16", {})),
        *(("PNG", "RGB", {"pnginfo": notes}), ("PNG", "L", {"icc_profile": profile})),
        *(("JPEG", "RGB", {"exif": exif, "icc_profile": profile}), ("JPEG", "CMYK", {})),
        *(("JPEG", "L", {"progressive": True}), ("WEBP", "RGBA", {"lossless": True})),
        *(("WEBP", "RGB", {"exif": exif}), ("BMP", "RGB", {}), ("BMP", "P", {}), ("GIF", "P", {})),
        *(("GIF", "P", {"save_all": True, "append_images": [image.rotate(90).convert("P")]}),),
        *(("TIFF", "RGB", {}), ("TIFF", "I;16", {}), ("TIFF", "F", {}), ("TIFF", "CMYK", {})),
        *(("TIFF", "RGB", {"compression": "tiff_lzw"}), ("AVIF", "RGBA", {}), ("HEIF", "RGB", {})),
    ]
    seeds = []
    for form, mode, options in kinds:
        if form not in FORMATS:
            continue
        buffer = io.BytesIO()
        converted = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
        converted.save(buffer, form, **options)
        seeds.append((form.lower(), buffer.getvalue()))
    return seeds


def pictures(count: int, rng: random.Random, folder: Path) -> list[str]:
    """Read as photos, masks and uploads."""
    readers: tuple[Callable[[str], object], ...] = (
        *(load_image, load_with_alpha, load_mask, checked_size, displayable),
        partial(load_image, at_least=32),
    )
    seeds, outcomes = picture_seeds(), []
    for number in range(count):
        form, data = seeds[number % len(seeds)]
        data = mutated(data, rng)
        if form == "png" and rng.random() < 0.7:
            data = with_checksums(data)
        path = folder / f"mutant.{form}"
        path.write_bytes(data)
        with uploads_in(folder):
            outcomes.append(tried(partial(rng.choice(readers), str(path)), (ImageError,)))
    return outcomes


# ---- videos ----


def video_seed(path: Path, codec: str = "libx264", sound: str = "", frames: int = FRAMES) -> bytes:
    """A short film, with sound where a codec is named for it."""
    with av.open(str(path), "w") as file:
        track = cast("av.VideoStream", file.add_stream(codec, rate=10))
        track.width = track.height = SIDE
        track.pix_fmt = "rgba" if codec == "png" else "yuv420p"
        voice = (
            cast("av.AudioStream", file.add_stream(sound, rate=48000, layout="mono"))
            if sound
            else None
        )
        for number in range(frames):
            pixels = np.full((SIDE, SIDE, 3), number * 30, dtype=np.uint8)
            file.mux(track.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(track.encode())
        if voice:
            noise = np.zeros((1, 24000), np.float32)
            heard = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
            heard.sample_rate, heard.pts = 48000, 0
            for part in (heard, None):
                file.mux(voice.encode(part))
    return path.read_bytes()


def videos(count: int, rng: random.Random, folder: Path) -> list[str]:
    """Repainted from the first frame to the last, by a painter that changes nothing."""
    kinds = (
        *(("mp4", "libx264", "aac"), ("mp4", "mpeg4", ""), ("mkv", "libx264", "mp3")),
        *(("webm", "libvpx-vp9", "libopus"), ("avi", "mpeg4", "mp3"), ("ts", "libx264", "aac")),
        *(("mov", "png", ""), ("flv", "flv1", "")),
    )
    seeds = []
    for suffix, codec, sound in kinds:
        seeds.append((suffix, video_seed(folder / f"seed.{suffix}", codec, sound)))
    limits, outcomes = Limits(seconds=20, frames=600), []
    for number in range(count):
        suffix, data = seeds[number % len(seeds)]
        path = folder / f"mutant.{suffix}"
        path.write_bytes(mutated(data, rng))
        work = partial(
            stylize_video, path, folder / "out.mp4", lambda frame: frame, 32, 0.0, limits
        )
        outcomes.append(tried(work, (VideoError,)))
    return outcomes


# ---- logs ----


def event_seed(folder: Path) -> list[bytes]:
    """The records of a TensorBoard file with scalars and histograms."""
    writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter(str(folder))
    for step in range(4):
        writer.add_histogram("layer.weight", np.linspace(-1, 1, 50) * step, step)
        writer.add_scalar("loss/style", 5.0 - step, step)
    writer.close()
    (path,) = folder.glob("events.out.tfevents.*")
    data, records, place = path.read_bytes(), [], 0
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        records.append(data[place + 12 : place + 12 + length])
        place += 16 + length
    return records


def event_file(records: list[bytes]) -> bytes:
    """A TensorBoard file of these records, with right checksums whatever is in them."""
    module = importlib.import_module("tensorboard.summary.writer.record_writer")
    file = io.BytesIO()
    writer = module.RecordWriter(file)
    for record in records:
        writer.write(record)
    return file.getvalue()


def drawn(path: Path) -> None:
    log = read_files([path], "log")
    figure([Curves(log, "log", "#dba24a")], View(next(iter(log.layers), "")))


def logs(count: int, rng: random.Random, folder: Path) -> list[str]:
    """CSV and TensorBoard files, read and drawn."""
    rows = [f"{number},{number * 0.5},1.5,0.25,0.1,a style" for number in range(20)]
    losses = "\n".join(["iteration,loss,content_loss,style_loss,tv_loss,style", *rows]).encode()
    numbers = ",".join(["0.5"] * (len(WEIGHT_FIELDS) - 2))
    rows = [f"{number},a.weight,{numbers}" for number in range(20)]
    weights = "\n".join([",".join(WEIGHT_FIELDS), *rows]).encode()
    records, outcomes = event_seed(folder), []
    for number in range(count):
        path = folder / ("events.out.tfevents.1" if number % 2 else "log.csv")
        if number % 2:
            broken = list(records)
            place = rng.randrange(len(records))
            broken[place] = mutated(records[place], rng)
            whole = rng.random() < 0.7
            path.write_bytes(event_file(broken) if whole else mutated(event_file(records), rng))
        else:
            path.write_bytes(mutated(rng.choice((losses, weights)), rng))
        outcomes.append(tried(partial(drawn, path), (LogError,)))
    return outcomes


# ---- models, recipes, addresses ----


def models(count: int, rng: random.Random, folder: Path) -> list[str]:
    """The files of a model's folder; what a file says of itself stands at its start."""
    torch.manual_seed(0)
    variant, model = tiny("original-500"), folder / "model"
    training = {"style_weight": variant.style_weight, "lr": 1e-3}
    save_model(model, variant, variant.build(), load_encoder(variant.encoder), training)
    whole = {path: path.read_bytes() for path in sorted(model.iterdir()) if path.is_file()}
    outcomes = []
    for number in range(count):
        path = list(whole)[number % len(whole)]
        head, rest = whole[path][:4096], whole[path][4096:]
        if path.suffix == ".json" and rng.random() < 0.7:
            path.write_bytes(odd_json(json.loads(whole[path]), rng))
        elif rng.random() < 0.05:
            path.unlink()
        else:
            path.write_bytes(mutated(head, rng) + rest)
        outcomes.append(tried(partial(load_model, model), (WeightsError,)))
        path.write_bytes(whole[path])
    return outcomes


def styles(count: int, rng: random.Random, folder: Path) -> list[str]:
    """Style files, read and painted with; what one says of itself is JSON at its start, after its length."""
    torch.manual_seed(0)
    variant, model = tiny("original-500"), folder / "model"
    encoder = load_encoder(variant.encoder)
    save_model(model, variant, variant.build(), encoder, {"style_weight": 1.0, "lr": 1e-3})
    stylizer = Stylizer(load_model(model), encoder)
    painting, path = Image.new("RGB", (SIDE, SIDE), "red"), folder / "a.style.safetensors"
    style = stylizer.encode_style(painting, 32)
    save_style(stylizer, style, path, painting, ColourSample.of(painting))
    whole = path.read_bytes()
    (length,) = struct.unpack_from("<Q", whole)
    head, rest = json.loads(whole[8 : 8 + length]), whole[8 + length :]

    def painted() -> None:
        style = load_style(path)
        stylize_image(painting, style, Settings(colours=MATCH), stylizer=stylizer)
        style.thumbnail.resize(style.size).load()

    outcomes = []
    for number in range(count):
        if number % 3 == 0:
            path.write_bytes(mutated(whole[: length + 600], rng) + whole[length + 600 :])
        else:
            about = {**head, "__metadata__": odd(head["__metadata__"], rng)}
            said = json.dumps(about if number % 3 == 1 else odd(head, rng)).encode()
            path.write_bytes(struct.pack("<Q", len(said)) + said + rest)
        outcomes.append(tried(painted, (ImageError, WeightsError, SettingsError)))
    return outcomes


def recipes(count: int, rng: random.Random, folder: Path) -> list[str]:
    """Settings as JSON, and pictures with the recipe by which they were made."""
    settings = Settings(model="original-500", mix=(0.5, 0.5), size=256, mask_softness=4.0)
    source, image = Source("a.jpg", "0" * 64), Image.new("RGB", (SIDE, SIDE), "red")
    recipe = Provenance(settings, "0" * 64, source, (source, source), mask=source)
    outcomes = []
    for number in range(count):
        path = folder / f"recipe{('.json', '.png', '.jpg', '.webp')[number % 4]}"
        if path.suffix == ".json":
            path.write_bytes(odd_json(settings.to_json(), rng))
        else:
            note = odd_json(recipe.to_json(), rng).decode("ascii", "ignore")
            data = encode_picture(image, path.suffix, note=note)
            path.write_bytes(mutated(data, rng) if rng.random() < 0.3 else data)
        refusals = (SettingsError, ProvenanceError)
        outcomes.append(tried(partial(provenance.read, str(path)), refusals))
    return outcomes


def addresses(count: int, rng: random.Random, folder: Path) -> list[str]:
    """What may stand behind the page's address."""
    query = (
        b"photo=chelsea&style=hokusai_great_wave,lion&mix=0.5,0.5&strength=80&size=256&mode=instant"
    )
    outcomes = []
    for _ in range(count):
        asked = mutated(query, rng).decode("utf-8", "surrogateescape")
        with uploads_in(folder):
            outcomes.append(tried(partial(address.values_of, asked), (UserError,)))
    return outcomes
