"""The report's claims about pictures, each put to a paired test over the gallery's pairs.

    numbers = Numbers()
    section = picture_sections(numbers)[0]
    section.claims[0].findings[0].verdict        # holds | does not hold | cannot be told | not measured yet

What is compared is in the tables below; the measures are those of `core.metrics.features`, the test
that of `core.metrics.paired_test`.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import pandas as pd

from core.inference.model_store import model_store
from core.metrics.features import MEASURES, average
from core.metrics.paired_test import HIGHER, LOWER, UNKNOWN, compare
from core.models.registry import VARIANTS
from core.models.weights import WeightsError
from gallery.claims.finding import SIZES, Claim, Finding, Section, needs
from gallery.claims.numbers import Numbers
from gallery.grids.paths import APPENDICES, MODES

MIN_CHANGE = 10.0  # of 255: below it, a photo looks nearly the same in all paintings


@dataclass(frozen=True)
class Side:
    """One side of a test: the pictures of a row of the gallery.

    Attributes:
        minus: another row, which is subtracted pair by pair; empty for the row itself.
    """

    name: str
    minus: str = ""

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows of the gallery that it is about."""
        return (self.name, self.minus) if self.minus else (self.name,)

    def values(self, measure: str, mode: str, numbers: Numbers) -> pd.Series:
        """One for each pair; NaN where a row has none."""
        ours = numbers.values(mode, self.name, measure)
        return ours - numbers.values(mode, self.minus, measure) if self.minus else ours

    def mean(self, measure: str, values: pd.Series) -> float:
        """Of a part of the values: geometric for shares and ratios,
        arithmetic for differences, which may be negative.
        """
        return float(values.mean()) if self.minus else average(measure, values.tolist())

    def __str__(self) -> str:
        return " minus ".join(self.rows)


