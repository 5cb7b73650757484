"""The report's claims about pictures, each put to a paired test over the gallery's pairs of content and style.

    numbers = Numbers()
    section = picture_sections(numbers)[0]
    section.claims[0].findings[0].verdict        # holds | does not hold | cannot be told | not measured yet

What is compared is in the tables below; the measures are those of `core.metrics.features`, the test that of
`core.metrics.paired_test`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.images.decode import load_image
from core.metrics.features import MEASURES, average
from core.metrics.paired_test import HIGHER, LOWER, UNKNOWN, compare
from core.models import checkpoint
from core.models.registry import MODELS
from gallery.grids import paths
from gallery.grids.paths import MODES
from gallery.grids.results import Entry, read_grid
from gallery.pictures import CONTENTS, STYLES

NOT_YET = "not measured yet"
SIZES = ("500", "1000")
FOLLOWS = 10.0  # of 255: below it, a photo looks nearly the same in all paintings
Values = NDArray[np.float64]
Side = tuple[str, ...] | float


@dataclass(frozen=True)
class Finding:
    """One test of a claim.

    Attributes:
        case: which models, which mode.
        measured: what was found, or what is missing.
        verdict: `holds`, `does not hold`, `cannot be told` or `not measured yet`.
        pairs: of content and style, over how many; None where the claim is not about pictures.
    """

    case: str
    measured: str
    verdict: str
    pairs: int | None = None


@dataclass(frozen=True)
class Claim:
    """A claim of the report with all its tests.

    Attributes:
        says: the claim.
        where: in the report.
        how: what is measured for it.
    """

    says: str
    where: str
    how: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Section:
    """Claims that belong together, under a title."""

    title: str
    text: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Test:
    """That a measure is lower or higher on one side than on the other.

    Attributes:
        case: which models; the mode is added.
        measure: a name of `core.metrics.features.MEASURES`.
        first, second: a row; two rows, whose difference is meant (first minus second of them); or a number for all pairs.
        direction: `lower` or `higher`, as the report says.
    """

    __test__ = False  # for pytest, which takes the name for one of its own

    case: str
    measure: str
    first: Side
    direction: str
    second: Side


def _both_sizes(measure: str, direction: str) -> tuple[Test, ...]:
    """Improved against original, trained on 500 and on 1,000 images."""
    return tuple(
        Test(
            f"improved-{size} against original-{size}",
            measure,
            (f"improved-{size}",),
            direction,
            (f"original-{size}",),
        )
        for size in SIZES
    )


def _each(measure: str, direction: str, than: float, *names: str) -> tuple[Test, ...]:
    return tuple(
        Test(
            f"{name}-{size}, {MEASURES[measure].title.lower()}",
            measure,
            (f"{name}-{size}",),
            direction,
            than,
        )
        for name in names
        for size in SIZES
    )


def _ablation(row: str, **directions: str) -> tuple[Test, ...]:
    """An ablated model against improved-500, in several measures."""
    return tuple(
        Test(MEASURES[measure].title, measure, (row,), direction, ("improved-500",))
        for measure, direction in directions.items()
    )


_SPECKS = "connected blobs of 2 to 100 px that stand out from their surroundings in the picture but not in the photo"
_COLORS = (
    "distance between the colours of picture and painting (sliced Wasserstein distance in CIELAB)"
)
_GAINS = Test(
    "improved minus original, at 500 against at 1,000",
    "color_distance",
    ("improved-500", "original-500"),
    LOWER,
    ("improved-1000", "original-1000"),
)

# says, where, how, tests
COMPARED = (
    (
        "The original model leaves specks",
        "Section 4",
        _SPECKS,
        _each("specks", HIGHER, 0.0, "original"),
    ),
    ("The improved model leaves fewer specks", "Section 4", _SPECKS, _both_sizes("specks", LOWER)),
    (
        "The improved model's colours agree better with the painting",
        "Section 4",
        _COLORS,
        _both_sizes("color_distance", LOWER),
    ),
    (
        "This advantage in colour is largest after training on 500 images",
        "Section 4",
        _COLORS,
        (_GAINS,),
    ),
    (
        "The improved model loses rare accent colours, which the original tries to keep",
        "Section 5",
        "share of the painting's minor palette colours that occur in the picture; whether in odd places is not measured",
        _both_sizes("accent_recall", LOWER),
    ),
    (
        "Both models are blurry",
        "Section 5",
        "energy of fine detail in the picture, as a ratio to the photo's and to the painting's: below 1 is blurrier",
        _each("sharpness", LOWER, 1.0, "original", "improved")
        + _each("style_sharpness", LOWER, 1.0, "original", "improved"),
    ),
)
ABLATED = (
    (
        "With VGG16, whites turn into saturated colours",
        "Appendix B",
        "change of saturation where the photo is white (L* > 90), ablation-vgg16 against improved-500",
        _ablation("ablation-vgg16", whites_chroma=HIGHER),
    ),
    (
        "With five ResidualBlocks, blacks and darks turn into scattered saturated colours",
        "Appendix B",
        "change of saturation where the photo is black (L* < 10) or in its darkest quarter, and whether what was darker "
        "stays darker there, ablation-resnet against improved-500",
        _ablation(
            "ablation-resnet", blacks_chroma=HIGHER, shadows_chroma=HIGHER, shadow_order=LOWER
        ),
    ),
    (
        "With the mean/std loss, shadows turn pale and off",
        "Appendix B",
        "change of lightness in the photo's darkest quarter, and whether what was darker stays darker there, ablation-mse "
        "against improved-500",
        _ablation("ablation-mse", shadows_lightness=HIGHER, shadow_order=LOWER),
    ),
)


class Numbers:
    """All measures of the gallery's pairs, read once.

    Args:
        root: as in `gallery.grids.paths`, by default `gallery/rendered`.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or paths.RENDERED
        self._entries = lru_cache(maxsize=None)(self._read)
        self._change = lru_cache(maxsize=None)(self._read_change)

    def _read(self, mode: str, row: str) -> tuple[Entry, ...]:
        grids = (read_grid(mode, style, [row], CONTENTS, self.root) for style in STYLES)
        return tuple(entry for grid in grids for entry in grid.rows[0].cells)

    def rendered(self, mode: str, row: str) -> int:
        """How many pairs have been measured."""
        return sum(bool(entry.numbers) for entry in self._entries(mode, row))

    def values(self, mode: str, row: str, measure: str) -> Values:
        """One for each pair, style by style; NaN where there is none."""
        return np.array([entry.numbers.get(measure, np.nan) for entry in self._entries(mode, row)])

    def change_with_style(self, mode: str, row: str) -> float:
        """How much two paintings' pictures of one photo differ: RMS over pixels, of 255; NaN where no photo has two."""
        return self._change(mode, row)

    def _read_change(self, mode: str, row: str) -> float:
        by_style = np.array(self._entries(mode, row), dtype=object).reshape(
            len(STYLES), len(CONTENTS)
        )
        squares = []
        for column in by_style.T:
            pictures = [
                np.asarray(load_image(entry.picture), np.float32)
                for entry in column
                if entry.picture
            ]
            if len(pictures) > 1:  # the mean square difference of two draws is twice their variance
                squares.append(2 * np.var(pictures, axis=0, ddof=1).mean())
        return float(np.sqrt(np.mean(squares))) if squares else float("nan")

    @cached_property
    def rows(self) -> tuple[str, ...]:
        """Rows of which anything was measured, models first."""
        names = [*MODELS, *paths.CURED, *paths.REFERENCES, paths.ONE_PASS]
        return tuple(name for name in names if any(self.rendered(mode, name) for mode in MODES))


