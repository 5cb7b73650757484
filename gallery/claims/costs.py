"""The report's claims about time and size, measured on this project's networks.

    for claim in cost_section().claims:
        print(claim.says, claim.findings)

Times come from `gallery.timing` (all networks in one run), sizes from counting weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from core.files import read_json
from core.inference.model_store import model_store
from core.metrics.paired_test import FAILS, HOLDS, UNKNOWN
from core.models.model_card import WeightsCard
from core.models.registry import REPORT_BASE, VARIANTS, parameter_counts
from core.models.weights import WeightsError
from core.training.log_writer import read_rows
from gallery import timing
from gallery.claims.finding import NOT_CLAIMED, NOT_YET, SIZES, Claim, Finding, Section, needs

ORIGINAL, IMPROVED = timing.COMPARED
# What the report gives, improved over original: 35/22 and 80/50 min, 13/9 min, 647/850 MB.
EPOCH, PAINTING, SIZE = 1.6, 1.44, 0.76
TOLERANCE = 1.25  # the factor within which a ratio is the report's
REPORT_MB = 1_024_000  # bytes: the unit in which the report's sizes come out
STORED = "as stored here"


def same_ratio(ratios: Sequence[float], said: float) -> str:
    """Whether ratios of one run, round by round, are about what the report says.

    Returns:
        `holds` where the middle half of them lies within a factor of 1.25 of it, `does not hold`
        where none of that half does, else `cannot be told`.
    """
    low, high = np.quantile(ratios, (0.25, 0.75))
    if low >= said / TOLERANCE and high <= said * TOLERANCE:
        return HOLDS
    return FAILS if high < said / TOLERANCE or low > said * TOLERANCE else UNKNOWN


def cost_section(timings: Path = timing.TIMINGS) -> Section:
    """Time and size; `timings` is what `gallery.timing` wrote, if it did."""
    found = read_json(timings)
    claims = (_epoch(found), _doubling(), _painting(found), _sizes())
    return Section("Time and size", _conditions(found), claims)


def _conditions(found: Mapping[str, Any]) -> str:
    if not found:
        return "Times were not measured yet: run `python -m gallery.timing`."
    return (
        f"Timed on {found['device']} in {found['dtype']} with {found['threads']} threads: batches of {found['batch']} crops "
        f"of {found['crop']} px, all networks taking turns in one run. Networks have base {found['base']}, the report's "
        f"had base {REPORT_BASE}. A ratio holds where the middle half of its rounds is within a factor of {TOLERANCE} of the "
        "report's."
    )


def _timed(
    found: Mapping[str, Any], kind: str, of: str, to: str, said: float, unit: str
) -> Finding:
    case = f"{of} against {to}"
    seconds = found.get(kind, {})
    if not (seconds.get(of) and seconds.get(to)):
        return needs(case, "`python -m gallery.timing`")
    ratios = [ours / theirs for ours, theirs in zip(seconds[of], seconds[to], strict=True)]
    rounds = f"median of {len(ratios)} rounds" if len(ratios) > 1 else "one round"
    values = {of: median(seconds[of]), to: median(seconds[to]), "ratio": median(ratios)}
    times = f"{values[of]:.3g} against {values[to]:.3g} s {unit}"
    text = f"{times}, {values['ratio']:.2f} times as long ({rounds})"
    return Finding(case, same_ratio(ratios, said), text, values)


def _compared(found: Mapping[str, Any], kind: str, said: float, unit: str) -> list[Finding]:
    """Improved against original in float32; in the faster precision, where there is one, without
    a verdict, as the report knows nothing of it.
    """
    findings = [_timed(found, kind, IMPROVED, ORIGINAL, said, unit)]
    fast = found.get("fast", {})
    if kind in fast:
        timed = _timed(fast, kind, IMPROVED, ORIGINAL, said, unit)
        case = f"{timed.case}, in {fast['dtype']}"
        findings.append(replace(timed, case=case, verdict=NOT_CLAIMED))
    return findings


def _epoch(found: Mapping[str, Any]) -> Claim:
    findings = _compared(found, "iteration", EPOCH, "per iteration")
    for name in timing.CONTENDERS:
        if name in timing.COMPARED:
            continue
        timed = _timed(found, "iteration", name, ORIGINAL, EPOCH, "per iteration")
        if timed.verdict != NOT_YET:  # the report does not time these: shown without a verdict
            findings.append(replace(timed, verdict=NOT_CLAIMED))
    return Claim(
        "An epoch of the improved model takes about 1.6 times as long as the original's (35 against 22 min, 80 against 50)",
        "Table 1",
        "seconds per iteration, as every epoch of one set has as many iterations in all models",
        tuple(findings),
    )


def _doubling() -> Claim:
    findings = []
    for kind in ("original", "improved"):
        names = [f"{kind}-{size}" for size in SIZES]
        counts = [_per_epoch(name) for name in names]
        missing = [name for name, count in zip(names, counts, strict=True) if not count]
        case = f"{names[1]} against {names[0]}"
        if missing:
            findings.append(needs(case, *missing))
            continue
        ratio = counts[1] / counts[0]
        text = f"{counts[1]} against {counts[0]} iterations an epoch, {ratio:.2f} times as many of the same step"
        values = {names[1]: counts[1], names[0]: counts[0], "ratio": ratio}
        findings.append(Finding(case, same_ratio([ratio], 2.0), text, values))
    return Claim(
        "Twice the images make an epoch twice as long",
        "Table 1",
        "iterations per epoch in the training logs; an iteration does the same work whatever the set",
        tuple(findings),
    )


def _per_epoch(name: str) -> int:
    return sum(row["epoch"] == "0" for row in read_rows(model_store().folder / name / "log.csv"))


def _painting(found: Mapping[str, Any]) -> Claim:
    unit = f"for {found.get('refining_batches')} batches"
    return Claim(
        "Refining on one painting takes 12 to 14 minutes in the improved model, 8 to 10 in the original (1.44 times)",
        "Section 4",
        "seconds for one painting, refined by 20 batches",
        tuple(_compared(found, "refining", PAINTING, unit)),
    )


def _sizes() -> Claim:
    whole = {name: 4 * _parameters(name) / REPORT_MB for name in (IMPROVED, ORIGINAL)}
    unit = f"units of {REPORT_MB:,} bytes in float32"
    findings = [_size_ratio(f"base {REPORT_BASE}, whole", whole, unit)]
    models = (IMPROVED, ORIGINAL)
    stored = {name: weights for name in models if (weights := _stored(name)) and weights.bytes}
    if missing := [name for name in models if name not in stored]:
        findings.append(needs(STORED, *missing))
    else:
        findings.append(_stored_ratio(stored))
    return Claim(
        "The improved model's weights take 647 MB, the original's 850 MB (about 3/4)",
        "Section 4",
        "weights of MetaNet and TransformNet, counted",
        tuple(findings),
    )


def _size_ratio(case: str, sizes: Mapping[str, float], unit: str) -> Finding:
    ours, theirs = sizes[IMPROVED], sizes[ORIGINAL]
    ratio = ours / theirs
    text = f"{ours:.1f} against {theirs:.1f} {unit}, a ratio of {ratio:.2f}"
    return Finding(case, same_ratio([ratio], SIZE), text, {**sizes, "ratio": ratio})


def _stored_ratio(stored: Mapping[str, WeightsCard]) -> Finding:
    """It follows from the rank that was chosen for storing each, of which the report knows nothing."""
    sizes = {name: weights.bytes / 1e6 for name, weights in stored.items()}
    costs = [stored[name].quantisation or {} for name in (IMPROVED, ORIGINAL)]
    ranks = [cost["rank"] for cost in costs if "rank" in cost]
    unit = "MB, in factors of rank {:g} and {:g}".format(*ranks) if len(ranks) == 2 else "MB"
    return replace(_size_ratio(STORED, sizes, unit), verdict=NOT_CLAIMED)


def _parameters(name: str) -> int:
    """Those of a network at the report's width, counted without making them."""
    with torch.device("meta"):
        net = replace(VARIANTS[name], base=REPORT_BASE).build()
    return sum(parameter_counts(net).values())


def _stored(name: str) -> WeightsCard | None:
    """What is known of a model's weights on disk; None without a model."""
    try:
        return model_store().card(name).weights
    except WeightsError:
        return None
