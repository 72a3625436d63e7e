"""nAP: density normalized average precision (Song et al., ICCV 2021, sec. 3.2 and 4.2).

Convention
    Coordinates are continuous pixels, x to the right and y down; nothing is rounded.

    The scale d_k of a true point is the mean distance to its k nearest other true points of the same image (k = 3), or
    to all of them if there are fewer than k. A prediction q can match a true point p if d(q, p) / d_k(p) < delta
    (strictly below). A true point with d_k = 0, which lies on k others, can't be matched; a notice counts such points.

    The predictions are taken by falling confidence. Each takes, among the true points of its image that it can match
    and that no earlier prediction has taken, the one with the smallest d / d_k; it is then a true positive. If there is
    no such point, it is a false positive. Of equal confidences, the prediction closest to a true point goes first, then
    the lower x, then the lower y. No confidence is dropped, and the number of predictions per image has no limit.

    The predictions of all images form one ranked list. Precision and recall are computed after each distinct
    confidence; AP is the exact area under the envelope of precision. Recall counts the true points of all images;
    predictions in an image without true points are false positives.

Formula
    nAP@delta = AP with the true positives at that delta.

    nAP = mean of nAP@delta over the range of delta, 0.05:0.05:0.5 by default (10 values, both ends included).

Options
    - ``delta``: the range of the mean.
    - ``k``: number of neighbours in d_k.
    - ``lone``: scale of a true point that is alone in its image; infinite (``inf``, the default), the image diagonal
      (``diagonal``), or a number of pixels.
    - ``ap``: the area under the envelope (``area``, the default); the sum of precision x step of recall, without
      envelope (``step``); the mean of the envelope at 101 or 11 fixed recalls (``coco101``, ``voc11``).
    - ``pool``: one ranked list (``set``, the default), or the mean of the AP of each image with true points
      (``image``).

Evidence
    One bit for each prediction and delta, which says whether it is a true positive, beside its confidence. For every
    image the number of true points, and of those with d_k = 0.

Invariance
    Translation, isotropic scaling and the order of lines in a file do not change nAP. A rotation does not change it
    either, except where predictions have equal confidences and equal distances: such ties are decided by x, then by y,
    and a rotation changes which comes first.

Source
    Song et al., "Rethinking Counting and Localization in Crowds", ICCV 2021, sec. 3.2 and 4.2, eq. 1.

Difference from an official script
    There is none: the authors did not release their script. This module is the reference.

Difference from pycocotools, with ``ap`` = coco101
    A fixed recall that is met exactly counts here, as it is compared by whole numbers. pycocotools compares floats and
    can miss it, which makes its number smaller or leaves it the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.matching.batching import groups_within
from crowdeval.matching.neighbours import PointTree
from crowdeval.matching.scale import knn_scales
from crowdeval.matching.sequential import Candidates, candidates, sequential_matches
from crowdeval.metrics.evidence import Bits, Evidence, pack_bits
from crowdeval.metrics.family import Entry, Measured, Options, Reads, Scene, lacking_points, outcomes, reads
from crowdeval.metrics.ranking import image_hits, image_precisions, precisions, tie_notice
from crowdeval.metrics.strings import Metric, number_text, parse_range, range_text
from crowdeval.metrics.sums import Weights, mean
from crowdeval.options import PAPER_K, Lone
from crowdeval.points.ragged import Floats, Integers, Ragged

COLUMN = "delta"
"""Name of the column of evidence that holds the hits of nAP."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalizedMatching:
    """The result of matching at D values of delta.

    Attributes
    ----------
    bits : array of uint8, (M, ceil(D / 8))
        Which predictions are true positives: one bit for each delta.
    scale : array of float, (N,)
        d_k of every true point in pixels.
    """

    bits: Bits
    scale: Floats


