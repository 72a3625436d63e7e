"""nAP: density normalized average precision (Song et al., ICCV 2021, sec. 3.2 and 4.2).

Convention
    Continuous pixels, x right, y down. The scale d_k of a true point is in ``crowdeval.scale``, the sequential
    matching in ``crowdeval.matching``, the area in ``crowdeval.curves``; all true and predicted points of the set
    enter one ranked list (``pool:set``), no confidence is dropped, no image is capped.

Formula
    nAP@delta = AP of the true-positive flags at that delta; nAP = mean over the range delta (0.05:0.05:0.5).

Options
    ``k`` (3), ``lone`` (inf | diagonal | pixels), ``ap`` (area | step | coco101 | voc11), ``pool`` (set | image: the
    mean of per-image AP over the images that have true points), ``delta``.

Difference from an official script
    None exists: the authors did not release theirs. This module is the reference.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from crowdeval.arrays import Flags, Floats, Indices, Integers, image_of_rows, offsets_of, rows_of_images
from crowdeval.curves import Area, average_precision, average_precisions, seen_in_image, seen_in_set
from crowdeval.errors import UndefinedMetricWarning, UsageError
from crowdeval.matching import Candidates, candidates, sequential_matches
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Metric, Scene
from crowdeval.neighbours import PointTree
from crowdeval.ranges import number_text, parse_range, range_text
from crowdeval.scale import Lone, knn_scales

Pool = Literal["set", "image"]
POOLS: tuple[Pool, ...] = ("set", "image")
PAPER_DELTA = "0.05:0.05:0.5"


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
    score, offsets : array
        The predictions' confidences and offsets.
    true_counts : array of int, (m,)
        True points of every image.
    """

    deltas: tuple[float, ...]
    prediction: Indices
    flags: Flags
    scale: Floats
    score: Floats | None
    offsets: Integers
    true_counts: Integers

    def average_precisions(self, *, ap: Area = "area", pool: Pool = "set") -> Floats:
        """Return nAP at every delta, (D,); NaN without true points."""
        if pool == "image":
            peopled = self.true_counts > 0
            if not peopled.any():
                return np.full(len(self.deltas), np.nan)
            terms: Floats = self.image_average_precisions(ap=ap)[:, peopled].mean(axis=1)
            return terms
        total = int(self.offsets[-1])
        if self.score is None:
            seen = seen_in_set(None, total, len(self.prediction))
        else:
            seen = seen_in_set(np.sort(self.score), total, self.score[self.prediction])
        truths = int(self.true_counts.sum())
        return np.array([average_precision(seen.take(np.flatnonzero(flags)), truths, ap=ap) for flags in self.flags])

    def image_average_precisions(self, *, ap: Area = "area") -> Floats:
        """Return the AP of every image on its own, (D, m); NaN for images without true points."""
        image = image_of_rows(self.offsets)[self.prediction]
        order = np.argsort(image, kind="stable")
        seen = seen_in_image(self.score, self.offsets)[self.prediction[order]]
        rows = [
            average_precisions(image[order][flags], seen[flags], self.true_counts, ap=ap)
            for flags in self.flags[:, order]
        ]
        return np.stack(rows)

    def image_hits(self) -> Integers:
        """Return the true positives of every image, (D, m)."""
        image = image_of_rows(self.offsets)[self.prediction]
        images = len(self.true_counts)
        return np.stack([np.bincount(image[flags], minlength=images) for flags in self.flags])


def match_normalized(
    xy: Floats,
    offsets: Integers,
    score: Floats | None,
    true_xy: Floats,
    true_offsets: Integers,
    *,
    deltas: tuple[float, ...],
    k: int = 3,
    lone: Lone = "inf",
    sizes: Floats | None = None,
) -> NormalizedMatching:
    """Match ragged predictions (M, 2) to ragged true points (N, 2) of the same images at every delta."""
    tree = PointTree(true_xy, image_of_rows(true_offsets))
    scale = knn_scales(true_xy, true_offsets, k=k, lone=lone, sizes=sizes, tree=tree)
    delta = max(deltas)
    groups = _groups(xy, offsets, true_xy, true_offsets, delta * scale, k if delta <= 0.5 else 0)
    if len(groups) == 1:
        table = candidates(xy, offsets, score, true_xy, true_offsets, scale, delta=delta, k=k, tree=tree)
        ranked: Indices = table.prediction
        hits = _flags(table, deltas)
    else:
        tree.give_up()
        parts = [_part(xy, offsets, score, true_xy, true_offsets, scale, images, deltas, k) for images in groups]
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
        offsets=offsets,
        true_counts=np.diff(true_offsets),
    )


