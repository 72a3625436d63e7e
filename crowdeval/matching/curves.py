"""From true positives to precision, recall and average precision.

The curve has one point after each *distinct* confidence: equal confidences enter together, so the order within a
tie never changes a number. Points where no true positive enters leave recall as it is and lower precision; no
average precision depends on them, so the curve is kept at the true positives only.

``ap`` names the area: ``area``, the exact area under the precision envelope (precision made non-increasing from
the right); ``step``, precision times recall step without the envelope (scikit-learn's definition); ``coco101``
and ``voc11``, the mean of the envelope at 101 or 11 evenly spaced recalls. A recall reaches a level by whole numbers
(hits x 100 >= level x true points); pycocotools compares floats and can miss a level that is met exactly.

The sum is exact once and for all. A plateau is the longest run of points with equal envelope, as float64; its term is
that value times a whole number (hits on the plateau; for ``coco101`` and ``voc11`` the recall levels on it), ``step``
has a term for each point; the terms are added by ``math.fsum`` and divided once. So neither the order of images nor a
partition of them moves a digit, and perfect predictions give exactly 1. Two true positives, three true points::

    hits       1    2         precision after each point with a hit
    seen       1    3
    precision  1.0  0.6667    -> envelope 1.0, 0.6667: two plateaus of one hit each
    area       fsum(1.0 x 1, 0.6667 x 1) / 3 = 0.5556

A whole set is one ranked list; the images on their own are many segments, worked on at once. Weights are whole numbers,
how often each image counts: weighted hits and predictions are those of the set with the images repeated.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.options import Area
from crowdeval.points.ragged import Floats, Integers, Ragged

SAMPLES = {"coco101": 100, "voc11": 10}
"""Steps of recall between the sampled levels, of which there is one more."""


def standing(score: Floats | None, points: Ragged) -> tuple[Integers, Integers]:
    """Return for every prediction how many of its image have at least its confidence, and how many have more, (M,).

    Without confidences all are equal: each has seen all of its image and none has more.
    """
    image, offsets = points.image, points.offsets
    if score is None:
        return points.counts[image], np.zeros(len(points), dtype=np.int64)
    order = np.lexsort((-score, image))
    ranked, place = score[order], image[order]
    # Runs of equal confidence within an image; each row has seen all up to the end of its run:
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
    """Return how many predictions each hit has seen when the hits of a tie come first of it, or last.

    Parameters
    ----------
    tie : array of int, (T,)
        Which tie each hit is of; the hits of a tie lie together.
    seen, above : array of int, (T,)
        How many predictions have at least the confidence of a hit, and how many have more.
    hits_first : bool
        Whether the hits come before the other predictions of their tie.

    Examples
    --------
    Two hits in a tie of the fourth to seventh prediction:

    >>> spread_ties(np.array([0, 0]), np.array([7, 7]), np.array([3, 3]), hits_first=True).tolist()
    [4, 5]
    >>> spread_ties(np.array([0, 0]), np.array([7, 7]), np.array([3, 3]), hits_first=False).tolist()
    [6, 7]
    """
    if not len(seen):
        return seen
    starts = _starts(tie)
    length = np.diff(starts, append=len(tie))
    place = np.arange(1, len(tie) + 1) - np.repeat(starts, length)  # 1, 2, ... within each tie
    return above + place if hits_first else seen - np.repeat(length, length) + place


def average_precision(seen: Integers, truths: int, *, ap: Area = "area", weight: Integers | None = None) -> float:
    """Return the average precision of one ranked list; NaN where there are no true points.

    Parameters
    ----------
    seen : array of int, (T,)
        Number of predictions with at least the confidence of each true positive; not falling.
    truths : int
        Number of true points.
    ap : {"area", "step", "coco101", "voc11"}
        How the area is taken.
    weight : array of int, (T,), optional
        How often each true positive counts, at least once; then ``seen`` and ``truths`` are weighted, too.

    Examples
    --------
    Three true points; the first and third of four predictions hit:

    >>> round(average_precision(np.array([1, 3]), 3), 4)
    0.5556
    """
    if not truths or not len(seen):
        return 0.0 if truths else math.nan
    changes = np.ones(len(seen), dtype=bool)
    np.not_equal(seen[1:], seen[:-1], out=changes[:-1])
    ends = np.flatnonzero(changes)
    hits = ends + 1 if weight is None else np.cumsum(weight).take(ends)
    value = hits / (seen if len(ends) == len(seen) else seen.take(ends))
    level, below = levels(hits, truths, ap)
    if ap != "step":
        value = np.maximum.accumulate(value[::-1])[::-1]
        plateau = np.append(np.flatnonzero(value[1:] != value[:-1]), len(value) - 1)
        value, level = value.take(plateau), level.take(plateau)
    return math.fsum((value * np.diff(level, prepend=below)).tolist()) / whole(truths, ap)


def average_precisions(segment: NDArray[Any], seen: Integers, truths: Integers, *, ap: Area = "area") -> Floats:
    """Return the average precision of many ranked lists at once, the segments; NaN where one has no true points.

    Each is what ``average_precision`` gives, to the last bit.

    Parameters
    ----------
    segment : array of int, (T,)
        Segment of every true positive; not falling.
    seen : array of int, (T,)
        Number of predictions of the segment with at least the confidence of this true positive; not falling
        within a segment.
    truths : array of int, (G,)
        True points of every segment.
    ap : {"area", "step", "coco101", "voc11"}
        How the area is taken.
    """
    result = np.zeros(len(truths))
    result[truths == 0] = np.nan
    if not len(segment):
        return result
    last = np.ones(len(segment), dtype=bool)
    last[:-1] = (segment[1:] != segment[:-1]) | (seen[1:] != seen[:-1])
    ends = np.flatnonzero(last)
    place = segment[ends]
    starts = _starts(place)
    # Hits so far within the segment: the row number less the rows of the segments before.
    #   place [0, 0, 2], ends [0, 2, 4]  ->  starts [0, 2], first [0, 3]  ->  hits [1, 3, 2]
    first = np.concatenate([[0], ends[starts[1:] - 1] + 1])
    hits = ends + 1 - np.repeat(first, np.diff(starts, append=len(ends)))
    value = hits / seen[ends]
    level, below = levels(hits, truths[place], ap)
    if ap != "step":
        value = _envelope(value, place)
        plateau = np.flatnonzero(np.append((value[1:] != value[:-1]) | (place[1:] != place[:-1]), True))
        value, level, place = value[plateau], level[plateau], place[plateau]
        starts = _starts(place)
    gained = np.diff(level, prepend=below)
    gained[starts] = level[starts] - below
    terms, bounds = (value * gained).tolist(), [*starts.tolist(), len(place)]
    for n, own in enumerate(place[starts].tolist()):
        result[own] = math.fsum(terms[bounds[n] : bounds[n + 1]]) / whole(int(truths[own]), ap)
    return result


def _starts(place: NDArray[Any]) -> Integers:
    """Return where each run of equal values begins."""
    return np.flatnonzero(np.append(True, place[1:] != place[:-1]))


def levels(hits: NDArray[Any], truths: Integers | int, ap: Area) -> tuple[NDArray[Any], int]:
    """Return how far each point of the curve has come in whole steps of recall, and where the first step begins.

    A step is a hit, or a sampled recall; the sampled recall of 0 is reached by the first point.
    """
    if ap in SAMPLES:
        return hits * SAMPLES[ap] // truths, -1
    return hits, 0


def whole(truths: int, ap: Area) -> int:
    """Return the number of whole steps of recall."""
    return SAMPLES[ap] + 1 if ap in SAMPLES else truths


def _envelope(precision: Floats, segment: NDArray[Any]) -> Floats:
    """Return the largest precision from each point of a segment to its end."""
    # Ranks instead of values: shifting whole numbers apart by segment is exact, shifting floats is not.
    values, rank = np.unique(precision, return_inverse=True)
    shift = (segment[-1] - segment).astype(np.int64) * len(values)
    envelope: Floats = values[np.maximum.accumulate((rank + shift)[::-1])[::-1] - shift]
    return envelope
