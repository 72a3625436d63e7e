"""A leaderboard as tables in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crowdeval.leaderboard import Leaderboard
from crowdeval.render.leaderboard_cells import Cell, Grid, Line, sheet

WIDTH = 1000
"""Columns are never cut: names and signatures stay whole."""


def table(board: Leaderboard, *, best: bool = False) -> str:
    """Return a leaderboard for a terminal; the best of a ranking is bold and has a star."""
    words = sheet(board, best=best)
    console = Console(highlight=False, soft_wrap=True, width=WIDTH)
    with console.capture() as capture:
        for grid in words.grids:
            console.print(f"[bold]{escape(grid.title)}[/bold]  [dim]{escape(grid.caption)}[/dim]")
            console.print(_rich_table(grid))
            console.print()
        for kind, keys in (("protocol", words.protocols), ("source", words.sources)):
            for key, text in keys.items():
                console.print(f"[dim]{kind}[/dim] {key}  {escape(text)}")
        for rule in words.rules:
            console.print(f"[dim]{escape(rule.replace('Bold:', 'Bold, *:'))}[/dim]")
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _rich_table(grid: Grid) -> Table:
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    found.add_column("#", justify="right")
    found.add_column("model")
    for name, arrow in grid.headings:
        found.add_column(escape(f"{name} {arrow}"), justify="right")
    for name in ("images", "points"):
        found.add_column(name, justify="right")
    for name in ("protocol", "test set", "source", "selected on", "date", ""):
        found.add_column(name)
    for line in grid.lines:
        found.add_row(*_cells(line), style="dim" if line.published else None)
    return found


def _cells(line: Line) -> list[str]:
    rest = (line.images, line.points, line.protocol, line.test_set, line.source, line.selected_on, line.date)
    remark = f"unranked: {line.remark}" if line.remark else ""
    return [
        line.rank, escape(line.model), *map(_number, line.cells), *map(escape, rest), escape(remark)
    ]  # fmt: skip


def _number(cell: Cell) -> str:
    text = f"[bold]{cell.text}*[/bold]" if cell.best else cell.text
    return f"{text} {cell.mark}".rstrip()
