r"""Test of the difference between two models on the same images: paired approximate randomization, with Holm's method.

Convention
    If there is no difference, the two outcomes of an image are exchangeable. In each of 10,000 rounds each image is
    swapped between the two models with probability 1/2, and the metric of both sides is computed again. The p-value is
    the share of rounds with a difference at least as large as the observed one, in absolute value; it is two-sided, and
    the observed difference counts as one more round. The seed is fixed, so that p-values can be repeated.

    The p-values of several models against the same best model are corrected by Holm's method.

Source
    Noreen, Computer-Intensive Methods for Testing Hypotheses, 1989; Holm, Scand. J. Statist. 6, 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from crowdeval.statistics.contributions import Source, contributions
from crowdeval.statistics.sums import Contributions

ALPHA = 0.05
"""Level of significance."""

ROUNDS = 10_000
SEED = 0
_BLOCK = 100
"""Number of rounds that are computed at a time."""


def paired_test(metric: str, a: Source, b: Source, *, rounds: int = ROUNDS, seed: int = SEED) -> float:
    """Return the two-sided p-value of the difference of a metric between two models.

    Parameters
    ----------
    metric : str
        A canonical metric string.
    a, b : Source
        The results of the two models on the same images.
    rounds : int
        Number of rounds of random swaps.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    float
        In [1 / (rounds + 1), 1]. NaN if the metric can't be tested on these results, or is undefined for either model.

    Examples
    --------
    >>> from crowdeval import Annotations, Predictions, Protocol, evaluate
    >>> ids, protocol = ["a", "b", "c", "d"], Protocol(metrics=["MAE"])
    >>> truth = Annotations(image_ids=ids, offsets=[0] * 5, xy=[])
    >>> reports = [
    ...     evaluate(Predictions(image_ids=ids, offsets=[0] * 5, xy=[], counts=counts, located=False), truth,
    ...              protocol=protocol, per_image=True)
    ...     for counts in ([1, 1, 1, 1], [4, 5, 6, 7])
    ... ]
    >>> a, b = (Source(table=report.per_image, protocol=protocol) for report in reports)
    >>> paired_test("MAE", a, b) < 0.2
    True
    """
    pair = contributions(metric, a, b)
    return math.nan if pair is None else paired_p_value(*pair, rounds=rounds, seed=seed)


def paired_p_value(a: Contributions, b: Contributions, *, rounds: int = ROUNDS, seed: int = SEED) -> float:
    """Return the two-sided p-value of the difference between two models, from the contributions of the images.

    Parameters
    ----------
    a, b : Contributions
        Contributions to the same metric of the same images, (m, c) each.
    rounds : int
        Number of rounds of random swaps.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    float
        In [1 / (rounds + 1), 1]; NaN if the statistic is undefined for either model.

    Examples
    --------
    >>> same = Contributions(np.arange(9.0)[:, None], lambda sums: sums[:, 0])
    >>> paired_p_value(same, same)
    1.0
    """
    total, other, change = a.sums, b.sums, b.columns - a.columns
    summed = float(a.statistic(total[None])[0] - a.statistic(other[None])[0])
    observed = _smaller(summed if a.exact is None or b.exact is None else a.exact - b.exact, summed)
    if np.isnan(observed):
        return math.nan
    random = np.random.default_rng(seed)
    slack = 1e-12 * max(1.0, float(observed))  # equal differences may differ by rounding
    reached = 1  # the observed difference itself
    # Swapping image i adds b_i - a_i to the sums of a and subtracts it from those of b. One matrix product therefore
    # gives the sums of a block of rounds:  swaps (100, m) @ change (m, c) -> moved (100, c). With two images:
    #   change [[2], [-1]], swaps [[0, 1], [1, 1]]  ->  moved [[-1], [1]]
    for start in range(0, rounds, _BLOCK):
        swaps = random.integers(0, 2, size=(min(_BLOCK, rounds - start), len(change)), dtype=np.int8)
        moved = (swaps.astype(change.dtype) @ change).astype(np.float64)
        difference = np.abs(a.statistic(total + moved) - a.statistic(other - moved))
        reached += int(np.count_nonzero(~(difference < observed - slack)))
    return reached / (rounds + 1)


def _smaller(exact: float, summed: float) -> float:
    """Return how far both differences go in the same direction, 0 if they have different signs; NaN stays NaN.

    The sums of a long ranked list give its value only approximately. So that a mark never says more than the numbers
    that are shown, their difference counts as far as that of the sums confirms it.
    """
    if math.isnan(exact) or math.isnan(summed):
        return math.nan
    return min(abs(exact), abs(summed)) if exact * summed > 0 else 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's method.

    Parameters
    ----------
    p_values : sequence of float
        The p-values of several comparisons. NaN values are kept and not counted.

    Returns
    -------
    list of float
        The corrected p-values, in the same order.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = list(p_values)
    rising = sorted((p, i) for i, p in enumerate(p_values) if not np.isnan(p))
    # The smallest of n p-values is multiplied by n, the next by n - 1, ...; a corrected value never falls below the one
    # before:  [0.01, 0.03, 0.04] -> [0.03, 0.06, 0.04] -> [0.03, 0.06, 0.06]
    highest = 0.0
    for rank, (p, i) in enumerate(rising):
        highest = max(highest, min(1.0, p * (len(rising) - rank)))
        corrected[i] = highest
    return corrected
