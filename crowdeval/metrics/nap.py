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
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from crowdeval.arrays import Flags, Floats, Integers, as_column, as_points, floats, image_of_rows, offsets_of
from crowdeval.curves import AREAS, Area, average_precision, seen_in_image, seen_in_set
from crowdeval.errors import InputError, UndefinedMetricWarning, UsageError
from crowdeval.matching import Candidates, candidates, sequential_matches
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Metric, Options
from crowdeval.neighbours import PointTree
from crowdeval.points import Annotations, Predictions
from crowdeval.ranges import number_text, parse_range, range_text
from crowdeval.scale import Lone, knn_scales, lone_length

Pool = Literal["set", "image"]
POOLS: tuple[Pool, ...] = ("set", "image")
PAPER_DELTA = "0.05:0.05:0.5"


class NapResult(float):
    """The mean nAP over a range of delta: a float that also holds the parts.

    Attributes
    ----------
    mean : float
        Mean over the range; the float itself.
    per_delta : dict of float to float
        nAP at each delta.
    """

    per_delta: dict[float, float]

    def __new__(cls, per_delta: dict[float, float]) -> NapResult:  # noqa: D102 the class says it
        result = super().__new__(cls, float(np.mean(list(per_delta.values()))))
        result.per_delta = dict(per_delta)
        return result

    @property
    def mean(self) -> float:
        """Mean over the range of delta."""
        return float(self)

    def __repr__(self) -> str:
        return f"nAP={float(self)!r} over delta={range_text(tuple(self.per_delta))}"

    def __reduce__(self) -> tuple[type[NapResult], tuple[dict[float, float]]]:
        return NapResult, (self.per_delta,)


