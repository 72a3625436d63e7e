"""The function nap() on plain arrays: one image or several, with or without confidences, in any unambiguous form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from crowdeval.errors import InputError
from crowdeval.evaluation.notices import frame_notices, input_notices, off_image_columns, warn_about
from crowdeval.evaluation.protocol import check_choice, whole_k
from crowdeval.matching.scale import lone_length
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.nap import COLUMN, match_normalized, scale_notices
from crowdeval.metrics.ranking import precisions, tie_notice
from crowdeval.metrics.strings import parse_range, range_text
from crowdeval.metrics.sums import mean
from crowdeval.options import AREAS, PAPER_DELTA, PAPER_K, POOLS, Area, Pool
from crowdeval.points.assemble import column_of, join_arrays
from crowdeval.points.ragged import Floats, Ragged, as_column, as_floats, as_points, offsets_of
from crowdeval.points.tensors import as_plain, is_tensor


class NapResult(float):
    """The mean of nAP over a range of delta: a float that also has the value at each delta.

    Attributes
    ----------
    mean : float
        Mean over the range; the float itself.
    per_delta : dict of float to float
        nAP at each delta.
    warnings : tuple of str
        Notices about the input, each as ``name: text``.

    Examples
    --------
    >>> result = NapResult({0.25: 0.5, 0.5: 1.0})
    >>> result
    nAP=0.75 over delta=0.25,0.5
    >>> result > 0.7, result.per_delta[0.25]
    (True, 0.5)
    """

    per_delta: dict[float, float]
    warnings: tuple[str, ...]

    def __new__(cls, per_delta: dict[float, float], warnings: tuple[str, ...] = ()) -> NapResult:  # noqa: D102 see the class
        result = super().__new__(cls, mean(list(per_delta.values())))
        result.per_delta = dict(per_delta)
        result.warnings = warnings
        return result

    @property
    def mean(self) -> float:
        """Mean over the range of delta."""
        return float(self)

    def __repr__(self) -> str:
        return f"nAP={float(self)!r} over delta={range_text(tuple(self.per_delta))}"

    def __reduce__(self) -> tuple[type[NapResult], tuple[dict[float, float], tuple[str, ...]]]:
        return NapResult, (self.per_delta, self.warnings)


def nap(
    predictions: Any,
    annotations: Any,
    *,
    delta: str | float | Sequence[float] = PAPER_DELTA,
    k: int = PAPER_K,
    lone: str | float = "inf",
    ap: Area = "area",
    pool: Pool = "set",
    sizes: ArrayLike | None = None,
) -> NapResult:
    """Return nAP of predicted points against true points, from plain arrays.

    Parameters
    ----------
    predictions : (points, scores) or points; or a list of these, one for each image
        Points (M, 2) in pixels and confidences (M,). Without scores every prediction has confidence 1.
    annotations : points; or a list of points, one for each image
        True points (N, 2) in pixels. A list of arrays means several images, in the order of ``predictions``.
    delta : str, float or sequence of float
        Thresholds on the normalised distance: ``"0.05:0.05:0.5"`` (both ends included), ``0.5``, ``[0.05, 0.25]``.
    k : int
        Number of neighbours in the scale d_k.
    lone : "inf", "diagonal" or a number of pixels
        Scale of a true point that is alone in its image.
    ap : {"area", "step", "coco101", "voc11"}
        The area under the precision-recall curve: exact under the envelope, without envelope, or sampled.
    pool : {"set", "image"}
        One ranked list over all images, or the mean of per-image AP over the images with true points.
    sizes : array of float, (2,) or (m, 2), optional
        Width and height of the images in pixels; needed for ``lone="diagonal"``.

    Returns
    -------
    NapResult
        A float, the mean over ``delta``; NaN if there are no true points. ``.per_delta`` has the value at each delta,
        ``.warnings`` all notices about the input. The important ones are also Python warnings, each of its own class:
        no true points, no confidences, tied confidences that change the value visibly, true points with d_k = 0 (which
        can't match), and points outside their image or in another frame.

    Raises
    ------
    InputError
        If an array has a wrong shape or a value that is not finite, or the numbers of images differ.
    NeedsError
        If ``lone`` is ``"diagonal"`` and there are no sizes.
    UsageError
        If an option has an unknown value.

    Notes
    -----
    Source: Song et al., "Rethinking Counting and Localization in Crowds", ICCV 2021, sec. 3.2, eq. 1.

    Examples
    --------
    >>> true_points = [[10, 10], [20, 10], [10, 20], [40, 40]]
    >>> points, scores = [[11, 10], [20, 12], [90, 90]], [0.9, 0.8, 0.7]
    >>> result = nap((points, scores), true_points, delta="0.05:0.05:0.5")
    >>> result.per_delta[0.5], round(result, 3)
    (0.5, 0.475)
    """
    deltas = parse_range(delta)
    _check_options(k, lone, ap, pool)
    predicted, truths = _images_of(predictions, annotations)
    points, true = _ragged([image for image, _ in predicted]), _ragged(truths)
    size = None if sizes is None else _sizes(sizes, true.images)
    score = _scores(predicted)
    matched = match_normalized(points, score, true, deltas=deltas, k=k, lone=str(lone), sizes=size)
    evidence = Evidence(
        image_ids=tuple(map(str, range(true.images))),
        offsets=points.offsets,
        score=score,
        images={
            "true": true.counts,
            "zero_scales": true.per_image(matched.scale == 0),
            **off_image_columns(points, true, size),
        },
        rows={COLUMN: matched.bits},
        thresholds={COLUMN: deltas},
        scored=None if not len(points) else score is not None,
        carried=frame_notices(points, score, true, size),
    )
    values = precisions(evidence, COLUMN, deltas, ap=ap, pool=pool)
    notices = [*input_notices(evidence), *scale_notices(evidence.images["zero_scales"], true.counts, str(lone))]
    notices += tie_notice(evidence, COLUMN, {"nAP": deltas}, ap=ap, pool=pool)
    notices += [] if len(true) else ["undefined: nAP is undefined: there are no true points"]
    warn_about(notices)
    return NapResult(values, tuple(notices))


def _check_options(k: int, lone: object, ap: str, pool: str) -> None:
    """Raise UsageError for an option with an unknown value."""
    whole_k(k)
    check_choice("ap", ap, AREAS)
    check_choice("pool", pool, POOLS)
    lone_length(str(lone))


def _sizes(sizes: ArrayLike, images: int) -> Floats:
    """Return the size of every image, (m, 2); one size stands for all."""
    given = as_floats("sizes", sizes).reshape(-1, 2)
    return np.repeat(given, images, axis=0) if len(given) == 1 else given


Scored = tuple[Floats, Floats | None]
"""Points (M, 2) of one image, and their confidences (M,) if there are any."""


def _images_of(predictions: Any, annotations: Any) -> tuple[list[Scored], list[Floats]]:
    """Return the predicted points with scores, and the true points, one item for each image."""
    predictions, annotations = _plain(predictions), _plain(annotations)
    for name, side in (("predictions", predictions), ("annotations", annotations)):
        if not isinstance(side, (list, tuple, np.ndarray)):
            raise InputError(f"{name}: expected an array or a list of arrays, found {type(side).__name__}")
    if isinstance(predictions, tuple) or not _is_many(annotations, predictions):
        return [_scored("predictions", predictions)], [as_points("annotations", annotations)]
    if len(predictions) != len(annotations):
        raise InputError(
            f"expected the same number of images in predictions and annotations, found {len(predictions)} and "
            f"{len(annotations)}"
        )
    return (
        [_scored(f"predictions[{i}]", image) for i, image in enumerate(predictions)],
        [as_points(f"annotations[{i}]", image) for i, image in enumerate(annotations)],
    )


def _plain(side: Any) -> Any:
    """Return an argument in which tensors are arrays, also in pairs (points, scores)."""
    if isinstance(side, tuple):
        return tuple(map(as_plain, side))
    if isinstance(side, list) and side and (isinstance(side[0], tuple) or is_tensor(side[0])):
        return [tuple(map(as_plain, each)) if isinstance(each, tuple) else as_plain(each) for each in side]
    return as_plain(side)


def _is_many(annotations: Any, predictions: Any) -> bool:
    """Return whether the arguments are lists of images, and not the points of one image."""
    # The first item that is not empty decides: a row of two numbers is a point, anything deeper is an image.
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
    """Return whether an image is a pair (points, scores), and not a tuple of two points."""
    if not (isinstance(image, tuple) and len(image) == 2):
        return False
    points, scores = image
    return (scores is None or np.ndim(scores) == 1) and (np.ndim(points) == 2 or np.size(points) == 0)


def _scored(name: str, image: Any) -> Scored:
    """Return the checked points of one image, with its scores if it has some."""
    if _is_scored(image):
        points = as_points(name, image[0])
        return points, None if image[1] is None else as_column(f"{name} scores", image[1], len(points))
    return as_points(name, image), None


def _ragged(images: Sequence[Floats]) -> Ragged:
    """Return the points of all images in one array."""
    return Ragged(join_arrays(images, width=2), offsets_of([len(points) for points in images]))


def _scores(images: Sequence[Scored]) -> Floats | None:
    """Return the confidences of all images, or None; an image without points may be of either kind."""
    counts = [len(points) for points, _ in images]
    parts = [scores if count else None for (_, scores), count in zip(images, counts, strict=True)]
    names = [f"predictions[{i}]" for i in range(len(images))]
    column: Floats | None = column_of("scores", parts, counts, join_arrays, names=names)
    return column
