"""CSV: ``image,x,y[,score]`` and more columns of a long table; separator and spelling found from the header.

pyarrow reads a sound file; one that it refuses is read again cell by cell, which says what is wrong in which
line. A row without x and y (``IMG_3,,``) declares an image without points, so that none gets lost.
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
    looks_like_header,
    plain_name,
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
    """CSV in both directions; holds points, scores, counts, boxes, radii, levels and sizes, no attributes."""

    name: str = "csv"
    suffixes: tuple[str, ...] = (".csv", ".tsv")
    summary: str = "CSV: image,x,y[,score], also with the headers of HerdNet and DeepForest"

    def recognises(self, source: Source) -> bool:
        """Return whether the first line is a header that names an image and a point, a box or a count."""
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
        """Return a table with a score column where there are scores; counts alone make ``image,count``."""
        points: dict[str, Floats] = {}
        if predictions.located:
            points = {"x": predictions.xy[:, 0], "y": predictions.xy[:, 1]}
        if predictions.score is not None:
            points["score"] = predictions.score
        images = {} if predictions.counts is None else {"count": predictions.counts}
        return _written(predictions, points, images)

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return a table with every column but the attributes."""
        warn_not_kept(self.name, attributes_named(annotations))
        points: dict[str, Any] = {"x": annotations.xy[:, 0], "y": annotations.xy[:, 1]}
        for names, column in ((BOX, annotations.boxes), (RADII, annotations.radii)):
            if column is not None:
                points |= dict(zip(names, column.T, strict=True))
        if annotations.level is not None:
            points["level"] = annotations.level
        sizes = annotations.sizes
        return _written(annotations, points, {} if sizes is None else dict(zip(SIZE, sizes.T, strict=True)))


CSV = CSVTable()


def _table(source: Source, kind: Kind) -> LongTable:
    data = source.utf8()
    first = _FIRST_LINE.match(data)
    if first is None:
        raise source.error("a CSV header", "a blank file")
    separator, headers = _split(_header_text(source, first[1]))
    problems = Problems(source.name)
    check_header(headers, kind, problems, line=data.count(b"\n", 0, first.start(1)) + 1)
    problems.raise_if_any()
    names = {i: plain_name(header) for i, header in enumerate(headers)}
    names = {i: name for i, name in names.items() if name in ("image", "label", *NUMBERS)}
    fast = _fast_table(source, data[first.end() :], separator, len(headers), names)
    table, labels = fast or _careful_table(source, separator, len(headers), names)
    warn_of_labels(source.name, labels)
    return table


def _fast_table(
    source: Source, body: bytes, separator: str, width: int, names: Mapping[int, str]
) -> tuple[LongTable, set[str]] | None:
    """Return the table and its labels as pyarrow reads them, or None where a cell is not what it should be."""
    if not body.strip():
        empty = {name: np.empty(0) for name in names.values() if name in NUMBERS}
        return LongTable(Problems(source.name), (), np.empty(0, dtype=np.int64), empty, _at_row([])), set()
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

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
    columns = {name: table.column(str(i)).combine_chunks() for i, name in names.items()}
    numbers: dict[str, Floats] = {}
    for name, column in columns.items():
        if name in NUMBERS:
            numbers[name] = column.to_numpy(zero_copy_only=False)
            if int(np.isfinite(numbers[name]).sum()) != len(column) - column.null_count:
                return None
    ids = columns["image"].dictionary_encode()
    image_ids = tuple(ids.dictionary.to_pylist())
    if "" in image_ids:
        return None
    image = ids.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    labels = set(columns["label"].unique().to_pylist()) if "label" in columns else set()
    return LongTable(Problems(source.name), image_ids, image, numbers, _places(source, separator)), labels


