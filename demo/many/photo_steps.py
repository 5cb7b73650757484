"""Several photos painted in the same painting, one after another, and one zip of them.

    for step in painted_photos(["a.jpg", "b.jpg"], ["painting.jpg"], Settings(model="improved-500", size=512), "out"):
        print(step.done, step.of, step.files, step.skipped)
    zipped(step, "painting.jpg", "improved-500")            # a file that the page may serve

A photo that cannot be used is named and skipped. The command line does the same with folders (`core.stylize`).
"""

import threading
import time
import zipfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.commandline import lacks_memory
from core.files import distinct_name, printable, replacing, write_atomic
from core.images.decode import ImageError
from core.inference.style_file import load_painting
from core.paintings import prepared
from core.settings import RECOLOUR, Settings
from demo.server.refusals import NO_MEMORY
from demo.shared.requests import (
    JobResult,
    RequestError,
    StylizeRequest,
    checked,
    file_name,
    give_back,
    repaint,
)
from demo.shared.uploads import new_file

MAX_PHOTOS = 20
MAX_BYTES = 200_000_000
ANEW = (
    "Recoloured to each photo, the painting would be refined anew for each; "
    "choose other colours, or instant pictures."
)


@dataclass(frozen=True)
class PhotosStep:
    """How far it is: photos `done` of `of`, painted or skipped, after so many seconds.

    Attributes:
        files: painted so far, CONTENT__STYLE__MODEL.png, each name only once.
        names: of the photo behind each of them, without an ending.
        skipped: a sentence about each photo that could not be used.
        refining: of the seconds, those for the painting: once, whatever the number of photos.
        latest: the picture painted last; or a draft of the next photo, while the painting is refined.
    """

    done: int
    of: int
    files: tuple[str, ...]
    names: tuple[str, ...]
    skipped: tuple[str, ...]
    seconds: float
    refining: float = 0.0
    latest: JobResult | None = field(default=None, repr=False)

    @property
    def draft(self) -> JobResult | None:
        """The draft, while the painting is refined."""
        return self.latest if self.latest and self.latest.draft else None


def painted_photos(
    photos: Sequence[str],
    styles: Sequence[str | None],
    settings: Settings,
    folder: str | Path,
    stop: threading.Event | None = None,
) -> Generator[PhotosStep, None, None]:
    """Paint each photo into a PNG file with its recipe in `folder`, at least one step; close the iterator to cancel.

    A painting is refined once, with a step for each draft of the first photo; for the others it is remembered.

    Args:
        styles: files of one to four paintings, with the weights of `settings.mix`.
        stop: once set, refining ends, and the photo is painted with what it had reached.

    Raises:
        RequestError, SettingsError, ImageError, WeightsError, EncoderError: one sentence for the visitor, before the
            first photo. RequestError also where refining is stopped before its first batch.
    """
    check(photos)
    if settings.refine and settings.colours == RECOLOUR:
        raise RequestError(ANEW)
    _, paintings = checked(StylizeRequest(photos[0], styles, settings))
    # What is wrong with a painting, or with the part of it that counts, is wrong with all of them.
    pictures = [load_painting(painting) for painting in paintings]
    give_back(pictures)
    prepared(pictures, settings)
    started, names = time.perf_counter(), set[str]()
    step = PhotosStep(0, len(photos), (), (), (), 0.0)
    for done, photo in enumerate(photos, 1):
        try:
            for result in repaint(StylizeRequest(photo, paintings, settings), stop):
                if result.draft:
                    yield replace(step, latest=result)
        except ImageError as error:
            step = replace(step, skipped=(*step.skipped, str(error)))
        except Exception as error:
            if not lacks_memory(error):
                raise
            said = f'"{printable(Path(photo).name)}": {NO_MEMORY}'
            step = replace(step, skipped=(*step.skipped, said))
        else:
            content, rest = result.file_name.split("__", 1)
            path = Path(folder) / distinct_name(content, f"__{rest}", names)
            write_atomic(path, result.png())
            step = replace(
                step,
                files=(*step.files, str(path)),
                names=(*step.names, Path(photo).stem),
                refining=step.refining + (result.seconds["style"] if result.batches else 0),
                latest=result,
            )
        step = replace(step, done=done, seconds=time.perf_counter() - started)
        yield step


def check(photos: Sequence[str]) -> None:
    """Raise RequestError where there are none, too many, or too much of them."""
    if not photos:
        raise RequestError("Choose photos first: drop some in, or click to look for them.")
    if len(photos) > MAX_PHOTOS:
        raise RequestError(
            f"These are {len(photos)} photos; at most {MAX_PHOTOS} can be painted at once."
        )
    size = size_of(photos)
    if size > MAX_BYTES:
        raise RequestError(
            f"The photos have {in_bytes(size)} together; at most {in_bytes(MAX_BYTES)} are accepted at once."
        )


def size_of(photos: Sequence[str]) -> int:
    """How large the files are together, in bytes."""
    return sum(Path(photo).stat().st_size for photo in photos)


def in_bytes(size: int) -> str:
    """A number of bytes for a reader: "1.5 MB"."""
    return f"{size / 1e6:.1f} MB".replace(".0 MB", " MB") if size >= 1e6 else f"{size / 1e3:.0f} KB"


def zipped(step: PhotosStep, style: str | None, model: str | None) -> str:
    """The zip of what is painted, whole or not at all, a file that the page may serve.

    Raises:
        OSError: a file cannot be read, or the zip not written.
    """
    name = Path(file_name("photos", style or "", model or "")).with_suffix(".zip").name
    path = Path(new_file(name))
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for file in step.files:  # stored as they are: PNG does not get smaller
            archive.write(file, Path(file).name)
    return str(path)
