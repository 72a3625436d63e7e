"""Maximum-cardinality matching of gated pairs, for gates that widen step by step.

A gate admits a pair if its distance is at most a radius (inclusive, unlike nAP). Gates widen, so the pairs of one
are among the pairs of the next, and the matching of one is a start for the next: nothing begins anew.

A matching is made maximum by augmenting paths (Berge, 1957). A round grows one alternating forest from all free
predictions at once, breadth first and vectorised: every true point joins one tree, a tree that reaches a free true
point stops, and the paths found, one a tree, share no vertex and are flipped together. A round that finds no path
proves the matching maximum. No recursion, no dense matrix; an image where one side is used up is left alone.
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
    """The pairs of some images that the widest gate admits, prediction by prediction, by the gate that admits them.

    Attributes
    ----------
    starts : array of int, (M + 1,)
        Row ``j`` of the pairs is ``starts[j]:starts[j + 1]``.
    true : array of int, (P,)
        True point of every pair.
    gate : array of int, (P,)
        Index of the first gate that admits the pair; rising within a row.
    truths : int
        Number of true points.
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
    """
    gates = np.broadcast_to(radii, (len(true), np.shape(radii)[-1]))
    sizes = np.zeros((predicted.images, gates.shape[1]), dtype=np.int64)
    for images, pairs in pairs_by_image(predicted, true, gates):
        image, true_image = predicted.take(images).image, true.take(images).image
        for g, mate in enumerate(growing_matchings(pairs, image, true_image, gates.shape[1])):
            sizes[images, g] = np.bincount(image[mate >= 0], minlength=len(images))
    return sizes


def pairs_by_image(predicted: Ragged, true: Ragged, gates: Floats) -> Iterator[tuple[Integers, GatedPairs]]:
    """Yield groups of images and the pairs of each group, whose rows are the group's points one after the other.

    Images without points on either side are in no group; ``gates`` is (N, G).
    """
    tree = PointTree(predicted)
    near = tree.count_within(true.xy, true.image, gates[:, -1])
    for group in groups_with_pairs(predicted, true, near):
        if len(group) == predicted.images:
            yield group, _gated_pairs(tree, true, gates, near)
            return
        rows = true.rows(group)
        yield group, _gated_pairs(PointTree(predicted.take(group)), true.take(group), gates[rows], near[rows])


def _gated_pairs(tree: PointTree, true: Ragged, gates: Floats, near: Integers) -> GatedPairs:
    """Return the pairs no farther than the widest gate of their true point; ``near`` counts them."""
    found = []
    for row, prediction in tree.within(true.xy, true.image, gates[:, -1], size=near):
        distance = separation(tree.xy[prediction], true.xy[row])
        gate = _gate(distance, row, gates)
        kept = gate < gates.shape[1]
        found.append((prediction[kept], row[kept], gate[kept]))
    prediction, partner, gate = (
        np.concatenate([part[i] for part in found]) if found else np.empty(0, dtype=np.int64) for i in range(3)
    )
    order = np.lexsort((partner, gate, prediction))
    starts = offsets_of(np.bincount(prediction, minlength=len(tree.xy)))
    return GatedPairs(starts=starts, true=partner[order], gate=gate[order], truths=len(true))


def growing_matchings(pairs: GatedPairs, image: Indices, true_image: Indices, gates: int) -> Iterator[Integers]:
    """Yield, gate by gate, the true point each prediction is matched to, (M,); -1 for none."""
    mate = np.full(len(pairs.starts) - 1, -1, dtype=np.int64)
    true_mate = np.full(pairs.truths, -1, dtype=np.int64)
    images = int(max(image.max(initial=-1), true_image.max(initial=-1))) + 1
    row = np.arange(len(mate))
    key = np.repeat(row, np.diff(pairs.starts)) * gates + pairs.gate
    for g in range(gates):
        ends = np.searchsorted(key, row * gates + g, side="right")
        open_images = np.bincount(true_image[true_mate < 0], minlength=images) > 0
        _pair_off(pairs, ends, mate, true_mate, open_images[image])
        while _augmented(pairs, ends, mate, true_mate, open_images[image]):
            open_images = np.bincount(true_image[true_mate < 0], minlength=images) > 0
        yield mate.copy()


STEPS = 8


def _pair_off(pairs: GatedPairs, ends: Integers, mate: Integers, true_mate: Integers, is_open: Flags) -> None:
    """Match free predictions to free true points directly, as far as a few steps go.

    Predictions with the same neighbourhood begin at different places of it; a forest would give them one path a round.
    """
    for step in range(STEPS):
        free = np.flatnonzero((mate < 0) & is_open & (ends > pairs.starts[:-1]))
        degree = ends[free] - pairs.starts[free]
        true = pairs.true[pairs.starts[free] + (np.arange(len(free)) + step) % degree]
        available = true_mate[true] < 0
        free, true = free[available], true[available]
        true_mate[true] = free
        won = true_mate[true] == free
        mate[free[won]] = true[won]
        if not won.any():
            return


def _augmented(pairs: GatedPairs, ends: Integers, mate: Integers, true_mate: Integers, is_open: Flags) -> bool:
    """Grow one forest from the free predictions, flip the paths it finds; return whether there were any."""
    came_from = np.full(pairs.truths, -1, dtype=np.int64)
    goal = np.full(len(mate), -1, dtype=np.int64)
    frontier = np.flatnonzero((mate < 0) & is_open & (ends > pairs.starts[:-1]))
    root = frontier.copy()
    while len(frontier):
        degree = ends[frontier] - pairs.starts[frontier]
        total = np.cumsum(degree)
        edge = np.arange(total[-1]) + np.repeat(pairs.starts[frontier] - (total - degree), degree)
        true, source, tree = pairs.true[edge], np.repeat(frontier, degree), np.repeat(root, degree)
        fresh = came_from[true] < 0
        true, source, tree = true[fresh], source[fresh], tree[fresh]
        came_from[true] = source
        joined = came_from[true] == source
        true, tree = true[joined], tree[joined]
        free = true_mate[true] < 0
        goal[tree[free]] = true[free]
        onward, tree = true[~free], tree[~free]
        growing = goal[tree] < 0
        frontier, root = true_mate[onward[growing]], tree[growing]
    end = goal[goal >= 0]
    found = len(end) > 0
    while len(end):
        source = came_from[end]
        before = mate[source]
        mate[source], true_mate[end] = end, source
        end = before[before >= 0]
    return found


def _gate(distance: Floats, true: Integers, gates: Floats) -> Integers:
    """Return the first gate that admits each distance; the number of gates where none does."""
    if gates.shape[1] > 2 and (gates == gates[:1]).all():
        return np.searchsorted(gates[0], distance, side="left")
    outside: Integers = np.sum(distance[:, None] > gates[true], axis=1)
    return outside
