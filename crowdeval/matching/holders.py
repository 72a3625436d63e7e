"""Which prediction holds each true point at one delta: the pairs behind the true positives of nAP."""

from __future__ import annotations

import numpy as np

from crowdeval.matching.batching import groups_within
from crowdeval.matching.sequential import candidates, sequential_holders
from crowdeval.points.ragged import Flags, Floats, Integers, Ragged


def holders_of(
    predicted: Ragged, score: Floats | None, true: Ragged, scale: Floats, *, delta: float, k: int
) -> Integers:
    """Return the prediction that holds each true point after sequential matching.

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images, in pixels.
    score : array of float, (M,), or None
        Confidences; None where all are equal.
    true : Ragged
        True points (N, 2) of the same images.
    scale : array of float, (N,)
        d_k of every true point in pixels; with ``k`` of 0 any radius.
    delta : float
        Threshold on the normalised distance.
    k : int
        The k of ``scale``; with 0 pairs are searched by radius.

    Returns
    -------
    array of int, (N,)
        Row of the prediction; -1 for a true point that is missed.

    Examples
    --------
    >>> predicted = Ragged(np.array([[0.0, 2.0], [0.0, 1.0]]), np.array([0, 2]))
    >>> true = Ragged(np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([0, 2]))
    >>> holders_of(predicted, np.array([0.8, 0.9]), true, np.array([10.0, 10.0]), delta=0.5, k=1).tolist()
    [1, -1]
    """
    holders = np.full(len(true), -1, dtype=np.int64)
    search = k if delta <= 0.5 else 0
    for images in groups_within(predicted, true, delta * scale, search):
        rows, people = predicted.rows(images), true.rows(images)
        confidence = None if score is None else score[rows]
        table = candidates(predicted.take(images), confidence, true.take(images), scale[people], delta=delta, k=search)
        held = sequential_holders(table, delta)
        # ``rows`` of the group lead back to the rows of the set; the last place, -1, is for a free true point.
        holders[people] = np.append(rows[table.prediction], -1)[held]
    return holders


def near_people(predicted: Ragged, true: Ragged, scale: Floats, *, delta: float, k: int) -> Flags:
    """Return which predictions are strictly within delta of a true point, whoever holds it.

    Parameters
    ----------
    predicted, true, scale, delta, k
        As for ``holders_of``.

    Returns
    -------
    array of bool, (M,)

    Examples
    --------
    >>> predicted = Ragged(np.array([[0.0, 2.0], [0.0, 9.0]]), np.array([0, 2]))
    >>> true = Ragged(np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([0, 2]))
    >>> near_people(predicted, true, np.array([10.0, 10.0]), delta=0.5, k=1).tolist()
    [True, False]
    """
    near = np.zeros(len(predicted), dtype=bool)
    search = k if delta <= 0.5 else 0
    for images in groups_within(predicted, true, delta * scale, search):
        rows, own = predicted.rows(images), scale[true.rows(images)]
        table = candidates(predicted.take(images), None, true.take(images), own, delta=delta, k=search)
        near[rows[table.prediction]] = True
    return near
