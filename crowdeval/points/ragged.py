"""Points by image as ``Ragged(xy, offsets)``, and the checks of shape, type and finite values of input arrays.

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
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crowdeval.errors import InputError
from crowdeval.points.tensors import as_plain, kind_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Indices = NDArray[np.int32] | NDArray[np.int64]
Flags = NDArray[np.bool_]

LARGEST = 1e9
"""Largest accepted coordinate in pixels: up to here squares and gaps between images are exact in float64."""

_RARE = 16
"""Flags are looked up one by one where at most one in this many is set."""


def as_floats(name: str, value: ArrayLike) -> Floats:
    """Convert an argument to a float64 array.

    Parameters
    ----------
    name : str
        Name of the argument, with which an error message begins.
    value : array_like of int or float
        Numbers in a rectangular array of any shape.

    Returns
    -------
    array of float64
        ``value`` itself, not a copy, where it already is such an array.

    Raises
    ------
    InputError
        If the array has a mask, is not rectangular, or does not hold numbers.

    Examples
    --------
    >>> as_floats("score", [1, 2])
    array([1., 2.])
    """
    refuse_mask(name, value)
    try:
        array = np.asarray(as_plain(value))
    except (ValueError, TypeError, RuntimeError) as problem:  # the last two are those of tensors
        raise InputError(f"{name}: expected numbers in a rectangular array ({problem})") from None
    if array.size and array.dtype.kind not in "fiu":
        raise InputError(f"{name}: expected numbers, found {_what(value, array)}")
    return array.astype(np.float64, copy=False)


def _what(value: object, array: NDArray[Any]) -> str:
    """Return what an argument without numbers is, for a message."""
    return f"an array of {array.dtype}" if array.ndim or array.dtype.kind != "O" else kind_of(value)


def as_points(name: str, value: ArrayLike) -> Floats:
    """Convert an argument to points: a contiguous float64 array of finite pixel coordinates.

    Parameters
    ----------
    name : str
        Name of the argument, with which an error message begins.
    value : array_like, (N, 2)
        Points x, y in pixels. An empty list stands for no points.

    Returns
    -------
    array of float64, (N, 2)

    Raises
    ------
    InputError
        If the shape is not (N, 2), or a coordinate is not finite or beyond ``LARGEST`` pixels.

    Examples
    --------
    >>> as_points("points", [[1, 2], [3, 4]]).shape, as_points("points", []).shape
    ((2, 2), (0, 2))
    """
    array = as_floats(name, value)
    if array.size == 0 and array.ndim <= 2:
        return np.empty((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(f"{name}: expected points of shape (N, 2), found {array.shape}")
    # min and max are NaN where a coordinate is NaN, and NaN fails both comparisons.
    if not (array.min() >= -LARGEST and array.max() <= LARGEST):
        bad = ~(np.abs(array) <= LARGEST).all(axis=1)
        first, others = int(np.argmax(bad)), int(bad.sum()) - 1
        raise InputError(
            f"{name}: expected finite coordinates within {LARGEST:.0e} pixels, "
            f"found {tuple(array[first].tolist())} in row {first}" + (f" and in {others} more rows" if others else "")
        )
    return np.ascontiguousarray(array)


def as_column(name: str, value: ArrayLike, length: int, *, finite: bool = True) -> Floats:
    """Convert an argument to a column: one float64 number a row.

    Parameters
    ----------
    name : str
        Name of the argument, with which an error message begins.
    value : array_like, (length,)
        Numbers.
    length : int
        Expected number of rows.
    finite : bool
        Whether NaN (unknown) is an error; infinite numbers always are.

    Returns
    -------
    array of float64, (length,)

    Raises
    ------
    InputError
        If the shape is not (length,), or a number is not finite.

    Examples
    --------
    >>> as_column("counts", [3, float("nan")], 2, finite=False)
    array([ 3., nan])
    """
    array = as_floats(name, value)
    if array.shape != (length,):
        raise InputError(f"{name}: expected shape ({length},), found {array.shape}")
    bad = ~np.isfinite(array) if finite else np.isinf(array)
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(f"{name}: expected finite numbers, found {array[first]} in row {first}")
    return array


def as_offsets(name: str, value: ArrayLike, images: int, rows: int) -> Integers:
    """Convert an argument to the offsets of a number of images and rows.

    Parameters
    ----------
    name : str
        Name of the argument, with which an error message begins.
    value : array_like of int, (images + 1,)
        Offsets from 0 to ``rows`` that never fall.
    images, rows : int
        Number of images and of rows (points).

    Returns
    -------
    array of int64, (images + 1,)
        A copy.

    Raises
    ------
    InputError
        If ``value`` does not hold such offsets.

    Examples
    --------
    >>> as_offsets("offsets", [0, 2, 2], images=2, rows=2)
    array([0, 2, 2])
    """
    refuse_mask(name, value)
    array = np.asarray(value)
    if array.shape != (images + 1,) or array.dtype.kind not in "iu":
        raise InputError(
            f"{name}: expected {images + 1} integers, one more than there are images, "
            f"found {array.dtype} of shape {array.shape}"
        )
    offsets = array.astype(np.int64)
    falls = np.flatnonzero(np.diff(offsets) < 0)
    if offsets[0] != 0 or offsets[-1] != rows or len(falls):
        place = f" that fall behind position {falls[0]}" if len(falls) else ""
        raise InputError(
            f"{name}: expected offsets that rise from 0 to {rows}, the number of points, "
            f"found offsets from {offsets[0]} to {offsets[-1]}{place}"
        )
    return offsets


def offsets_of(counts: ArrayLike) -> Integers:
    """Return the offsets of images with these numbers of rows.

    Parameters
    ----------
    counts : array_like of int, (m,)
        Number of rows of every image.

    Returns
    -------
    array of int64, (m + 1,)

    Examples
    --------
    >>> offsets_of([2, 0, 3]).tolist()
    [0, 2, 2, 5]
    """
    array = np.asarray(counts, dtype=np.int64)
    offsets = np.zeros(len(array) + 1, dtype=np.int64)
    np.cumsum(array, out=offsets[1:])
    return offsets


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array whose memory nobody can write to.

    Parameters
    ----------
    array : array
        Any array.

    Returns
    -------
    array
        ``array`` itself where this module has locked its memory before; else a copy. An array that a caller has
        locked can be unlocked and changed, so it is copied.

    Examples
    --------
    >>> column = np.array([1.0, 2.0])
    >>> read_only(column) is column, read_only(column).flags.writeable
    (False, False)
    """
    return array if not array.flags.writeable and _is_locked(array) else freeze(array.copy())


