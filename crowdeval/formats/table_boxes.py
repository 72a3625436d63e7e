"""Where the points of a long table are: x and y, or the centres of boxes in any of the forms that tables have.

- Boxes have corners ``x1,y1,x2,y2``, or one corner and ``width,height``, or a text ``[x, y, width, height]`` in the
  column ``bbox`` (GWHD). A text ``POINT (x y)`` in ``geometry`` is a point (DeepForest).
- Beside x and y, ``width,height`` are the size of the image, as crowdeval writes them, or the sides of a box with the
  corner x, y, as in COCO. A point that lies outside decides; the columns ``image_width,image_height`` are always sizes.
- A box of zeros, and in tables with the header ``image_path`` a single point (0, 0), declares an image without points.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import shown
from crowdeval.formats.contract import counted, warn
from crowdeval.formats.table_headers import BOX, IMAGE_SIZE, RADII, SIZE
from crowdeval.formats.table_rows import LongTable, is_missing
from crowdeval.points.ragged import Flags, Floats

_NUMBER = r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
_BBOX = re.compile(rf"[\[(]?\s*{_NUMBER}\s*[,\s]\s*{_NUMBER}\s*[,\s]\s*{_NUMBER}\s*[,\s]\s*{_NUMBER}\s*[\])]?")
_POINT = re.compile(rf"POINT\s*[ZM]*\s*\(\s*{_NUMBER}\s+{_NUMBER}(?:\s+{_NUMBER})*\s*\)", re.IGNORECASE)
_SHAPE = re.compile(r"([A-Z]{4,20})\s*[ZM]*\s*(\(|EMPTY)", re.IGNORECASE)

_INCLUSIVE = 1.01
"""By how much a side may be longer than the difference of corners: tables that count the last pixel add 1."""


def with_places(table: LongTable) -> LongTable:
    """Return a table with x and y, the corners of boxes where it has boxes, and width and height as sizes of images.

    Parameters
    ----------
    table : LongTable
        The table as the file has it. A table of counts, without any places, stays without x and y.

    Returns
    -------
    LongTable

    Examples
    --------
    >>> from crowdeval.errors import Problems
    >>> numbers = {"x": np.array([0.0, 2.0]), "y": np.array([0.0, 4.0])}
    >>> table = LongTable(Problems("p.csv"), ("a",), np.array([0, 0]), numbers, lambda name, row: {"line": row + 2})
    >>> with_places(replace(table, zeros_are_empty=True)).is_point.tolist()
    [True, True]
    """
    given = table.numbers.keys()
    table = _with_image_size(_with_boxes(_with_texts(table)))
    boxes = table.numbers.keys() >= set(BOX)
    if not boxes and not table.numbers.keys() >= {"x", "y"}:
        return table
    if boxes and not (given >= set(BOX) and given >= {"x", "y"}):
        table = _without(table, np.logical_and.reduce([table.numbers[name] == 0 for name in BOX]), "of zeros")
    if not table.numbers.keys() >= {"x", "y"}:
        whole = counted(int((~np.isnan(table.numbers["x1"])).sum()), "box", "boxes")
        warn(f"{table.problems.file}: no columns x and y; the points are the centres of {whole}")
        table = _with_centres(table)
    elif table.zeros_are_empty:
        alone = np.bincount(table.image, minlength=1)[table.image] == 1
        zeros = (table.numbers["x"] == 0) & (table.numbers["y"] == 0)
        table = _without(table, alone & zeros, "with (0, 0) as its only point")
    return table


def sides_are_boxes(image: NDArray[np.integer], numbers: Mapping[str, Floats]) -> bool:
    """Return whether width and height beside x and y are the sides of boxes, and not the size of the image.

    They are sides if points lie outside, and most points do or the sides vary inside most images. A few points beyond
    the border of their image, or a wrong size in one row, are no boxes.

    Parameters
    ----------
    image : array of int, (n,)
        The image of every row.
    numbers : mapping of str to array of float, (n,)
        The columns x, y, width and height; NaN is an empty cell.

    Returns
    -------
    bool

    Examples
    --------
    A point that lies at x = 95 is in no image of width 10:

    >>> row = {"x": np.array([95.0]), "y": np.array([45.0]), "width": np.array([10.0]), "height": np.array([10.0])}
    >>> sides_are_boxes(np.array([0]), row)
    True
    """
    x, y, width, height = (numbers[name] for name in ("x", "y", *SIZE))
    if (np.isnan(x) & (width > 0)).any():
        return False  # the size of an image without points
    rows = ~np.isnan(x) & ~np.isnan(y) & (width > 0) & (height > 0)
    outside = rows & ~((x >= 0) & (x <= width) & (y >= 0) & (y <= height))
    if 2 * outside.sum() > rows.sum() or not outside.any():
        return bool(outside.any())
    # Rows of two images [0, 0, 1, 1] with the widths [10, 12, 10, 10] -> first [10, 10], varying {0}, several 2 images
    image, width, height = image[rows], width[rows], height[rows]
    _, first, inverse, points = np.unique(image, return_index=True, return_inverse=True, return_counts=True)
    varies = (width != width[first][inverse]) | (height != height[first][inverse])
    return bool(2 * len(np.unique(image[varies])) > (points > 1).sum())


def sides_of_corners(numbers: Mapping[str, Floats]) -> bool:
    """Return whether width and height beside the corners of boxes are the sides of these boxes.

    Parameters
    ----------
    numbers : mapping of str to array of float, (n,)
        The columns x1, y1, x2, y2, width and height; NaN is an empty cell.

    Returns
    -------
    bool

    Examples
    --------
    >>> row = {"x1": np.array([5.0]), "y1": np.array([5.0]), "x2": np.array([15.0]), "y2": np.array([25.0])}
    >>> sides_of_corners({**row, "width": np.array([10.0]), "height": np.array([20.0])})
    True
    """
    known = ~np.isnan(numbers["width"]) & ~np.isnan(numbers["x1"])
    with np.errstate(over="ignore", invalid="ignore"):
        longer = [numbers[side] - (numbers[b] - numbers[a]) for side, a, b in zip(SIZE, BOX[:2], BOX[2:], strict=True)]
    return bool(known.any() and all((np.abs(values[known]) <= _INCLUSIVE).all() for values in longer))


def _with_boxes(table: LongTable) -> LongTable:
    """Return the table with the corners of its boxes, and without sides of boxes."""
    numbers = table.numbers
    if not numbers.keys() >= set(SIZE):
        return table
    if numbers.keys() >= set(BOX):
        if not sides_of_corners(numbers):
            return table
        warn(f"{table.problems.file}: width and height are the sides of the boxes, and not read")
        return replace(table, numbers={name: values for name, values in numbers.items() if name not in SIZE})
    if numbers.keys() >= {"x", "y"}:
        wrong = any(table.reported[name].any() for name in ("x", "y", *SIZE) if name in table.reported)
        if not numbers.keys() >= set(IMAGE_SIZE) and (wrong or not sides_are_boxes(table.image, numbers)):
            return table
        text = "width and height are the sides of boxes with the corner x, y: the points are their centres"
        warn(f"{table.problems.file}: {text}")
        corner = {"x1": numbers["x"], "y1": numbers["y"]}
        return _with_centres(_with_sides(replace(table, numbers={**numbers, **corner})))
    return _with_sides(table) if numbers.keys() >= {"x1", "y1"} else table


def _with_sides(table: LongTable) -> LongTable:
    """Return the table with the corner x2, y2 from x1, y1 and the sides width, height."""
    numbers = dict(table.numbers)
    for side, start, end in zip(SIZE, BOX[:2], BOX[2:], strict=True):
        values = numbers.pop(side)
        known = ~np.isnan(numbers[start])
        table.add_problems(side, np.isnan(values) & known, "a side for every box", "an empty cell")
        table.add_problems(side, values < 0, "a side of at least 0")
        with np.errstate(over="ignore"):  # a sum that overflows is reported as a coordinate out of range
            numbers[end] = numbers[start] + np.nan_to_num(values)
    return replace(table, numbers=numbers)


def _with_centres(table: LongTable) -> LongTable:
    """Return the table with the centres of the boxes as x and y."""
    x1, y1, x2, y2 = (table.numbers[name] for name in BOX)
    with np.errstate(over="ignore"):
        return replace(table, numbers={**table.numbers, "x": (x1 + x2) / 2, "y": (y1 + y2) / 2})


def _with_image_size(table: LongTable) -> LongTable:
    """Return the table with the columns image_width and image_height as width and height."""
    other = dict(zip(IMAGE_SIZE, SIZE, strict=True))
    if not table.numbers.keys() & other.keys():
        return table
    numbers = {name: values for name, values in table.numbers.items() if name not in SIZE}
    reported = {name: flags for name, flags in table.reported.items() if name not in SIZE}
    return replace(
        table,
        numbers={other.get(name, name): values for name, values in numbers.items()},
        reported={other.get(name, name): flags for name, flags in reported.items()},
    )


def _without(table: LongTable, rows: Flags, words: str) -> LongTable:
    """Return the table in which these rows declare images and have no points; say so."""
    number = int(rows.sum())
    if not number:
        return table
    are = "is read as an image" if number == 1 else "are read as images"
    warn(f"{table.problems.file}: {counted(number, 'row')} {words} {are} without points")
    of_points = ("x", "y", "score", "level", *BOX, *RADII)
    numbers = {n: np.where(rows, np.nan, values) if n in of_points else values for n, values in table.numbers.items()}
    return replace(table, numbers=numbers)


def _with_texts(table: LongTable) -> LongTable:
    """Return the table with the boxes of a column ``bbox``, or the points of a column ``geometry``."""
    if "geometry" in table.texts:
        xy = _parsed(table, "geometry", _POINT, "a text POINT (x y) in 'geometry'")[:, :2]
        return replace(table, numbers={**table.numbers, "x": xy[:, 0], "y": xy[:, 1]})
    if "bbox" not in table.texts:
        return table
    rows = _parsed(table, "bbox", _BBOX, "a text [x, y, width, height] in 'bbox'")
    names = IMAGE_SIZE if table.numbers.keys() & set(IMAGE_SIZE) else SIZE
    size = {new: table.numbers[name] for new, name in zip(IMAGE_SIZE, names, strict=True) if name in table.numbers}
    known = ~np.isnan(rows[:, 0])
    ends = rows[known, :2] + rows[known, 2:]
    fits = len(size) == 2 and bool((ends <= np.column_stack([*size.values()])[known] + 1).all())
    if known.any() and (rows[known, 2:] > rows[known, :2]).all() and not fits:
        hint = "write corners into columns x1, y1, x2, y2"
        table.problems.add("x, y, width, height in 'bbox'", "numbers that may be two corners", hint=hint)
    renamed = dict(zip(names, IMAGE_SIZE, strict=True))
    reported = {renamed.get(name, name): flags for name, flags in table.reported.items()}
    places = dict(zip(("x1", "y1", *SIZE), rows.T, strict=True))
    return replace(table, numbers={**table.numbers, **size, **places}, reported=reported)


def _parsed(table: LongTable, name: str, pattern: re.Pattern[str], expected: str) -> Floats:
    """Return the first numbers in the texts of a column, (n, groups); NaN where a text is empty or wrong."""
    # Equal texts are parsed once: values ("[1, 2, 3, 4]", "x"), codes [0, 0, 1] -> two rows of numbers and one of NaN
    texts = table.texts[name]
    numbers = np.full((len(texts.values) + 1, pattern.groups), np.nan)
    wrong = np.zeros(len(texts.values) + 1, dtype=np.bool_)
    for i, text in enumerate(texts.values):
        match = pattern.fullmatch(text.strip())
        if match:
            numbers[i] = [np.nan if group is None else float(group) for group in match.groups()]
        empty = is_missing(text) or text.strip().upper() == "POINT EMPTY"
        wrong[i] = np.isinf(numbers[i]).any() if match else not empty
    numbers[np.isinf(numbers)] = 0.0

    def found(row: int) -> str:
        text = texts.values[texts.codes[row]]
        shape = _SHAPE.match(text.strip())
        return f"a {shape[1].upper()}" if shape else shown(text)

    hint = "write boxes into columns xmin, ymin, xmax, ymax" if name == "geometry" else None
    table.add_problems(name, wrong[texts.codes], expected, found, hint)
    return numbers[texts.codes]
