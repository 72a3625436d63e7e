"""The kinds of rows of numbers, one file an image; the number of columns and the values say which kind they are.

    ==========  ==================================================================================
    columns     meaning
    ==========  ==================================================================================
    2           x, y
    3           x, y, confidence
    4           x1, y1, x2, y2: the corners of a box
    5           x1, y1, x2, y2, confidence
    5, 6        YOLO: class, centre x and y, width and height as parts of the image's, confidence
    8           VisDrone: left, top, width, height, confidence, category, truncation, occlusion
    ==========  ==================================================================================

Text columns are separated by blanks, commas or semicolons; a line that begins with ``#`` is a comment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from crowdeval.errors import FormatError, Problem, Problems, UsageError, listed
from crowdeval.formats.contract import counted, warn
from crowdeval.formats.number_rows import Rows, is_archive, rows_of
from crowdeval.formats.source import Source
from crowdeval.points.columns import Labels
from crowdeval.points.ragged import LARGEST, Flags, Floats, Integers, offsets_of
from crowdeval.points.sets import Annotations, Predictions

RowKind = Literal["xy", "xyxy", "yolo", "visdrone"]

_COLUMNS: dict[RowKind, tuple[int, ...]] = {"xy": (2, 3), "xyxy": (4, 5), "yolo": (5, 6), "visdrone": (8,)}
"""Numbers of columns of a kind; the second is that with a confidence in the last column."""

_FEWEST = 4
"""Number of rows from which a column of whole numbers is taken for classes."""

_VISDRONE = (
    "ignored region", "person", "person", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle", "bus",
    "motor", "other",
)  # fmt: skip
"""The categories of VisDrone."""


def kind_of_rows(rows: Rows) -> RowKind:
    """Return what the rows are, by the number of columns and the values.

    Parameters
    ----------
    rows : Rows
        The rows.

    Returns
    -------
    {"xy", "xyxy", "yolo", "visdrone"}

    Raises
    ------
    FormatError
        If they are none of these, or could be two.

    Examples
    --------
    >>> kind_of_rows(rows_of("labels", [("a", b"0 0.5 0.5 0.1 0.1\\n")]))
    'yolo'
    """
    table, width = rows.table, rows.table.shape[1]
    classes = len(table) > 0 and bool((table[:, 0] % 1 == 0).all()) and bool((table[:, 0] >= 0).all())
    parts = classes and bool(((table[:, 1:] >= 0) & (table[:, 1:] <= 1)).all())
    if width in (3, 5) and not parts and _is_of_classes(table):
        kind: RowKind = "xy" if width == 3 else "xyxy"
        raise _error(
            rows.place,
            "confidences in the last column",
            f"{width} columns of which one looks like a class",
            hint=f"--predictions-format {kind} takes the last column for confidences; else leave the class out",
        )
    if width == 3 and parts:
        raise _error(
            rows.place,
            "rows that can be only one thing",
            "3 columns that can be x y confidence, or a class and a point in parts of the image",
            hint="--predictions-format xy takes them for x y confidence",
        )
    if width in (2, 3):
        return "xy"
    if width in (5, 6) and parts:
        return "yolo"
    if width in (4, 5):
        return "xyxy"
    if width == 8 and not parts and bool(((table[:, 5] % 1 == 0) & (table[:, 5] >= 0) & (table[:, 5] < 12)).all()):
        return "visdrone"
    expected = "rows of x y [confidence], x1 y1 x2 y2 [confidence], YOLO, or VisDrone"
    raise _error(rows.place, expected, _words(width, parts=parts))


def _is_of_classes(table: Floats) -> bool:
    """Return whether rows of 3 or 5 numbers seem to hold a class: whole numbers that are no confidences."""
    last, first = table[:, -1], table[:, 0]
    if len(table) < _FEWEST:
        return False
    classes_last = _is_class(last) and not (last == 1).all()
    classes_first = table.shape[1] == 3 and _is_class(first) and len(np.unique(first)) <= 3 and bool((last > 1).any())
    return classes_last or classes_first


def _is_class(column: Floats) -> bool:
    """Return whether numbers are whole and small, as the numbers of classes."""
    return bool(((column % 1 == 0) & (column >= 0) & (column < 1000)).all())


def predictions_of_rows(rows: Rows, kind: RowKind) -> Predictions:
    """Return the predictions that rows hold.

    Parameters
    ----------
    rows : Rows
        The rows.
    kind : {"xy", "xyxy", "yolo", "visdrone"}
        What they are.

    Returns
    -------
    Predictions
        Points of YOLO stay in parts of the image, which is then the frame of the predictions.

    Examples
    --------
    >>> predictions_of_rows(rows_of("a", [("a", b"10 20 30 60 0.9\\n")]), "xyxy").xy.tolist()
    [[20.0, 40.0]]
    """
    table, kept = _checked(rows, kind)
    counts = _counts_of_kept(rows, kept)
    table = table[kept]
    score = table[:, -1] if _has_confidences(rows, kind) else None
    xy, frame = _points(table, kind), None
    if kind == "yolo":  # in the pixels of the images whose size is listed; the others keep a frame of 1 x 1
        frame = np.nan_to_num(rows.size_table(), nan=1.0)
        xy = xy * np.repeat(frame, counts, axis=0)
    return Predictions(
        image_ids=rows.ids,
        offsets=offsets_of(counts),
        xy=xy,
        score=table[:, 4] if kind == "visdrone" else score,
        sizes=frame,
        labels=_labels(rows, table, kind),
    )


def annotations_of_rows(rows: Rows, kind: RowKind) -> Annotations:
    """Return the annotations that rows hold, with their boxes.

    Parameters
    ----------
    rows : Rows
        The rows.
    kind : {"xy", "xyxy", "yolo", "visdrone"}
        What they are.

    Returns
    -------
    Annotations

    Raises
    ------
    FormatError
        If the rows have confidences, or YOLO rows lack the size of their image.

    Examples
    --------
    >>> annotations_of_rows(rows_of("a", [("a", b"10 20 30 60\\n")]), "xyxy").boxes.tolist()
    [[10.0, 20.0, 30.0, 60.0]]
    """
    width = rows.table.shape[1]
    if _has_confidences(rows, kind):
        expected = "annotations: x y, x1 y1 x2 y2, YOLO rows of 5 numbers, or VisDrone's"
        raise _error(rows.place, expected, f"{width} columns with a confidence, as predictions have")
    table, kept = _checked(rows, kind)
    counts = _counts_of_kept(rows, kept)
    table = table[kept]
    sizes = rows.size_table()
    known = bool(rows.sizes) and not np.isnan(sizes).all()
    xy, boxes = _points(table, kind), None if kind == "xy" else _boxes(table, kind)
    if kind == "yolo" and boxes is not None:
        size = np.repeat(_required(rows, sizes, counts), counts, axis=0)
        xy, boxes = xy * size, boxes * np.tile(size, 2)
    return Annotations(
        image_ids=rows.ids,
        offsets=offsets_of(counts),
        xy=xy,
        boxes=boxes,
        sizes=sizes if known else None,
        labels=_labels(rows, table, kind),
        classes=rows.classes if kind == "yolo" else {},
    )


@dataclass(frozen=True, slots=True)
class RowsFormat:
    """Reader of the rows of one kind; the attributes and methods are those of ``contract.Format``."""

    name: str
    kind: RowKind | None
    summary: str
    suffixes: tuple[str, ...] = ()

    def recognises(self, source: Source) -> bool:
        """Return whether the file is a NumPy array; text alone could be NWPU text or counts, and is never told."""
        return self.kind is None and (source.data.startswith(b"\x93NUMPY") or is_archive(source.data))

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of one image."""
        rows = self.rows(source.name, [(source.stem, source.data)], source.sizes)
        return predictions_of_rows(rows, self.kind or kind_of_rows(rows))

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of one image."""
        rows = self.rows(source.name, [(source.stem, source.data)], source.sizes)
        return annotations_of_rows(rows, self.kind or kind_of_rows(rows))

    def rows(
        self,
        place: str,
        files: Sequence[tuple[str, bytes]],
        sizes: Mapping[str, tuple[float, float]],
        classes: Mapping[str, str] | None = None,
    ) -> Rows:
        """Return the rows of files; raise FormatError where their columns are not those of the kind."""
        rows = rows_of(place, files, sizes=sizes, classes=classes, arrays=self.name == "numpy")
        width = rows.table.shape[1]
        if self.kind is not None and len(rows.table) and width not in _COLUMNS[self.kind]:
            expected = f"{' or '.join(map(str, _COLUMNS[self.kind]))} columns for the format {self.name!r}"
            raise _error(place, expected, f"{width} columns")
        return rows

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Raise UsageError."""
        raise UsageError(f"the format {self.name!r} has one file for each image: it is read and not written")

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Raise UsageError."""
        raise UsageError(f"the format {self.name!r} has one file for each image: it is read and not written")


YOLO = RowsFormat("yolo", "yolo", "YOLO text, one file an image: class cx cy w h [confidence] in parts of the image")
XY = RowsFormat("xy", "xy", "text, one file an image: x y [confidence]")
XYXY = RowsFormat("xyxy", "xyxy", "text, one file an image: x1 y1 x2 y2 [confidence]")
VISDRONE = RowsFormat(
    "visdrone", "visdrone", "VisDrone DET text, one file an image: left,top,width,height,score,category"
)
NUMPY = RowsFormat("numpy", None, "NumPy, one file an image: .npy, or .npz with points and scores", (".npy", ".npz"))


def _checked(rows: Rows, kind: RowKind) -> tuple[Floats, Flags]:
    """Return the rows and the flags of those that are people; say what is left out."""
    table = rows.table if len(rows.table) else np.empty((0, _COLUMNS[kind][0]))
    problems = Problems(rows.place)
    kept: Flags = np.ones(len(table), dtype=np.bool_)
    if kind == "visdrone":
        category = table[:, 5].astype(np.int64)
        kept = (category == 1) | (category == 2)
        if not kept.all():
            names = sorted({_VISDRONE[i] for i in category[~kept].tolist()})
            warn(
                f"{rows.place}: {counted(int((~kept).sum()), 'row')} of {listed(names, most=12)} are not read as people"
            )
    image = np.repeat(np.arange(len(rows.ids)), rows.counts)
    wrong = np.abs(table).max(axis=1, initial=0) > LARGEST
    for row in np.flatnonzero(wrong)[:100].tolist():
        problems.add(f"numbers within {LARGEST:.0e}", f"{table[row].tolist()}", image=rows.ids[image[row]])
    if kind == "xyxy":
        for row in np.flatnonzero((table[:, 2] < table[:, 0]) | (table[:, 3] < table[:, 1]))[:100].tolist():
            found = f"{table[row, :4].tolist()}"
            hint = "x y width height is not read: write x1 y1 x2 y2"
            problems.add("x1 <= x2 and y1 <= y2", found, image=rows.ids[image[row]], hint=hint)
    problems.raise_if_any()
    return table, kept


def _counts_of_kept(rows: Rows, kept: Flags) -> Integers:
    """Return the number of kept rows of every image."""
    if len(kept) == len(rows.table) and kept.all():
        return rows.counts
    image = np.repeat(np.arange(len(rows.ids)), rows.counts)
    return np.bincount(image[kept], minlength=len(rows.ids)).astype(np.int64)


def _boxes(table: Floats, kind: RowKind) -> Floats:
    """Return the corners of the boxes of rows, (N, 4)."""
    if kind == "xyxy":
        return table[:, :4]
    first, side = (table[:, 1:3], table[:, 3:5]) if kind == "yolo" else (table[:, :2], table[:, 2:4])
    corner = first - side / 2 if kind == "yolo" else first
    return np.column_stack([corner, corner + side])


def _points(table: Floats, kind: RowKind) -> Floats:
    """Return the points of rows, (N, 2): those in the file, or the centres of boxes."""
    if kind in ("xy", "yolo"):
        return table[:, :2] if kind == "xy" else table[:, 1:3]
    boxes = _boxes(table, kind)
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _has_confidences(rows: Rows, kind: RowKind) -> bool:
    """Return whether the last column holds confidences."""
    return rows.table.shape[1] in _COLUMNS[kind][1:]


def _labels(rows: Rows, table: Floats, kind: RowKind) -> Labels | None:
    """Return the classes of YOLO rows by name, or by number; None for other rows."""
    if kind != "yolo" or not len(table):
        return None
    numbers, where = np.unique(table[:, 0], return_inverse=True)
    names = np.empty(len(numbers), dtype=object)
    names[:] = [rows.classes.get(f"{number:g}", f"{number:g}") for number in numbers.tolist()]
    labels: Labels = names[where]
    return labels


def _required(rows: Rows, sizes: Floats, counts: Integers) -> Floats:
    """Return the sizes of the images; raise FormatError where one with points has none."""
    lacking = [name for name, size, n in zip(rows.ids, sizes, counts, strict=True) if n and np.isnan(size).any()]
    if lacking:
        found = f"none for {len(lacking):,} of {len(rows.ids):,} images: {listed(lacking, most=3)}"
        hint = "name the folder of the images: --images DIR"
        raise _error(rows.place, "the width and height of the images, of which YOLO rows are parts", found, hint=hint)
    return np.where(np.isnan(sizes), 1.0, sizes)


def _words(width: int, *, parts: bool) -> str:
    """Return what rows of another width are, as far as it is known."""
    if width == 6:
        return "6 columns that are not YOLO's: leave class or track out, and write x1 y1 x2 y2 confidence in pixels"
    if width == 7 and not parts:
        return "7 columns: is the last one a track of YOLO? leave it out"
    if parts and width > 6 and width % 2:
        return f"{width} columns: outlines of YOLO segmentation, which are no points; write boxes"
    if parts and width > 6:
        return f"{width} columns: keypoints of YOLO pose, which are parts of a body; write boxes"
    if width == 10:
        return "10 columns: frame,target,left,top,... of MOT or VisDrone video; write one file for each frame, or CSV"
    return f"{width} columns"


def _error(place: str, expected: str, found: str, *, hint: str | None = None) -> FormatError:
    """Return the error of a single problem."""
    return FormatError(place, [Problem(expected=expected, found=found, hint=hint)])
