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

from crowdeval.arrays import Flags, Floats, Indices, Integers, image_of_rows, offsets_of, rows_of_images
from crowdeval.neighbours import PointTree, separation

BLOCK = 1 << 22
"""Pairs held at a time; images are worked on in groups of about this many."""


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


def matched_counts(xy: Floats, offsets: Integers, true_xy: Floats, true_offsets: Integers, radii: Floats) -> Integers:
    """Return the size of a maximum matching of every image at every gate, (m, G).

    Parameters
    ----------
    xy, offsets
        Predicted points (M, 2) of m images.
    true_xy, true_offsets
        True points (N, 2) of the same images.
    radii : array of float, (G,) or (N, G)
        Radius of every gate in pixels, for all true points or for each; never falling along the gates.
    """
    gates = np.broadcast_to(radii, (len(true_xy), np.shape(radii)[-1]))
    sizes = np.zeros((len(offsets) - 1, gates.shape[1]), dtype=np.int64)
    for images, pairs in pairs_by_image(xy, offsets, true_xy, true_offsets, gates):
        image = image_of_rows(offsets_of(np.diff(offsets)[images]))
        true_image = image_of_rows(offsets_of(np.diff(true_offsets)[images]))
        for g, mate in enumerate(growing_matchings(pairs, image, true_image, gates.shape[1])):
            sizes[images, g] = np.bincount(image[mate >= 0], minlength=len(images))
    return sizes


def pairs_by_image(
    xy: Floats, offsets: Integers, true_xy: Floats, true_offsets: Integers, gates: Floats
) -> Iterator[tuple[Integers, GatedPairs]]:
    """Yield groups of images and the pairs of each group, whose rows are the group's points one after the other.

    Images without points on either side are in no group; ``gates`` is (N, G).
    """
    true_image = image_of_rows(true_offsets)
    tree = PointTree(xy, image_of_rows(offsets))
    near, groups = image_groups(tree, offsets, true_xy, true_offsets, gates[:, -1])
    for group in groups:
        if len(group) == len(offsets) - 1:
            yield group, _gated_pairs(tree, true_xy, true_image, gates, near)
            return
        rows, true_rows = rows_of_images(offsets, group), rows_of_images(true_offsets, group)
        part = PointTree(xy[rows], tree.image[rows])
        yield group, _gated_pairs(part, true_xy[true_rows], true_image[true_rows], gates[true_rows], near[true_rows])


def image_groups(
    tree: PointTree, offsets: Integers, true_xy: Floats, true_offsets: Integers, reach: Floats
) -> tuple[Integers, list[Integers]]:
    """Return how many predictions each true point has in reach, (N,), and groups of images with some ``BLOCK`` pairs.

    ``tree`` holds the predictions. Images without points on either side are in no group.
    """
    true_image = image_of_rows(true_offsets)
    images = np.flatnonzero((np.diff(offsets) > 0) & (np.diff(true_offsets) > 0))
    near = tree.count_within(true_xy, true_image, reach)
    held = np.cumsum(np.bincount(true_image, weights=near, minlength=len(offsets) - 1)[images]) // BLOCK
    return near, [images[held == number] for number in np.unique(held)]


def _gated_pairs(tree: PointTree, true_xy: Floats, true_image: Indices, gates: Floats, near: Integers) -> GatedPairs:
    """Return the pairs no farther than the widest gate of their true point; ``near`` counts them."""
    found = []
    for true, prediction in tree.within(true_xy, true_image, gates[:, -1], size=near):
        distance = separation(tree.xy[prediction], true_xy[true])
        gate = _gate(distance, true, gates)
        kept = gate < gates.shape[1]
        found.append((prediction[kept], true[kept], gate[kept]))
    prediction, true, gate = (
        np.concatenate([part[i] for part in found]) if found else np.empty(0, dtype=np.int64) for i in range(3)
    )
    order = np.lexsort((true, gate, prediction))
    starts = offsets_of(np.bincount(prediction, minlength=len(tree.xy)))
    return GatedPairs(starts=starts, true=true[order], gate=gate[order], truths=len(true_xy))


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
