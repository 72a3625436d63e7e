"""Groups of images whose pairs of predicted and true points fit into memory together."""

from __future__ import annotations

import numpy as np

from crowdeval.matching.neighbours import PointTree
from crowdeval.points.ragged import Floats, Integers, Ragged

PAIRS = 1 << 22
"""Number of pairs in a group of images, where pairs are counted before."""

LEMMA_PAIRS = 1 << 25
"""Number of pairs in a group by the lemma, an upper estimate; a quarter of it where pairs are counted before."""


def groups_with_pairs(predicted: Ragged, true: Ragged, near: Integers) -> list[Integers]:
    """Return groups of images with about ``PAIRS`` pairs each.

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images.
    true : Ragged
        True points (N, 2) of the same images.
    near : array of int, (N,)
        Number of predictions within reach of every true point.

    Returns
    -------
    list of array of int
        Images of each group in rising order; images without predicted or without true points are in no group.

    Examples
    --------
    >>> points = Ragged(np.zeros((3, 2)), np.array([0, 2, 2, 3]))
    >>> [group.tolist() for group in groups_with_pairs(points, points, np.array([2, 2, 1]))]
    [[0, 2]]
    """
    images = np.flatnonzero((predicted.counts > 0) & (true.counts > 0))
    return _groups_of_weight(images, true.per_image(near)[images], PAIRS)


def groups_within(predicted: Ragged, true: Ragged, reach: Floats, k: int) -> list[Integers]:
    """Return groups of images whose pairs within reach fit into memory; one group of all images where all fit.

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images.
    true : Ragged
        True points (N, 2) of the same images.
    reach : array of float, (N,)
        Radius around every true point in pixels.
    k : int
        Largest number of pairs of a prediction (by the lemma); 0 where there is no such limit. Then the pairs are
        counted unless even all pairs of the images fit.

    Returns
    -------
    list of array of int
        Images of each group in rising order.

    Examples
    --------
    >>> points = Ragged(np.zeros((3, 2)), np.array([0, 2, 2, 3]))
    >>> [group.tolist() for group in groups_within(points, points, np.ones(3), k=3)]
    [[0, 1, 2]]
    """
    counts, true_counts = predicted.counts, true.counts
    most = int(true_counts.max(initial=0))
    # Pairs of an image, from above: each prediction with all true points, or with the k nearest. ``or`` covers k = 0.
    pairs = counts * np.minimum(true_counts, min(k, most) or most)
    if pairs.sum() > LEMMA_PAIRS and not k:
        # A true point of infinite reach has a pair with every prediction of its image: no query, counts is enough.
        finite = np.where(np.isfinite(reach), reach, 0.0)
        near = PointTree(predicted).count_within(true.xy, true.image, finite)
        pairs = np.maximum(true.per_image(near), counts)
    return _groups_of_weight(np.arange(predicted.images), pairs, LEMMA_PAIRS if k else LEMMA_PAIRS // 4)


def _groups_of_weight(images: Integers, weight: Integers | Floats, most: int) -> list[Integers]:
    """Return the images in groups, in their order, each with a total weight of about ``most``.

    A group ends where the running total reaches a multiple of ``most``. So its weight is less than ``most`` plus the
    weight of its first image::

        weight [3, 4, 5, 9, 1], most 8  ->  running total [3, 7, 12, 21, 22]  ->  groups [0, 1], [2], [3, 4]

    >>> [group.tolist() for group in _groups_of_weight(np.arange(5), np.array([3, 4, 5, 9, 1]), 8)]
    [[0, 1], [2], [3, 4]]
    """
    number = np.cumsum(weight) // most
    return [images[number == n] for n in np.unique(number)]
