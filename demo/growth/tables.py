"""The tables of the tab Weight growth, as HTML: fitted growth rates, and held-out losses with and without growth."""

import math
from collections.abc import Sequence
from statistics import fmean

from core.analysis.curves import LogError
from core.analysis.growth_law import fit_growth, scale_free
from core.analysis.heldout_comparison import SEEDS, SHOWN, Mean, Summary, find_heldout, summarise
from core.analysis.heldout_losses import DATA, GALLERY
from core.inference.model_store import model_store
from demo.growth import text
from demo.growth.logs import Source, read
from demo.shared import messages
from demo.shared.templates import macros

_HTML = macros("growth/tables.html")

# ---- what the page says ----


def laws(chosen: Sequence[Source], layer: str) -> str:
    """The table of fitted growth rates, as HTML."""
    rows = []
    for source in chosen:
        log = read(source)
        found = log.layers.get(layer)
        law = fit_growth(found.iterations, found.rms, log.lr) if found else None
        if found and law:
            last = float(found.rms[-1])
            rows.append(
                {
                    "model": source.title,
                    "iteration": f"{found.iterations[-1]:,.0f}",
                    "RMS, first → last": f"{law.w0:.4f} → {last:.4f}",
                    "growth": f"× {last / law.w0:.2f}" if law.w0 else "–",
                    "c, fitted": _number(law.c),
                    "R²": _number(law.r2),
                    "R² of the law with c = 1": _number(law.r2_unit),
                }
            )
    if not rows:
        return ""
    cells = [[*row.values()] for row in rows]
    return str(_HTML.laws([*rows[0]], cells, text.TABLE_NOTE, scale_free(layer)))


def heldout() -> str:
    """What stopping the growth does to held-out losses, as HTML."""
    try:
        folder = model_store().folder
        rows = summarise(find_heldout(folder, folder / SEEDS))
    except LogError as error:
        return messages.problem(error)
    if not rows:
        return messages.notice(text.NO_HELDOUT)
    rows.sort(key=lambda row: row.seeds > 1)  # stable: runs over seeds after all others
    groups = []
    for group in (DATA, GALLERY):
        if found := [row for row in rows if row.group == group]:
            pairs = " or ".join(str(count) for count in sorted({row.pairs for row in found}))
            title = f"{text.GROUPS[group]} {pairs} pairs"
            groups.append((title, [_heldout_row(row) for row in found]))
    heads = ["model", text.AGAINST, "growth", *(text.HELDOUT_TITLES[name] for name in SHOWN)]
    return str(_HTML.heldout(answer(rows), groups, heads, text.HELDOUT_NOTE))


def answer(rows: Sequence[Summary]) -> str:
    """What runs over several seeds say of each way to stop the growth, on held-out paintings; empty without such runs.

    Changes over the seeds are averaged as they are, and given with the lowest and the highest.
    """
    found = [row for row in rows if row.group == DATA and len(row.changes) > 1]
    changes = {row.mitigation: [each.change for each in row.changes] for row in found}
    if not changes:
        return ""
    ways = {fmean(each) < 0 for each in changes.values()}
    said = {way: _change(each) for way, each in changes.items()}
    verdict = text.VERDICTS[frozenset(ways)]
    return str(_HTML.answer(text.ANSWER, said, verdict, text.FEW_SEEDS))


def _change(changes: Sequence[float]) -> str:
    mean = fmean(changes)
    way = "lower" if mean < 0 else "higher"
    agree = sum((change < 0) == (mean < 0) for change in changes)
    spread = f"{100 * min(changes):+.1f} to {100 * max(changes):+.1f} %".replace("-", "−")
    return f"{100 * abs(mean):.1f} % {way} on average ({spread}), {way} in {agree} of {len(changes)} seeds"


def _heldout_row(row: Summary) -> list[str]:
    name = row.label if row.seeds == 1 else f"{row.label}\n{row.seeds} seeds"
    growth = "–" if row.growth is None else f"× {_range(row.growth)}"
    return [name, row.against or "–", growth, *(_range(row.means[key]) for key in SHOWN)]


def _range(mean: Mean) -> str:
    """Three digits; over several seeds with the lowest and the highest in a second line."""
    spread = "" if mean.low == mean.high else f"\n{mean.low:#.3g} – {mean.high:#.3g}"
    return f"{mean.value:#.3g}{spread}"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
