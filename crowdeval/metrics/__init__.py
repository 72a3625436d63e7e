"""The metrics: one module a family, one table of names."""

from __future__ import annotations

from crowdeval.metrics.family import Family, Measuring
from crowdeval.metrics.strings import Metric
from crowdeval.plugins import Extensions

METRICS: Extensions[Family | Measuring] = Extensions("metric", "crowdeval.metrics")
"""Metric name to family."""


def family_of(metric: Metric) -> Family | Measuring:
    """Return the family that measures a metric; an unknown name gets the near ones."""
    return METRICS[metric.name]


def canonical(text: str) -> str:
    """Return a metric string in its canonical spelling.

    >>> canonical("MSE"), canonical("nAP@0.10")
    ('RMSE', 'nAP@0.1')
    """
    metric = Metric.parse(text)
    return str(family_of(metric).canonical(metric))
