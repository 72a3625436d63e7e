"""What a report says of its inputs beside the numbers: missing confidences, points off the image, another frame.

Notices are made from evidence, so that parts put together say what the whole says.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

import numpy as np

from crowdeval.errors import (
    NoConfidencesWarning,
    NoticeWarning,
    OffImageWarning,
    ScaleWarning,
    TiedConfidencesWarning,
    UndefinedMetricWarning,
)
from crowdeval.metrics.evidence import Evidence
from crowdeval.points.image_bounds import beyond, outside
from crowdeval.points.lanes import lanes_of_annotations, lanes_of_predictions
from crowdeval.points.ragged import Floats, Integers, Ragged
from crowdeval.points.sets import Annotations, Predictions

MISMATCH = 1.5
"""Predictions that reach this many times as far as the true points, or as little, are in another frame."""


def facts_of(
    predictions: Predictions,
    annotations: Annotations,
    *,
    signature: str = "",
    names: tuple[str, str] = ("predictions", "annotations"),
    about: Mapping[str, str] | None = None,
    ordered: bool = False,
    kept: bool = True,
) -> Evidence:
    """Return the evidence of an aligned pair before anything is matched: counts, oddities and fingerprints of images.

    Parameters
    ----------
    predictions, annotations
        The two sides, of the same images in the same order.
    signature : str
        The protocol.
    names : (str, str)
        What the two sides are called.
    about : mapping of str to str, optional
        What is known of the predictions' origin.
    ordered : bool
        Whether the order of rows is fingerprinted, too; a metric may depend on it.
    kept : bool
        Whether true points outside their image are as they were; once dropped or clipped, nothing is to be said of
        them.
    """
    found, true, sizes = predictions.points, annotations.points, annotations.sizes
    images: dict[str, Integers | Floats] = {"true": annotations.counts, **frame_columns(found, true, sizes)}
    if not kept:
        images.pop("off_true", None)
    if predictions.score is not None:
        images["outside_unit"] = found.per_image((predictions.score < 0) | (predictions.score > 1))
    if predictions.counts is not None:
        images["given"] = predictions.counts
    return Evidence(
        image_ids=annotations.image_ids,
        offsets=predictions.offsets,
        images=images,
        signature=signature,
        names=names,
        scored=None if not len(predictions.xy) else predictions.score is not None,
        located=predictions.located,
        lanes={
            **lanes_of_predictions(predictions, ordered=ordered),
            **lanes_of_annotations(annotations, ordered=ordered),
        },
        about=dict(about or {}),
    )


def frame_columns(found: Ragged, true: Ragged, sizes: Floats | None) -> dict[str, Integers | Floats]:
    """Return what tells of a wrong frame: how far points reach, (m, 2), and how many lie off their image, (m,)."""
    reach = _extent(true)
    columns: dict[str, Integers | Floats] = {"reach_predicted": _extent(found), "reach_true": reach}
    columns["past"] = found.per_image(beyond(found, reach if sizes is None else sizes))
    if sizes is not None:
        columns["off_true"] = true.per_image(outside(true, sizes))
        columns["off_predicted"] = found.per_image(outside(found, sizes))
    return columns


def input_notices(evidence: Evidence) -> list[str]:
    """Return the notices of the inputs, ``name: text`` each."""
    first = {
        "no-confidences": _unscored(evidence),
        "confidences-outside-0-1": _outside_unit(evidence),
        "off-image-truth": _off_image("true point", evidence.images.get("off_true")),
        "off-image-predictions": _off_image("prediction", evidence.images.get("off_predicted")),
    }
    last = {"scale-mismatch": _scale_mismatch(evidence), "no-predictions": _no_predictions(evidence)}
    said = [[f"{name}: {text}" for name, text in part.items() if text] for part in (first, last)]
    return [*said[0], *evidence.carried, *said[1]]


WARNINGS: dict[str, type[NoticeWarning]] = {
    "undefined": UndefinedMetricWarning,
    "tied-confidences": TiedConfidencesWarning,
    "no-confidences": NoConfidencesWarning,
    "off-image-truth": OffImageWarning,
    "off-image-predictions": OffImageWarning,
    "scale-mismatch": ScaleWarning,
    "zero-scales": ScaleWarning,
}
"""Name of a notice to the class of its Python warning; the others are in the report only."""


def warn_of(notices: Iterable[str], *, depth: int = 3) -> None:
    """Give the notices that matter as Python warnings to the caller of the function that calls this."""
    for notice in notices:
        category = WARNINGS.get(notice.partition(":")[0])
        if category is not None:
            warnings.warn(notice, category, stacklevel=depth)


def amount(count: int, noun: str) -> str:
    """Return a number of things in words.

    >>> amount(1, "image"), amount(1200, "true point")
    ('1 image', '1,200 true points')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _unscored(evidence: Evidence) -> str:
    if evidence.scored is not False:
        return ""
    return "the predictions carry no confidences; each counts as confidence 1, and AP is precision x recall"


def _outside_unit(evidence: Evidence) -> str:
    number = int(evidence.images["outside_unit"].sum()) if "outside_unit" in evidence.images else 0
    verb = "is" if number == 1 else "are"
    return f"{amount(number, 'confidence')} {verb} below 0 or above 1; check the count threshold" if number else ""


def _off_image(noun: str, off: Integers | None) -> str:
    """Return how many points lie outside their image, from the number in every image."""
    total = 0 if off is None else int(off.sum())
    if off is None or not total:
        return ""
    verb = "lies outside its" if total == 1 else "lie outside their"
    return f"{amount(total, noun)} in {amount(int((off > 0).sum()), 'image')} {verb} image (kept)"


def _no_predictions(evidence: Evidence) -> str:
    lonely = (evidence.counts == 0) & (evidence.images["true"] > 0)
    empty = int(lonely.sum()) if evidence.located else 0
    verb = "has" if empty == 1 else "have"
    return f"{amount(empty, 'image')} with true points {verb} no predictions" if empty else ""


def _scale_mismatch(evidence: Evidence) -> str:
    """Compare how far predictions and true points reach, image by image."""
    images, counts = evidence.images, evidence.counts
    both = (counts > 0) & (images["true"] > 0)
    if not both.any():
        return ""
    ratio = images["reach_predicted"][both] / np.maximum(images["reach_true"][both], 1.0)
    past, predictions = int(images["past"].sum()), int(counts.sum())
    typical = np.median(ratio, axis=0)
    low, high = np.quantile(ratio, [0.25, 0.75])
    steady = high < 1.2 * low and len(ratio) >= 5
    large = 2 * past > predictions
    if not large and not (steady and high < 1 / MISMATCH):
        return ""
    edge = "images" if "off_predicted" in images else "true points"
    far = f"{past / predictions:.0%} of the predictions lie beyond the {edge}; " if large else ""
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
