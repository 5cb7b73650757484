"""Does a claim hold? A paired test over pairs of content and style, with an effect size.

    result = compare(improved["specks"], original["specks"], "lower")      # one value a pair, in the same order
    result.verdict                                                         # holds | does not hold | cannot be told
    print(result.summary())     # lower in 57 of 64 pairs, median difference -45.8, effect -0.82, p < 0.0001

The test is Wilcoxon's signed-rank test (1945), two-sided; the effect is the matched-pairs
rank-biserial correlation (Kerby 2014). Neither asks for normal values, and an outlier counts by its
rank only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata, wilcoxon

# Strict, as a dozen claims are tested at once, and pairs that share a content or a style are not
# quite independent.
ALPHA = 0.01
# Cohen's "medium". With some 60 pairs a smaller effect is not significant either; with more pairs
# it would be, unseen.
MIN_EFFECT = 0.3
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be told"
LOWER, HIGHER, EQUAL = "lower", "higher", "equal"


@dataclass(frozen=True)
class Comparison:
    """What a paired test found.

    Attributes:
        verdict: `holds`, `does not hold` (significant, the other way) or `cannot be told`.
        direction: where the first's values tend to lie, seen from the second's: `lower`,
            `higher` or `equal`.
        pairs: how many were compared; those with a NaN on either side are left out.
        lower, higher: in how many of them the first's value is lower, higher.
        difference: median of first minus second, in the measure's unit; NaN without pairs.
        effect: rank-biserial correlation, -1 (always lower) .. 1 (always higher);
            ties count for both sides.
        p: two-sided, 0 .. 1.
    """

    verdict: str
    direction: str
    pairs: int
    lower: int
    higher: int
    difference: float
    effect: float
    p: float

    @property
    def p_value(self) -> str:
        """As it is printed."""
        return f"p = {self.p:.2g}" if self.p >= 1e-4 else "p < 0.0001"

    def summary(self) -> str:
        """The findings in one line, without the verdict."""
        if not self.pairs:
            return "no pairs to compare"
        if self.direction == EQUAL:
            found = f"lower in {self.lower} and higher in {self.higher}"
        else:
            found = f"{self.direction} in {self.lower if self.direction == LOWER else self.higher}"
        return f"{found} of {self.pairs} pairs, median difference {self.difference:.3g}, effect {self.effect:.2f}, {self.p_value}"


def compare(first: ArrayLike, second: ArrayLike, claim: str) -> Comparison:
    """Test the claim that one measure is `lower` or `higher` in the first than in the second.

    Args:
        first: a sequence or array of floats, one for each pair of content and style;
            NaN where there is none.
        second: likewise, in the same order; or one number for all,
            as 1 where ratios are said to be below it.
        claim: `lower` or `higher`.

    Returns:
        `holds` or `does not hold` if p < 0.01 and the effect is at least 0.3 either way,
        else `cannot be told`.

    Raises:
        ValueError: another claim, or sequences of different length.
    """
    if claim not in (LOWER, HIGHER):
        raise ValueError(f"a claim is that values are {LOWER!r} or {HIGHER!r}, not {claim!r}")
    ours = np.asarray(first, dtype=np.float64)
    theirs = np.asarray(second, dtype=np.float64)
    if theirs.ndim == 0:
        theirs = np.full_like(ours, theirs)
    if ours.ndim != 1 or ours.shape != theirs.shape:
        raise ValueError(
            f"a paired test needs as many values on both sides, got {ours.shape} and {theirs.shape}"
        )
    known = ~(np.isnan(ours) | np.isnan(theirs))
    change = ours[known] - theirs[known]
    lower, higher = int((change < 0).sum()), int((change > 0).sum())
    if not lower + higher:
        return Comparison(
            UNKNOWN, EQUAL, len(change), 0, 0, 0.0 if len(change) else float("nan"), 0.0, 1.0
        )
    ranks = rankdata(np.abs(change))
    # Ties take their ranks along and give half of them to each side, so four decided pairs of 64
    # are no strong effect.
    effect = float((ranks * np.sign(change)).sum() / ranks.sum())
    p = float(wilcoxon(change, zero_method="zsplit").pvalue)
    direction = EQUAL if effect == 0 else LOWER if effect < 0 else HIGHER
    clear = p < ALPHA and abs(effect) >= MIN_EFFECT
    verdict = (HOLDS if direction == claim else FAILS) if clear else UNKNOWN
    return Comparison(
        verdict, direction, len(change), lower, higher, float(np.median(change)), effect, p
    )
