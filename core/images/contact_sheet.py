"""Many pictures on one labelled sheet: a photo in every painting of the gallery.

python -m core.stylize --content photo.jpg --sheet --out out/

cells = [("The Great Wave off Kanagawa", stylize_image(photo, wave).image), ...]
sheet(cells).save("sheet.png")
"""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from core.images.decode import ImageError
from core.images.normalise import on_white

SHEET_SIZE = 256  # longest side of each picture in px, where no other is asked for
GAP = 12
SHAPE = 4 / 3  # width over height that the sheet comes near to
BACKGROUND, INK = "white", "#222222"
# The first that is installed; Pillow's own has no accents.
FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial.ttf")
LARGEST = 16_000  # px a side


@dataclass(frozen=True)
class Layout:
    """Where the pictures of a sheet lie; all numbers but `columns` in px.

    Attributes:
        columns: places beside each other.
        place: width and height of a picture's place, with gap and label.
        label: height of the letters.
        whole: width and height of the sheet.
    """

    columns: int
    place: tuple[int, int]
    label: int
    whole: tuple[int, int]


def layout(count: int, size: tuple[int, int], columns: int | None = None) -> Layout:
    """The sheet of so many pictures, the largest of them of such a size.

    Raises:
        ImageError: the sheet would be larger than 16,000 px a side.
    """
    width, height = size
    label = max(11, min(width // 14, 28))
    place = (width + GAP, height + GAP + round(1.6 * label))
    columns = columns or min(count, max(1, round(math.sqrt(count * SHAPE * place[1] / place[0]))))
    rows = math.ceil(count / columns)
    whole = (columns * place[0] + GAP, rows * place[1] + GAP)
    if max(whole) > LARGEST:
        raise ImageError(
            f"The sheet would have {whole[0]} x {whole[1]} px; choose a smaller size for its pictures."
        )
    return Layout(columns, place, label, whole)


def sheet(cells: Sequence[tuple[str, Image.Image]], columns: int | None = None) -> Image.Image:
    """Labelled pictures in rows, left to right, on white.

    Args:
        cells: label and RGB picture; a label too long for its place is cut.
            Smaller pictures are centred in theirs.
        columns: how many beside each other; by default as many as make the sheet about 4:3.

    Raises:
        ImageError: the sheet would be larger than 16,000 px a side.
    """
    width = max(image.width for _, image in cells)
    height = max(image.height for _, image in cells)
    laid = layout(len(cells), (width, height), columns)
    result = Image.new("RGB", laid.whole, BACKGROUND)
    draw = ImageDraw.Draw(result)
    font, accents = _font(laid.label)
    for index, (label, image) in enumerate(cells):
        row, column = divmod(index, laid.columns)
        left, top = GAP + column * laid.place[0], GAP + row * laid.place[1]
        place = left + (width - image.width) // 2, top + (height - image.height) // 2
        result.paste(on_white(image), place)
        text = _cut(label if accents else _plain(label), font, width)
        draw.text((left, top + height + laid.label // 4), text, fill=INK, font=font)
    return result


def _font(size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    """A font and whether it has letters with accents."""
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size), True
        except OSError:
            continue
    return ImageFont.load_default(size), False


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text.rstrip()}..."
