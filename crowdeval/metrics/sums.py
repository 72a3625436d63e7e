"""Exact sums and means over images, with or without weights: the order of the images changes no digit.

Weights are whole numbers, (m,), that say how often each image counts; with None each image counts once. Floats are
added by ``math.fsum``, which rounds once, so a sum is the same in any order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crowdeval.points.ragged import Flags, Floats, Integers

Weights = NDArray[np.int64] | None
"""How often each image counts, (m,); None counts each image once."""


def mean(values: Sequence[float]) -> float:
    """Return the mean of floats, rounded once for the sum and once for the quotient.

    Parameters
    ----------
    values : sequence of float
        The terms.

    Returns
    -------
    float
        NaN if there are no terms.

    Examples
    --------
    >>> mean([0.1] * 10)
    0.1
    """
    return math.fsum(values) / len(values) if len(values) else math.nan


def total(column: Integers | Flags, weights: Weights = None) -> int:
    """Return the sum of whole numbers over images.

    Parameters
    ----------
    column : array of int or bool, (m,)
        One number for each image.
    weights : array of int, (m,), optional
        How often each image counts.

    Returns
    -------
    int
        The exact sum.

    Examples
    --------
    >>> total(np.array([1, 2, 3]), np.array([2, 0, 1]))
    5
    """
    return int(column.sum()) if weights is None else int((column * weights).sum())


def mean_over(values: Floats, kept: Flags, weights: Weights = None) -> float:
    """Return the mean over the images that are kept.

    Parameters
    ----------
    values : array of float, (m,)
        One number for each image.
    kept : array of bool, (m,)
        The images that take part.
    weights : array of int, (m,), optional
        How often each image counts.

    Returns
    -------
    float
        NaN if no image is kept, or all kept images have weight 0.

    Examples
    --------
    >>> mean_over(np.array([1.0, 5.0, 9.0]), np.array([True, False, True]), np.array([1, 1, 3]))
    7.0
    """
    if weights is None:
        return mean(values[kept].tolist())
    count = int(weights[kept].sum())
    return math.fsum((values[kept] * weights[kept]).tolist()) / count if count else math.nan
