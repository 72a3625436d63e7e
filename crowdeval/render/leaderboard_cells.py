"""A leaderboard as cells of text, which all forms share: headings, numbers, marks, keys of protocols, rules."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crowdeval.leaderboards.build import Leaderboard
from crowdeval.leaderboards.rankings import Ranking, Row
from crowdeval.metrics import better
from crowdeval.options import ROUNDS
from crowdeval.render.numbers import label, number
from crowdeval.render.numbers import spread as digits
from crowdeval.statistics.comparison import ALPHA

ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0", None: ""}
"""The better direction of a metric, as a sign beside its heading."""
ABSENT = "–"
"""The text of a cell without a value."""
TRUST = {"yes": "", "rough": "~", "no": "?"}
"""The marks of intervals that are rough, or not to be trusted."""
WORSE, ALIKE = "†", "≈"
"""The marks of a significant and of a not significant difference from the best result."""
DIGITS_OF_FINGERPRINT = 8
"""Number of digits of a fingerprint that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number of a row.

    Attributes
    ----------
    text : str
        The number as text, in brackets where it is not comparable with the first row.
    value : float, optional
        The number to sort by; None where it is undefined or absent.
    best : bool
        Whether it is shown as the best of its column.
    mark : str
        The mark of its test: ``WORSE``, ``ALIKE`` or an empty string.
    """

    text: str
    value: float | None
    best: bool
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row as text; the fields are the columns."""

    rank: str
    model: str
    cells: tuple[Cell, ...]
    images: str
    points: str
    protocol: str
    test_set: str
    source: str
    selected_on: str
    date: str
    remark: str
    published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One ranking as text.

    Attributes
    ----------
    title : str
        The dataset and, for a further ranking, its difference from the first.
    caption : str
        The number of ranked results and the key metric.
    headings : tuple of (str, str)
        The heading of each metric and the sign of its better direction.
    lines : tuple of Line
        The rows.
    """

    title: str
    caption: str
    headings: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A leaderboard as text.

    Attributes
    ----------
    grids : tuple of Grid
        The rankings.
    protocols : mapping of str to str
        Short key, such as ``P1``, to signature.
    sources : mapping of str to str
        Short key, such as ``S1``, to publication.
    rules : tuple of str
        The sentences below the tables.
    """

    grids: tuple[Grid, ...]
    protocols: Mapping[str, str]
    sources: Mapping[str, str]
    rules: tuple[str, ...]


def sheet(board: Leaderboard, *, best: bool = False) -> Sheet:
    """Return a leaderboard as text.

    Parameters
    ----------
    board : Leaderboard
        The leaderboard.
    best : bool
        Mark the best value of each column of a ranking.

    Returns
    -------
    Sheet

    Examples
    --------
    >>> from crowdeval.leaderboards.build import leaderboard
    >>> from crowdeval.leaderboards.results import Result
    >>> result = Result(model="a", dataset="nwpu:val", values={"MAE": 60.0}, source="measured", origin="a.json")
    >>> sheet(leaderboard([result])).grids[0].caption
    '1 ranked by MAE ↓'
    """
    rows = [row for ranking in board.rankings for row in ranking.rows]
    protocols = _keys("P", (row.result.signature for row in rows))
    sources = _keys("S", (row.result.origin for row in rows if row.result.source == "published"))
    return Sheet(
        grids=tuple(_grid(ranking, protocols, sources, best=best) for ranking in board.rankings),
        protocols={key: signature for signature, key in protocols.items()},
        sources={key: source for source, key in sources.items()},
        rules=tuple(_rules(board, rows, best=best)),
    )


def _heading(metric: str) -> tuple[str, str]:
    """Return the heading of a metric and the sign of its better direction.

    >>> _heading("RMSE"), _heading("nAP@0.5")
    (('MSE', '↓'), ('nAP@0.5', '↑'))
    """
    return label(metric), ARROWS[better(metric)]


def _value_text(row: Row, metric: str) -> str:
    """Return a value with the usual digits of its metric; a published value has the digits of its publication."""
    value = row.result.values.get(metric)
    if value is None:
        return ABSENT
    if metric in row.result.decimals:
        return f"{value:,.{row.result.decimals[metric]}f}"
    return number(metric, value)


def _grid(ranking: Ranking, protocols: Mapping[str, str], sources: Mapping[str, str], *, best: bool) -> Grid:
    ranked = sum(row.rank is not None for row in ranking.rows)
    further = f", ranking {ranking.number}: {ranking.difference}" if ranking.number > 1 else ""
    by = "" if ranking.by is None else " ".join(_heading(ranking.by))
    return Grid(
        title=f"{ranking.dataset}{further}",
        caption=f"{ranked} ranked by {by}" if ranked else "nothing ranked",
        headings=tuple(_heading(metric) for metric in ranking.columns),
        lines=tuple(_line(row, ranking.columns, protocols, sources, best=best) for row in ranking.rows),
    )


