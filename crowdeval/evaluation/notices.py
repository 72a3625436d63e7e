"""Notices about the inputs of a report: missing confidences, points outside the image, points in another frame.

Notices are made from evidence, so that joined parts give the same notices as the whole set.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

import numpy as np

from crowdeval.errors import (
    ClassesWarning,
    CopiesWarning,
    CountsWarning,
    FrameWarning,
    IdsWarning,
    NoConfidencesWarning,
    NoticeWarning,
    OffImageWarning,
    ScaleWarning,
    TiedConfidencesWarning,
    UndefinedMetricWarning,
)
from crowdeval.evaluation.classes import class_notices
from crowdeval.evaluation.copies import copy_notices, count_notices
from crowdeval.matching.frames import suspect_frame
from crowdeval.matching.scale import odd_radii
from crowdeval.metrics.evidence import Evidence
from crowdeval.points.image_bounds import points_outside
from crowdeval.points.lanes import lanes_of_annotations, lanes_of_predictions
from crowdeval.points.ragged import Floats, Integers, Ragged
from crowdeval.points.sets import Annotations, Predictions


def facts_of(
    predictions: Predictions,
    annotations: Annotations,
    *,
    signature: str = "",
    names: tuple[str, str] = ("predictions", "annotations"),
    about: Mapping[str, str] | None = None,
    ordered: bool = False,
    kept: bool = True,
    changes: Mapping[str, str] | None = None,
    carried: tuple[str, ...] = (),
) -> Evidence:
    """Return the evidence of an aligned pair before matching: counts, columns for notices, and hashes.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides, with the same images in the same order.
    signature : str
        The signature of the protocol.
    names : (str, str)
        Names of the two sides.
    about : mapping of str to str, optional
        Origin of the predictions: model, revision, dataset, ...
    ordered : bool
        Whether the order of rows is hashed too, because a metric depends on it.
    kept : bool
        Whether true points outside their image were kept; if they were dropped or clipped, no notice is given.
    changes : mapping of str to str, optional
        What was done to the two sides before.
    carried : tuple of str
        Notices of what was done.

    Returns
    -------
    Evidence
        Without the columns of any metric family.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[10.0, 10.0]])
    >>> predictions = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[11.0, 10.0]])
    >>> facts_of(predictions, truth).scored
    False
    """
    predicted, true, sizes = predictions.points, annotations.points, annotations.sizes
    images: dict[str, Integers | Floats] = {"true": annotations.counts, **off_image_columns(predicted, true, sizes)}
    if not kept:
        images.pop("off_true", None)
    if predictions.score is not None:
        images["outside_unit"] = predicted.per_image((predictions.score < 0) | (predictions.score > 1))
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
        changes=dict(changes or {}),
        carried=(*carried, *set_notices(predictions, annotations)),
    )


def off_image_columns(predicted: Ragged, true: Ragged, sizes: Floats | None) -> dict[str, Integers | Floats]:
    """Return the numbers of points outside their image.

    Parameters
    ----------
    predicted : Ragged
        Predicted points (M, 2) of m images, in pixels.
    true : Ragged
        True points (N, 2) of the same images.
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels.

    Returns
    -------
    dict of str to array of int, (m,)
        ``off_true`` and ``off_predicted``; empty if there are no sizes.

    Examples
    --------
    >>> predicted = Ragged(np.array([[5.0, 5.0], [30.0, 5.0]]), np.array([0, 2]))
    >>> true = Ragged(np.array([[6.0, 8.0]]), np.array([0, 1]))
    >>> off_image_columns(predicted, true, np.array([[20.0, 20.0]]))["off_predicted"].tolist()
    [1]
    """
    if sizes is None:
        return {}
    return {
        "off_true": true.per_image(points_outside(true, sizes)),
        "off_predicted": predicted.per_image(points_outside(predicted, sizes)),
    }


def frame_notices(predicted: Ragged, score: Floats | None, true: Ragged, sizes: Floats | None) -> tuple[str, ...]:
    """Return the notice that predictions seem to be in another frame, if they do.

    It needs coordinates, so it can't be made from evidence.

    Parameters
    ----------
    predicted, true : Ragged
        Predicted points and true points of the same m images, in pixels.
    score : array of float, (M,), optional
        Confidences.
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels.

    Returns
    -------
    tuple of str
        One notice, or none.

    Examples
    --------
    >>> true = Ragged(np.random.default_rng(0).uniform(0, [300, 200], (90, 2)), np.array([0, 30, 60, 90]))
    >>> frame_notices(Ragged(true.xy[:, ::-1].copy(), true.offsets), None, true, None)[0].partition(", ")[2]
    '16% match as given: --frame yx'
    """
    suspicion = suspect_frame(predicted, score, true, sizes)
    return () if suspicion is None else (f"frame-suspected: {suspicion.text}",)


def unit_notices(predicted: Floats, annotations: Annotations) -> tuple[str, ...]:
    """Return the notice that all predicted points lie in the unit square, where no sizes tell what that means.

    Parameters
    ----------
    predicted : array of float, (M, 2)
        Predicted points.
    annotations : Annotations
        The annotations, in pixels.

    Returns
    -------
    tuple of str
        One notice, or none; with sizes, ``frame_notices`` looks.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[30, 20], [60, 50]])
    >>> unit_notices(np.full((3, 2), 0.5), truth)[0].partition(";")[0]
    'frame-suspected: all 3 predicted points lie between 0 and 1, and the true points do not'
    """
    few = len(predicted) < 3 or not len(annotations.xy) or annotations.sizes is not None
    if few or predicted.min() < 0 or predicted.max() > 1 or annotations.xy.max() <= 4:
        return ()
    return (
        f"frame-suspected: all {len(predicted):,} predicted points lie between 0 and 1, and the true points do not; "
        "are they parts of width and height? The annotations have no sizes: --images DIR --frame normalized",
    )


def set_notices(predictions: Predictions, annotations: Annotations) -> tuple[str, ...]:
    """Return the notices that need the points themselves: their frame, classes, copies, counts.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides, with the same images in the same order, in pixels.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[1.0, 2.0], [1.0, 2.0]])
    >>> set_notices(Predictions(image_ids=["a"], offsets=[0, 0], xy=[]), truth)[0].partition(";")[0]
    'copies-of-truth: 1 true point is an exact copy of another in its image'
    """
    return (
        *frame_notices(predictions.points, predictions.score, annotations.points, annotations.sizes),
        *unit_notices(predictions.xy, annotations),
        *class_notices(predictions, annotations),
        *copy_notices(predictions.points, annotations.points),
        *count_notices(predictions, annotations),
    )


def notices_of_one(content: Predictions | Annotations) -> list[str]:
    """Return the notices that one side alone gives.

    Parameters
    ----------
    content : Predictions or Annotations
        The side.

    Returns
    -------
    list of str

    Examples
    --------
    >>> notices_of_one(Predictions(image_ids=["a"], offsets=[0, 0], xy=[]))
    []
    """
    ids, none = content.image_ids, np.zeros(len(content.image_ids) + 1, dtype=np.int64)
    if isinstance(content, Annotations):
        other = Predictions(image_ids=ids, offsets=none, xy=np.empty((0, 2)))
        odd = odd_radii(content)
        own = [f"odd-radii: metrics that read radii are refused: {odd}"] if odd else []
        pair = (other, content)
    else:
        own, pair = [], (content, Annotations(image_ids=ids, offsets=none, xy=np.empty((0, 2))))
    return [text for text in input_notices(facts_of(*pair)) if not text.startswith("no-predictions")] + own


def input_notices(evidence: Evidence) -> list[str]:
    """Return the notices about the inputs.

    Parameters
    ----------
    evidence : Evidence
        Evidence with the columns of ``facts_of``.

    Returns
    -------
    list of str
        Notices, each as ``name: text``.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[10.0, 10.0]])
    >>> input_notices(facts_of(Predictions(image_ids=["a"], offsets=[0, 0], xy=[]), truth))
    ['no-predictions: 1 image with true points has no predictions']
    """
    first = {
        "no-confidences": _unscored(evidence),
        "confidences-outside-0-1": _outside_unit(evidence),
        "off-image-truth": _off_image("true point", evidence.images.get("off_true")),
        "off-image-predictions": _off_image("prediction", evidence.images.get("off_predicted")),
    }
    last = {"no-predictions": _no_predictions(evidence)}
    notices = [[f"{name}: {text}" for name, text in part.items() if text] for part in (first, last)]
    return [*notices[0], *evidence.carried, *notices[1]]


WARNINGS: dict[str, type[NoticeWarning]] = {
    "undefined": UndefinedMetricWarning,
    "tied-confidences": TiedConfidencesWarning,
    "no-confidences": NoConfidencesWarning,
    "off-image-truth": OffImageWarning,
    "off-image-predictions": OffImageWarning,
    "frame-suspected": FrameWarning,
    "rescaled": FrameWarning,
    "sizes-unchecked": FrameWarning,
    **dict.fromkeys(("several-classes", "disjoint-classes", "no-classes", "class-not-found"), ClassesWarning),
    "copies-of-truth": CopiesWarning,
    "copies-of-predictions": CopiesWarning,
    "counts-multiplied": CountsWarning,
    "ids-by-rank": IdsWarning,
    "extra-images": IdsWarning,
    "zero-scales": ScaleWarning,
}
"""Name of a notice to the class of its Python warning; all other notices are in the report only."""


def warn_about(notices: Iterable[str], *, depth: int = 3) -> None:
    """Issue a Python warning for each important notice.

    Parameters
    ----------
    notices : iterable of str
        Notices, each as ``name: text``; those whose name is not in ``WARNINGS`` are ignored.
    depth : int
        The ``stacklevel`` of the warning. The default, 3, is the caller of the function that calls this one.

    Examples
    --------
    >>> warn_about(["lone-points: 1 image has a single true point; its scale is lone:inf"])  # only in the report
    """
    for notice in notices:
        category = WARNINGS.get(notice.partition(":")[0])
        if category is not None:
            warnings.warn(notice, category, stacklevel=depth)


def amount(count: int, noun: str) -> str:
    """Return a number with its noun, in the singular or the plural.

    Parameters
    ----------
    count : int
        The number.
    noun : str
        The noun in the singular; its plural must end with a plain s.

    Returns
    -------
    str
        The number, with commas between thousands, and the noun.

    Examples
    --------
    >>> amount(1, "image"), amount(1200, "true point")
    ('1 image', '1,200 true points')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _unscored(evidence: Evidence) -> str:
    """Return the notice that there are no confidences; empty if there are some."""
    if evidence.scored is not False:
        return ""
    return "the predictions carry no confidences; each counts as confidence 1, and AP is precision x recall"


def _outside_unit(evidence: Evidence) -> str:
    """Return the notice of confidences below 0 or above 1; empty if there are none."""
    count = int(evidence.images["outside_unit"].sum()) if "outside_unit" in evidence.images else 0
    verb = "is" if count == 1 else "are"
    return f"{amount(count, 'confidence')} {verb} below 0 or above 1; check the count threshold" if count else ""


def _off_image(noun: str, off: Integers | None) -> str:
    """Return the notice of points outside their image, from their number in every image; empty if there are none."""
    total = 0 if off is None else int(off.sum())
    if off is None or not total:
        return ""
    verb = "lies outside its" if total == 1 else "lie outside their"
    return f"{amount(total, noun)} in {amount(int((off > 0).sum()), 'image')} {verb} image (kept)"


def _no_predictions(evidence: Evidence) -> str:
    """Return the notice of images with true points and without predictions; empty if there are none."""
    unmatched = (evidence.counts == 0) & (evidence.images["true"] > 0)
    empty = int(unmatched.sum()) if evidence.located else 0
    verb = "has" if empty == 1 else "have"
    return f"{amount(empty, 'image')} with true points {verb} no predictions" if empty else ""
