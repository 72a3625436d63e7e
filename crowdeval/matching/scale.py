"""The scale of a true point: d_k, the mean distance to its k nearest neighbours; radii and levels of head boxes.

d_k is defined in the paper, sec. 3.2. Neighbours are the *other* true points of the same image; coincident points are
neighbours at distance 0. With fewer than k other points, d_k is the mean over those that exist (``few:mean``). The
option ``lone`` gives the scale of a point without neighbours: infinite (every pixel's nearest person is that point),
the image diagonal, or a length in pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from crowdeval.errors import NeedsError, UsageError
from crowdeval.matching.neighbours import PointTree, block_size, separation
from crowdeval.options import PAPER_K, Lone
from crowdeval.points.labels import number_text
from crowdeval.points.ragged import Floats, Indices, Integers, Ragged, as_points, offsets_of
from crowdeval.points.sets import Annotations


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
    """Return d_k of every true point of a dataset.

    Parameters
    ----------
    points : Ragged
        True points (N, 2) of m images.
    k : int
        Number of neighbours.
    lone : str
        Scale of a point that is alone in its image: ``"inf"``, ``"diagonal"`` or a number of pixels.
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels, needed for ``lone="diagonal"``.
    tree : PointTree, optional
        The tree over the same points, if there is one.

    Returns
    -------
    array of float, (N,)
        Scale in pixels.

    Raises
    ------
    UsageError
        If k is less than 1, or ``lone`` is not valid.
    NeedsError
        If ``lone="diagonal"`` needs the size of an image that is not given.

    Examples
    --------
    >>> points = Ragged(np.array([[0.0, 0.0], [3.0, 4.0], [9.0, 9.0]]), np.array([0, 2, 3]))
    >>> knn_scales(points, k=3).tolist()
    [5.0, 5.0, inf]
    """
    if k < 1:
        raise UsageError(f"k: expected at least 1 neighbour, found {k}")
    others = points.counts - 1  # neighbours of each point of an image
    k = min(k, max(1, int(others.max(initial=1))))
    xy, image = points.xy, points.image
    tree = PointTree(points) if tree is None else tree
    scale = np.empty(len(xy))
    wide = min(k, int(others.max(initial=0))) + 1
    step = block_size(len(xy), wide)
    for start in range(0, len(xy), step):
        rows = tree.order[start : start + step]
        block = xy.take(rows, axis=0)
        _, neighbours = tree.nearest(block, image[rows], wide)
        # The nearest of all is the point itself or one on top of it, at distance 0 in both cases: leave it out once.
        total = _total_distance(block, xy, neighbours[:, 1:])
        # Divide by the neighbours that exist, at most k; 1 for a lone point, whose scale is replaced below.
        scale[rows] = total / np.maximum(np.minimum(others[image[rows]], k), 1)
    alone = others[image] == 0
    scale[alone] = _lone_scale(lone, sizes, image[alone])
    return scale


def box_radii(boxes: Floats) -> Floats:
    """Return sigma_s and sigma_l of head boxes (NWPU-Crowd).

    Parameters
    ----------
    boxes : array of float, (N, 4)
        x1, y1, x2, y2 in pixels; the corners may be in either order.

    Returns
    -------
    array of float, (N, 2)
        sigma_s and sigma_l in pixels.

    Notes
    -----
    sigma_s = min(w, h) / 2, sigma_l = sqrt(w^2 + h^2) / 2. The sum is not divided before its square root is taken, so
    that a prediction at the corner of a box is exactly sigma_l away from its centre. Source: Wang et al., NWPU-Crowd,
    TPAMI 2020.

    Examples
    --------
    >>> box_radii(np.array([[10.0, 10.0, 16.0, 18.0]])).tolist()
    [[3.0, 5.0]]
    """
    width, height = np.abs(boxes[:, 2] - boxes[:, 0]), np.abs(boxes[:, 3] - boxes[:, 1])
    return np.column_stack([np.minimum(width, height) / 2, np.sqrt(width**2 + height**2) / 2])


def box_levels(boxes: Floats) -> Integers:
    """Return the head-area level of head boxes (NWPU-Crowd): 0 below 10 square pixels, 5 from 1e5 on.

    Parameters
    ----------
    boxes : array of float, (N, 4)
        x1, y1, x2, y2 in pixels; the corners may be in either order.

    Returns
    -------
    array of int64, (N,)
        0..5: the number of the bounds 10, 100, 1e3, 1e4, 1e5 that are not larger than the area.

    Examples
    --------
    >>> box_levels(np.array([[0.0, 0.0, 3.0, 3.0], [0.0, 0.0, 10.0, 10.0]])).tolist()  # areas 9 and 100
    [0, 2]
    """
    area = np.abs((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    levels: Integers = np.searchsorted([1e1, 1e2, 1e3, 1e4, 1e5], area, side="right")
    return levels


def odd_radii(annotations: Annotations) -> str:
    """Return a text that names the points with a negative radius or sigma_s above sigma_l.

    Parameters
    ----------
    annotations : Annotations
        The true points.

    Returns
    -------
    str
        Empty if there are no such points, or no radii.

    Examples
    --------
    >>> from crowdeval import Annotations
    >>> odd_radii(Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1, 2]], radii=[[4, 1]]))
    "other radii are at point 1 of image 'a' (4 1)"
    """
    radii = annotations.radii
    if radii is None:
        return ""
    rows = np.flatnonzero((radii[:, 0] > radii[:, 1]) | (radii < 0).any(axis=1))
    image = annotations.points.image[rows]
    names = [
        f"point {row - annotations.offsets[i] + 1} of image {annotations.image_ids[i]!r} "
        f"({number_text(radii[row, 0])} {number_text(radii[row, 1])})"
        for row, i in zip(rows[:3].tolist(), image[:3].tolist(), strict=True)
    ]
    further = f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
    return f"other radii are at {', '.join(names)}{further}" if names else ""


def lone_length(lone: Lone) -> float:
    """Return the scale that the option ``lone`` gives to a point without neighbours.

    Parameters
    ----------
    lone : str
        ``"inf"``, ``"diagonal"`` or a number of pixels.

    Returns
    -------
    float
        Scale in pixels; NaN for ``"diagonal"``, which depends on the image.

    Raises
    ------
    UsageError
        If ``lone`` is none of them.

    Examples
    --------
    >>> lone_length("12.5"), lone_length("inf")
    (12.5, inf)
    """
    if lone in ("inf", "diagonal"):
        return np.inf if lone == "inf" else np.nan
    try:
        length = float(lone)
    except ValueError:
        length = np.nan
    if not 0 < length < np.inf:
        raise UsageError(f"lone: expected 'inf', 'diagonal' or a positive number of pixels, found {lone!r}")
    return length


def _total_distance(points: Floats, xy: Floats, neighbours: Integers) -> Floats:
    """Return the sum of the distances from every point to its neighbours, rows of ``xy``; row ``len(xy)`` is none."""
    total = np.zeros(len(points))
    # Column by column, so that the sum of each point is added from the nearest neighbour to the farthest.
    for column in neighbours.T:
        distance = separation(points, xy.take(column, axis=0, mode="clip"))
        distance[column == len(xy)] = 0.0
        total += distance
    return total


def _lone_scale(lone: Lone, sizes: Floats | None, image: Indices) -> Floats | float:
    """Return the scale of points without neighbours, of which ``image`` are the images."""
    if lone != "diagonal":
        return lone_length(lone)
    if not len(image):
        return np.inf
    if sizes is None or np.isnan(sizes[image]).any():
        raise NeedsError(
            "lone='diagonal' needs the width and height of every image with a single true point; "
            "the annotations do not give them; lone='inf' (--lone inf) does not need them"
        )
    diagonal: Floats = np.hypot(sizes[image, 0], sizes[image, 1])
    return diagonal
