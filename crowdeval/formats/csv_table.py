"""CSV: ``image,x,y[,score]`` and the other columns of a long table; the header decides the separator and the columns.

pyarrow reads a file without problems. A file that it refuses is read again cell by cell, which finds the line and the
cell of every problem. A row without x and y (``IMG_3,,``) declares an image without points.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from crowdeval.errors import Problems, shown
from crowdeval.formats.contract import Kind, attributes_named, counted, require_ids_without, warn_not_kept
from crowdeval.formats.long_table import (
    BOX,
    NUMBERS,
    RADII,
    SIZE,
    LongTable,
    annotations_of_table,
    check_header,
    column_name,
    looks_like_header,
    predictions_of_table,
    warn_of_labels,
)
from crowdeval.formats.source import Source
from crowdeval.points.ragged import Floats
from crowdeval.points.sets import Annotations, Predictions

_FIRST_LINE = re.compile(rb"\s*([^\r\n]+)(?:\r\n|\r|\n|$)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class CSVTable:
    """Reader and writer of CSV, which stores points, scores, counts, boxes, radii, levels and sizes, no attributes.

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
        """Return whether the first line has the columns of images and of points, boxes or counts."""
        first = _FIRST_LINE.match(source.data.removeprefix(b"\xef\xbb\xbf"))
        if first is None or len(first[1]) > 10_000:
            return False
        return looks_like_header(_split(first[1].decode(errors="replace"))[1])

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a table; without columns x and y, the centres of its boxes."""
        return predictions_of_table(_table(source, "predictions"))

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a table; without columns x and y, the centres of its boxes."""
        return annotations_of_table(_table(source, "annotations"))

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Return a table ``image,x,y`` with the scores and counts; ``image,count`` where there are only counts."""
        points: dict[str, Floats] = {}
        if predictions.located:
            points = {"x": predictions.xy[:, 0], "y": predictions.xy[:, 1]}
        if predictions.score is not None:
            points["score"] = predictions.score
        images = {} if predictions.counts is None else {"count": predictions.counts}
        return _content(predictions, points, images)

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return a table of every column except the attributes; warn of the attributes."""
        warn_not_kept(self.name, attributes_named(annotations))
        points: dict[str, Any] = {"x": annotations.xy[:, 0], "y": annotations.xy[:, 1]}
        for names, column in ((BOX, annotations.boxes), (RADII, annotations.radii)):
            if column is not None:
                points |= dict(zip(names, column.T, strict=True))
        if annotations.level is not None:
            points["level"] = annotations.level
        sizes = annotations.sizes
        return _content(annotations, points, {} if sizes is None else dict(zip(SIZE, sizes.T, strict=True)))


CSV = CSVTable()


def _table(source: Source, kind: Kind) -> LongTable:
    """Return the table of a file; raise FormatError where its header is wrong."""
    data = source.utf8()
    first = _FIRST_LINE.match(data)
    if first is None:
        raise source.error("a CSV header", "a blank file")
    separator, headers = _split(_header_text(source, first[1]))
    problems = Problems(source.name)
    check_header(headers, kind, problems, line=data.count(b"\n", 0, first.start(1)) + 1)
    problems.raise_if_any()
    names = {i: column_name(header) for i, header in enumerate(headers)}
    names = {i: name for i, name in names.items() if name in ("image", "label", *NUMBERS)}
    fast = _fast_table(source, data[first.end() :], separator, len(headers), names)
    table, labels = fast or _careful_table(source, separator, len(headers), names)
    warn_of_labels(source.name, labels)
    return table


def _fast_table(
    source: Source, body: bytes, separator: str, width: int, names: Mapping[int, str]
) -> tuple[LongTable, set[str]] | None:
    """Return the table and its labels as pyarrow reads them, or None where any cell is wrong."""
    # This way is many times faster than the careful one, and gives the same table: pyarrow keeps the order of the rows.
    # It does not search for a wrong cell: where anything is unusual, the careful way reads the file again.
    if not body.strip():
        empty = {name: np.empty(0) for name in names.values() if name in NUMBERS}
        return LongTable(Problems(source.name), (), np.empty(0, dtype=np.int64), empty, _at_row([])), set()
    columns = _arrow_columns(body, separator, width, names)
    if columns is None:
        return None
    numbers: dict[str, Floats] = {}
    for name, column in columns.items():
        if name in NUMBERS:
            numbers[name] = column.to_numpy(zero_copy_only=False)
            # An empty cell is null in pyarrow and NaN in NumPy; the cells "nan" and "inf" are wrong and not null:
            # cells 1, (empty), nan -> 3 rows, 1 null, 1 finite number: 1 != 3 - 1, so a cell is wrong
            if int(np.isfinite(numbers[name]).sum()) != len(column) - column.null_count:
                return None
    # Ids as numbers, in the order of their first rows: rows "b", "a", "b" -> dictionary ["b", "a"], indices [0, 1, 0]
    ids = columns["image"].dictionary_encode()
    image_ids = tuple(ids.dictionary.to_pylist())
    if "" in image_ids:
        return None
    image = ids.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    labels = set(columns["label"].unique().to_pylist()) if "label" in columns else set()
    return LongTable(Problems(source.name), image_ids, image, numbers, _places(source, separator)), labels


