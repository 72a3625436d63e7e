"""Cells of CSV: the rows of a file as a long table, on a fast way and on a careful one.

pyarrow reads a file without problems. A file that it refuses is read again cell by cell, which finds the line and the
cell of every problem, and reads what pyarrow does not know: "NA", "NaN" and the like, which pandas and R write for the
place of a point in an image without points, and blanks before a quoted cell.

Both ways read decimal commas in a file whose separator is no comma, if no number of the file has a point.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from crowdeval.errors import Problems, shown
from crowdeval.formats.contract import counted, warn
from crowdeval.formats.number_spellings import NUMBER
from crowdeval.formats.source import Source
from crowdeval.formats.table_headers import Columns
from crowdeval.formats.table_rows import LongTable, Texts, class_texts, is_missing, warn_of_missing
from crowdeval.points.ragged import Floats

_COMMA_NUMBER = re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
_LIKE_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?", re.ASCII)

_START = 1 << 16
"""Number of bytes at the beginning of a file that are examined for the content of a column."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a file are written.

    Parameters
    ----------
    source : Source
        The file as UTF-8 text, whose first line that is not blank is the header.
    body : bytes
        The content after the header.
    separator : str
        The character between two cells.
    blanks : bool
        Whether cells have blanks in front that are no part of them, as the header has them.
    """

    source: Source
    body: bytes
    separator: str
    blanks: bool = False

    def is_number(self, position: int) -> bool:
        """Return whether the first cells of a column are numbers.

        Parameters
        ----------
        position : int
            The position of the column.

        Returns
        -------
        bool
        """
        text = self.source.utf8()[:_START].decode(errors="replace")
        rows = [row for _, row in _records(text, self, Problems(""))]
        rows = rows[:-1] if len(self.source.data) > _START else rows  # the last one may be cut
        cells = [row[position] for row in rows if position < len(row) and not is_missing(row[position])]
        return bool(cells) and all(_LIKE_NUMBER.fullmatch(cell.strip()) for cell in cells)


def fast_table(layout: Layout, columns: Columns) -> LongTable | None:
    """Return the table as pyarrow reads it.

    Parameters
    ----------
    layout : Layout
        How the file is written.
    columns : Columns
        The columns that are read.

    Returns
    -------
    LongTable or None
        None where any cell is wrong or unusual.

    Examples
    --------
    >>> layout = Layout(Source("p.csv", b"image,x,y\\na,1,2\\n"), b"a,1,2\\n", ",")
    >>> fast_table(layout, Columns(3, {0: "image", 1: "x", 2: "y"})).numbers["x"].tolist()
    [1.0]
    """
    # This way is many times faster than the careful one, and gives the same table: pyarrow keeps the order of the rows.
    # It does not search for a wrong cell: where anything is unusual, the careful way reads the file again.
    if not layout.body.strip():
        return _Cells(columns).table(Problems(layout.source.name))
    arrow = None if layout.blanks and b'"' in layout.body else _arrow_columns(layout, columns, ".")
    commas = arrow is None and layout.separator != "," and b"," in layout.body
    arrow = _arrow_columns(layout, columns, ",") if commas else arrow
    if arrow is None:
        return None
    numbers: dict[str, Floats] = {name: arrow[name].to_numpy(zero_copy_only=False) for name in columns.numbers}
    for name, values in numbers.items():
        # An empty cell is null in pyarrow and NaN in NumPy; the cells "nan" and "inf" are wrong and not null:
        # cells 1, (empty), nan -> 3 rows, 1 null, 1 finite number: 1 != 3 - 1, so a cell is wrong
        if int(np.isfinite(values).sum()) != len(values) - arrow[name].null_count:
            return None
    images = _texts(arrow["image"])
    if "" in images.values:
        return None
    if commas:
        _warn_of_commas(layout)
    texts = {name: _texts(arrow[name], is_label=name == "label") for name in columns.texts}
    problems = Problems(layout.source.name)
    return LongTable(problems, images.values, images.codes, numbers, _places(layout), texts=texts,
                     zeros_are_empty=columns.zeros_are_empty)  # fmt: skip


def _arrow_columns(layout: Layout, columns: Columns, point: str) -> dict[str, Any] | None:
    """Return the columns that are read as pyarrow arrays, or None where pyarrow can't read a cell."""
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    # pyarrow gets the column numbers "0", "1", ... as names, because headers of unused columns may be equal:
    # headers "", "image", "x", "y", "" -> names {1: "image", 2: "x", 3: "y"}, read as columns "1", "2", "3" of 5
    kinds = dict.fromkeys(("image", *columns.texts), pa.dictionary(pa.int32(), pa.string()))
    types = {str(i): kinds.get(name, pa.float64()) for i, name in columns.names.items()}
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(layout.body),
            read_options=arrow_csv.ReadOptions(column_names=[str(i) for i in range(columns.width)]),
            parse_options=arrow_csv.ParseOptions(delimiter=layout.separator, newlines_in_values=b'"' in layout.body),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=[""],
                strings_can_be_null=False,
                decimal_point=point,
            ),
        )
    except (pa.ArrowException, OSError):
        return None
    arrays = {name: table.column(str(i)).combine_chunks() for i, name in columns.names.items()}
    return {name: _trimmed(array) for name, array in arrays.items()} if layout.blanks else arrays


