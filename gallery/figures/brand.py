"""The page's icon and the picture that a link to it is shown with (demo/head.py).

python -m gallery.figures.brand      # writes demo/shared/brand/icon.png and preview.jpg
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from core.images.convert import center_crop, resize_smaller
from core.pipeline import stylize_image
from gallery.pictures import find_content, find_style

FOLDER = Path(__file__).resolve().parents[2] / "demo" / "shared" / "brand"
PREVIEW_SIZE = (1200, 630)  # what link previews are cut to
TILE, GAP, TOP = 368, 24, 190  # px
ICON_SIDE, ICON_RADIUS = 512, 110  # px
PAPER, INK, FAINT = "#f7f1e6", "#363a80", "#6b604f"


def preview() -> Image.Image:
    """Photo, painting and what the flagship makes of them, under MetaStyle's name."""
    photo, painting = find_content("astronaut").image(), find_style("hokusai_great_wave").image()
    painted = stylize_image(resize_smaller(photo, 2 * TILE), painting).image
    sheet = Image.new("RGB", PREVIEW_SIZE, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, 40), "MetaStyle", INK, ImageFont.load_default(76))
    draw.text((GAP, 132), "a photo and a painting in, the photo repainted out", FAINT,
              ImageFont.load_default(30))  # fmt: skip
    for column, image in enumerate((photo, painting, painted)):
        sheet.paste(center_crop(image, TILE), (GAP + column * (TILE + GAP), TOP + GAP))
    return sheet


def icon() -> Image.Image:
    """The crest of the Great Wave in a square with round corners, transparent outside."""
    wave = find_style("hokusai_great_wave").image()
    side = int(0.62 * wave.height)
    left, top = int(0.08 * wave.width), int(0.02 * wave.height)
    crest = wave.crop((left, top, left + side, top + side)).resize((ICON_SIDE, ICON_SIDE))
    corners = Image.new("L", (4 * ICON_SIDE, 4 * ICON_SIDE), 0)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, *corners.size), 4 * ICON_RADIUS, 255)
    crest.putalpha(corners.resize(crest.size))
    return crest


def main() -> None:
    """Write both files."""
    FOLDER.mkdir(exist_ok=True)
    preview().save(FOLDER / "preview.jpg", quality=88)
    icon().quantize(256).save(FOLDER / "icon.png", optimize=True)


if __name__ == "__main__":
    main()