def freeze(array: NDArray[Any]) -> NDArray[Any]:
    """Make an array read-only in place, so that ``read_only`` takes it without a copy.

    Parameters
    ----------
    array : array
        An array that no other part of the program writes to.

    Returns
    -------
    array
        The same array.

    Examples
    --------
    >>> column = freeze(np.array([1.0, 2.0]))
    >>> read_only(column) is column
    True
    """
    array.flags.writeable = False
    root = _root(array)
    _LOCKED[id(root)] = root
    return array


_LOCKED: WeakValueDictionary[int, NDArray[Any]] = WeakValueDictionary()
"""The arrays that own the memory this module has locked, by their id; an entry goes with its array."""


def _is_locked(array: NDArray[Any]) -> bool:
    """Return whether the memory of an array is locked for good: by this module, or because it is of ``bytes``."""
    root = _root(array)
    return _LOCKED.get(id(root)) is root or isinstance(root.base, bytes)


def _root(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array at the end of a chain of views."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def refuse_mask(name: str, value: object) -> None:
    """Refuse a NumPy array with a mask, also one in a list: masked entries would count as data.

    Parameters
    ----------
    name : str
        Name of the argument, with which an error message begins.
    value : object
        Any argument.

    Raises
    ------
    InputError
        If it is, or holds, a masked array.

    Examples
    --------
    >>> refuse_mask("xy", [[1.0, 2.0]])
    """
    # The rows of a long list are looked at by their type alone, which costs less than to convert them.
    if isinstance(value, np.ma.MaskedArray) or (
        isinstance(value, list | tuple) and any(isinstance(row, np.ma.MaskedArray) for row in value)
    ):
        raise InputError(
            f"{name}: expected a plain array, found one with a mask; take mask.compressed() or mask.filled()"
        )


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
        """Return the row numbers of some images, one image after the other.

        Parameters
        ----------
        images : array of int, (n,)
            Images in any order, also more than once; -1 stands for an image without rows.

        Returns
        -------
        array of int64
            Row numbers.

        Examples
        --------
        >>> Ragged(np.zeros((6, 2)), offsets_of([2, 1, 3])).rows(np.array([2, -1, 0])).tolist()
        [3, 4, 5, 0, 1]
        """
        counts = self.counts_of(images)
        ends = np.cumsum(counts)
        starts = np.where(images >= 0, self.offsets[images], 0)
        rows = int(ends[-1]) if len(ends) else 0
        # Number the result 0, 1, 2, ... and shift each image by the distance from its place there to its own rows:
        #   offsets [0, 2, 3, 6], images [2, 0]  ->  counts [3, 2], ends [3, 5], starts [3, 0], shift [3 - 0, 0 - 3]
        #   0 1 2 3 4  +  3 3 3 -3 -3  =  3 4 5 0 1
        numbers: Integers = np.arange(rows, dtype=np.int64) + np.repeat(starts - (ends - counts), counts)
        return numbers

    def counts_of(self, images: Integers) -> Integers:
        """Return the number of points of some images.

        Parameters
        ----------
        images : array of int, (n,)
            Images in any order; -1 stands for an image without points.

        Returns
        -------
        array of int64, (n,)

        Examples
        --------
        >>> Ragged(np.zeros((6, 2)), offsets_of([2, 1, 3])).counts_of(np.array([2, -1, 0])).tolist()
        [3, 0, 2]
        """
        if not self.images:
            return np.zeros_like(images)
        return np.where(images >= 0, self.counts[images], 0)

    def take(self, images: Integers) -> Ragged:
        """Return the points of some images.

        Parameters
        ----------
        images : array of int, (n,)
            Images in the order of the result; -1 stands for an image without points.

        Returns
        -------
        Ragged
            The points of n images.

        Examples
        --------
        >>> points = Ragged(np.array([[1.0, 1.0], [2.0, 2.0], [5.0, 5.0]]), offsets_of([2, 0, 1]))
        >>> points.take(np.array([2, 0])).xy.tolist()
        [[5.0, 5.0], [1.0, 1.0], [2.0, 2.0]]
        """
        return Ragged(self.xy[self.rows(images)], offsets_of(self.counts_of(images)))

    def where(self, kept: Flags) -> Ragged:
        """Return the same images with some of their points.

        Parameters
        ----------
        kept : array of bool, (N,)
            The points to keep.

        Returns
        -------
        Ragged
            The kept points of all m images.

        Examples
        --------
        >>> points = Ragged(np.array([[1.0, 1.0], [2.0, 2.0], [5.0, 5.0]]), offsets_of([2, 0, 1]))
        >>> points.where(np.array([False, True, True])).offsets.tolist()
        [0, 1, 1, 2]
        """
        counts = np.bincount(self.image[kept], minlength=self.images)
        return Ragged(self.xy[kept], offsets_of(counts))

    def per_image(self, values: NDArray[Any]) -> Integers:
        """Return the sum of whole numbers or flags over the rows of every image.

        Parameters
        ----------
        values : array of int or bool, (N,)
            One value a point.

        Returns
        -------
        array of int64, (m,)

        Examples
        --------
        >>> Ragged(np.zeros((3, 2)), offsets_of([2, 0, 1])).per_image(np.array([True, True, False])).tolist()
        [2, 0, 0]
        """
        if values.dtype == bool:
            rows = np.flatnonzero(values)
            # Few flags are cheaper by the image of each: offsets [0, 2, 2, 3], rows [0, 2]  ->  images [0, 2].
            # side="right" passes over images without rows, which begin where the next image begins.
            if _RARE * len(rows) < len(values):
                return np.bincount(np.searchsorted(self.offsets, rows, side="right") - 1, minlength=self.images)
        # Running totals, with 0 before the first row, read at the offsets: their differences are the images' sums.
        #   values [1, 1, 0], offsets [0, 2, 2, 3]  ->  totals [0, 1, 2, 2] at the offsets [0, 2, 2, 2]  ->  [2, 0, 0]
        sums: Integers = np.diff(np.concatenate([[0], np.cumsum(values, dtype=np.int64)])[self.offsets])
        return sums


def concatenate(parts: Sequence[Ragged]) -> Ragged:
    """Return the points of several sets of images as one set.

    Parameters
    ----------
    parts : sequence of Ragged
        The sets; the images of the first come first. No sets give no images.

    Returns
    -------
    Ragged

    Examples
    --------
    >>> part = Ragged(np.zeros((2, 2)), offsets_of([2]))
    >>> concatenate([part, part]).offsets.tolist()
    [0, 2, 4]
    """
    # The empty arrays give the result its type and width where there are no parts.
    xy = np.concatenate([np.empty((0, 2)), *(part.xy for part in parts)])
    return Ragged(xy, offsets_of(np.concatenate([np.zeros(0, dtype=np.int64), *(part.counts for part in parts)])))
