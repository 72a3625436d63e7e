"""The table of all metrics: the name of each metric and the family that measures it, one module for each family."""

from __future__ import annotations

from typing import Literal

from crowdeval.errors import UsageError
from crowdeval.metrics.family import Family, Measuring
from crowdeval.metrics.strings import Metric
from crowdeval.plugins import Extensions

METRICS: Extensions[Family | Measuring] = Extensions("metric", "crowdeval.metrics")
"""Name of a metric to its family; plugins add theirs under the entry-point group ``crowdeval.metrics``."""


def family_of(metric: Metric) -> Family | Measuring:
    """Return the family that measures a metric.

    Parameters
    ----------
    metric : Metric
        A parsed metric string; only its name is read.

    Returns
    -------
    Family or Measuring
        The built-in family, or the one of a plugin.

    Raises
    ------
    UsageError
        If no family has a metric of this name; the message suggests similar names.

    Examples
    --------
    >>> family_of(Metric.parse("RMSE by weather")) is family_of(Metric.parse("MAE"))
    True
    """
    return METRICS[metric.name]


def canonical(text: str) -> str:
    """Return a metric string in its canonical spelling.

    Parameters
    ----------
    text : str
        A metric string; aliases and longer spellings are accepted.

    Returns
    -------
    str
        The spelling under which values are reported.

    Raises
    ------
    UsageError
        If the text is not a metric string, or its parts do not fit the metric.

    Examples
    --------
    >>> canonical("MSE"), canonical("nAP@0.10")
    ('RMSE', 'nAP@0.1')
    """
    metric = Metric.parse(text)
    return str(family_of(metric).canonical(metric))


def better(metric: str) -> Literal["higher", "lower", "zero"] | None:
    """Return which values of a metric are better, from the catalogue of metrics.

    Parameters
    ----------
    metric : str
        A metric string.

    Returns
    -------
    {"higher", "lower", "zero"} or None
        ``"zero"`` means that values near zero are better; None is for a metric that is not in the catalogue.

    Examples
    --------
    >>> better("nAP@0.5"), better("RMSE"), better("bias")
    ('higher', 'lower', 'zero')
    """
    try:
        parsed = Metric.parse(metric)
        entries = family_of(parsed).entries
    except UsageError:
        return None
    exact = [entry for entry in entries if entry.string == metric]
    return next((entry.better for entry in exact or entries if Metric.parse(entry.string).name == parsed.name), None)
