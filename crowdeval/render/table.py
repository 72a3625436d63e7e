"""A report as a table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from crowdeval.evaluation.notices import amount
from crowdeval.evaluation.report import Report
from crowdeval.render.numbers import label, legend, number


def table(report: Report) -> str:
    """Return the report for a terminal: the inputs, the values, the signature; nothing is ever cut."""
    inputs = [
        (kind, side.name, amount(side.points, "point"), amount(report.images, "image"))
        for kind, side in (("predictions", report.predictions), ("annotations", report.annotations))
    ]
    rows = [
        (_indented(name, report), number(name, value), legend(name, report)) for name, value in report.values.items()
    ]
    head = ("metric", "value", "")
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(3)]
    lines = [f"{a:<{widths[0]}}   {b:>{widths[1]}}   {c}" for a, b, c in [head, *rows]]
    rule = "─" * (sum(widths) + 6 if widths[2] else sum(widths) + 3)
    text = [*_aligned(inputs), "", lines[0], rule, *lines[1:], "", f"signature  {report.signature}"]
    return "\n".join(line.rstrip() for line in text) + "\n"


def _indented(name: str, report: Report) -> str:
    part = name.partition("@")[0] in report.values and "@" in name
    return f"  {name}" if part else label(name)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
