"""The expected number of people in an image: a count from all confidences, without a threshold for each proposal.

Eq. 4 weights a proposal without a target by lambda1. Take proposals that look alike, of which a share p is matched. The
confidence with the least loss for them is c = p / (p + lambda1 (1 - p)), which is more than p for lambda1 < 1. Solved
for p, this gives the probability that a proposal is matched. Every head is matched to one proposal, so that the sum of
p over an image is the expected number of heads in it.

This needs calibrated confidences: the model was trained to the end with that lambda1, and few images had more heads
than proposals.

The paper counts the proposals with c > 0.5. In a crowd so blurred that all cells are equally likely, this counts all of
the proposals or none; the sum has no such step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def probabilities(confidences: NDArray[np.float64], lambda1: float) -> NDArray[np.float64]:
    """Return the probability that a proposal is matched, from its confidence.

    Parameters
    ----------
    confidences : array of float64, any shape
        c, from 0 to 1.
    lambda1 : float
        The weight of unmatched proposals in the training of the model, above 0.

    Returns
    -------
    array of float64, same shape
        p = lambda1 c / (1 - c + lambda1 c).

    Examples
    --------
    >>> probabilities(np.array([0.0, 0.5, 1.0]), 0.25).tolist()
    [0.0, 0.2, 1.0]
    """
    return lambda1 * confidences / (1 - confidences + lambda1 * confidences)
