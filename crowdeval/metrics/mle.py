"""MLE: mean localization error, the distance of matched points with a fixed cost for the unmatched.

Convention
    One-to-one matching of true points and the predictions above ``count_threshold`` within a limit of L pixels, of
    minimum cost: matched pairs cost their distance, and of the unmatched true and the unmatched predicted points the
    larger number costs L each. (Which pairs are matched at exactly L does not change the cost.)

Formula
    MLE@16px = mean over images with true points of (sum of distances + L x max(unmatched true, unmatched predicted))
    / number of true points.

Source
    Sam et al., LSC-CNN, TPAMI 2020, with L = 16.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from crowdeval.errors import UsageError
from crowdeval.matching.cardinality import pairs_by_image
from crowdeval.matching.neighbours import separation
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Scene
from crowdeval.metrics.localization import confident
from crowdeval.metrics.strings import Metric, pixels, pixels_text
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
    return float(limit * len(members) - (matrix[chosen].sum() - len(members)))


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

    def measure(self, asked: Sequence[Metric], scene: Scene) -> Measured:
        """Return the mean over images with true points."""
        predicted = confident(scene.predictions, threshold=scene.options.count_threshold)
        true = scene.annotations.counts
        found = Measured()
        for metric in asked:
            (limit,) = pixels(metric, "")
            costs = localization_costs(predicted, scene.annotations.points, limit=limit)
            error = np.divide(costs, true, out=np.full(len(true), np.nan), where=true > 0)
            if not (true > 0).any():
                found.undefined.append("MLE is undefined: there are no true points")
            found.values[str(metric)] = float(np.mean(error[true > 0])) if (true > 0).any() else np.nan
            if scene.per_image:
                found.columns[str(metric)] = error
        return found


MLE = MeanLocalizationError()
