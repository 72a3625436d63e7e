"""Arrays at the door: shapes, types and finiteness of points and scores, and the algebra of offsets.

A ragged column of ``m`` images is one flat array and ``offsets`` of ``m + 1`` integers: image ``i`` owns the
rows ``offsets[i]:offsets[i + 1]``.
"""

from __future__ import annotations

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


def offsets_of(counts: ArrayLike) -> Integers:
    """Return the offsets of images with these row counts.

    >>> offsets_of([2, 0, 3]).tolist()
    [0, 2, 2, 5]
    """
    array = np.asarray(counts, dtype=np.int64)
    offsets = np.zeros(len(array) + 1, dtype=np.int64)
    np.cumsum(array, out=offsets[1:])
    return offsets


def image_of_rows(offsets: Integers) -> NDArray[np.int32]:
    """Return the image index of every row.

    >>> image_of_rows(offsets_of([2, 0, 3])).tolist()
    [0, 0, 2, 2, 2]
    """
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))


def rows_of_images(offsets: Integers, images: Integers) -> Integers:
    """Return the row numbers of the given images one after the other; image -1 has no rows.

    >>> rows_of_images(offsets_of([2, 1, 3]), np.array([2, -1, 0])).tolist()
    [3, 4, 5, 0, 1]
    """
    counts = np.where(images >= 0, np.diff(offsets)[images], 0) if len(offsets) > 1 else np.zeros_like(images)
    ends = np.cumsum(counts)
    starts = np.where(images >= 0, offsets[images], 0)
    rows = int(ends[-1]) if len(ends) else 0
    numbers: Integers = np.arange(rows, dtype=np.int64) + np.repeat(starts - (ends - counts), counts)
    return numbers


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view of ``array`` that can't be written through."""
    view = array.view()
    view.flags.writeable = False
    return view
