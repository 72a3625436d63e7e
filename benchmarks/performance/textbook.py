"""The textbook loop: nAP as evaluation scripts compute it, an image, a delta and a prediction at a time.

Distances from a prediction to all true points of its image are one NumPy expression; the loop over predictions in
falling confidence is Python. ``shared=True`` is kinder than the scripts: distances are computed once for all deltas.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def image_flags(points: Floats, scores: Floats, truths: Floats, deltas: tuple[float, ...], *, shared: bool) -> Flags:
    """Return which predictions of one image are true positives at each delta, (D, M)."""
    flags = np.zeros((len(deltas), len(points)), dtype=bool)
    if not len(truths):
        return flags
    scale, order = _scale(truths), np.argsort(-scores, kind="stable")
    if shared:
        _match(points, order, truths, scale, deltas, flags)
    else:
        for d, delta in enumerate(deltas):
            _match(points, order, truths, scale, (delta,), flags[d : d + 1])
    return flags


def average_precision(flags: Flags, scores: Floats, truths: int) -> float:
    """Return the area under the precision envelope of one ranked list with distinct confidences."""
    hit = flags[np.argsort(-scores, kind="stable")]
    hits = np.cumsum(hit)
    precision = hits / np.arange(1, len(hit) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(envelope[hit].sum() / truths)


def _match(
    points: Floats, order: NDArray[np.int64], truths: Floats, scale: Floats, deltas: tuple[float, ...], flags: Flags
) -> None:
    free = np.ones((len(deltas), len(truths)), dtype=bool)
    for j in order:
        ratio = np.linalg.norm(truths - points[j], axis=1) / scale
        for d, delta in enumerate(deltas):
            within = np.flatnonzero((ratio < delta) & free[d])
            if len(within):
                free[d, within[np.argmin(ratio[within])]] = False
                flags[d, j] = True


def _scale(truths: Floats, k: int = 3) -> Floats:
    """Return the mean distance to the k nearest other true points."""
    if len(truths) == 1:
        return np.array([np.inf])
    distance, _ = cKDTree(truths).query(truths, k=min(k + 1, len(truths)))
    return distance[:, 1:].mean(axis=1)
