"""The contract of a predictor, and the check of its answers.

A predictor is any object with these attributes:

``name`` : str
    The model, as leaderboards show it.
``revision`` : str
    The version of the model: a release, or the hash of a checkpoint.
``predict(images)``
    Returns one answer for each image, in the order of the images. An answer has one of these forms:

    - ``points``: an array or tensor (M, 2) in pixels of the image, or (M, 3) with confidences;
    - ``(points, scores)``;
    - a mapping with some of the keys ``points``, ``boxes`` (M, 4) as x1, y1, x2, y2, ``scores`` (M,), ``count`` and
      ``density``, a map whose sum is the count;
    - a number, which is a count; a data frame with the columns x, y and perhaps score; detections of Supervision or
      Ultralytics.

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

import math
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import InputError, PredictorError, UsageError, listed
from crowdeval.points.assemble import ImagePredictions
from crowdeval.points.from_images import predictions_of_entry
from crowdeval.points.ragged import as_column, as_floats, as_points

LARGEST_COUNT = 1e9
"""The largest count that an answer may have."""


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
        The file from which it was read; None for a scaled or mirrored view, and for a frame of a video.
    window : tuple of int, optional
        Left, top, right and bottom of a tile in pixels of the file; None for the whole file.
    size : tuple of int, optional
        Width and height in pixels of a frame of a video, also where ``pixels`` is empty.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image as Pillow
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.png")
    ...     Pillow.fromarray(np.array([[0, 4095], [7, 8]], dtype=np.uint16)).save(path)
    ...     tile = Image(id="a", pixels=np.zeros((1, 2, 3), dtype=np.uint8), path=path, window=(0, 1, 2, 2))
    ...     tile.raw
    array([[7, 8]], dtype=uint16)
    """

    id: str
    pixels: NDArray[np.uint8]
    path: Path | None = None
    window: tuple[int, int, int, int] | None = None
    size: tuple[int, int] | None = None

    @property
    def raw(self) -> NDArray[Any]:
        """The samples as the file has them: (H, W) or (H, W, bands), of the file's type, cut to ``window``.

        They are read anew each time. Of a frame of a video they are ``pixels``.

        Raises
        ------
        PredictorError
            If there is no file, or rasterio, which is not installed, is needed for its samples.
        """
        from crowdeval.adapters.raw import samples

        if self.path is not None:
            return samples(self.path, self.window, self.pixels)
        if self.size is not None and self.pixels.size:
            return self.pixels
        raise PredictorError(f"image {self.id!r} has no samples of a file: it is scaled, mirrored or made in memory")


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
        given = predictor.predict(images)
        if isinstance(given, Mapping):
            raise PredictorError(
                "predict returned one mapping; expected a list with one answer for each image, such as [{'points': "
                "...}]"
            )
        raw_answers = list(given)
    except PredictorError as problem:
        raise PredictorError(f"{model}, image {ids}: {problem}") from problem
    except (Exception, SystemExit) as problem:
        raise own_failure(f"{model}, image {ids}", problem) from problem
    if len(raw_answers) != len(images):
        raise PredictorError(f"{model}, image {ids}: expected {len(images)} answers, found {len(raw_answers)}")
    _refuse_shared(raw_answers, f"{model}, image {ids}")
    return [_check_answer(raw, f"{model}, image {image.id!r}") for raw, image in zip(raw_answers, images, strict=True)]


def _refuse_shared(raw_answers: Sequence[Any], place: str) -> None:
    """Raise PredictorError where several images have the same array as answer, which was then filled again."""
    arrays = [raw for raw in raw_answers if isinstance(raw, np.ndarray) and raw.size]
    if len({id(raw) for raw in arrays}) < len(arrays):
        raise PredictorError(f"{place}: the same array is the answer for several images; return a copy for each")


def own_failure(place: str, problem: BaseException) -> PredictorError:
    """Return the error of an exception that a predictor raised, with the last line of its author's code.

    Parameters
    ----------
    place : str
        Words for the predictor and the image.
    problem : BaseException
        The exception.

    Returns
    -------
    PredictorError
        Its ``trace`` has the whole traceback.

    Examples
    --------
    >>> str(own_failure("model@1", ValueError("out of memory")))
    'model@1: ValueError: out of memory'
    """
    lines = traceback.extract_tb(problem.__traceback__)
    theirs = [line for line in lines if not line.filename.startswith(_OURS) and "site-packages" not in line.filename]
    where = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno}: {theirs[-1].line})" if theirs else ""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in str(problem)).split())
    hint = next((hint for part, hint in _HINTS.items() if part in text), "")
    error = PredictorError(f"{place}: {type(problem).__name__}: {text}{where}{hint}")
    error.trace = "".join(traceback.format_exception(problem))
    return error


_HINTS = {
    "'Image' object": "; an Image has id, pixels and path: a function whose parameter is called pixels gets the array",
    "read-only": "; the pixels can't be changed in place: work on pixels.copy()",
}
"""Parts of messages to hints that lead to the mend."""

_OURS = str(Path(__file__).parent.parent)
"""The folder of this package, whose lines are not the author's."""


def _check_answer(raw: Any, place: str) -> Answer:
    """Return an answer of any form as an ``Answer``; ``place`` names predictor and image in errors."""
    if raw is None:
        raise PredictorError(f"{place}: expected points, found nothing (does 'predict' return None?)")
    try:
        entry = predictions_of_entry(place, _without_map(raw, place))
        if entry.size is not None:
            raise InputError(f"{place}: an answer has no size: its points are in pixels of the image")
        classes = [] if entry.labels is None else sorted(set(entry.labels.tolist()))
        if len(classes) > 1:
            raise InputError(
                f"{place}: expected points of one class, found {listed(classes)}; keep those that are people"
            )
        xy = None if entry.xy is None else as_points(f"{place}: points", entry.xy)
        score = entry.score
        if score is not None and xy is not None:
            score = as_column(f"{place}: scores", score, len(xy))
        if entry.count is not None and not 0 <= entry.count <= LARGEST_COUNT:
            raise InputError(f"{place}: count: expected a number from 0 to {LARGEST_COUNT:.0e}, found {entry.count:g}")
        return Answer(xy=xy, score=score, count=entry.count)
    except InputError as problem:
        raise PredictorError(str(problem)) from None


def _without_map(raw: Any, place: str) -> Any:
    """Return an answer in which a density map is its sum, the count; points beside it stay."""
    if not (isinstance(raw, Mapping) and raw.get("density") is not None):
        return raw
    density = as_floats(f"{place}: density", raw["density"])
    if density.ndim > 2 and density.size != math.prod(density.shape[-2:]):
        raise InputError(f"{place}: density: expected one map (H, W), found an array of shape {density.shape}")
    if not np.isfinite(density).all():
        raise InputError(f"{place}: density: expected finite numbers")
    return {"count": max(float(density.sum()), 0.0), **{name: each for name, each in raw.items() if name != "density"}}
