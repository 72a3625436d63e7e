"""What a density map says: its sum is the count, its local maxima are the points.

A map covers its image evenly: cell (row, column) of an (h, w) map of a W x H image has its centre at
((column + 0.5) W / w, (row + 0.5) H / h). A point is a cell above the threshold that no cell of the window around it
exceeds; cells of equal value that touch are one point, at their mean place. Its confidence is the map's value there.
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
    """How maps are read.

    Parameters
    ----------
    threshold : float, optional
        Value, in persons a cell, that a local maximum has to exceed; without it there is a count and there are no
        points.
    window : int
        Side in cells, odd, of the square that a local maximum is the largest of.
    per_person : float
        What a map sums to for one person, for models trained on maps times 100, say.
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
        """Return the answer for a map that covers ``width`` x ``height`` pixels; a sum below 0 is no persons."""
        cells = as_map(density) / self.per_person
        count = max(0.0, float(cells.sum()))
        if self.threshold is None:
            return {"count": count}
        place, value = maxima(cells, self.threshold, self.window)
        across, down = width / cells.shape[1], height / cells.shape[0]
        return {"points": (place + 0.5) * (across, down), "scores": value, "count": count}


def as_map(density: ArrayLike) -> Floats:
    """Return a map as (h, w) float64; dimensions of length 1 around it are left away."""
    array = np.asarray(density)
    while array.ndim > 2 and 1 in (array.shape[0], array.shape[-1]):
        array = array[0] if array.shape[0] == 1 else array[..., 0]
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "fiu":
        raise PredictorError(f"expected a density map of shape (h, w), found {array.dtype} of shape {array.shape}")
    if not np.isfinite(array).all():
        raise PredictorError(
            f"expected a density map of finite values, found {int((~np.isfinite(array)).sum())} others"
        )
    return array.astype(np.float64)


def maxima(cells: Floats, threshold: float, window: int) -> tuple[Floats, Floats]:
    """Return the local maxima above a threshold: column and row (M, 2), in cells, and value (M,).

    >>> place, value = maxima(np.array([[0.0, 0.5, 0.5, 0.0, 0.2]]), 0.1, 3)
    >>> place.tolist(), value.tolist()
    ([[1.5, 0.0], [4.0, 0.0]], [0.5, 0.2])
    """
    from scipy.ndimage import label, maximum_filter

    highest = np.asarray(maximum_filter(cells, size=window, mode="constant", cval=-np.inf))
    rows, columns = np.nonzero((cells == highest) & (cells > threshold))
    plateaus, number = label((cells == highest) & (cells > threshold), structure=np.ones((3, 3)))
    of_cell = np.asarray(plateaus)[rows, columns] - 1
    size = np.bincount(of_cell, minlength=number)
    place = [np.bincount(of_cell, weights=axis, minlength=number) / size for axis in (columns, rows)]
    value = np.zeros(number)
    value[of_cell] = cells[rows, columns]
    return np.stack(place, axis=1), value
