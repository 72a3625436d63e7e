"""Points by image: ``Ragged(xy, offsets)``, and the checks of shape, type and finiteness at the door.

The points of ``m`` images are one array ``xy`` and ``offsets`` of ``m + 1`` integers: image ``i`` owns the rows
``offsets[i]:offsets[i + 1]``. Three images with 2, 0 and 3 points::

    xy       [[1, 1], [2, 2], [5, 5], [6, 6], [7, 7]]
    offsets  [0, 2, 2, 5]
    image    [0, 0, 2, 2, 2]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crowdeval.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Indices = NDArray[np.int32] | NDArray[np.int64]
Flags = NDArray[np.bool_]

LARGEST = 1e9
"""Coordinates beyond this many pixels are refused: squares and image separation stay exact in float64."""


def floats(name: str, value: ArrayLike) -> Floats:
    """Return ``value`` as a float64 array; raise InputError where that is not possible."""
    if isinstance(value, np.ma.MaskedArray):
        raise InputError(
            f"{name}: expected a plain array, found one with a mask; take mask.compressed() or mask.filled()"
        )
    try:
        array = np.asarray(value)
    except ValueError as problem:
        raise InputError(f"{name}: expected numbers in a rectangular array ({problem})") from None
    if array.size and array.dtype.kind not in "fiu":
        raise InputError(f"{name}: expected numbers, found an array of {array.dtype}")
    return array.astype(np.float64, copy=False)


def as_points(name: str, value: ArrayLike) -> Floats:
    """Return points as a contiguous (N, 2) float64 array of finite pixel coordinates.

    An empty list is no points.

    >>> as_points("points", [[1, 2], [3, 4]]).shape
    (2, 2)
    """
    array = floats(name, value)
    if array.size == 0 and array.ndim <= 2:
        return np.empty((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(f"{name}: expected points of shape (N, 2), found {array.shape}")
    if not (array.min() >= -LARGEST and array.max() <= LARGEST):  # also where one is NaN
        bad = ~(np.abs(array) <= LARGEST).all(axis=1)
        first = int(np.argmax(bad))
        raise InputError(
            f"{name}: expected finite coordinates within {LARGEST:.0e} pixels, "
            f"found {tuple(array[first].tolist())} in row {first} and {int(bad.sum()) - 1} more like it"
        )
    return np.ascontiguousarray(array)


def as_column(name: str, value: ArrayLike, length: int, *, finite: bool = True) -> Floats:
    """Return a (length,) float64 column; ``finite=False`` lets NaN (unknown) through."""
    array = floats(name, value)
    if array.shape != (length,):
        raise InputError(f"{name}: expected shape ({length},), found {array.shape}")
    bad = ~np.isfinite(array) if finite else np.isinf(array)
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(f"{name}: expected finite numbers, found {array[first]} in row {first}")
    return array


def as_offsets(name: str, value: ArrayLike, images: int, rows: int) -> Integers:
    """Return offsets as (images + 1,) int64, from 0 to ``rows`` and never falling."""
    array = np.asarray(value)
    if array.shape != (images + 1,) or array.dtype.kind not in "iu":
        raise InputError(f"{name}: expected {images + 1} integers, found {array.dtype} of shape {array.shape}")
    offsets = array.astype(np.int64)
    if offsets[0] != 0 or offsets[-1] != rows or (np.diff(offsets) < 0).any():
        raise InputError(f"{name}: expected offsets that rise from 0 to {rows}")
    return offsets


_FEW = 16
"""One flag in so many, or fewer, is looked up by itself."""


def offsets_of(counts: ArrayLike) -> Integers:
    """Return the offsets of images with these row counts.

    >>> offsets_of([2, 0, 3]).tolist()
    [0, 2, 2, 5]
    """
    array = np.asarray(counts, dtype=np.int64)
    offsets = np.zeros(len(array) + 1, dtype=np.int64)
    np.cumsum(array, out=offsets[1:])
    return offsets


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that nobody can write to: a copy, unless ``array`` is such a one already."""
    if array.flags.writeable or _writeable_base(array):
        array = array.copy()
        array.flags.writeable = False
    return array


