"""From images one by one to the columns of a set, and back; several sets as one.

One rule holds everywhere: an image, or a set, without points says nothing about scores, boxes, radii and levels. The
others must all have such a column, or all lack it; what is mixed is refused, naming both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import InputError, listed
from crowdeval.points.ragged import Floats, concatenate, offsets_of
from crowdeval.points.sets import POINT_COLUMNS, Annotations, Predictions

Part = TypeVar("Part")
Attribute = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImagePredictions:
    """What is predicted of one image: points (M, 2) with scores (M,) or None, or a count, or both."""

    xy: Floats | None
    score: Floats | None = None
    count: float | None = None

    @property
    def points(self) -> Floats:
        """The points, none where there is only a count."""
        return np.empty((0, 2)) if self.xy is None else self.xy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageAnnotations:
    """The true points of one image; columns as in ``Annotations``."""

    xy: Floats
    boxes: Floats | None = None
    radii: Floats | None = None
    level: NDArray[np.int64] | None = None
    point_attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def assembled_predictions(images: Mapping[str, ImagePredictions]) -> Predictions:
    """Return the predictions of images one by one.

    Parameters
    ----------
    images : mapping of str to ImagePredictions
        What is predicted, by image id.

    Raises
    ------
    InputError
        If some images with points have scores and some have none, or some have points and others only a count.
    """
    given = list(images.values())
    located = [name for name, image in images.items() if image.xy is not None]
    if located and len(located) < len(images):
        counted = [name for name, image in images.items() if image.xy is None]
        raise InputError(f"points for {listed(located, most=2)} and only counts for {listed(counted, most=2)}")
    points = [image.points for image in given]
    scores = [image.score if len(image.points) else None for image in given]
    counts = [np.nan if image.count is None else image.count for image in given]
    return Predictions(
        image_ids=tuple(images),
        offsets=offsets_of([len(xy) for xy in points]),
        xy=joined(points, width=2),
        score=column_of("scores", scores, [len(xy) for xy in points], joined, names=tuple(images)),
        counts=None if np.isnan(counts).all() else np.array(counts),
        located=bool(located) or not images,
    )


def assembled_annotations(
    images: Mapping[str, ImageAnnotations],
    *,
    sizes: Floats | None = None,
    attributes: Mapping[str, NDArray[Any]] | None = None,
) -> Annotations:
    """Return the annotations of images one by one.

    Parameters
    ----------
    images : mapping of str to ImageAnnotations
        The true points, by image id.
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels; NaN where unknown.
    attributes : mapping of str to array, (m,), optional
        Anything else that is known of the images.

    Raises
    ------
    InputError
        If some images with points have a column and some have none.
    """
    names, given = tuple(images), list(images.values())
    counts = [len(image.xy) for image in given]
    return Annotations(
        image_ids=names,
        offsets=offsets_of(counts),
        xy=joined([image.xy for image in given], width=2),
        boxes=column_of("boxes", [image.boxes for image in given], counts, joined, names=names),
        radii=column_of("radii", [image.radii for image in given], counts, joined, names=names),
        level=column_of("level", [image.level for image in given], counts, joined, names=names),
        sizes=sizes,
        attributes=attributes or {},
        point_attributes=_point_attributes([image.point_attributes for image in given], counts, names),
    )


def image_predictions(predictions: Predictions) -> dict[str, ImagePredictions]:
    """Return what is predicted of each image, by id."""
    counts = np.full(len(predictions.image_ids), np.nan) if predictions.counts is None else predictions.counts
    rows = [slice(start, end) for start, end in pairwise(predictions.offsets.tolist())]
    return {
        name: ImagePredictions(
            xy=predictions.xy[of] if predictions.located else None,
            score=None if predictions.score is None else predictions.score[of],
            count=None if count != count else count,
        )
        for name, of, count in zip(predictions.image_ids, rows, counts.tolist(), strict=True)
    }


def image_annotations(annotations: Annotations, image: int) -> ImageAnnotations:
    """Return the true points of one image of a set."""
    rows = slice(int(annotations.offsets[image]), int(annotations.offsets[image + 1]))
    columns = {name: getattr(annotations, name) for name in POINT_COLUMNS}
    own: dict[str, Any] = {name: None if column is None else column[rows] for name, column in columns.items()}
    of_points = {name: values[rows] for name, values in annotations.point_attributes.items()}
    return ImageAnnotations(**own, point_attributes=of_points)


@overload
def concatenated(sets: Iterable[Predictions]) -> Predictions: ...
@overload
def concatenated(sets: Iterable[Annotations]) -> Annotations: ...
def concatenated(sets: Iterable[Predictions] | Iterable[Annotations]) -> Predictions | Annotations:
    """Return several sets of different images as one, the images of the first set first.

    Parameters
    ----------
    sets : iterable of Predictions, or of Annotations
        At least one. A set without points is neutral: it need not have the scores or boxes that the others have.

    Returns
    -------
    Predictions or Annotations

    Raises
    ------
    InputError
        If an image is in two of them, if only some sets with points have scores, boxes, radii or levels, or if some
        predictions are points and others only counts.

    Examples
    --------
    >>> one = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]], score=[0.5])
    >>> two = Predictions(image_ids=["b"], offsets=[0, 0], xy=[])
    >>> concatenated([one, two])
    Predictions(2 images, 1 points)
    """
    parts = list(sets)
    predictions = [part for part in parts if isinstance(part, Predictions)]
    annotations = [part for part in parts if isinstance(part, Annotations)]
    if parts and len(predictions) == len(parts):
        return _concatenated_predictions(predictions)
    if parts and len(annotations) == len(parts):
        return _concatenated_annotations(annotations)
    found = listed(sorted({type(part).__name__ for part in parts})) or "nothing"
    raise InputError(f"expected at least one set, all Predictions or all Annotations, found {found}")


def column_of(
    name: str,
    parts: Sequence[Part | None],
    counts: Sequence[int],
    join: Callable[[list[Part]], NDArray[Any]],
    *,
    names: Sequence[str],
) -> Any:
    """Return one column from the parts of it that images, or sets, have; None where none of them has it.

    Parameters
    ----------
    name : str
        What the column is called in an error.
    parts : sequence
        What each has; None where it has nothing.
    counts : sequence of int
        How many points each has: without any it need not have the column.
    join : callable
        Puts the parts that there are together.
    names : sequence of str
        What each is called in an error.
    """
    present = [part for part in parts if part is not None]
    if not present:
        return None
    if len(present) < len(parts):
        lacking = [names[i] for i, part in enumerate(parts) if part is None and counts[i]]
        having = [names[i] for i, part in enumerate(parts) if part is not None and counts[i]]
        if lacking and not having:
            return None
        if lacking:
            raise InputError(f"only some images have {name}: {listed(having, most=2)}, not {listed(lacking, most=2)}")
    return join(present)


def joined(parts: Sequence[NDArray[Any]], *, width: int | None = None) -> NDArray[Any]:
    """Return arrays one after the other; ``width`` is that of the result where there are none."""
    if not parts:
        return np.empty(0 if width is None else (0, width))
    return np.concatenate(parts)


def attribute_columns(images: Sequence[Mapping[str, Attribute]]) -> dict[str, NDArray[Any]]:
    """Return one column an attribute of images one by one, each of the narrowest type."""
    names = dict.fromkeys(chain.from_iterable(images))
    return {name: attribute_column([image.get(name) for image in images]) for name in names}


def attribute_column(values: Sequence[Attribute]) -> NDArray[Any]:
    """Return the narrowest column that holds these values: int, float with NaN for None, bool, str, else objects.

    >>> attribute_column([1, 2]), attribute_column([1, None]), attribute_column(["a", None])
    (array([1, 2]), array([ 1., nan]), array(['a', None], dtype=object))
    """
    kinds = {type(value) for value in values}
    if kinds <= {int, float, type(None)} and kinds & {int, float} and kinds != {int}:
        numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        same = zip(values, numbers.tolist(), strict=True)  # a large integer may have no equal float
        if all(value is None or value == number or value != value for value, number in same):
            return numbers
    elif len(kinds) == 1:
        column = np.array(values)
        if column.tolist() == list(values):  # NumPy drops trailing NUL characters
            return column
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _point_attributes(
    images: Sequence[Mapping[str, NDArray[Any]]], counts: Sequence[int], names: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Return one column an attribute of the points; an image without points must not decide its type."""
    columns = {}
    for name in dict.fromkeys(chain.from_iterable(images)):
        parts = [image.get(name) for image in images]
        peopled = [part if count else None for part, count in zip(parts, counts, strict=True)]
        column = column_of(name, peopled, counts, joined, names=names)
        columns[name] = column if column is not None else next(part for part in parts if part is not None)[:0]
    return columns


