"""The name, the value and the remark of a metric, as a reader sees them."""

from __future__ import annotations

import math

from crowdeval.evaluation.report import Report
from crowdeval.metrics import family_of
from crowdeval.metrics.strings import Metric, range_text


def label(name: str) -> str:
    """Return the name of a metric as papers print it: the root mean squared error is called MSE.

    Parameters
    ----------
    name : str
        A canonical metric string.

    Returns
    -------
    str

    Examples
    --------
    >>> label("RMSE"), label("nAP@0.5")
    ('MSE', 'nAP@0.5')
    """
    return "MSE" + name.removeprefix("RMSE") if name.startswith("RMSE") else name


def legend(name: str, report: Report) -> str:
    """Return the remark beside a value.

    Parameters
    ----------
    name : str
        A canonical metric string.
    report : Report
        The report of the value.

    Returns
    -------
    str
        Empty where the metric has no remark.

    Examples
    --------
    >>> from crowdeval.evaluation.protocol import Protocol
    >>> from crowdeval.evaluation.report import Side
    >>> side = Side(name="gt.json", fingerprint="", points=2)
    >>> report = Report(values={"nAP": 0.5}, protocol=Protocol(), images=1, predictions=side, annotations=side)
    >>> legend("nAP", report)
    'mean over delta 0.05:0.05:0.5'
    """
    if name == "nAP":
        return f"mean over delta {range_text(report.protocol.delta)}"
    return "root of the mean squared error" if name == "RMSE" else ""


def number(name: str, value: float) -> str:
    """Return a value as text with the usual digits of its metric.

    Parameters
    ----------
    name : str
        A canonical metric string.
    value : float
        The value; NaN where it is undefined.

    Returns
    -------
    str

    Examples
    --------
    >>> number("nAP", 0.64449), number("RMSE", 85.061), number("MAE", float("nan"))
    ('0.6445', '85.06', 'undefined')
    """
    if math.isnan(value):
        return "undefined"
    unit = next(
        (entry.unit for entry in family_of(Metric.parse(name)).entries if entry.string.startswith(_base(name))), "1"
    )
    return f"{value:,.0f}" if unit == "points" else f"{value:.4f}" if unit == "1" else f"{value:.2f}"


def _base(name: str) -> str:
    """Return a metric string without threshold and groups."""
    return Metric.parse(name).name