def _part(
    xy: Floats,
    offsets: Integers,
    score: Floats | None,
    true_xy: Floats,
    true_offsets: Integers,
    scale: Floats,
    images: Integers,
    deltas: tuple[float, ...],
    k: int,
) -> tuple[Integers, Flags]:
    """Return the ranked predictions of some of the images and their flags at each delta."""
    rows, true_rows = rows_of_images(offsets, images), rows_of_images(true_offsets, images)
    table = candidates(
        xy[rows],
        offsets_of(np.diff(offsets)[images]),
        None if score is None else score[rows],
        true_xy[true_rows],
        offsets_of(np.diff(true_offsets)[images]),
        scale[true_rows],
        delta=max(deltas),
        k=k,
    )
    return rows[table.prediction], _flags(table, deltas)


def _flags(table: Candidates, deltas: tuple[float, ...]) -> Flags:
    """Return which rows of the table are true positives at each delta, (D, S)."""
    flags = np.empty((len(deltas), len(table.prediction)), dtype=bool)
    for row, delta in zip(flags, deltas, strict=True):
        row[:] = sequential_matches(table, delta)
    return flags


PAIRS = 1 << 25
"""Pairs held at a time by the lemma, an estimate from above; a quarter of it where pairs are counted."""


def _groups(
    xy: Floats, offsets: Integers, true_xy: Floats, true_offsets: Integers, reach: Floats, k: int
) -> list[Integers]:
    """Return groups of images whose pairs fit in memory; all images at once where they do."""
    counts, true_counts = np.diff(offsets), np.diff(true_offsets)
    images = np.arange(len(counts))
    most = int(true_counts.max(initial=0))
    pairs = counts * np.minimum(true_counts, min(k, most) or most)
    if pairs.sum() > PAIRS and not k:
        true_image = image_of_rows(true_offsets)
        finite = np.where(np.isfinite(reach), reach, 0.0)
        near = PointTree(xy, image_of_rows(offsets)).count_within(true_xy, true_image, finite)
        pairs = np.maximum(np.bincount(true_image, weights=near, minlength=len(counts)), counts)
    number = np.cumsum(pairs) // (PAIRS if k else PAIRS // 4)
    return [images[number == n] for n in np.unique(number)]


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """Raise UsageError unless ``value`` is one of ``known``."""
    if value not in known:
        raise UsageError(f"{name}: expected one of {', '.join(known)}, found {value!r}")


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
            scene.predictions.xy,
            scene.predictions.offsets,
            scene.predictions.score,
            scene.annotations.xy,
            scene.annotations.offsets,
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
            warnings.warn("nAP is undefined: there are no true points", UndefinedMetricWarning, stacklevel=2)
        if scene.per_image:
            measured.columns = _image_columns(matched, np.diff(scene.predictions.offsets), scene.options.ap)
        return measured


def _image_columns(matched: NormalizedMatching, predicted: Integers, ap: Area) -> dict[str, Floats | Integers]:
    columns: dict[str, Floats | Integers] = {}
    rows = zip(matched.deltas, matched.image_hits(), matched.image_average_precisions(ap=ap), strict=True)
    for delta, hits, terms in rows:
        at = number_text(delta)
        columns[f"TP@{at}"] = hits
        columns[f"FP@{at}"] = predicted - hits
        columns[f"FN@{at}"] = matched.true_counts - hits
        columns[f"AP@{at}"] = terms
    return columns


def whole_k(k: object) -> int:
    """Return a number of neighbours; raise UsageError unless it is a whole number of at least 1."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise UsageError(f"k: expected a whole number of at least 1, found {k!r}")
    return int(k)


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
