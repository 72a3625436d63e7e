"""The contract of metrics as functions of sums over units: images, or clusters of images.

Each unit has a row of columns. A resample is a row of unit counts w, and w @ columns are its sums; the metric of the
resample is a function of them. The influence of a unit is the derivative of the metric with respect to its count: the
gradient of that function at the sums, times the row of the unit. The influences of a metric that does not change when
all counts are doubled add up to 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from crowdeval.points.ragged import Floats, Indices, Integers


@dataclass(frozen=True, slots=True)
class Units:
    """What is resampled: the images in the order of their ids, or clusters of images.

    Attributes
    ----------
    names : tuple of str
        The name of each of n units.
    of_image : array of int, (m,)
        The unit of every image.
    order : array of int, (m,), optional
        The order in which images are added, for clusters: sums of floats depend on it in the last digit.
    """

    names: tuple[str, ...]
    of_image: Integers
    order: Indices | None = None

    def __len__(self) -> int:
        """Return the number of units."""
        return len(self.names)

    def sum(self, column: Floats) -> Floats:
        """Return the sums of a column over the images of every unit.

        Parameters
        ----------
        column : array, (m,)
            A number for each image.

        Returns
        -------
        array of float, (n,)

        Examples
        --------
        >>> Units(("a", "b"), np.array([1, 0, 1])).sum(np.array([1.0, 2.0, 4.0])).tolist()
        [2.0, 5.0]
        """
        unit, terms = (self.of_image, column) if self.order is None else (self.of_image[self.order], column[self.order])
        summed: Floats = np.bincount(unit, weights=terms, minlength=len(self)).astype(np.float64, copy=False)
        return summed

    @classmethod
    def of(cls, labels: Sequence[str], ids: Sequence[str] | None = None) -> Units:
        """Return the units that the images belong to by their labels.

        Parameters
        ----------
        labels : sequence of str, (m,)
            The id of every image, or the label of its cluster.
        ids : sequence of str, (m,), optional
            The ids where the labels are those of clusters; images are added in their order.

        Returns
        -------
        Units
            In the order of the labels, so that the order of images changes nothing.

        Examples
        --------
        >>> Units.of(["b", "a", "b"]).of_image.tolist()
        [1, 0, 1]
        """
        names = sorted(set(labels))
        place = {name: number for number, name in enumerate(names)}
        order = None if ids is None else np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)
        return cls(tuple(names), np.array([place[label] for label in labels], dtype=np.int64), order)


@dataclass(frozen=True, slots=True)
class Replicates:
    """A metric in r resamples.

    Attributes
    ----------
    values : array of float, (r,)
        The metric; NaN where it is undefined.
    influences : array of float, (r, n), optional
        The influence of every unit, at the sums of each resample.
    """

    values: Floats
    influences: Floats | None = None


class Sums(Protocol):
    """Metrics that are functions of the same columns."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The metrics, as keys of a report."""

    def replicates(self, counts: Floats, keys: Sequence[str], *, influences: bool) -> dict[str, Replicates]:
        """Return metrics in resamples.

        Parameters
        ----------
        counts : array of float, (r, n)
            How often each unit is in each resample.
        keys : sequence of str
            The metrics.
        influences : bool
            Whether the influences are wanted, too.

        Returns
        -------
        dict of str to Replicates
        """

    def without(self, units: Integers, keys: Sequence[str]) -> dict[str, Floats]:
        """Return metrics with one unit left out.

        Parameters
        ----------
        units : array of int, (r,)
            The unit that is left out, one after the other.
        keys : sequence of str
            The metrics.

        Returns
        -------
        dict of str to array, (r,)
            NaN where the metric is undefined without the unit.
        """

    def swapped(self, other: Sums, swaps: Floats, keys: Sequence[str]) -> dict[str, tuple[Floats, Floats]]:
        """Return metrics of two systems after the rows of some units are swapped between them.

        Parameters
        ----------
        other : Sums
            The same metrics of another system, of the same units.
        swaps : array of float, (r, n)
            1 for a unit whose rows are swapped, 0 for the others.
        keys : sequence of str
            The metrics.

        Returns
        -------
        dict of str to (array, array), (r,) each
            The metric of this system, and of the other.
        """

    def bound(self, key: str) -> float:
        """Return how far a value from the columns can be from the metric itself; 0 where they give it exactly."""

    def undefined_without(self, key: str) -> Integers:
        """Return the units without any one of which the metric is undefined."""
