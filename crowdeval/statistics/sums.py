"""Columns whose sums over images give a number, so that it can be taken again of images swapped or drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.points.ragged import Floats


@dataclass(frozen=True, slots=True)
class Contributions:
    """What the images contribute, (m, c), in the order of their ids, and the statistic of its sums, (r, c) -> (r,)."""

    columns: NDArray[Any]
    statistic: Callable[[Floats], Floats]

    @property
    def sums(self) -> Floats:
        """The sums over all images, (c,)."""
        total: Floats = self.columns.sum(axis=0, dtype=np.float64)
        return total

    @property
    def value(self) -> float:
        """The statistic of all images."""
        return float(self.statistic(self.sums[None])[0])


def mean(sums: Floats) -> Floats:
    """Return the mean of a term from the columns term, number."""
    return ratio(sums[:, 0], sums[:, 1])


def ratio(over: Floats, under: Floats) -> Floats:
    """Return a quotient; NaN where it divides by 0."""
    quotient: Floats = np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)
    return quotient
