"""The recipe that a result carries: what it was made from and how,
enough to make the same bytes again.

    painted, recipe = paint_files("photo.jpg", ["painting.jpg"], Settings(strength=0.8))
    save(painted, recipe, "painted.png")
    recipe = read("painted.png")                 # from the picture's metadata; ProvenanceError, one sentence, where there is none
    print(json.dumps(recipe.settings.to_json()))
    print(command_line(recipe), python_snippet(recipe), sep="\\n")         # `core.reproduce`

It is JSON: settings, names and SHA-256 of the files, the hash of the model's weights, versions. It
lies in a PNG as international text (iTXt) under the keyword MetaStyle, in a JPEG and a WebP as
EXIF's UserComment. Folders are not in it, nor the time of painting: the same request gives the same
file on the same kind of machine. Pictures are saved with an ICC profile of sRGB, whatever profile
the photo came with, and with the date on which it was taken; where it was taken is left behind.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from PIL import Image

from core.commandline import UserError
from core.files import short, write_atomic
from core.images.decode import load_mask, load_with_alpha
from core.images.metadata import date_taken
from core.images.save import QUALITY, encode_picture, read_note
from core.inference.style_file import load_painting
from core.paintings import weights_of
from core.pipeline import stylize_image
from core.result import PaintStep, StylizeResult
from core.settings import Settings

VERSION = "0.1.0"
DEVICES = ("cpu", "cuda", "mps")
FORMAT = 1
LONGEST_NAME = 255
NO_TEXT = ("Cc", "Cs")  # Unicode's categories of control characters and of halves of characters
MAX_CONTENTS = 1000
ALPHA = "alpha"  # in the place of a mask's file: the photo's own transparency


class ProvenanceError(UserError):
    """A picture carries no recipe, or one that cannot be read."""


@dataclass(frozen=True)
class Source:
    """A file that a picture was made from.

    Attributes:
        name: without its folder, for people;
            what cannot be text or is a control character is replaced.
        sha256: of the file's bytes.
    """

    name: str
    sha256: str

    @classmethod
    def of(cls, file: str | Path, data: bytes | None = None) -> "Source":
        """The source that a file is; its bytes may be given."""
        digest = hashlib.sha256(Path(file).read_bytes() if data is None else data)
        return cls(_readable(Path(file).name), digest.hexdigest())


def _readable(name: str) -> str:
    """A file's name as text: bytes that are not UTF-8 and control characters become U+FFFD."""
    kept = ("\ufffd" if unicodedata.category(char) in NO_TEXT else char for char in name)
    return "".join(kept)[:LONGEST_NAME]


