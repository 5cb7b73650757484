"""All measures of the gallery's pairs.

numbers = Numbers()
numbers.values("refined", "improved-500", "ssim")       # 64, style by style
numbers.change_with_style("refined", "improved-500")
"""

from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from core.images.decode import load_image
from core.models.registry import MODELS
from gallery.grids import paths
from gallery.grids.paths import MODES
from gallery.grids.results import Entry, read_grid
from gallery.pictures import CONTENTS, STYLES

PAIRS = pd.MultiIndex.from_product(
    [[picture.name for picture in STYLES], [picture.name for picture in CONTENTS]],
    names=["style", "content"],
)


class Numbers:
    """All measures of the gallery's pairs, read once.

    Args:
        root: as in `gallery.grids.paths`, by default `gallery/rendered`.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or paths.RENDERED
        self._entries = cache(self._read)
        self.change_with_style = cache(self._change_with_style)

    def _read(self, mode: str, row: str) -> tuple[Entry, ...]:
        grids = [read_grid(mode, style, [row], CONTENTS, self.root) for style in STYLES]
        return tuple(entry for grid in grids for entry in grid.rows[0].cells)

    def rendered(self, mode: str, row: str) -> int:
        """How many pairs have been measured."""
        return sum(bool(entry.numbers) for entry in self._entries(mode, row))

    def values(self, mode: str, row: str, measure: str) -> pd.Series:
        """One for each pair, by `style` and `content`; NaN where there is none."""
        found = [entry.numbers.get(measure, np.nan) for entry in self._entries(mode, row)]
        return pd.Series(found, PAIRS)

    def _change_with_style(self, mode: str, row: str) -> float:
        """How much two paintings' pictures of one photo differ: RMS over pixels, of 255;
        NaN where no photo has two.
        """
        entries = self._entries(mode, row)  # style by style
        squares = []
        for column in range(len(CONTENTS)):
            cells = entries[column :: len(CONTENTS)]  # one photo in all paintings
            files = [entry.picture for entry in cells if entry.picture]
            pictures = [np.asarray(load_image(file), np.float32) for file in files]
            if len(pictures) > 1:
                # The mean square difference of two draws is twice their variance.
                squares.append(2 * np.var(pictures, axis=0, ddof=1).mean())
        return float(np.sqrt(np.mean(squares))) if squares else float("nan")

    @cached_property
    def rows(self) -> tuple[str, ...]:
        """Rows of which anything was measured, models first."""
        names = (*MODELS, *paths.REFERENCES)
        return tuple(name for name in names if any(self.rendered(mode, name) for mode in MODES))
