r"""Sequential one-to-one matching: the table of candidate pairs, and the true positives at every delta.

**Definition.** Predictions, in descending confidence, each take the free true point of their image with the
smallest normalised distance d(q, p) / d_k(p), among those where it is strictly below delta. A prediction that finds
none is a false positive (paper, sec. 3.2). Equal confidences: the smaller best normalised distance goes first, then the
lower x, then the lower y. Equal normalised distances: the true point with the lower x, then the lower y.

**Lemma.** If d(q, p_i) < delta d_k(p_i) with delta <= 1/2, then p_i is among the k nearest true points of q.
*Proof.* Let p be a true point with d(q, p) <= d(q, p_i). Then d(p, p_i) <= d(p, q) + d(q, p_i) < 2 delta d_k(p_i)
<= d_k(p_i). As d_k(p_i) is the mean of the k smallest distances from p_i to other points, fewer than k other points
lie strictly within d_k(p_i). So at most k - 1 points come before p_i. []

One k-nearest query per prediction therefore finds every admissible pair for all delta <= 1/2 at once. In floating
point a quotient may round to just below 1/2 while the real one is 1/2; then the k points before p_i are all at the end
of the segment from p_i through q, as far from q as p_i. So a prediction whose nearest true points are all equally far
is queried again for twice as many, until one of them is farther. For delta > 1/2 the pairs are found by a radius query
around every true point.

**Rounds.** The sequential result is the stable matching in which predictions prefer near true points and every
true point prefers the higher-ranked prediction. That matching is unique when all true points rank the predictions
alike, so deferred acceptance (Gale and Shapley, 1962) finds it: all free predictions propose at once, each true
point keeps its best proposer, and the others go on to their next candidate. A few vectorised rounds over all images
replace the loop over predictions.

Long arrays are gathered by ``take``, which is several times as fast as indexing with an array.
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
    """All admissible pairs of the predictions that have any; one row a prediction, best rank first.

    Parameters
    ----------
    prediction : array of int, (S,)
        The predictions with at least one true point within reach, best rank first.
    start, end : array of int, (S,)
        The pairs of row ``r`` are ``start[r]:end[r]``, at least one, by rising ratio.
    nearest : array of int, (S,)
        True point of the first pair of every row. Most predictions need no other pair.
    best : array of float, (S,)
        Ratio of the first pair of every row.
    true : array of int, (P,)
        True point of every pair. The pairs are in the order in which they were found, because moving them into rank
        order would cost much memory.
    ratio : array of float, (P,)
        Normalised distance, d(q, p) / d_k(p), of every pair.
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
    """Return every pair of a predicted and a true point with d / scale < delta.

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images.
    score : array of float, (M,), or None
        Confidences; None where all are equal.
    true : Ragged
        True points (N, 2) of the same m images in the same order.
    scale : array of float, (N,)
        Scale of every true point in pixels: d_k, or any radius when ``k`` is 0.
    delta : float
        The largest delta at which the pairs will be matched.
    k : int
        The k of ``scale``, with which the lemma holds for delta <= 1/2. With 0 pairs are searched by radius.
    tree : PointTree, optional
        The tree over the true points, if there is one; its memory is freed once the pairs are found.

    Returns
    -------
    Candidates

    Examples
    --------
    The second prediction has the higher confidence and so the better rank; both reach only true point 0:

    >>> predicted = Ragged(np.array([[0.0, 2.0], [0.0, 1.0]]), np.array([0, 2]))
    >>> true = Ragged(np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([0, 2]))
    >>> table = candidates(predicted, np.array([0.8, 0.9]), true, np.array([10.0, 10.0]), delta=0.5, k=1)
    >>> table.prediction.tolist(), table.nearest.tolist(), table.best.tolist()
    ([1, 0], [0, 0], [0.1, 0.2])
    """
    collected = _PairRows()
    if len(predicted) and len(true):
        if k and delta <= 0.5:
            tree = PointTree(true) if tree is None else tree
            parts = _pairs_by_lemma(predicted, tree, scale, delta=delta, k=k)
        else:
            # The pairs of a prediction come from several true points and so from several blocks: rows need all at once.
            parts = _concatenate_pairs(_pairs_by_radius(predicted, true, scale, delta=delta))
        for part in chain(_pairs_of_infinite_scale(predicted, true, scale), parts):
            collected.add(*part, true.xy)
    if tree is not None:
        tree.release()
    return _rank_rows(collected, predicted.xy, score, len(true))


