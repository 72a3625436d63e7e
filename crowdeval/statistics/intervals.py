"""Confidence intervals from resamples, and when they are not to be trusted.

Convention
    The bootstrap-t: each resample has its own standard error, and the quantiles of (value - centre) / error take the
    place of those of a normal distribution. An interval of one number is equal-tailed: on the logit scale for nAP, F1,
    precision, recall and other shares of 1, on the plain scale, cut to the range of the metric, for errors. An interval
    of a difference is symmetric and on the plain scale. A resample with the error 0 counts as infinitely far off.

Trust
    ``rough`` below 20 effective images, ``no`` below 10; ``no`` also with fewer than 20 images or clusters, for NAE
    where an image has 1 to 7 heads, and where more than 1% of the resamples have no value. An interval speaks of images
    like those of the sample: one that the sample lacks can't be seen.

Sources
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 12 to 14 (bootstrap-t, percentile, BCa);
    Hall, The Bootstrap and Edgeworth Expansion, 1992 (symmetric intervals).
"""

from __future__ import annotations

import math

import numpy as np

from crowdeval.evaluation.certainty import Interval, Trust
from crowdeval.options import IntervalMethod
from crowdeval.points.ragged import Floats
from crowdeval.statistics.influence import is_flat
from crowdeval.statistics.quantities import Number
from crowdeval.statistics.resampling import Resampled

ROUGH, UNRELIABLE = 20.0, 10.0
"""Effective numbers of units below which an interval is rough, and below which it is not to be trusted."""

FEWEST = 20
"""Number of units below which an interval is not to be trusted."""

NOTHING = 1e-9
"""Share of the error of the sample below which that of a resample is rounding."""

DROPPED = 0.01
"""Share of resamples without a value above which an interval is not to be trusted."""


def trust(number: Number, effective: float, resampled: Resampled | None = None) -> Trust:
    """Return whether an interval of a number is to be trusted.

    Parameters
    ----------
    number : Number
        The number.
    effective : float
        Effective number of units.
    resampled : Resampled, optional
        Its resamples.

    Returns
    -------
    {"yes", "rough", "no"}
    """
    dropped = 0.0 if resampled is None else float(np.mean(~np.isfinite(resampled.values)))
    if effective < UNRELIABLE or number.read.sum() < FEWEST or number.small_counts or dropped > DROPPED:
        return "no"
    return "rough" if effective < ROUGH else "yes"


def interval(
    number: Number, resampled: Resampled, changes: Floats, *, level: float, method: IntervalMethod = "bootstrap-t"
) -> Interval | str:
    """Return the confidence interval of a number, or the reason why there is none.

    Parameters
    ----------
    number : Number
        The number.
    resampled : Resampled
        The number in resamples.
    changes : array of float, (n,)
        By how much it falls when a unit is left out.
    level : float
        The level of confidence, between 0 and 1: 0.95.
    method : {"bootstrap-t", "percentile", "bca", "basic"}
        The method.

    Returns
    -------
    Interval or str
    """
    reason = no_interval(number, changes)
    if reason:
        return reason
    own = changes[number.read]
    squares = (own - own.mean()) ** 2
    effective = float(squares.sum() ** 2 / (squares**2).sum())
    known = np.isfinite(resampled.values)
    values, errors = resampled.values[known], resampled.errors[known]
    tail = (1 - level) / 2
    if method == "bootstrap-t":
        low, high = _studentized(number, Resampled(values, errors, resampled.centre, resampled.error), tail)
        if math.isnan(low):
            return "too many resamples repeat one image"
    else:
        shifted = values + (number.value - resampled.centre)
        lower, upper = (tail, 1 - tail) if method != "bca" else _bca_levels(values, resampled.centre, own, tail)
        low, high = (float(np.quantile(shifted, at)) for at in (lower, upper))
        if method == "basic":
            low, high = 2 * number.value - high, 2 * number.value - low
    low, high = max(low, number.least), min(high, number.most)
    return Interval(low, high, method, trust(number, effective, resampled), effective)


