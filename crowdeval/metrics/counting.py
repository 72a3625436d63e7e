r"""Counting errors: MAE, RMSE, NAE and bias; by groups of images; NWPU-Crowd's means over levels.

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

By group
    ``MAE by scene_level``: the error over each group of images apart (``crowdeval.metrics.groups``).
    ``MAE[S]``, ``MAE[L]`` (NWPU-Crowd): unweighted mean of the errors of the scene levels 0 .. 4, of the luminance
    levels 0 .. 3. The official script lets a level without images enter as -1; here it is left out, with a notice.

Names
    The field's tables call the root of the mean squared error "MSE" (paper, eq. 8). The metric string ``MSE`` is
    an alias; the key in files is ``RMSE``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from crowdeval.errors import UsageError
from crowdeval.metrics.family import Entry, Measured, Scene
from crowdeval.metrics.groups import groups, lacking_group
from crowdeval.metrics.strings import Metric
from crowdeval.options import COUNT_THRESHOLD
from crowdeval.points.ragged import Floats
from crowdeval.points.sets import Predictions


def estimated_counts(predictions: Predictions, *, threshold: float = COUNT_THRESHOLD) -> Floats:
    """Return the estimated count of every image, (m,).

    Parameters
    ----------
    predictions : Predictions
        The predicted points or counts.
    threshold : float
        A prediction counts if its confidence is strictly above.
    """
    points = predictions.points
    above = points.counts if predictions.score is None else points.per_image(predictions.score > threshold)
    counted = above.astype(np.float64)
    if predictions.counts is None:
        return counted
    return np.where(np.isnan(predictions.counts), counted, predictions.counts)


def own_counts(predictions: Predictions) -> list[str]:
    """Return the notice of points beside which counts are given; these are taken instead of the points above."""
    if not predictions.located or predictions.counts is None or np.isnan(predictions.counts).all():
        return []
    own, images = int(np.isfinite(predictions.counts).sum()), len(predictions.counts)
    share = "every image has a count" if own == images else f"{own:,} of {images:,} images have a count"
    return [f"own-counts: {share} of its own in the predictions, which counting errors take instead of its points"]


def counting_errors(estimated: Floats, true: Floats) -> dict[str, float]:
    """Return MAE, RMSE, NAE and bias of counts.

    Parameters
    ----------
    estimated, true : array of float, (m,)
        Estimated and true count of every image.

    Returns
    -------
    dict of str to float
        NaN where undefined: no images; for NAE no image with true points.

    Examples
    --------
    >>> counting_errors(np.array([3.0, 8.0]), np.array([2.0, 10.0]))
    {'MAE': 1.5, 'RMSE': 1.5811388300841898, 'NAE': 0.35, 'bias': -0.5}
    """
    return {name: counting_error(name, estimated, true) for name in ERRORS}


def counting_error(name: str, estimated: Floats, true: Floats) -> float:
    """Return one of MAE, RMSE, NAE and bias; NaN where undefined."""
    kept = true > 0 if name == "NAE" else np.ones(len(true), dtype=bool)
    return float(ERRORS[name](estimated[kept] - true[kept], true[kept])) if kept.any() else np.nan


def _undefined(name: str, true: Floats) -> str:
    """Return why an error of these images has no value."""
    return f"{name} is undefined: {'no image has true points' if len(true) else 'there are no images'}"


ERRORS: dict[str, Callable[[Floats, Floats], np.floating]] = {
    "MAE": lambda error, true: np.mean(np.abs(error)),
    "RMSE": lambda error, true: np.sqrt(np.mean(error**2)),
    "NAE": lambda error, true: np.mean(np.abs(error) / true),
    "bias": lambda error, true: np.mean(error),
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
            string="MAE[S]",
            title="mean of the MAEs of the five scene levels",
            better="lower",
            unit="people",
            source="Wang et al., NWPU-Crowd, TPAMI 2020",
        ),
        Entry(
            string="MAE[L]",
            title="mean of the MAEs of the four luminance levels",
            better="lower",
            unit="people",
            source="Wang et al., NWPU-Crowd, TPAMI 2020",
        ),
        Entry(
            string="MAE by ATTRIBUTE",
            title="any counting error by an attribute of the images, count_quartile, scale_quartile, jhu_level, ...",
            better="lower",
            unit="people",
            source="Sindagi et al., JHU-Crowd++, TPAMI 2020",
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
        metric = replace(metric, name="RMSE") if metric.name == "MSE" else metric
        if metric.level is not None:
            if metric.level not in LEVELS:
                raise UsageError(f"{str(metric)!r}: expected [S] (scene levels) or [L] (luminance levels)")
            return metric.plain("level")
        return metric.plain("by")

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Ask for the attribute that a group or level goes by."""
        group = LEVELS[metric.level][0] if metric.level else metric.by
        return None if group is None else lacking_group(group, scene.annotations)

    def measure(self, asked: Sequence[Metric], scene: Scene) -> Measured:
        """Return the counting errors asked for, and the columns of counts."""
        estimated = estimated_counts(scene.predictions, threshold=scene.options.count_threshold)
        true = scene.annotations.counts.astype(np.float64)
        found = Measured(notices=own_counts(scene.predictions))
        for metric in asked:
            if metric.level is not None:
                found.update(_mean_over_levels(metric, estimated, true, scene))
            elif metric.by is not None:
                found.update(_by_group(metric, estimated, true, scene))
            else:
                found.values[str(metric)] = value = counting_error(metric.name, estimated, true)
                found.undefined += [_undefined(metric.name, true)] if np.isnan(value) else []
        if scene.per_image:
            found.columns = {"true_count": true, "estimated_count": estimated, "count_error": estimated - true}
        return found


LEVELS = {"S": ("scene_level", 5), "L": ("luminance", 4)}
"""NWPU-Crowd: the attribute and the number of its levels."""


def _by_group(metric: Metric, estimated: Floats, true: Floats, scene: Scene) -> Measured:
    """Return the error of every group; NaN under the metric's own name where there is none."""
    found = Measured()
    for label, of in groups(str(metric.by), scene.annotations, k=scene.options.k, lone=scene.options.lone):
        found.values[f"{metric}={label}"] = value = counting_error(metric.name, estimated[of], true[of])
        found.undefined += [_undefined(metric.name, true[of])] if np.isnan(value) else []
    if not found.values:
        found.values[str(metric)] = np.nan
        found.undefined.append(f"{metric} is undefined: there are no groups")
    return found


def _mean_over_levels(metric: Metric, estimated: Floats, true: Floats, scene: Scene) -> Measured:
    attribute, levels = LEVELS[str(metric.level)]
    terms, strange = [], 0
    for label, images in groups(attribute, scene.annotations, k=scene.options.k, lone=scene.options.lone):
        if label not in {str(level) for level in range(levels)}:
            strange += int(images.sum())
        elif metric.name != "NAE" or (true[images] > 0).any():
            terms.append(counting_error(metric.name, estimated[images], true[images]))
    found = Measured(values={str(metric): float(np.mean(terms)) if terms else np.nan})
    if not terms:
        found.undefined.append(f"{metric} is undefined: no level has a value")
    elif len(terms) < levels:
        found.notices.append(
            f"empty-levels: {levels - len(terms)} of the {levels} levels of {attribute} give no {metric.name}; "
            f"{metric} leaves them out"
        )
    if strange:
        found.notices.append(
            f"unknown-levels: {strange} images with a {attribute} outside 0 .. {levels - 1} are left out of {metric}"
        )
    return found


COUNTING = Counting()
