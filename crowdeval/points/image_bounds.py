"""Points and the bounds of their image: which lie outside, and true points outside kept, dropped or clipped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crowdeval.errors import NeedsError
from crowdeval.options import OffImage
from crowdeval.points.ragged import Flags, Floats, Ragged
from crowdeval.points.sets import Annotations


def outside(points: Ragged, sizes: Floats) -> Flags:
    """Return which points lie outside their image, (N,); False where its size is unknown.

    Pixel i covers [i, i + 1), so that a point on the right or lower edge, x = width or y = height, lies outside.
    """
    off = np.zeros(len(points), dtype=bool)
    for axis in (0, 1):
        values, known = points.xy[:, axis], ~np.isnan(sizes).any(axis=1)
        # An unknown side is endless both ways, so that nothing lies beyond it.
        low, high = np.where(known, 0.0, -np.inf), np.where(known, sizes[:, axis], np.inf)
        off |= (values < np.repeat(low, points.counts)) | (values >= np.repeat(high, points.counts))
    return off


def beyond(points: Ragged, sizes: Floats) -> Flags:
    """Return which points lie to the right of their image's width or below its height, (N,)."""
    past = points.xy > np.repeat(sizes, points.counts, axis=0)
    return past[:, 0] | past[:, 1]  # any(axis=1) takes twenty times as long


def bounded(annotations: Annotations, off_image: OffImage) -> Annotations:
    """Return the annotations with true points outside their image kept, dropped, or clipped to the edge.

    Raises
    ------
    NeedsError
        If the size of an image is unknown and points are not simply kept.
    """
    if off_image == "keep":
        return annotations
    if annotations.sizes is None or np.isnan(annotations.sizes).any():
        raise NeedsError(f"off_image={off_image!r} needs the width and height of every image")
    if off_image == "clip":
        return replace(annotations, xy=np.clip(annotations.xy, 0, annotations.sizes[annotations.points.image]))
    return annotations.where(~outside(annotations.points, annotations.sizes))
