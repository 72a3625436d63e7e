"""A long table, one row a point, and its way to columns: what CSV and Parquet have in common.

A row with an image and nothing else where x and y stand declares an image without points. Columns that speak
of the image (width, height, count) repeat on its rows. Header spellings of HerdNet (``images,x,y,labels,
scores``) and DeepForest (``image_path,x,y,label,score``; boxes ``xmin,ymin,xmax,ymax``) are understood; a table
of boxes without x and y gives the boxes' centres, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import SHOWN, Problems, did_you_mean, listed
from crowdeval.formats.contract import Kind, counted, warn
from crowdeval.formats.image_objects import LARGEST_COUNT, LARGEST_LEVEL
from crowdeval.points.ragged import LARGEST, Flags, Floats, Integers, offsets_of
from crowdeval.points.sets import Annotations, Predictions

BOX = ("x1", "y1", "x2", "y2")
RADII = ("sigma_s", "sigma_l")
SIZE = ("width", "height")
NUMBERS = ("x", "y", "score", *BOX, *RADII, "level", *SIZE, "count")
"""The columns of numbers, in the order they are written."""

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
        The problems of the file that were noted so far.
    image_ids : tuple of str
        The images.
    image : array of int, (n,)
        Index of every row's image.
    numbers : mapping of str to array, (n,)
        The columns of numbers under the names of ``NUMBERS``; NaN is an empty cell.
    place : callable
        Where a column's cell in a row is: the ``line`` or ``key`` of a Problem.
    attributes : mapping of str to array, (n,)
        Anything else that is known of the points.
    noted : mapping of str to array of bool, (n,)
        Cells whose problem is noted already.
    """

    problems: Problems
    image_ids: tuple[str, ...]
    image: Integers
    numbers: Mapping[str, Floats]
    place: Callable[[str, int], Mapping[str, Any]]
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    noted: Mapping[str, Flags] = field(default_factory=dict)

    def check(self, name: str, bad: Flags, expected: str, found: str | None = None, hint: str | None = None) -> None:
        """Note the cells of a column where ``bad`` holds."""
        rows = np.flatnonzero(bad & ~self.noted[name] if name in self.noted else bad)
        for row in rows[:SHOWN].tolist():
            value = f"{self.numbers[name][row]:g}" if found is None else found
            image = self.image_ids[self.image[row]] or None
            self.problems.add(expected, value, image=image, hint=hint, **self.place(name, row))
        self.problems.total += max(0, len(rows) - SHOWN)

    def noting(self, noted: Mapping[str, Flags]) -> LongTable:
        """Return the table with these cells as noted: 0 where a point needs a number, else unknown."""
        numbers = dict(self.numbers)
        for name, flags in noted.items():
            numbers[name] = np.where(flags, 0.0 if name in ("x", "y", *BOX) else np.nan, numbers[name])
        return replace(self, numbers=numbers, noted=noted)

    def lacking(self, name: str, values: Floats) -> Flags:
        """Return the images that lack a value, (m,), those apart where the problem is noted already."""
        lacking = np.isnan(values)
        if name in self.noted:
            lacking[self.image[self.noted[name]]] = False
        return lacking


def plain_name(header: str) -> str:
    """Return the name a column goes by here.

    >>> plain_name(" Image_Path"), plain_name("X"), plain_name("species")
    ('image', 'x', 'species')
    """
    name = header.strip().lower()
    return _SPELLINGS.get(name, name)


def looks_like_header(headers: Iterable[str], kind: Kind = "predictions") -> bool:
    """Return whether these are the headers of a table of points or boxes, or (predictions) of counts."""
    names = {plain_name(header) for header in headers}
    if names & {"x", "y"}:
        return names >= {"image", "x", "y"}
    return "image" in names and (names >= set(BOX) or (kind == "predictions" and "count" in names))


def check_header(headers: Sequence[str], kind: Kind, problems: Problems, *, line: int | None = None) -> None:
    """Note what is wrong with a header; warn of columns that are not read."""
    names = [plain_name(header) for header in headers]
    known = [name for name in names if name in ("image", *NUMBERS)]
    for name in sorted({name for name in known if known.count(name) > 1}):
        same = [header for header, plain in zip(headers, names, strict=True) if plain == name]
        problems.add(f"one column {name!r}", f"the columns {listed(same)}", line=line)
    if not looks_like_header(headers, kind):
        wanted = "the columns 'image', 'x', 'y'" + (" and perhaps 'score'" if kind == "predictions" else "")
        missing = [name for name in ("image", "x", "y") if name not in names]
        hint = "".join(did_you_mean(name, headers) for name in missing).removeprefix("; ") or None
        problems.add(
            wanted, listed([header.strip() for header in headers], most=8) or "no columns", line=line, hint=hint
        )
    unread = [
        header.strip()
        for header, name in zip(headers, names, strict=True)
        if name not in _USED[kind] and name not in _ROW_NUMBERS
        and not (kind == "predictions" and name in BOX and not set(names) >= {"x", "y"})
    ]  # fmt: skip
    if unread and not problems:
        warn(f"{problems.file}: not read as {kind}: the columns {listed(unread, most=20)}")


