"""CSV: ``image,x,y[,score]`` and the other columns of a long table; the header decides the separator and the columns.

A row without x and y (``IMG_3,,``) declares an image without points. UTF-16 is decoded where it has a byte order mark,
and a first line ``sep=;``, which Excel writes, names the separator.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from crowdeval.errors import Problems
from crowdeval.formats.contract import Kind, attributes_named, require_ids_without, warn_not_kept
from crowdeval.formats.csv_cells import Layout, careful_table, fast_table
from crowdeval.formats.long_table import annotations_of_table, predictions_of_table, require_storable_labels
from crowdeval.formats.source import Source
from crowdeval.formats.table_boxes import sides_are_boxes, sides_of_corners
from crowdeval.formats.table_headers import (
    BOX,
    IMAGE_SIZE,
    RADII,
    SIZE,
    has_both_counts,
    looks_like_header,
    mend_of_headless,
    read_header,
)
from crowdeval.formats.table_rows import LongTable
from crowdeval.points.ragged import Floats
from crowdeval.points.sets import Annotations, Predictions

_FIRST_LINE = re.compile(rb"\s*([^\r\n]+)(?:\r\n|\r|\n|$)")
_SEPARATOR_LINE = re.compile(rb'[ \t]*"?sep=([,;|\t])"?[ \t;,]*(?=[\r\n])', re.IGNORECASE)
_SEPARATORS = (",", ";", "\t")
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_LONGEST_HEADER = 10_000
"""Number of bytes of a header that is recognised."""

_NOT_STORED = "\r\n\x00", "line breaks or NUL characters"


@dataclass(frozen=True, slots=True)
class CSVTable:
    """Reader and writer of CSV, which stores all columns but attributes and the names of class numbers.

    The attributes and methods are those of ``contract.Format``.

    Examples
    --------
    >>> predictions = CSV.read_predictions(Source("p.csv", b"image,x,y,score\\na,1,2,0.5\\nb,,,\\n"))
    >>> predictions.image_ids, predictions.xy.tolist(), predictions.score.tolist()
    (('a', 'b'), [[1.0, 2.0]], [0.5])
    """

    name: str = "csv"
    suffixes: tuple[str, ...] = (".csv", ".tsv")
    summary: str = "CSV: image,x,y[,score], also with the headers of HerdNet and DeepForest"

    def recognises(self, source: Source) -> bool:
        """Return whether the first line has the columns of images and of points, boxes or counts, or is such a row."""
        start = source.data[: 4 * _LONGEST_HEADER]
        if start[:2] in _MARKS:
            start = start[2:].decode(_MARKS[start[:2]], errors="replace").encode()
        separator, start = _without_separator_line(start.removeprefix(b"\xef\xbb\xbf"))
        first = _FIRST_LINE.match(start)
        if first is None or len(first[1]) > _LONGEST_HEADER:
            return False
        cells = _split(first[1].decode(errors="replace"), separator)[1]
        return looks_like_header(cells) or mend_of_headless(cells, strict=True) is not None

    def holds_both_counts(self, source: Source) -> bool:
        """Return whether the table has true and predicted counts, and is both sides of a score."""
        first = _FIRST_LINE.match(source.data.removeprefix(b"\xef\xbb\xbf")[:_LONGEST_HEADER])
        return first is not None and has_both_counts(_split(first[1].decode(errors="replace"), None)[1])

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a table; without columns x and y, the centres of its boxes, or its counts."""
        return predictions_of_table(_table(source, "predictions"))

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a table; without columns x and y, the centres of its boxes, or its counts."""
        return annotations_of_table(_table(source, "annotations"))

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Return a table ``image,x,y`` with the scores and counts; ``image,count`` where there are only counts."""
        points: dict[str, Any] = {}
        if predictions.located:
            points = {"x": predictions.xy[:, 0], "y": predictions.xy[:, 1]}
        if predictions.score is not None:
            points["score"] = predictions.score
        images = {} if predictions.counts is None else {"count": predictions.counts}
        return _content(predictions, points, images)

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return a table of every column except the attributes; warn of the attributes."""
        warn_not_kept(self.name, attributes_named(annotations))
        points: dict[str, Any] = {}
        if annotations.located:
            points = {"x": annotations.xy[:, 0], "y": annotations.xy[:, 1]}
            for names, column in ((BOX, annotations.boxes), (RADII, annotations.radii)):
                if column is not None:
                    points |= dict(zip(names, column.T, strict=True))
            if annotations.level is not None:
                points["level"] = annotations.level
        return _content(annotations, points, {} if annotations.located else {"count": annotations.counts})


CSV = CSVTable()


def _table(source: Source, kind: Kind) -> LongTable:
    """Return the table of a file; raise FormatError where its header is wrong."""
    separator, data = _without_separator_line(_decoded(source).utf8())
    source = replace(source, data=data)
    first = _FIRST_LINE.match(data)
    if first is None:
        raise source.error("a CSV header", "a blank file")
    text = _header_text(source, first[1])
    separator, headers = _split(text, separator)
    layout = Layout(source, data[first.end() :], separator, blanks=f"{separator} " in text)
    line = data.count(b"\n", 0, first.start(1)) + 1
    mend = mend_of_headless(headers, strict=False)
    if mend is not None and not looks_like_header(headers):
        raise source.error("a header", f"the row {text.strip()}", line=line, hint=mend)
    problems = Problems(source.name)
    columns = read_header(headers, kind, problems, is_number=layout.is_number, line=line)
    problems.raise_if_any()
    return fast_table(layout, columns) or careful_table(layout, columns)


def _decoded(source: Source) -> Source:
    """Return a table in UTF-16 with a byte order mark as one in UTF-8, and any other file, also JSON, unchanged."""
    encoding = _MARKS.get(source.data[:2])
    if encoding is None:
        return source
    try:
        text = source.data[2:].decode(encoding)
        return source if text.lstrip()[:1] in ("{", "[", "<") else replace(source, data=text.encode())
    except UnicodeError:
        raise source.error("text", "damaged UTF-16 text", hint="save it as UTF-8") from None


def _without_separator_line(data: bytes) -> tuple[str | None, bytes]:
    """Return the separator that a first line names, and the data in which this line is blank."""
    first = _SEPARATOR_LINE.match(data)
    return (None, data) if first is None else (first[1].decode(), data[first.end() :])


def _header_text(source: Source, line: bytes) -> str:
    """Return the header as text; raise FormatError where it is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        source.text()  # raises, with the line and the byte
        raise


