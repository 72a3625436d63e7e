"""Assemble single images to the columns of a set, take a set apart, and join several sets.

One rule holds everywhere: an image, or a set, without points need not have scores, boxes, radii and levels. The others
must all have such a column, or all lack it. A mixture is an error that names an image of either kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import InputError, listed
from crowdeval.points.columns import Labels
from crowdeval.points.ragged import Floats, concatenate, offsets_of
from crowdeval.points.sets import POINT_COLUMNS, Annotations, Predictions

Part = TypeVar("Part")
Attribute = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImagePredictions:
    """The predictions of one image: points, or a count, or both.

    Parameters
    ----------
    xy : array of float, (M, 2), or None
        Points in pixels; None for a method that predicts counts only.
    score : array of float, (M,), optional
        Confidences.
    count : float, optional
        Estimated count where the method gives one.
    size : (float, float), optional
        Width and height of the frame that the points are in, where it may not be that of the image in pixels.
    labels : array of str, (M,), optional
        Class of each point.

    Examples
    --------
    >>> ImagePredictions(xy=None, count=12.5).points.shape
    (0, 2)
    """

    xy: Floats | None
    score: Floats | None = None
    count: float | None = None
    size: tuple[float, float] | None = None
    labels: Labels | None = None

    @property
    def points(self) -> Floats:
        """The points, (M, 2); no points where there is only a count."""
        return np.empty((0, 2)) if self.xy is None else self.xy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageAnnotations:
    """The true points of one image.

    Parameters
    ----------
    xy : array of float, (N, 2)
        Points in pixels.
    boxes : array of float, (N, 4), optional
        Head boxes x1, y1, x2, y2 in pixels.
    radii : array of float, (N, 2), optional
        sigma_s and sigma_l in pixels.
    level : array of int, (N,), optional
        Head-area level 0..5 (NWPU-Crowd).
    point_attributes : mapping of str to array, (N,), optional
        Other facts about each point.
    labels : array of str, (N,), optional
        Class of each point.

    Examples
    --------
    >>> ImageAnnotations(xy=np.array([[1.0, 2.0]]), boxes=np.array([[0.0, 1.0, 2.0, 3.0]])).xy.tolist()
    [[1.0, 2.0]]
    """

    xy: Floats
    boxes: Floats | None = None
    radii: Floats | None = None
    level: NDArray[np.int64] | None = None
    point_attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    labels: Labels | None = None


def assemble_predictions(images: Mapping[str, ImagePredictions]) -> Predictions:
    """Return the predictions of single images as one set.

    Parameters
    ----------
    images : mapping of str to ImagePredictions
        Predictions by image id; the set has the images in this order.

    Returns
    -------
    Predictions

    Raises
    ------
    InputError
        If some images with points have scores and some have none, or some have points and others only a count.

    Examples
    --------
    >>> head = ImagePredictions(xy=np.array([[1.0, 2.0]]), score=np.array([0.9]))
    >>> assemble_predictions({"a": head, "b": ImagePredictions(xy=np.empty((0, 2)))})
    Predictions(2 images, 1 points)
    """
    parts = list(images.values())
    located = [name for name, image in images.items() if image.xy is not None]
    if located and len(located) < len(images):
        counted = [name for name, image in images.items() if image.xy is None]
        raise InputError(
            f"predictions: points for {listed(located, most=2)} and only counts for {listed(counted, most=2)}; "
            "expected points for all images or for none"
        )
    points = [image.points for image in parts]
    scores = [image.score if len(image.points) else None for image in parts]
    counts = [np.nan if image.count is None else image.count for image in parts]
    return Predictions(
        image_ids=tuple(images),
        offsets=offsets_of([len(xy) for xy in points]),
        xy=join_arrays(points, width=2),
        score=column_of("scores", scores, [len(xy) for xy in points], join_arrays, names=tuple(images)),
        counts=None if np.isnan(counts).all() else np.array(counts),
        located=bool(located) or not images,
        sizes=size_column([image.size for image in parts]),
        labels=_joined_labels([image.labels for image in parts], [len(xy) for xy in points]),
    )


def assemble_annotations(
    images: Mapping[str, ImageAnnotations],
    *,
    sizes: Floats | None = None,
    attributes: Mapping[str, NDArray[Any]] | None = None,
    classes: Mapping[str, str] | None = None,
) -> Annotations:
    """Return the annotations of single images as one set.

    Parameters
    ----------
    images : mapping of str to ImageAnnotations
        True points by image id; the set has the images in this order.
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels; NaN where unknown.
    attributes : mapping of str to array, (m,), optional
        Other facts about the images.
    classes : mapping of str to str, optional
        Names of classes by their numbers.

    Returns
    -------
    Annotations

    Raises
    ------
    InputError
        If some images with points have a column and some have none.

    Examples
    --------
    >>> head = ImageAnnotations(xy=np.array([[1.0, 2.0]]))
    >>> assemble_annotations({"a": head, "b": ImageAnnotations(xy=np.empty((0, 2)))})
    Annotations(2 images, 1 points)
    """
    names, parts = tuple(images), list(images.values())
    counts = [len(image.xy) for image in parts]
    return Annotations(
        image_ids=names,
        offsets=offsets_of(counts),
        xy=join_arrays([image.xy for image in parts], width=2),
        boxes=column_of("boxes", [image.boxes for image in parts], counts, join_arrays, names=names),
        radii=column_of("radii", [image.radii for image in parts], counts, join_arrays, names=names),
        level=column_of("level", [image.level for image in parts], counts, join_arrays, names=names),
        sizes=sizes,
        attributes=attributes or {},
        point_attributes=_point_attributes([image.point_attributes for image in parts], counts, names),
        labels=_joined_labels([image.labels for image in parts], counts),
        classes=classes or {},
    )


def size_column(sizes: Sequence[tuple[float, float] | None]) -> Floats | None:
    """Return the widths and heights of images as a column.

    Parameters
    ----------
    sizes : sequence of (float, float) or None
        Width and height of each image; None where they are unknown.

    Returns
    -------
    array of float, (m, 2), or None
        NaN where unknown; None if all are.

    Examples
    --------
    >>> size_column([(640, 480), None]).tolist(), size_column([None])
    ([[640.0, 480.0], [nan, nan]], None)
    """
    if all(size is None for size in sizes):
        return None
    return np.array([(np.nan, np.nan) if size is None else size for size in sizes], dtype=np.float64)


def image_predictions(predictions: Predictions) -> dict[str, ImagePredictions]:
    """Return the predictions of every image of a set.

    Parameters
    ----------
    predictions : Predictions
        The set.

    Returns
    -------
    dict of str to ImagePredictions
        Predictions by image id, in the order of the set.

    Examples
    --------
    >>> predictions = Predictions(image_ids=["a", "b"], offsets=[0, 1, 1], xy=[[1.0, 2.0]], score=[0.9])
    >>> {name: image.xy.tolist() for name, image in image_predictions(predictions).items()}
    {'a': [[1.0, 2.0]], 'b': []}
    """
    counts = np.full(len(predictions.image_ids), np.nan) if predictions.counts is None else predictions.counts
    sizes = np.full((len(counts), 2), np.nan) if predictions.sizes is None else predictions.sizes
    rows = [slice(start, end) for start, end in pairwise(predictions.offsets.tolist())]
    return {
        name: ImagePredictions(
            xy=predictions.xy[own_rows] if predictions.located else None,
            score=None if predictions.score is None else predictions.score[own_rows],
            count=None if count != count else count,  # only NaN differs from itself
            size=None if np.isnan(size).any() else (float(size[0]), float(size[1])),
            labels=None if predictions.labels is None else predictions.labels[own_rows],
        )
        for name, own_rows, count, size in zip(predictions.image_ids, rows, counts.tolist(), sizes, strict=True)
    }


def image_annotations(annotations: Annotations, image: int) -> ImageAnnotations:
    """Return the true points of one image of a set.

    Parameters
    ----------
    annotations : Annotations
        The set.
    image : int
        Position of the image in the set.

    Returns
    -------
    ImageAnnotations

    Examples
    --------
    >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 1, 2], xy=[[1.0, 2.0], [3.0, 4.0]])
    >>> image_annotations(truth, 1).xy.tolist()
    [[3.0, 4.0]]
    """
    rows = slice(int(annotations.offsets[image]), int(annotations.offsets[image + 1]))
    columns = {name: getattr(annotations, name) for name in POINT_COLUMNS}
    parts: dict[str, Any] = {name: None if column is None else column[rows] for name, column in columns.items()}
    point_attributes = {name: values[rows] for name, values in annotations.point_attributes.items()}
    return ImageAnnotations(**parts, point_attributes=point_attributes)


@overload
def concatenated(sets: Iterable[Predictions]) -> Predictions: ...
@overload
def concatenated(sets: Iterable[Annotations]) -> Annotations: ...
def concatenated(sets: Iterable[Predictions] | Iterable[Annotations]) -> Predictions | Annotations:
    """Return several sets of different images as one, the images of the first set first.

    Parameters
    ----------
    sets : iterable of Predictions, or of Annotations
        At least one set. A set without points need not have the scores or boxes that the others have.

    Returns
    -------
    Predictions or Annotations

    Raises
    ------
    InputError
        If an image is in two sets, if only some sets with points have scores, boxes, radii or levels, or if some
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
    """Join the parts of one column that images, or sets, have.

    Parameters
    ----------
    name : str
        Name of the column, for an error message.
    parts : sequence
        Part of the column of each image or set; None where it has no such column.
    counts : sequence of int
        Number of points of each; without points it need not have the column.
    join : callable
        Function that joins the parts that are not None.
    names : sequence of str
        Name of each image or set, for an error message.

    Returns
    -------
    array or None
        None where no image or set with points has the column.

    Raises
    ------
    InputError
        If some images or sets with points have the column and some lack it.

    Examples
    --------
    >>> column_of("scores", [np.array([0.9]), None], [1, 0], np.concatenate, names=["a", "b"])
    array([0.9])
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
            raise InputError(
                f"only some images have {name}: {listed(having, most=2)}, not {listed(lacking, most=2)}; "
                "expected all images with points to have them, or none"
            )
    return join(present)


def join_arrays(parts: Sequence[NDArray[Any]], *, width: int | None = None) -> NDArray[Any]:
    """Concatenate arrays along their rows.

    Parameters
    ----------
    parts : sequence of array
        Arrays of one shape apart from the number of rows.
    width : int, optional
        Number of columns of the empty result where there are no arrays; without it that result is one-dimensional.

    Returns
    -------
    array

    Examples
    --------
    >>> join_arrays([np.ones((1, 2)), np.zeros((1, 2))]).tolist(), join_arrays([], width=2).shape
    ([[1.0, 1.0], [0.0, 0.0]], (0, 2))
    """
    if not parts:
        return np.empty(0 if width is None else (0, width))
    return np.concatenate(parts)


def attribute_columns(images: Sequence[Mapping[str, Attribute]]) -> dict[str, NDArray[Any]]:
    """Return the attributes of single images as columns, one an attribute, each of the narrowest type.

    Parameters
    ----------
    images : sequence of mapping
        Attributes of each image by name; a name that an image lacks is None (unknown) there.

    Returns
    -------
    dict of str to array, (m,)

    Examples
    --------
    >>> attribute_columns([{"weather": "fog", "level": 1}, {"level": 2}])
    {'weather': array(['fog', None], dtype=object), 'level': array([1, 2])}
    """
    names = dict.fromkeys(chain.from_iterable(images))
    return {name: attribute_column([image.get(name) for image in images]) for name in names}


def attribute_column(values: Sequence[Attribute]) -> NDArray[Any]:
    """Return the narrowest column that holds these values: int, float with NaN for None, bool, str, else objects.

    Parameters
    ----------
    values : sequence of str, int, float, bool or None
        Values of one attribute; None where it is unknown.

    Returns
    -------
    array, (len(values),)

    Examples
    --------
    >>> attribute_column([1, 2]), attribute_column([1, None]), attribute_column(["a", None])
    (array([1, 2]), array([ 1., nan]), array(['a', None], dtype=object))
    """
    kinds = {type(value) for value in values}
    # Numbers of mixed type, or with unknown ones among them; integers alone keep their type in the second branch.
    if kinds <= {int, float, type(None)} and kinds & {int, float} and kinds != {int}:
        numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        pairs = zip(values, numbers.tolist(), strict=True)  # a large integer may have no equal float
        if all(value is None or value == number or value != value for value, number in pairs):
            return numbers
    elif len(kinds) == 1:
        column = np.array(values)
        if column.tolist() == list(values):  # NumPy drops trailing NUL characters
            return column
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _joined_labels(parts: Sequence[Labels | None], counts: Sequence[int]) -> Labels | None:
    """Return the classes of the points of images or sets, empty where one has none; None where none has any."""
    if all(part is None for part in parts):
        return None
    columns = [
        np.full(count, "", dtype=object) if part is None else part for part, count in zip(parts, counts, strict=True)
    ]
    return np.concatenate(columns)


def _point_attributes(
    images: Sequence[Mapping[str, NDArray[Any]]], counts: Sequence[int], names: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Return one column an attribute of the points; the type is decided by images with points only."""
    columns = {}
    for name in dict.fromkeys(chain.from_iterable(images)):
        parts = [image.get(name) for image in images]
        peopled = [part if count else None for part, count in zip(parts, counts, strict=True)]
        column = column_of(name, peopled, counts, join_arrays, names=names)
        columns[name] = column if column is not None else next(part for part in parts if part is not None)[:0]
    return columns


