"""The name, the value and the remark of a metric, as a reader sees them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from crowdeval.evaluation.certainty import Influence
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
    unit = _unit(name)
    return f"{value:,.0f}" if unit == "points" else f"{value:.4f}" if unit == "1" else f"{value:.2f}"


def spread(name: str, error: float) -> str:
    """Return a standard error as text: with the digits of its metric, and at least two of its own.

    Parameters
    ----------
    name : str
        A canonical metric string.
    error : float
        The standard error.

    Returns
    -------
    str

    Examples
    --------
    >>> spread("nAP", 0.020365), spread("nAP", 0.00123), spread("MAE", 21.99)
    ('0.0204', '0.0012', '21.99')
    >>> spread("nAP", 0.000123), spread("MAE", 0.0)
    ('0.00012', '0.00')
    """
    digits = 4 if _unit(name) == "1" else 2
    if 0 < error < 10 ** (1 - digits):
        digits = 1 - math.floor(math.log10(error))
    return f"{error:.{digits}f}"


def error_cell(name: str, report: Report) -> str:
    """Return the standard error behind a value; with a question mark where one image carries a fifth of the variance.

    Parameters
    ----------
    name : str
        A canonical metric string.
    report : Report
        The report of the value.

    Returns
    -------
    str
        Empty where the value has none.

    Examples
    --------
    >>> from crowdeval.evaluation.certainty import Certainty, Influence
    >>> from crowdeval.evaluation.protocol import Protocol
    >>> from crowdeval.evaluation.report import Side
    >>> side = Side(name="gt.json", fingerprint="", points=2)
    >>> sure = Certainty(errors={"nAP": 0.02, "MAE": 3.0}, influence={"nAP": Influence("a", 0.3, 0.4)})
    >>> report = Report(values={"nAP": 0.5, "MAE": 9.0}, protocol=Protocol(), images=1, predictions=side,
    ...                 annotations=side, certainty=sure)
    >>> error_cell("nAP", report), error_cell("MAE", report)
    ('± 0.0200?', '± 3.00')
    """
    if name not in report.errors:
        return ""
    return f"± {spread(name, report.errors[name])}{'?' * (name in report.certainty.influence)}"


def interval_cell(name: str, report: Report) -> str:
    """Return the confidence interval of a value, with a word where it is not to be trusted.

    Parameters
    ----------
    name : str
        A canonical metric string.
    report : Report
        The report of the value.

    Returns
    -------
    str
        Empty where the value has none.

    Examples
    --------
    >>> from crowdeval.evaluation.certainty import Certainty, Interval
    >>> from crowdeval.evaluation.protocol import Protocol
    >>> from crowdeval.evaluation.report import Side
    >>> side = Side(name="gt.json", fingerprint="", points=2)
    >>> sure = Certainty(intervals={"nAP": Interval(0.4, 0.6, "bootstrap-t", "rough", 15.0)})
    >>> report = Report(values={"nAP": 0.5}, protocol=Protocol(), images=1, predictions=side, annotations=side,
    ...                 certainty=sure)
    >>> interval_cell("nAP", report)
    '[0.4000, 0.6000] rough'
    """
    own = report.intervals.get(name)
    if own is None:
        return ""
    word = {"yes": "", "rough": " rough", "no": " unreliable"}[own.reliable]
    return f"[{number(name, own.low)}, {number(name, own.high)}]{word}"


def influence_line(name: str, influence: Influence, without: str) -> str:
    """Return the sentence about an image that carries the variance of a number.

    Parameters
    ----------
    name : str
        The number, as it is printed.
    influence : Influence
        The image and its share.
    without : str
        The number without the image, as text.

    Returns
    -------
    str

    Examples
    --------
    >>> influence_line("nAP", Influence("IMG_3", 0.826, 0.409), "0.409")
    'IMG_3 carries 83% of the variance of nAP; without it 0.409'
    """
    return f"{influence.image} carries {influence.share:.0%} of the variance of {name}; without it {without}"


def some(names: Sequence[str], most: int = 4) -> str:
    """Return names in a sentence: the first ones, and the number of the others.

    Parameters
    ----------
    names : sequence of str
        The names.
    most : int
        Number of names that are written.

    Returns
    -------
    str

    Examples
    --------
    >>> some(["nAP", "MAE", "NAE"], 2)
    'nAP, MAE and 1 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _unit(name: str) -> str:
    """Return the unit of a metric."""
    entries = family_of(Metric.parse(name)).entries
    return next((entry.unit for entry in entries if entry.string.startswith(_base(name))), "1")


def _base(name: str) -> str:
    """Return a metric string without threshold and groups."""
    return Metric.parse(name).name
