"""The strip of one model at two widths."""

from pathlib import Path

import pytest
from PIL import Image

from core.images.decode import ImageError
from gallery.figures.overview import CELL
from gallery.figures.width import MODEL, PAIRS, strip
from gallery.pictures import FOLDER


def test_a_row_for_each_pair_with_both_models_cells(tmp_path: Path) -> None:
    painting, photo = PAIRS[0]
    folder = tmp_path / "refined" / painting / MODEL
    folder.mkdir(parents=True)
    Image.new("RGB", (300, 200), (10, 200, 30)).save(folder / f"{photo}.jpg")
    sheet = strip(tmp_path, FOLDER / "rendered", PAIRS[:1])
    assert sheet.size == (4 * CELL, CELL)
    assert sheet.getpixel((2 * CELL + 9, 9)) == pytest.approx((10, 200, 30), abs=3)
    with pytest.raises(ImageError):
        strip(tmp_path, FOLDER / "rendered", PAIRS[1:])