def _careful_table(source: Source, separator: str, width: int, names: Mapping[int, str]) -> tuple[LongTable, set[str]]:
    """Return the table cell by cell, every cell that is not what it should be among its problems.

    Lines with too many or too few cells, or without an image, are left out of it.
    """
    problems = Problems(source.name)
    numbers: dict[str, list[float]] = {name: [] for name in names.values() if name in NUMBERS}
    noted: dict[str, list[bool]] = {name: [] for name in numbers}
    codes: dict[str, int] = {}
    image: list[int] = []
    lines: list[int] = []
    labels = set()
    for line, row in _records(source, separator, problems):
        if len(row) != width:
            hint = "is a decimal comma among the cells?" if len(row) > width and separator == "," else None
            problems.add(counted(width, "cell"), f"{len(row)}", line=line, hint=hint)
            continue
        cells = {name: row[i] for i, name in names.items()}
        values = {name: _number(cells[name], name, line, problems) for name in numbers}
        if not cells["image"]:
            problems.add("an image id", "an empty cell", line=line)
            continue
        for name, value in values.items():
            numbers[name].append(np.nan if value is None else value)
            noted[name].append(value is None)
        image.append(codes.setdefault(cells["image"], len(codes)))
        lines.append(line)
        if "label" in cells:
            labels.add(cells["label"])
    columns = {name: np.array(values, dtype=np.float64) for name, values in numbers.items()}
    table = LongTable(problems, tuple(codes), np.array(image, dtype=np.int64), columns, _at_row(lines))
    return table.noting({name: np.array(flags, dtype=np.bool_) for name, flags in noted.items()}), labels


def _number(cell: str, name: str, line: int, problems: Problems) -> float | None:
    """Return the number in a cell, NaN where it is empty; None where that is no number, which is noted."""
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
    """Yield the rows after the header with the line where each ends; blank lines are passed over."""
    reader = csv.reader(io.StringIO(source.text(), newline=""), delimiter=separator, strict=True)
    header = False
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            _add_damage(str(problem), start, problems)
            header = True
            continue
        if row and (len(row) > 1 or row[0].strip()):
            if header:
                yield reader.line_num, row
            header = True


def _add_damage(words: str, line: int, problems: Problems) -> None:
    """Note what the csv module says of a row, in our words."""
    if "end of data" in words:
        problems.add('a closing quote (")', "the end of the file", line=line)
    elif "expected after" in words:
        problems.add("a separator after a closing quote", "more text", line=line)
    else:
        longest = f"a cell of at most {csv.field_size_limit():,} characters"
        problems.add(longest, "a longer one", line=line, hint="a quote that is not closed?")


def _places(source: Source, separator: str) -> Callable[[str, int], dict[str, Any]]:
    """Return the function that finds a row's line; the file is read again only when it is asked."""

    @cache
    def lines() -> list[int]:
        problems = Problems(source.name)
        found = [line for line, _ in _records(source, separator, problems)]
        problems.raise_if_any()
        return found

    return lambda name, row: _at_row(lines())(name, row)


def _at_row(lines: Sequence[int]) -> Callable[[str, int], dict[str, Any]]:
    """Return the function that finds a row's line among these."""
    return lambda name, row: {"line": lines[row], "key": name}


def _header_text(source: Source, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        source.text()  # raises, with the line and the byte
        raise


def _split(line: str) -> tuple[str, list[str]]:
    """Return the separator that a header uses, and the header's cells."""
    separator = max(_SEPARATORS, key=line.count)
    try:
        return separator, next(csv.reader([line], delimiter=separator))
    except (csv.Error, StopIteration):
        return separator, line.split(separator)


def _written(value: Predictions | Annotations, points: Mapping[str, Any], images: Mapping[str, Floats]) -> bytes:
    """Return a table with a row a point; an image without points has one row without numbers of points."""
    require_ids_without("csv", value.image_ids, "\r\n\x00", "line breaks or NUL characters")
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
    """Return the cells of these rows; row -1 and NaN are empty."""
    values = column.tolist()
    return ["" if row < 0 or values[row] != values[row] else values[row] for row in rows.tolist()]