def own(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array made here as one that nobody can write to, so that it is taken over without a copy."""
    array.flags.writeable = False
    return array


def _writeable_base(array: NDArray[Any]) -> bool:
    """Return whether the memory of a view can be written through what it is a view of."""
    base: object = array.base
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return True
        base = base.base
    return not isinstance(base, bytes | None)


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """The points of some images, one image after the other.

    Parameters
    ----------
    xy : array of float, (N, 2)
        Points in pixels.
    offsets : array of int, (m + 1,)
        Image ``i`` owns the rows ``offsets[i]:offsets[i + 1]``.

    Examples
    --------
    >>> points = Ragged(np.array([[1.0, 1.0], [2.0, 2.0], [5.0, 5.0]]), offsets_of([2, 0, 1]))
    >>> points.counts.tolist(), points.image.tolist()
    ([2, 0, 1], [0, 0, 2])
    >>> points.take(np.array([2, 0])).xy.tolist()
    [[5.0, 5.0], [1.0, 1.0], [2.0, 2.0]]
    """

    xy: Floats
    offsets: Integers

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.xy)

    @property
    def images(self) -> int:
        """The number of images."""
        return len(self.offsets) - 1

    @property
    def counts(self) -> Integers:
        """The number of points of every image, (m,)."""
        return np.diff(self.offsets)

    @property
    def image(self) -> NDArray[np.int32]:
        """The image of every point, (N,)."""
        return np.repeat(np.arange(self.images, dtype=np.int32), self.counts)

    def rows(self, images: Integers) -> Integers:
        """Return the row numbers of the given images, one image after the other; image -1 has no rows.

        >>> Ragged(np.zeros((6, 2)), offsets_of([2, 1, 3])).rows(np.array([2, -1, 0])).tolist()
        [3, 4, 5, 0, 1]
        """
        counts = self.counts_of(images)
        ends = np.cumsum(counts)
        starts = np.where(images >= 0, self.offsets[images], 0)
        rows = int(ends[-1]) if len(ends) else 0
        # 0 1 2 3 4 plus, for every row of an image, how far its first row lies behind the rows before it.
        numbers: Integers = np.arange(rows, dtype=np.int64) + np.repeat(starts - (ends - counts), counts)
        return numbers

    def counts_of(self, images: Integers) -> Integers:
        """Return the number of points of the given images; image -1 has none."""
        if not self.images:
            return np.zeros_like(images)
        return np.where(images >= 0, self.counts[images], 0)

    def take(self, images: Integers) -> Ragged:
        """Return the points of the given images, in this order; image -1 has none."""
        return Ragged(self.xy[self.rows(images)], offsets_of(self.counts_of(images)))

    def where(self, kept: Flags) -> Ragged:
        """Return the points that are kept, (N,) bool, of the same images."""
        counts = np.bincount(self.image[kept], minlength=self.images)
        return Ragged(self.xy[kept], offsets_of(counts))

    def per_image(self, values: NDArray[Any]) -> Integers:
        """Return the sums over every image's rows of whole numbers or flags, (m,).

        >>> Ragged(np.zeros((3, 2)), offsets_of([2, 0, 1])).per_image(np.array([True, True, False])).tolist()
        [2, 0, 0]
        """
        if values.dtype == bool:
            rows = np.flatnonzero(values)
            if _FEW * len(rows) < len(values):  # most flags are of something rare
                return np.bincount(np.searchsorted(self.offsets, rows, side="right") - 1, minlength=self.images)
        sums: Integers = np.diff(np.concatenate([[0], np.cumsum(values, dtype=np.int64)])[self.offsets])
        return sums


def concatenate(parts: Sequence[Ragged]) -> Ragged:
    """Return the points of several sets of images as one, the images of the first set first.

    >>> one = Ragged(np.zeros((2, 2)), offsets_of([2]))
    >>> concatenate([one, one]).offsets.tolist()
    [0, 2, 4]
    """
    xy = np.concatenate([np.empty((0, 2)), *(part.xy for part in parts)])
    return Ragged(xy, offsets_of(np.concatenate([np.zeros(0, dtype=np.int64), *(part.counts for part in parts)])))
