"""The metrics: one module a family, one table of names."""

from __future__ import annotations

from crowdeval.metrics.family import Family, Metric
from crowdeval.plugins import Extensions

METRICS = Extensions(
    "metric",
    "crowdeval.metrics",
    {
        "nAP": "crowdeval.metrics.nap:NAP",
        "MAE": "crowdeval.metrics.counting:COUNTING",
        "RMSE": "crowdeval.metrics.counting:COUNTING",
        "MSE": "crowdeval.metrics.counting:COUNTING",
        "NAE": "crowdeval.metrics.counting:COUNTING",
        "bias": "crowdeval.metrics.counting:COUNTING",
        "F1": "crowdeval.metrics.localization:LOCALIZATION",
        "Precision": "crowdeval.metrics.localization:LOCALIZATION",
        "Recall": "crowdeval.metrics.localization:LOCALIZATION",
        "TP": "crowdeval.metrics.localization:LOCALIZATION",
        "FP": "crowdeval.metrics.localization:LOCALIZATION",
        "FN": "crowdeval.metrics.localization:LOCALIZATION",
        "L-Precision": "crowdeval.metrics.localization:LOCALIZATION",
        "L-Recall": "crowdeval.metrics.localization:LOCALIZATION",
        "L-F1": "crowdeval.metrics.localization:LOCALIZATION",
        "AP": "crowdeval.metrics.pixel_ap:PIXEL_AP",
        "L-AUC": "crowdeval.metrics.pixel_ap:PIXEL_AP",
        "MLE": "crowdeval.metrics.mle:MLE",
        "GAME": "crowdeval.metrics.grid:GRID",
    },
)
"""Metric name to family."""


def family_of(metric: Metric) -> Family:
    """Return the family that measures a metric; an unknown name gets the near ones."""
    family: Family = METRICS[metric.name]
    return family


def canonical(text: str) -> str:
    """Return a metric string in its canonical spelling.

    >>> canonical("MSE"), canonical("nAP@0.10")
    ('RMSE', 'nAP@0.1')
    """
    metric = Metric.parse(text)
    return str(family_of(metric).canonical(metric))
