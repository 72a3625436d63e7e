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

Evidence
    Estimated and true count of every image, and its label in each group asked for.

Names
    The field's tables call the root of the mean squared error "MSE" (paper, eq. 8). The metric string ``MSE`` is
    an alias; the key in files is ``RMSE``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import UsageError
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.family import Entry, Measured, Options, Reads, Scene, reads
from crowdeval.metrics.groups import group_column, group_columns, groups_of, lacking_group
from crowdeval.metrics.strings import Metric
from crowdeval.metrics.sums import Weights, mean, mean_over
from crowdeval.options import COUNT_THRESHOLD
from crowdeval.points.ragged import Flags, Floats
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


def own_counts(evidence: Evidence) -> list[str]:
    """Return the notice of points beside which counts are given; these are taken instead of the points above."""
    given = evidence.images.get("given")
    if not evidence.located or given is None or np.isnan(given).all():
        return []
    own, images = int(np.isfinite(given).sum()), len(given)
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


def counting_error(name: str, estimated: Floats, true: Floats, weights: Weights = None) -> float:
    """Return one of MAE, RMSE, NAE and bias; NaN where undefined. ``weights`` say how often each image counts."""
    error = estimated - true
    terms, kept = np.abs(error), np.ones(len(true), dtype=bool)
    if name == "RMSE":
        terms = error**2
    elif name == "bias":
        terms = error
    elif name == "NAE":
        kept = true > 0
        terms = np.divide(terms, true, out=np.zeros(len(true)), where=kept)
    value = mean_over(terms, kept, weights)
    return math.sqrt(value) if name == "RMSE" else value


def _undefined(name: str, true: Floats) -> str:
    """Return why an error of these images has no value."""
    return f"{name} is undefined: {'no image has true points' if len(true) else 'there are no images'}"


ERRORS = ("MAE", "RMSE", "NAE", "bias")


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

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return True: an image whose attribute is unknown is in no group."""
        return True

    def reads(self, metric: Metric) -> Reads:
        """Return the count threshold and, by group, the attribute; the options of d_k for its quartiles."""
        group = LEVELS[metric.level][0] if metric.level else metric.by
        if group is None or group == "count_quartile":
            return reads("count")
        if group == "scale_quartile":
            return reads("count k few lone")
        return Reads(frozenset({"count"}), frozenset({"points", group_column(group)}))

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return estimated counts and the labels of groups; true counts are there for every family."""
        images: dict[str, NDArray[Any]] = {
            "estimated": estimated_counts(scene.predictions, threshold=scene.options.count_threshold)
        }
        for metric in asked:
            name = LEVELS[metric.level][0] if metric.level else metric.by
            if name is not None:
                images |= group_columns(name, scene.annotations, k=scene.options.k, lone=scene.options.lone)
        return scene.evidence(images=images)

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return the counting errors asked for."""
        estimated, true = evidence.images["estimated"], evidence.images["true"].astype(np.float64)
        found = Measured(notices=own_counts(evidence) if weights is None else [])
        for metric in asked:
            if metric.level is not None:
                found.update(_mean_over_levels(metric, evidence, weights))
            elif metric.by is not None:
                found.update(_by_group(metric, evidence, weights))
            else:
                found.values[str(metric)] = value = counting_error(metric.name, estimated, true, weights)
                found.undefined += [_undefined(metric.name, true)] if math.isnan(value) else []
        return found

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return true and estimated count, and their difference."""
        estimated, true = evidence.images["estimated"], evidence.images["true"].astype(np.float64)
        return {"true_count": true, "estimated_count": estimated, "count_error": estimated - true}


LEVELS = {"S": ("scene_level", 5), "L": ("luminance", 4)}
"""NWPU-Crowd: the attribute and the number of its levels."""


def _group_error(metric: Metric, evidence: Evidence, images: Flags, weights: Weights) -> float:
    """Return the error over some of the images."""
    estimated, true = evidence.images["estimated"][images], evidence.images["true"][images].astype(np.float64)
    return counting_error(metric.name, estimated, true, None if weights is None else weights[images])


def _by_group(metric: Metric, evidence: Evidence, weights: Weights) -> Measured:
    """Return the error of every group; NaN under the metric's own name where there is none."""
    found = Measured()
    for label, images in groups_of(str(metric.by), evidence):
        found.values[f"{metric}={label}"] = value = _group_error(metric, evidence, images, weights)
        found.undefined += [_undefined(metric.name, evidence.images["true"][images])] if math.isnan(value) else []
    if not found.values:
        found.values[str(metric)] = math.nan
        found.undefined.append(f"{metric} is undefined: there are no groups")
    return found


def _mean_over_levels(metric: Metric, evidence: Evidence, weights: Weights) -> Measured:
    attribute, levels = LEVELS[str(metric.level)]
    terms, strange = [], 0
    for label, images in groups_of(attribute, evidence):
        if label not in {str(level) for level in range(levels)}:
            strange += int(images.sum())
        elif metric.name != "NAE" or (evidence.images["true"][images] > 0).any():
            terms.append(_group_error(metric, evidence, images, weights))
    defined = [term for term in terms if not math.isnan(term)]  # a level may have weight 0
    found = Measured(values={str(metric): mean(defined)})
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