def sequential_matches(table: Candidates, delta: float) -> Flags:
    """Return the rows of the table that are true positives at one delta.

    Parameters
    ----------
    table : Candidates
        The pairs, one row a prediction.
    delta : float
        At most the delta of the table.

    Returns
    -------
    array of bool, (S,)

    Examples
    --------
    >>> predicted = Ragged(np.array([[0.0, 2.0], [0.0, 1.0]]), np.array([0, 2]))
    >>> true = Ragged(np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([0, 2]))
    >>> table = candidates(predicted, np.array([0.8, 0.9]), true, np.array([10.0, 10.0]), delta=0.5, k=1)
    >>> sequential_matches(table, 0.5).tolist()  # both predictions reach only true point 0; rank decides
    [True, False]
    """
    rows = len(table.prediction)
    matched = np.zeros(rows + 1, dtype=bool)  # one place more for the holder of free true points
    matched[sequential_holders(table, delta)] = True
    return matched[:-1]


def sequential_holders(table: Candidates, delta: float) -> Integers:
    """Return the row of the table that holds each true point at one delta.

    Deferred acceptance in vectorised rounds; the result equals the sequential loop of the definition.

    Parameters
    ----------
    table : Candidates
        The pairs, one row a prediction.
    delta : float
        At most the delta of the table.

    Returns
    -------
    array of int, (N,)
        A row; S, the number of rows, for a true point that is free.

    Examples
    --------
    >>> predicted = Ragged(np.array([[0.0, 2.0], [0.0, 1.0]]), np.array([0, 2]))
    >>> true = Ragged(np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([0, 2]))
    >>> table = candidates(predicted, np.array([0.8, 0.9]), true, np.array([10.0, 10.0]), delta=0.5, k=1)
    >>> sequential_holders(table, 0.5).tolist()  # the first row is the prediction with the higher confidence
    [0, 2]
    """
    rows = len(table.prediction)
    # Rows are in rank order, so the smaller row number is the better rank; ``rows`` itself stands for no prediction.
    holder = np.full(table.truths, rows, dtype=np.int64)
    pointer = table.start.copy()  # the pair with which each row proposes next
    active = np.flatnonzero(table.best < delta)
    target = table.nearest.take(active)
    while len(active):
        # Each true point keeps the smallest row number among its holder and the new proposers:
        #   holder [4, 1], active [2, 3, 5], target [0, 0, 1]  ->  holder [2, 1]; 3 and 5 lost, 4 is evicted
        before = holder.take(target)
        np.minimum.at(holder, target, active)
        lost = holder.take(target) != active
        evicted = before[np.flatnonzero((before < rows) & ~lost)]
        freed = np.concatenate([active[np.flatnonzero(lost)], evicted])
        pointer[freed] += 1
        freed = freed[pointer[freed] < table.end[freed]]
        active = freed[table.ratio[pointer[freed]] < delta]
        target = table.true[pointer[active]]
    return holder


_Pairs = tuple[Integers, Integers, Floats]
"""Predictions, true points and normalised distances of pairs, (P,) each."""


def _pairs_of_infinite_scale(predicted: Ragged, true: Ragged, scale: Floats) -> Iterator[_Pairs]:
    """Yield the pairs of true points with infinite scale: every prediction of the image, at ratio 0."""
    lone = np.flatnonzero(np.isinf(scale))
    if len(lone):
        # All predictions of the images of these true points, and each true point once for each of its predictions:
        #   lone [7, 9] in images with the predictions [3, 4] and [5]  ->  prediction [3, 4, 5], true [7, 7, 9]
        images = true.image[lone].astype(np.int64)
        prediction = predicted.rows(images)
        yield prediction, np.repeat(lone, predicted.counts[images]), np.zeros(len(prediction))


