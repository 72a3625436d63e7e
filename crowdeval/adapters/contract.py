"""The contract of a predictor, and the check of its answers.

A predictor is any object with these attributes:

``name`` : str
    The model, as leaderboards show it.
``revision`` : str
    The version of the model: a release, or the hash of a checkpoint.
``predict(images)``
    Returns one answer for each image, in the order of the images. An answer has one of these forms:

    - ``(points, scores)``;
    - ``points``;
    - a mapping with some of the keys ``points`` (M, 2) in pixels of the image, ``scores`` (M,) and ``count``.

These attributes are optional:

``open()``, ``close()``
    Called once before the first and once after the last ``predict``.
``batch_size`` : int, 1 by default
    Largest number of images of one call of ``predict``.
``needs_pixels`` : bool, True by default
    Without pixels the predictor gets images whose array is empty.
``device`` : str
    Recorded in the manifest of a run.
``selected_on`` : str
    The data on which the checkpoint was selected; recorded in the manifest.
``environment`` : mapping of str to str, of the class
    Environment variables of the process. The command line sets those that the user has not set, before it creates the
    predictor.
``needs`` : tuple of str, of the class
    Modules that the predictor imports when it works; ``crowdeval adapters`` shows which are not installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import InputError, PredictorError, UsageError, did_you_mean, shown
from crowdeval.points.assemble import ImagePredictions
from crowdeval.points.ragged import as_column, as_points

KEYS = ("points", "scores", "count")
"""The keys of an answer that is a mapping."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Image:
    """An image as a predictor gets it.

    Attributes
    ----------
    id : str
        The image's id in the dataset.
    pixels : array of uint8, (H, W, 3)
        RGB as stored; the EXIF orientation is not applied, as true points refer to the stored pixels.
    path : Path, optional
        The file from which it was read.
    """

    id: str
    pixels: NDArray[np.uint8]
    path: Path | None = None


class Predictor(Protocol):
    """The attributes that every predictor has; the module's docstring lists the optional ones."""

    @property
    def name(self) -> str:
        """The model."""

    @property
    def revision(self) -> str:
        """The version of the model."""

    def predict(self, images: Sequence[Image]) -> Sequence[Any]:
        """Return the answers for images.

        Parameters
        ----------
        images : sequence of Image
            At most ``batch_size`` images; their sizes may differ.

        Returns
        -------
        sequence
            One answer for each image, in one of the forms that the module's docstring lists.

        Raises
        ------
        Exception
            Of any type; ``answers`` reports it as a PredictorError that names predictor and image.
        """


class Answer(ImagePredictions):
    """A checked answer: points (M, 2) with scores (M,) or None, or a count, or both."""


def model_id(predictor: Predictor) -> str:
    """Return ``name@revision`` of a predictor, after a check of its attributes.

    Parameters
    ----------
    predictor : Predictor
        The object to check.

    Returns
    -------
    str

    Raises
    ------
    UsageError
        If the object lacks an attribute that every predictor has, or ``batch_size`` is not a positive int.

    Examples
    --------
    >>> class Nobody:
    ...     name, revision = "nobody", "1"
    ...
    ...     def predict(self, images):
    ...         return [np.empty((0, 2)) for image in images]
    >>> model_id(Nobody())
    'nobody@1'
    """
    kind = type(predictor).__name__
    for attribute in ("name", "revision"):
        value = getattr(predictor, attribute, None)
        if not isinstance(value, str) or not value:
            raise UsageError(f"{kind} is not a predictor: it has no {attribute!r} (expected a string, not empty)")
    if not callable(getattr(predictor, "predict", None)):
        raise UsageError(f"{kind} is not a predictor: it has no method 'predict'")
    size = getattr(predictor, "batch_size", 1)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise UsageError(f"{kind}.batch_size: expected a whole number of at least 1, found {size!r}")
    return f"{predictor.name}@{predictor.revision}"


