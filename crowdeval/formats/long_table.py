"""Long tables with one row for every point, the common part of CSV and Parquet, and their conversion to columns.

- A row with an image and without x and y declares an image without points.
- The columns of an image (width, height, count) have the same value in all its rows.
- The headers and their spellings are those of ``table_headers``, the forms of boxes those of ``table_boxes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crowdeval.errors import UsageError, listed, shown
from crowdeval.formats.image_objects import LARGEST_COUNT, LARGEST_LEVEL
from crowdeval.formats.table_boxes import with_places
from crowdeval.formats.table_headers import BOX, CLASS, RADII, SIZE
from crowdeval.formats.table_rows import LongTable
from crowdeval.points.columns import Labels
from crowdeval.points.ragged import LARGEST, Flags, Floats, Integers, offsets_of
from crowdeval.points.sets import Annotations, Predictions


def predictions_of_table(table: LongTable) -> Predictions:
    """Return the predictions of a table.

    Parameters
    ----------
    table : LongTable
        The table. Without columns x and y, its boxes give the points; without boxes too, it has counts only. Width and
        height are the frame that the points are in.

    Returns
    -------
    Predictions

    Raises
    ------
    FormatError
        If a cell is wrong or missing; the error has every problem.

    Examples
    --------
    A table of counts:

    >>> from crowdeval.errors import Problems
    >>> numbers = {"count": np.array([3.5, 0])}
    >>> table = LongTable(Problems("p.csv"), ("a", "b"), np.array([0, 1]), numbers, lambda name, row: {"line": row + 2})
    >>> predictions_of_table(table).counts.tolist()
    [3.5, 0.0]
    """
    problems = table.problems
    table = with_places(_with_count(table))
    counts = _of_image(table, "count")
    if counts is not None:
        wrong = ~_within(table.numbers["count"], 0, LARGEST_COUNT)
        table.add_problems("count", wrong, f"a count from 0 to {LARGEST_COUNT:.0e}")
    sizes = _sizes(table)
    if "x" not in table.numbers:
        return Predictions(
            image_ids=table.image_ids,
            offsets=_no_points(table),
            xy=np.empty((0, 2)),
            counts=_whole_column(table, counts),
            located=False,
            sizes=sizes,
        )
    rows = _point_rows(table)
    score = _of_points(table, ("score",), rows)
    problems.raise_if_any()
    return Predictions(
        image_ids=table.image_ids,
        offsets=_offsets(table, rows),
        xy=_stack(table, ("x", "y"), rows),
        score=None if score is None else score[:, 0],
        counts=counts,
        sizes=sizes,
        labels=_labels(table, rows),
    )


def annotations_of_table(table: LongTable) -> Annotations:
    """Return the annotations of a table.

    Parameters
    ----------
    table : LongTable
        The table. Without columns x and y, its boxes give the points; without boxes too, it has counts only.

    Returns
    -------
    Annotations

    Raises
    ------
    FormatError
        If a cell is wrong or missing; the error has every problem.

    Examples
    --------
    >>> from crowdeval.errors import Problems
    >>> numbers = {"x": np.array([1.0]), "y": np.array([2.0]), "level": np.array([3.0])}
    >>> table = LongTable(Problems("a.csv"), ("a",), np.array([0]), numbers, lambda name, row: {"line": row + 2})
    >>> annotations_of_table(table).level.tolist()
    [3]
    """
    table = with_places(_with_count(table))
    if "x" not in table.numbers:
        return _true_counts(table)
    rows = _point_rows(table)
    level = _of_points(table, ("level",), rows)
    if level is not None:
        values = table.numbers["level"]
        wrong = (values != np.round(values)) | ~_within(values, 0, LARGEST_LEVEL)
        table.add_problems("level", wrong & ~np.isnan(values), f"a whole number from 0 to {LARGEST_LEVEL}")
    boxes = _of_points(table, BOX, rows)
    radii = _of_points(table, RADII, rows)
    sizes = _sizes(table)
    table.problems.raise_if_any()
    return Annotations(
        image_ids=table.image_ids,
        offsets=_offsets(table, rows),
        xy=_stack(table, ("x", "y"), rows),
        boxes=boxes,
        radii=radii,
        level=None if level is None else level[:, 0].astype(np.int64),
        sizes=sizes,
        point_attributes={name: values[rows] for name, values in table.attributes.items()},
        labels=_labels(table, rows),
    )


def require_storable_labels(form: str, labels: Labels | None, characters: str, description: str) -> None:
    """Check that labels are texts that the format can store.

    Parameters
    ----------
    form : str
        The name of the format.
    labels : array of str, (N,), or None
        The labels of the points.
    characters : str
        The characters that the format can't store.
    description : str
        The words for these characters in the message.

    Raises
    ------
    UsageError
        If a label has such a character, or half a character.

    Examples
    --------
    >>> require_storable_labels("csv", np.array(["a\\nb"], dtype=object), "\\n", "line breaks")
    Traceback (most recent call last):
    ...
    crowdeval.errors.UsageError: the format 'csv' can't hold labels with line breaks: 'a\\nb'
    """
    bad = [
        label
        for label in sorted(set(() if labels is None else labels.tolist()))
        if not set(characters).isdisjoint(label) or any("\ud800" <= sign <= "\udfff" for sign in label)
    ]
    if bad:
        raise UsageError(f"the format {form!r} can't hold labels with {description}: {shown(bad[0])}")


def _true_counts(table: LongTable) -> Annotations:
    """Return the annotations of a table of counts."""
    values = table.numbers["count"]
    wrong = (values != np.round(values)) | ~_within(values, 0, LARGEST_COUNT)
    table.add_problems("count", wrong & ~np.isnan(values), f"a whole number of people from 0 to {LARGEST_COUNT:.0e}")
    counts = _of_image(table, "count")
    sizes = _sizes(table)
    return Annotations(
        image_ids=table.image_ids,
        offsets=_no_points(table),
        xy=np.empty((0, 2)),
        sizes=sizes,
        counts=_whole_column(table, counts),
        located=False,
    )


def _no_points(table: LongTable) -> Integers:
    """Return the offsets of images without points."""
    return np.zeros(len(table.image_ids) + 1, dtype=np.int64)


def _whole_column(table: LongTable, counts: Floats | None) -> Floats | None:
    """Return the counts of a table without points; raise FormatError where one is missing, or anything is wrong."""
    if counts is not None:
        for i in np.flatnonzero(table.images_without("count", counts)):
            table.problems.add("a count for every image", "none", image=table.image_ids[i])
    table.problems.raise_if_any()
    return counts


def _with_count(table: LongTable) -> LongTable:
    """Return the table with the sum of its columns of classes as count, where it has such columns."""
    classes = [name for name in table.numbers if name.startswith(CLASS)]
    if not classes:
        return table
    for name in classes:
        table.add_problems(
            name, ~_within(table.numbers[name], 0, LARGEST_COUNT), f"a count from 0 to {LARGEST_COUNT:.0e}"
        )
    count = np.sum([table.numbers[name] for name in classes], axis=0)
    flags = [table.reported[name] for name in classes if name in table.reported]
    reported = {"count": np.logical_or.reduce(flags)} if flags else {}
    return replace(table, numbers={"count": count}, reported=reported)


def _labels(table: LongTable, rows: Integers) -> Labels | None:
    """Return the labels of the points, or None where the table has none."""
    return table.texts["label"].of_rows(rows) if "label" in table.texts else None


def _point_rows(table: LongTable) -> Integers:
    """Return the rows of points, those of one image together and in the order of the table."""
    x, y = table.numbers["x"], table.numbers["y"]
    table.add_problems("x", np.isnan(x) & ~np.isnan(y), "a number", "an empty cell")
    table.add_problems("y", np.isnan(y) & ~np.isnan(x), "a number", "an empty cell")
    for name, values in (("x", x), ("y", y)):
        table.add_problems(name, np.abs(values) > LARGEST, f"a coordinate within {LARGEST:.0e} pixels")
    # x [1, nan, 3, 4] (row 1 declares an image), image [0, 1, 2, 0] -> rows [0, 2, 3], sorted by image [0, 3, 2]
    rows = np.flatnonzero(~np.isnan(x))
    image = table.image[rows]
    if (np.diff(image) < 0).any():
        rows = rows[np.argsort(image, kind="stable")]
    return rows


def _of_points(table: LongTable, names: tuple[str, ...], rows: Integers) -> Floats | None:
    """Return k columns of the points as (N, k), or None where the table has none of them."""
    present = [name for name in names if name in table.numbers]
    if not present:
        return None
    if len(present) < len(names):
        table.problems.add(f"the columns {listed(names)} together", f"only {listed(present)}")
        return None
    empty = ~table.is_point
    for name in names:
        values = table.numbers[name]
        table.add_problems(name, np.isnan(values) & ~empty, f"a {name} for every point", "an empty cell")
        table.add_problems(name, ~np.isnan(values) & empty, f"no {name} where there is no point")
    return _stack(table, names, rows)


def _of_image(table: LongTable, name: str) -> Floats | None:
    """Return a column of the images as (m,), NaN where unknown; add a problem for every row with another value."""
    if name not in table.numbers:
        return None
    values = table.numbers[name]
    # The rows are written in reverse, so that the first row of an image is written last and stays:
    # image [0, 0, 1], values [640, 800, nan] -> column [640, nan], known [640, 640, nan]: row 1 disagrees
    rows = np.flatnonzero(~np.isnan(values))[::-1]
    column = np.full(len(table.image_ids), np.nan)
    column[table.image[rows]] = values[rows]
    known = column[table.image]
    table.add_problems(name, ~np.isnan(values) & (values != known), f"the same {name} on every row of an image")
    return column


def _sizes(table: LongTable) -> Floats | None:
    """Return the (m, 2) sizes of the images, or None where the table has none."""
    width, height = (_of_image(table, name) for name in SIZE)
    if width is None and height is None:
        return None
    if width is None or height is None:
        present = "width" if height is None else "height"
        table.problems.add("both columns 'width' and 'height', or neither", f"only {present!r}")
        return None
    for name in SIZE:
        table.add_problems(name, table.numbers[name] <= 0, "a positive number")
    without_width, without_height = table.images_without("width", width), table.images_without("height", height)
    for i in np.flatnonzero(without_width != without_height):
        found = f"only the {'height' if without_width[i] else 'width'}"
        table.problems.add("both width and height, or neither", found, image=table.image_ids[i])
    return np.column_stack([width, height])


def _offsets(table: LongTable, rows: Integers) -> Integers:
    """Return the offsets of the images in rows that are sorted by image."""
    # image of the rows [0, 0, 2], 3 images -> points per image [2, 0, 1] -> offsets [0, 2, 2, 3]
    return offsets_of(np.bincount(table.image[rows], minlength=len(table.image_ids)))


def _stack(table: LongTable, names: Sequence[str], rows: Integers) -> Floats:
    return np.column_stack([table.numbers[name][rows] for name in names])


def _within(values: Floats, low: float, high: float) -> Flags:
    """Return whether values lie in a range; NaN (unknown) does."""
    flags: Flags = ~((values < low) | (values > high))
    return flags
