"""Augmenting paths in the order of the NWPU-Crowd script, for numbers that depend on *which* points are matched.

Every maximum matching has the same size, but not the same true points. The official script takes the predictions in
file order. Each one looks through its true points in ascending row order, depth first, and takes the first that is
free or whose holder finds another one. Recall by head-area level depends on that order, so this module follows it step
by step. There are two differences, which change no result: a stack replaces the recursion, and true points that a
failed search has visited are never visited again, because no later search can leave that set.
"""

from __future__ import annotations

import numpy as np

from crowdeval.matching.cardinality import GatedPairs
from crowdeval.points.ragged import Flags


def scripted_matches(pairs: GatedPairs) -> Flags:
    """Return the true points that the official order matches.

    Parameters
    ----------
    pairs : GatedPairs
        Pairs of one gate, so that the true points of each prediction are in ascending order.

    Returns
    -------
    array of bool, (N,)

    Examples
    --------
    Prediction 0 takes true point 0; it moves on to 1 when prediction 1, which reaches only 0, needs it:

    >>> starts, true = np.array([0, 3, 4]), np.array([0, 1, 2, 0])
    >>> pairs = GatedPairs(starts=starts, true=true, gate=np.zeros(4, dtype=int), truths=3)
    >>> scripted_matches(pairs).tolist()
    [True, True, False]
    """
    starts, true = pairs.starts.tolist(), pairs.true.tolist()
    holder = [-1] * pairs.truths  # prediction that a true point is matched to
    seen = [-1] * pairs.truths  # last prediction whose search visited a true point, or _DEAD
    pointer = starts[:-1]  # next pair that a prediction tries
    for prediction in range(len(pointer)):
        path = [prediction]  # predictions of the path; each waits for the one after it to give up its true point
        pointer[prediction] = starts[prediction]
        while path:
            last = path[-1]
            end, step = starts[last + 1], pointer[last]
            while step < end and (seen[true[step]] == prediction or seen[true[step]] == _DEAD):
                step += 1
            if step == end:
                path.pop()
                continue
            pointer[last] = step + 1
            target = true[step]
            seen[target] = prediction
            rival = holder[target]
            if rival < 0:
                # The end of the path: each of its predictions takes the true point that it tried last.
                #   path [2, 0] that tried the true points [4, 7], 4 held by 0  ->  2 takes 4, 0 takes the free 7
                for member in path:
                    holder[true[pointer[member] - 1]] = member
                break
            pointer[rival] = starts[rival]
            path.append(rival)
        else:  # the path is empty: the search failed
            _mark_dead(prediction, starts, true, holder, seen)
    return np.array(holder, dtype=np.int64) >= 0


_DEAD = -2
"""Mark of a true point that a failed search visited; different from every prediction and from -1 (not visited)."""


def _mark_dead(prediction: int, starts: list[int], true: list[int], holder: list[int], seen: list[int]) -> None:
    """Mark every true point that a failed search visited: none of them leads to a free one any more."""
    frontier = [prediction]
    while frontier:
        member = frontier.pop()
        for step in range(starts[member], starts[member + 1]):
            target = true[step]
            if seen[target] == prediction:
                seen[target] = _DEAD
                frontier.append(holder[target])