@dataclass(frozen=True)
class Provenance:
    """What a picture was made from.

    Attributes:
        settings: with the model's name.
        model_hash: of the model's weights.
        content: the photo.
        styles: the paintings, in the order of their weights.
        mask, outside: the mask, or the first of them, and the painting outside it.
        refine_contents: the photographs that were refined on; none for the gallery's.
        device: `cpu`, `cuda` or `mps`; their last bits differ.
        version, torch: of this program and of PyTorch.
        taken: when the photo was taken, as EXIF writes it; empty where it does not say.
        more_masks: of the second painting and those after it, where each has its own.
    """

    settings: Settings
    model_hash: str
    content: Source
    styles: tuple[Source, ...]
    mask: Source | None = None
    outside: Source | None = None
    refine_contents: tuple[Source, ...] = ()
    device: str = "cpu"
    version: str = VERSION
    torch: str = torch.__version__
    taken: str = ""
    more_masks: tuple[Source, ...] = ()

    @property
    def masks(self) -> list[Source]:
        """All of them."""
        return [self.mask, *self.more_masks] if self.mask else []

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        data = {"format": FORMAT, **asdict(self), "settings": self.settings.to_json()}
        for name in ("taken", "more_masks"):
            if not data[name]:
                del data[name]
        return data

    @classmethod
    def from_json(cls, data: Any) -> "Provenance":
        """From what `to_json` gives.

        Raises:
            ProvenanceError: it is something else; SettingsError: its settings are not valid.
        """
        try:
            if data["format"] != FORMAT:
                raise ProvenanceError(
                    f"The recipe has format {short(data['format'])}; this version reads {FORMAT}."
                )
            recipe = cls(
                Settings.from_json(data["settings"]),
                str(data["model_hash"])[:LONGEST_NAME],
                _source(data["content"]),
                tuple(_source(style) for style in data["styles"]),
                _source(data["mask"]) if data["mask"] else None,
                _source(data["outside"]) if data["outside"] else None,
                tuple(_source(photo) for photo in data["refine_contents"][:MAX_CONTENTS]),
                data["device"] if data["device"] in DEVICES else "cpu",
                str(data["version"])[:LONGEST_NAME],
                str(data["torch"])[:LONGEST_NAME],
                _readable(str(data.get("taken", ""))),
                tuple(_source(mask) for mask in data.get("more_masks", ())),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ProvenanceError(
                "The recipe cannot be read: something is missing from it."
            ) from error
        weights_of(recipe.settings, len(recipe.styles), len(recipe.masks))
        return recipe


def _source(data: Mapping[str, Any]) -> Source:
    name, digest = data["name"], data["sha256"]
    if (
        not re.fullmatch("[0-9a-f]{64}", digest)
        or not 0 < len(name) <= LONGEST_NAME
        or _readable(name) != name
    ):
        raise ProvenanceError("The recipe cannot be read: a file's name or hash is not one.")
    return Source(Path(name).name, digest)


def paint_files(
    content: str | Path,
    styles: Sequence[str | Path],
    settings: Settings | None = None,
    *,
    mask: str | Path | Sequence[str | Path] | None = None,
    outside: str | Path | None = None,
    refine_contents: Sequence[str | Path] = (),
    device: str = "cpu",
    on_step: Callable[[PaintStep], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[StylizeResult, Provenance]:
    """`core.pipeline.stylize_image` from files, with the recipe.

    Raises:
        As `stylize_image`, and ImageError for a file that cannot be used.
    """
    masks = [mask] if isinstance(mask, str | Path) else list(mask or ())
    painted = stylize_image(
        load_with_alpha(content),
        [load_painting(style) for style in styles],
        settings,
        [load_mask(file) for file in masks],
        load_painting(outside) if outside else None,
        device=device,
        refine_contents=[Path(file) for file in refine_contents],
        on_step=on_step,
        stop=stop,
    )
    return painted, provenance_of(
        painted,
        Source.of(content),
        [Source.of(style) for style in styles],
        masks=[Source.of(file) for file in masks],
        outside=Source.of(outside) if outside else None,
        refine_contents=[Source.of(file) for file in refine_contents],
        taken=date_taken(content),
    )


def provenance_of(
    painted: StylizeResult,
    content: Source,
    styles: Sequence[Source],
    *,
    masks: Sequence[Source] = (),
    outside: Source | None = None,
    refine_contents: Sequence[Source] = (),
    taken: str = "",
) -> Provenance:
    """The recipe of a picture that `stylize_image` made from these files;
    `taken` is the date of its photo.
    """
    refined_on = tuple(refine_contents) if painted.settings.refine else ()
    return Provenance(
        painted.settings,
        painted.model_hash,
        content,
        tuple(styles),
        masks[0] if masks else None,
        outside,
        refined_on,
        painted.device,
        taken=taken,
        more_masks=tuple(masks[1:]),
    )


# ---- in the picture ----


def picture_bytes(
    image: Image.Image, recipe: Provenance, suffix: str = ".png", quality: int = QUALITY
) -> bytes:
    """A result as a PNG, JPEG or WebP file, by its suffix, with its recipe,
    its photo's date and an sRGB profile.

    Raises:
        ImageError: the recipe is too long for a JPEG file.
    """
    text = json.dumps(recipe.to_json(), ensure_ascii=suffix.lower() != ".png", sort_keys=True)
    return encode_picture(image, suffix, note=text, taken=recipe.taken, quality=quality)


def converted(path: str | Path, suffix: str, quality: int = QUALITY) -> bytes:
    """A PNG that carries a recipe as a file of another kind: the bytes that saving the result as
    such a file in the first place gives.

    Raises:
        ProvenanceError, SettingsError: it carries no recipe that can be read.
        ImageError: the recipe is too long for a JPEG file.
        OSError: it cannot be read.
    """
    recipe = read(path)
    with Image.open(path, formats=("PNG",)) as image:
        image.load()
        return picture_bytes(image, recipe, suffix, quality)


def save(
    painted: StylizeResult, recipe: Provenance, path: str | Path, quality: int = QUALITY
) -> None:
    """Write the result as `picture_bytes` gives it, by the name of the file, whole or not at all.

    Raises:
        OutputError: it cannot be written; ImageError: the recipe is too long for a JPEG file.
    """
    path = Path(path)
    write_atomic(path, picture_bytes(painted.image, recipe, path.suffix, quality))


def is_picture(head: bytes) -> bool:
    """Whether a file that begins so may be a picture that carries a recipe,
    rather than one of settings.
    """
    return head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"RIFF"))


def read(source: str | Path | BinaryIO) -> Provenance:
    """The recipe in a PNG, JPEG or WebP file.

    Raises:
        ProvenanceError: there is none, it is damaged or of a newer version; SettingsError:
            its settings are not valid.
        OSError: the file cannot be read.
    """
    try:
        with Image.open(source, formats=("PNG", "JPEG", "WEBP")) as image:
            note = read_note(image)
        data = json.loads(note) if note is not None else None
    except OSError as error:
        if error.errno is not None:
            raise
        raise ProvenanceError(
            "This is not a PNG, JPEG or WebP picture, so it carries no recipe."
        ) from error
    except Exception as error:  # malformed files make Pillow raise nearly any type
        raise ProvenanceError("The recipe of this picture is damaged.") from error
    if data is None:
        raise ProvenanceError(
            "This picture carries no recipe; only files as MetaStyle saved them do."
        )
    return Provenance.from_json(data)
