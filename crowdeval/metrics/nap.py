"""nAP: density normalized average precision (Song et al., ICCV 2021, sec. 3.2 and 4.2).

Convention
    Continuous pixels, x right, y down. The scale d_k of a true point is in ``matching.scale``, the sequential matching
    in ``matching.sequential``, the area in ``matching.curves``; all true and predicted points of the set enter one
    ranked list (``pool:set``), no confidence is dropped, no image is capped.

Formula
    nAP@delta = AP of the true-positive flags at that delta; nAP = mean over the range delta (0.05:0.05:0.5).

Options
    ``k`` (3), ``lone`` (inf | diagonal | pixels), ``ap`` (area | step | coco101 | voc11), ``pool`` (set | image: the
    mean of per-image AP over the images that have true points), ``delta``.

Evidence
    One bit a prediction and delta, whether it is a true positive, beside its confidence; true points and those with
    d_k = 0 of every image.

Rotation
    nAP is invariant under translation, isotropic scaling and any order of lines. Under rotation it is too, except where
    equal confidences and equal distances meet: such ties go by x, then by y, and a rotation changes which comes first.

Difference from an official script
    None exists: the authors did not release theirs. This module is the reference.
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
from crowdeval.metrics.evidence import Bits, Evidence, packed
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Options, Reads, Scene, outcomes, reads
from crowdeval.metrics.ranking import image_hits, image_precisions, precisions, tie_notice
from crowdeval.metrics.strings import Metric, number_text, parse_range, range_text
from crowdeval.metrics.sums import Weights, mean
from crowdeval.options import PAPER_K, Lone
from crowdeval.points.ragged import Floats, Integers, Ragged

COLUMN = "delta"
"""The rows of evidence that hold nAP's hits."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalizedMatching:
    """The true positives among the predictions at every delta, (M, ceil(D / 8)) bits, and d_k of every true point."""

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
    """Match predicted points (M, 2) to the true points (N, 2) of the same images at every delta.

    Matching at one delta is independent of the others: a prediction that hits at 0.25 need not hit at 0.5.

    Parameters
    ----------
    predicted, true : Ragged
        Predicted and true points in pixels.
    score : array of float, (M,), optional
        Confidences.
    deltas : tuple of float
        Thresholds on the normalised distance, rising.
    k : int
        Neighbours in d_k.
    lone : str
        Scale of a true point that is alone in its image: ``"inf"``, ``"diagonal"`` or pixels.
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels, for ``"diagonal"``.
    """
    tree = PointTree(true)
    scale = knn_scales(true, k=k, lone=lone, sizes=sizes, tree=tree)
    delta = max(deltas)
    groups = groups_within(predicted, true, delta * scale, k if delta <= 0.5 else 0)
    if len(groups) == 1:
        table = candidates(predicted, score, true, scale, delta=delta, k=k, tree=tree)
        return NormalizedMatching(_bits(table, deltas, len(predicted)), scale)
    tree.give_up()
    bits = np.zeros((len(predicted), -(-len(deltas) // 8)), dtype=np.uint8)
    for images in groups:
        rows, own = predicted.rows(images), true.take(images)
        confidence = None if score is None else score[rows]
        table = candidates(predicted.take(images), confidence, own, scale[true.rows(images)], delta=delta, k=k)
        bits[rows] = _bits(table, deltas, len(rows))
    return NormalizedMatching(bits, scale)


def _bits(table: Candidates, deltas: tuple[float, ...], predictions: int) -> Bits:
    flags = (sequential_matches(table, delta) for delta in deltas)
    return packed(flags, table.prediction, predictions, len(deltas))


class NormalizedAveragePrecision:
    """The family of nAP: the mean over the protocol's range, at one delta, or over a range of its own."""

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
        """Bring the delta into its shortest spelling."""
        metric = metric.plain("at")
        return metric if metric.at is None else Metric(name="nAP", at=range_text(parse_range(metric.at)))

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Say that counts are not enough."""
        return None if scene.predictions.located else NO_POINTS

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return False: images with counts only have no place in a ranked list."""
        return False

    def reads(self, metric: Metric) -> Reads:
        """Return the options of d_k and of the curve, and the protocol's range where the metric has none."""
        own = "" if metric.at is not None else " delta"
        return reads("k few lone cmp ties pick cap pool ap" + own)

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return the hits at every delta asked for."""
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
        """Return nAP at each delta and the means asked for."""
        ranges = {str(metric): _range_of(metric, options) for metric in asked}
        deltas = sorted({delta for values in ranges.values() for delta in values})
        found = precisions(evidence, COLUMN, deltas, ap=options.ap, pool=options.pool, weights=weights)
        measured = Measured()
        for name, wanted in ranges.items():
            measured.values[name] = mean([found[delta] for delta in wanted])
            measured.values |= {f"nAP@{number_text(delta)}": found[delta] for delta in wanted}
        true = evidence.images["true"]
        if not true.any():
            measured.undefined.append("nAP is undefined: there are no true points")
        if weights is None:
            measured.notices = scale_notices(evidence.images["zero_scales"], true, options.lone)
            name = next(iter(ranges))
            measured.notices += tie_notice(name, evidence, COLUMN, ranges[name], ap=options.ap, pool=options.pool)
        return measured

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return TP, FP, FN and AP of every image at each delta."""
        deltas = sorted({delta for metric in asked for delta in _range_of(metric, options)})
        columns: dict[str, NDArray[Any]] = {}
        terms = image_precisions(evidence, COLUMN, deltas, ap=options.ap)
        for delta, own in zip(deltas, terms, strict=True):
            at, hits = number_text(delta), image_hits(evidence, COLUMN, delta)
            columns |= outcomes(at, hits, evidence.counts, evidence.images["true"])
            columns[f"AP@{at}"] = own
        return columns


def _range_of(metric: Metric, options: Options) -> tuple[float, ...]:
    """Return the deltas of a metric: its own, else the protocol's."""
    return options.delta if metric.at is None else parse_range(metric.at)


def scale_notices(zero_scales: Integers, true_counts: Integers, lone: Lone) -> list[str]:
    """Return what is odd about the scales of the true points, ``name: text`` each, from numbers an image."""
    notices = []
    alone = int((true_counts == 1).sum())
    if alone:
        notices.append(
            f"lone-points: {alone:,} image{'s have' if alone > 1 else ' has'} a single true point; "
            f"its scale is lone:{lone}"
        )
    stuck = int(zero_scales.sum())
    if stuck:
        notices.append(
            f"zero-scales: {stuck:,} true points lie on top of their k nearest neighbours (d_k = 0) and can't match"
        )
    return notices


NAP = NormalizedAveragePrecision()
