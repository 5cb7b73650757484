"""A photo in every painting of the gallery, small, and all of them on one sheet.

for cell in painted_cells("photo.jpg", "improved-500", 192, StyleForm()):
    print(cell.done, cell.of, cell.picture.title, cell.image.size)
sheet_file("photo.jpg", cells, "improved-500")          # a PNG
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from PIL import Image

from core.images.contact_sheet import sheet
from core.images.convert import resize_longest
from core.images.decode import load_mask, load_with_alpha
from core.images.normalise import on_white
from core.images.save import encode_picture
from core.inference.style_file import load_painting
from core.pipeline import stylize_image
from core.settings import Settings
from demo.shared.endpoint_look import EndpointLook
from demo.shared.requests import RequestError, checked, file_name, give_back
from demo.shared.style_form import StyleForm
from demo.shared.uploads import file_of
from gallery.pictures import Picture, paintings

SMALL_SIZES = (128, 192, 256, 384)  # px, longest side


@dataclass(frozen=True)
class Cell:
    """A small picture of a sheet: number `done` of `of`, after so many seconds.

    Attributes:
        image: RGB, what is transparent on white.
        before: the photo at the same size.
    """

    picture: Picture
    image: Image.Image
    before: Image.Image
    done: int
    of: int
    seconds: float


def painted_cells(
    content: str | None, model: str | None, size: float, look: StyleForm | EndpointLook
) -> Generator[Cell, None, None]:
    """Paint a photo in every painting of the gallery, `size` px on the longest side; close the iterator to cancel.

    Raises:
        RequestError, SettingsError, ImageError, WeightsError, EncoderError: one sentence for the visitor.
    """
    if size not in range(min(SMALL_SIZES), max(SMALL_SIZES) + 1):
        raise RequestError(
            f"The pictures of a sheet can have {min(SMALL_SIZES)} to {max(SMALL_SIZES)} px."
        )
    pictures, started = paintings(), time.perf_counter()
    order = look.request(content, str(pictures[0].path()), model, size)
    path, _ = checked(order)
    settings = order.settings
    photo = load_with_alpha(path)  # what is hidden of it has no colours that count
    give_back([photo])
    if settings == Settings(model=settings.model, size=settings.size):
        photo = resize_longest(photo, int(size))  # once for all: nothing else is read from it
    masks = [load_mask(mask) for mask in order.masks]
    outside = load_painting(order.outside) if order.outside else None
    give_back([*masks, outside])
    for done, picture in enumerate(pictures, 1):
        painted = stylize_image(photo, picture.image(), settings, masks, outside)
        seconds = time.perf_counter() - started
        image, before = on_white(painted.image), on_white(painted.before)
        yield Cell(picture, image, before, done, len(pictures), seconds)


def sheet_file(content: str, cells: Sequence[Cell], model: str) -> str:
    """The photo and the cells on one labelled sheet, a PNG file that the page may serve."""
    labelled = [("Photo", cells[0].before), *((cell.picture.title, cell.image) for cell in cells)]
    return file_of(file_name(content, "sheet", model), encode_picture(sheet(labelled)))
