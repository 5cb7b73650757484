"""What the tables of the READMEs hold: each by its name, a list of rows, texts by their heads.

    rows = TABLES["models"]()

They are made from the models' cards, held-out losses and report.json; `gallery.tables` writes them.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median

from core.analysis.heldout_comparison import SEEDS, Mean, find_heldout, summarise
from core.analysis.heldout_losses import DATA
from core.baselines.gatys import STEPS
from core.baselines.johnson import ITERATIONS
from core.commandline import UserError
from core.files import read_json
from core.inference.model_store import model_store
from core.models.model_card import ModelCard
from core.models.registry import FLAGSHIP, MODELS
from core.training.refine import REFINE_BATCHES
from gallery import report
from gallery import timed_methods as timed
from gallery.claims.finding import Claim
from gallery.report import CHANGE, VERDICTS, Report, number, title_of_column
from gallery.timing import TIMINGS

BLOCKS = {
    "resnet": "five ResidualBlocks",
    "resnext": "one ResNeXtBlock, 32 branches",
    "mixed": "one network; norms and changes of filters generated",
}
LOSSES = {"mse": "mean/std", "gram": "Gram", "relative": "relative mean/std and Gram"}
QUALITY = ("ssim", "content_share", "gram_share", "mean_std_share", "specks", "color_distance")
Table = list[dict[str, str]]  # rows, each with the same heads


class TableError(UserError):
    """A README or what a table is made of is not as it should be."""


# ---- what is known ----


def cards() -> dict[str, ModelCard]:
    """The cards of the shipped models, in the registry's order."""
    store = model_store()
    return {name: store.card(name) for name in store.names()}


