"""Sheets: every picture in its place, labels below, files with a profile."""

import numpy as np
import pytest

from core.images import contact_sheet as sheets
from core.images.contact_sheet import GAP, sheet
from core.images.decode import ImageError
from tests.conftest import draw


def test_pictures_stand_in_rows_from_left_to_right() -> None:
    images = [draw(i, (60, 40)) for i in range(5)]
    whole = sheet([(f"Picture {i}", image) for i, image in enumerate(images)], columns=3)
    height = (whole.height - GAP) // 2
    for index, image in enumerate(images):
        left, top = GAP + index % 3 * (60 + GAP), GAP + index // 3 * height
        assert whole.crop((left, top, left + 60, top + 40)).tobytes() == image.tobytes()
        label = np.asarray(whole.crop((left, top + 40, left + 60, top + height - GAP)))
        assert label.min() < 100, "there is writing below"


def test_a_sheet_is_about_four_to_three() -> None:
    for size in ((60, 40), (40, 60), (50, 50)):
        whole = sheet([("x", draw(1, size))] * 30)
        assert 0.9 < whole.width / whole.height < 1.9


@pytest.mark.parametrize("fonts", [sheets.FONTS, ()])
def test_labels_stay_in_their_place(
    fonts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with Pillow's own font, which has no letters with accents."""
    monkeypatch.setattr(sheets, "FONTS", fonts)
    long, short = (sheet([(label, draw(1, (80, 60)))]) for label in ("Café " * 30, ""))
    assert long.size == short.size
    margin = np.asarray(long)[:, -GAP:]
    assert (margin == 255).all()
    assert (np.asarray(long) != np.asarray(short)).any()


def test_a_sheet_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "LARGEST", 300)
    with pytest.raises(
        ImageError,
        match=r"^The sheet would have \d+ x \d+ px; choose a smaller size for its pictures\.$",
    ):
        sheet([("x", draw(1))] * 12)
