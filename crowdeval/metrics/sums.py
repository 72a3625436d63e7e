"""Exact sums and means over images, plain or weighted: no order of images moves a digit.

Weights are whole numbers (m,), how often each image counts; None counts each once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crowdeval.points.ragged import Flags, Floats, Integers

Weights = NDArray[np.int64] | None


def mean(values: Sequence[float]) -> float:
    """Return the mean of floats, rounded once for the sum and once for the quotient; NaN where there are none.

    >>> mean([0.1] * 10)
    0.1
    """
    return math.fsum(values) / len(values) if len(values) else math.nan


def total(column: Integers | Flags, weights: Weights = None) -> int:
    """Return the sum over images of whole numbers.

    >>> total(np.array([1, 2, 3]), np.array([2, 0, 1]))
    5
    """
    return int(column.sum()) if weights is None else int((column * weights).sum())


def mean_over(values: Floats, kept: Flags, weights: Weights = None) -> float:
    """Return the mean over the images that are kept; NaN where there are none.

    >>> mean_over(np.array([1.0, 5.0, 9.0]), np.array([True, False, True]), np.array([1, 1, 3]))
    7.0
    """
    if weights is None:
        return mean(values[kept].tolist())
    count = int(weights[kept].sum())
    return math.fsum((values[kept] * weights[kept]).tolist()) / count if count else math.nan
