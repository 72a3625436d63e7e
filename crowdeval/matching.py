r"""Sequential one-to-one matching: the candidate table, and who takes whom at every delta.

**Definition.** Predictions, in descending confidence, each take the free true point of their image with the
smallest normalised distance d(q, p) / d_k(p), among those where it is strictly below delta; none left is a false
positive (paper, sec. 3.2). Equal confidences: the smaller best normalised distance goes first, then the lower x,
then the lower y. Equal normalised distances: the true point with the lower x, then the lower y.

**Lemma.** If d(q, p_i) < delta d_k(p_i) with delta <= 1/2, then p_i is among the k nearest true points of q.
*Proof.* Let p be a true point with d(q, p) <= d(q, p_i). Then d(p, p_i) <= d(p, q) + d(q, p_i) < 2 delta d_k(p_i)
<= d_k(p_i). As d_k(p_i) is the mean of the k smallest distances from p_i to other points, fewer than k other points
lie strictly within d_k(p_i). So at most k - 1 points come before p_i. []

One k-nearest query per prediction therefore finds every admissible pair for all delta <= 1/2 at once. In floating
point a quotient may round to just below 1/2 while the real one is 1/2; then the k points before p_i all lie where
the segment from p_i through q ends, as far from q as p_i. Predictions whose nearest true points are all equally far
therefore ask for twice as many, until one is farther. For delta > 1/2 pairs are found by a radius query around
every true point.

**Rounds.** The sequential result is the stable matching in which predictions prefer near true points and every
true point prefers the higher-ranked prediction. That matching is unique when all true points rank the predictions
alike, so deferred acceptance (Gale and Shapley, 1962) finds it: all free predictions propose at once, each true
point keeps its best proposer, the others go on to their next candidate. A few vectorised rounds over all images
replace the loop over predictions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from crowdeval.arrays import Flags, Floats, Indices, Integers, image_of_rows, offsets_of, rows_of_images
from crowdeval.neighbours import CHUNK, SLACK, PointTree, separation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """All admissible pairs, prediction by prediction in rank order, each row by normalised distance.

    Attributes
    ----------
    prediction : array of int, (S,)
        The predictions with at least one true point in reach, best rank first.
    starts : array of int, (S + 1,)
        Row ``r`` of the table is ``starts[r]:starts[r + 1]``.
    true : array of int, (P,)
        True point of every pair.
    ratio : array of float, (P,)
        Normalised distance of every pair, d(q, p) / d_k(p).
    truths : int
        Number of true points of the set.
    """

    prediction: Indices
    starts: Integers
    true: Indices
    ratio: Floats
    truths: int


def candidates(
    xy: Floats,
    offsets: Integers,
    score: Floats | None,
    true_xy: Floats,
    true_offsets: Integers,
    scale: Floats,
    *,
    delta: float,
    k: int,
    tree: PointTree | None = None,
) -> Candidates:
    """Return every pair with d / scale < delta.

    Parameters
    ----------
    xy, offsets, score
        Predicted points (M, 2) of m images, and their confidences (M,), or None for all equal.
    true_xy, true_offsets
        True points (N, 2) of the same m images in the same order.
    scale : array of float, (N,)
        Scale of every true point in pixels: d_k, or any radius when ``k`` is 0.
    delta : float
        The largest delta that is going to be asked for.
    k : int
        The k of ``scale``; it allows the lemma for delta <= 1/2. With 0 pairs are searched by radius.
    tree : PointTree, optional
        The tree over the true points, if there is one.
    """
    image, true_image = image_of_rows(offsets), image_of_rows(true_offsets)
    found: list[Rows] = []
    if len(xy) and len(true_xy):
        if k and delta <= 0.5:
            tree = PointTree(true_xy, true_image) if tree is None else tree
            parts = _pairs_by_lemma(xy, image, offsets, tree, scale, delta, k)
        else:
            parts = _joined(_pairs_by_radius(xy, image, true_xy, true_image, scale, delta))
        found += (_rows(*part, true_xy) for part in chain(_pairs_with_endless(offsets, true_image, scale), parts))
    return _ranked(found, xy, score, len(true_xy))


def sequential_matches(table: Candidates, delta: float) -> Flags:
    """Return which rows of the table are true positives at ``delta``, (S,).

    Runs deferred acceptance in vectorised rounds; equal to the sequential loop of the definition.
    """
    rows = len(table.prediction)
    below = np.concatenate([[0], np.cumsum(table.ratio < delta)])
    end = table.starts[:-1] + (below[table.starts[1:]] - below[table.starts[:-1]])
    pointer = table.starts[:-1].copy()
    holder = np.full(table.truths, rows, dtype=np.int64)
    active = np.flatnonzero(pointer < end)
    while len(active):
        wanted = table.true[pointer[active]]
        before = holder[wanted]
        np.minimum.at(holder, wanted, active)
        won = holder[wanted] == active
        evicted = before[won]
        freed = np.concatenate([active[~won], evicted[evicted < rows]])
        pointer[freed] += 1
        active = freed[pointer[freed] < end[freed]]
    matched = np.zeros(rows + 1, dtype=bool)
    matched[holder] = True
    return matched[:-1]


Pairs = tuple[Integers, Integers, Floats]


def _pairs_with_endless(offsets: Integers, true_image: Indices, scale: Floats) -> Iterator[Pairs]:
    """Yield the pairs of true points with infinite scale: every prediction of the image, at ratio 0."""
    endless = np.flatnonzero(np.isinf(scale))
    if len(endless):
        images = true_image[endless].astype(np.int64)
        prediction = rows_of_images(offsets, images)
        yield prediction, np.repeat(endless, np.diff(offsets)[images]), np.zeros(len(prediction))


def _pairs_by_lemma(
    xy: Floats, image: Indices, offsets: Integers, tree: PointTree, scale: Floats, delta: float, k: int
) -> Iterator[Pairs]:
    """Yield the pairs with finite scale by one k-nearest query a prediction.

    Images go by reach, the widest delta x scale of theirs, so that each chunk is searched no wider than it needs.
    """
    finite = np.where(np.isfinite(scale), scale, 0.0)
    reach = np.zeros(len(offsets) - 1)
    np.maximum.at(reach, tree.image, delta * finite)
    by_reach = np.argsort(reach)
    limit = np.append(delta * finite * SLACK, -1.0)
    rows = rows_of_images(offsets, by_reach[reach[by_reach] > 0])
    most = int(np.bincount(tree.image).max(initial=0))
    width = max(min(k, most), 2)
    size = max(1, CHUNK * 8 // max(width, 8))
    for start in range(0, len(rows), size):
        asked, wide = rows[start : start + size], width
        bound = float(reach[image[asked[-1]]])
        while len(asked):
            distance, found = tree.near(xy[asked], image[asked], wide, within=bound)
            level = np.isfinite(distance[:, -1]) & (distance[:, -1] <= distance[:, 0] * SLACK)
            close = distance <= limit[found]
            close[level] = False
            row, column = np.nonzero(close)
            prediction, true = asked[row], found[row, column]
            yield _admissible(prediction, true, separation(xy[prediction], tree.xy[true]), finite, delta)
            asked, wide = asked[level], 2 * wide


def _pairs_by_radius(
    xy: Floats, image: Indices, true_xy: Floats, true_image: Indices, scale: Floats, delta: float
) -> Iterator[Pairs]:
    """Yield the pairs with finite scale by a radius query a true point, delta x scale around it."""
    asked = np.flatnonzero(np.isfinite(scale) & (scale > 0))
    tree = PointTree(xy, image)
    for row, prediction in tree.within(true_xy[asked], true_image[asked], delta * scale[asked]):
        true = asked[row]
        yield _admissible(prediction, true, separation(xy[prediction], true_xy[true]), scale, delta)


def _admissible(prediction: Integers, true: Integers, distance: Floats, scale: Floats, delta: float) -> Pairs:
    reach = scale[true]
    ratio = np.full(len(true), np.inf)
    np.divide(distance, reach, out=ratio, where=reach > 0)
    kept = ratio < delta
    return prediction[kept].astype(np.int32), true[kept].astype(np.int32), ratio[kept]


Rows = tuple[Indices, Indices, Indices, Floats]
"""Predictions, their numbers of pairs, and the pairs' true points and ratios."""


