"""Columns of Parquet tables of any program as numbers and texts; a column of another type is a problem.

Columns of categories, as pandas writes them, are columns of their values. A null is an empty cell and a NaN is a wrong
number, except where all columns of the place of a point are NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from crowdeval.errors import Problems
from crowdeval.formats.table_headers import Columns
from crowdeval.formats.table_rows import LongTable, Texts, warn_of_missing
from crowdeval.points.labels import label_text
from crowdeval.points.ragged import Flags, Floats


def numbers_of(header: str, column: Any, problems: Problems) -> tuple[Floats, Flags | None]:
    """Return a column as float64, and its cells that are NaN without being null.

    Parameters
    ----------
    header : str
        The header of the column.
    column : pyarrow.ChunkedArray, (n,)
        The column.
    problems : Problems
        The problems of the file, to which a column of another type is added.

    Returns
    -------
    array of float, (n,)
        NaN where the column is null, and everywhere in a column of another type.
    array of bool, (n,), or None
        None for a column of another type.

    Examples
    --------
    >>> import pyarrow as pa
    >>> numbers_of("x", pa.chunked_array([[1.0, None]]), Problems("p.parquet"))[0].tolist()
    [1.0, nan]
    """
    import pyarrow as pa

    # A null is an empty cell, and a NaN is a wrong number, but both are NaN in NumPy:
    # cells 1, null, NaN, inf -> valid [True, False, True, True], flags [False, False, True, False]
    found = f"{column.type}"
    if is_numeric(column.type):
        try:
            values: Floats = plain(column).cast(pa.float64()).to_numpy()
            return values, np.asarray(column.is_valid()) & np.isnan(values)
        except pa.ArrowException:
            found = f"{column.type} with values that no float64 holds exactly"
    problems.add(f"numbers in the column {header!r}", found)
    return np.full(len(column), np.nan), None


def texts_of(header: str, column: Any, problems: Problems) -> Texts:
    """Return a column of texts, numbers or flags as texts.

    Parameters
    ----------
    header : str
        The header of the column.
    column : pyarrow.ChunkedArray, (n,)
        The column.
    problems : Problems
        The problems of the file, to which a column of another type is added.

    Returns
    -------
    Texts
        Empty texts where the column is null.

    Examples
    --------
    >>> import pyarrow as pa
    >>> texts_of("label", pa.chunked_array([[1.0, None, 2.0]]), Problems("p.parquet")).values
    ('1', '2')
    """
    import pyarrow as pa

    column = plain(column)
    if not (is_text(column.type) or is_numeric(column.type) or pa.types.is_boolean(column.type)):
        problems.add(f"texts in the column {header!r}", f"{column.type}")
        column = pa.nulls(len(column))
    if pa.types.is_null(column.type):
        return Texts((), np.full(len(column), -1))
    encoded = column.combine_chunks().dictionary_encode()
    values = encoded.dictionary.to_pylist()
    if not is_text(column.type):  # 1.0 becomes "1"; whole numbers keep all their digits
        values = [str(value) if isinstance(value, int) else label_text(value) or "" for value in values]
    return Texts(tuple(values), encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64))


def not_finite(table: LongTable, nan: Mapping[str, Flags | None], columns: Columns) -> dict[str, Flags]:
    """Add a problem for every cell that is not finite, except NaN in all columns of the place of a point.

    Parameters
    ----------
    table : LongTable
        The table, to whose problems they are added.
    nan : mapping of str to (array of bool or None)
        The cells that are NaN without being null, by column; None for a column that has a problem as a whole.
    columns : Columns
        The columns of the table.

    Returns
    -------
    dict of str to array of bool, (n,)
        The cells with a problem, for ``LongTable.with_reported``.
    """
    # x [nan, 1, null, nan], y [nan, nan, null, null] -> missing rows 0 and 3; row 2 is an ordinary empty row
    places = {name: flags for name in columns.places if (flags := nan.get(name)) is not None}
    missing = np.zeros(len(table.image), dtype=np.bool_)
    if places and len(places) == len(columns.places):
        missing = np.logical_and.reduce([np.isnan(table.numbers[name]) for name in places])
        missing &= np.logical_or.reduce(list(places.values()))
    if missing.any() and not table.problems:
        warn_of_missing(table.problems.file, int(missing.sum()))
    reported = {}
    for name, flags in nan.items():
        if flags is None:
            reported[name] = np.ones(len(table.image), dtype=np.bool_)
            continue
        wrong, infinite = flags & ~missing, np.isinf(table.numbers[name])
        table.add_problems(name, wrong, "a finite number", hint="write null for an empty cell")
        table.add_problems(name, infinite, "a finite number")
        reported[name] = wrong | infinite
    return reported


def plain(column: Any) -> Any:
    """Return a column of categories as a column of their values, and any other column unchanged.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        The column.

    Returns
    -------
    pyarrow.ChunkedArray

    Examples
    --------
    >>> import pyarrow as pa
    >>> str(plain(pa.chunked_array([["a", "a"]]).dictionary_encode()).type)
    'string'
    """
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return column
    try:
        return column.cast(column.type.value_type)
    except pa.ArrowException:
        return column


def is_numeric(kind: Any, *, null: bool = True) -> bool:
    """Return whether a type is one of numbers.

    Parameters
    ----------
    kind : pyarrow.DataType
        The type of a column.
    null : bool
        Whether a column without any value counts as one of numbers.

    Returns
    -------
    bool

    Examples
    --------
    >>> import pyarrow as pa
    >>> is_numeric(pa.int8()), is_numeric(pa.bool_())
    (True, False)
    """
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return bool(number or (null and pa.types.is_null(kind)))


def is_text(kind: Any) -> bool:
    """Return whether a type is one of texts.

    Parameters
    ----------
    kind : pyarrow.DataType
        The type of a column.

    Returns
    -------
    bool

    Examples
    --------
    >>> import pyarrow as pa
    >>> is_text(pa.large_string()), is_text(pa.binary())
    (True, False)
    """
    return str(kind) in ("string", "large_string", "string_view")
