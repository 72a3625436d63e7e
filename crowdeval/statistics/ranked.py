"""Average precision as sums over images: hits and predictions in bins of confidence, the same for two models.

The bins end at the confidences of hits. Up to 256 distinct ones the summed bins are the metric's own curve and give its
value; beyond, they end at quantiles of them, and the value moves in the fourth decimal or later. Two hits of confidence
0.9 and 0.6 and a miss of 0.7 between them, one image, one threshold::

    edges  0.9  0.6        predictions in each  1  2        hits in each  1  1
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdeval.errors import UsageError
from crowdeval.matching.curves import levels, whole
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.ranking import image_precisions
from crowdeval.options import Area
from crowdeval.points.ragged import Flags, Floats, Integers
from crowdeval.statistics.sums import Contributions, mean

BINS = 256
EXACT = 1 << 24
"""Whole numbers below are exact as float32, in whatever order they are added."""


@dataclass(frozen=True, slots=True)
class RankedList:
    """The predictions of one model: evidence, the order its images are taken in, and which hits are meant."""

    evidence: Evidence
    order: Integers
    column: str
    thresholds: tuple[float, ...]

    @property
    def complete(self) -> bool:
        """Whether evidence has all thresholds."""
        try:
            return all(self.evidence.column_at(self.column, at) >= 0 for at in self.thresholds)
        except UsageError:
            return False

    @property
    def score(self) -> Floats:
        """Confidences; all are equal where there are none."""
        score, predictions = self.evidence.score, int(self.evidence.offsets[-1])
        return np.ones(predictions) if score is None else score

    def hits(self, at: float) -> Flags:
        """Return which predictions are true positives at a threshold."""
        return self.evidence.hits(self.column, at)


def own_precisions(side: RankedList, ap: Area) -> Contributions:
    """Return the images' own average precision, the mean over the thresholds, and which images have one."""
    own = image_precisions(side.evidence, side.column, side.thresholds, ap=ap).mean(axis=0)[side.order]
    defined = ~np.isnan(own)
    return Contributions(np.stack([np.where(defined, own, 0.0), defined], axis=1), mean)


def pooled_curves(a: RankedList, b: RankedList, ap: Area) -> tuple[Contributions, Contributions]:
    """Return the contributions of images to the pooled average precision of two models, the mean over the thresholds.

    Columns are the predictions in every bin, then for each threshold the hits in every bin.
    """
    edges = _edges(np.concatenate([side.score[_any_hit(side)] for side in (a, b)]))
    truths = int(a.evidence.images["true"].sum())
    most = max(int(side.evidence.offsets[-1]) for side in (a, b))
    kind = np.float32 if 2 * most < EXACT else np.float64

    def statistic(sums: Floats) -> Floats:
        binned = sums.reshape(len(sums), len(a.thresholds) + 1, len(edges))
        return _average_precision(np.cumsum(binned, axis=2), truths, ap)

    return Contributions(_binned(a, edges, kind), statistic), Contributions(_binned(b, edges, kind), statistic)


def _any_hit(side: RankedList) -> Flags:
    found = np.zeros(int(side.evidence.offsets[-1]), dtype=bool)
    for at in side.thresholds:
        found |= side.hits(at)
    return found


def _edges(confidences: Floats) -> Floats:
    """Return the confidences at which bins end, falling."""
    distinct = np.unique(confidences)
    if len(distinct) > BINS:
        rising = np.sort(confidences)
        distinct = np.unique(rising[np.linspace(0, len(rising) - 1, BINS).round().astype(np.int64)])
    falling: Floats = distinct[::-1]
    return falling


def _binned(side: RankedList, edges: Floats, kind: type[np.floating]) -> Floats:
    """Return predictions and hits of every image in every bin, (m, (T + 1) x B)."""
    evidence, bins, images = side.evidence, len(edges), len(side.evidence)
    place = np.empty(images, dtype=np.int64)
    place[side.order] = np.arange(images)
    # The first bin whose edge is not above the confidence; what is below all edges is behind every hit.
    own = np.searchsorted(-edges, -side.score, side="left")
    image = np.repeat(place, evidence.counts)
    seen = own < bins
    columns = np.empty((images, len(side.thresholds) + 1, bins), dtype=kind)
    for n, flags in enumerate([seen, *(seen & side.hits(at) for at in side.thresholds)]):
        columns[:, n] = np.bincount(image[flags] * bins + own[flags], minlength=images * bins).reshape(images, bins)
    return columns.reshape(images, -1)


def _average_precision(curves: Floats, truths: int, ap: Area) -> Floats:
    """Return average precision, the mean over thresholds, of cumulative predictions and hits, (r, T + 1, B)."""
    seen, hits = curves[:, :1], curves[:, 1:]
    if not truths or not curves.shape[2]:
        return np.full(len(curves), 0.0 if truths else np.nan)
    value = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    if ap != "step":
        value = np.maximum.accumulate(value[:, :, ::-1], axis=2)[:, :, ::-1]
    level, below = levels(hits, truths, ap)
    level = np.where(hits == 0, below, level)  # before the first hit there is no point, not even at recall 0
    area = (value * np.diff(level, prepend=below, axis=2)).sum(axis=2) / whole(truths, ap)
    average: Floats = area.mean(axis=1)
    return average
