"""Augmenting paths in the order of the NWPU-Crowd script, for numbers that depend on *who* is matched.

How many true points a maximum matching covers is one number; which ones is not. The official script takes the
predictions in file order; each looks through its true points in ascending row order, depth first, and takes the
first that is free or whose holder finds another. Recall by head-area level depends on that order, so this module
follows it step by step - with a stack in place of recursion, over sparse rows, and without ever returning to points
that a failed search has visited: no later search can leave that set, so the outcome is the same.
"""

from __future__ import annotations

import numpy as np

from crowdeval.matching.cardinality import GatedPairs
from crowdeval.points.ragged import Flags


def scripted_matches(pairs: GatedPairs) -> Flags:
    """Return which true points the official order matches, (N,).

    Parameters
    ----------
    pairs : GatedPairs
        Pairs of one gate, so that each prediction's true points stand in ascending order.
    """
    starts, true = pairs.starts.tolist(), pairs.true.tolist()
    holder = [-1] * pairs.truths
    seen = [-1] * pairs.truths
    pointer = starts[:-1]
    for prediction in range(len(pointer)):
        path = [prediction]
        pointer[prediction] = starts[prediction]
        while path:
            last = path[-1]
            end, step = starts[last + 1], pointer[last]
            while step < end and (seen[true[step]] == prediction or seen[true[step]] == DEAD):
                step += 1
            if step == end:
                path.pop()
                continue
            pointer[last] = step + 1
            wanted = true[step]
            seen[wanted] = prediction
            rival = holder[wanted]
            if rival < 0:
                for member in path:
                    holder[true[pointer[member] - 1]] = member
                break
            pointer[rival] = starts[rival]
            path.append(rival)
        else:
            _bury(prediction, starts, true, holder, seen)
    return np.array(holder, dtype=np.int64) >= 0


DEAD = -2


def _bury(prediction: int, starts: list[int], true: list[int], holder: list[int], seen: list[int]) -> None:
    """Mark every true point that a failed search visited: none of them leads to a free one any more."""
    frontier = [prediction]
    while frontier:
        member = frontier.pop()
        for step in range(starts[member], starts[member + 1]):
            wanted = true[step]
            if seen[wanted] == prediction:
                seen[wanted] = DEAD
                frontier.append(holder[wanted])