def _concatenated_predictions(parts: Sequence[Predictions]) -> Predictions:
    """Return several sets of predictions as one."""
    located = [part.located for part in parts if part.image_ids]
    if any(located) and not all(located):
        raise InputError(
            "some of the predictions are points and some are only counts; expected points in all sets or in none"
        )
    points = concatenate([part.points for part in parts])
    counts = [np.full(len(part.image_ids), np.nan) if part.counts is None else part.counts for part in parts]
    return Predictions(
        image_ids=tuple(name for part in parts for name in part.image_ids),
        offsets=points.offsets,
        xy=points.xy,
        score=_set_column("scores", parts, [part.score for part in parts]),
        counts=np.concatenate(counts) if any(part.counts is not None for part in parts) else None,
        located=all(located),
        sizes=_set_sizes(parts),
        labels=_joined_labels([part.labels for part in parts], [len(part.xy) for part in parts]),
    )


def _concatenated_annotations(parts: Sequence[Annotations]) -> Annotations:
    """Return several sets of annotations as one."""
    located = all(part.located for part in parts if part.image_ids)
    if not located and any(part.located for part in parts if part.image_ids):
        raise InputError(
            "some of the annotations are points and some are only counts; expected points in all sets or in none"
        )
    points = concatenate([part.points for part in parts])
    names = dict.fromkeys(chain.from_iterable(part.attributes for part in parts))
    return Annotations(
        image_ids=tuple(name for part in parts for name in part.image_ids),
        offsets=points.offsets,
        xy=points.xy,
        boxes=_set_column("boxes", parts, [part.boxes for part in parts]),
        radii=_set_column("radii", parts, [part.radii for part in parts]),
        level=_set_column("level", parts, [part.level for part in parts]),
        sizes=_set_sizes(parts),
        labels=_joined_labels([part.labels for part in parts], [len(part.xy) for part in parts]),
        classes=_set_classes(parts),
        counts=None if located else np.concatenate([part.counts for part in parts]),
        located=located,
        attributes={name: _join_attribute(name, parts) for name in names},
        point_attributes=_point_attributes(
            [part.point_attributes for part in parts], [len(part.xy) for part in parts], _set_names(parts)
        ),
    )


