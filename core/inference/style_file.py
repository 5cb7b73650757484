"""A painting's style in a small file: the numbers that a model generated for it, without the painting.

    stylizer = from_pretrained("flagship")
    style, colours = stylizer.encode_style(painting), ColourSample.of(painting)
    save_style(stylizer, style, "wave.style.safetensors", painting, colours)
    style = load_style("wave.style.safetensors")
    stylizer.encode_style(style)(photo).save("out.png")      # as with the painting, to the byte
    stylize_image(photo, style)                              # or mixed with others

The numbers are for the weights of one model; another's, or broken ones, are refused in a sentence.
The file also holds the painting's size and a thumbnail of it, to know it by, and a sample of its
colours, to which a result can be matched.
"""

import base64
import hashlib
import io
import json
import stat
import struct
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load

from core.files import LFS_BEGINS, LFS_POINTER, printable
from core.images.colour_transport import SAMPLE, ColourSample
from core.images.decode import MAX_PIXELS, MIN_SIDE, ImageError, load_image
from core.models.layers import Filters
from core.models.weights import WeightsError, save_one

if TYPE_CHECKING:
    from core.inference.styled_model import StyledModel
    from core.inference.stylizer import Stylizer

SUFFIX = ".style.safetensors"
FORMAT = "1"
MAX_BYTES = 64 << 20
THUMBNAIL = 160  # px, longest side


@dataclass(frozen=True, eq=False)
class SavedStyle:
    """What `load_style` reads, in the place of a painting.

    Attributes:
        model, model_hash: the model whose numbers they are, and the hash of its weights.
        filters: name -> flat float32 vector.
        size: of the painting, width and height in px.
        thumbnail: of the painting, RGB.
        colours: of the painting, or of the mix; None in files that were made before they were kept.
    """

    model: str
    model_hash: str
    filters: Filters = field(repr=False)
    size: tuple[int, int]
    thumbnail: Image.Image = field(repr=False)
    colours: ColourSample | None = field(repr=False, default=None)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the numbers."""
        hashed = hashlib.sha256(self.model_hash.encode())
        for name in sorted(self.filters):
            hashed.update(name.encode() + self.filters[name].numpy().tobytes())
        return hashed.hexdigest()

    def filters_for(self, stylizer: "Stylizer") -> Filters:
        """The numbers, on the stylizer's device.

        Raises:
            WeightsError: they are another model's, or not those that its network takes.
        """
        if self.model_hash != stylizer.hash:
            other = self.model if self.model != stylizer.name else "other weights of that name"
            raise WeightsError(
                f"This style file was made with {printable(other)}, so that {stylizer.name} cannot "
                "use it; choose that model, or make it again from the painting."
            )
        sizes = stylizer.net.transform_net.generated
        given = {name: values.numel() for name, values in self.filters.items()}
        if given != sizes or not all(torch.isfinite(each).all() for each in self.filters.values()):
            raise WeightsError("The numbers of this style file are broken; make it again.")
        return {name: values.to(stylizer.device) for name, values in self.filters.items()}


Painting = Image.Image | SavedStyle


def save_style(
    stylizer: "Stylizer",
    style: "StyledModel",
    path: str | Path,
    painting: Painting,
    colours: ColourSample | None,
) -> None:
    """Write an instant style, of one painting or mixed, to a file, whole or not at all.

    Args:
        style: from `encode_style` or `mix` of this stylizer.
        path: usually `NAME.style.safetensors`.
        painting: to know it by: its size and thumbnail go into the file.
        colours: of the painting, or between those of a mix; None where they are not known.

    Raises:
        ValueError: the style is refined, which changes a whole network.
        OSError: it cannot be written.
    """
    if style.refined:
        raise ValueError("A refined style is a network of its own and does not fit a style file.")
    small = (painting.thumbnail if isinstance(painting, SavedStyle) else painting).copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    metadata = {
        "metastyle": FORMAT,
        "model": stylizer.name,
        "model_hash": stylizer.hash,
        "size": "{}x{}".format(*painting.size),
        "thumbnail": base64.b64encode(buffer.getvalue()).decode(),
    }
    if colours is not None:
        levels = (255 * colours.colours).round().astype(np.uint8)
        metadata["colours"] = base64.b64encode(levels.tobytes()).decode()
    numbers = {name: values.float() for name, values in style.filters.items()}
    save_one(Path(path), numbers, metadata)


def load_style(path: str | Path) -> SavedStyle:
    """A style from a file that `save_style` wrote.

    Raises:
        ImageError: it is missing, broken, or another kind of file; one sentence.
    """
    path = Path(path)
    name = f'"{printable(path.name)}"'
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe or a device could block or never end
            raise ImageError(f"{name} is not an ordinary file.")
        if found.st_size > MAX_BYTES:
            raise ValueError("too large")
        data = path.read_bytes()
        if data.startswith(LFS_BEGINS):
            raise ImageError(f"{name} {LFS_POINTER}.")
        (length,) = struct.unpack_from("<Q", data)
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        if metadata["metastyle"] != FORMAT:
            raise ImageError(f"{name} is a style file of another version of MetaStyle.")
        width, height = map(int, metadata["size"].split("x"))
        if not (MIN_SIDE <= min(width, height) <= max(width, height) <= MAX_PIXELS):
            raise ValueError("no size of a painting")
        tensors = load(data)
        if any(values.dtype != torch.float32 for values in tensors.values()):
            raise ValueError("not as they were saved, and larger once they are read")
        filters = {key: values.flatten() for key, values in tensors.items()}
        thumbnail = _thumbnail(metadata["thumbnail"])
        model, model_hash = str(metadata["model"]), str(metadata["model_hash"])
        colours = _colours(metadata["colours"]) if "colours" in metadata else None
        return SavedStyle(model, model_hash, filters, (width, height), thumbnail, colours)
    except OSError as error:
        raise ImageError(f"{name} cannot be opened ({error.strerror}).") from error
    except ImageError:
        raise
    except Exception as error:  # broken files end in many types
        raise ImageError(f"{name} is damaged or no style file of MetaStyle.") from error


def _thumbnail(text: str) -> Image.Image:
    """A thumbnail from its base64. Raises ValueError where it is none, or larger than one."""
    try:
        limits = {"min_side": 1, "max_pixels": THUMBNAIL * THUMBNAIL}
        return load_image(base64.b64decode(text), **limits, max_aspect=THUMBNAIL)
    except ImageError as error:  # which names the thumbnail, not the file
        raise ValueError("no thumbnail") from error


def _colours(text: str) -> ColourSample:
    """A sample of colours from the base64 of its bytes. Raises ValueError where it is none."""
    levels = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    return ColourSample(levels.reshape(SAMPLE, 3) / 255)


def is_style_file(path: str | Path) -> bool:
    """Whether a file is called as style files are."""
    return str(path).lower().endswith(".safetensors")


def load_painting(path: str | Path) -> Painting:
    """A picture, or a style from a style file. Raises ImageError."""
    return load_style(path) if is_style_file(path) else load_image(path)
