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

import warnings
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from crowdeval.arrays import Floats, Integers, rows_of_images
from crowdeval.cardinality import pairs_by_image
from crowdeval.errors import UndefinedMetricWarning
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Metric, Scene, pixels, pixels_text
from crowdeval.metrics.localization import confident
from crowdeval.neighbours import separation


def localization_costs(
    xy: Floats, offsets: Integers, true_xy: Floats, true_offsets: Integers, *, limit: float = 16.0
) -> Floats:
    """Return the cost of the cheapest matching of every image in pixels, (m,).

    Parameters
    ----------
    xy, offsets
        Predicted points (M, 2) of m images.
    true_xy, true_offsets
        True points (N, 2) of the same images.
    limit : float
        The widest distance of a pair, and the cost of an unmatched point, in pixels.
    """
    counts, true_counts = np.diff(offsets), np.diff(true_offsets)
    costs = limit * np.maximum(counts, true_counts).astype(np.float64)
    gates = np.full((len(true_xy), 1), limit)
    for images, pairs in pairs_by_image(xy, offsets, true_xy, true_offsets, gates):
        rows, true_rows = rows_of_images(offsets, images), rows_of_images(true_offsets, images)
        row = np.repeat(np.arange(len(rows)), np.diff(pairs.starts))
        distance = separation(xy[rows[row]], true_xy[true_rows[pairs.true]])
        first = np.concatenate([[0], np.cumsum(counts[images])])
        true_first = np.concatenate([[0], np.cumsum(true_counts[images])])
        for n, image in enumerate(images):
            part = slice(pairs.starts[first[n]], pairs.starts[first[n + 1]])
            costs[image] -= _saving(
                row[part] - first[n], pairs.true[part] - true_first[n], distance[part], int(true_counts[image]), limit
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
        limits = pixels(metric, "a limit such as 16px") if metric.at is not None else (16.0,)
        if len(limits) > 1:
            pixels(Metric(name="MLE", at="one"), "one limit, such as 16px")
        return Metric(name="MLE", at=pixels_text(limits))

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Say that counts are not enough."""
        return None if scene.predictions.located else NO_POINTS

    def measure(self, asked: Sequence[Metric], scene: Scene) -> Measured:
        """Return the mean over images with true points."""
        xy, offsets = confident(scene.predictions, threshold=scene.options.count_threshold)
        true = scene.annotations.counts
        found = Measured()
        for metric in asked:
            (limit,) = pixels(metric, "")
            costs = localization_costs(xy, offsets, scene.annotations.xy, scene.annotations.offsets, limit=limit)
            error = np.divide(costs, true, out=np.full(len(true), np.nan), where=true > 0)
            if not (true > 0).any():
                warnings.warn("MLE is undefined: there are no true points", UndefinedMetricWarning, stacklevel=2)
            found.values[str(metric)] = float(np.mean(error[true > 0])) if (true > 0).any() else np.nan
            if scene.per_image:
                found.columns[str(metric)] = error
        return found


MLE = MeanLocalizationError()
