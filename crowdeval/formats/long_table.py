"""Long tables with one row for every point, the common part of CSV and Parquet, and their conversion to columns.

- A row with an image and without x and y declares an image without points.
- The columns of an image (width, height, count) have the same value in all its rows.
- Headers of HerdNet (``images,x,y,labels,scores``) and DeepForest (``image_path,x,y,label,score``; boxes ``xmin,ymin,
  xmax,ymax``) are read, too.
- A table of boxes without x and y gives the centres of the boxes, with a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import Problems, did_you_mean, listed
from crowdeval.formats.contract import Kind, counted, warn
from crowdeval.formats.image_objects import LARGEST_COUNT, LARGEST_LEVEL
from crowdeval.points.ragged import LARGEST, Flags, Floats, Integers, offsets_of
from crowdeval.points.sets import Annotations, Predictions

BOX = ("x1", "y1", "x2", "y2")
RADII = ("sigma_s", "sigma_l")
SIZE = ("width", "height")
NUMBERS = ("x", "y", "score", *BOX, *RADII, "level", *SIZE, "count")
"""The columns of numbers, in the order in which they are written."""

_MOST_ROWS = 100_000
"""Number of wrong rows of a column that are examined for a message; more are only counted."""

_SPELLINGS = {
    "images": "image",
    "image_id": "image",
    "image_path": "image",
    "scores": "score",
    "confidence": "score",
    "xmin": "x1",
    "ymin": "y1",
    "xmax": "x2",
    "ymax": "y2",
    "labels": "label",
}
_ROW_NUMBERS = ("", "unnamed: 0", "__index_level_0__")
"""Headers that pandas gives to the column of row numbers."""

_USED: dict[Kind, tuple[str, ...]] = {
    "predictions": ("image", "x", "y", "score", "count", "label"),
    "annotations": ("image", "x", "y", *BOX, *RADII, "level", *SIZE, "label"),
}


@dataclass(frozen=True, slots=True)
class LongTable:
    """The rows of a table.

    Parameters
    ----------
    problems : Problems
        The problems of the file so far.
    image_ids : tuple of str, (m,)
        The images.
    image : array of int, (n,)
        The index of the image of every row.
    numbers : mapping of str to array of float, (n,)
        The columns of numbers under the names in ``NUMBERS``; NaN is an empty cell.
    place : callable
        Function of a column name and a row that returns the ``line`` or ``key`` of a Problem.
    attributes : mapping of str to array, (n,)
        The attributes of the points.
    reported : mapping of str to array of bool, (n,)
        The cells whose problem is already in ``problems``.

    Examples
    --------
    Two points in image a, and image b without points:

    >>> table = LongTable(
    ...     problems=Problems("p.csv"),
    ...     image_ids=("a", "b"),
    ...     image=np.array([0, 1, 0]),
    ...     numbers={"x": np.array([1, np.nan, 3]), "y": np.array([2, np.nan, 4])},
    ...     place=lambda name, row: {"line": row + 2},
    ... )
    >>> predictions_of_table(table).offsets.tolist()
    [0, 2, 2]
    """

    problems: Problems
    image_ids: tuple[str, ...]
    image: Integers
    numbers: Mapping[str, Floats]
    place: Callable[[str, int], Mapping[str, Any]]
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    reported: Mapping[str, Flags] = field(default_factory=dict)

    def add_problems(
        self, name: str, wrong: Flags, expected: str, found: str | None = None, hint: str | None = None
    ) -> None:
        """Add a problem for every wrong cell of a column whose problem is not reported yet.

        Parameters
        ----------
        name : str
            The column.
        wrong : array of bool, (n,)
            The wrong cells.
        expected : str
            The content that the cells should have.
        found : str, optional
            The content that they have; by default their numbers.
        hint : str, optional
            A possible mend.
        """
        rows = np.flatnonzero(wrong & ~self.reported[name] if name in self.reported else wrong)
        for row in rows[:_MOST_ROWS].tolist():
            value = f"{self.numbers[name][row]:g}" if found is None else found
            image = self.image_ids[self.image[row]] or None
            self.problems.add(expected, value, image=image, hint=hint, **self.place(name, row))
        self.problems.total += max(0, len(rows) - _MOST_ROWS)

    def with_reported(self, reported: Mapping[str, Flags]) -> LongTable:
        """Return the table with the cells whose problems are reported, and with numbers that make no further problem.

        Parameters
        ----------
        reported : mapping of str to array of bool, (n,)
            The cells whose problem is already in ``problems``.

        Returns
        -------
        LongTable
        """
        # A reported cell of x, y or a box becomes 0, so that its row is still a point; others become empty (NaN):
        # x [1, nan, 3], reported [False, True, False] -> x [1, 0, 3]
        numbers = dict(self.numbers)
        for name, flags in reported.items():
            numbers[name] = np.where(flags, 0.0 if name in ("x", "y", *BOX) else np.nan, numbers[name])
        return replace(self, numbers=numbers, reported=reported)

    def images_without(self, name: str, values: Floats) -> Flags:
        """Return the images without a value, except those where a reported cell is the cause.

        Parameters
        ----------
        name : str
            The column of the image: width, height or count.
        values : array of float, (m,)
            Its value for every image, NaN where unknown.

        Returns
        -------
        array of bool, (m,)
        """
        without = np.isnan(values)
        if name in self.reported:
            # image [0, 0, 1, 2], reported [False, True, False, False] -> image 0 has a reported cell
            without[self.image[self.reported[name]]] = False
        return without


def column_name(header: str) -> str:
    """Return the name of a column in this package for a header of a file.

    Parameters
    ----------
    header : str
        The header, in any of the known spellings.

    Returns
    -------
    str
        The name, or the header in lower case where the column is not known.

    Examples
    --------
    >>> column_name(" Image_Path"), column_name("X"), column_name("species")
    ('image', 'x', 'species')
    """
    name = header.strip().lower()
    return _SPELLINGS.get(name, name)


def looks_like_header(headers: Iterable[str], kind: Kind = "predictions") -> bool:
    """Return whether headers are those of a table of points, of boxes, or (for predictions) of counts.

    Parameters
    ----------
    headers : iterable of str
        The headers.
    kind : {"predictions", "annotations"}
        The kind that the table should have.

    Returns
    -------
    bool

    Examples
    --------
    >>> looks_like_header(["image", "x", "y"]), looks_like_header(["image", "count"], "annotations")
    (True, False)
    """
    names = {column_name(header) for header in headers}
    if names & {"x", "y"}:
        return names >= {"image", "x", "y"}
    return "image" in names and (names >= set(BOX) or (kind == "predictions" and "count" in names))


def check_header(headers: Sequence[str], kind: Kind, problems: Problems, *, line: int | None = None) -> None:
    """Check the headers of a table, and warn of columns that are not read.

    Parameters
    ----------
    headers : sequence of str
        The headers.
    kind : {"predictions", "annotations"}
        The kind that the table should have.
    problems : Problems
        The problems of the file, to which the check adds.
    line : int, optional
        The line of the headers in a text file.

    Examples
    --------
    >>> problems = Problems("p.csv")
    >>> check_header(["image", "x", "z"], "predictions", problems, line=1)
    >>> print(problems.error())
    p.csv: line 1: expected the columns 'image', 'x', 'y' and perhaps 'score', found 'image', 'x', 'z'
    """
    names = [column_name(header) for header in headers]
    known = [name for name in names if name in ("image", *NUMBERS)]
    for name in sorted({name for name in known if known.count(name) > 1}):
        same = [header for header, known_name in zip(headers, names, strict=True) if known_name == name]
        problems.add(f"one column {name!r}", f"the columns {listed(same)}", line=line)
    if not looks_like_header(headers, kind):
        expected = "the columns 'image', 'x', 'y'" + (" and perhaps 'score'" if kind == "predictions" else "")
        missing = [name for name in ("image", "x", "y") if name not in names]
        hint = "".join(did_you_mean(name, headers) for name in missing).removeprefix("; ") or None
        found = listed([header.strip() for header in headers], most=8) or "no columns"
        problems.add(expected, found, line=line, hint=hint)
    unread = [
        header.strip()
        for header, name in zip(headers, names, strict=True)
        if name not in _USED[kind] and name not in _ROW_NUMBERS
        and not (kind == "predictions" and name in BOX and not set(names) >= {"x", "y"})
    ]  # fmt: skip
    if unread and not problems:
        swapped = kind == "annotations" and "score" in names
        hint = "; predictions have confidences: are the two files swapped? predictions come first" if swapped else ""
        warn(f"{problems.file}: these columns are not read as {kind}: {listed(unread, most=20)}{hint}")


def warn_of_labels(file: str, labels: Iterable[str]) -> None:
    """Warn where the points have several labels, because they are read as one class.

    Parameters
    ----------
    file : str
        The name of the file.
    labels : iterable of str
        The labels of the points.

    Examples
    --------
    >>> warn_of_labels("p.csv", ["head", "head"])
    """
    distinct = sorted(set(labels))
    if len(distinct) > 1:
        warn(f"{file}: points of {len(distinct)} labels ({listed(distinct)}) are read as one class")


def predictions_of_table(table: LongTable) -> Predictions:
    """Return the predictions of a table.

    Parameters
    ----------
    table : LongTable
        The table. Without columns x and y, its boxes give the points; without boxes too, it has counts only.

    Returns
    -------
    Predictions

    Raises
    ------
    FormatError
        If a cell is wrong or missing; the error has every problem.

    Examples
    --------
    A table of counts (the example of ``LongTable`` is one of points):

    >>> numbers = {"count": np.array([3.5, 0])}
    >>> table = LongTable(Problems("p.csv"), ("a", "b"), np.array([0, 1]), numbers, lambda name, row: {"line": row + 2})
    >>> predictions_of_table(table).counts.tolist()
    [3.5, 0.0]
    """
    problems = table.problems
    counts = _of_image(table, "count")
    if counts is not None:
        wrong = ~_within(table.numbers["count"], 0, LARGEST_COUNT)
        table.add_problems("count", wrong, f"a count from 0 to {LARGEST_COUNT:.0e}")
    if counts is not None and not _has_points(table.numbers):
        for i in np.flatnonzero(table.images_without("count", counts)):
            problems.add("a count for every image", "none", image=table.image_ids[i])
        problems.raise_if_any()
        empty = np.zeros(len(counts), dtype=np.int64)
        return Predictions(
            image_ids=table.image_ids, offsets=offsets_of(empty), xy=np.empty((0, 2)), counts=counts, located=False
        )
    table = _with_points(table)
    rows = _point_rows(table)
    score = _of_points(table, ("score",), rows)
    problems.raise_if_any()
    return Predictions(
        image_ids=table.image_ids,
        offsets=_offsets(table, rows),
        xy=_stack(table, ("x", "y"), rows),
        score=None if score is None else score[:, 0],
        counts=counts,
    )


def annotations_of_table(table: LongTable) -> Annotations:
    """Return the annotations of a table.

    Parameters
    ----------
    table : LongTable
        The table. Without columns x and y, its boxes give the points.

    Returns
    -------
    Annotations

    Raises
    ------
    FormatError
        If a cell is wrong or missing; the error has every problem.

    Examples
    --------
    >>> numbers = {"x": np.array([1.0]), "y": np.array([2.0]), "level": np.array([3.0])}
    >>> table = LongTable(Problems("a.csv"), ("a",), np.array([0]), numbers, lambda name, row: {"line": row + 2})
    >>> annotations_of_table(table).level.tolist()
    [3]
    """
    table = _with_points(table)
    rows = _point_rows(table)
    level = _of_points(table, ("level",), rows)
    if level is not None:
        values = table.numbers["level"]
        wrong = (values != np.round(values)) | ~_within(values, 0, LARGEST_LEVEL)
        table.add_problems("level", wrong & ~np.isnan(values), f"a whole number from 0 to {LARGEST_LEVEL}")
    boxes = _of_points(table, BOX, rows)
    radii = _of_points(table, RADII, rows)
    if radii is not None:
        for name in RADII:
            table.add_problems(name, table.numbers[name] < 0, "a radius of at least 0")
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
    )


def _has_points(numbers: Mapping[str, Floats]) -> bool:
    """Return whether a table has the columns of points or of boxes."""
    return numbers.keys() >= {"x", "y"} or numbers.keys() >= set(BOX)


def _with_points(table: LongTable) -> LongTable:
    """Return the table with x and y, which are the centres of the boxes where it has only boxes."""
    numbers = table.numbers
    if numbers.keys() >= {"x", "y"}:
        return table
    boxes = counted(int((~np.isnan(numbers["x1"])).sum()), "box", "boxes")
    warn(f"{table.problems.file}: no columns x and y; the points are the centres of {boxes}")
    with np.errstate(over="ignore"):  # a sum that overflows is reported as a coordinate out of range
        centre = {"x": (numbers["x1"] + numbers["x2"]) / 2, "y": (numbers["y1"] + numbers["y2"]) / 2}
    return replace(table, numbers={**numbers, **centre})


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
    empty = np.isnan(table.numbers["x"]) & np.isnan(table.numbers["y"])
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