@dataclass(frozen=True)
class Test:
    """That a measure is lower or higher on one side than on the other.

    Attributes:
        case: which models; the mode is added.
        measure: a name of `core.metrics.features.MEASURES`.
        direction: `lower` or `higher`, as the report says of the first side.
        second: a row, or the same number for all pairs, as 1 where ratios are said to be below it.
    """

    __test__ = False  # for pytest, which takes the name for one of its own

    case: str
    measure: str
    first: Side
    direction: str
    second: Side | float

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows of the gallery that it is about, each once."""
        others = self.second.rows if isinstance(self.second, Side) else ()
        return tuple(dict.fromkeys((*self.first.rows, *others)))


def _both_sizes(measure: str) -> tuple[Test, ...]:
    """Lower in improved than in original, trained on 500 and on 1,000 images."""
    pairs = [(f"improved-{size}", f"original-{size}") for size in SIZES]
    return tuple(
        Test(f"{ours} against {theirs}", measure, Side(ours), LOWER, Side(theirs))
        for ours, theirs in pairs
    )


def _each(measure: str, direction: str, than: float, *names: str) -> tuple[Test, ...]:
    """Models of both sizes against a number."""
    title = MEASURES[measure].title.lower()
    rows = [f"{name}-{size}" for name in names for size in SIZES]
    return tuple(Test(f"{row}, {title}", measure, Side(row), direction, than) for row in rows)


def _ablation(row: str, **directions: str) -> tuple[Test, ...]:
    """An ablated model against improved-500, in several measures."""
    return tuple(
        Test(MEASURES[measure].title, measure, Side(row), direction, Side("improved-500"))
        for measure, direction in directions.items()
    )


_SPECKS = "connected blobs of 2 to 100 px that stand out from their surroundings in the picture but not in the photo"
_COLORS = (
    "distance between the colours of picture and painting (sliced Wasserstein distance in CIELAB)"
)
_GAINS = Test(
    "improved minus original, at 500 against at 1,000",
    "color_distance",
    Side("improved-500", minus="original-500"),
    LOWER,
    Side("improved-1000", minus="original-1000"),
)

# says, where, how, tests
COMPARED = (
    (
        "The original model leaves specks",
        "Section 4",
        _SPECKS,
        _each("specks", HIGHER, 0.0, "original"),
    ),
    ("The improved model leaves fewer specks", "Section 4", _SPECKS, _both_sizes("specks")),
    (
        "The improved model leaves no specks",
        "Section 4",
        f"{_SPECKS}: less than one in a megapixel, fifteen pictures of the gallery",
        _each("specks", LOWER, 1.0, "improved"),
    ),
    (
        "The improved model's colours agree better with the painting",
        "Section 4",
        _COLORS,
        _both_sizes("color_distance"),
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
        _both_sizes("accent_recall"),
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


def run(test: Test, mode: str, numbers: Numbers) -> Finding:
    """The finding of one test in one mode: what is missing, or the measures and a verdict."""
    case = f"{test.case}, {mode}"
    missing = [_need(row, mode, numbers) for row in test.rows if not numbers.rendered(mode, row)]
    if missing:
        return needs(case, *missing)
    first, second = test.first.values(test.measure, mode, numbers), test.second
    other = second.values(test.measure, mode, numbers) if isinstance(second, Side) else second
    pairs = pd.DataFrame({"first": first, "second": other}).dropna()
    if pairs.empty:
        return Finding(case, UNKNOWN, "nothing to measure", pairs=0)
    result = compare(pairs["first"], pairs["second"], test.direction)
    ours = test.first.mean(test.measure, pairs["first"])
    theirs = second.mean(test.measure, pairs["second"]) if isinstance(second, Side) else second
    same = [row for row in test.rows if numbers.change_with_style(mode, row) < MIN_CHANGE]
    verdict, caution = result.verdict, ""
    if same:
        caution = f"{' and '.join(same)} hardly looked at the painting, so photos and paintings also count one by one"
        if verdicts_one_by_one(pairs, test.direction) != {verdict}:
            verdict = UNKNOWN
    if uneven := width_caution(test.rows):
        caution, verdict = uneven, UNKNOWN
    text = f"{ours:.3g} against {theirs:.3g} {MEASURES[test.measure].unit}".strip()
    sides = str(test.first), str(second) if isinstance(second, Side) else f"{second:g}"
    values = dict(zip(sides, (ours, theirs), strict=True))
    return Finding(case, verdict, text, values, result, caution=caution, pairs=result.pairs)


def width_caution(rows: Iterable[str]) -> str:
    """That those of the rows which are the report's models have not all as many channels;
    empty where they have.
    """
    channels = set()
    for row in set(rows) & set(VARIANTS):
        with suppress(WeightsError):  # of a row whose cells are there without its model
            channels.add(model_store().card(row).variant.base)
    if len(channels) < 2:
        return ""
    low, high = min(channels), max(channels)
    return (
        f"the models are not of one width ({low} to {high} channels), which may be the difference"
    )


def _need(row: str, mode: str, numbers: Numbers) -> str:
    """What is missing before a row can be tested."""
    return f"the {mode} cells of {row}" if row in model_store().names() else row


def verdicts_one_by_one(pairs: pd.DataFrame, direction: str) -> set[str]:
    """The verdicts over photos, their paintings averaged, and over paintings,
    their photos averaged: eight pairs each.

    Pictures that are the same in all paintings are eight, not 64,
    and a palette that is always the same is one.

    Args:
        pairs: `first` and `second`, by `style` and `content`.
    """
    each = [pairs.groupby(level, sort=False).mean() for level in ("content", "style")]
    return {compare(means["first"], means["second"], direction).verdict for means in each}


def picture_sections(numbers: Numbers) -> list[Section]:
    """The claims about pictures, each tested in both modes: original and improved, then the ablations."""
    sections = []
    for appendix, rows in (("A", COMPARED), ("B", ABLATED)):
        claims = []
        for says, where, how, tests in rows:
            findings = [run(test, mode, numbers) for test in tests for mode in MODES]
            claims.append(Claim(says, where, how, tuple(findings)))
        text = f"What the report sees in appendix {appendix}."
        sections.append(Section(APPENDICES[appendix].title, text, tuple(claims)))
    return sections
