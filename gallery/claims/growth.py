"""The report's claims about weight growth (its figure 5), measured on the logs and held-out losses of the models trained here.

    for claim in growth_section().claims:
        print(claim.says, claim.findings)

The law of the growth is explained in `core.analysis.growth_law`; models with and without it are compared in
`core.analysis.heldout_comparison`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.analysis.curves import LogError
from core.analysis.growth_law import SCALE_FREE, GrowthLaw, fit_growth
from core.analysis.heldout import ASIDE
from core.analysis.heldout_comparison import SEEDS, Change, Summary, find_heldout, summarise
from core.analysis.training_logs import read_folder
from core.metrics.paired_test import FAILS, HIGHER, HOLDS, LOWER, UNKNOWN
from core.models import checkpoint
from gallery.claims.pictures import NOT_YET, SIZES, Claim, Finding, Section
from gallery.grids.paths import CURED

GROWN = 1.01  # the factor by which the last quarter of a run must lengthen the weights to be called growth
FASTER = 1.1  # the factor between two growth rates below which one run each cannot tell
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
        log = read_folder(checkpoint.CHECKPOINTS / name)
    except (LogError, OSError):
        return None
    layer = log.layers.get(FIGURE_LAYER)
    law = fit_growth(layer.iterations, layer.rms, log.lr) if layer else None
    if layer is None or law is None:
        return None
    rms = layer.rms
    return Growth(float(rms[0]), float(rms[-1]), float(rms[-1] / rms[len(rms) * 3 // 4]), law)


def _growing() -> Claim:
    findings = []
    for name in (f"{kind}-{size}" for kind in ("original", "improved") for size in SIZES):
        found = grown(name)
        if found is None:
            findings.append(Finding(name, f"needs the training log of {name}", NOT_YET))
            continue
        said = (
            f"RMS from {found.first:.4f} to {found.last:.4f}, times {found.quarter:.3f} in the last quarter of the run; "
            f"c = {found.law.c:.2f}, R² = {found.law.r2:.3f}"
        )
        findings.append(Finding(name, said, HOLDS if found.quarter >= GROWN else FAILS))
    return Claim(
        "The weights keep growing in both models",
        "Figure 5",
        f"RMS at the end of the run over that at three quarters of it; growth goes on where this is {GROWN} or more",
        tuple(findings),
    )


def _faster() -> Claim:
    findings = []
    for size in SIZES:
        names = [f"improved-{size}", f"original-{size}"]
        found = [grown(name) for name in names]
        case = " against ".join(names)
        if missing := [name for name, growth in zip(names, found, strict=True) if growth is None]:
            findings.append(
                Finding(case, f"needs the training log of {', '.join(missing)}", NOT_YET)
            )
            continue
        ours, theirs = (growth.law.c for growth in found if growth)
        verdict = (
            HOLDS if ours >= FASTER * theirs else FAILS if theirs >= FASTER * ours else UNKNOWN
        )
        findings.append(
            Finding(
                case,
                f"c = {ours:.2f} against {theirs:.2f}, a ratio of {ours / theirs:.2f}",
                verdict,
            )
        )
    return Claim(
        "They grow faster in the improved model",
        "Figure 5",
        f"fitted growth rates c of one run each, which must differ by a factor of {FASTER} to tell",
        tuple(findings),
    )


def _better() -> Claim:
    findings, rows = [], [row for row in _held_out() if row.group == ASIDE and row.found]
    for name in CURED:
        found = [row for row in rows if row.name.startswith(name)]
        findings += [
            Finding(_case(row), row.against, of_seeds(row.found), row.pairs) for row in found
        ]
        if not found:
            findings.append(
                Finding(name, f"needs `python -m core.heldout {name} --data data`", NOT_YET)
            )
    return Claim(
        "Growth makes the improved model better (a guess)",
        "Figure 5",
        "content and style loss together, of instant pictures by models whose growth was stopped, against that of the freely "
        "grown one trained alike, on paintings and photos that neither saw; the test is over paintings, and of several seeds "
        "most must agree and none contradict",
        tuple(findings),
    )


def _case(row: Summary) -> str:
    return f"{row.name} against {row.twin}" + (f", {row.seeds} seeds" if row.seeds > 1 else "")


def of_seeds(found: Sequence[Change]) -> str:
    """The verdict on growth, from what stopping it does in each seed: higher losses without it speak for it."""
    clear = [each.clear for each in found]
    for way, against, verdict in ((HIGHER, LOWER, HOLDS), (LOWER, HIGHER, FAILS)):
        if 2 * clear.count(way) > len(clear) and against not in clear:
            return verdict
    return UNKNOWN


def _held_out() -> list[Summary]:
    """Rows of the models, then of the runs for comparison; none where a table is broken."""
    try:
        return summarise(find_heldout(checkpoint.CHECKPOINTS, checkpoint.CHECKPOINTS / SEEDS))
    except LogError:
        return []
