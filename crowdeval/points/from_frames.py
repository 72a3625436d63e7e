"""Sets from a data frame with one row a point, whose columns are known by name."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any

import numpy as np

from crowdeval.errors import InputError, did_you_mean, listed
from crowdeval.options import COLUMN_SPELLINGS
from crowdeval.points.columns import Labels
from crowdeval.points.ragged import Floats, Integers, as_floats, offsets_of
from crowdeval.points.sets import Annotations, Predictions
from crowdeval.points.tensors import kind_of


def predictions_of_frame(frame: Any) -> Predictions:
    """Return predictions from a data frame with one row a point.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns image, x, y and perhaps score and label, or image and count; other spellings are those of CSV files.
        A row without x and y declares an image without points.

    Returns
    -------
    Predictions

    Raises
    ------
    InputError
        If a column is missing or has a wrong value.

    Examples
    --------
    >>> import pandas as pd
    >>> predictions_of_frame(pd.DataFrame({"image": ["a", "a"], "x": [1, 2], "y": [3, 4], "conf": [0.5, 0.6]})).score
    array([0.5, 0.6])
    """
    table = _Table("predictions", frame)
    if not table.has("x", "y") and table.has("count"):
        counts = table.of_images("count")
        none = [0] * (len(table.ids) + 1)
        return Predictions(image_ids=table.ids, offsets=none, xy=np.empty((0, 2)), counts=counts, located=False)
    rows, offsets = table.rows()
    return Predictions(
        image_ids=table.ids,
        offsets=offsets,
        xy=table.points(rows),
        score=table.floats("score")[rows] if table.has("score") else None,
        counts=table.of_images("count") if table.has("count") else None,
        labels=table.labels(rows),
    )


def annotations_of_frame(frame: Any) -> Annotations:
    """Return annotations from a data frame with one row a point.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns image, x, y and perhaps label, width and height, or image and count; other spellings are those of
        CSV files. A row without x and y declares an image without points.

    Returns
    -------
    Annotations

    Raises
    ------
    InputError
        If a column is missing or has a wrong value.

    Examples
    --------
    >>> import pandas as pd
    >>> annotations_of_frame(pd.DataFrame({"filename": ["a", "b"], "x": [1, None], "y": [3, None]})).counts.tolist()
    [1, 0]
    """
    table = _Table("annotations", frame)
    sizes = None
    if table.has("width", "height"):
        sizes = np.column_stack([table.of_images("width"), table.of_images("height")])
    if not table.has("x", "y") and table.has("count"):
        none = [0] * (len(table.ids) + 1)
        counts = table.of_images("count")
        return Annotations(
            image_ids=table.ids, offsets=none, xy=np.empty((0, 2)), counts=counts, located=False, sizes=sizes
        )
    rows, offsets = table.rows()
    return Annotations(
        image_ids=table.ids, offsets=offsets, xy=table.points(rows), sizes=sizes, labels=table.labels(rows)
    )


def is_frame(value: Any) -> bool:
    """Return whether a value is a data frame of pandas or of a library with the same methods.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_frame([1, 2])
    False
    """
    return hasattr(type(value), "columns") and hasattr(value, "to_numpy")


def fields_of_frame(place: str, frame: Any) -> dict[str, Any]:
    """Return the fields of a data frame of one image.

    Parameters
    ----------
    place : str
        Words for the image, with which an error message begins.
    frame : pandas.DataFrame
        The columns x and y, in any order, and perhaps score and label.

    Returns
    -------
    dict of str to array
        ``points``, and perhaps ``scores`` and ``labels``.

    Raises
    ------
    InputError
        If there is no x or y.

    Examples
    --------
    >>> import pandas as pd
    >>> fields_of_frame("image 'a'", pd.DataFrame({"y": [1], "x": [2]}))["points"].tolist()
    [[2, 1]]
    """
    columns = _columns(frame)
    if not {"x", "y"} <= columns.keys():
        raise InputError(f"{place}: expected the columns 'x' and 'y', found {listed(map(str, frame.columns), most=8)}")
    points = np.column_stack([columns["x"], columns["y"]])
    names = {"scores": "score", "labels": "label"}
    return {"points": points, **{field: columns[name] for field, name in names.items() if name in columns}}


def _columns(frame: Any) -> dict[str, Any]:
    """Return the columns of a data frame that are known, as arrays under the names of this package."""
    given = {re.sub(r"[\s_-]+", "", str(name)).lower(): name for name in frame.columns}
    found = {}
    for name in ("image", "x", "y", "score", "label", "count", "width", "height"):
        spellings = (each.replace("_", "") for each in COLUMN_SPELLINGS.get(name, (name,)))
        header = next((given[each] for each in spellings if each in given), None)
        if header is not None:
            column = frame[header]
            if getattr(column, "ndim", 1) != 1:
                raise InputError(f"data frame: expected one column {str(header)!r}, found several")
            found[name] = column.to_numpy()
    return found


def label_texts(place: str, values: Any) -> Labels:
    """Return classes as texts.

    Parameters
    ----------
    place : str
        Words for the image or the side, with which an error message begins.
    values : sequence
        Texts or whole numbers; None and NaN stand for no class.

    Returns
    -------
    array of str

    Raises
    ------
    InputError
        If a class is another number, or the values have no order.

    Examples
    --------
    >>> label_texts("image 'a'", [1, 2.0, "cow", None]).tolist()
    ['1', '2', 'cow', '']
    """
    if isinstance(values, Set):
        raise InputError(f"{place}, labels: expected a list, one class for each point, found {kind_of(values)}")
    plain = values.tolist() if hasattr(values, "tolist") else list(values)
    for value in plain:
        if isinstance(value, float | np.floating) and value == value and value != np.trunc(value):
            raise InputError(f"{place}, labels: expected whole numbers or names of classes, found {value:g}")
    labels = np.empty(len(plain), dtype=object)
    labels[:] = [_label(value) for value in plain]
    return labels


def _label(value: Any) -> str:
    if value is None or value != value or type(value).__name__ == "NAType":
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


class _Table:
    """The columns of a data frame under the names of this package."""

    def __init__(self, side: str, frame: Any) -> None:
        if not is_frame(frame):
            raise InputError(f"{side}: expected a data frame with the columns image, x and y, found {kind_of(frame)}")
        self.side = side
        self._columns = _columns(frame)
        located = {"x", "y"} <= self._columns.keys()
        if "image" not in self._columns or not (located or "count" in self._columns):
            lacking = [name for name in ("image", "x", "y") if name not in self._columns]
            near = "".join(did_you_mean(name, map(str, frame.columns)) for name in lacking)
            found = listed(map(str, frame.columns), most=8)
            raise InputError(f"{side}: expected the columns 'image', 'x' and 'y', found {found}{near}")
        names = [str(name) for name in self._columns["image"].tolist()]
        index: dict[str, int] = {}
        self.image = np.array([index.setdefault(name, len(index)) for name in names], dtype=np.int64)
        self.ids = tuple(index)

    def has(self, *names: str) -> bool:
        """Return whether there are all of these columns."""
        return all(name in self._columns for name in names)

    def floats(self, name: str) -> Floats:
        """Return a column of numbers; None and NA become NaN."""
        column = self._columns[name]
        if column.dtype == object:
            missing = {"NoneType", "NAType"}
            column = np.array([np.nan if type(each).__name__ in missing else each for each in column.tolist()])
        return as_floats(f"{self.side}[{name!r}]", column)

    def rows(self) -> tuple[Integers, Integers]:
        """Return the rows of points by image, and the offsets of the images."""
        rows = np.flatnonzero(~(np.isnan(self.floats("x")) & np.isnan(self.floats("y"))))
        rows = rows[np.argsort(self.image[rows], kind="stable")]
        return rows, offsets_of(np.bincount(self.image[rows], minlength=len(self.ids)))

    def points(self, rows: Integers) -> Floats:
        """Return the points of rows, (n, 2)."""
        return np.column_stack([self.floats("x")[rows], self.floats("y")[rows]])

    def labels(self, rows: Integers) -> Labels | None:
        """Return the classes of rows; None where there is no such column."""
        return None if not self.has("label") else label_texts(self.side, self._columns["label"][rows])

    def of_images(self, name: str) -> Floats:
        """Return a column of the images, which has one value in all rows of an image."""
        values, column = self.floats(name), np.full(len(self.ids), np.nan)
        column[self.image] = values
        differing = column[self.image] != values
        if (differing & ~np.isnan(values)).any():
            row = int(np.argmax(differing & ~np.isnan(values)))
            raise InputError(f"{self.side}[{name!r}]: expected one value for image {self.ids[self.image[row]]!r}")
        return column
