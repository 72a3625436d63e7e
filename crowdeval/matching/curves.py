"""Precision, recall and average precision from the true positives and their confidences.

The curve has one point after each *distinct* confidence: equal confidences enter together, so the order within a
tie never changes a number. Points where no true positive enters keep the recall and lower the precision. No
average precision depends on them, so the curve is kept at the true positives only.

The option ``ap`` names the area:

- ``area``: the exact area under the precision envelope (precision made non-increasing from the right);
- ``step``: precision times recall step without the envelope (scikit-learn's definition);
- ``coco101`` and ``voc11``: the mean of the envelope at 101 or 11 evenly spaced recalls. Whole numbers decide whether
  a recall reaches a level (hits x 100 >= level x true points); pycocotools compares floats and can miss a level that
  is met exactly.

The sum does not depend on any order. A plateau is the longest run of points with equal envelope, as float64. Its term
is that value times a whole number: the hits on the plateau or, for ``coco101`` and ``voc11``, the recall levels on it.
``step`` has a term for each point. The terms are added by ``math.fsum`` and divided once. So neither the order of
images nor a partition of them changes a digit, and perfect predictions give exactly 1. Two true positives, three true
points::

    hits       1    2         precision after each point with a hit
    seen       1    3
    precision  1.0  0.6667    -> envelope 1.0, 0.6667: two plateaus of one hit each
    area       fsum(1.0 x 1, 0.6667 x 1) / 3 = 0.5556

A whole set is one ranked list; images on their own are many segments, computed together. Weights are whole numbers:
how often each image counts. Weighted hits and predictions are those of the set with its images repeated.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.options import Area
from crowdeval.points.ragged import Floats, Integers, Ragged

_SAMPLES = {"coco101": 100, "voc11": 10}
"""Number of steps between the sampled recalls 0, ..., 1; there is one recall more than steps."""


def tie_bounds(score: Floats | None, points: Ragged) -> tuple[Integers, Integers]:
    """Return how many predictions of its image have at least the confidence of each one, and how many have more.

    Parameters
    ----------
    score : array of float, (M,), or None
        Confidences; None where all are equal.
    points : Ragged
        Predicted points (M, 2) of m images.

    Returns
    -------
    seen : array of int64, (M,)
        Number of predictions with at least this confidence, the prediction itself among them.
    above : array of int64, (M,)
        Number of predictions with a higher confidence.

    Examples
    --------
    >>> seen, above = tie_bounds(np.array([0.5, 0.9, 0.5, 0.7]), Ragged(np.zeros((4, 2)), np.array([0, 3, 4])))
    >>> seen.tolist(), above.tolist()
    ([3, 1, 3, 1], [1, 0, 1, 0])
    """
    image, offsets = points.image, points.offsets
    if score is None:
        return points.counts[image], np.zeros(len(points), dtype=np.int64)
    order = np.lexsort((-score, image))
    ranked, place = score[order], image[order]
    # Find the runs of equal confidence within an image. Each row has seen all rows up to the end of its run, and the
    # rows before the run are above it; less the offset of the image, its first row, both are numbers within the image:
    #   image [0, 0, 0, 1], ranked [.9, .5, .5, .7]  ->  runs end at [0, 2, 3]
    #   run_start [0, 1, 1, 3], run_end [0, 2, 2, 3]  ->  above [0, 1, 1, 0], seen [1, 3, 3, 1]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (ranked[1:] != ranked[:-1]) | (place[1:] != place[:-1])
    ends = np.flatnonzero(last)
    length = np.diff(ends, prepend=-1)
    seen, above = np.empty((2, len(order)), dtype=np.int64)
    seen[order] = np.repeat(ends, length) - offsets[place] + 1
    above[order] = np.repeat(ends - length + 1, length) - offsets[place]
    return seen, above


def spread_ties(tie: Integers, seen: Integers, above: Integers, *, hits_first: bool) -> Integers:
    """Return how many predictions each hit has seen if the hits of a tie come first in it, or last.

    The two cases bound what any order of equal confidences can give.

    Parameters
    ----------
    tie : array of int, (T,)
        Number of the tie of each hit; the hits of a tie are consecutive.
    seen, above : array of int, (T,)
        Number of predictions with at least the confidence of each hit, and with more.
    hits_first : bool
        Whether the hits come before the other predictions of their tie.

    Returns
    -------
    array of int, (T,)

    Examples
    --------
    The fourth to seventh prediction have equal confidence, and two of them are hits:

    >>> spread_ties(np.array([0, 0]), np.array([7, 7]), np.array([3, 3]), hits_first=True).tolist()
    [4, 5]
    >>> spread_ties(np.array([0, 0]), np.array([7, 7]), np.array([3, 3]), hits_first=False).tolist()
    [6, 7]
    """
    if not len(seen):
        return seen
    starts = _starts(tie)
    length = np.diff(starts, append=len(tie))
    # Number the hits within each tie:  tie [4, 4, 9]  ->  starts [0, 2], length [2, 1]  ->  place [1, 2, 1]
    place = np.arange(1, len(tie) + 1) - np.repeat(starts, length)
    return above + place if hits_first else seen - np.repeat(length, length) + place


def average_precision(seen: Integers, truths: int, *, ap: Area = "area", weight: Integers | None = None) -> float:
    """Return the average precision of one ranked list; NaN where there are no true points.

    Parameters
    ----------
    seen : array of int, (T,)
        Number of predictions with at least the confidence of each true positive; never falling.
    truths : int
        Number of true points.
    ap : {"area", "step", "coco101", "voc11"}
        Definition of the area (module docstring).
    weight : array of int, (T,), optional
        How often each true positive counts, at least once; then ``seen`` and ``truths`` are weighted, too.

    Returns
    -------
    float

    Examples
    --------
    Three true points; the first and third of four predictions hit:

    >>> round(average_precision(np.array([1, 3]), 3), 4)
    0.5556
    """
    if not truths or not len(seen):
        return 0.0 if truths else math.nan
    # One point of the curve at the last true positive of each tie, which has all hits up to there:
    #   seen [1, 4, 4, 5]  ->  ends [0, 2, 3], hits [1, 3, 4]
    changes = np.ones(len(seen), dtype=bool)
    np.not_equal(seen[1:], seen[:-1], out=changes[:-1])
    ends = np.flatnonzero(changes)
    hits = ends + 1 if weight is None else np.cumsum(weight).take(ends)
    value = hits / (seen if len(ends) == len(seen) else seen.take(ends))
    level, below = recall_steps(hits, truths, ap)
    if ap != "step":
        # The envelope is the running maximum from the right. The last point of each plateau has all recall steps up to
        # there, so their differences are the steps of the plateaus:
        #   precision [1, .5, .6]  ->  envelope [1, .6, .6], plateau ends [0, 2], hits [1, 3]  ->  steps [1, 2]
        value = np.maximum.accumulate(value[::-1])[::-1]
        plateau = np.append(np.flatnonzero(value[1:] != value[:-1]), len(value) - 1)
        value, level = value.take(plateau), level.take(plateau)
    return math.fsum((value * np.diff(level, prepend=below)).tolist()) / total_recall_steps(truths, ap)


def average_precisions(segment: NDArray[Any], seen: Integers, truths: Integers, *, ap: Area = "area") -> Floats:
    """Return the average precision of many ranked lists, the segments, at once.

    Each number equals that of ``average_precision`` to the last bit.

    Parameters
    ----------
    segment : array of int, (T,)
        Segment of every true positive; never falling.
    seen : array of int, (T,)
        Number of predictions of the segment with at least the confidence of this true positive; never falling
        within a segment.
    truths : array of int, (G,)
        Number of true points of every segment.
    ap : {"area", "step", "coco101", "voc11"}
        Definition of the area (module docstring).

    Returns
    -------
    array of float, (G,)
        NaN for a segment without true points.

    Examples
    --------
    >>> average_precisions(np.array([0, 0, 2]), np.array([1, 3, 2]), np.array([3, 0, 1])).round(4).tolist()
    [0.5556, nan, 0.5]
    """
    result = np.zeros(len(truths))
    result[truths == 0] = np.nan
    if not len(segment):
        return result
    # One point of the curve at the last true positive of each tie, as in ``average_precision``; a segment ends a tie:
    #   segment [0, 0, 0, 2, 2], seen [1, 2, 2, 3, 3]  ->  ends [0, 2, 4], place [0, 0, 2]
    last = np.ones(len(segment), dtype=bool)
    last[:-1] = (segment[1:] != segment[:-1]) | (seen[1:] != seen[:-1])
    ends = np.flatnonzero(last)
    place = segment[ends]
    starts = _starts(place)
    # Hits so far within the segment: the row number, from 1 on, less the rows of the segments before.
    #   place [0, 0, 2], ends [0, 2, 4]  ->  starts [0, 2], first [0, 3]  ->  hits [1, 3, 2]
    first = np.concatenate([[0], ends[starts[1:] - 1] + 1])
    hits = ends + 1 - np.repeat(first, np.diff(starts, append=len(ends)))
    value = hits / seen[ends]
    level, below = recall_steps(hits, truths[place], ap)
    if ap != "step":
        value = _envelope(value, place)
        # A plateau ends where the envelope or the segment changes.
        plateau = np.flatnonzero(np.append((value[1:] != value[:-1]) | (place[1:] != place[:-1]), True))
        value, level, place = value[plateau], level[plateau], place[plateau]
        starts = _starts(place)
    # Recall steps of each point; the first point of a segment begins anew at ``below``:
    #   level [1, 3, 2], starts [0, 2], below 0  ->  gained [1, 2, 2]
    gained = np.diff(level, prepend=below)
    gained[starts] = level[starts] - below
    terms, bounds = (value * gained).tolist(), [*starts.tolist(), len(place)]
    for n, number in enumerate(place[starts].tolist()):
        result[number] = math.fsum(terms[bounds[n] : bounds[n + 1]]) / total_recall_steps(int(truths[number]), ap)
    return result


def _starts(place: NDArray[Any]) -> Integers:
    """Return where each run of equal values begins:  [0, 0, 2]  ->  [0, 2]."""
    return np.flatnonzero(np.append(True, place[1:] != place[:-1]))


def recall_steps(hits: NDArray[Any], truths: Integers | int, ap: Area) -> tuple[NDArray[Any], int]:
    """Return the recall of each point of the curve in whole steps, and the value before the first point.

    A step is a hit or, for ``coco101`` and ``voc11``, a sampled recall. The sampled recall of 0 is step 0, which the
    first point reaches, so the value before it is -1.

    Parameters
    ----------
    hits : array of int
        Number of true positives up to each point of the curve.
    truths : int, or array of int that broadcasts with ``hits``
        Number of true points.
    ap : {"area", "step", "coco101", "voc11"}
        Definition of the area.

    Returns
    -------
    steps : array of int
        Steps of the shape of ``hits``.
    before : int
        0, or -1 for a sampled recall.

    Examples
    --------
    >>> recall_steps(np.array([1, 2]), 3, "area"), recall_steps(np.array([1, 2]), 3, "voc11")
    ((array([1, 2]), 0), (array([3, 6]), -1))
    """
    if ap in _SAMPLES:
        return hits * _SAMPLES[ap] // truths, -1
    return hits, 0


def total_recall_steps(truths: int, ap: Area) -> int:
    """Return the number of whole steps up to recall 1, by which the sum of an average precision is divided.

    Parameters
    ----------
    truths : int
        Number of true points.
    ap : {"area", "step", "coco101", "voc11"}
        Definition of the area.

    Returns
    -------
    int

    Examples
    --------
    >>> total_recall_steps(3, "area"), total_recall_steps(3, "voc11")
    (3, 11)
    """
    return _SAMPLES[ap] + 1 if ap in _SAMPLES else truths


def _envelope(precision: Floats, segment: NDArray[Any]) -> Floats:
    """Return the largest precision from each point of a segment to the end of the segment."""
    # One running maximum from the right over all segments. Each segment is shifted above the segments behind it, so
    # they never win. The maximum is taken of ranks: shifting whole numbers is exact, shifting floats is not.
    #   precision [.5, .6, .9], segment [0, 0, 1]  ->  rank [0, 1, 2], shift [3, 3, 0]
    #   rank + shift [3, 4, 2]  ->  maximum from the right [4, 4, 2]  ->  less the shift [1, 1, 2]  ->  [.6, .6, .9]
    values, rank = np.unique(precision, return_inverse=True)
    shift = (segment[-1] - segment).astype(np.int64) * len(values)
    envelope: Floats = values[np.maximum.accumulate((rank + shift)[::-1])[::-1] - shift]
    return envelope