def _arrow_columns(body: bytes, separator: str, width: int, names: Mapping[int, str]) -> dict[str, Any] | None:
    """Return the used columns of the rows as pyarrow arrays, or None where pyarrow can't read a cell."""
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    # pyarrow gets the column numbers "0", "1", ... as names, because headers of unused columns may be equal:
    # headers "", "image", "x", "y", "" -> names {1: "image", 2: "x", 3: "y"}, read as columns "1", "2", "3" of 5
    types = {str(i): pa.float64() if name in NUMBERS else pa.string() for i, name in names.items()}
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(body),
            read_options=arrow_csv.ReadOptions(column_names=[str(i) for i in range(width)]),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=b'"' in body),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, OSError):
        return None
    return {name: table.column(str(i)).combine_chunks() for i, name in names.items()}


def _careful_table(source: Source, separator: str, width: int, names: Mapping[int, str]) -> tuple[LongTable, set[str]]:
    """Return the table read cell by cell, with the problems of all cells, and its labels.

    Lines with too many cells, too few cells or no image are left out of the table.
    """
    problems = Problems(source.name)
    numbers: dict[str, list[float]] = {name: [] for name in names.values() if name in NUMBERS}
    reported: dict[str, list[bool]] = {name: [] for name in numbers}
    indexes: dict[str, int] = {}  # rows "b", "a", "b" -> indexes {"b": 0, "a": 1}, image [0, 1, 0]
    image: list[int] = []
    lines: list[int] = []
    labels = set()
    for line, row in _records(source, separator, problems):
        if len(row) != width:
            hint = "does a cell have a decimal comma?" if len(row) > width and separator == "," else None
            problems.add(counted(width, "cell"), f"{len(row)}", line=line, hint=hint)
            continue
        cells = {name: row[i] for i, name in names.items()}
        values = {name: _checked_number(cells[name], name, line, problems) for name in numbers}
        if not cells["image"]:
            problems.add("an image id", "an empty cell", line=line)
            continue
        for name, value in values.items():
            numbers[name].append(np.nan if value is None else value)
            reported[name].append(value is None)
        image.append(indexes.setdefault(cells["image"], len(indexes)))
        lines.append(line)
        if "label" in cells:
            labels.add(cells["label"])
    columns = {name: np.array(values, dtype=np.float64) for name, values in numbers.items()}
    table = LongTable(problems, tuple(indexes), np.array(image, dtype=np.int64), columns, _at_row(lines))
    return table.with_reported({name: np.array(flags, dtype=np.bool_) for name, flags in reported.items()}), labels


def _checked_number(cell: str, name: str, line: int, problems: Problems) -> float | None:
    """Return the number in a cell, NaN where the cell is empty; add a problem and return None where it is no number."""
    text = cell.strip()
    if not text:
        return float("nan")
    value = float(text) if _NUMBER.fullmatch(text) else float("nan")
    if np.isfinite(value):
        return value
    finite = text.lower().lstrip("+-") in ("nan", "inf", "infinity") or value == value
    hint = "decimals are written with a point" if re.fullmatch(r"[+-]?\d+,\d+", text) else None
    problems.add(f"a {'finite ' if finite else ''}number in {name!r}", shown(cell), line=line, hint=hint)
    return None


def _records(source: Source, separator: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the cells of every row after the header; skip blank lines."""
    reader = csv.reader(io.StringIO(source.text(), newline=""), delimiter=separator, strict=True)
    after_header = False
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            _add_damage(str(problem), start, problems)
            after_header = True
            continue
        if row and (len(row) > 1 or row[0].strip()):
            if after_header:
                yield reader.line_num, row
            after_header = True


def _add_damage(words: str, line: int, problems: Problems) -> None:
    """Add an error of the csv module as a problem, in the words of this package."""
    if "end of data" in words:
        problems.add('a closing quote (")', "the end of the file", line=line)
    elif "expected after" in words:
        problems.add("a separator after a closing quote", "more text", line=line)
    else:
        longest = f"a cell of at most {csv.field_size_limit():,} characters"
        problems.add(longest, "a longer one", line=line, hint="is a quote not closed?")


def _places(source: Source, separator: str) -> Callable[[str, int], dict[str, Any]]:
    """Return a function that finds the line of a row; the file is read again on its first call only."""

    @cache
    def lines() -> list[int]:
        problems = Problems(source.name)
        numbers = [line for line, _ in _records(source, separator, problems)]
        problems.raise_if_any()
        return numbers

    return lambda name, row: _at_row(lines())(name, row)


def _at_row(lines: Sequence[int]) -> Callable[[str, int], dict[str, Any]]:
    """Return a function that finds the line of a row in these lines."""
    return lambda name, row: {"line": lines[row], "key": name}


def _header_text(source: Source, line: bytes) -> str:
    """Return the header as text; raise FormatError where it is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        source.text()  # raises, with the line and the byte
        raise


def _split(line: str) -> tuple[str, list[str]]:
    """Return the separator of a header and its cells."""
    separator = max(_SEPARATORS, key=line.count)
    try:
        return separator, next(csv.reader([line], delimiter=separator))
    except (csv.Error, StopIteration):
        return separator, line.split(separator)


def _content(value: Predictions | Annotations, points: Mapping[str, Any], images: Mapping[str, Floats]) -> bytes:
    """Return a table with a row for every point, and with one row for an image without points."""
    require_ids_without("csv", value.image_ids, "\r\n\x00", "line breaks or NUL characters")
    # offsets [0, 2, 2, 3] -> counts [2, 0, 1]: image 1 has no points and gets the row -1, before row 2 of image 2
    # rows [0, 1, -1, 2], image [0, 0, 1, 2]
    counts = np.diff(value.offsets)
    rows = np.insert(np.arange(len(value.xy)), value.offsets[:-1][counts == 0], -1)
    image = np.repeat(np.arange(len(counts)), np.maximum(counts, 1)) if len(counts) else value.points.image
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
