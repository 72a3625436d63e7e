r"""Counting errors: MAE, RMSE, NAE and bias.

Convention
    The estimated count of an image is its own ``count`` if the method gives one, else the number of its
    predictions with confidence strictly above ``count_threshold`` (0.5), all of them where there are no
    confidences. The true count z is the number of annotated points.

Formulas
    ========  ==================================================
    MAE       mean \|z' - z\|                       (paper, eq. 7)
    RMSE      sqrt(mean (z' - z)^2)                 (paper, eq. 8)
    NAE       mean \|z' - z\| / z over images with z > 0
    bias      mean (z' - z)
    ========  ==================================================

Names
    The field's tables call the root of the mean squared error "MSE" (paper, eq. 8). The metric string ``MSE`` is
    an alias; the key in files is ``RMSE``.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from crowdeval.arrays import Floats
from crowdeval.errors import UndefinedMetricWarning
from crowdeval.metrics.family import Entry, Measured, Metric, Options
from crowdeval.points import Annotations, Predictions


def estimated_counts(predictions: Predictions, *, threshold: float = 0.5) -> Floats:
    """Return the estimated count of every image, (m,).

    Parameters
    ----------
    predictions : Predictions
        The predicted points or counts.
    threshold : float
        A prediction counts if its confidence is strictly above.
    """
    if predictions.score is None:
        counted = np.diff(predictions.offsets).astype(np.float64)
    else:
        above = np.concatenate([[0], np.cumsum(predictions.score > threshold)])
        counted = np.diff(above[predictions.offsets]).astype(np.float64)
    if predictions.counts is None:
        return counted
    return np.where(np.isnan(predictions.counts), counted, predictions.counts)


def counting_errors(estimated: Floats, true: Floats) -> dict[str, float]:
    """Return MAE, RMSE, NAE and bias of counts.

    Parameters
    ----------
    estimated, true : array of float, (m,)
        Estimated and true count of every image.

    Returns
    -------
    dict of str to float
        NaN where undefined (no images; for NAE no image with true points), with an UndefinedMetricWarning.

    Examples
    --------
    >>> counting_errors(np.array([3.0, 8.0]), np.array([2.0, 10.0]))
    {'MAE': 1.5, 'RMSE': 1.5811388300841898, 'NAE': 0.35, 'bias': -0.5}
    """
    error = estimated - true
    peopled = true > 0
    if not len(error):
        warnings.warn("counting errors of no images are undefined", UndefinedMetricWarning, stacklevel=2)
        return dict.fromkeys(("MAE", "RMSE", "NAE", "bias"), np.nan)
    if peopled.any():
        nae = float(np.mean(np.abs(error[peopled]) / true[peopled]))
    else:
        warnings.warn("NAE is undefined: no image has true points", UndefinedMetricWarning, stacklevel=2)
        nae = np.nan
    return {
        "MAE": float(np.mean(np.abs(error))),
        "RMSE": float(np.sqrt(np.mean(error**2))),
        "NAE": nae,
        "bias": float(np.mean(error)),
    }


class Counting:
    """The family of counting errors."""

    entries = (
        Entry(
            string="MAE",
            title="mean absolute error of the count",
            better="lower",
            unit="people",
            source="Song et al., ICCV 2021, eq. 7",
        ),
        Entry(
            string="RMSE",
            title='root of the mean squared error of the count (the tables\' "MSE")',
            better="lower",
            unit="people",
            source="Song et al., ICCV 2021, eq. 8",
        ),
        Entry(
            string="NAE",
            title="mean absolute error of the count over the true count, images with people",
            better="lower",
            unit="1",
            source="Wang et al., NWPU-Crowd, TPAMI 2020, eq. 3",
        ),
        Entry(
            string="bias",
            title="mean signed error of the count",
            better="zero",
            unit="people",
            source="standard",
        ),
    )

    def canonical(self, metric: Metric) -> Metric:
        """Resolve the alias MSE."""
        metric = metric.plain()
        return Metric(name="RMSE") if metric.name == "MSE" else metric

    def lacking(self, metric: Metric, predictions: Predictions, annotations: Annotations) -> str | None:
        """Lack nothing: every file gives counts."""
        return None

    def measure(
        self,
        asked: Sequence[Metric],
        predictions: Predictions,
        annotations: Annotations,
        options: Options,
        *,
        per_image: bool,
    ) -> Measured:
        """Return the counting errors asked for, and the columns of counts."""
        estimated = estimated_counts(predictions, threshold=options.count_threshold)
        true = annotations.counts.astype(np.float64)
        errors = counting_errors(estimated, true)
        measured = Measured(values={str(metric): errors[metric.name] for metric in asked})
        if per_image:
            measured.columns = {"true_count": true, "estimated_count": estimated, "count_error": estimated - true}
        return measured


COUNTING = Counting()