def _joined(parts: Iterator[Pairs]) -> Iterator[Pairs]:
    """Yield all parts as one."""
    columns = list(zip(*parts, strict=True))
    if columns:
        prediction, true, ratio = map(np.concatenate, columns)
        yield prediction, true, ratio


def _rows(prediction: Indices, true: Indices, ratio: Floats, true_xy: Floats) -> Rows:
    """Return the pairs row by row, within a row by ratio, then x, then y of the true point.

    A prediction's pairs are all in one part. Prediction and ratio make one key: no two predictions share a whole
    part, and a smaller ratio never has a larger fraction.
    """
    key = prediction + ratio / (2 * ratio.max(initial=1e-300))
    order = _order(key, lambda i: (ratio[i], true_xy[true[i], 0], true_xy[true[i], 1]))
    ranked = prediction[order]
    first = np.flatnonzero(np.diff(ranked, prepend=-1))
    return ranked[first], np.diff(first, append=len(ranked)).astype(np.int32), true[order], ratio[order]


def _ranked(found: list[Rows], xy: Floats, score: Floats | None, truths: int) -> Candidates:
    """Put the rows in rank order."""
    kinds = (np.int32, np.int32, np.int32, np.float64)
    row, size, true, ratio = (
        np.concatenate([np.empty(0, dtype=kind), *(part[i] for part in found)]) for i, kind in enumerate(kinds)
    )
    found.clear()
    starts = offsets_of(size)
    best = ratio[starts[:-1]]
    falling = np.zeros(len(row)) if score is None else -score[row]
    rank = _order(falling, lambda i: (best[i], xy[row[i], 0], xy[row[i], 1]))
    pairs = rows_of_images(starts, rank)
    return Candidates(
        prediction=row[rank],
        starts=offsets_of(size[rank]),
        true=true[pairs],
        ratio=ratio[pairs],
        truths=truths,
    )


def _order(first: Floats, rest: Callable[[Integers], tuple[Floats, ...]]) -> Integers:
    """Return the order by the first key, then by the rest, which are asked for only where the first ties."""
    order = np.argsort(first)
    ordered = first[order]
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = ordered[1:] != ordered[:-1]
    tied = ~opens
    tied[:-1] |= ~opens[1:]
    places = np.flatnonzero(tied)
    if len(places):
        among = order[places]
        order[places] = among[np.lexsort((*reversed(rest(among)), np.cumsum(opens[places])))]
    return order
