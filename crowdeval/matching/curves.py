"""From true positives to precision, recall and average precision.

The curve has one point after each *distinct* confidence: equal confidences enter together, so the order within a
tie never changes a number. Points where no true positive enters leave recall as it is and lower precision; no
average precision depends on them, so the curve is kept at the true positives only.

``ap`` names the area: ``area``, the exact area under the precision envelope (precision made non-increasing from
the right); ``step``, precision times recall step without the envelope (scikit-learn's definition); ``coco101``
and ``voc11``, the mean of the envelope at 101 or 11 evenly spaced recalls. A recall reaches a level by whole numbers
(hits x 100 >= level x true points); pycocotools compares floats and can miss a level that is met exactly.

A whole set is one ranked list; the images on their own are many segments, worked on at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.options import Area
from crowdeval.points.ragged import Floats, Integers, Ragged


def seen_in_set(score: Floats | None, predictions: int, asked: Floats | int) -> Integers:
    """Return how many predictions of the set have at least each of the ``asked`` confidences.

    ``score`` holds all confidences in rising order; without confidences, ``asked`` is a number of predictions and
    each of them has seen all.
    """
    if score is None:
        return np.full(int(np.asarray(asked)), predictions, dtype=np.int64)
    return predictions - np.searchsorted(score, np.asarray(asked), side="left")


def seen_in_image(score: Floats | None, points: Ragged) -> Integers:
    """Return for every prediction how many of its image have at least its confidence, (M,)."""
    image, offsets = points.image, points.offsets
    if score is None:
        return points.counts[image]
    order = np.lexsort((-score, image))
    ranked, place = score[order], image[order]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (ranked[1:] != ranked[:-1]) | (place[1:] != place[:-1])
    ends = np.flatnonzero(last)
    run_end = np.repeat(ends, np.diff(ends, prepend=-1))
    seen = np.empty(len(order), dtype=np.int64)
    seen[order] = run_end - offsets[place] + 1
    return seen


def average_precision(seen: Integers, truths: int, *, ap: Area = "area") -> float:
    """Return the average precision of one ranked list; NaN where there are no true points.

    Parameters
    ----------
    seen : array of int, (T,)
        Number of predictions with at least the confidence of each true positive; not falling.
    truths : int
        Number of true points.
    ap : {"area", "step", "coco101", "voc11"}
        How the area is taken.

    Examples
    --------
    Three true points; the first and third of four predictions hit:

    >>> round(average_precision(np.array([1, 3]), 3), 4)
    0.5556
    """
    if not truths or not len(seen):
        return 0.0 if truths else np.nan
    changes = np.ones(len(seen), dtype=bool)
    np.not_equal(seen[1:], seen[:-1], out=changes[:-1])
    ends = np.flatnonzero(changes)
    hits = ends + 1
    precision = hits / seen.take(ends)
    if ap != "step":
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * _recall_steps(hits, truths, np.zeros(1, dtype=np.int64), ap)).sum())


def average_precisions(segment: NDArray[Any], seen: Integers, truths: Integers, *, ap: Area = "area") -> Floats:
    """Return the average precision of many ranked lists at once, the segments; NaN where one has no true points.

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
    if len(truths) == 1:  # summed like a whole set, to the last bit
        return np.array([average_precision(seen, int(truths[0]), ap=ap)])
    result = np.zeros(len(truths))
    result[truths == 0] = np.nan
    if not len(segment):
        return result
    last = np.ones(len(segment), dtype=bool)
    last[:-1] = (segment[1:] != segment[:-1]) | (seen[1:] != seen[:-1])
    ends = np.flatnonzero(last)
    place = segment[ends]
    opens = np.ones(len(ends), dtype=bool)
    opens[1:] = place[1:] != place[:-1]
    starts = np.flatnonzero(opens)
    first = np.concatenate([[0], ends[starts[1:] - 1] + 1])
    hits = ends + 1 - np.repeat(first, np.diff(starts, append=len(ends)))
    precision = hits / seen[ends]
    if ap != "step":
        precision = _envelope(precision, place)
    result[place[starts]] = np.add.reduceat(precision * _recall_steps(hits, truths[place], starts, ap), starts)
    return result


def _recall_steps(hits: Integers, truths: Integers | int, starts: Integers, ap: Area) -> Floats:
    """Return what each point of the curve weighs: its step in recall, or its share of the sampled recalls.

    ``starts`` are the first points of the segments. A sampled recall of 0 is reached by the first point.
    """
    level, below, whole = hits, 0, truths
    if ap in ("coco101", "voc11"):
        samples = 100 if ap == "coco101" else 10
        level, below, whole = hits * samples // truths, -1, samples + 1
    step = np.diff(level, prepend=below)
    step[starts] = level[starts] - below
    return step / whole


def _envelope(precision: Floats, segment: NDArray[Any]) -> Floats:
    """Return the largest precision from each point of a segment to its end."""
    # Ranks instead of values: shifting whole numbers apart by segment is exact, shifting floats is not.
    values, rank = np.unique(precision, return_inverse=True)
    shift = (segment[-1] - segment).astype(np.int64) * len(values)
    envelope: Floats = values[np.maximum.accumulate((rank + shift)[::-1])[::-1] - shift]
    return envelope
