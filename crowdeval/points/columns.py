"""The columns of sets, checked and converted one by one: tables of numbers, sizes, labels, levels, facts, counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import InputError
from crowdeval.points.ragged import Floats, Integers, as_column, as_floats, refuse_mask

Labels = NDArray[np.object_]
"""Classes of points: an array of str."""


def number_table(name: str, value: Any, rows: int, width: int, *, finite: bool = True) -> Floats:
    """Return numbers as a table of float64.

    Parameters
    ----------
    name : str
        Name of the column, with which an error message begins.
    value : array_like, (rows, width)
        The numbers.
    rows, width : int
        The shape.
    finite : bool
        Whether NaN (unknown) is an error; infinite numbers always are.

    Returns
    -------
    array of float64, (rows, width)

    Raises
    ------
    InputError
        If the shape is another, or a number is not finite.

    Examples
    --------
    >>> number_table("boxes", [[1, 2, 3, 4]], 1, 4).shape
    (1, 4)
    """
    array = as_floats(name, value)
    if array.size == 0 and rows == 0:
        return np.empty((0, width))
    if array.shape != (rows, width):
        raise InputError(f"{name}: expected shape ({rows}, {width}), found {array.shape}")
    if not np.isfinite(array).all() and (finite or np.isinf(array).any()):
        bad = ~np.isfinite(array).all(axis=1) if finite else np.isinf(array).any(axis=1)
        row = int(np.argmax(bad))
        raise InputError(f"{name}: expected finite numbers, found {tuple(array[row].tolist())} in row {row}")
    return array


def size_table(name: str, value: Any, image_ids: tuple[str, ...]) -> Floats:
    """Return widths and heights as a table.

    Parameters
    ----------
    name : str
        Name of the column, with which an error message begins.
    value : array_like, (m, 2)
        Widths and heights in pixels; both or neither of an image are NaN.
    image_ids : tuple of str
        The m images.

    Returns
    -------
    array of float, (m, 2)

    Raises
    ------
    InputError
        If the shape is another, or a side is not positive.

    Examples
    --------
    >>> size_table("sizes", [[640, 480]], ("a",)).tolist()
    [[640.0, 480.0]]
    """
    sizes = number_table(name, value, len(image_ids), 2, finite=False)
    bad = (sizes <= 0).any(axis=1) | (np.isnan(sizes[:, 0]) != np.isnan(sizes[:, 1]))
    if bad.any():
        image = int(np.argmax(bad))
        raise InputError(
            f"{name}: expected positive widths and heights, both or neither NaN, "
            f"found {tuple(sizes[image].tolist())} for image {image_ids[image]!r}"
        )
    return sizes


def label_column(name: str, value: Any, rows: int) -> Labels:
    """Return the classes of points as an array of str.

    Parameters
    ----------
    name : str
        Name of the column, with which an error message begins.
    value : sequence of str
        One label for each point.
    rows : int
        Number of points.

    Returns
    -------
    array of str, (rows,)

    Raises
    ------
    InputError
        If their number is another, or one is no text.

    Examples
    --------
    >>> label_column("labels", ["cow", ""], 2).tolist()
    ['cow', '']
    """
    values = value.tolist() if isinstance(value, np.ndarray) else list(value)
    if len(values) != rows:
        raise InputError(f"{name}: expected {rows} labels, one for each point, found {len(values)}")
    if not set(map(type, values)) <= {str}:
        found = next(label for label in values if type(label) is not str)
        raise InputError(f"{name}: expected text, found {found!r}; an empty text stands for no class")
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.copy()
    labels = np.empty(rows, dtype=object)
    labels[:] = values
    return labels


def level_column(value: Any, rows: int) -> NDArray[np.int64]:
    """Return head-area levels as integers.

    Parameters
    ----------
    value : array_like of int, (rows,)
        Levels from 0 to 5.
    rows : int
        Number of points.

    Returns
    -------
    array of int64, (rows,)

    Raises
    ------
    InputError
        If the shape or a value is another.

    Examples
    --------
    >>> level_column([0, 5], 2).tolist()
    [0, 5]
    """
    refuse_mask("annotations.level", value)
    level = np.asarray(value)
    if level.shape != (rows,) or level.dtype.kind not in "iu":
        raise InputError(f"annotations.level: expected {rows} integers, found {level.dtype} of shape {level.shape}")
    bad = (level < 0) | (level > 5)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"annotations.level: expected head-area levels from 0 to 5, found {level[row]} in row {row}")
    return level.astype(np.int64)


def fact_column(name: str, values: Any) -> NDArray[Any]:
    """Return an attribute as an array; values of different types stay what they are, so that 1 does not become "1".

    Parameters
    ----------
    name : str
        Name of the column, with which an error message begins.
    values : sequence
        The values.

    Returns
    -------
    array

    Raises
    ------
    InputError
        If it is a masked array.

    Examples
    --------
    >>> fact_column("weather", [1, "fog"]).tolist()
    [1, 'fog']
    """
    refuse_mask(name, values)
    if isinstance(values, list | tuple) and len({type(value) for value in values}) > 1:
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array
    return np.asarray(values)


def true_counts(given: Any, image_ids: tuple[str, ...], offsets: Integers, *, located: bool) -> Integers:
    """Return the true count of each image: the number of its points, or the count that is given without points.

    Parameters
    ----------
    given : array_like, (m,), or None
        Counts; None for those of the points.
    image_ids : tuple of str
        The m images.
    offsets : array of int, (m + 1,)
        Image ``i`` owns the points ``offsets[i]:offsets[i + 1]``.
    located : bool
        Whether the annotations are points.

    Returns
    -------
    array of int, (m,)

    Raises
    ------
    InputError
        If counts are missing, not whole, or not those of the points.

    Examples
    --------
    >>> true_counts(None, ("a", "b"), np.array([0, 2, 2]), located=True).tolist()
    [2, 0]
    """
    of_points: Integers = np.diff(offsets)
    if given is None and located:
        return of_points
    if given is None or (not located and of_points.any()):
        raise InputError(
            "annotations.located: annotations without locations (located=False) need a count for every image and no "
            "points"
        )
    counts = as_column("annotations.counts", given, len(image_ids))
    bad = (counts < 0) | (counts % 1 != 0)
    if bad.any():
        i = int(np.argmax(bad))
        found = f"{counts[i]:g} for image {image_ids[i]!r}"
        raise InputError(f"annotations.counts: expected whole numbers of people, found {found}")
    if located and (counts != of_points).any():
        i = int(np.argmax(counts != of_points))
        raise InputError(
            f"annotations.counts: {counts[i]:g} and {of_points[i]} points for image {image_ids[i]!r}; counts "
            "that differ from the points need located=False and no points"
        )
    return counts.astype(np.int64)
