"""Published numbers: tables of one number a row with its source, gathered to one result a method and dataset.

The tables are files ``*.csv`` with the columns below; those of the literature lie beside this module, in ``tables``.
The metric is a metric string, the value is written as printed, ``unit`` is ``%``, ``people`` or ``1``.
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
"""The published tables of the literature."""

COLUMNS = ("method", "venue", "dataset", "metric", "value", "unit", "source", "table", "page", "note")
NEEDED = ("method", "dataset", "metric", "value", "unit", "source", "table")
UNITS = {"%": 2, "people": 0, "1": 0}
"""Unit to the decimal places that its numbers are shifted by."""


def published_results(folder: str | os.PathLike[str] | None = None) -> list[Result]:
    """Return the published results in the tables of a folder.

    Parameters
    ----------
    folder : path, optional
        Where the tables are; the tables of the literature that are installed with crowdeval by default.

    Raises
    ------
    MissingFileError
        If there is no such folder, or no table in it.
    FormatError
        If a table is damaged; names every line.
    """
    home = Path(folder) if folder else TABLES
    files = sorted(home.glob("*.csv")) if home.is_dir() else []
    if not files:
        raise MissingFileError(
            f"{home}: no published tables (*.csv with the columns {', '.join(COLUMNS)}) are there; --published "
            "without a folder takes those that are installed with crowdeval"
        )
    return [result for file in files for result in read_published(file)]


def read_published(file: str | os.PathLike[str]) -> list[Result]:
    """Return the results of one table; raise FormatError where it is damaged."""
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
            _check(row, reader.line_num, seen, problems)
            rows.append(row)
    except csv.Error as problem:
        problems.add("a CSV table", str(problem), line=reader.line_num)
    problems.raise_if_any()
    return _gathered(rows)


def beside(measured: Iterable[Result], published: Iterable[Result]) -> list[Result]:
    """Return the published results on the datasets that were measured, whatever the split; all where none was."""
    names = {_dataset(result) for result in measured}
    return [result for result in published if not names or _dataset(result) in names]


def _dataset(result: Result) -> str:
    return result.dataset.partition(":")[0]


def _check(row: dict[str, str], line: int, seen: set[tuple[str, ...]], problems: Problems) -> None:
    if len(row) > len(COLUMNS) or None in row.values():
        problems.add(f"{len(COLUMNS)} fields", "more" if len(row) > len(COLUMNS) else "fewer", line=line)
        return
    for column in NEEDED:
        if not row[column].strip():
            problems.add("text", "nothing", line=line, key=column)
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


def _gathered(rows: Iterable[dict[str, str]]) -> list[Result]:
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