def _concatenated_predictions(parts: Sequence[Predictions]) -> Predictions:
    located = [part.located for part in parts if part.image_ids]
    if any(located) and not all(located):
        raise InputError("some of the predictions are points and some are only counts")
    points = concatenate([part.points for part in parts])
    counts = [
        np.full(len(part.image_ids), np.nan if part.located else 0.0) if part.counts is None else part.counts
        for part in parts
    ]
    return Predictions(
        image_ids=tuple(name for part in parts for name in part.image_ids),
        offsets=points.offsets,
        xy=points.xy,
        score=_set_column("scores", parts, [part.score for part in parts]),
        counts=np.concatenate(counts) if any(part.counts is not None for part in parts) else None,
        located=all(located),
    )


def _concatenated_annotations(parts: Sequence[Annotations]) -> Annotations:
    points = concatenate([part.points for part in parts])
    unknown = [np.full((len(part.image_ids), 2), np.nan) for part in parts]
    sizes = [nan if part.sizes is None else part.sizes for part, nan in zip(parts, unknown, strict=True)]
    names = dict.fromkeys(chain.from_iterable(part.attributes for part in parts))
    return Annotations(
        image_ids=tuple(name for part in parts for name in part.image_ids),
        offsets=points.offsets,
        xy=points.xy,
        boxes=_set_column("boxes", parts, [part.boxes for part in parts]),
        radii=_set_column("radii", parts, [part.radii for part in parts]),
        level=_set_column("level", parts, [part.level for part in parts]),
        sizes=np.concatenate(sizes) if any(part.sizes is not None for part in parts) else None,
        attributes={name: _joined_attribute(name, parts) for name in names},
        point_attributes=_point_attributes(
            [part.point_attributes for part in parts], [len(part.xy) for part in parts], _set_names(parts)
        ),
    )


def _joined_attribute(name: str, parts: Sequence[Annotations]) -> NDArray[Any]:
    """Return an attribute of the images of all sets; it is unknown (None, NaN) in those of a set that lacks it."""
    columns = [part.attributes.get(name) for part in parts]
    present = [column for column in columns if column is not None]
    if len(present) == len(columns) and len({column.dtype.kind for column in present}) == 1:
        return np.concatenate(present)
    values = [
        [None] * len(part.image_ids) if column is None else column.tolist()
        for part, column in zip(parts, columns, strict=True)
    ]
    return attribute_column(list(chain.from_iterable(values)))


def _set_column(name: str, parts: Sequence[Predictions] | Sequence[Annotations], columns: Sequence[Any]) -> Any:
    return column_of(name, columns, [len(part.xy) for part in parts], joined, names=_set_names(parts))


def _set_names(parts: Sequence[Predictions] | Sequence[Annotations]) -> list[str]:
    """Return what each set is called in an error: by its first image."""
    return [part.image_ids[0] if part.image_ids else "an empty set" for part in parts]
