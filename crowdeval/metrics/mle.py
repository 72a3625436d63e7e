"""MLE: mean localization error, the distance of matched points with a fixed cost for the unmatched.

Convention
    One-to-one matching of true points and the predictions above ``count_threshold`` within a limit of L pixels, of
    minimum cost: matched pairs cost their distance, and of the unmatched true and the unmatched predicted points the
    larger number costs L each. (Which pairs are matched at exactly L does not change the cost.)

Formula
    MLE@16px = mean over images with true points of (sum of distances + L x max(unmatched true, unmatched predicted))
    / number of true points.

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
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Options, Reads, Scene, reads
from crowdeval.metrics.localization import confident
from crowdeval.metrics.strings import Metric, pixels, pixels_text
from crowdeval.metrics.sums import Weights, mean_over
from crowdeval.points.ragged import Floats, Integers, Ragged

DEFAULT_LIMIT = 16.0
"""Pixels; LSC-CNN's."""


def localization_costs(predicted: Ragged, true: Ragged, *, limit: float = DEFAULT_LIMIT) -> Floats:
    """Return the cost of the cheapest matching of every image in pixels, (m,).

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images.
    true : Ragged
        True points (N, 2) of the same images.
    limit : float
        The widest distance of a pair, and the cost of an unmatched point, in pixels.
    """
    costs = limit * np.maximum(predicted.counts, true.counts).astype(np.float64)
    gates = np.full((len(true), 1), limit)
    for images, pairs in pairs_by_image(predicted, true, gates):
        own, own_true = predicted.take(images), true.take(images)
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
    """Return how much the best matching of one image saves against matching nothing: the sum of limit - distance.

    Every prediction may also stay alone, at the price of the limit; prices are raised by 1, for a sparse matrix holds
    no zeros, and every prediction pays exactly one.
    """
    members, row = np.unique(row, return_inverse=True)
    alone = np.arange(len(members))
    if not len(members):
        return 0.0
    price = np.concatenate([distance, np.full(len(members), limit)]) + 1
    places = np.concatenate([row, alone]), np.concatenate([true, truths + alone])
    matrix = csr_array((price, places), shape=(len(members), truths + len(members)))
    chosen = min_weight_full_bipartite_matching(matrix)
    # Added exactly, so that the order of the points in a file moves no digit.
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
        """Bring the limit into its shortest spelling; 16 px where none is given."""
        metric = metric.plain("at")
        limits = (DEFAULT_LIMIT,) if metric.at is None else pixels(metric, "one limit, such as 16px")
        if len(limits) > 1:
            raise UsageError(f"{str(metric)!r}: expected one limit, such as 16px, found {len(limits)}")
        return Metric(name="MLE", at=pixels_text(limits))

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Say that counts are not enough."""
        return None if scene.predictions.located else NO_POINTS

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return False: images with counts only have no matching."""
        return False

    def reads(self, metric: Metric) -> Reads:
        """Return the count threshold."""
        return reads("count")

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return the cost of every image for each limit asked for."""
        predicted = confident(scene.predictions, threshold=scene.options.count_threshold)
        true = scene.annotations.points
        return scene.evidence(
            images={_column(m): localization_costs(predicted, true, limit=pixels(m, "")[0]) for m in asked}
        )

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return the mean over images with true points."""
        true = evidence.images["true"]
        found = Measured()
        for metric in asked:
            found.values[str(metric)] = mean_over(_errors(metric, evidence), true > 0, weights)
            if not (true > 0).any():
                found.undefined.append("MLE is undefined: there are no true points")
        return found

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return the error of every image; NaN where there are no true points."""
        return {str(metric): _errors(metric, evidence) for metric in asked}


def _column(metric: Metric) -> str:
    return f"cost@{metric.at}"


def _errors(metric: Metric, evidence: Evidence) -> Floats:
    true = evidence.images["true"]
    errors: Floats = np.divide(evidence.images[_column(metric)], true, out=np.full(len(true), np.nan), where=true > 0)
    return errors


MLE = MeanLocalizationError()
