"""A report as a table in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crowdeval.render.numbers import label, legend, number
from crowdeval.report import Report, Side

WIDTH = 1000
"""Columns are never cut: names, paths and the signature stay whole."""


def table(report: Report) -> str:
    """Return the report for a terminal: the inputs, the values, the signature."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    grid.add_column("metric")
    grid.add_column("value", justify="right")
    grid.add_column("", style="dim")
    for name, value in report.values.items():
        part = "@" in name and name.partition("@")[0] in report.values
        grid.add_row(escape(f"  {name}" if part else label(name)), number(name, value), escape(legend(name, report)))
    sides = Table.grid(padding=(0, 2))
    for kind, side in (("predictions", report.predictions), ("annotations", report.annotations)):
        sides.add_row(kind, escape(side.name), _points(side), f"{report.images:,} images")
    console = Console(highlight=False, soft_wrap=True, width=WIDTH)
    with console.capture() as capture:
        console.print(sides)
        console.print()
        console.print(grid)
        console.print()
        console.print(f"[dim]signature[/dim]  {escape(report.signature)}")
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _points(side: Side) -> str:
    return f"{side.points:,} points"
