"""Which confidence to cut at: count, precision, recall and F1 of nAP's matching at one delta, over the threshold.

A cut of the ranked list is exactly the matching of the cut predictions, because a prediction never changes the place of
one of a higher rank. The best threshold of a set flatters itself there, so it is also cross-validated over images:
chosen on four fifths of them, judged on the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from crowdeval.diagnosis.causes import Causes
from crowdeval.points.ragged import Floats, Indices, Integers
from crowdeval.points.sets import Annotations, Predictions

MOST = 255
"""Largest number of thresholds."""

FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Numbers over the threshold, rising; a prediction stays if its confidence is at least the threshold.

    Attributes
    ----------
    at : array of float, (T,)
        The thresholds: confidences of the set, at most 255 of them.
    counts, precision, recall, f1, mae : array of float, (T,)
        Number of predictions, rates of the matching at delta, and mean absolute error of the count.
    best_mae, best_f1 : float
        The threshold of the lowest MAE, and of the highest F1; NaN without predictions.
    cross_mae, cross_f1 : float
        MAE and F1 of thresholds that were chosen on other images.
    """

    at: Floats
    counts: Floats
    precision: Floats
    recall: Floats
    f1: Floats
    mae: Floats
    best_mae: float
    best_f1: float
    cross_mae: float
    cross_f1: float


def thresholds_of(predictions: Predictions, annotations: Annotations, causes: Causes) -> Thresholds | None:
    """Return numbers over the threshold; None without confidences.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides, with the same images in the same order.
    causes : Causes
        The pairs at one delta.

    Returns
    -------
    Thresholds or None

    Examples
    --------
    >>> from crowdeval.diagnosis.causes import causes_of
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[0, 0], [10, 0]])
    >>> found = Predictions(image_ids=["a"], offsets=[0, 3], xy=[[0, 0], [10, 0], [90, 90]], score=[0.9, 0.8, 0.2])
    >>> own = thresholds_of(found, truth, causes_of(found, truth, delta=0.5, k=1))
    >>> own.best_f1, own.f1.round(2).tolist(), own.mae.tolist()
    (0.8, [0.8, 1.0, 0.67], [1.0, 0.0, 1.0])
    """
    if predictions.score is None:
        return None
    score = predictions.score
    rising = np.unique(score)
    at = rising if len(rising) <= MOST else rising[np.linspace(0, len(rising) - 1, MOST).round().astype(np.int64)]
    image, images = predictions.points.image, len(annotations.image_ids)
    # A prediction stays at the thresholds up to its confidence:  at [.2, .8, .9], confidence .85  ->  place 1
    place = np.searchsorted(at, score, side="right") - 1
    kept = _from_the_right(image, place, images, len(at))
    hits = _from_the_right(image, place, images, len(at), rows=np.flatnonzero(causes.of_prediction < 0))
    true = annotations.counts.astype(np.float64)
    mae = np.abs(kept - true[:, None])
    f1 = _f1(hits.sum(axis=0), kept.sum(axis=0), true.sum())
    total = kept.sum(axis=0)
    cross_mae, cross_f1 = _cross_validated(kept, hits, true)
    return Thresholds(
        at=at,
        counts=total,
        precision=np.divide(hits.sum(axis=0), total, out=np.full(len(at), np.nan), where=total > 0),
        recall=hits.sum(axis=0) / true.sum() if true.sum() else np.full(len(at), np.nan),
        f1=f1,
        mae=mae.mean(axis=0),
        best_mae=float(at[mae.mean(axis=0).argmin()]) if len(at) else math.nan,
        best_f1=float(at[f1.argmax()]) if len(at) and true.sum() else math.nan,
        cross_mae=cross_mae,
        cross_f1=cross_f1,
    )


def _from_the_right(
    image: Indices, place: Integers, images: int, thresholds: int, *, rows: Integers | None = None
) -> Floats:
    """Return how many predictions of every image stay at each threshold, (m, T)."""
    own, at = (image, place) if rows is None else (image[rows], place[rows])
    flat = own.astype(np.int64) * thresholds + at
    counted = np.bincount(flat, minlength=images * thresholds).reshape(images, thresholds)
    stay: Floats = np.cumsum(counted[:, ::-1], axis=1)[:, ::-1].astype(np.float64)
    return stay


def _f1(hits: Floats, kept: Floats, true: float) -> Floats:
    """Return F1 at each threshold; 0 where there is nothing at all."""
    under = kept + true
    f1: Floats = np.divide(2 * hits, under, out=np.zeros_like(hits), where=under > 0)
    return f1


def _cross_validated(kept: Floats, hits: Floats, true: Floats) -> tuple[float, float]:
    """Return MAE and F1 where the threshold of each fifth of the images is the best of the others."""
    images = len(true)
    if images < FOLDS or not kept.shape[1]:
        return math.nan, math.nan
    fold = np.random.default_rng(0).permutation(images) % FOLDS
    error, found = 0.0, np.zeros(3)
    for n in range(FOLDS):
        out = fold == n
        by_mae = int(np.abs(kept[~out] - true[~out, None]).mean(axis=0).argmin())
        by_f1 = int(_f1(hits[~out].sum(axis=0), kept[~out].sum(axis=0), float(true[~out].sum())).argmax())
        error += float(np.abs(kept[out, by_mae] - true[out]).sum())
        found += [hits[out, by_f1].sum(), kept[out, by_f1].sum(), true[out].sum()]
    under = found[1] + found[2]
    return error / images, float(2 * found[0] / under) if under else math.nan
