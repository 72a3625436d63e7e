"""A report as a table of plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from crowdeval.evaluation.notices import amount
from crowdeval.evaluation.report import Report
from crowdeval.render.numbers import label, legend, number


def table(report: Report) -> str:
    """Return the report as plain text: the inputs, the values and the signature, without shortening any of them.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> from crowdeval.evaluation.protocol import Protocol
    >>> from crowdeval.evaluation.report import Side
    >>> sides = [Side(name=name, fingerprint="", points=2) for name in ("preds.json", "gt.json")]
    >>> report = Report(
    ...     values={"MAE": 0.5}, protocol=Protocol(), images=1, predictions=sides[0], annotations=sides[1]
    ... )
    >>> print(table(report).splitlines()[5])
    MAE       0.50
    """
    inputs = [
        (kind, side.name, side.content, amount(report.images, "image"), side.changes_text)
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
    """Return the name of a metric, indented where it is a part of a summary: nAP@0.5 below nAP."""
    part = name.partition("@")[0] in report.values and "@" in name
    return f"  {name}" if part else label(name)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with columns of equal width."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
