r"""Counting errors: MAE, RMSE, NAE and bias, over all images, by groups of images, and as means over levels.

Convention
    z is the true count of an image: the number of its annotated points. z' is its estimated count: the ``count`` of the
    image if the predictions give one, else the number of its predictions with a confidence strictly above
    ``count_threshold`` (0.5). Predictions without confidences all count.

Formulas
    - MAE = mean \|z' - z\| (paper, eq. 7)
    - RMSE = sqrt(mean (z' - z)^2) (paper, eq. 8)
    - NAE = mean \|z' - z\| / z, over the images with z > 0 (NWPU-Crowd, eq. 3)
    - bias = mean (z' - z)

Groups and levels
    ``MAE by scene_level``: the error of each group of images by itself. A group is a value of an attribute of the
    annotations, or one of these bands:

    - ``count_quartile``: quartiles of the true count;
    - ``scale_quartile``: quartiles of the median d_k of the true points of an image, dense images first;
    - ``jhu_level``: low (up to 50 people), medium (51 to 500) and high (over 500), by the count of the label;
    - ``jhu_weather``: adverse (attribute ``weather`` above 0) and normal.

    ``MAE[S]`` and ``MAE[L]``: the unweighted mean of the errors of the scene levels 0 to 4, and of the luminance levels
    0 to 3. RMSE[S], NAE[L] and so on are defined alike; a root is taken within each level.

Evidence
    The estimated and the true count of every image, and its label in each requested group.

Sources
    The paper is Song et al., "Rethinking Counting and Localization in Crowds", ICCV 2021. NAE, the levels and their
    means: Wang et al., NWPU-Crowd, TPAMI 2020. jhu_level and jhu_weather: Sindagi et al., JHU-Crowd++, TPAMI 2020.

Difference from the tables of the field
    They call the root of the mean squared error "MSE" (paper, eq. 8). The metric string ``MSE`` is an alias; the key in
    files is ``RMSE``. The number is the same.

Difference from the official NWPU-Crowd script
    A level without images enters the mean of the script as -1, which makes its number smaller. Here such a level is
    left out, with a notice.
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
from crowdeval.metrics.family import Entry, Measured, Options, Reads, Scene, lacking_points, reads
from crowdeval.metrics.groups import columns_read, group_columns, groups_of, lacking_group
from crowdeval.metrics.strings import Metric
from crowdeval.metrics.sums import Weights, mean, mean_over
from crowdeval.options import COUNT_THRESHOLD
from crowdeval.points.ragged import Flags, Floats
from crowdeval.points.sets import Predictions


def _estimated_counts(predictions: Predictions, *, threshold: float = COUNT_THRESHOLD) -> Floats:
    """Return the estimated count of every image, (m,): its own count, else its predictions above the threshold."""
    points = predictions.points
    above = points.counts if predictions.score is None else points.per_image(predictions.score > threshold)
    counted = above.astype(np.float64)
    if predictions.counts is None:
        return counted
    return np.where(np.isnan(predictions.counts), counted, predictions.counts)


def _own_counts_notice(evidence: Evidence) -> list[str]:
    """Return the notice that predictions have points and counts, and that the counts are used; empty if not so."""
    given = evidence.images.get("given")
    if not evidence.located or given is None or np.isnan(given).all():
        return []
    counted, images = int(np.isfinite(given).sum()), len(given)
    share = "every image has a count" if counted == images else f"{counted:,} of {images:,} images have a count"
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
        Error by name. NaN where undefined: if there are no images, and for NAE if no image has true points.

    Examples
    --------
    >>> counting_errors(np.array([3.0, 8.0]), np.array([2.0, 10.0]))
    {'MAE': 1.5, 'RMSE': 1.5811388300841898, 'NAE': 0.35, 'bias': -0.5}
    """
    return {name: _counting_error(name, estimated, true) for name in ERRORS}


def _counting_error(name: str, estimated: Floats, true: Floats, weights: Weights = None) -> float:
    """Return one of MAE, RMSE, NAE and bias; NaN where undefined. The weights say how often each image counts."""
    value = mean_over(*error_terms(name, estimated, true), weights)
    return math.sqrt(value) if name == "RMSE" else value


def error_terms(name: str, estimated: Floats, true: Floats) -> tuple[Floats, Flags]:
    """Return the term of every image in the mean of a counting error, and the images that are in it.

    Parameters
    ----------
    name : str
        MAE, RMSE, NAE or bias.
    estimated, true : array of float, (m,)
        Counts of every image.

    Returns
    -------
    terms : array of float, (m,)
        RMSE is the root of the mean of its terms.
    kept : array of bool, (m,)
        NAE leaves out images without true points; their term is 0.

    Examples
    --------
    >>> terms, kept = error_terms("NAE", np.array([3.0, 1.0]), np.array([4.0, 0.0]))
    >>> terms.tolist(), kept.tolist()
    ([0.25, 0.0], [True, False])
    """
    error, everything = estimated - true, np.ones(len(true), dtype=bool)
    if name == "RMSE":
        return error**2, everything
    if name == "bias":
        return error, everything
    terms: Floats = np.abs(error)
    if name == "NAE":
        kept = true > 0
        return np.divide(terms, true, out=np.zeros(len(true)), where=kept), kept
    return terms, everything


