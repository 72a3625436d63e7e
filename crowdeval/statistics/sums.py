"""Columns whose sums over images give a metric, so that it can be computed again with images swapped or resampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.points.ragged import Floats


@dataclass(frozen=True, slots=True)
class Contributions:
    """The contributions of the images to a metric, and the function from their sums to its value.

    Attributes
    ----------
    columns : array, (m, c)
        The contributions of m images, in the order of their ids.
    statistic : callable, (r, c) -> (r,)
        Returns the value of the metric for each of r rows of sums over the images.
    exact : float, optional
        The value of the metric itself, if the sums give it only approximately.

    Examples
    --------
    >>> terms = Contributions(np.array([[3.0, 1.0], [5.0, 1.0]]), mean)  # the mean of the terms 3 and 5
    >>> terms.value
    4.0
    """

    columns: NDArray[Any]
    statistic: Callable[[Floats], Floats]
    exact: float | None = None

    @property
    def sums(self) -> Floats:
        """The sums over all images, (c,)."""
        total: Floats = self.columns.sum(axis=0, dtype=np.float64)
        return total

    @property
    def value(self) -> float:
        """The value of the metric over all images, as reports show it."""
        return float(self.statistic(self.sums[None])[0]) if self.exact is None else self.exact


def mean(sums: Floats) -> Floats:
    """Return means, from the sums of terms and the numbers of terms.

    Parameters
    ----------
    sums : array of float, (r, 2)
        Sums of terms, and numbers of terms.

    Returns
    -------
    array of float, (r,)
        NaN where the number is 0.

    Examples
    --------
    >>> mean(np.array([[8.0, 2.0], [0.0, 0.0]])).tolist()
    [4.0, nan]
    """
    return ratio(sums[:, 0], sums[:, 1])


def ratio(over: Floats, under: Floats) -> Floats:
    """Return quotients.

    Parameters
    ----------
    over, under : array of float, (r,)
        Numerators and denominators; no denominator is negative.

    Returns
    -------
    array of float, (r,)
        NaN where the denominator is 0.

    Examples
    --------
    >>> ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    quotient: Floats = np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)
    return quotient
