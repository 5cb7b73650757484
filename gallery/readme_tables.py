"""What the tables of the READMEs hold: each by its name, its heads and its rows of text.

    heads, rows = TABLES["models"]()

They are made from the models' cards, the held-out losses and report.json; `gallery.tables` writes
them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
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
    "modulated": "one network, generated norms",
    "mixed": "one network, generated norms and changes of filters",
}
LOSSES = {"mse": "mean/std", "gram": "Gram", "relative": "relative mean/std and Gram"}
QUALITY = ("ssim", "content_share", "gram_share", "mean_std_share", "specks", "color_distance")
Table = tuple[Sequence[str], Iterable[Sequence[str]]]  # heads, rows


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
    heads = ("name", "encoder", "block", "style loss", "images", "channels")
    rows = []
    for name, card in cards().items():
        variant = card.variant
        images = f"{variant.images:,}" if variant.images else "all"
        network, loss = BLOCKS[variant.block], LOSSES[variant.style_loss]
        rows.append((name, variant.encoder.upper(), network, loss, images, str(variant.base)))
    return heads, rows


def training() -> Table:
    """How the shipped models were trained, and to what losses."""
    heads = (
        "model",
        "iterations",
        "paintings seen",
        "style weight",
        "content loss",
        "weighted style loss",
        "style over content",
        "computed in",
        "hours",
    )
    rows = []
    for name, card in cards().items():
        told, losses = card.training, card.training.last_epoch or {}
        content, style = losses.get("content_loss"), losses.get("style_loss")
        rows.append(
            (
                name,
                f"{told.iterations:,}" if told.iterations else "–",
                f"{told.styles_seen:,}" if told.styles_seen else "–",
                f"{told.style_weight:,g}" if told.style_weight else "–",
                number(content),
                number(style),
                number(style / content) if content and style is not None else "–",
                told.dtype or "–",
                number(told.hours),
            )
        )
    return heads, rows


def storage() -> Table:
    """How large the shipped models are, and what storing them costs."""
    heads = (
        "model",
        "parameters, millions",
        "whole, in float32, MB",
        "on disk, MB",
        "moves a picture by, of 1/255 RMS: mean",
        "largest",
    )
    rows = []
    for name, card in cards().items():
        count = sum(card.parameters.values())
        stored = card.weights
        cost = (stored.quantisation if stored else None) or {}
        size = f"{stored.bytes / 1e6:.1f}" if stored else "–"
        rows.append(
            (
                name,
                f"{count / 1e6:.1f}",
                f"{4 * count / 1e6:,.0f}",
                size,
                _short(cost.get("mean")),
                _short(cost.get("largest")),
            )
        )
    return heads, rows


def quality(mode: str) -> Table:
    """Means of measures over the gallery's pairs, from the report."""
    averages = read_report().averages[mode]
    heads = ["model", *map(title_of_column, QUALITY), title_of_column(CHANGE)]
    rows = []
    for name, means in averages.items():
        if name in MODELS:
            rows.append([name, *(number(means.get(key)) for key in (*QUALITY, CHANGE))])
    return heads, rows


# ---- the report's claims ----


def claims() -> Table:
    """Every claim with its tests: of claims about pictures those on refined pictures,
    the report's own way.
    """
    rows = []
    for claim in _claims():
        shown = [finding for finding in claim.findings if not finding.case.endswith(", instant")]
        measured = "<br>".join(
            f"{finding.case.removesuffix(', refined')}: {finding.text}" for finding in shown
        )
        verdicts = "<br>".join(finding.verdict for finding in shown)
        rows.append((claim.says, measured, verdicts))
    return ("the report says", "measured here", "holds?"), rows


def verdicts() -> Table:
    """How the tests of each claim ended, in both modes."""
    rows = []
    for claim in _claims():
        counts = Counter(finding.verdict for finding in claim.findings)
        rows.append((claim.says, *(str(counts[verdict] or "–") for verdict in VERDICTS)))
    return ("the report says", *VERDICTS), rows


# ---- the three methods ----


def methods(timings: Path = TIMINGS) -> Table:
    """What the report's three methods and flagship cost for a painting and for a photo,
    as multiples of one pass of the MetaNet's TransformNet over a photo.
    """
    found = read_json(timings).get("methods", {})
    seconds = {name: median(each) for name, each in found.items()}
    unit = seconds.get(f"{timed.INSTANT} {timed.PHOTO}")
    times = {name: _multiple(each / unit) for name, each in seconds.items()} if unit else {}

    def costs(method: str, task: str) -> str:
        return times.get(f"{method} {task}", "–")

    photo = costs(timed.INSTANT, timed.PHOTO)
    return ("method", "a new painting", "a new photo", "what is kept of a painting"), [
        (
            f"1, Gatys: {STEPS} steps of optimising the picture",
            "nothing beforehand",
            costs(timed.GATYS, timed.PHOTO),
            "nothing",
        ),
        (
            f"2, Johnson: a network for it, {ITERATIONS} batches",
            costs(timed.JOHNSON, timed.PAINTING),
            costs(timed.JOHNSON, timed.PHOTO),
            "a network",
        ),
        (
            f"3, a MetaNet ({timed.META_NET}), instant",
            costs(timed.INSTANT, timed.PAINTING),
            photo,
            "its filters",
        ),
        (
            f"3, refined by {REFINE_BATCHES} batches",
            costs(timed.REFINED, timed.PAINTING),
            photo,
            "its filters",
        ),
        (
            FLAGSHIP.name,
            costs(FLAGSHIP.name, timed.PAINTING),
            costs(FLAGSHIP.name, timed.PHOTO),
            "its norms",
        ),
    ]


def _multiple(times: float) -> str:
    """Two significant digits below ten, whole numbers above."""
    return f"{times:,.0f}" if times >= 10 else f"{times:.2g}"


# ---- weight growth ----


def growth() -> Table:
    """How the weights of the report's four models grew."""
    heads = ("model", "RMS, first", "last", "growth", "c, fitted", "R² of the law")
    keep_growing = _claims("Weight growth")[0]
    rows = []
    for finding in keep_growing.findings:
        told = finding.values
        if not told:
            continue
        first, last = told["first RMS"], told["last RMS"]
        fitted = (f"× {last / first:.2f}", f"{told['c']:.2f}", f"{told['R²']:.3f}")
        rows.append((finding.case, f"{first:.4f}", f"{last:.4f}", *fitted))
    return heads, rows


def mitigations() -> Table:
    """What stopping the growth does to held-out losses."""
    heads = (
        "trained without growth",
        "both losses, against free growth",
        "tests",
        "growth does good?",
    )
    better = _claims("Weight growth")[-1]
    rows = [(each.case, each.text, each.tested, each.verdict) for each in better.findings]
    return heads, rows


def heldout() -> Table:
    """Held-out losses of the study of weight growth,
    on the paintings held out of the training data.

    Raises:
        LogError: a table of losses is broken.
    """
    heads = ("model", "runs", "growth", "content loss", "style loss", "both")
    rows = []
    for row in summarise(find_heldout(model_store().folder / SEEDS)):
        if row.group == DATA:
            means = [row.means[key] for key in ("own_content_loss", "own_style_loss", "own_loss")]
            grown = f"× {_range(row.growth)}" if row.growth else "–"
            rows.append((row.label, str(row.seeds), grown, *map(_range, means)))
    return heads, rows


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