def match_normalized(
    predicted: Ragged,
    score: Floats | None,
    true: Ragged,
    *,
    deltas: tuple[float, ...],
    k: int = PAPER_K,
    lone: Lone = "inf",
    sizes: Floats | None = None,
) -> NormalizedMatching:
    """Match predicted points to the true points of the same images at every delta.

    The matching at one delta is independent of the others: a prediction that is a hit at 0.25 need not be one at 0.5.

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images, in pixels.
    score : array of float, (M,), optional
        Confidences; without them all are equal.
    true : Ragged
        True points (N, 2) of the same images.
    deltas : tuple of float
        Thresholds on the normalised distance, rising.
    k : int
        Number of neighbours in d_k.
    lone : str
        Scale of a true point that is alone in its image: ``"inf"``, ``"diagonal"`` or pixels.
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels, for ``"diagonal"``.

    Returns
    -------
    NormalizedMatching
        The true positives at every delta, and d_k.

    Raises
    ------
    NeedsError
        If ``lone`` is ``"diagonal"`` and the size of an image with a single true point is not known.

    Examples
    --------
    >>> true = Ragged(np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([0, 2]))
    >>> predicted = Ragged(np.array([[1.0, 0.0], [14.0, 0.0]]), np.array([0, 2]))
    >>> matched = match_normalized(predicted, np.array([0.9, 0.8]), true, deltas=(0.25, 0.5))
    >>> matched.scale.tolist(), matched.bits.tolist()  # hits: the first at both deltas, the second at 0.5
    ([10.0, 10.0], [[3], [2]])
    """
    tree = PointTree(true)
    scale = knn_scales(true, k=k, lone=lone, sizes=sizes, tree=tree)
    delta = max(deltas)
    # Up to delta = 0.5 only the k nearest true points can match (matching.sequential has the proof); beyond, k = 0
    # makes ``candidates`` search within a radius.
    groups = groups_within(predicted, true, delta * scale, k if delta <= 0.5 else 0)
    if len(groups) == 1:
        table = candidates(predicted, score, true, scale, delta=delta, k=k, tree=tree)
        return NormalizedMatching(_bits(table, deltas, len(predicted)), scale)
    tree.release()
    bits = np.zeros((len(predicted), -(-len(deltas) // 8)), dtype=np.uint8)
    for images in groups:
        rows, own = predicted.rows(images), true.take(images)
        confidence = None if score is None else score[rows]
        table = candidates(predicted.take(images), confidence, own, scale[true.rows(images)], delta=delta, k=k)
        bits[rows] = _bits(table, deltas, len(rows))
    return NormalizedMatching(bits, scale)


def _bits(table: Candidates, deltas: tuple[float, ...], predictions: int) -> Bits:
    """Return one bit for each prediction and delta, from the candidates of a group of images."""
    flags = (sequential_matches(table, delta) for delta in deltas)
    return pack_bits(flags, table.prediction, predictions, len(deltas))


class NormalizedAveragePrecision:
    """The family of nAP: over the protocol's range of delta, at one delta, or over a range in the metric string."""

    entries = (
        Entry(
            string="nAP",
            title="density normalized average precision, mean over the protocol's delta",
            better="higher",
            unit="1",
            source="Song et al., ICCV 2021, sec. 3.2 and 4.2",
        ),
        Entry(
            string="nAP@0.5",
            title="density normalized average precision at one delta (or the mean over a range a:s:b)",
            better="higher",
            unit="1",
            source="Song et al., ICCV 2021, sec. 3.2, eq. 1",
        ),
    )

    def canonical(self, metric: Metric) -> Metric:
        """Return the metric with the shortest spelling of its delta."""
        metric = metric.plain("at")
        return metric if metric.at is None else Metric(name="nAP", at=range_text(parse_range(metric.at)))

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Return points, if the predictions are counts only."""
        return lacking_points(scene)

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return False: images with counts only can't enter a ranked list."""
        return False

    def reads(self, metric: Metric) -> Reads:
        """Return the options of d_k and of the curve; also the protocol's delta if the metric string has no range."""
        own = "" if metric.at is not None else " delta"
        return reads("k few lone cmp ties pick cap pool ap" + own)

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return the hits at every requested delta."""
        deltas = tuple(sorted({delta for metric in asked for delta in _range_of(metric, scene.options)}))
        true = scene.annotations.points
        matched = match_normalized(
            scene.predictions.points,
            scene.predictions.score,
            true,
            deltas=deltas,
            k=scene.options.k,
            lone=scene.options.lone,
            sizes=scene.annotations.sizes,
        )
        return scene.evidence(
            images={"zero_scales": true.per_image(matched.scale == 0)},
            rows={COLUMN: matched.bits},
            thresholds={COLUMN: deltas},
        )

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return nAP at each delta and the requested means."""
        ranges = {str(metric): _range_of(metric, options) for metric in asked}
        deltas = sorted({delta for own in ranges.values() for delta in own})
        value_at = precisions(evidence, COLUMN, deltas, ap=options.ap, pool=options.pool, weights=weights)
        measured = Measured()
        for name, own in ranges.items():
            measured.values[name] = mean([value_at[delta] for delta in own])
            measured.values |= {f"nAP@{number_text(delta)}": value_at[delta] for delta in own}
        true = evidence.images["true"]
        if not true.any():
            measured.undefined.append("nAP is undefined: there are no true points")
        if weights is None:
            measured.notices = scale_notices(evidence.images["zero_scales"], true, options.lone)
            measured.notices += tie_notice(evidence, COLUMN, ranges, ap=options.ap, pool=options.pool)
        return measured

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return TP, FP, FN and AP of every image at each delta."""
        deltas = sorted({delta for metric in asked for delta in _range_of(metric, options)})
        columns: dict[str, NDArray[Any]] = {}
        by_delta = image_precisions(evidence, COLUMN, deltas, ap=options.ap)
        for delta, by_image in zip(deltas, by_delta, strict=True):
            at, hits = number_text(delta), image_hits(evidence, COLUMN, delta)
            columns |= outcomes(at, hits, evidence.counts, evidence.images["true"])
            columns[f"AP@{at}"] = by_image
        return columns


def _range_of(metric: Metric, options: Options) -> tuple[float, ...]:
    """Return the deltas of a metric: those of the metric string, else those of the protocol."""
    return options.delta if metric.at is None else parse_range(metric.at)


def scale_notices(zero_scales: Integers, true_counts: Integers, lone: Lone) -> list[str]:
    """Return notices about true points that are alone in their image, or that have d_k = 0.

    Parameters
    ----------
    zero_scales : array of int, (m,)
        Number of true points with d_k = 0 of every image.
    true_counts : array of int, (m,)
        Number of true points of every image.
    lone : str
        The option ``lone`` of the protocol.

    Returns
    -------
    list of str
        At most two notices, each as ``name: text``.

    Examples
    --------
    >>> scale_notices(np.array([0, 0]), np.array([1, 5]), "inf")
    ['lone-points: 1 image has a single true point; its scale is inf (--lone changes it)']
    """
    notices = []
    alone = int((true_counts == 1).sum())
    if alone:
        notices.append(
            f"lone-points: {alone:,} image{'s have' if alone > 1 else ' has'} a single true point; "
            f"its scale is {lone} (--lone changes it)"
        )
    zero = int(zero_scales.sum())
    if zero:
        notices.append(
            f"zero-scales: {zero:,} true points lie on top of their k nearest neighbours (d_k = 0) and can't match"
        )
    return notices


NAP = NormalizedAveragePrecision()
