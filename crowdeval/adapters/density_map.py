"""Count and points of a density map: the count is its sum, the points are its local maxima.

A map covers its image evenly: the centre of cell (row, column) of an (h, w) map of a W x H image is at
((column + 0.5) W / w, (row + 0.5) H / h). A local maximum is a cell above the threshold with the largest value of the
window around it. Touching local maxima of equal value are one point, at the mean of their centres. The confidence of a
point is the map's value there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from crowdeval.errors import PredictorError, UsageError
from crowdeval.points.ragged import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class MapReading:
    """The way from a density map to an answer.

    Parameters
    ----------
    threshold : float, optional
        Persons in a cell that a local maximum has to exceed; without it there is a count and there are no points.
    window : int
        Side of the square in which a local maximum has the largest value, an odd number of cells.
    per_person : float
        Sum of a map for one person, for example 100 for models that are trained on maps times 100.

    Raises
    ------
    UsageError
        If ``window`` is even or below 1, or ``per_person`` is not a finite number above 0.
    """

    threshold: float | None = None
    window: int = 3
    per_person: float = 1.0

    def __post_init__(self) -> None:
        if self.window < 1 or self.window % 2 == 0:
            raise UsageError(f"-o window={self.window}: expected an odd number of at least 1")
        if not 0 < self.per_person < np.inf:
            raise UsageError(f"-o per_person={self.per_person}: expected a number above 0")

    def answer(self, density: ArrayLike, width: float, height: float) -> dict[str, Any]:
        """Return the answer for one map.

        Parameters
        ----------
        density : array, (h, w)
            The map; dimensions of length 1 around it are ignored.
        width, height : float
            Pixels of the image that the map covers.

        Returns
        -------
        dict
            ``count``, 0 where the sum is below 0; with a threshold also ``points`` (M, 2) in pixels and ``scores``
            (M,).

        Raises
        ------
        PredictorError
            If ``density`` is not a map of finite numbers.

        Examples
        --------
        >>> answer = MapReading(threshold=0.1).answer([[0.0, 0.8], [0.0, 0.0]], 16, 16)
        >>> answer["points"].tolist(), answer["count"]
        ([[12.0, 4.0]], 0.8)
        """
        cells = as_map(density) / self.per_person
        count = max(0.0, float(cells.sum()))
        if self.threshold is None:
            return {"count": count}
        place, value = local_maxima(cells, self.threshold, self.window)
        across, down = width / cells.shape[1], height / cells.shape[0]
        return {"points": (place + 0.5) * (across, down), "scores": value, "count": count}


def as_map(density: ArrayLike) -> Floats:
    """Return a density map as an array of two dimensions.

    Parameters
    ----------
    density : array, (h, w)
        Numbers; dimensions of length 1 before or after (h, w) are removed.

    Returns
    -------
    array of float64, (h, w)

    Raises
    ------
    PredictorError
        If the array is empty, has more dimensions, or holds something other than finite numbers.

    Examples
    --------
    >>> as_map(np.zeros((1, 1, 30, 40))).shape
    (30, 40)
    """
    array = np.asarray(density)
    # (1, 1, 30, 40) -> (1, 30, 40) -> (30, 40); a map of one row or column keeps its shape
    while array.ndim > 2 and 1 in (array.shape[0], array.shape[-1]):
        array = array[0] if array.shape[0] == 1 else array[..., 0]
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "fiu":
        raise PredictorError(f"expected a density map of shape (h, w), found {array.dtype} of shape {array.shape}")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise PredictorError(f"expected a density map of finite values, found {bad} NaN or infinite")
    return array.astype(np.float64)


def local_maxima(cells: Floats, threshold: float, window: int) -> tuple[Floats, Floats]:
    """Return the local maxima of a density map.

    Parameters
    ----------
    cells : array of float64, (h, w)
        The map.
    threshold : float
        The value that a local maximum has to exceed.
    window : int
        Side of the square around a local maximum, an odd number of cells.

    Returns
    -------
    place : array of float64, (M, 2)
        Column and row, in cells from the centre of the first cell.
    value : array of float64, (M,)
        The map's value there.

    Examples
    --------
    >>> place, value = local_maxima(np.array([[0.0, 0.5, 0.5, 0.0, 0.2]]), 0.1, 3)
    >>> place.tolist(), value.tolist()
    ([[1.5, 0.0], [4.0, 0.0]], [0.5, 0.2])
    """
    from scipy.ndimage import label, maximum_filter

    highest = np.asarray(maximum_filter(cells, size=window, mode="constant", cval=-np.inf))
    is_maximum = (cells == highest) & (cells > threshold)
    rows, columns = np.nonzero(is_maximum)
    # Touching maxima get one number (diagonal neighbours touch), 1 for the first group, 0 for the other cells:
    # cells [0, .5, .5, 0, .2] -> groups [0, 1, 1, 0, 2], group_of_cell [0, 0, 1] of columns [1, 2, 4].
    # bincount then sums by group: columns 1 + 2 and 4, sizes 2 and 1, means 1.5 and 4.
    groups, number = label(is_maximum, structure=np.ones((3, 3)))
    group_of_cell = np.asarray(groups)[rows, columns] - 1
    size = np.bincount(group_of_cell, minlength=number)
    place = [np.bincount(group_of_cell, weights=axis, minlength=number) / size for axis in (columns, rows)]
    value = np.zeros(number)
    value[group_of_cell] = cells[rows, columns]
    return np.stack(place, axis=1), value
