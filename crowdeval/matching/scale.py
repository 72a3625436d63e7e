"""The scale of a true point: d_k, the mean distance to its k nearest neighbours; radii and levels of head boxes.

d_k is defined in the paper, sec. 3.2. Neighbours are the *other* true points of the same image; coincident points are
neighbours at distance 0. With fewer than k other points it is the mean over those there are (``few:mean``). A point
without any neighbour is ruled by ``lone``: infinite scale (every pixel's nearest person is that point), the image
diagonal, or a length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from crowdeval.errors import NeedsError, UsageError
from crowdeval.matching.neighbours import PointTree, block_size, separation
from crowdeval.options import PAPER_K, Lone
from crowdeval.points.ragged import Floats, Indices, Integers, Ragged, as_points, offsets_of


def knn_scale(points: ArrayLike, *, k: int = PAPER_K) -> Floats:
    """Return d_k of every true point of one image.

    Parameters
    ----------
    points : array of float, (N, 2)
        True points in pixels.
    k : int
        Number of neighbours; the paper uses 3.

    Returns
    -------
    array of float, (N,)
        Mean distance in pixels to the k nearest other points (to all others where there are fewer than k); inf
        for a point that is alone.

    Raises
    ------
    InputError
        If ``points`` is not (N, 2) or not finite.

    Notes
    -----
    Source: Song et al., ICCV 2021, sec. 3.2, eq. 1 (d_kNN).

    Examples
    --------
    >>> knn_scale([[0, 0], [3, 0], [0, 4]], k=2).tolist()
    [3.5, 4.0, 4.5]
    """
    xy = as_points("points", points)
    return knn_scales(Ragged(xy, offsets_of([len(xy)])), k=k)


def knn_scales(
    points: Ragged,
    *,
    k: int = PAPER_K,
    lone: Lone = "inf",
    sizes: Floats | None = None,
    tree: PointTree | None = None,
) -> Floats:
    """Return d_k of every true point of a dataset, (N,).

    ``sizes`` (m, 2) are needed for ``lone="diagonal"``; ``tree`` is the tree over the same points, if there is one.
    """
    if k < 1:
        raise UsageError(f"k: expected at least 1 neighbour, found {k}")
    others = points.counts - 1
    k = min(k, max(1, int(others.max(initial=1))))
    xy, image = points.xy, points.image
    tree = PointTree(points) if tree is None else tree
    scale = np.empty(len(xy))
    wide = min(k, int(others.max(initial=0))) + 1
    step = block_size(len(xy), wide)
    for start in range(0, len(xy), step):
        rows = tree.order[start : start + step]
        own = xy.take(rows, axis=0)
        _, found = tree.near(own, image[rows], wide)
        # The nearest of all is the point itself or one on top of it: distance 0 either way, left out once.
        total = _total_distance(own, xy, found[:, 1:])
        scale[rows] = total / np.maximum(np.minimum(others[image[rows]], k), 1)
    alone = others[image] == 0
    scale[alone] = _lone_scale(lone, sizes, image[alone])
    return scale


def box_radii(boxes: Floats) -> Floats:
    """Return sigma_s and sigma_l of head boxes (NWPU-Crowd), (N, 2).

    Parameters
    ----------
    boxes : array of float, (N, 4)
        x1, y1, x2, y2 in pixels.

    Notes
    -----
    sigma_s = min(w, h) / 2, sigma_l = sqrt(w^2 + h^2) / 2, with the square root taken of the sum as it stands: a
    prediction at the corner of a box is then exactly sigma_l away from its centre. The corners may be given in either
    order. Source: Wang et al., NWPU-Crowd, TPAMI 2020.

    Examples
    --------
    >>> box_radii(np.array([[10.0, 10.0, 16.0, 18.0]])).tolist()
    [[3.0, 5.0]]
    """
    width, height = np.abs(boxes[:, 2] - boxes[:, 0]), np.abs(boxes[:, 3] - boxes[:, 1])
    return np.column_stack([np.minimum(width, height) / 2, np.sqrt(width**2 + height**2) / 2])


def box_levels(boxes: Floats) -> Integers:
    """Return the head-area level of boxes (NWPU-Crowd), (N,): 0 below 10 square pixels, 5 from 1e5 on."""
    area = np.abs((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    levels: Integers = np.searchsorted([1e1, 1e2, 1e3, 1e4, 1e5], area, side="right")
    return levels


def lone_length(lone: Lone) -> float:
    """Return the scale that ``lone`` gives in pixels; NaN for ``"diagonal"``, which depends on the image."""
    if lone in ("inf", "diagonal"):
        return np.inf if lone == "inf" else np.nan
    try:
        length = float(lone)
    except ValueError:
        length = np.nan
    if not 0 < length < np.inf:
        raise UsageError(f"lone: expected 'inf', 'diagonal' or a positive number of pixels, found {lone!r}")
    return length


def _total_distance(points: Floats, xy: Floats, found: Integers) -> Floats:
    """Return the sum of the distances from every point to the rows of ``xy`` found for it; ``len(xy)`` is none."""
    total = np.zeros(len(points))
    for column in found.T:
        distance = separation(points, xy.take(column, axis=0, mode="clip"))
        distance[column == len(xy)] = 0.0
        total += distance
    return total


def _lone_scale(lone: Lone, sizes: Floats | None, image: Indices) -> Floats | float:
    if lone != "diagonal":
        return lone_length(lone)
    if not len(image):
        return np.inf
    if sizes is None or np.isnan(sizes[image]).any():
        raise NeedsError(
            "lone='diagonal' needs the width and height of every image with a single true point; "
            "the annotations do not give them"
        )
    diagonal: Floats = np.hypot(sizes[image, 0], sizes[image, 1])
    return diagonal