def run(test: Test, mode: str, numbers: Numbers) -> Finding:
    """The finding of one test in one mode."""
    case = f"{test.case}, {mode}"
    rows = [row for side in (test.first, test.second) if isinstance(side, tuple) for row in side]
    if missing := [need for row in rows if (need := _need(row, mode, numbers))]:
        return Finding(case, f"needs {', '.join(dict.fromkeys(missing))}", NOT_YET)
    first, second = (
        _values(side, test.measure, mode, numbers) for side in (test.first, test.second)
    )
    result = compare(first, second, test.direction)
    known = ~(np.isnan(first) | np.isnan(second))
    unit = MEASURES[test.measure].unit
    means = [
        _mean(side, test.measure, values[known])
        for side, values in ((test.first, first), (test.second, second))
    ]
    against = (
        f"{means[0]} against {means[1]} {unit}".strip() if result.pairs else "nothing to measure"
    )
    stubborn = [
        row for row in dict.fromkeys(rows) if numbers.change_with_style(mode, row) < FOLLOWS
    ]
    if not stubborn:
        return Finding(case, f"{against}; {result.summary()}", result.verdict, result.pairs)
    caution = f"{' and '.join(stubborn)} hardly looked at the painting, so photos and paintings also count one by one"
    verdict = (
        result.verdict
        if _one_by_one(first, second, test.direction) == {result.verdict}
        else UNKNOWN
    )
    return Finding(case, f"{against}; {result.summary()}; {caution}", verdict, result.pairs)


