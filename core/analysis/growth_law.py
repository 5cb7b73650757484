"""The law by which scale-free weights grow, fitted to a training log (the report's figure 5).

    law = fit_growth(layer.iterations, layer.rms, lr=1e-3)
    law.c                     # 1.03: how fast steps add up, in units of lr
    law.r2, law.r2_unit     # how much of the curve the law explains; and where c is 1
    law.rms([0, 500, 1000])   # sqrt(w0^2 + c^2 lr^2 t)

The gradient of a filter that feeds an instance norm is orthogonal to it, so by Pythagoras each step
of gradient descent adds its own squared length to the filter's (van Laarhoven 1706.05350). Adam's
steps are nearly orthogonal, as each weight has a scale of its own, and they are correlated; what
they add up to is found to be RMS^2 = w0^2 + c^2 lr^2 t (c = 1 if steps of length lr
stand at right angles to it and to each other).
"""

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.curves import Floats

FEWEST = 3  # points of a curve, to fit one number and say how well it fits
SCALE_FREE = ("transform_net.downsampling.1.weight", "transform_net.residuals.4.weight")
GENERATES = "meta_net.outputs."


@dataclass(frozen=True)
class GrowthLaw:
    """RMS(t) = sqrt(w0^2 + slope t), fitted.

    Attributes:
        w0: RMS at the first logged iteration, and not fitted.
        slope: growth of RMS^2 per iteration, c^2 lr^2; negative where weights shrink.
        lr: learning rate.
        first: the first logged iteration, from which t counts.
        r2: share of the variance of the RMS curve that the law explains, at most 1; below 0 it does
            worse than a constant. NaN for a curve without variance.
        r2_unit: the same with c = 1.
    """

    w0: float
    slope: float
    lr: float
    first: float
    r2: float
    r2_unit: float

    @property
    def c(self) -> float:
        """Growth rate in units of the learning rate; negative where weights shrink."""
        return math.copysign(math.sqrt(abs(self.slope)), self.slope) / self.lr

    def rms(self, iterations: ArrayLike) -> Floats:
        """The fitted law."""
        return growth(iterations, self.w0, self.slope, self.first)

    def unit(self, iterations: ArrayLike) -> Floats:
        """The law with c = 1, sqrt(w0^2 + lr^2 t)."""
        return growth(iterations, self.w0, self.lr**2, self.first)


def growth(iterations: ArrayLike, w0: float, slope: float, first: float = 0.0) -> Floats:
    """sqrt(w0^2 + slope (t - first)), 0 where that would be the root of a negative number."""
    elapsed = np.asarray(iterations, dtype=np.float64) - first
    return np.sqrt(np.maximum(0.0, w0**2 + slope * elapsed))


def fit_growth(iterations: ArrayLike, rms: ArrayLike, lr: float) -> GrowthLaw | None:
    """Least squares for the slope of RMS^2, through the first point.

    Args:
        iterations: T, ascending.
        rms: T, root mean squares; those that are not finite are left out.
        lr: learning rate, above 0.

    Returns:
        None where fewer than 3 points are left.
    """
    times, values = np.asarray(iterations, dtype=np.float64), np.asarray(rms, dtype=np.float64)
    known = np.isfinite(times) & np.isfinite(values)
    times, values = times[known], values[known]
    if len(times) < FEWEST:
        return None
    first, w0 = float(times[0]), float(values[0])
    elapsed = times - first
    slope = float(elapsed @ (values**2 - w0**2) / (elapsed @ elapsed))
    fitted = r_squared(values, growth(times, w0, slope, first))
    report = r_squared(values, growth(times, w0, lr**2, first))
    return GrowthLaw(w0, slope, lr, first, fitted, report)


def r_squared(values: Floats, predicted: Floats) -> float:
    """1 - residual over total sum of squares; NaN where the values do not vary."""
    total = float(((values - values.mean()) ** 2).sum())
    if total <= (1e-6 * float(np.abs(values).max())) ** 2 * len(values):  # the six digits of a log
        return math.nan
    return 1.0 - float(((values - predicted) ** 2).sum()) / total


def has_no_scale(layer: str) -> bool:
    """Whether the law's argument holds for a layer of the report's models."""
    return layer in SCALE_FREE or layer.startswith(GENERATES)


def scale_free(layer: str) -> str:
    """One sentence: whether the law's argument holds for a layer of the report's models."""
    if layer in SCALE_FREE:
        return "This layer feeds an instance norm, so its scale changes nothing and the law's argument holds for it."
    if layer.startswith(GENERATES):
        return (
            "This layer generates filters that feed an instance norm: each filter's rows and biases together have no scale, so "
            "the law's argument holds for them as a whole."
        )
    if re.fullmatch(r"transform_net\.layers\..*\.conv\.weight", layer):  # the flagship's
        return "This layer feeds an instance norm, so its scale changes nothing; but the law is for a rate that does not fall."
    if layer.startswith(("transform_net.", "meta_net.")):
        return "This layer has a scale of its own: the law's argument does not hold for it, and the curve is for comparison only."
    return "The law's argument holds for a layer that feeds an instance norm; whether this one does is not known here."
