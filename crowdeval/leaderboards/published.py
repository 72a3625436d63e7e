"""Published numbers: CSV tables with one number and its source in each row, read as results.

A table is a file ``*.csv`` with the columns ``COLUMNS``. The installed tables are in the folder ``tables`` beside this
module. ``metric`` is a metric string, ``value`` has the digits of the publication, and ``unit`` is ``%``, ``people`` or
``1``. All numbers of a method on a dataset from one source become one result.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path

from crowdeval.errors import MissingFileError, Problems, UsageError
from crowdeval.leaderboards.results import Result
from crowdeval.metrics import canonical

TABLES = Path(__file__).parent / "tables"
"""The folder of the installed tables."""

COLUMNS = ("method", "venue", "dataset", "metric", "value", "unit", "source", "table", "page", "note")
REQUIRED = ("method", "dataset", "metric", "value", "unit", "source", "table")
UNITS = {"%": 2, "people": 0, "1": 0}
"""Unit to the number of decimal places by which a value is shifted: 64.4 % is 0.644."""


def published_results(folder: str | os.PathLike[str] | None = None) -> list[Result]:
    """Return the results in the published tables of a folder.

    Parameters
    ----------
    folder : path, optional
        The folder of the tables; by default the folder of the installed tables.

    Returns
    -------
    list of Result

    Raises
    ------
    MissingFileError
        If the folder does not exist or has no table.
    FormatError
        If a table is damaged; the error has every problem of the table.

    Examples
    --------
    >>> [result.values["MAE"] for result in published_results()
    ...  if result.model == "P2PNet (ICCV'21)" and result.dataset == "shanghaitech-a:test"]
    [52.74]
    """
    home = Path(folder) if folder else TABLES
    files = sorted(home.glob("*.csv")) if home.is_dir() else []
    if not files:
        raise MissingFileError(
            f"{home}: no published tables in this folder: expected *.csv with the columns {', '.join(COLUMNS)}. "
            "--published without a folder reads the installed tables"
        )
    return [result for file in files for result in read_published(file)]


def read_published(file: str | os.PathLike[str]) -> list[Result]:
    """Return the results of one published table.

    Parameters
    ----------
    file : str or path
        A CSV file with the columns ``COLUMNS``.

    Returns
    -------
    list of Result
        One for each method, dataset and source.

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If the table is damaged; the error has every problem of the table.

    Examples
    --------
    >>> first = read_published(TABLES / "nwpu_sample_code.csv")[0]
    >>> first.model, first.dataset, first.values["F1@sigma_l"]
    ("RAZ_loc (CVPR'19)", 'nwpu:val', 0.625)
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise MissingFileError(f"{path}: can't be read ({problem})") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="beyond the last column", strict=True)
    problems = Problems(str(path))
    rows: list[dict[str, str]] = []
    if tuple(reader.fieldnames or ()) != COLUMNS:
        problems.add(f"the columns {', '.join(COLUMNS)}", ", ".join(reader.fieldnames or ()) or "nothing", line=1)
        raise problems.error()
    seen: set[tuple[str, ...]] = set()
    try:
        for row in reader:
            _check_row(row, reader.line_num, seen, problems)
            rows.append(row)
    except csv.Error as problem:
        problems.add("a CSV table", str(problem), line=reader.line_num)
    problems.raise_if_any()
    return _results_of(rows)


def published_beside(measured: Iterable[Result], published: Iterable[Result]) -> list[Result]:
    """Return the published results that belong beside measured ones.

    Parameters
    ----------
    measured : iterable of Result
        The measured results.
    published : iterable of Result
        The published results.

    Returns
    -------
    list of Result
        The published results on any split of a measured dataset; all of them where there are no measured results.

    Examples
    --------
    >>> measured = [Result(model="a", dataset="nwpu:val", values={}, source="measured", origin="a.json")]
    >>> sorted({result.dataset for result in published_beside(measured, published_results())})
    ['nwpu', 'nwpu:test', 'nwpu:val']
    """
    names = {_dataset(result) for result in measured}
    return [result for result in published if not names or _dataset(result) in names]


def _dataset(result: Result) -> str:
    return result.dataset.partition(":")[0]


def _check_row(row: dict[str, str], line: int, seen: set[tuple[str, ...]], problems: Problems) -> None:
    """Add the problems of one row to the problems of its table."""
    if len(row) > len(COLUMNS) or None in row.values():
        problems.add(f"{len(COLUMNS)} fields", "more" if len(row) > len(COLUMNS) else "fewer", line=line)
        return
    for column in REQUIRED:
        if not row[column].strip():
            problems.add("text", "an empty field", line=line, key=column)
    if row["unit"].strip() and row["unit"] not in UNITS:
        problems.add(f"one of {', '.join(UNITS)}", repr(row["unit"]), line=line, key="unit")
    try:
        finite = Decimal(row["value"]).is_finite()
    except InvalidOperation:
        finite = False
    if row["value"].strip() and not finite:
        problems.add("a number", repr(row["value"]), line=line, key="value")
    try:
        metric = canonical(row["metric"])
    except UsageError as problem:
        problems.add("a metric string", str(problem), line=line, key="metric")
        return
    key = (row["method"], row["dataset"], metric, row["source"])
    if key in seen:
        problems.add("each number once", f"a second {metric} of {row['method']}", line=line)
    seen.add(key)


def _results_of(rows: Iterable[dict[str, str]]) -> list[Result]:
    """Return one result for each method, dataset and source."""
    groups: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault((row["method"], row["dataset"], row["source"]), []).append(row)
    return [_result(group) for group in groups.values()]


def _result(rows: list[dict[str, str]]) -> Result:
    first = rows[0]
    numbers = {canonical(row["metric"]): Decimal(row["value"]).scaleb(-UNITS[row["unit"]]) for row in rows}
    places = dict.fromkeys(f"{row['table']} (p. {row['page']})" if row["page"] else row["table"] for row in rows)
    return Result(
        model=f"{first['method']} ({first['venue']})" if first["venue"] else first["method"],
        dataset=first["dataset"],
        values={metric: float(number) for metric, number in numbers.items()},
        decimals={metric: max(0, -int(number.as_tuple().exponent)) for metric, number in numbers.items()},
        source="published",
        origin=first["source"],
        place=", ".join(places),
    )
