"""From true positives to precision, recall and average precision.

The curve has one point after each *distinct* confidence: equal confidences enter together, so the order within a
tie never changes a number. Points where no true positive enters leave recall as it is and lower precision; no
average precision depends on them, so the curve is kept at the true positives only.

``ap`` names the area: ``area``, the exact area under the precision envelope (precision made non-increasing from
the right); ``step``, precision times recall step without the envelope (scikit-learn's definition); ``coco101``
and ``voc11``, the mean of the envelope at 101 or 11 evenly spaced recalls. A recall reaches a level by whole numbers
(hits x 100 >= level x true points); pycocotools compares floats and can miss a level that is met exactly.

Every function works on many segments (images) at once; a whole set is one segment.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from crowdeval.arrays import Floats, Integers, image_of_rows

Area = Literal["area", "step", "coco101", "voc11"]
AREAS: tuple[Area, ...] = ("area", "step", "coco101", "voc11")


def seen_in_set(score: Floats | None, predictions: int, asked: Floats | int) -> Integers:
    """Return how many predictions of the set have at least each of the ``asked`` confidences.

    ``score`` holds all confidences in rising order; without confidences, ``asked`` is a number of predictions and
    each of them has seen all.
    """
    if score is None:
        return np.full(int(np.asarray(asked)), predictions, dtype=np.int64)
    return predictions - np.searchsorted(score, np.asarray(asked), side="left")


def seen_in_image(score: Floats | None, offsets: Integers) -> Integers:
    """Return for every prediction how many of its image have at least its confidence, (M,)."""
    image = image_of_rows(offsets)
    if score is None:
        return np.diff(offsets)[image]
    order = np.lexsort((-score, image))
    ranked, place = score[order], image[order]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (ranked[1:] != ranked[:-1]) | (place[1:] != place[:-1])
    ends = np.flatnonzero(last)
    run_end = np.repeat(ends, np.diff(ends, prepend=-1))
    seen = np.empty(len(order), dtype=np.int64)
    seen[order] = run_end - offsets[place] + 1
    return seen


def average_precision(segment: NDArray[Any], seen: Integers, truths: Integers, *, ap: Area = "area") -> Floats:
    """Return the average precision of every segment, NaN where it has no true points.

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

    Examples
    --------
    Three true points; the first and third of four predictions hit:

    >>> one = np.zeros(2, dtype=int)
    >>> average_precision(one, np.array([1, 3]), np.array([3])).round(4).tolist()
    [0.5556]
    """
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
    hits = ends + 1 - (np.repeat(first, np.diff(starts, append=len(ends))) if len(starts) > 1 else 0)
    previous = np.where(opens, 0, np.concatenate([[0], hits[:-1]]))
    precision = hits / seen[ends]
    total = truths[place]
    if ap == "step":
        terms = precision * ((hits - previous) / total)
    elif ap == "area":
        terms = _envelope(precision, place) * ((hits - previous) / total)
    else:
        steps = 100 if ap == "coco101" else 10
        reached = hits * steps // total - np.where(opens, -1, previous * steps // total)
        terms = _envelope(precision, place) * (reached / (steps + 1))
    if len(truths) == 1:
        result[0] = terms.sum()
    else:
        result[place[starts]] = np.add.reduceat(terms, starts)
    return result


def _envelope(precision: Floats, segment: NDArray[Any]) -> Floats:
    """Return the largest precision from each point of a segment to its end."""
    if segment[0] == segment[-1]:
        return np.maximum.accumulate(precision[::-1])[::-1]
    # Ranks instead of values: shifting whole numbers apart by segment is exact, shifting floats is not.
    values, rank = np.unique(precision, return_inverse=True)
    shift = (segment[-1] - segment).astype(np.int64) * len(values)
    envelope: Floats = values[np.maximum.accumulate((rank + shift)[::-1])[::-1] - shift]
    return envelope