def _trimmed(array: Any) -> Any:
    """Return texts without blanks in front; numbers have none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(array.type):
        return array
    return pc.utf8_ltrim(array.dictionary_decode(), characters=" ").dictionary_encode()


def _texts(array: Any, *, is_label: bool = False) -> Texts:
    """Return a dictionary array of pyarrow as texts, in the order of their first rows."""
    # rows "b", "a", "b" -> dictionary ["b", "a"], indices [0, 1, 0]
    values = array.dictionary.to_pylist()
    codes = array.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return Texts(class_texts(values) if is_label else tuple(values), codes)


def careful_table(layout: Layout, columns: Columns) -> LongTable:
    """Return the table read cell by cell, with the problems of all cells.

    Parameters
    ----------
    layout : Layout
        How the file is written.
    columns : Columns
        The columns that are read.

    Returns
    -------
    LongTable
        Lines with too many cells, too few cells or no image are left out.

    Examples
    --------
    >>> layout = Layout(Source("p.csv", b"image,x,y\\na,1,2\\n"), b"a,1,2\\n", ",")
    >>> careful_table(layout, Columns(3, {0: "image", 1: "x", 2: "y"})).numbers["x"].tolist()
    [1.0]
    """
    problems = Problems(layout.source.name)
    text = layout.source.text()
    commas = layout.separator != "," and _has_decimal_commas(_records(text, layout, Problems("")), columns)
    cells = _Cells(columns, commas=commas)
    for line, row in _records(text, layout, problems):
        if len(row) == columns.width:
            cells.add(line, row, problems)
        else:
            hint = "does a cell have a decimal comma?" if len(row) > columns.width and layout.separator == "," else None
            problems.add(counted(columns.width, "cell"), f"{len(row)}", line=line, hint=hint)
    if commas and not problems:
        _warn_of_commas(layout)
    if cells.missing and not problems:
        warn_of_missing(layout.source.name, cells.missing)
    return cells.table(problems)


class _Cells:
    """The cells of the rows so far, column by column."""

    def __init__(self, columns: Columns, *, commas: bool = False) -> None:
        self.missing = 0
        self._columns, self._commas = columns, commas
        self._places = columns.places
        self._numbers: dict[str, list[float]] = {name: [] for name in columns.numbers}
        self._reported: dict[str, list[bool]] = {name: [] for name in columns.numbers}
        # rows "b", "a", "b" -> values {"b": 0, "a": 1}, codes [0, 1, 0]
        self._values: dict[str, dict[str, int]] = {name: {} for name in ("image", *columns.texts)}
        self._codes: dict[str, list[int]] = {name: [] for name in self._values}
        self._lines: list[int] = []

    def add(self, line: int, row: Sequence[str], problems: Problems) -> None:
        """Add a row; a problem for every wrong cell, and no row where the image is not known."""
        cells = {name: row[i] for i, name in self._columns.names.items()}
        if self._places and all(is_missing(cells[name]) for name in self._places):
            self.missing += any(cells[name].strip() for name in self._places)
            cells |= {name: "" for name in self._numbers if is_missing(cells[name])}
        values = {name: self._number(cells[name], name, line, problems) for name in self._numbers}
        if not cells["image"]:
            problems.add("an image id", "an empty cell", line=line)
            return
        for name, value in values.items():
            self._numbers[name].append(np.nan if value is None else value)
            self._reported[name].append(value is None)
        for name, codes in self._codes.items():
            codes.append(self._values[name].setdefault(cells[name], len(self._values[name])))
        self._lines.append(line)

    def table(self, problems: Problems) -> LongTable:
        """Return the table of the rows."""
        texts = {
            name: Texts(class_texts([*values]) if name == "label" else tuple(values), np.array(codes, dtype=np.int64))
            for (name, values), codes in zip(self._values.items(), self._codes.values(), strict=True)
        }
        images = texts.pop("image")
        numbers = {name: np.array(values, dtype=np.float64) for name, values in self._numbers.items()}
        table = LongTable(problems, images.values, images.codes, numbers, _at_row(self._lines), texts=texts,
                          zeros_are_empty=self._columns.zeros_are_empty)  # fmt: skip
        return table.with_reported({name: np.array(flags, dtype=np.bool_) for name, flags in self._reported.items()})

    def _number(self, cell: str, name: str, line: int, problems: Problems) -> float | None:
        """Return the number in a cell, NaN where the cell is empty; add a problem and return None for another text."""
        text = cell.strip()
        if not text:
            return float("nan")
        point = text.replace(",", ".", 1) if self._commas else text
        value = float(point) if NUMBER.fullmatch(point) else float("nan")
        if np.isfinite(value):
            return value
        finite = text.lower().lstrip("+-") in ("nan", "inf", "infinity") or value == value
        hint = "decimals are written with a point" if "," in text and _LIKE_NUMBER.fullmatch(text) else None
        problems.add(f"a {'finite ' if finite else ''}number in {name!r}", shown(cell), line=line, hint=hint)
        return None


def _has_decimal_commas(rows: Iterable[tuple[int, list[str]]], columns: Columns) -> bool:
    """Return whether numbers have decimal commas, and each of them can only be read in this way."""
    positions = [i for i, name in columns.names.items() if name in columns.numbers]
    found = False
    for _, row in rows:
        for position in positions if len(row) == columns.width else ():
            cell = row[position].strip()
            if _LIKE_NUMBER.fullmatch(cell) and not _COMMA_NUMBER.fullmatch(cell):
                return False
            found = found or ("," in cell and _COMMA_NUMBER.fullmatch(cell) is not None)
    return found


def _warn_of_commas(layout: Layout) -> None:
    warn(f"{layout.source.name}: the numbers have decimal commas, and are read so")


def _records(text: str, layout: Layout, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the cells of every row after the header; skip blank lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=layout.separator, strict=True,
                        skipinitialspace=layout.blanks)  # fmt: skip
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


def _places(layout: Layout) -> Callable[[str, int], Mapping[str, Any]]:
    """Return a function that finds the line of a row; the file is read again on its first call only."""

    @cache
    def lines() -> list[int]:
        problems = Problems(layout.source.name)
        numbers = [line for line, _ in _records(layout.source.text(), layout, problems)]
        problems.raise_if_any()
        return numbers

    return lambda name, row: _at_row(lines())(name, row)


def _at_row(lines: Sequence[int]) -> Callable[[str, int], Mapping[str, Any]]:
    """Return a function that finds the line of a row in these lines."""
    return lambda name, row: {"line": lines[row], "key": name}
