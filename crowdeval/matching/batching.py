"""Groups of images whose pairs of predicted and true points fit into memory together."""

from __future__ import annotations

import numpy as np

from crowdeval.matching.neighbours import PointTree
from crowdeval.points.ragged import Floats, Integers, Ragged

PAIRS = 1 << 22
"""Pairs that a group of images holds at a time, counted."""

LEMMA_PAIRS = 1 << 25
"""Pairs that a group holds by the lemma, an estimate from above; a quarter of it where they are counted."""


def groups_of_weight(images: Integers, weight: Integers | Floats, most: int) -> list[Integers]:
    """Return the images in groups, in their order, each with a total weight of about ``most``.

    A group ends where the running total passes a multiple of ``most``; an image that is heavier is a group alone::

        weight [3, 4, 5, 9, 1], most 8  ->  running total [3, 7, 12, 21, 22]  ->  groups [0, 1], [2], [3, 4]

    >>> [group.tolist() for group in groups_of_weight(np.arange(5), np.array([3, 4, 5, 9, 1]), 8)]
    [[0, 1], [2], [3, 4]]
    """
    number = np.cumsum(weight) // most
    return [images[number == n] for n in np.unique(number)]


def groups_with_pairs(predicted: Ragged, true: Ragged, near: Integers) -> list[Integers]:
    """Return groups of images with some ``PAIRS`` pairs; images without points on either side are in no group.

    ``near`` is the number of predictions in reach of every true point, (N,).
    """
    images = np.flatnonzero((predicted.counts > 0) & (true.counts > 0))
    return groups_of_weight(images, true.per_image(near)[images], PAIRS)


def groups_within(predicted: Ragged, true: Ragged, reach: Floats, k: int) -> list[Integers]:
    """Return groups of images whose pairs within ``reach`` of each true point, (N,), fit; all at once where they do.

    With ``k`` a prediction has at most k pairs; with 0 the pairs are counted where there may be too many.
    """
    counts, true_counts = predicted.counts, true.counts
    most = int(true_counts.max(initial=0))
    pairs = counts * np.minimum(true_counts, min(k, most) or most)
    if pairs.sum() > LEMMA_PAIRS and not k:
        finite = np.where(np.isfinite(reach), reach, 0.0)
        near = PointTree(predicted).count_within(true.xy, true.image, finite)
        pairs = np.maximum(true.per_image(near), counts)
    return groups_of_weight(np.arange(predicted.images), pairs, LEMMA_PAIRS if k else LEMMA_PAIRS // 4)