def _join_attribute(name: str, parts: Sequence[Annotations]) -> NDArray[Any]:
    """Return an attribute of the images of all sets; it is unknown (None, NaN) in the images of a set that lacks it."""
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
    """Return one point column of several sets as one."""
    return column_of(name, columns, [len(part.xy) for part in parts], join_arrays, names=_set_names(parts))


def _set_sizes(parts: Sequence[Predictions] | Sequence[Annotations]) -> Floats | None:
    """Return the sizes of all sets, NaN in a set that has none; None where no set has sizes."""
    if all(part.sizes is None for part in parts):
        return None
    return np.concatenate(
        [np.full((len(part.image_ids), 2), np.nan) if part.sizes is None else part.sizes for part in parts]
    )


def _set_classes(parts: Sequence[Annotations]) -> dict[str, str]:
    """Return the names of the classes of all sets, in which a number must mean one class."""
    classes: dict[str, str] = {}
    for number, name in chain.from_iterable(part.classes.items() for part in parts):
        if classes.setdefault(number, name) != name:
            raise InputError(f"class {number} is {classes[number]!r} in one set and {name!r} in another")
    return classes


def _set_names(parts: Sequence[Predictions] | Sequence[Annotations]) -> list[str]:
    """Return the name of each set for an error message: its first image."""
    return [part.image_ids[0] if part.image_ids else "an empty set" for part in parts]