def no_interval(number: Number, changes: Floats) -> str:
    """Return the reason why a number has no interval; empty where it has one.

    Parameters
    ----------
    number : Number
        The number.
    changes : array of float, (n,)
        By how much it falls when a unit is left out.

    Returns
    -------
    str
    """
    if number.scale == "logit" and number.value in (0.0, 1.0):
        return f"its value is {number.value:g}"
    return "all images are equal" if is_flat(changes, number) else ""


def _studentized(number: Number, resampled: Resampled, tail: float) -> tuple[float, float]:
    """Return the ends of a bootstrap-t interval, equal-tailed on the scale of the number; NaN where it has no ends."""
    to, slope, back = (_logit, _logit_slope, _share) if number.scale == "logit" else (_same, _ones, _same)
    with np.errstate(divide="ignore", invalid="ignore"):
        off = to(resampled.values) - to(np.array([resampled.centre]))
        error = resampled.errors * slope(resampled.values)
        ratio = off / error
    # A resample of equal rows has the error 0, and says nothing of the tails: it counts as far off on both sides.
    lost = ~(resampled.errors > NOTHING * resampled.error) | ~np.isfinite(ratio)
    # q is the quantile of (value - centre) / error: the upper end of the interval comes from the lower tail.
    falling = _rounded(np.quantile(np.where(lost, -np.inf, ratio), tail, method="lower"))
    rising = _rounded(np.quantile(np.where(lost, np.inf, ratio), 1 - tail, method="higher"))
    if not math.isfinite(rising - falling):
        return math.nan, math.nan
    value = np.array([number.value])
    own = resampled.error * slope(value)
    low, high = (back(to(value) - own * at) for at in (rising, falling))
    return float(low[0]), float(high[0])


def symmetric_quantile(resampled: Resampled, level: float) -> float:
    """Return the quantile of |value - centre| / error over resamples, for intervals of differences.

    Parameters
    ----------
    resampled : Resampled
        The difference in resamples.
    level : float
        The level of confidence.

    Returns
    -------
    float
        Infinite where too many resamples have the error 0.

    Examples
    --------
    >>> drawn = Resampled(np.array([0.0, 1.0, 2.0, 4.0]), np.ones(4), 1.0, 1.0)
    >>> symmetric_quantile(drawn, 0.5)
    1.0
    """
    known = np.isfinite(resampled.values)
    off, errors = np.abs(resampled.values[known] - resampled.centre), resampled.errors[known]
    ratio = np.divide(off, errors, out=np.full(len(off), np.inf), where=errors > NOTHING * resampled.error)
    return _rounded(np.quantile(ratio, level, method="higher")) if len(ratio) else math.inf


def _rounded(quantile: float | np.floating) -> float:
    """Return a quantile to 9 decimals: the last digits of matrix products depend on the number of threads."""
    return round(float(quantile), 9)


def _bca_levels(values: Floats, centre: float, changes: Floats, tail: float) -> tuple[float, float]:
    """Return the levels of the quantiles of a BCa interval."""
    from scipy.special import ndtr, ndtri

    below = (np.count_nonzero(values < centre) + 0.5 * np.count_nonzero(values == centre)) / len(values)
    bias = ndtri(min(max(below, 0.5 / len(values)), 1 - 0.5 / len(values)))
    own = changes - changes.mean()
    skew = float((own**3).sum() / (6 * (own**2).sum() ** 1.5))
    ends = [bias + ndtri(at) for at in (tail, 1 - tail)]
    low, high = (float(ndtr(bias + end / (1 - skew * end))) for end in ends)
    return low, high


def _logit(share: Floats) -> Floats:
    return np.log(share) - np.log1p(-share)


def _logit_slope(share: Floats) -> Floats:
    return 1.0 / (share * (1.0 - share))


def _share(logit: Floats) -> Floats:
    with np.errstate(over="ignore"):  # 1 / inf is the share 0
        return 1.0 / (1.0 + np.exp(-logit))


def _same(values: Floats) -> Floats:
    return values


def _ones(values: Floats) -> Floats:
    return np.ones_like(values)