def read_report() -> Report:
    """What `gallery.report` wrote.

    Raises:
        TableError: there is no report.
    """
    try:
        return report.from_json(report.DATA.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TableError("There is no report yet: run python -m gallery.report first.") from error


def _claims(*titles: str) -> list[Claim]:
    """The claims of these sections of the report, of all sections without a title."""
    wanted = [s for s in read_report().sections if not titles or s.title in titles]
    return [claim for section in wanted for claim in section.claims]


# ---- the models ----


def models() -> Table:
    """What distinguishes the shipped models."""
    variants = {name: card.variant for name, card in cards().items()}
    return [
        {
            "name": name,
            "encoder": variant.encoder.upper(),
            "block": BLOCKS[variant.block],
            "style loss": LOSSES[variant.style_loss],
            "images": f"{variant.images:,}" if variant.images else "all",
            "channels": str(variant.base),
        }
        for name, variant in variants.items()
    ]


def training() -> Table:
    """How the shipped models were trained, and to what losses."""
    rows = []
    for name, card in cards().items():
        told, losses = card.training, card.training.last_epoch or {}
        content, style = losses.get("content_loss"), losses.get("style_loss")
        ratio = style / content if content and style is not None else None
        rows.append(
            {
                "model": name,
                "iterations": f"{told.iterations:,}" if told.iterations else "–",
                "paintings seen": f"{told.styles_seen:,}" if told.styles_seen else "–",
                "style weight": f"{told.style_weight:,g}" if told.style_weight else "–",
                "content loss": number(content),
                "weighted style loss": number(style),
                "style over content": number(ratio),
                "computed in": told.dtype or "–",
                "hours": number(told.hours),
            }
        )
    return rows


def storage() -> Table:
    """How large the shipped models are, and what storing them costs."""
    rows = []
    for name, card in cards().items():
        count = sum(card.parameters.values())
        stored = card.weights
        cost = (stored.quantisation if stored else None) or {}
        rows.append(
            {
                "model": name,
                "parameters, millions": f"{count / 1e6:.1f}",
                "whole, in float32, MB": f"{4 * count / 1e6:,.0f}",
                "on disk, MB": f"{stored.bytes / 1e6:.1f}" if stored else "–",
                "moves a picture by, of 1/255 RMS: mean": _short(cost.get("mean")),
                "largest": _short(cost.get("largest")),
            }
        )
    return rows


def quality(mode: str) -> Table:
    """Means of measures over the gallery's pairs, from the report."""
    averages = read_report().averages[mode]
    models = {name: means for name, means in averages.items() if name in MODELS}
    shown = {key: title_of_column(key) for key in (*QUALITY, CHANGE)}
    return [
        {"model": name} | {title: number(means.get(key)) for key, title in shown.items()}
        for name, means in models.items()
    ]


# ---- the report's claims ----


def claims() -> Table:
    """Every claim with its tests, those about pictures on refined ones, the report's way."""
    rows = []
    for claim in _claims():
        shown = [finding for finding in claim.findings if not finding.case.endswith(", instant")]
        measured = [f"{each.case.removesuffix(', refined')}: {each.text}" for each in shown]
        rows.append(
            {
                "the report says": claim.says,
                "measured here": "<br>".join(measured),
                "holds?": "<br>".join(finding.verdict for finding in shown),
            }
        )
    return rows


def verdicts() -> Table:
    """How the tests of each claim ended, in both modes."""
    rows = []
    for claim in _claims():
        counts = Counter(finding.verdict for finding in claim.findings)
        ended = {verdict: str(counts[verdict] or "–") for verdict in VERDICTS}
        rows.append({"the report says": claim.says} | ended)
    return rows


# ---- the three methods ----


def methods(timings: Path = TIMINGS) -> Table:
    """What the report's three methods and flagship cost for a painting and for a photo,
    as multiples of one pass of the MetaNet's TransformNet over a photo.
    """
    found = read_json(timings).get("methods", {})
    seconds = {name: median(each) for name, each in found.items()}
    unit = seconds.get(f"{timed.INSTANT} {timed.PHOTO}")
    times = {name: _multiple(each / unit) for name, each in seconds.items()} if unit else {}
    times[f"{timed.GATYS} {timed.PAINTING}"] = "nothing beforehand"
    times[f"{timed.REFINED} {timed.PHOTO}"] = times.get(f"{timed.INSTANT} {timed.PHOTO}", "–")
    kept = (
        (f"1, Gatys: {STEPS} steps of optimising the picture", timed.GATYS, "nothing"),
        (f"2, Johnson: a network for it, {ITERATIONS} batches", timed.JOHNSON, "a network"),
        (f"3, a MetaNet ({timed.META_NET}), instant", timed.INSTANT, "its filters"),
        (f"3, refined by {REFINE_BATCHES} batches", timed.REFINED, "its filters"),
        (FLAGSHIP.name, FLAGSHIP.name, "its norms and changes of filters"),
    )
    return [
        {
            "method": title,
            "a new painting": times.get(f"{method} {timed.PAINTING}", "–"),
            "a new photo": times.get(f"{method} {timed.PHOTO}", "–"),
            "what is kept of a painting": what,
        }
        for title, method, what in kept
    ]


def _multiple(times: float) -> str:
    """Two significant digits below ten, whole numbers above."""
    return f"{times:,.0f}" if times >= 10 else f"{times:.2g}"


# ---- weight growth ----


def growth() -> Table:
    """How the weights of the report's four models grew."""
    keep_growing = _claims("Weight growth")[0]
    found = {each.case: each.values for each in keep_growing.findings if each.values}
    return [
        {
            "model": name,
            "RMS, first": f"{told['first RMS']:.4f}",
            "last": f"{told['last RMS']:.4f}",
            "growth": f"× {told['last RMS'] / told['first RMS']:.2f}",
            "c, fitted": f"{told['c']:.2f}",
            "R² of the law": f"{told['R²']:.3f}",
        }
        for name, told in found.items()
    ]


def mitigations() -> Table:
    """What stopping the growth does to held-out losses."""
    return [
        {
            "trained without growth": each.case,
            "both losses, against free growth": each.text,
            "tests": each.tested,
            "growth does good?": each.verdict,
        }
        for each in _claims("Weight growth")[-1].findings
    ]


def heldout() -> Table:
    """Losses of the study of weight growth, on the paintings held out of the training data.

    Raises:
        LogError: a table of losses is broken.
    """
    return [
        {
            "model": row.label,
            "runs": str(row.seeds),
            "growth": f"× {_range(row.growth)}" if row.growth else "–",
            "content loss": _range(row.means["own_content_loss"]),
            "style loss": _range(row.means["own_style_loss"]),
            "both": _range(row.means["own_loss"]),
        }
        for row in summarise(find_heldout(model_store().folder / SEEDS))
        if row.group == DATA
    ]


def _range(mean: Mean) -> str:
    """Three digits; over several seeds with the lowest and the highest."""
    spread = "" if mean.low == mean.high else f" ({mean.low:#.3g} to {mean.high:#.3g})"
    return f"{mean.value:#.3g}{spread}"


def _short(value: float | None) -> str:
    """Two significant digits, a dash for none."""
    return "–" if value is None else f"{value:.2g}"


TABLES: dict[str, Callable[[], Table]] = {
    "models": models,
    "training": training,
    "storage": storage,
    "quality-instant": lambda: quality("instant"),
    "quality-refined": lambda: quality("refined"),
    "claims": claims,
    "verdicts": verdicts,
    "methods": methods,
    "growth": growth,
    "mitigations": mitigations,
    "heldout": heldout,
}
