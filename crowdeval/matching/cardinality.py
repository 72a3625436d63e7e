"""Maximum-cardinality matching of gated pairs, for gates that widen step by step.

A gate admits a pair if its distance is at most a radius (inclusive, unlike nAP). The gates widen, so the pairs of one
gate are among the pairs of the next, and the matching of one gate is the start of the matching of the next.

A matching is made maximum by augmenting paths (Berge, 1957). One round grows an alternating forest from all free
predictions at once, breadth first and vectorised. Every true point joins one tree, and a tree that reaches a free true
point stops. The paths found, one a tree, share no vertex and are flipped together. A round without a path proves that
the matching is maximum. There is no recursion and no dense matrix, and an image without free true points is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from crowdeval.matching.batching import groups_with_pairs
from crowdeval.matching.neighbours import PointTree, separation
from crowdeval.points.ragged import Flags, Floats, Indices, Integers, Ragged, offsets_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GatedPairs:
    """The pairs of some images that the widest gate admits, prediction by prediction.

    Parameters
    ----------
    starts : array of int, (M + 1,)
        The pairs of prediction ``j`` are ``starts[j]:starts[j + 1]``.
    true : array of int, (P,)
        True point of every pair; in rising order among the pairs of one prediction and one gate.
    gate : array of int, (P,)
        Index of the first gate that admits the pair; never falling within a prediction.
    truths : int
        Number of true points.

    Examples
    --------
    Prediction 0 reaches true point 1 at the first gate and true point 0 at the second, prediction 1 reaches none:

    >>> pairs = GatedPairs(starts=np.array([0, 2, 2]), true=np.array([1, 0]), gate=np.array([0, 1]), truths=2)
    >>> pairs.true[pairs.starts[0] : pairs.starts[1]].tolist()
    [1, 0]
    """

    starts: Integers
    true: Integers
    gate: Integers
    truths: int


def matched_counts(predicted: Ragged, true: Ragged, radii: Floats) -> Integers:
    """Return the size of a maximum matching of every image at every gate, (m, G).

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images.
    true : Ragged
        True points (N, 2) of the same images.
    radii : array of float, (G,) or (N, G)
        Radius of every gate in pixels, for all true points or for each; never falling along the gates.

    Returns
    -------
    array of int64, (m, G)

    Examples
    --------
    The nearest true point of (1, 0) is (0, 0), but only (0, 0) is within 5 pixels of (-4, 0):

    >>> predicted = Ragged(np.array([[1.0, 0.0], [-4.0, 0.0]]), np.array([0, 2]))
    >>> true = Ragged(np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([0, 2]))
    >>> matched_counts(predicted, true, np.array([3.0, 5.0])).tolist()
    [[1, 2]]
    """
    gates = np.broadcast_to(radii, (len(true), np.shape(radii)[-1]))
    sizes = np.zeros((predicted.images, gates.shape[1]), dtype=np.int64)
    for images, pairs in pairs_by_image(predicted, true, gates):
        image, true_image = predicted.take(images).image, true.take(images).image
        for g, mate in enumerate(growing_matchings(pairs, image, true_image, gates.shape[1])):
            sizes[images, g] = np.bincount(image[mate >= 0], minlength=len(images))
    return sizes


def pairs_by_image(predicted: Ragged, true: Ragged, gates: Floats) -> Iterator[tuple[Integers, GatedPairs]]:
    """Yield groups of images and the pairs of each group.

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images.
    true : Ragged
        True points (N, 2) of the same images.
    gates : array of float, (N, G)
        Radius of every true point at every gate in pixels; never falling along the gates.

    Yields
    ------
    images : array of int
        Images of the group; images without predicted or without true points are in no group.
    pairs : GatedPairs
        Their pairs. Predictions and true points are numbered within the group, image by image.

    Examples
    --------
    >>> points = Ragged(np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([0, 2]))
    >>> for images, pairs in pairs_by_image(points, points, np.array([[1.0, 2.0]] * 2)):
    ...     print(images, pairs.starts, pairs.true, pairs.gate)
    [0] [0 2 4] [0 1 1 0] [0 1 0 1]
    """
    tree = PointTree(predicted)
    near = tree.count_within(true.xy, true.image, gates[:, -1])
    for group in groups_with_pairs(predicted, true, near):
        if len(group) == predicted.images:
            yield group, _gated_pairs(tree, true, gates, near)  # the group is all images: use the tree there is
            return
        rows = true.rows(group)
        yield group, _gated_pairs(PointTree(predicted.take(group)), true.take(group), gates[rows], near[rows])


def _gated_pairs(tree: PointTree, true: Ragged, gates: Floats, near: Integers) -> GatedPairs:
    """Return the pairs within the widest gate of their true point; ``near``, (N,), is their number up to rounding."""
    blocks = []
    for row, prediction in tree.pairs_within(true.xy, true.image, gates[:, -1], size=near):
        distance = separation(tree.xy[prediction], true.xy[row])
        gate = _gate(distance, row, gates)
        kept = gate < gates.shape[1]
        blocks.append((prediction[kept], row[kept], gate[kept]))
    prediction, partner, gate = (
        np.concatenate([block[i] for block in blocks]) if blocks else np.empty(0, dtype=np.int64) for i in range(3)
    )
    # Sorted by prediction, then gate, then true point, the pairs that gate g admits are the first of each prediction:
    #   prediction [0, 0, 0, 1], gate [0, 0, 1, 1]  ->  gate 0 admits the pairs [0, 1] of prediction 0 and none of 1
    order = np.lexsort((partner, gate, prediction))
    starts = offsets_of(np.bincount(prediction, minlength=len(tree.xy)))
    return GatedPairs(starts=starts, true=partner[order], gate=gate[order], truths=len(true))


def growing_matchings(pairs: GatedPairs, image: Indices, true_image: Indices, gates: int) -> Iterator[Integers]:
    """Yield, gate by gate, the true point that each prediction is matched to in a maximum matching.

    Parameters
    ----------
    pairs : GatedPairs
        Pairs of M predictions and N true points.
    image : array of int, (M,)
        Image of every prediction.
    true_image : array of int, (N,)
        Image of every true point.
    gates : int
        Number of gates.

    Yields
    ------
    array of int64, (M,)
        Row of the true point; -1 where the prediction is not matched.

    Examples
    --------
    >>> pairs = GatedPairs(starts=np.array([0, 2, 3]), true=np.array([0, 1, 0]), gate=np.array([0, 1, 0]), truths=2)
    >>> [mate.tolist() for mate in growing_matchings(pairs, np.zeros(2, dtype=int), np.zeros(2, dtype=int), 2)]
    [[-1, 0], [1, 0]]
    """
    mate = np.full(len(pairs.starts) - 1, -1, dtype=np.int64)
    true_mate = np.full(pairs.truths, -1, dtype=np.int64)
    images = int(max(image.max(initial=-1), true_image.max(initial=-1))) + 1
    row = np.arange(len(mate))
    # One rising key for all pairs, prediction x gates + gate: a binary search finds where the pairs of gate g end.
    #   gates 2, prediction [0, 0, 1], gate [0, 1, 0]  ->  key [0, 1, 2]; at g = 0 search [0, 2]  ->  ends [1, 3]
    key = np.repeat(row, np.diff(pairs.starts)) * gates + pairs.gate
    for g in range(gates):
        ends = np.searchsorted(key, row * gates + g, side="right")
        # An image is open while it has a free true point; a search in any other image finds nothing.
        open_images = np.bincount(true_image[true_mate < 0], minlength=images) > 0
        _pair_off(pairs, ends, mate, true_mate, open_images[image])
        while _augmented(pairs, ends, mate, true_mate, open_images[image]):
            open_images = np.bincount(true_image[true_mate < 0], minlength=images) > 0
        yield mate.copy()


_STEPS = 8
"""Number of true points that a free prediction tries directly, before paths are searched."""


def _pair_off(pairs: GatedPairs, ends: Integers, mate: Integers, true_mate: Integers, is_open: Flags) -> None:
    """Match free predictions to free true points directly, as far as a few steps go.

    Predictions with the same true points in reach begin at different ones; a forest would give them one path a round.
    """
    for step in range(_STEPS):
        free = np.flatnonzero((mate < 0) & is_open & (ends > pairs.starts[:-1]))
        degree = ends[free] - pairs.starts[free]
        # The place of a prediction among the free ones, modulo its number of pairs, is where it begins:
        #   three free predictions with two pairs each  ->  first step pairs [0, 1, 0], second step [1, 0, 1]
        true = pairs.true[pairs.starts[free] + (np.arange(len(free)) + step) % degree]
        available = true_mate[true] < 0
        free, true = free[available], true[available]
        # Several predictions may write to one true point; the one that remains there has won it.
        #   free [4, 5, 6], true [0, 1, 0]  ->  true_mate [6, 5]  ->  won [False, True, True]
        true_mate[true] = free
        won = true_mate[true] == free
        mate[free[won]] = true[won]
        if not won.any():
            return


def _augmented(pairs: GatedPairs, ends: Integers, mate: Integers, true_mate: Integers, is_open: Flags) -> bool:
    """Grow a forest from the free predictions and match along its paths to free true points; return whether any."""
    came_from = np.full(pairs.truths, -1, dtype=np.int64)  # prediction from which a true point was reached
    goal = np.full(len(mate), -1, dtype=np.int64)  # free true point that the tree of a root reached
    frontier = np.flatnonzero((mate < 0) & is_open & (ends > pairs.starts[:-1]))
    root = frontier.copy()
    while len(frontier):
        # All pairs of the frontier, one prediction after the other, as in Ragged.rows:
        #   starts [0, 5], degree [2, 3]  ->  total [2, 5], edge 0 1 2 3 4 + 0 0 3 3 3 = [0, 1, 5, 6, 7]
        degree = ends[frontier] - pairs.starts[frontier]
        total = np.cumsum(degree)
        edge = np.arange(total[-1]) + np.repeat(pairs.starts[frontier] - (total - degree), degree)
        true, source, tree = pairs.true[edge], np.repeat(frontier, degree), np.repeat(root, degree)
        fresh = came_from[true] < 0
        true, source, tree = true[fresh], source[fresh], tree[fresh]
        # A true point that is reached from several predictions joins the tree of the one that is written last.
        came_from[true] = source
        in_tree = came_from[true] == source
        true, tree = true[in_tree], tree[in_tree]
        # A tree that reaches several free true points has one goal, the one that is written last.
        free = true_mate[true] < 0
        goal[tree[free]] = true[free]
        # The other true points are matched: the search goes on from their predictions, in trees without a goal.
        onward, tree = true[~free], tree[~free]
        growing = goal[tree] < 0
        frontier, root = true_mate[onward[growing]], tree[growing]
    end = goal[goal >= 0]
    augmented = len(end) > 0
    # Flip all paths one step at a time, from their free true points back to their roots, whose mate is -1:
    #   root 7 - true 3 = prediction 2 - true 5 (free)  ->  2 takes 5 and gives up 3, then 7 takes 3
    while len(end):
        source = came_from[end]
        before = mate[source]
        mate[source], true_mate[end] = end, source
        end = before[before >= 0]
    return augmented


def _gate(distance: Floats, true: Integers, gates: Floats) -> Integers:
    """Return the first gate that admits each distance; the number of gates where none does."""
    # A binary search where all true points have the same many gates. side="left" makes gates inclusive:
    #   gates [4, 5, 6], distance [5, 5.5, 7]  ->  [1, 2, 3]
    if gates.shape[1] > 2 and (gates == gates[:1]).all():
        return np.searchsorted(gates[0], distance, side="left")
    exceeded: Integers = np.sum(distance[:, None] > gates[true], axis=1)  # gates widen: the first that is not exceeded
    return exceeded
