"""A report as JSON, CSV, Markdown or LaTeX."""

from __future__ import annotations

import csv as csv_writer
import io
import math

from crowdeval.evaluation.notices import amount
from crowdeval.evaluation.report import Report
from crowdeval.render.numbers import error_cell, interval_cell, label, legend, number


def json(report: Report) -> str:
    """Return the report as JSON, which ``Report.from_json`` reads.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    str
        The JSON document.

    Examples
    --------
    >>> from crowdeval.evaluation.protocol import Protocol
    >>> from crowdeval.evaluation.report import Side
    >>> sides = [Side(name=name, fingerprint="", points=2) for name in ("preds.json", "gt.json")]
    >>> report = Report(
    ...     values={"MAE": 0.5}, protocol=Protocol(), images=1, predictions=sides[0], annotations=sides[1]
    ... )
    >>> Report.from_json(json(report))["MAE"]
    0.5
    """
    return report.to_json()


def csv(report: Report) -> str:
    """Return the report as CSV: a header, and one row with the inputs, the values and the signature.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    str
        Two lines. Values have full precision; an undefined value is an empty field.

    Examples
    --------
    >>> from crowdeval.evaluation.protocol import Protocol
    >>> from crowdeval.evaluation.report import Side
    >>> sides = [Side(name=name, fingerprint="", points=2) for name in ("preds.json", "gt.json")]
    >>> report = Report(
    ...     values={"MAE": 0.5}, protocol=Protocol(), images=1, predictions=sides[0], annotations=sides[1]
    ... )
    >>> print(csv(report).splitlines()[0])
    predictions,annotations,images,true_points,predicted_points,MAE,signature
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
    """Return the report as a Markdown table, with the inputs and the signature below it.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    str
        The Markdown text.

    Examples
    --------
    >>> from crowdeval.evaluation.protocol import Protocol
    >>> from crowdeval.evaluation.report import Side
    >>> sides = [Side(name=name, fingerprint="", points=2) for name in ("preds.json", "gt.json")]
    >>> report = Report(
    ...     values={"MAE": 0.5}, protocol=Protocol(), images=1, predictions=sides[0], annotations=sides[1]
    ... )
    >>> print(markdown(report).splitlines()[2])
    | MAE | 0.50 |  |
    """
    lines = ["| metric | value | |", "| :-- | --: | :-- |"]
    lines += [f"| {label(name)} | {_value(name, report)} | {legend(name, report)} |" for name in report.values]
    signatures = [f"`{text}`" for text in (report.signature, report.certainty.settings) if text]
    return "\n".join([*lines, "", _caption(report), "", *signatures]) + "\n"


def latex(report: Report) -> str:
    r"""Return the report as a LaTeX table, with the inputs, the signature and the remarks as comments.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    str
        The LaTeX text; it needs the package booktabs.

    Examples
    --------
    >>> from crowdeval.evaluation.protocol import Protocol
    >>> from crowdeval.evaluation.report import Side
    >>> sides = [Side(name=name, fingerprint="", points=2) for name in ("preds.json", "gt.json")]
    >>> report = Report(
    ...     values={"MAE": 0.5}, protocol=Protocol(), images=1, predictions=sides[0], annotations=sides[1]
    ... )
    >>> print(latex(report).splitlines()[6])
    MAE & 0.50 \\
    """
    legends = [f"% {label(name)}: {text}" for name in report.values if (text := legend(name, report))]
    lines = [
        f"% {escaped(_caption(report))}",
        *(f"% {text}" for text in (report.signature, report.certainty.settings) if text),
        *legends,
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"Metric & Value \\",
        r"\midrule",
    ]
    lines += [
        rf"{escaped(label(name))} & {escaped(_value(name, report)).replace('±', _PLUS_MINUS)} \\"
        for name in report.values
    ]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _value(name: str, report: Report) -> str:
    """Return a value with its standard error and its interval, where it has them."""
    parts = number(name, report.values[name]), error_cell(name, report), interval_cell(name, report)
    return " ".join(text for text in parts if text)


def _caption(report: Report) -> str:
    """Return a line about the inputs: names, numbers of points and of images."""
    sides = [
        f"{side.name} ({', '.join(text for text in (side.content, side.changes_text) if text)})"
        for side in (report.predictions, report.annotations)
    ]
    return f"{' against '.join(sides)}, {amount(report.images, 'image')}"


_PLUS_MINUS = r"$\pm$"

_LATEX = str.maketrans(
    {char: "\\" + char for char in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)


def escaped(text: str) -> str:
    r"""Return text with the characters escaped that LaTeX treats specially.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    str

    Examples
    --------
    >>> escaped("a_b")
    'a\\_b'
    """
    return text.translate(_LATEX)
