"""What a report says of its inputs beside the numbers: missing or tied confidences, points off the image, a
suspected change of scale."""

from __future__ import annotations

import numpy as np

from crowdeval.points.image_bounds import beyond, outside
from crowdeval.points.ragged import Floats, Ragged
from crowdeval.points.sets import Annotations, Predictions

MISMATCH = 1.5
"""Predictions that reach this many times as far as the true points, or as little, are in another frame."""


def input_notices(predictions: Predictions, annotations: Annotations) -> list[str]:
    """Return the notices of an aligned pair, ``name: text`` each."""
    found = {
        "no-confidences": _unscored(predictions),
        "tied-confidences": _ties(predictions),
        "confidences-outside-0-1": _outside_unit(predictions),
        "off-image-truth": _off_image("true point", annotations.points, annotations.sizes),
        "off-image-predictions": _off_image("prediction", predictions.points, annotations.sizes),
        "scale-mismatch": _scale_mismatch(predictions, annotations),
        "no-predictions": _no_predictions(predictions, annotations),
    }
    return [f"{name}: {text}" for name, text in found.items() if text]


def amount(count: int, noun: str) -> str:
    """Return a number of things in words.

    >>> amount(1, "image"), amount(1200, "true point")
    ('1 image', '1,200 true points')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _unscored(predictions: Predictions) -> str:
    if predictions.score is not None or not len(predictions.xy):
        return ""
    return "the predictions carry no confidences; each counts as confidence 1, and AP is precision x recall"


def _ties(predictions: Predictions) -> str:
    if predictions.score is None:
        return ""
    ordered = np.sort(predictions.score)
    same = ordered[1:] == ordered[:-1]
    if not same.any():
        return ""
    tied = np.zeros(len(ordered), dtype=bool)
    tied[1:] |= same
    tied[:-1] |= same
    return (
        f"{int(tied.sum()):,} of {len(ordered):,} predictions share their confidence with another; "
        "they enter the curve together"
    )


def _outside_unit(predictions: Predictions) -> str:
    if predictions.score is None:
        return ""
    outside = int(((predictions.score < 0) | (predictions.score > 1)).sum())
    verb = "is" if outside == 1 else "are"
    return f"{amount(outside, 'confidence')} {verb} below 0 or above 1; check the count threshold" if outside else ""


def _off_image(noun: str, points: Ragged, sizes: Floats | None) -> str:
    if sizes is None:
        return ""
    off = outside(points, sizes)
    images, total = int((points.per_image(off) > 0).sum()), int(off.sum())
    verb = "lies outside its" if total == 1 else "lie outside their"
    return f"{amount(total, noun)} in {amount(images, 'image')} {verb} image (kept)" if images else ""


def _no_predictions(predictions: Predictions, annotations: Annotations) -> str:
    empty = int(((predictions.points.counts == 0) & (annotations.counts > 0)).sum()) if predictions.located else 0
    verb = "has" if empty == 1 else "have"
    return f"{amount(empty, 'image')} with true points {verb} no predictions" if empty else ""


def _scale_mismatch(predictions: Predictions, annotations: Annotations) -> str:
    """Compare how far predictions and true points reach, image by image."""
    if not len(predictions.xy) or not len(annotations.xy):
        return ""
    found, true = predictions.points, annotations.points
    both = (found.counts > 0) & (true.counts > 0)
    past = beyond(found, annotations.sizes if annotations.sizes is not None else _extent(true))
    ratio = _extent(found)[both] / np.maximum(_extent(true)[both], 1.0)
    if not len(ratio):
        return ""
    typical = np.median(ratio, axis=0)
    low, high = np.quantile(ratio, [0.25, 0.75])
    steady = high < 1.2 * low and len(ratio) >= 5
    large = 2 * past.sum() > len(past)
    if not large and not (steady and high < 1 / MISMATCH):
        return ""
    edge = "images" if annotations.sizes is not None else "true points"
    far = f"{past.mean():.0%} of the predictions lie beyond the {edge}; " if large else ""
    return (
        f"{far}on the median image they reach {typical[0]:.2f} times as far in x and {typical[1]:.2f} in y: "
        "are they in the frame of a resized image?"
    )


def _extent(points: Ragged) -> Floats:
    """Return the largest x and y of every image, (m, 2); 0 where it has no points."""
    extent = np.zeros((points.images, 2))
    peopled = np.flatnonzero(points.counts)
    if len(peopled):
        extent[peopled] = np.maximum(np.maximum.reduceat(points.xy, points.offsets[peopled]), 0.0)
    return extent
