"""How many people a model expects in an image: what a count is where no threshold decides proposal by proposal.

Eq. 4 weighs a proposal without a target by lambda1. Of proposals that look alike, let a share p be matched; the
confidence with the least loss is then c = p / (p + lambda1 (1 - p)), which for lambda1 < 1 is more than p. Solved for
p, it is the probability that a proposal is somebody's, and as every head is matched to one proposal, the sum of p over
an image is the number of heads to be expected in it. That is so of a model whose confidences are as likely as they say:
which was trained with that lambda1 to the end, with few heads that are more than an image's proposals.

The paper counts the proposals with c > 0.5. In a crowd so blurred that one cell is as likely as the next, that takes
all of them or none; the sum has no such step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def probabilities(confidences: NDArray[np.float64], lambda1: float) -> NDArray[np.float64]:
    """Return p for the confidences c, of any shape, of a model that was trained with ``lambda1`` above 0.

    >>> probabilities(np.array([0.0, 0.5, 1.0]), 0.25).tolist()
    [0.0, 0.2, 1.0]
    """
    return lambda1 * confidences / (1 - confidences + lambda1 * confidences)