def answers(predictor: Predictor, images: Sequence[Image]) -> list[Answer]:
    """Return a predictor's answers for images, after a check.

    Parameters
    ----------
    predictor : Predictor
        The predictor; it gets all images in one call.
    images : sequence of Image
        The images.

    Returns
    -------
    list of Answer
        One for each image, in their order.

    Raises
    ------
    PredictorError
        If the predictor raises, returns too few or too many answers, or one that is not a prediction. The message
        names predictor and image.

    Examples
    --------
    >>> class Middle:
    ...     name, revision = "middle", "1"
    ...
    ...     def predict(self, images):
    ...         return [([[image.pixels.shape[1] / 2, image.pixels.shape[0] / 2]], [0.5]) for image in images]
    >>> [answer] = answers(Middle(), [Image(id="a", pixels=np.zeros((20, 30, 3), dtype=np.uint8))])
    >>> answer.xy.tolist(), answer.score.tolist()
    ([[15.0, 10.0]], [0.5])
    """
    model = model_id(predictor)
    ids = ", ".join(repr(image.id) for image in images)
    try:
        raw_answers = list(predictor.predict(images))
    except PredictorError as problem:
        raise PredictorError(f"{model}, image {ids}: {problem}") from problem
    except (Exception, SystemExit) as problem:
        raise PredictorError(f"{model}, image {ids}: {type(problem).__name__}: {problem}") from problem
    if len(raw_answers) != len(images):
        raise PredictorError(f"{model}, image {ids}: expected {len(images)} answers, found {len(raw_answers)}")
    return [_check_answer(raw, f"{model}, image {image.id!r}") for raw, image in zip(raw_answers, images, strict=True)]


def _check_answer(raw: Any, place: str) -> Answer:
    """Return an answer of any form as an ``Answer``; ``place`` names predictor and image in errors."""
    parts = _answer_parts(raw, place)
    try:
        if parts.get("points") is None:
            if parts.get("scores") is not None:
                raise InputError("expected points together with the scores, found scores only")
            count = _check_count(parts.get("count"))
            if count is None:
                raise InputError("expected points or a count, found neither points nor a count")
            return Answer(xy=None, count=count)
        xy = as_points("points", parts["points"])
        scores = parts.get("scores")
        score = None if scores is None else as_column("scores", scores, len(xy))
        return Answer(xy=xy, score=score, count=_check_count(parts.get("count")))
    except InputError as problem:
        raise PredictorError(f"{place}: {problem}") from None


def _answer_parts(raw: Any, place: str) -> Mapping[str, Any]:
    """Return an answer of any form as a mapping with some of ``KEYS``."""
    if isinstance(raw, Mapping):
        unknown = [str(key) for key in raw if key not in KEYS]
        if unknown:
            raise PredictorError(f"{place}: an answer has no key {unknown[0]!r}{did_you_mean(unknown[0], KEYS)}")
        return raw
    if isinstance(raw, tuple) and len(raw) == 2 and _is_table(raw[0]):
        return {"points": raw[0], "scores": raw[1]}
    if raw is None:
        raise PredictorError(f"{place}: expected points, found nothing (does 'predict' return None?)")
    return {"points": raw}


def _is_table(value: Any) -> bool:
    """Return whether the first of two values is a table of points, not the x of a single point."""
    # ([[1, 2], [3, 4]], [0.5, 0.6]) -> True, points and scores; ((1, 2), (3, 4)) -> False, two points as a tuple.
    # A ragged list counts as a table, so that the check of the points reports it.
    try:
        return np.ndim(value) == 2 or np.size(value) == 0
    except ValueError:
        return True


def _check_count(value: Any) -> float | None:
    if value is None:
        return None
    try:
        count = float(value)
    except (TypeError, ValueError):
        raise InputError(f"count: expected a number, found {shown(value)}") from None
    if not 0 <= count <= 1e9:
        raise InputError(f"count: expected a number from 0 to 1e9, found {count}")
    return count