def _undefined(name: str, true: Floats) -> str:
    """Return the reason why an error of these images has no value."""
    return f"{name} is undefined: {'no image has true points' if len(true) else 'there are no images'}"


ERRORS = ("MAE", "RMSE", "NAE", "bias")
"""The counting errors by name."""


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
        """Return the attribute that the groups or levels are made from, if the annotations do not have it."""
        group = LEVELS[metric.level][0] if metric.level else metric.by
        if group == "scale_quartile" and not scene.annotations.located:
            return lacking_points(scene)
        return None if group is None else lacking_group(group, scene.annotations)

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return True: an image whose attribute is unknown is in no group."""
        return True

    def reads(self, metric: Metric) -> Reads:
        """Return the count threshold; for groups also their attribute, for ``scale_quartile`` the options of d_k."""
        group = LEVELS[metric.level][0] if metric.level else metric.by
        if group is None:
            return reads("count")
        options = {"count", "k", "few", "lone"} if group == "scale_quartile" else {"count"}
        return Reads(frozenset(options), columns_read(group))

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return the estimated counts and the labels of groups; every evidence has the true counts."""
        images: dict[str, NDArray[Any]] = {
            "estimated": _estimated_counts(scene.predictions, threshold=scene.options.count_threshold)
        }
        for metric in asked:
            name = LEVELS[metric.level][0] if metric.level else metric.by
            if name is not None:
                images |= group_columns(name, scene.annotations, k=scene.options.k, lone=scene.options.lone)
        return scene.evidence(images=images)

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return the requested counting errors."""
        estimated, true = evidence.images["estimated"], evidence.images["true"].astype(np.float64)
        measured = Measured(notices=_own_counts_notice(evidence) if weights is None else [])
        for metric in asked:
            if metric.level is not None:
                measured.update(_mean_over_levels(metric, evidence, weights))
            elif metric.by is not None:
                measured.update(_errors_by_group(metric, evidence, weights))
            else:
                measured.values[str(metric)] = value = _counting_error(metric.name, estimated, true, weights)
                measured.undefined += [_undefined(metric.name, true)] if math.isnan(value) else []
        return measured

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return the true count, the estimated count and their difference, estimated minus true."""
        estimated, true = evidence.images["estimated"], evidence.images["true"].astype(np.float64)
        return {"true_count": true, "estimated_count": estimated, "count_error": estimated - true}


LEVELS = {"S": ("scene_level", 5), "L": ("luminance", 4)}
"""Level of a metric string to the attribute and the number of its levels in NWPU-Crowd."""


def _group_error(metric: Metric, evidence: Evidence, images: Flags, weights: Weights) -> float:
    """Return the error over some of the images, given as flags, (m,)."""
    estimated, true = evidence.images["estimated"][images], evidence.images["true"][images].astype(np.float64)
    return _counting_error(metric.name, estimated, true, None if weights is None else weights[images])


def _errors_by_group(metric: Metric, evidence: Evidence, weights: Weights) -> Measured:
    """Return the error of every group; NaN under the metric's own name if there is no group."""
    measured = Measured()
    for label, images in groups_of(str(metric.by), evidence):
        measured.values[f"{metric}={label}"] = value = _group_error(metric, evidence, images, weights)
        measured.undefined += [_undefined(metric.name, evidence.images["true"][images])] if math.isnan(value) else []
    if not measured.values:
        measured.values[str(metric)] = math.nan
        measured.undefined.append(f"{metric} is undefined: there are no groups")
    return measured


def _mean_over_levels(metric: Metric, evidence: Evidence, weights: Weights) -> Measured:
    """Return the unweighted mean of the errors of the levels, with notices of levels and images that are left out."""
    attribute, levels = LEVELS[str(metric.level)]
    terms, outside = [], 0
    for label, images in groups_of(attribute, evidence):
        if label not in {str(level) for level in range(levels)}:
            outside += int(images.sum())
        elif metric.name != "NAE" or (evidence.images["true"][images] > 0).any():
            terms.append(_group_error(metric, evidence, images, weights))
    defined = [term for term in terms if not math.isnan(term)]  # with weights, a level may have weight 0
    measured = Measured(values={str(metric): mean(defined)})
    if not terms:
        measured.undefined.append(f"{metric} is undefined: no level has a value")
    elif len(terms) < levels:
        measured.notices.append(
            f"empty-levels: {levels - len(terms)} of the {levels} levels of {attribute} give no {metric.name}; "
            f"{metric} leaves them out"
        )
    if outside:
        measured.notices.append(
            f"unknown-levels: {outside} images with a {attribute} outside 0 .. {levels - 1} are left out of {metric}"
        )
    return measured


COUNTING = Counting()