def _pairs_by_lemma(predicted: Ragged, tree: PointTree, scale: Floats, *, delta: float, k: int) -> Iterator[_Pairs]:
    """Yield the pairs of true points with finite scale, from one k-nearest query a prediction.

    The images are sorted by their reach, the largest delta x scale of their true points, so that each block is searched
    no wider than its widest image needs.
    """
    # Largest distance of a pair by its true point; the last place, -1, is for row N, which the tree returns for none.
    limit = np.full(len(scale) + 1, -1.0)
    np.multiply(delta * SLACK, scale, out=limit[:-1], where=np.isfinite(scale))
    true_counts = tree.points.counts
    # The largest limit of each image; reduceat cuts the rows where images with true points begin:
    #   limit [3, 5, 2], offsets [0, 2, 2, 3]  ->  cuts [0, 2]  ->  reach [5, 0, 2]
    reach, peopled = np.zeros(predicted.images), np.flatnonzero(true_counts)
    reach[peopled] = np.maximum.reduceat(limit[:-1], tree.points.offsets[peopled])
    by_reach = np.argsort(reach)
    width = max(min(k, int(true_counts.max())), 2)  # two at least: the test for equal distances needs a second one
    for row, image in _blocks(predicted, by_reach[reach[by_reach] > 0], block_size(len(predicted), width)):
        bound, wide = float(reach[image[-1]]), width
        while len(row):
            distance, nearest = tree.nearest(predicted.xy.take(row, axis=0), image, wide, within=bound)
            # The nearest points are all equally far: more of them may be admissible, so this row is queried again.
            level = np.isfinite(distance[:, -1]) & (distance[:, -1] <= distance[:, 0] * SLACK)
            close = distance <= limit.take(nearest)
            close[level] = False
            # ``nearest`` is (rows, wide); a place in it, row by row, is row x wide + column:
            #   close [[0, 1], [1, 1]]  ->  place [1, 2, 3]  ->  place // wide [0, 1, 1]
            place = np.flatnonzero(close)
            prediction, true = row.take(place // wide), nearest.take(place)
            apart = separation(predicted.xy.take(prediction, axis=0), tree.xy.take(true, axis=0))
            yield _admissible(prediction, true, apart, scale, delta)
            row, image, wide = row[level], image[level], 2 * wide


def _blocks(points: Ragged, images: Integers, size: int) -> Iterator[tuple[Integers, Integers]]:
    """Yield the rows of some images, and the image of each row, ``size`` rows at a time."""
    # The rows are numbered 0, 1, 2, ... in the order of ``images``; the shift of an image leads back to its own rows:
    #   offsets [0, 2, 5], images [1, 0]  ->  ends [3, 5], shift [5 - 3, 2 - 5]
    #   place 0 1 2 3 4  ->  position in images 0 0 0 1 1  ->  row 2 3 4 0 1
    ends = np.cumsum(points.counts[images])
    shift = points.offsets[images + 1] - ends
    total = int(ends[-1]) if len(ends) else 0
    for begin in range(0, total, size):
        place = np.arange(begin, min(begin + size, total))
        position = np.searchsorted(ends, place, side="right")
        yield place + shift[position], images[position]


def _pairs_by_radius(predicted: Ragged, true: Ragged, scale: Floats, *, delta: float) -> Iterator[_Pairs]:
    """Yield the pairs of true points with finite scale, from one query around each with radius delta x scale."""
    queried = np.flatnonzero(np.isfinite(scale) & (scale > 0))
    tree = PointTree(predicted)
    for row, prediction in tree.pairs_within(true.xy[queried], true.image[queried], delta * scale[queried]):
        partner = queried[row]
        yield _admissible(prediction, partner, separation(predicted.xy[prediction], true.xy[partner]), scale, delta)


def _admissible(prediction: Integers, true: Integers, distance: Floats, scale: Floats, delta: float) -> _Pairs:
    """Return the pairs whose normalised distance is below delta; a scale of 0 admits none."""
    reach = scale.take(true)
    ratio = np.full(len(true), np.inf)
    np.divide(distance, reach, out=ratio, where=reach > 0)
    kept = np.flatnonzero(ratio < delta)
    return prediction[kept].astype(np.int32), true[kept].astype(np.int32), ratio[kept]


def _concatenate_pairs(parts: Iterator[_Pairs]) -> Iterator[_Pairs]:
    """Yield all parts as one; nothing where there are none."""
    columns = list(zip(*parts, strict=True))
    if columns:
        prediction, true, ratio = map(np.concatenate, columns)
        yield prediction, true, ratio


class _PairRows:
    """The pairs collected so far, as four columns.

    Two have one row a prediction: the prediction and its number of pairs. Two have one row a pair: its true point and
    its ratio. The pairs of one prediction are consecutive, by rising ratio.
    """

    def __init__(self) -> None:
        self._parts: list[list[NDArray[Any]]] = [
            [np.empty(0, dtype=kind)] for kind in (np.int32, np.int32, np.int32, np.float64)
        ]

    def add(self, prediction: Indices, true: Indices, ratio: Floats, true_xy: Floats) -> None:
        """Add pairs, sorted by prediction, then ratio, then x, then y of the true point.

        One call has to bring all pairs of a prediction.
        """
        # One float key sorts by prediction and ratio: the ratio is scaled to [0, 1/2], so it never reaches the next
        # prediction, and rounding never reverses an order (it can make two keys equal, and ties are sorted apart):
        #   prediction [3, 3, 5], ratio [.4, .2, .1]  ->  key about [3.2, 3.1, 5.05]
        key = prediction + ratio / (2 * ratio.max(initial=1e-300))
        order = _order(key, lambda i: (ratio[i], true_xy[true[i], 0], true_xy[true[i], 1]))
        ranked = prediction[order]
        # Where the prediction changes, a row begins; -1 before the first makes it begin one, too:
        #   ranked [3, 3, 5]  ->  first [0, 2], size [2, 1]
        first = np.flatnonzero(np.diff(ranked, prepend=-1))
        size = np.diff(first, append=len(ranked)).astype(np.int32)
        for parts, part in zip(self._parts, (ranked[first], size, true[order], ratio[order]), strict=True):
            parts.append(part)

    def columns(self) -> Iterator[NDArray[Any]]:
        """Yield the four columns, freeing the parts of each, so that the pairs are in memory once only."""
        for parts in self._parts:
            column = np.concatenate(parts)
            parts.clear()
            yield column


def _rank_rows(collected: _PairRows, xy: Floats, score: Floats | None, truths: int) -> Candidates:
    """Return the table of the collected pairs with its rows in rank order."""
    row, size, true, ratio = collected.columns()
    # The sizes give each row its slice of the pairs; only the slices' bounds are sorted, the pairs stay in place:
    #   size [2, 1, 3]  ->  start [0, 2, 3], end [2, 3, 6];  rank [2, 0, 1]  ->  start [3, 0, 2], end [6, 2, 3]
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
    """Return the order by the first key, then by the rest, which are computed only where the first key has ties."""
    order = np.argsort(first)
    ordered = first[order]
    # Number the runs of equal keys, and sort again only the places inside runs of two or more:
    #   ordered [1, 2, 2, 3]  ->  opens [T, T, F, T]  ->  tied [F, T, T, F], places [1, 2]
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = ordered[1:] != ordered[:-1]
    tied = ~opens
    tied[:-1] |= ~opens[1:]
    places = np.flatnonzero(tied)
    if len(places):
        among = order[places]
        # lexsort's last key is the first to decide: the number of the run, so rows never leave their run.
        order[places] = among[np.lexsort((*reversed(rest(among)), np.cumsum(opens[places])))]
    return order
