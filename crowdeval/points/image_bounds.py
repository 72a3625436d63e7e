"""Find points outside their image; keep, drop or clip true points outside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crowdeval.errors import NeedsError
from crowdeval.options import OffImage
from crowdeval.points.ragged import Flags, Floats, Ragged
from crowdeval.points.sets import Annotations


def points_outside(points: Ragged, sizes: Floats) -> Flags:
    """Return the points that lie outside their image.

    Pixel i covers [i, i + 1), so a point on the right or lower edge, x = width or y = height, lies outside.

    Parameters
    ----------
    points : Ragged
        Points of m images.
    sizes : array of float, (m, 2)
        Width and height of every image in pixels; NaN where unknown.

    Returns
    -------
    array of bool, (N,)
        False for all points of an image of unknown size.

    Examples
    --------
    >>> points = Ragged(np.array([[5.0, 5.0], [20.0, 5.0], [-1.0, 5.0]]), np.array([0, 3]))
    >>> points_outside(points, np.array([[20.0, 10.0]])).tolist()
    [False, True, True]
    """
    off = np.zeros(len(points), dtype=bool)
    for axis in (0, 1):
        values, known = points.xy[:, axis], ~np.isnan(sizes).any(axis=1)
        # An image of unknown size has no bounds: everything lies between -inf and inf.
        low, high = np.where(known, 0.0, -np.inf), np.where(known, sizes[:, axis], np.inf)
        # The bounds of each image, repeated for its points:  high [20, 30], counts [2, 1]  ->  [20, 20, 30]
        off |= (values < np.repeat(low, points.counts)) | (values >= np.repeat(high, points.counts))
    return off


def apply_off_image(annotations: Annotations, off_image: OffImage) -> Annotations:
    """Keep, drop or clip the true points outside their image.

    Parameters
    ----------
    annotations : Annotations
        The true points; the sizes of all images are needed unless all points are kept.
    off_image : {"keep", "drop", "clip"}
        ``"keep"`` changes nothing, ``"drop"`` removes points outside, ``"clip"`` moves them to the nearest edge.

    Returns
    -------
    Annotations

    Raises
    ------
    NeedsError
        If the size of an image is unknown and ``off_image`` is not ``"keep"``.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[5.0, 5.0], [25.0, 5.0]], sizes=[[20.0, 10.0]])
    >>> apply_off_image(truth, "drop").xy.tolist(), apply_off_image(truth, "clip").xy.tolist()
    ([[5.0, 5.0]], [[5.0, 5.0], [20.0, 5.0]])
    """
    if off_image == "keep":
        return annotations
    if annotations.sizes is None or np.isnan(annotations.sizes).any():
        raise NeedsError(
            f"off_image={off_image!r} needs the width and height of every image; "
            "off_image='keep' (--off-image keep) does not"
        )
    if off_image == "clip":
        return replace(annotations, xy=np.clip(annotations.xy, 0, annotations.sizes[annotations.points.image]))
    return annotations.where(~points_outside(annotations.points, annotations.sizes))
