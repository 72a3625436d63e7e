"""How a metric's name and value are written for people."""

from __future__ import annotations

import math

from crowdeval.evaluation.report import Report
from crowdeval.metrics import family_of
from crowdeval.metrics.strings import Metric, range_text


def label(name: str) -> str:
    """Return the column heading of a metric: the field calls the root mean squared error MSE."""
    return "MSE" + name.removeprefix("RMSE") if name.startswith("RMSE") else name


def legend(name: str, report: Report) -> str:
    """Return the remark that stands beside a value, or nothing."""
    if name == "nAP":
        return f"mean over delta {range_text(report.protocol.delta)}"
    return "root of the mean squared error" if name == "RMSE" else ""


def number(name: str, value: float) -> str:
    """Return a value with the digits that are usual for its metric.

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
    return Metric.parse(name).name
