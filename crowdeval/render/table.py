"""A report as a table of plain text, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from crowdeval.evaluation.notices import amount
from crowdeval.evaluation.report import Report
from crowdeval.metrics.strings import signature_fields
from crowdeval.render.numbers import error_cell, influence_line, interval_cell, label, legend, number, some


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
        (_indented(name, report), number(name, value), error_cell(name, report), interval_cell(name, report))
        for name, value in report.values.items()
    ]
    head = ("metric", "value", "", _level(report))
    legends = ["", *("" if report.intervals else legend(name, report) for name in report.values)]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(4)]
    cells = [
        f"{a:<{widths[0]}}   {b:>{widths[1]}}{f' {c:<{widths[2]}}' if widths[2] else ''}"
        f"{f'   {d:<{widths[3]}}' if widths[3] else ''}"
        for a, b, c, d in [head, *rows]
    ]
    lines = [f"{text}   {remark}" for text, remark in zip(cells, legends, strict=True)]
    rule = "─" * max(len(line.rstrip()) for line in lines)
    text = [*_aligned(inputs), "", lines[0], rule, *lines[1:], "", *_notes(report), f"signature  {report.signature}"]
    text += [f"intervals  {report.certainty.settings}"] if report.certainty.settings else []
    return "\n".join(line.rstrip() for line in text) + "\n"


def _level(report: Report) -> str:
    """Return the head of the column of intervals: ``95% interval``."""
    level = signature_fields(report.certainty.settings)[1].get("ci", "none")
    return "" if level == "none" else f"{float(level) * 100:g}% interval"


def _notes(report: Report) -> list[str]:
    """Return the sentences about images that carry a variance, and an empty line; those of parts are left out."""
    influence = report.certainty.influence
    heads = [name for name in influence if name.partition("@")[0] == name or name.partition("@")[0] not in influence]
    lines = [influence_line(label(name), influence[name], number(name, influence[name].without)) for name in heads]
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], f"and so of {len(lines) - _LINES} more numbers; the JSON report lists them"]
    lines += _reasons(report)
    return [*lines, ""] if lines else []


def _reasons(report: Report) -> list[str]:
    """Return the sentences about values without a standard error, or without an interval, one for each reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in report.certainty.reasons.items():
        if not math.isnan(report.values[name]) and reason != "a plain count":
            by_reason.setdefault(reason, []).append(label(name))
    what = "interval" if _level(report) else "error"
    lines = [f"no {what} of {some(names)}: {reason}" for reason, names in by_reason.items()]
    bound = report.certainty.bound
    return lines + ([f"resamples are binned, within {bound:.2g} of the ranked lists (--exact: not)"] if bound else [])


_LINES = 5
"""Largest number of sentences about images."""


def _indented(name: str, report: Report) -> str:
    """Return the name of a metric, indented where it is a part of a summary: nAP@0.5 below nAP."""
    part = name.partition("@")[0] in report.values and "@" in name
    return f"  {name}" if part else label(name)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with columns of equal width."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
