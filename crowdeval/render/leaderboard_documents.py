"""A leaderboard as CSV or Markdown."""

from __future__ import annotations

import csv as csv_writer
import io
import math

from crowdeval.leaderboards.build import Leaderboard
from crowdeval.leaderboards.rankings import Ranking, Row
from crowdeval.render.leaderboard_cells import Cell, Grid, Line, sheet
from crowdeval.render.numbers import label


def csv(board: Leaderboard, *, best: bool = False) -> str:
    """Return a leaderboard as CSV: a header, and one row for each result.

    Values have full precision, and signatures and fingerprints are complete. A value that is undefined or was not
    measured is an empty field. ``counts`` is "given" where the predictions have counts beside their points. Where
    differences were tested, each metric has the columns ``p METRIC`` and ``verdict METRIC``; with intervals, ``low
    METRIC`` and ``high METRIC``.

    Parameters
    ----------
    board : Leaderboard
        The leaderboard.
    best : bool
        Without effect in this form.

    Returns
    -------
    str
        The CSV text.

    Examples
    --------
    >>> from crowdeval.leaderboards.build import leaderboard
    >>> from crowdeval.leaderboards.results import Result
    >>> result = Result(model="a", dataset="nwpu:val", values={"MAE": 60.0}, source="measured", origin="a.json")
    >>> print(csv(leaderboard([result])).splitlines()[1])
    nwpu:val,1,1,MAE,a,,,60.0,,,,measured,,,,,,a.json
    """
    metrics = board.columns
    p_values = metrics if board.tested else ()
    bounded = metrics if board.level is not None else ()
    text = io.StringIO()
    writer = csv_writer.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "dataset", "ranking", "rank", "ranked_by", "model", "revision", "config",
            *map(label, metrics),
            "images", "points", "counts",
            "source", "unranked", "selected_on", "date", "fingerprint", "signature", "origin",
            *(f"{word} {label(metric)}" for metric in p_values for word in ("p", "verdict")),
            *(f"{end} {label(metric)}" for metric in bounded for end in ("low", "high")),
        ]
    )  # fmt: skip
    for ranking in board.rankings:
        for row in ranking.rows:
            writer.writerow([*_record(row, ranking, metrics), *_tests(row, p_values), *_bounds(row, bounded)])
    return text.getvalue()


def markdown(board: Leaderboard, *, best: bool = False) -> str:
    """Return a leaderboard as Markdown: a heading and a table for each ranking, then the keys and the rules.

    Parameters
    ----------
    board : Leaderboard
        The leaderboard.
    best : bool
        Print the best value of each column of a ranking in bold.

    Returns
    -------
    str
        The Markdown text.

    Examples
    --------
    >>> from crowdeval.leaderboards.build import leaderboard
    >>> from crowdeval.leaderboards.results import Result
    >>> result = Result(model="a", dataset="nwpu:val", values={"MAE": 60.0}, source="measured", origin="a.json")
    >>> print(markdown(leaderboard([result])).splitlines()[6])
    | 1 | a | 60.00 | – | – | – | – | measured | – | – |  |
    """
    words = sheet(board, best=best)
    blocks = ["\n".join([f"## {_escaped(grid.title)}", "", grid.caption, "", *_lines(grid)]) for grid in words.grids]
    keys = [f"- **{key}**: `{signature}`" for key, signature in words.protocols.items()]
    keys += [f"- **{key}**: {_escaped(source)}" for key, source in words.sources.items()]
    blocks += ["\n".join(keys)] if keys else []
    return "\n\n".join([*blocks, *words.rules]) + "\n"


def _tests(row: Row, metrics: tuple[str, ...]) -> list[object]:
    """Return the p-value and the verdict of each metric against the best result."""
    fields: list[object] = []
    for metric in metrics:
        pair = row.verdicts.get(metric)
        fields += ["", ""] if pair is None else [_number(pair.p), pair.verdict]
    return fields


def _bounds(row: Row, metrics: tuple[str, ...]) -> list[object]:
    """Return the ends of the interval of each metric."""
    fields: list[object] = []
    for metric in metrics:
        own = row.intervals.get(metric)
        fields += ["", ""] if own is None else [own.low, own.high]
    return fields


def _record(row: Row, ranking: Ranking, metrics: tuple[str, ...]) -> list[object]:
    """Return the fields of one CSV row."""
    result = row.result
    own = row.rank is not None
    return [
        result.dataset, ranking.number if own else "", row.rank if own else "", ranking.by if own else "",
        result.model, result.revision, result.config,
        *(_number(result.values.get(metric, math.nan)) for metric in metrics),
        "" if result.images is None else result.images, "" if result.points is None else result.points,
        "given" if result.given_counts else "",
        result.source, row.reason, result.selected_on, result.date, result.fingerprint, result.signature,
        f"{result.origin}: {result.place}" if result.place else result.origin,
    ]  # fmt: skip


def _number(value: float) -> object:
    """Return a value for CSV; an empty text for NaN."""
    return "" if math.isnan(value) else value


def _lines(grid: Grid) -> list[str]:
    """Return the lines of one Markdown table."""
    heads = [f"{name} {arrow}".rstrip() for name, arrow in grid.headings]
    names = [
        "#",
        "model",
        *heads,
        "images",
        "points",
        "protocol",
        "test set",
        "source",
        "selected on",
        "date",
        "remark",
    ]
    rules = ["--:", ":--", *["--:"] * (len(heads) + 2), *[":--"] * 6]
    return [_row(names), _row(rules), *(_row(_cells(line)) for line in grid.lines)]


def _cells(line: Line) -> list[str]:
    rest = (line.images, line.points, line.protocol, line.test_set, line.source, line.selected_on, line.date)
    remark = f"unranked: {line.remark}" if line.remark else ""
    model = f"*{_escaped(line.model)}*" if line.published else _escaped(line.model)
    return [line.rank, model, *map(_mark, line.cells), *map(_escaped, rest), _escaped(remark)]


def _mark(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.best else cell.text
    return f"{text} {cell.mark}".rstrip()


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    for char in "\\`*_[]<>|":
        text = text.replace(char, f"\\{char}")
    return text.replace("\n", " ")
