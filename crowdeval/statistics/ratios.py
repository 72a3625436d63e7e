r"""Metrics that are a ratio of two sums over images, its root, or the mean of several: all but ranked lists.

    =====================  ==========================================  ==========================
    metric                 numerator                                   denominator
    =====================  ==========================================  ==========================
    MAE, bias, GAME        the error of the image                      1
    RMSE                   the squared error; the root of the ratio    1
    NAE, MLE, pool:image   the error, or the AP, of the image          1 if the image has people
    F1                     2 TP                                        predictions + true points
    Precision, Recall      TP                                          predictions; true points
    =====================  ==========================================  ==========================

By group, the columns of the other images are 0. Means over levels, radii or deltas are means of ratios.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from crowdeval.points.ragged import Floats, Integers
from crowdeval.statistics.contract import Replicates, Sums, Units


@dataclass(frozen=True, slots=True)
class Ratio:
    """A metric as the mean of ratios, or of their roots.

    Attributes
    ----------
    pairs : tuple of (str, str)
        Names of the columns of numerator and denominator.
    root : bool
        Whether the root of each ratio is taken.
    """

    pairs: tuple[tuple[str, str], ...]
    root: bool = False


@dataclass(slots=True, eq=False)
class Ratios:
    """Metrics that are ratios of sums over units.

    Attributes
    ----------
    units : Units
        What is resampled.
    columns : dict of str to array, (n,)
        The sums of each unit, by name.
    terms : dict of str to Ratio
        Metric to the columns that it is made from.

    Examples
    --------
    The mean absolute error of two images, 3 and 5, in the sample itself and in a resample of the first alone:

    >>> mae = Ratios(Units(("a", "b"), np.array([0, 1])))
    >>> mae.add("MAE", [(np.array([3.0, 5.0]), np.ones(2), "error", "images")])
    >>> found = mae.replicates(np.array([[1.0, 1.0], [2.0, 0.0]]), ["MAE"], influences=True)["MAE"]
    >>> found.values.tolist(), found.influences.tolist()
    ([4.0, 3.0], [[-0.5, 0.5], [0.0, 1.0]])
    """

    units: Units
    columns: dict[str, Floats] = field(default_factory=dict)
    terms: dict[str, Ratio] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The metrics."""
        return tuple(self.terms)

    def add(self, key: str, pairs: Sequence[tuple[Floats, Floats, str, str]], *, root: bool = False) -> None:
        """Add a metric.

        Parameters
        ----------
        key : str
            The metric.
        pairs : sequence of (array, array, str, str)
            Numerator and denominator of every image, (m,), and the names of these columns; equal names are equal
            columns.
        root : bool
            Whether the root of each ratio is taken.
        """
        for over, under, name, other in pairs:
            for column, own in ((over, name), (under, other)):
                if own not in self.columns:
                    self.columns[own] = self.units.sum(column)
        self.terms[key] = Ratio(tuple((name, other) for _, _, name, other in pairs), root)

    def replicates(self, counts: Floats, keys: Sequence[str], *, influences: bool) -> dict[str, Replicates]:
        """Return metrics in resamples (see ``Sums``)."""
        sums = {name: counts @ self.columns[name] for name in self._names(keys)}
        return {
            key: Replicates(self._value(key, sums), self._influences(key, sums) if influences else None) for key in keys
        }

    def without(self, units: Integers, keys: Sequence[str]) -> dict[str, Floats]:
        """Return metrics with one unit left out (see ``Sums``)."""
        sums = {name: self.columns[name].sum() - self.columns[name][units] for name in self._names(keys)}
        return {key: self._value(key, sums) for key in keys}

    def swapped(self, other: Sums, swaps: Floats, keys: Sequence[str]) -> dict[str, tuple[Floats, Floats]]:
        """Return metrics after the rows of some units are swapped (see ``Sums``)."""
        assert isinstance(other, Ratios), "both systems have the same kind of sums"
        own: dict[str, Floats] = {}
        new: dict[str, Floats] = {}
        for name in self._names(keys):
            mine, theirs = self.columns[name], other.columns[name]
            moved = swaps @ (theirs - mine)
            own[name], new[name] = mine.sum() + moved, theirs.sum() - moved
        return {key: (self._value(key, own), self._value(key, new)) for key in keys}

    def bound(self, key: str) -> float:
        """Return 0: the columns give the metric itself."""
        return 0.0

    def undefined_without(self, key: str) -> Integers:
        """Return the units without any one of which a denominator is 0."""
        alone = np.zeros(len(self.units), dtype=bool)
        for _, under in self.terms[key].pairs:
            column = self.columns[under]
            alone |= (column > 0) & (column >= column.sum())
        return np.flatnonzero(alone)

    def _names(self, keys: Sequence[str]) -> set[str]:
        return {name for key in keys for pair in self.terms[key].pairs for name in pair}

    def _value(self, key: str, sums: Mapping[str, Floats]) -> Floats:
        """Return a metric from sums of resamples; NaN where a denominator is 0."""
        term = self.terms[key]
        values = [_quotient(sums[over], sums[under]) for over, under in term.pairs]
        if term.root:
            values = [np.sqrt(np.maximum(value, 0.0)) for value in values]
        mean: Floats = np.mean(values, axis=0)
        return mean

    def _influences(self, key: str, sums: Mapping[str, Floats]) -> Floats:
        """Return the influences of the units on a metric, (r, n)."""
        # The derivative of A / B with respect to the count of unit i is (a_i - q b_i) / B, where q = A / B.
        term = self.terms[key]
        slopes: dict[str, Floats] = {}
        for over, under in term.pairs:
            ratio = _quotient(sums[over], sums[under])
            slope = 1.0 / np.where(sums[under] > 0, sums[under], np.nan) / len(term.pairs)
            if term.root:
                slope = slope * np.divide(0.5, np.sqrt(ratio), out=np.zeros_like(ratio), where=ratio > 0)
            slopes[over] = slopes.get(over, 0.0) + slope
            slopes[under] = slopes.get(under, 0.0) - slope * ratio
        names = list(slopes)
        gradient = np.stack([slopes[name] for name in names], axis=1)
        result: Floats = gradient @ np.stack([self.columns[name] for name in names])
        return result


def _quotient(over: Floats, under: Floats) -> Floats:
    """Return quotients; NaN where the denominator is 0."""
    quotient: Floats = np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)
    return quotient
