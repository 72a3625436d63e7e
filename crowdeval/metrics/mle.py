"""MLE: mean localization error, the distance of matched points plus a fixed cost for unmatched points.

Convention
    True points and predictions of an image are matched one to one within a limit of L pixels (16 by default). Each
    matched pair costs its distance. The unmatched points cost L each, for the larger of the two numbers: unmatched true
    points or unmatched predictions. The matching is the one of minimum cost; a pair at a distance of exactly L costs
    the same matched or not. Predictions with a confidence strictly above ``count_threshold`` (0.5) take part, all of
    them if they have no confidences.

Formula
    MLE@16px = mean, over the images with true points, of
    (sum of distances + L x max(unmatched true points, unmatched predictions)) / number of true points, with L = 16.

Evidence
    The cost of every image, and its true count.

Source
    Sam et al., LSC-CNN, TPAMI 2020, with L = 16.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from crowdeval.errors import UsageError
from crowdeval.matching.cardinality import pairs_by_image
from crowdeval.matching.neighbours import separation
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.family import Entry, Measured, Options, Reads, Scene, lacking_points, reads
from crowdeval.metrics.localization import confident_points
from crowdeval.metrics.strings import Metric, pixels, pixels_text
from crowdeval.metrics.sums import Weights, mean_over
from crowdeval.points.ragged import Floats, Integers, Ragged

DEFAULT_LIMIT = 16.0
"""The limit of LSC-CNN, in pixels."""


def localization_costs(predicted: Ragged, true: Ragged, *, limit: float = DEFAULT_LIMIT) -> Floats:
    """Return the minimum cost of a matching of every image.

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images, in pixels.
    true : Ragged
        True points (N, 2) of the same images.
    limit : float
        Largest distance of a pair, and the cost of an unmatched point, in pixels.

    Returns
    -------
    array of float, (m,)
        Cost in pixels; not yet divided by the number of true points.

    Examples
    --------
    >>> predicted = Ragged(np.array([[3.0, 4.0], [90.0, 90.0]]), np.array([0, 2]))
    >>> true = Ragged(np.array([[0.0, 0.0]]), np.array([0, 1]))
    >>> localization_costs(predicted, true).tolist()  # one pair at distance 5, one unmatched prediction at 16
    [21.0]
    """
    # The cost of matching nothing, from which the saving of the best matching is subtracted image by image.
    costs = limit * np.maximum(predicted.counts, true.counts).astype(np.float64)
    gates = np.full((len(true), 1), limit)
    for images, pairs in pairs_by_image(predicted, true, gates):
        own, own_true = predicted.take(images), true.take(images)
        # The pairs of prediction j are starts[j]:starts[j + 1]:  starts [0, 2, 2, 3] -> row [0, 0, 2]
        row = np.repeat(np.arange(len(own)), np.diff(pairs.starts))
        distance = separation(own.xy[row], own_true.xy[pairs.true])
        for n, image in enumerate(images):
            part = slice(pairs.starts[own.offsets[n]], pairs.starts[own.offsets[n + 1]])
            costs[image] -= _saving(
                row[part] - own.offsets[n],
                pairs.true[part] - own_true.offsets[n],
                distance[part],
                int(own_true.counts[n]),
                limit,
            )
    return costs


def _saving(row: Integers, true: Integers, distance: Floats, truths: int, limit: float) -> float:
    """Return the saving of the best matching of one image against no matching: the largest sum of limit - distance.

    Each prediction with a pair has a column of its own beside the true points; it stays unmatched there, at the price
    of the limit. All prices are raised by 1, as a sparse matrix can't hold 0, and each prediction pays exactly one.
    """
    # Two predictions and two true points, limit 16; prediction 0 reaches both points, prediction 1 only point 1:
    #              point 0  point 1  0 alone  1 alone
    #   matrix  0     5+1      9+1     16+1       .
    #           1      .       2+1       .      16+1       ->  5 + 2, a saving of 2 x 16 - 7 = 25
    members, row = np.unique(row, return_inverse=True)
    alone = np.arange(len(members))
    if not len(members):
        return 0.0
    price = np.concatenate([distance, np.full(len(members), limit)]) + 1
    places = np.concatenate([row, alone]), np.concatenate([true, truths + alone])
    shape = len(members), truths + len(members)
    # The matching of older SciPy takes 32-bit indices only.
    matrix = csr_array((price, tuple(place.astype(np.int32) for place in places)), shape=shape)
    chosen = min_weight_full_bipartite_matching(matrix)
    # An exact sum, so that the order of the points in a file changes no digit.
    return limit * len(members) - (math.fsum(matrix[chosen].tolist()) - len(members))


class MeanLocalizationError:
    """The family of MLE."""

    entries = (
        Entry(
            string="MLE@16px",
            title="mean localization error, unmatched points at a fixed cost",
            better="lower",
            unit="pixels",
            source="Sam et al., LSC-CNN, TPAMI 2020",
        ),
    )

    def canonical(self, metric: Metric) -> Metric:
        """Return the metric with the shortest spelling of its limit; 16 px if it has none."""
        metric = metric.plain("at")
        limits = (DEFAULT_LIMIT,) if metric.at is None else pixels(metric, "one limit, such as 16px")
        if len(limits) > 1:
            raise UsageError(f"{str(metric)!r}: expected one limit, such as 16px, found {len(limits)}")
        return Metric(name="MLE", at=pixels_text(limits))

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Return points, if the predictions are counts only."""
        return lacking_points(scene)

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return False: images with counts only can't be matched."""
        return False

    def reads(self, metric: Metric) -> Reads:
        """Return the count threshold."""
        return reads("count")

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return the cost of every image for each requested limit."""
        predicted = confident_points(scene.predictions, threshold=scene.options.count_threshold)
        true = scene.annotations.points
        return scene.evidence(
            images={
                _column(metric): localization_costs(predicted, true, limit=pixels(metric, "")[0]) for metric in asked
            }
        )

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return the mean over the images with true points."""
        true = evidence.images["true"]
        measured = Measured()
        for metric in asked:
            measured.values[str(metric)] = mean_over(image_errors(metric, evidence), true > 0, weights)
            if not (true > 0).any():
                measured.undefined.append("MLE is undefined: there are no true points")
        return measured

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return the error of every image; NaN for an image without true points."""
        return {str(metric): image_errors(metric, evidence) for metric in asked}


def _column(metric: Metric) -> str:
    """Return the name of the column of evidence that holds the costs."""
    return f"cost@{metric.at}"


def image_errors(metric: Metric, evidence: Evidence) -> Floats:
    """Return the error of every image: its cost over its number of true points.

    Parameters
    ----------
    metric : Metric
        MLE at a radius.
    evidence : Evidence
        Evidence of this family.

    Returns
    -------
    array of float, (m,)
        Pixels; NaN without true points.

    Examples
    --------
    >>> columns = {"true": np.array([4, 0]), "cost@16px": np.array([10.0, 0.0])}
    >>> evidence = Evidence(image_ids=("a", "b"), offsets=np.zeros(3, dtype=np.int64), images=columns)
    >>> image_errors(Metric.parse("MLE@16px"), evidence).tolist()
    [2.5, nan]
    """
    true = evidence.images["true"]
    errors: Floats = np.divide(evidence.images[_column(metric)], true, out=np.full(len(true), np.nan), where=true > 0)
    return errors


MLE = MeanLocalizationError()
