"""Average precision as sums over images: hits and predictions in bins of confidence, with the same bins for two models.

Each bin ends at the confidence of a hit. With up to 256 distinct confidences of hits, the sums of the bins are the
curve of the metric, and give its value. With more, the bins end at quantiles of these confidences, and the sums give
the value approximately; the exact value is kept beside them. One image and one threshold, hits with the confidences 0.9
and 0.6, and a false positive with 0.7 between them::

    edges  0.9  0.6        predictions in each bin  1  2        hits in each bin  1  1
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdeval.errors import UsageError
from crowdeval.matching.curves import recall_steps, total_recall_steps
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.ranking import image_precisions, precisions
from crowdeval.metrics.sums import mean as mean_of
from crowdeval.options import Area
from crowdeval.points.ragged import Flags, Floats, Integers
from crowdeval.statistics.sums import Contributions, mean

BINS = 256
"""Maximum number of bins."""

EXACT = 1 << 24
"""Whole numbers below this are exact as float32, in whatever order they are added."""


@dataclass(frozen=True, slots=True)
class RankedList:
    """The predictions of one model, as a ranked list at several thresholds.

    Attributes
    ----------
    evidence : Evidence
        The hits and confidences of the model.
    order : array of int, (m,)
        The images in the order in which contributions are returned.
    column : str
        Name of the column of hits: ``"delta"`` or ``"radius"``.
    thresholds : tuple of float
        Normalised distances, or pixels.
    """

    evidence: Evidence
    order: Integers
    column: str
    thresholds: tuple[float, ...]

    @property
    def complete(self) -> bool:
        """Whether the evidence has all thresholds."""
        try:
            return all(self.evidence.column_at(self.column, at) >= 0 for at in self.thresholds)
        except UsageError:
            return False

    @property
    def score(self) -> Floats:
        """Confidences, (M,); all 1 if the predictions have none."""
        score, predictions = self.evidence.score, int(self.evidence.offsets[-1])
        return np.ones(predictions) if score is None else score

    def hits(self, at: float) -> Flags:
        """Return which predictions are true positives at a threshold, (M,)."""
        return self.evidence.hits(self.column, at)


def own_precisions(side: RankedList, ap: Area) -> Contributions:
    """Return the contributions of images to the mean of their own average precision (``pool:image``).

    Parameters
    ----------
    side : RankedList
        The predictions of one model.
    ap : {"area", "step", "coco101", "voc11"}
        The area under the curve.

    Returns
    -------
    Contributions
        Columns, (m, 2): the average precision of an image, as the mean over the thresholds, and 1 if it has one.

    Examples
    --------
    >>> evidence = Evidence(
    ...     image_ids=("a",), offsets=np.array([0, 2]), score=np.array([0.9, 0.8]), images={"true": np.array([2])},
    ...     rows={"delta": np.array([[1], [0]], dtype=np.uint8)}, thresholds={"delta": (0.5,)},
    ... )
    >>> own_precisions(RankedList(evidence, np.array([0]), "delta", (0.5,)), "area").value
    0.5
    """
    own = image_precisions(side.evidence, side.column, side.thresholds, ap=ap).mean(axis=0)[side.order]
    defined = ~np.isnan(own)
    return Contributions(np.stack([np.where(defined, own, 0.0), defined], axis=1), mean)


def pooled_curves(a: RankedList, b: RankedList, ap: Area) -> tuple[Contributions, Contributions]:
    """Return the contributions of images to the pooled average precision of two models.

    Parameters
    ----------
    a, b : RankedList
        The predictions of two models on the same images, with the same thresholds.
    ap : {"area", "step", "coco101", "voc11"}
        The area under the curve.

    Returns
    -------
    (Contributions, Contributions)
        Columns, (m, (T + 1) x B): the number of predictions in each of B bins, then for each of T thresholds the number
        of hits in each bin. The value is the mean of average precision over the thresholds.

    Examples
    --------
    >>> evidence = Evidence(
    ...     image_ids=("a",), offsets=np.array([0, 3]), score=np.array([0.9, 0.7, 0.6]), images={"true": np.array([2])},
    ...     rows={"delta": np.array([[1], [0], [1]], dtype=np.uint8)}, thresholds={"delta": (0.5,)},
    ... )
    >>> side = RankedList(evidence, np.array([0]), "delta", (0.5,))
    >>> first, _ = pooled_curves(side, side, "area")
    >>> first.columns.tolist(), round(first.value, 4)  # (1 + 2 / 3) / 2
    ([[1.0, 2.0, 1.0, 1.0]], 0.8333)
    """
    edges = _edges(np.concatenate([side.score[_any_hit(side)] for side in (a, b)]))
    truths = int(a.evidence.images["true"].sum())
    most = max(int(side.evidence.offsets[-1]) for side in (a, b))
    kind = np.float32 if 2 * most < EXACT else np.float64

    def statistic(sums: Floats) -> Floats:
        binned = sums.reshape(len(sums), len(a.thresholds) + 1, len(edges))
        return _average_precision(np.cumsum(binned, axis=2), truths, ap)

    first, second = (Contributions(_binned(side, edges, kind), statistic, exact=_value_of(side, ap)) for side in (a, b))
    return first, second


def _value_of(side: RankedList, ap: Area) -> float:
    """Return the value that a report shows: the mean over the thresholds of pooled average precision."""
    value_at = precisions(side.evidence, side.column, side.thresholds, ap=ap)
    return mean_of([value_at[at] for at in side.thresholds])


def _any_hit(side: RankedList) -> Flags:
    """Return which predictions are true positives at one threshold or more, (M,)."""
    hit = np.zeros(int(side.evidence.offsets[-1]), dtype=bool)
    for at in side.thresholds:
        hit |= side.hits(at)
    return hit


def _edges(confidences: Floats) -> Floats:
    """Return the confidences at which bins end, falling; at most ``BINS`` of them."""
    distinct = np.unique(confidences)
    if len(distinct) > BINS:
        rising = np.sort(confidences)
        distinct = np.unique(rising[np.linspace(0, len(rising) - 1, BINS).round().astype(np.int64)])
    falling: Floats = distinct[::-1]
    return falling


def _binned(side: RankedList, edges: Floats, kind: type[np.floating]) -> Floats:
    """Return the predictions and the hits of every image in every bin, (m, (T + 1) x B)."""
    evidence, bins, images = side.evidence, len(edges), len(side.evidence)
    # place is the inverse of order:  order [2, 0, 1] -> place [1, 2, 0]
    place = np.empty(images, dtype=np.int64)
    place[side.order] = np.arange(images)
    # The bin of a prediction is the first one with an edge not above its confidence. Predictions below all edges come
    # after every hit, and change no average precision:
    #   edges [.9, .6], confidences [.9, .7, .6, .1]  ->  own [0, 1, 1, 2], of which 2 is no bin
    own = np.searchsorted(-edges, -side.score, side="left")
    image = np.repeat(place, evidence.counts)
    seen = own < bins
    columns = np.empty((images, len(side.thresholds) + 1, bins), dtype=kind)
    for n, flags in enumerate([seen, *(seen & side.hits(at) for at in side.thresholds)]):
        # One count for each pair of image and bin: with 256 bins, image 3 and bin 5 is number 3 x 256 + 5.
        columns[:, n] = np.bincount(image[flags] * bins + own[flags], minlength=images * bins).reshape(images, bins)
    return columns.reshape(images, -1)


def _average_precision(curves: Floats, truths: int, ap: Area) -> Floats:
    """Return the mean over T thresholds of average precision, from cumulative predictions and hits, (r, T + 1, B)."""
    seen, hits = curves[:, :1], curves[:, 1:]
    if not truths or not curves.shape[2]:
        return np.full(len(curves), 0.0 if truths else np.nan)
    value = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    if ap != "step":
        # The envelope, a running maximum from the right:  precision [1, .5, .6] -> [1, .6, .6]
        value = np.maximum.accumulate(value[:, :, ::-1], axis=2)[:, :, ::-1]
    level, below = recall_steps(hits, truths, ap)
    level = np.where(hits == 0, below, level)  # the curve has no point before the first hit, not even at recall 0
    area = (value * np.diff(level, prepend=below, axis=2)).sum(axis=2) / total_recall_steps(truths, ap)
    average: Floats = area.mean(axis=1)
    return average