def nap(
    predictions: Any,
    annotations: Any,
    *,
    delta: str | float | Sequence[float] = PAPER_DELTA,
    k: int = 3,
    lone: str | float = "inf",
    ap: Area = "area",
    pool: Pool = "set",
    sizes: ArrayLike | None = None,
) -> NapResult:
    """Return nAP of predicted against true points, from plain arrays.

    Parameters
    ----------
    predictions : (points, scores) or points; or a list of those, one an image
        Points (M, 2) in pixels and confidences (M,). Without scores every prediction has confidence 1.
    annotations : points; or a list of those, one an image
        True points (N, 2) in pixels. A list of arrays is many images, in the order of ``predictions``.
    delta : str, float or sequence of float
        Thresholds on the normalised distance: ``"0.05:0.05:0.5"`` (ends included), ``0.5``, ``[0.05, 0.25]``.
    k : int
        Neighbours in the scale d_k.
    lone : "inf", "diagonal" or a number of pixels
        Scale of a true point that is alone in its image.
    ap : {"area", "step", "coco101", "voc11"}
        How the area under the precision-recall curve is taken.
    pool : {"set", "image"}
        One ranked list over all images, or the mean of per-image AP over the images with true points.
    sizes : array of float, (2,) or (m, 2), optional
        Width and height of the images, for ``lone="diagonal"``.

    Returns
    -------
    NapResult
        A float, the mean over ``delta``; ``.per_delta`` has the parts. NaN with an UndefinedMetricWarning when
        there are no true points.

    Raises
    ------
    InputError
        If an array has the wrong shape or a value that is not finite, or the numbers of images differ.
    UsageError
        If an option means nothing.

    Notes
    -----
    Source: Song et al., "Rethinking Counting and Localization in Crowds", ICCV 2021, sec. 3.2, eq. 1.

    Examples
    --------
    >>> truth = [[10, 10], [20, 10], [10, 20], [40, 40]]
    >>> points, scores = [[11, 10], [20, 12], [90, 90]], [0.9, 0.8, 0.7]
    >>> result = nap((points, scores), truth, delta="0.05:0.05:0.5")
    >>> result.per_delta[0.5], round(result, 3)
    (0.5, 0.475)
    """
    deltas = parse_range(delta)
    check_choice("ap", ap, AREAS)
    check_choice("pool", pool, POOLS)
    lone_length(str(lone))
    predicted, truths = _images_of(predictions, annotations)
    xy, offsets, score = _predicted_columns(predicted)
    true_xy, true_offsets = _columns("annotations", truths)
    size = None if sizes is None else floats("sizes", sizes).reshape(-1, 2)
    matched = match_normalized(
        xy, offsets, score, true_xy, true_offsets, deltas=deltas, k=k, lone=str(lone), sizes=size
    )
    values = matched.average_precisions(ap=ap, pool=pool)
    if np.isnan(values).any():
        warnings.warn("nAP is undefined: there are no true points", UndefinedMetricWarning, stacklevel=2)
    return NapResult(dict(zip(deltas, values.tolist(), strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NormalizedMatching:
    """True-positive flags of one pair of sets at every delta, and what average precision needs beside them.

    Attributes
    ----------
    deltas : tuple of float
        The D thresholds.
    table : Candidates
        Admissible pairs below the largest delta.
    flags : array of bool, (D, S)
        True positives among the rows of the table, for each delta on its own (they are not nested).
    scale : array of float, (N,)
        d_k of every true point in pixels.
    score, offsets : array
        The predictions' confidences and offsets.
    true_counts : array of int, (m,)
        True points of every image.
    """

    deltas: tuple[float, ...]
    table: Candidates
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
        ranked = None if self.score is None else self.score[self.table.prediction]
        rising = None if self.score is None else np.sort(self.score)
        truths = self.true_counts.sum(keepdims=True)
        values = np.empty(len(self.deltas))
        for d, flags in enumerate(self.flags):
            hits = int(flags.sum())
            seen = seen_in_set(rising, total, hits if ranked is None else ranked[flags])
            values[d] = average_precision(np.zeros(hits, dtype=np.int64), seen, truths, ap=ap)[0]
        return values

    def image_average_precisions(self, *, ap: Area = "area") -> Floats:
        """Return the AP of every image on its own, (D, m); NaN for images without true points."""
        image = image_of_rows(self.offsets)[self.table.prediction]
        order = np.argsort(image, kind="stable")
        seen = seen_in_image(self.score, self.offsets)[self.table.prediction[order]]
        rows = [
            average_precision(image[order][flags], seen[flags], self.true_counts, ap=ap)
            for flags in self.flags[:, order]
        ]
        return np.stack(rows)

    def image_hits(self) -> Integers:
        """Return the true positives of every image, (D, m)."""
        image = image_of_rows(self.offsets)[self.table.prediction]
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
    table = candidates(xy, offsets, score, true_xy, true_offsets, scale, delta=max(deltas), k=k, tree=tree)
    return NormalizedMatching(
        deltas=deltas,
        table=table,
        flags=np.stack([sequential_matches(table, delta) for delta in deltas]),
        scale=scale,
        score=score,
        offsets=offsets,
        true_counts=np.diff(true_offsets),
    )


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

    def lacking(self, metric: Metric, predictions: Predictions, annotations: Annotations) -> str | None:
        """Say that counts are not enough."""
        return None if predictions.located else NO_POINTS

    def measure(
        self,
        asked: Sequence[Metric],
        predictions: Predictions,
        annotations: Annotations,
        options: Options,
        *,
        per_image: bool,
    ) -> Measured:
        """Return nAP at each delta and the means asked for."""
        ranges = {str(m): options.delta if m.at is None else parse_range(m.at) for m in asked}
        deltas = tuple(sorted({delta for values in ranges.values() for delta in values}))
        matched = match_normalized(
            predictions.xy,
            predictions.offsets,
            predictions.score,
            annotations.xy,
            annotations.offsets,
            deltas=deltas,
            k=options.k,
            lone=options.lone,
            sizes=annotations.sizes,
        )
        values = dict(zip(deltas, matched.average_precisions(ap=options.ap, pool=options.pool).tolist(), strict=True))
        measured = Measured(notices=_scale_notices(matched.scale, annotations, options.lone))
        for name, wanted in ranges.items():
            measured.values[name] = float(np.mean([values[delta] for delta in wanted]))
            measured.values |= {f"nAP@{number_text(delta)}": values[delta] for delta in wanted}
        if not len(annotations.xy):
            warnings.warn("nAP is undefined: there are no true points", UndefinedMetricWarning, stacklevel=2)
        if per_image:
            measured.columns = _image_columns(matched, np.diff(predictions.offsets), options.ap)
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


def _scale_notices(scale: Floats, annotations: Annotations, lone: Lone) -> list[str]:
    notices = []
    alone = int((annotations.counts == 1).sum())
    if alone:
        notices.append(f"lone-points: {alone:,} images have a single true point; its scale is lone:{lone}")
    stuck = int((scale == 0).sum())
    if stuck:
        notices.append(
            f"zero-scales: {stuck:,} true points lie on top of their k nearest neighbours (d_k = 0) and can't match"
        )
    return notices


Scored = tuple[Floats, Floats | None]


def _images_of(predictions: Any, annotations: Any) -> tuple[list[Scored], list[Floats]]:
    """Return one (points, scores) and one true-points array an image, whichever way they were given."""
    if isinstance(predictions, tuple) or not _is_many(annotations, predictions):
        return [_scored("predictions", predictions)], [as_points("annotations", annotations)]
    if len(predictions) != len(annotations):
        raise InputError(
            f"expected as many images in predictions as in annotations, found {len(predictions)} and {len(annotations)}"
        )
    return (
        [_scored(f"predictions[{i}]", image) for i, image in enumerate(predictions)],
        [as_points(f"annotations[{i}]", image) for i, image in enumerate(annotations)],
    )


def _is_many(annotations: Any, predictions: Any) -> bool:
    """Tell a list of images from the points of one: an image's points are themselves rows of numbers."""
    for side in (annotations, predictions):
        if isinstance(side, np.ndarray):
            return side.ndim == 3
        for image in side:
            if _is_scored(image):
                return True
            if isinstance(image, np.ndarray):
                return image.ndim == 2
            if len(image):
                return not np.isscalar(image[0])
    return any(len(side) for side in (annotations, predictions))


def _is_scored(image: Any) -> bool:
    """Tell (points, scores) from two points given as a tuple."""
    if not (isinstance(image, tuple) and len(image) == 2):
        return False
    points, scores = image
    return (scores is None or np.ndim(scores) == 1) and (np.ndim(points) == 2 or np.size(points) == 0)


def _scored(name: str, image: Any) -> Scored:
    if _is_scored(image):
        points = as_points(name, image[0])
        return points, None if image[1] is None else as_column(f"{name} scores", image[1], len(points))
    return as_points(name, image), None


def _columns(name: str, images: Sequence[Floats]) -> tuple[Floats, Integers]:
    return (
        np.concatenate(images) if images else np.empty((0, 2)),
        offsets_of([len(points) for points in images]),
    )


def _predicted_columns(images: Sequence[Scored]) -> tuple[Floats, Integers, Floats | None]:
    xy, offsets = _columns("predictions", [points for points, _ in images])
    scored = [scores is not None for points, scores in images if len(points)]
    if any(scored) and not all(scored):
        raise InputError("predictions: some images have scores and some have none")
    if not any(scored):
        return xy, offsets, None
    return xy, offsets, np.concatenate([scores for _, scores in images if scores is not None])


NAP = NormalizedAveragePrecision()
