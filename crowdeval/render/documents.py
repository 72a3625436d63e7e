"""A report as JSON, CSV, Markdown or LaTeX."""

from __future__ import annotations

import csv as csv_writer
import io
import math

from crowdeval.evaluation.notices import amount
from crowdeval.evaluation.report import Report
from crowdeval.render.numbers import label, legend, number


def json(report: Report) -> str:
    """Return the report as JSON; ``Report.from_json`` reads it back."""
    return report.to_json()


def csv(report: Report) -> str:
    """Return the report as one wide row under a header: the inputs, every value in full precision, the signature.

    An undefined value is an empty field.
    """
    head = ["predictions", "annotations", "images", "true_points", "predicted_points"]
    row: list[object] = [
        report.predictions.name,
        report.annotations.name,
        report.images,
        report.annotations.points,
        report.predictions.points,
    ]
    values = ["" if math.isnan(value) else value for value in report.values.values()]
    text = io.StringIO()
    writer = csv_writer.writer(text, lineterminator="\n")
    writer.writerow([*head, *report.values, "signature"])
    writer.writerow([*row, *values, report.signature])
    return text.getvalue()


def markdown(report: Report) -> str:
    """Return the report as a Markdown table."""
    lines = ["| metric | value | |", "| :-- | --: | :-- |"]
    lines += [f"| {label(name)} | {number(name, value)} | {legend(name, report)} |" for name, value in _items(report)]
    return "\n".join([*lines, "", _caption(report), "", f"`{report.signature}`"]) + "\n"


def latex(report: Report) -> str:
    """Return the report as a LaTeX table for booktabs; signature and legends are comments."""
    legends = [f"% {label(name)}: {text}" for name, _ in _items(report) if (text := legend(name, report))]
    lines = [
        f"% {_escaped(_caption(report))}",
        f"% {report.signature}",
        *legends,
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"Metric & Value \\",
        r"\midrule",
    ]
    lines += [rf"{_escaped(label(name))} & {_escaped(number(name, value))} \\" for name, value in _items(report)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _items(report: Report) -> list[tuple[str, float]]:
    return list(report.values.items())


def _caption(report: Report) -> str:
    sides = [f"{side.name} ({amount(side.points, 'point')})" for side in (report.predictions, report.annotations)]
    return f"{' against '.join(sides)}, {amount(report.images, 'image')}"


_LATEX = str.maketrans(
    {char: "\\" + char for char in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)


def _escaped(text: str) -> str:
    return text.translate(_LATEX)