def _split(line: str, separator: str | None = None) -> tuple[str, list[str]]:
    """Return the separator of a header, unless it is known, and its cells."""
    separator = separator or max(_SEPARATORS, key=line.count)
    try:
        return separator, next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    except (csv.Error, StopIteration):
        return separator, line.split(separator)


def _content(value: Predictions | Annotations, points: Mapping[str, Any], images: Mapping[str, Any]) -> bytes:
    """Return a table with a row for every point, and with one row for an image without points."""
    require_ids_without("csv", value.image_ids, *_NOT_STORED)
    require_storable_labels("csv", value.labels, _NOT_STORED[0], "line breaks, NUL or half characters")
    # offsets [0, 2, 2, 3] -> counts [2, 0, 1]: image 1 has no points and gets the row -1, before row 2 of image 2
    # rows [0, 1, -1, 2], image [0, 0, 1, 2]
    counts = np.diff(value.offsets)
    rows = np.insert(np.arange(len(value.xy)), value.offsets[:-1][counts == 0], -1)
    image = np.repeat(np.arange(len(counts)), np.maximum(counts, 1)) if len(counts) else value.points.image
    if value.labels is not None and value.located:
        points = {**points, "label": value.labels}
    images = {**images, **_sizes(value)}
    columns = [[value.image_ids[i] for i in image.tolist()]]
    columns += [_cells(column, rows) for column in points.values()]
    columns += [_cells(column, image) for column in images.values()]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", *points, *images])
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def _cells(column: Any, rows: Any) -> list[Any]:
    """Return the cells of these rows; the cell of row -1 and a NaN are empty."""
    values = column.tolist()  # a NaN is the only value that differs from itself
    return ["" if row < 0 or values[row] != values[row] else values[row] for row in rows.tolist()]


def _sizes(value: Predictions | Annotations) -> dict[str, Floats]:
    """Return the columns of the sizes of the images, under names by which they are not taken for sides of boxes."""
    if value.sizes is None:
        return {}
    image, boxes = value.points.image, getattr(value, "boxes", None)
    numbers = dict(zip(("x", "y", *SIZE), [*value.xy.T, *value.sizes[image].T], strict=True))
    if boxes is None:
        doubtful = sides_are_boxes(image, numbers)
    else:
        doubtful = sides_of_corners({**numbers, **dict(zip(BOX, boxes.T, strict=True))})
    return dict(zip(IMAGE_SIZE if doubtful else SIZE, value.sizes.T, strict=True))