def warn_of_labels(file: str, labels: Iterable[str]) -> None:
    """Say aloud that points of several labels become one class."""
    distinct = sorted(set(labels))
    if len(distinct) > 1:
        warn(f"{file}: points of {len(distinct)} labels ({listed(distinct)}) are read as one class")


def predictions_of_table(table: LongTable) -> Predictions:
    """Return the predictions of a table; raise FormatError with every problem."""
    problems = table.problems
    counts = _of_image(table, "count")
    if counts is not None:
        table.check("count", ~_within(table.numbers["count"], 0, LARGEST_COUNT), "a count up to 1e+09")
    if counts is not None and not looks_like_points(table.numbers):
        for i in np.flatnonzero(table.lacking("count", counts)):
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
    """Return the annotations of a table; raise FormatError with every problem."""
    table = _with_points(table)
    rows = _point_rows(table)
    level = _of_points(table, ("level",), rows)
    if level is not None:
        values = table.numbers["level"]
        wrong = (values != np.round(values)) | ~_within(values, 0, LARGEST_LEVEL)
        table.check("level", wrong & ~np.isnan(values), f"a whole number from 0 to {LARGEST_LEVEL}")
    boxes = _of_points(table, BOX, rows)
    radii = _of_points(table, RADII, rows)
    if radii is not None:
        for name in RADII:
            table.check(name, table.numbers[name] < 0, "a radius of at least 0")
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


def looks_like_points(numbers: Mapping[str, Floats]) -> bool:
    """Return whether there are point or box columns."""
    return numbers.keys() >= {"x", "y"} or numbers.keys() >= set(BOX)


def _with_points(table: LongTable) -> LongTable:
    """Return the table with x and y, from the boxes' centres where it has only boxes."""
    numbers = table.numbers
    if numbers.keys() >= {"x", "y"}:
        return table
    boxes = counted(int((~np.isnan(numbers["x1"])).sum()), "box", "boxes")
    warn(f"{table.problems.file}: no columns x and y; the points are the centres of {boxes}")
    with np.errstate(over="ignore"):
        centre = {"x": (numbers["x1"] + numbers["x2"]) / 2, "y": (numbers["y1"] + numbers["y2"]) / 2}
    return replace(table, numbers={**numbers, **centre})


def _point_rows(table: LongTable) -> Integers:
    """Return the rows that hold a point, grouped by image, each image's in the table's order."""
    x, y = table.numbers["x"], table.numbers["y"]
    table.check("x", np.isnan(x) & ~np.isnan(y), "a number", "an empty cell")
    table.check("y", np.isnan(y) & ~np.isnan(x), "a number", "an empty cell")
    for name, values in (("x", x), ("y", y)):
        table.check(name, np.abs(values) > LARGEST, f"a coordinate within {LARGEST:.0e} pixels")
    rows = np.flatnonzero(~np.isnan(x))
    image = table.image[rows]
    if (np.diff(image) < 0).any():
        rows = rows[np.argsort(image, kind="stable")]
    return rows


def _of_points(table: LongTable, names: tuple[str, ...], rows: Integers) -> Floats | None:
    """Return columns that every point must have, (N, k), or None where the table lacks them."""
    present = [name for name in names if name in table.numbers]
    if not present:
        return None
    if len(present) < len(names):
        table.problems.add(f"the columns {listed(names)} together", f"only {listed(present)}")
        return None
    empty = np.isnan(table.numbers["x"]) & np.isnan(table.numbers["y"])
    for name in names:
        values = table.numbers[name]
        table.check(name, np.isnan(values) & ~empty, f"a {name} for every point", "an empty cell")
        table.check(name, ~np.isnan(values) & empty, f"no {name} where there is no point")
    return _stack(table, names, rows)


def _of_image(table: LongTable, name: str) -> Floats | None:
    """Return a column that speaks of the image, (m,), NaN where unknown; note rows that disagree."""
    if name not in table.numbers:
        return None
    values = table.numbers[name]
    rows = np.flatnonzero(~np.isnan(values))[::-1]  # the first row of an image is written last, and stays
    column = np.full(len(table.image_ids), np.nan)
    column[table.image[rows]] = values[rows]
    known = column[table.image]
    table.check(name, ~np.isnan(values) & (values != known), f"the same {name} on every row of an image")
    return column


def _sizes(table: LongTable) -> Floats | None:
    width, height = (_of_image(table, name) for name in SIZE)
    if width is None and height is None:
        return None
    if width is None or height is None:
        table.problems.add("both width and height, or neither", "one of the columns")
        return None
    for name in SIZE:
        table.check(name, table.numbers[name] <= 0, "a positive number")
    for i in np.flatnonzero(table.lacking("width", width) != table.lacking("height", height)):
        table.problems.add("both width and height, or neither", "one of them", image=table.image_ids[i])
    return np.column_stack([width, height])


def _offsets(table: LongTable, rows: Integers) -> Integers:
    return offsets_of(np.bincount(table.image[rows], minlength=len(table.image_ids)))


def _stack(table: LongTable, names: Sequence[str], rows: Integers) -> Floats:
    return np.column_stack([table.numbers[name][rows] for name in names])


def _within(values: Floats, low: float, high: float | Floats) -> Flags:
    flags: Flags = ~((values < low) | (values > high))
    return flags