def _line(
    row: Row, columns: Iterable[str], protocols: Mapping[str, str], sources: Mapping[str, str], *, best: bool
) -> Line:
    result = row.result
    published = result.source == "published"
    return Line(
        rank=_rank(row),
        model=_model(row),
        cells=tuple(_cell(row, metric, best=best) for metric in columns),
        images=ABSENT if result.images is None else f"{result.images:,}",
        points=ABSENT if result.points is None else f"{result.points:,}",
        protocol=protocols.get(result.signature, ABSENT),
        test_set=result.fingerprint[:DIGITS_OF_FINGERPRINT] or ABSENT,
        source=f"{result.source} {sources[result.origin]}, {result.place}" if published else result.source,
        selected_on=result.selected_on or ABSENT,
        date=result.date[:10] or ABSENT,
        remark="" if published else row.reason,
        published=published,
    )


def _rank(row: Row) -> str:
    """Return the rank, or the interval of ranks where verdicts leave several."""
    if row.rank is None:
        return ABSENT
    first, last = row.ranks or (row.rank, row.rank)
    return str(first) if first == last else f"{first}-{last}"


def _model(row: Row) -> str:
    return f"{row.result.name} [{row.result.config}]" if row.result.config else row.result.name


def _cell(row: Row, metric: str, *, best: bool) -> Cell:
    value = row.result.values.get(metric, math.nan)
    text = _value_text(row, metric)
    own = row.intervals.get(metric)
    spread, error = row.result.spread(metric), row.errors.get(metric)
    text += "" if spread is None else f" s {digits(metric, spread)}"
    text += "" if error is None else f" ± {digits(metric, error)}"
    between = "" if own is None else f" [{number(metric, own.low)}, {number(metric, own.high)}]{TRUST[own.reliable]}"
    return Cell(
        text=f"({text})" if _needs_brackets(row, metric) else text + between,
        value=None if math.isnan(value) else value,
        best=best and metric in row.best,
        mark={None: "", True: WORSE, False: ALIKE}[row.differs(metric)],
    )


def _needs_brackets(row: Row, metric: str) -> bool:
    """Return whether a measured value is not comparable with that of the first row."""
    return row.result.source == "measured" and metric in row.result.values and metric not in row.comparable


def _keys(letter: str, texts: Iterable[str]) -> dict[str, str]:
    """Return a short key for each text: P1, P2, ..."""
    return {text: f"{letter}{n}" for n, text in enumerate(dict.fromkeys(filter(None, texts)), start=1)}


def _rules(board: Leaderboard, rows: list[Row], *, best: bool) -> list[str]:
    """Return the sentences that explain what this leaderboard shows."""
    rules = [
        "Only results with the same true points (test set) and the same options of the metric that ranks (protocol) "
        "are ranked together; other rows are shown unranked."
    ]
    if any(
        _needs_brackets(row, metric) for ranking in board.rankings for row in ranking.rows for metric in ranking.columns
    ):
        rules.append(
            "In brackets: not comparable with the value of the first row (other options, or other columns of the test "
            "set)."
        )
    if any(row.result.source == "published" for row in rows):
        rules.append("Published numbers have the digits of their sources and are never ranked.")
    if "RMSE" in board.columns:
        rules.append("MSE is the root of the mean squared error, as papers of the field print it.")
    if given := dict.fromkeys(_model(row) for row in rows if row.result.given_counts):
        rules.append(
            "Counting errors are of the counts that the predictions give beside their points, not of the points: "
            f"{'; '.join(given)}."
        )
    if best:
        rules.append("Bold: the best value of its ranking.")
    return [*rules, *_rules_of_tests(board, rows)]


def _rules_of_tests(board: Leaderboard, rows: list[Row]) -> list[str]:
    """Return the sentences that explain marks, seeds and intervals."""
    rules = []
    if board.tested:
        rules.append(
            f"{WORSE}: worse than the best of its ranking, {ALIKE}: undecided (on the number that is shown: both the "
            f"bootstrap-t interval of the paired difference excludes 0, and p of {ROUNDS:,} rounds of paired "
            f"randomization is below {ALPHA:g} after Holm's correction over all pairs). No mark: not tested. "
            "Ranks that verdicts leave open are given as first-last."
        )
    if any(row.result.seeds for row in rows):
        rules.append(
            "Of several seeds the mean is shown; s is the standard deviation over seeds, ± the standard error over "
            "images."
        )
    if board.level is not None:
        rules.append(
            f"In square brackets: the {board.level * 100:g}% confidence interval; ~ rough, ? not to be trusted, as few "
            f"images decide. {board.settings}"
        )
    return rules
