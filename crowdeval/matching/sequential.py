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

Rows are gathered by ``take`` where there are many: it is several times as fast as indexing with an array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.matching.neighbours import SLACK, PointTree, block_size, separation
from crowdeval.points.ragged import Flags, Floats, Indices, Integers, Ragged


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """All admissible pairs of every prediction, by normalised distance; one row a prediction, best rank first.

    Attributes
    ----------
    prediction : array of int, (S,)
        The predictions with at least one true point in reach, best rank first.
    start, end : array of int, (S,)
        The pairs of row ``r`` are ``start[r]:end[r]``, at least one.
    nearest, best : array of int, array of float, (S,)
        True point and ratio of the first pair of every row, which is all that most predictions need.
    true, ratio : array of int, array of float, (P,)
        True point and normalised distance, d(q, p) / d_k(p), of every pair. The rows of pairs lie as they were
        found: they weigh too much to be moved.
    truths : int
        Number of true points of the set.
    """

    prediction: Indices
    start: Integers
    end: Integers
    nearest: Indices
    best: Floats
    true: Indices
    ratio: Floats
    truths: int


def candidates(
    predicted: Ragged,
    score: Floats | None,
    true: Ragged,
    scale: Floats,
    *,
    delta: float,
    k: int,
    tree: PointTree | None = None,
) -> Candidates:
    """Return every pair with d / scale < delta.

    Parameters
    ----------
    predicted, score
        Predicted points (M, 2) of m images, and their confidences (M,), or None for all equal.
    true : Ragged
        True points (N, 2) of the same m images in the same order.
    scale : array of float, (N,)
        Scale of every true point in pixels: d_k, or any radius when ``k`` is 0.
    delta : float
        The largest delta that is going to be asked for.
    k : int
        The k of ``scale``; it allows the lemma for delta <= 1/2. With 0 pairs are searched by radius.
    tree : PointTree, optional
        The tree over the true points, if there is one; it is given up once the pairs are found.
    """
    found = _Found()
    if len(predicted) and len(true):
        if k and delta <= 0.5:
            tree = PointTree(true) if tree is None else tree
            parts = _pairs_by_lemma(predicted, tree, scale, delta=delta, k=k)
        else:
            parts = _joined(_pairs_by_radius(predicted, true, scale, delta=delta))
        for part in chain(_pairs_with_endless(predicted, true, scale), parts):
            found.add(*part, true.xy)
    if tree is not None:
        tree.give_up()
    return _ranked(found, predicted.xy, score, len(true))


def sequential_matches(table: Candidates, delta: float) -> Flags:
    """Return which rows of the table are true positives at ``delta``, (S,).

    Runs deferred acceptance in vectorised rounds; equal to the sequential loop of the definition.
    """
    rows = len(table.prediction)
    holder = np.full(table.truths, rows, dtype=np.int64)
    pointer = table.start.copy()
    active = np.flatnonzero(table.best < delta)
    wanted = table.nearest.take(active)
    while len(active):
        before = holder.take(wanted)
        np.minimum.at(holder, wanted, active)
        lost = holder.take(wanted) != active
        evicted = before[np.flatnonzero((before < rows) & ~lost)]
        freed = np.concatenate([active[np.flatnonzero(lost)], evicted])
        pointer[freed] += 1
        freed = freed[pointer[freed] < table.end[freed]]
        active = freed[table.ratio[pointer[freed]] < delta]
        wanted = table.true[pointer[active]]
    matched = np.zeros(rows + 1, dtype=bool)
    matched[holder] = True
    return matched[:-1]


Pairs = tuple[Integers, Integers, Floats]


def _pairs_with_endless(predicted: Ragged, true: Ragged, scale: Floats) -> Iterator[Pairs]:
    """Yield the pairs of true points with infinite scale: every prediction of the image, at ratio 0."""
    endless = np.flatnonzero(np.isinf(scale))
    if len(endless):
        images = true.image[endless].astype(np.int64)
        prediction = predicted.rows(images)
        yield prediction, np.repeat(endless, predicted.counts[images]), np.zeros(len(prediction))


