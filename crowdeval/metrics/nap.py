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

Difference from an official script
    None exists: the authors did not release theirs. This module is the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crowdeval.matching.batching import groups_within
from crowdeval.matching.curves import average_precision, average_precisions, seen_in_image, seen_in_set
from crowdeval.matching.neighbours import PointTree
from crowdeval.matching.scale import knn_scales
from crowdeval.matching.sequential import Candidates, candidates, sequential_matches
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Scene
from crowdeval.metrics.strings import Metric, number_text, parse_range, range_text
from crowdeval.options import PAPER_K, Area, Lone, Pool
from crowdeval.points.ragged import Flags, Floats, Indices, Integers, Ragged


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NormalizedMatching:
    """True-positive flags of one pair of sets at every delta, and what average precision needs beside them.

    Attributes
    ----------
    deltas : tuple of float
        The D thresholds.
    prediction : array of int, (S,)
        The predictions with a true point within reach of the largest delta, in falling confidence.
    flags : array of bool, (D, S)
        True positives among them, for each delta on its own (they are not nested).
    scale : array of float, (N,)
        d_k of every true point in pixels.
    score : array of float, (M,), optional
        The predictions' confidences.
    predicted : Ragged
        The predictions by image.
    true_counts : array of int, (m,)
        True points of every image.
    """

    deltas: tuple[float, ...]
    prediction: Indices
    flags: Flags
    scale: Floats
    score: Floats | None
    predicted: Ragged
    true_counts: Integers

    def average_precisions(self, *, ap: Area = "area", pool: Pool = "set") -> Floats:
        """Return nAP at every delta, (D,); NaN without true points."""
        if pool == "image":
            peopled = self.true_counts > 0
            if not peopled.any():
                return np.full(len(self.deltas), np.nan)
            terms: Floats = self.image_average_precisions(ap=ap)[:, peopled].mean(axis=1)
            return terms
        total = len(self.predicted)
        if self.score is None:
            seen = seen_in_set(None, total, len(self.prediction))
        else:
            seen = seen_in_set(np.sort(self.score), total, self.score[self.prediction])
        truths = int(self.true_counts.sum())
        return np.array([average_precision(seen.take(np.flatnonzero(flags)), truths, ap=ap) for flags in self.flags])

    def image_average_precisions(self, *, ap: Area = "area") -> Floats:
        """Return the AP of every image on its own, (D, m); NaN for images without true points."""
        image = self.predicted.image[self.prediction]
        order = np.argsort(image, kind="stable")
        seen = seen_in_image(self.score, self.predicted)[self.prediction[order]]
        rows = [
            average_precisions(image[order][flags], seen[flags], self.true_counts, ap=ap)
            for flags in self.flags[:, order]
        ]
        return np.stack(rows)

    def image_hits(self) -> Integers:
        """Return the true positives of every image, (D, m)."""
        image = self.predicted.image[self.prediction]
        images = len(self.true_counts)
        return np.stack([np.bincount(image[flags], minlength=images) for flags in self.flags])


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
    """Match predicted points (M, 2) to the true points (N, 2) of the same images at every delta."""
    tree = PointTree(true)
    scale = knn_scales(true, k=k, lone=lone, sizes=sizes, tree=tree)
    delta = max(deltas)
    groups = groups_within(predicted, true, delta * scale, k if delta <= 0.5 else 0)
    if len(groups) == 1:
        table = candidates(predicted, score, true, scale, delta=delta, k=k, tree=tree)
        ranked: Indices = table.prediction
        hits = _flags(table, deltas)
    else:
        tree.give_up()
        parts = [_part(predicted, score, true, scale, images, deltas=deltas, k=k) for images in groups]
        ranked = np.concatenate([np.empty(0, dtype=np.int64), *(rows for rows, _ in parts)])
        hits = np.concatenate([np.empty((len(deltas), 0), dtype=bool), *(flags for _, flags in parts)], axis=1)
        if score is not None:
            order = np.argsort(-score[ranked])
            ranked, hits = ranked[order], hits[:, order]
    return NormalizedMatching(
        deltas=deltas,
        prediction=ranked,
        flags=hits,
        scale=scale,
        score=score,
        predicted=predicted,
        true_counts=true.counts,
    )


def _part(
    predicted: Ragged,
    score: Floats | None,
    true: Ragged,
    scale: Floats,
    images: Integers,
    *,
    deltas: tuple[float, ...],
    k: int,
) -> tuple[Integers, Flags]:
    """Return the ranked predictions of some of the images and their flags at each delta."""
    rows = predicted.rows(images)
    own = None if score is None else score[rows]
    table = candidates(predicted.take(images), own, true.take(images), scale[true.rows(images)], delta=max(deltas), k=k)
    return rows[table.prediction], _flags(table, deltas)


def _flags(table: Candidates, deltas: tuple[float, ...]) -> Flags:
    """Return which rows of the table are true positives at each delta, (D, S)."""
    flags = np.empty((len(deltas), len(table.prediction)), dtype=bool)
    for row, delta in zip(flags, deltas, strict=True):
        row[:] = sequential_matches(table, delta)
    return flags


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

    def measure(self, asked: Sequence[Metric], scene: Scene) -> Measured:
        """Return nAP at each delta and the means asked for."""
        ranges = {str(m): scene.options.delta if m.at is None else parse_range(m.at) for m in asked}
        deltas = tuple(sorted({delta for values in ranges.values() for delta in values}))
        matched = match_normalized(
            scene.predictions.points,
            scene.predictions.score,
            scene.annotations.points,
            deltas=deltas,
            k=scene.options.k,
            lone=scene.options.lone,
            sizes=scene.annotations.sizes,
        )
        values = dict(
            zip(deltas, matched.average_precisions(ap=scene.options.ap, pool=scene.options.pool).tolist(), strict=True)
        )
        measured = Measured(notices=scale_notices(matched.scale, scene.annotations.counts, scene.options.lone))
        for name, wanted in ranges.items():
            measured.values[name] = float(np.mean([values[delta] for delta in wanted]))
            measured.values |= {f"nAP@{number_text(delta)}": values[delta] for delta in wanted}
        if not len(scene.annotations.xy):
            measured.undefined.append("nAP is undefined: there are no true points")
        if scene.per_image:
            measured.columns = _image_columns(matched, scene.options.ap)
        return measured


def _image_columns(matched: NormalizedMatching, ap: Area) -> dict[str, Floats | Integers]:
    columns: dict[str, Floats | Integers] = {}
    rows = zip(matched.deltas, matched.image_hits(), matched.image_average_precisions(ap=ap), strict=True)
    for delta, hits, terms in rows:
        at = number_text(delta)
        columns[f"TP@{at}"] = hits
        columns[f"FP@{at}"] = matched.predicted.counts - hits
        columns[f"FN@{at}"] = matched.true_counts - hits
        columns[f"AP@{at}"] = terms
    return columns


def scale_notices(scale: Floats, true_counts: Integers, lone: Lone) -> list[str]:
    """Return what is odd about the scales of the true points, ``name: text`` each."""
    notices = []
    alone = int((true_counts == 1).sum())
    if alone:
        notices.append(
            f"lone-points: {alone:,} image{'s have' if alone > 1 else ' has'} a single true point; "
            f"its scale is lone:{lone}"
        )
    stuck = int((scale == 0).sum())
    if stuck:
        notices.append(
            f"zero-scales: {stuck:,} true points lie on top of their k nearest neighbours (d_k = 0) and can't match"
        )
    return notices


NAP = NormalizedAveragePrecision()
