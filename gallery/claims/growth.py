"""The report's claims about weight growth (figure 5), measured on logs and held-out losses.

    for claim in growth_section().claims:
        print(claim.says, claim.findings)

`core.analysis.growth_law` explains the law; `core.analysis.heldout_comparison` compares models
with and without growth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.analysis.curves import LogError
from core.analysis.growth_law import SCALE_FREE, GrowthLaw, fit_growth
from core.analysis.heldout_comparison import SEEDS, Change, Summary, find_heldout, summarise
from core.analysis.heldout_losses import DATA
from core.analysis.training_logs import read_folder
from core.inference.model_store import model_store
from core.metrics.paired_test import FAILS, HIGHER, HOLDS, LOWER, UNKNOWN
from core.training.weight_growth import FREE, GROWTH
from gallery.claims.finding import SIZES, Claim, Finding, Section, needs
from gallery.claims.pictures import width_caution

GROWN = 1.01  # the factor by which the last quarter of a run must lengthen the weights to be called growth
FASTER = 1.1  # the factor between two growth rates below which one run each cannot tell
IMPROVED = "improved-500"
FIGURE_LAYER = SCALE_FREE[0]


def growth_section() -> Section:
    """That weights grow, faster in the improved model, and make it better."""
    text = (
        f"`{FIGURE_LAYER}`, the layer of the report's figure 5. Its root mean square (RMS) is fitted by "
        "RMS² = w₀² + (c · lr)² · t after t iterations (`core/analysis/growth_law.py`): c says how fast Adam's steps add up, in "
        "units of the learning rate lr."
    )
    return Section("Weight growth", text, (_growing(), _faster(), _better()))


@dataclass(frozen=True)
class Growth:
    """How the figure's layer grew in one run.

    Attributes:
        first, last: its RMS.
        quarter: the factor by which the last quarter of the run lengthened it.
        law: as fitted.
    """

    first: float
    last: float
    quarter: float
    law: GrowthLaw


def grown(name: str) -> Growth | None:
    """The growth in the log of a trained model; None where there is no such log."""
    try:
        log = read_folder(model_store().folder / name)
    except (LogError, OSError):
        return None
    layer = log.layers.get(FIGURE_LAYER)
    law = fit_growth(layer.iterations, layer.rms, log.lr) if layer else None
    if layer is None or law is None:
        return None
    rms = layer.rms
    return Growth(float(rms[0]), float(rms[-1]), float(rms[-1] / rms[len(rms) * 3 // 4]), law)


def _growing() -> Claim:
    names = [f"{kind}-{size}" for kind in ("original", "improved") for size in SIZES]
    return Claim(
        "The weights keep growing in both models",
        "Figure 5",
        f"RMS at the end of the run over that at three quarters of it; growth goes on where this is {GROWN} or more",
        tuple(map(_keeps_growing, names)),
    )


def _keeps_growing(name: str) -> Finding:
    found = grown(name)
    if found is None:
        return needs(name, f"the training log of {name}")
    values = {
        "first RMS": found.first,
        "last RMS": found.last,
        "last quarter": found.quarter,
        "c": found.law.c,
        "R²": found.law.r2,
    }
    text = (
        f"RMS from {found.first:.4f} to {found.last:.4f}, times {found.quarter:.3f} in the last quarter of the run; "
        f"c = {found.law.c:.2f}, R² = {found.law.r2:.3f}"
    )
    return Finding(name, HOLDS if found.quarter >= GROWN else FAILS, text, values)


def _faster() -> Claim:
    return Claim(
        "They grow faster in the improved model",
        "Figure 5",
        f"fitted growth rates c of one run each, which must differ by a factor of {FASTER} to tell",
        tuple(map(_grows_faster, SIZES)),
    )


def _grows_faster(size: str) -> Finding:
    improved, original = f"improved-{size}", f"original-{size}"
    case = f"{improved} against {original}"
    ours, theirs = grown(improved), grown(original)
    if ours is None or theirs is None:
        without = [name for name, found in ((improved, ours), (original, theirs)) if found is None]
        return needs(case, f"the training log of {', '.join(without)}")
    ratio = ours.law.c / theirs.law.c
    verdict = HOLDS if ratio >= FASTER else FAILS if ratio <= 1 / FASTER else UNKNOWN
    text = f"c = {ours.law.c:.2f} against {theirs.law.c:.2f}, a ratio of {ratio:.2f}"
    values = {improved: ours.law.c, original: theirs.law.c, "ratio": ratio}
    caution = width_caution((improved, original))
    return Finding(case, UNKNOWN if caution else verdict, text, values, caution=caution)


def _better() -> Claim:
    rows = [row for row in _held_out() if row.settings.kind == IMPROVED and row.group == DATA]
    findings = []
    for growth in GROWTH:
        alike = [row for row in rows if row.settings.growth == growth and row.changes]
        found = [_mitigated(row) for row in alike]
        if growth != FREE and not found:
            training = f"`python -m core.train {IMPROVED} --growth {growth}`"
            found.append(needs(growth, f"{training} and `python -m core.heldout`"))
        findings += found
    return Claim(
        "Growth makes the improved model better (a guess)",
        "Figure 5",
        "content and style loss together, of instant pictures by models whose growth was stopped, against that of the freely "
        "grown one trained alike, on paintings and photos that neither saw; the test is over paintings, and of several seeds "
        "most must agree and none contradict",
        tuple(findings),
    )


def _mitigated(row: Summary) -> Finding:
    """What stopping the growth did in a model, for each seed."""
    seeds = f"; {row.seeds} seeds" if row.seeds > 1 else ""
    values = {f"change {number}": each.change for number, each in enumerate(row.changes, start=1)}
    case, verdict = f"{row.label} against free growth{seeds}", of_seeds(row.changes)
    return Finding(case, verdict, row.difference, values, over=row.test, pairs=row.pairs)


def of_seeds(changes: Sequence[Change]) -> str:
    """The verdict on growth, from what stopping it does in each seed:
    higher losses without it speak for it.
    """
    clear = [each.clear for each in changes]
    for way, against, verdict in ((HIGHER, LOWER, HOLDS), (LOWER, HIGHER, FAILS)):
        if 2 * clear.count(way) > len(clear) and against not in clear:
            return verdict
    return UNKNOWN


def _held_out() -> list[Summary]:
    """Rows of the models, then of the runs for comparison; none where a table is broken."""
    try:
        folder = model_store().folder
        return summarise(find_heldout(folder, folder / SEEDS))
    except LogError:
        return []
