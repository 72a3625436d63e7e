r"""Whether two models differ on the same images: paired approximate randomization of what the images contribute.

Convention
    Under the hypothesis of no difference the two outcomes of an image are exchangeable: in each of 10,000 rounds the
    outcomes of a random half of the images are swapped, and the metric is taken of both sides anew. The p-value is the
    share of rounds whose difference is at least the one observed, in absolute value (two-sided, the observed one
    counted in). The seed is fixed, so p-values repeat.

    Several comparisons with one best model are corrected by Holm's method.

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
ROUNDS = 10_000
SEED = 0
_BLOCK = 100


def paired_test(metric: str, a: Source, b: Source, *, rounds: int = ROUNDS, seed: int = SEED) -> float:
    """Return the two-sided p-value of the difference of a metric between two models.

    Parameters
    ----------
    metric : str
        A canonical metric string.
    a, b : Source
        What the two models did on the same images.
    rounds : int
        Random swaps.
    seed : int
        Of the random numbers.

    Returns
    -------
    float
        In [1 / (rounds + 1), 1]; NaN where it can't be tested or is undefined on either side.
    """
    pair = contributions(metric, a, b)
    return math.nan if pair is None else paired_p_value(*pair, rounds=rounds, seed=seed)


def paired_p_value(a: Contributions, b: Contributions, *, rounds: int = ROUNDS, seed: int = SEED) -> float:
    """Return the two-sided p-value of the difference between two models from what their images contribute.

    Parameters
    ----------
    a, b : Contributions
        Of the same metric and the same images, (m, c).
    rounds : int
        Random swaps.
    seed : int
        Of the random numbers.

    Returns
    -------
    float
        In [1 / (rounds + 1), 1]; NaN where the statistic is undefined on either side.

    Examples
    --------
    >>> same = Contributions(np.arange(9.0)[:, None], lambda sums: sums[:, 0])
    >>> paired_p_value(same, same)
    1.0
    """
    total, other, change = a.sums, b.sums, b.columns - a.columns
    observed = abs(a.statistic(total[None])[0] - a.statistic(other[None])[0])
    if np.isnan(observed):
        return math.nan
    random = np.random.default_rng(seed)
    slack = 1e-12 * max(1.0, float(observed))
    reached = 1
    for start in range(0, rounds, _BLOCK):
        swaps = random.integers(0, 2, size=(min(_BLOCK, rounds - start), len(change)), dtype=np.int8)
        moved = (swaps.astype(change.dtype) @ change).astype(np.float64)
        difference = np.abs(a.statistic(total + moved) - a.statistic(other - moved))
        reached += int(np.count_nonzero(~(difference < observed - slack)))
    return reached / (rounds + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's method, in the same order; NaN stays and counts not.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = list(p_values)
    rising = sorted((p, i) for i, p in enumerate(p_values) if not np.isnan(p))
    highest = 0.0
    for rank, (p, i) in enumerate(rising):
        highest = max(highest, min(1.0, p * (len(rising) - rank)))
        corrected[i] = highest
    return corrected
