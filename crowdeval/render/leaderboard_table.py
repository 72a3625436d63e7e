"""A leaderboard as tables of plain text, for a terminal."""

from __future__ import annotations

from crowdeval.leaderboards.build import Leaderboard
from crowdeval.render.leaderboard_cells import Cell, Grid, Line, sheet

_GAP = "   "
_TEXT = ("protocol", "test set", "source", "selected on", "date", "")


def table(board: Leaderboard, *, best: bool = False) -> str:
    """Return a leaderboard as plain text: a table for each ranking, then the keys and the rules.

    Names and numbers are never shortened.

    Parameters
    ----------
    board : Leaderboard
        The leaderboard.
    best : bool
        Print a star behind the best value of each column of a ranking.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> from crowdeval.leaderboards.build import leaderboard
    >>> from crowdeval.leaderboards.results import Result
    >>> result = Result(model="a", dataset="nwpu:val", values={"MAE": 60.0}, source="measured", origin="a.json")
    >>> print(table(leaderboard([result])).splitlines()[0])
    nwpu:val: 1 ranked by MAE ↓
    """
    words = sheet(board, best=best)
    blocks = [[f"{grid.title}: {grid.caption}", "", *_lines(grid)] for grid in words.grids]
    keys = [f"protocol {key}  {signature}" for key, signature in words.protocols.items()]
    keys += [f"source {key}  {source}" for key, source in words.sources.items()]
    blocks += [[*keys, *(rule.replace("Bold:", "*:") for rule in words.rules)]]
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks) + "\n"


def _lines(grid: Grid) -> list[str]:
    """Return the lines of one table, in which each column is as wide as its longest cell."""
    numbers = [f"{name} {arrow}".rstrip() for name, arrow in grid.headings]
    rows = [["#", "model", *numbers, "images", "points", *_TEXT], *map(_cells, grid.lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    # columns aligned to the right: rank, then metrics, images and points; with two metrics {0, 2, 3, 4, 5}
    right = {0, *range(2, 4 + len(numbers))}
    head, *rest = [
        _GAP.join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return [head, "─" * max(len(line.rstrip()) for line in (head, *rest)), *rest]


def _cells(line: Line) -> list[str]:
    rest = [line.images, line.points, line.protocol, line.test_set, line.source, line.selected_on, line.date]
    return [line.rank, line.model, *map(_number, line.cells), *rest, f"unranked: {line.remark}" if line.remark else ""]


def _number(cell: Cell) -> str:
    return f"{cell.text}{'*' if cell.best else ''} {cell.mark}".rstrip()
