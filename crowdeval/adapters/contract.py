"""What a predictor is: a name, a revision, and points for images; and what becomes of its answers.

A predictor is any object with

``name`` : str
    The model, as it stands in a leaderboard.
``revision`` : str
    Its version: a release, a checkpoint's hash.
``predict(images)``
    One answer for each of the images, in their order. An answer is ``(points, scores)``, ``points``, or a mapping with
    some of ``points`` (M, 2) in pixels of the image, ``scores`` (M,) and ``count``.

and, where it wants them, ``batch_size`` (int, 1), ``open()`` and ``close()`` around the work, ``device`` (str, for the
record), ``selected_on`` (what the checkpoint was chosen on), and ``needs_pixels`` (bool, True): without pixels it gets
images whose array is empty. A class may have ``environment`` (variables of the process by name): the command line sets
those that the user has not set, before the predictor is made.
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
        The file it was read from.
    """

    id: str
    pixels: NDArray[np.uint8]
    path: Path | None = None


class Predictor(Protocol):
    """The least a predictor has; the module says what it may have beside."""

    @property
    def name(self) -> str:
        """The model."""

    @property
    def revision(self) -> str:
        """Its version."""

    def predict(self, images: Sequence[Image]) -> Sequence[Any]:
        """Return one answer for each image."""


class Answer(ImagePredictions):
    """A checked answer: points (M, 2) with scores (M,) or None, or a count, or both."""


def named(predictor: Predictor) -> str:
    """Return ``name@revision``; raise UsageError where the object is no predictor."""
    for attribute in ("name", "revision"):
        if not isinstance(getattr(predictor, attribute, None), str) or not getattr(predictor, attribute):
            raise UsageError(f"{type(predictor).__name__} is no predictor: it has no {attribute!r} that is a string")
    if not callable(getattr(predictor, "predict", None)):
        raise UsageError(f"{type(predictor).__name__} is no predictor: it has no method 'predict'")
    size = getattr(predictor, "batch_size", 1)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise UsageError(
            f"{type(predictor).__name__}.batch_size: expected a whole number of at least 1, found {size!r}"
        )
    return f"{predictor.name}@{predictor.revision}"


def answers(predictor: Predictor, images: Sequence[Image]) -> list[Answer]:
    """Ask a predictor and check what it says.

    Raises
    ------
    PredictorError
        If it raises, gives too few or too many answers, or one that is no prediction; names adapter and image.
    """
    who = named(predictor)
    ids = ", ".join(repr(image.id) for image in images)
    try:
        given = list(predictor.predict(images))
    except PredictorError as problem:
        raise PredictorError(f"{who}, image {ids}: {problem}") from problem
    except (Exception, SystemExit) as problem:
        raise PredictorError(f"{who}, image {ids}: {type(problem).__name__}: {problem}") from problem
    if len(given) != len(images):
        raise PredictorError(f"{who}, image {ids}: expected {len(images)} answers, found {len(given)}")
    return [_checked(answer, who, image.id) for answer, image in zip(given, images, strict=True)]


def _checked(answer: Any, who: str, image: str) -> Answer:
    where = f"{who}, image {image!r}"
    parts = _parts(answer, where)
    try:
        if parts.get("points") is None:
            if parts.get("scores") is not None:
                raise InputError("found scores and no points")
            count = _count(parts.get("count"))
            if count is None:
                raise InputError("found neither points nor a count")
            return Answer(xy=None, count=count)
        xy = as_points("points", parts["points"])
        scores = parts.get("scores")
        score = None if scores is None else as_column("scores", scores, len(xy))
        return Answer(xy=xy, score=score, count=_count(parts.get("count")))
    except InputError as problem:
        raise PredictorError(f"{where}: {problem}") from None


def _parts(answer: Any, where: str) -> Mapping[str, Any]:
    if isinstance(answer, Mapping):
        unknown = [str(key) for key in answer if key not in KEYS]
        if unknown:
            raise PredictorError(f"{where}: an answer has no key {unknown[0]!r}{did_you_mean(unknown[0], KEYS)}")
        return answer
    if isinstance(answer, tuple) and len(answer) == 2 and _rows(answer[0]):
        return {"points": answer[0], "scores": answer[1]}
    if answer is None:
        raise PredictorError(f"{where}: expected points, found nothing")
    return {"points": answer}


def _rows(value: Any) -> bool:
    """Tell a table of points from two numbers; what is neither is a table, and refused as one."""
    try:
        return np.ndim(value) == 2 or np.size(value) == 0
    except ValueError:
        return True


def _count(value: Any) -> float | None:
    if value is None:
        return None
    try:
        count = float(value)
    except (TypeError, ValueError):
        raise InputError(f"count: expected a number, found {shown(value)}") from None
    if not 0 <= count <= 1e9:
        raise InputError(f"count: expected a number from 0 to 1e9, found {count}")
    return count
