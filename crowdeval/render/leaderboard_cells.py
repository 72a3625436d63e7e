"""What the forms of a leaderboard show alike: headings, numbers, marks, keys of protocols, the legend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crowdeval.leaderboards.build import Leaderboard
from crowdeval.leaderboards.rankings import Ranking, Row, better
from crowdeval.render.numbers import label, number
from crowdeval.statistics.permutation import ALPHA, ROUNDS

ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0", None: ""}
ABSENT = "–"
WORSE, ALIKE = "†", "≈"
DIGITS_OF_FINGERPRINT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number: its text, the value to sort by (None where there is none), the mark of its test."""

    text: str
    value: float | None
    best: bool
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row in words."""

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
    """One ranking in words: its title, what it is ranked by, headings with the better direction, lines."""

    title: str
    caption: str
    headings: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A leaderboard in words: grids, and the keys and rules that stand below them."""

    grids: tuple[Grid, ...]
    protocols: Mapping[str, str]
    sources: Mapping[str, str]
    rules: tuple[str, ...]


def sheet(board: Leaderboard, *, best: bool = False) -> Sheet:
    """Return a leaderboard in words; with ``best`` the best of each ranking is marked."""
    rows = [row for ranking in board.rankings for row in ranking.rows]
    protocols = _keys("P", (row.result.signature for row in rows))
    sources = _keys("S", (row.result.origin for row in rows if row.result.source == "published"))
    return Sheet(
        grids=tuple(_grid(ranking, protocols, sources, best=best) for ranking in board.rankings),
        protocols={key: signature for signature, key in protocols.items()},
        sources={key: source for source, key in sources.items()},
        rules=tuple(_rules(board, rows, best=best)),
    )


def heading(metric: str) -> tuple[str, str]:
    """Return a metric's heading and the arrow of its better direction.

    >>> heading("RMSE"), heading("nAP@0.5")
    (('MSE', '↓'), ('nAP@0.5', '↑'))
    """
    return label(metric), ARROWS[better(metric)]


def value_text(row: Row, metric: str) -> str:
    """Return a value with the digits of its metric, or as it was printed where it was published."""
    value = row.result.values.get(metric)
    if value is None:
        return ABSENT
    if metric in row.result.decimals:
        return f"{value:,.{row.result.decimals[metric]}f}"
    return number(metric, value)


def _grid(ranking: Ranking, protocols: Mapping[str, str], sources: Mapping[str, str], *, best: bool) -> Grid:
    ranked = sum(row.rank is not None for row in ranking.rows)
    further = f", ranking {ranking.number}: {ranking.difference}" if ranking.number > 1 else ""
    by = "" if ranking.by is None else " ".join(heading(ranking.by))
    return Grid(
        title=f"{ranking.dataset}{further}",
        caption=f"{ranked} ranked by {by}" if ranked else "nothing ranked",
        headings=tuple(heading(metric) for metric in ranking.columns),
        lines=tuple(_line(row, ranking.columns, protocols, sources, best=best) for row in ranking.rows),
    )


def _line(
    row: Row, columns: Iterable[str], protocols: Mapping[str, str], sources: Mapping[str, str], *, best: bool
) -> Line:
    result = row.result
    published = result.source == "published"
    return Line(
        rank=ABSENT if row.rank is None else str(row.rank),
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


def _model(row: Row) -> str:
    return f"{row.result.name} [{row.result.config}]" if row.result.config else row.result.name


def _cell(row: Row, metric: str, *, best: bool) -> Cell:
    value = row.result.values.get(metric, math.nan)
    text = value_text(row, metric)
    return Cell(
        text=f"({text})" if _bracketed(row, metric) else text,
        value=None if math.isnan(value) else value,
        best=best and metric in row.best,
        mark={None: "", True: WORSE, False: ALIKE}[row.differs(metric)],
    )


def _bracketed(row: Row, metric: str) -> bool:
    """Return whether a measured value is not comparable with the first row's."""
    return row.result.source == "measured" and metric in row.result.values and metric not in row.comparable


def _keys(letter: str, texts: Iterable[str]) -> dict[str, str]:
    """Return a short key for each text: P1, P2, ..."""
    return {text: f"{letter}{n}" for n, text in enumerate(dict.fromkeys(filter(None, texts)), start=1)}


def _rules(board: Leaderboard, rows: list[Row], *, best: bool) -> list[str]:
    rules = [
        "Ranked only within equal true points (test set) and equal options of the metric ranked by (protocol); other "
        "rows are shown unranked."
    ]
    if any(_bracketed(row, metric) for ranking in board.rankings for row in ranking.rows for metric in ranking.columns):
        rules.append("In brackets: not comparable with the first row's (other options, other columns of the test set).")
    if any(row.result.source == "published" for row in rows):
        rules.append("Published numbers are as printed by their sources and never ranked.")
    if "RMSE" in board.columns:
        rules.append("MSE is the root of the mean squared error, as the field prints it.")
    if given := dict.fromkeys(_model(row) for row in rows if row.result.given_counts):
        rules.append(f"Counting errors of counts given beside the points, not of the points: {'; '.join(given)}.")
    if best:
        rules.append("Bold: the best of its ranking.")
    if board.tested:
        rules.append(
            f"{WORSE}: differs significantly from the best of its ranking, {ALIKE}: does not (paired approximate "
            f"randomization over images, two-sided, {ROUNDS:,} rounds, alpha {ALPHA:g}, Holm's correction within a "
            "column; the number that is shown is what is tested). No mark: not tested."
        )
    return rules