def _one_by_one(first: Values, second: Values, direction: str) -> set[str]:
    """The verdicts over photos, their paintings averaged, and over paintings, their photos averaged: eight pairs each.

    Pictures that are the same in all paintings are eight, not 64, and a palette that is always the same is one.
    """
    known = ~(np.isnan(first) | np.isnan(second))
    shape = len(STYLES), len(CONTENTS)
    found = set()
    for axis in (0, 1):
        count = known.reshape(shape).sum(axis=axis)
        ours, theirs = (
            np.where(known, values, 0).reshape(shape).sum(axis=axis) for values in (first, second)
        )
        some = count > 0
        found.add(compare(ours[some] / count[some], theirs[some] / count[some], direction).verdict)
    return found


def _need(row: str, mode: str, numbers: Numbers) -> str:
    """What is missing before a row can be tested; empty where nothing is."""
    if numbers.rendered(mode, row):
        return ""
    return f"the {mode} cells of {row}" if row in checkpoint.available_models() else row


def _values(side: Side, measure: str, mode: str, numbers: Numbers) -> Values:
    if not isinstance(side, tuple):
        return np.full(len(STYLES) * len(CONTENTS), side)
    first, *others = (numbers.values(mode, row, measure) for row in side)
    return first - others[0] if others else first


def _mean(side: Side, measure: str, values: Values) -> str:
    if isinstance(side, tuple) and len(side) == 1:
        return f"{average(measure, values.tolist()):.3g}"
    return f"{values.mean():.3g}" if len(values) else "-"


def claim(says: str, where: str, how: str, tests: Sequence[Test], numbers: Numbers) -> Claim:
    """A claim with its tests in both modes."""
    return Claim(
        says, where, how, tuple(run(test, mode, numbers) for test in tests for mode in MODES)
    )


def picture_sections(numbers: Numbers) -> list[Section]:
    """The claims about pictures: original and improved, then the ablations."""
    texts: Mapping[str, tuple[str, tuple[tuple[str, str, str, tuple[Test, ...]], ...]]] = {
        "Original and improved (原模型, 改进模型)": (
            "What the report sees in appendix A.",
            COMPARED,
        ),
        "Ablations (消融实验)": ("What the report sees in appendix B.", ABLATED),
    }
    return [
        Section(title, text, tuple(claim(*row, numbers) for row in rows))
        for title, (text, rows) in texts.items()
    ]