def _pairs_by_lemma(predicted: Ragged, tree: PointTree, scale: Floats, *, delta: float, k: int) -> Iterator[Pairs]:
    """Yield the pairs with finite scale by one k-nearest query a prediction.

    Images go by reach, the widest delta x scale of theirs, so that each chunk is searched no wider than it needs.
    """
    limit = np.full(len(scale) + 1, -1.0)  # the last is that of no true point
    np.multiply(delta * SLACK, scale, out=limit[:-1], where=np.isfinite(scale))
    true_counts = tree.points.counts
    reach, peopled = np.zeros(predicted.images), np.flatnonzero(true_counts)
    reach[peopled] = np.maximum.reduceat(limit[:-1], tree.points.offsets[peopled])
    by_reach = np.argsort(reach)
    width = max(min(k, int(true_counts.max())), 2)
    for asked, image in _blocks(predicted, by_reach[reach[by_reach] > 0], block_size(len(predicted), width)):
        bound, wide = float(reach[image[-1]]), width
        while len(asked):
            distance, found = tree.near(predicted.xy.take(asked, axis=0), image, wide, within=bound)
            level = np.isfinite(distance[:, -1]) & (distance[:, -1] <= distance[:, 0] * SLACK)
            close = distance <= limit.take(found)
            close[level] = False
            # ``found`` is (rows, wide); a place in it, row by row, is row x wide + column:
            #   close [[0, 1], [1, 1]]  ->  place [1, 2, 3]  ->  place // wide [0, 1, 1]
            place = np.flatnonzero(close)
            prediction, true = asked.take(place // wide), found.take(place)
            apart = separation(predicted.xy.take(prediction, axis=0), tree.xy.take(true, axis=0))
            yield _admissible(prediction, true, apart, scale, delta)
            asked, image, wide = asked[level], image[level], 2 * wide


def _blocks(points: Ragged, images: Integers, size: int) -> Iterator[tuple[Integers, Integers]]:
    """Yield the rows of the given images one after the other, and the image of each, ``size`` rows at a time."""
    ends = np.cumsum(points.counts[images])
    shift = points.offsets[images + 1] - ends
    total = int(ends[-1]) if len(ends) else 0
    for begin in range(0, total, size):
        place = np.arange(begin, min(begin + size, total))
        which = np.searchsorted(ends, place, side="right")
        yield place + shift[which], images[which]


def _pairs_by_radius(predicted: Ragged, true: Ragged, scale: Floats, *, delta: float) -> Iterator[Pairs]:
    """Yield the pairs with finite scale by a radius query a true point, delta x scale around it."""
    asked = np.flatnonzero(np.isfinite(scale) & (scale > 0))
    tree = PointTree(predicted)
    for row, prediction in tree.within(true.xy[asked], true.image[asked], delta * scale[asked]):
        own = asked[row]
        yield _admissible(prediction, own, separation(predicted.xy[prediction], true.xy[own]), scale, delta)


def _admissible(prediction: Integers, true: Integers, distance: Floats, scale: Floats, delta: float) -> Pairs:
    reach = scale.take(true)
    ratio = np.full(len(true), np.inf)
    np.divide(distance, reach, out=ratio, where=reach > 0)
    kept = np.flatnonzero(ratio < delta)
    return prediction[kept].astype(np.int32), true[kept].astype(np.int32), ratio[kept]


def _joined(parts: Iterator[Pairs]) -> Iterator[Pairs]:
    """Yield all parts as one."""
    columns = list(zip(*parts, strict=True))
    if columns:
        prediction, true, ratio = map(np.concatenate, columns)
        yield prediction, true, ratio


class _Found:
    """The pairs found so far: predictions, their numbers of pairs, and the pairs' true points and ratios."""

    def __init__(self) -> None:
        self._parts: list[list[NDArray[Any]]] = [
            [np.empty(0, dtype=kind)] for kind in (np.int32, np.int32, np.int32, np.float64)
        ]

    def add(self, prediction: Indices, true: Indices, ratio: Floats, true_xy: Floats) -> None:
        """Take pairs over, within a row by ratio, then x, then y of the true point.

        A prediction's pairs are all added at once. Prediction and ratio make one key: no two predictions share a
        whole part, and a smaller ratio never has a larger fraction.
        """
        key = prediction + ratio / (2 * ratio.max(initial=1e-300))
        order = _order(key, lambda i: (ratio[i], true_xy[true[i], 0], true_xy[true[i], 1]))
        ranked = prediction[order]
        first = np.flatnonzero(np.diff(ranked, prepend=-1))
        size = np.diff(first, append=len(ranked)).astype(np.int32)
        for parts, part in zip(self._parts, (ranked[first], size, true[order], ratio[order]), strict=True):
            parts.append(part)

    def columns(self) -> Iterator[NDArray[Any]]:
        """Yield the four columns, each of which is held no more."""
        for parts in self._parts:
            column = np.concatenate(parts)
            parts.clear()
            yield column


def _ranked(found: _Found, xy: Floats, score: Floats | None, truths: int) -> Candidates:
    """Put the rows in rank order."""
    row, size, true, ratio = found.columns()
    end = np.cumsum(size, dtype=np.int64)
    start = end - size
    best = ratio[start]
    falling = np.zeros(len(row)) if score is None else -score[row]
    rank = _order(falling, lambda i: (best[i], xy[row[i], 0], xy[row[i], 1]))
    start = start[rank]
    return Candidates(
        prediction=row[rank],
        start=start,
        end=end[rank],
        nearest=true[start],
        best=best[rank],
        true=true,
        ratio=ratio,
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
