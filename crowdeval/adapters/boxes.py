"""Boxes to points: the corners, the point that stands for a box, and which boxes outlive their neighbours."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import UsageError
from crowdeval.points.ragged import Floats

BoxForm = Literal["xyxy", "xywh", "cxcywh"]
"""Two corners; the first corner, width and height; the centre, width and height."""


def corners(boxes: Floats, form: BoxForm) -> Floats:
    """Return boxes (N, 4) of any form as x1, y1, x2, y2.

    >>> corners(np.array([[5.0, 5.0, 2.0, 4.0]]), "cxcywh").tolist()
    [[4.0, 3.0, 6.0, 7.0]]
    """
    if form == "xyxy":
        return boxes
    first = boxes[:, :2] if form == "xywh" else boxes[:, :2] - boxes[:, 2:] / 2
    return np.concatenate([first, first + boxes[:, 2:]], axis=1)


def points_in(boxes: Floats, down: float) -> Floats:
    """Return the point (N, 2) of every box x1, y1, x2, y2: the middle across, the share ``down`` of its height down.

    >>> points_in(np.array([[0.0, 0.0, 4.0, 12.0]]), 0.25).tolist()
    [[2.0, 3.0]]
    """
    x = (boxes[:, 0] + boxes[:, 2]) / 2
    y = boxes[:, 1] + down * (boxes[:, 3] - boxes[:, 1])
    return np.stack([x, y], axis=1)


def as_share(option: str, value: float) -> float:
    """Return an option's value if it is from 0 to 1; raise UsageError where it is not."""
    if not 0 <= value <= 1:
        raise UsageError(f"-o {option}={value}: expected a number from 0 to 1")
    return value


def survivors(boxes: Floats, score: Floats, overlap: float) -> NDArray[np.int64]:
    """Return the boxes that non-maximum suppression keeps, the most confident first.

    A box x1, y1, x2, y2 falls to a more confident one that stays, if the intersection of the two over their union is
    more than ``overlap``; of equally confident ones the earlier stays.

    >>> survivors(np.array([[0, 0, 9, 9], [0, 0, 9, 8], [20, 0, 29, 9.0]]), np.array([0.5, 0.9, 0.1]), 0.3).tolist()
    [1, 2]
    """
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    left = np.argsort(-score, kind="stable")
    kept: list[int] = []
    while len(left):
        best, rest = left[0], left[1:]
        kept.append(int(best))
        low, high = np.maximum(boxes[best, :2], boxes[rest, :2]), np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        left = rest[shared <= overlap * (area[best] + area[rest] - shared)]
    return np.array(kept, dtype=np.int64)
