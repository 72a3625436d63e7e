"""From boxes to points: corners, the point of a box, and non-maximum suppression."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import UsageError
from crowdeval.points.ragged import Floats

BoxForm = Literal["xyxy", "xywh", "cxcywh"]
"""Two corners; the first corner, width and height; the centre, width and height."""


def corners(boxes: Floats, form: BoxForm) -> Floats:
    """Return boxes of any form by their corners.

    Parameters
    ----------
    boxes : array of float64, (N, 4)
        Boxes in pixels.
    form : {"xyxy", "xywh", "cxcywh"}
        The meaning of their four numbers.

    Returns
    -------
    array of float64, (N, 4)
        x1, y1, x2, y2.

    Examples
    --------
    >>> corners(np.array([[5.0, 5.0, 2.0, 4.0]]), "cxcywh").tolist()
    [[4.0, 3.0, 6.0, 7.0]]
    """
    if form == "xyxy":
        return boxes
    first = boxes[:, :2] if form == "xywh" else boxes[:, :2] - boxes[:, 2:] / 2
    return np.concatenate([first, first + boxes[:, 2:]], axis=1)


def box_points(boxes: Floats, down: float) -> Floats:
    """Return one point for each box.

    Parameters
    ----------
    boxes : array of float64, (N, 4)
        x1, y1, x2, y2 in pixels.
    down : float
        Distance of the point from the upper edge as a share of the height: 0.5 is the centre.

    Returns
    -------
    array of float64, (N, 2)
        x in the middle of the box, and y.

    Examples
    --------
    >>> box_points(np.array([[0.0, 0.0, 4.0, 12.0]]), 0.25).tolist()
    [[2.0, 3.0]]
    """
    x = (boxes[:, 0] + boxes[:, 2]) / 2
    y = boxes[:, 1] + down * (boxes[:, 3] - boxes[:, 1])
    return np.stack([x, y], axis=1)


def as_share(option: str, value: float) -> float:
    """Return the value of an option that has to be a number from 0 to 1.

    Parameters
    ----------
    option : str
        The option, for the message.
    value : float
        Its value.

    Returns
    -------
    float
        The value.

    Raises
    ------
    UsageError
        If the value is below 0, above 1 or NaN.

    Examples
    --------
    >>> as_share("nms", 0.3)
    0.3
    """
    if not 0 <= value <= 1:
        raise UsageError(f"-o {option}={value}: expected a number from 0 to 1")
    return value


def suppress_overlaps(boxes: Floats, score: Floats, overlap: float) -> NDArray[np.int64]:
    """Return the boxes that greedy non-maximum suppression keeps.

    A box is removed if its intersection over union with a kept box of higher score is more than ``overlap``. Of two
    boxes with equal scores, the one with the smaller index counts as the higher.

    Parameters
    ----------
    boxes : array of float64, (N, 4)
        x1, y1, x2, y2 in pixels.
    score : array of float64, (N,)
        Confidences.
    overlap : float
        The largest intersection over union of two boxes that are both kept.

    Returns
    -------
    array of int64, (K,)
        Indices of the kept boxes, by descending score.

    Examples
    --------
    >>> boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [20, 0, 29, 9.0]])
    >>> suppress_overlaps(boxes, np.array([0.5, 0.9, 0.1]), 0.3).tolist()
    [1, 2]
    """
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    # A stable sort keeps the order of boxes with equal scores: scores [0.5, 0.9, 0.9] -> remaining [1, 2, 0].
    remaining = np.argsort(-score, kind="stable")
    kept: list[int] = []
    while len(remaining):
        best, rest = remaining[0], remaining[1:]
        kept.append(int(best))
        low, high = np.maximum(boxes[best, :2], boxes[rest, :2]), np.minimum(boxes[best, 2:], boxes[rest, 2:])
        intersection = np.prod(np.maximum(high - low, 0), axis=1)
        # intersection / union <= overlap, without a division: two boxes of no area would divide by zero
        remaining = rest[intersection <= overlap * (area[best] + area[rest] - intersection)]
    return np.array(kept, dtype=np.int64)
