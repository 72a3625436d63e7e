"""Image objects of native JSON and JSON lines, and their conversion to columns and back.

An image object has the keys

- id, points, scores, labels, count, width, height where it is a predicted image;
- id, points, labels, count, width, height, boxes, radii, levels, attributes, point_attributes where it is an annotated
  image.

Width and height are the size of an annotated image, and the frame of the points of a predicted one.

Image objects that do not fit together raise InputError here. The readers then go through the file again, to find the
place and the reason of every problem (``image_walk``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from crowdeval.errors import InputError, listed, shown
from crowdeval.formats.contract import Kind
from crowdeval.points.assemble import Attribute, attribute_column, attribute_columns, column_of
from crowdeval.points.columns import Labels
from crowdeval.points.ragged import Floats, offsets_of
from crowdeval.points.sets import Annotations, Predictions

LARGEST_COUNT = 1e9
"""The largest count of people that is accepted; a larger one is taken for a mistake."""

LARGEST_LEVEL = 5
"""The largest head-area level; NWPU-Crowd has the levels 0 to 5."""

Pair = tuple[float, float]
Quad = tuple[float, float, float, float]
Rows = list[tuple[float, ...]]


class PredictedImage(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The predictions of one image: points in pixels, or only a count."""

    id: str
    points: list[Pair] | UnsetType = UNSET
    scores: list[float] | UnsetType = UNSET
    count: float | UnsetType = UNSET
    width: float | UnsetType = UNSET
    height: float | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET


class AnnotatedImage(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The annotations of one image, all lengths in pixels: points, or only a count."""

    id: str
    points: list[Pair] | UnsetType = UNSET
    width: float | UnsetType = UNSET
    height: float | UnsetType = UNSET
    boxes: list[Quad] | UnsetType = UNSET
    radii: list[Pair] | UnsetType = UNSET
    levels: list[int] | UnsetType = UNSET
    attributes: dict[str, Attribute] | UnsetType = UNSET
    point_attributes: dict[str, list[Attribute]] | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET
    count: float | UnsetType = UNSET


class Header(msgspec.Struct, forbid_unknown_fields=True):
    """The optional first line of JSON lines, with the kind of the file."""

    format: str


def format_mark(kind: Kind) -> str:
    """Return the value of the key ``"format"`` of a file.

    Parameters
    ----------
    kind : {"predictions", "annotations"}
        The kind of file.

    Returns
    -------
    str

    Examples
    --------
    >>> format_mark("predictions")
    'crowdeval/predictions@1'
    """
    return f"crowdeval/{kind}@1"


def predictions_of(images: Sequence[PredictedImage]) -> Predictions:
    """Return the columns of predicted images.

    Parameters
    ----------
    images : sequence of PredictedImage
        The image objects.

    Returns
    -------
    Predictions
        Images in the order of the objects.

    Raises
    ------
    InputError
        If only some images have points, or scores and points differ in number, or a value is not valid.

    Examples
    --------
    >>> predictions = predictions_of([PredictedImage("IMG_1", points=[(10, 20)], scores=[0.9])])
    >>> predictions.xy.tolist(), predictions.score.tolist()
    ([[10.0, 20.0]], [0.9])
    """
    located, points = _points_of(images)
    return Predictions(
        image_ids=_image_ids(image.id for image in images),
        offsets=offsets_of([len(rows) for rows in points]),
        xy=_flat(points, 2),
        score=_column("scores", images, points, lambda image: image.scores),
        counts=counts_of([image.count for image in images]),
        located=located,
        sizes=sizes_of([(image.width, image.height) for image in images]),
        labels=_labels_of(images, points),
    )


def annotations_of(images: Sequence[AnnotatedImage]) -> Annotations:
    """Return the columns of annotated images.

    Parameters
    ----------
    images : sequence of AnnotatedImage
        The image objects.

    Returns
    -------
    Annotations
        Images in the order of the objects.

    Raises
    ------
    InputError
        If a column and the points of an image differ in number, or a value is not valid.

    Examples
    --------
    >>> annotations = annotations_of([AnnotatedImage("IMG_1", points=[(10, 20)], width=640, height=480)])
    >>> annotations.xy.tolist(), annotations.sizes.tolist()
    ([[10.0, 20.0]], [[640.0, 480.0]])
    """
    located, points = _points_of(images)
    counts = counts_of([image.count for image in images])
    levels = _column("levels", images, points, lambda image: image.levels)
    return Annotations(
        image_ids=_image_ids(image.id for image in images),
        offsets=offsets_of([len(rows) for rows in points]),
        xy=_flat(points, 2),
        boxes=_column("boxes", images, points, lambda image: image.boxes, width=4),
        radii=_column("radii", images, points, lambda image: image.radii, width=2),
        level=None if levels is None else levels.astype(np.int64),
        sizes=sizes_of([(image.width, image.height) for image in images]),
        attributes=attribute_columns([image.attributes or {} for image in images]),
        point_attributes=_point_attributes([image.point_attributes or {} for image in images], points),
        labels=_labels_of(images, points),
        counts=_true_counts(counts, points, located=located),
        located=located,
    )


def _points_of(images: Sequence[PredictedImage] | Sequence[AnnotatedImage]) -> tuple[bool, list[list[Pair]]]:
    """Return whether images have points, and the points of every image; raise InputError where only some have."""
    located = not images or any(image.points is not UNSET for image in images)
    if located and any(image.points is UNSET for image in images):
        raise InputError("points for some images and only counts for others")
    return located, [image.points or [] for image in images]


def _true_counts(counts: Floats | None, points: Sequence[Sequence[Any]], *, located: bool) -> Floats | None:
    """Return the counts of annotated images; those of images with points are the numbers of points where unknown."""
    if counts is None:
        return None
    return np.where(np.isnan(counts), [len(rows) for rows in points], counts) if located else counts


def _labels_of(images: Sequence[Any], points: Sequence[Sequence[Any]]) -> Labels | None:
    """Return the classes of all points, empty for those of an image without classes; None where no image has any."""
    if all(image.labels is UNSET for image in images):
        return None
    if any(
        image.labels is not UNSET and len(image.labels) != len(rows) for image, rows in zip(images, points, strict=True)
    ):
        raise InputError("labels and points of different number")
    column = [image.labels or [""] * len(rows) for image, rows in zip(images, points, strict=True)]
    labels = np.empty(sum(map(len, points)), dtype=object)
    labels[:] = list(chain.from_iterable(column))
    return labels


def _short_form(kind: Kind, images: Mapping[str, Rows]) -> tuple[tuple[str, ...], Floats]:
    """Return the ids and the (N, 2 or 3) rows of the short form; raise InputError where lengths are mixed."""
    widths = set(map(len, chain.from_iterable(images.values()))) or {2}
    width = widths.pop()
    if widths or width not in ((2, 3) if kind == "predictions" else (2,)):
        raise InputError("rows of mixed or wrong length")
    return _image_ids(images), _flat(list(images.values()), width)


def predictions_of_rows(images: Mapping[str, Rows]) -> Predictions:
    """Return the columns of the short form ``{"IMG_1": [[x, y, score], ...]}``.

    Parameters
    ----------
    images : mapping of str to list of rows
        The rows of every image: all of them x, y in pixels, or all of them x, y and score.

    Returns
    -------
    Predictions

    Raises
    ------
    InputError
        If rows have different lengths, or a value is not valid.

    Examples
    --------
    >>> predictions_of_rows({"IMG_1": [(10, 20, 0.9)], "IMG_2": []}).score.tolist()
    [0.9]
    """
    ids, rows = _short_form("predictions", images)
    return Predictions(
        image_ids=ids,
        offsets=offsets_of([len(points) for points in images.values()]),
        xy=rows[:, :2],
        score=rows[:, 2] if rows.shape[1] == 3 else None,
    )


def annotations_of_rows(images: Mapping[str, Rows]) -> Annotations:
    """Return the columns of the short form ``{"IMG_1": [[x, y], ...]}``.

    Parameters
    ----------
    images : mapping of str to list of rows
        The rows x, y of every image, in pixels.

    Returns
    -------
    Annotations

    Raises
    ------
    InputError
        If a row has not two numbers, or a value is not valid.

    Examples
    --------
    >>> annotations_of_rows({"IMG_1": [(10, 20)], "IMG_2": []}).offsets.tolist()
    [0, 1, 1]
    """
    ids, rows = _short_form("annotations", images)
    return Annotations(image_ids=ids, offsets=offsets_of([len(points) for points in images.values()]), xy=rows)


def predicted_images(predictions: Predictions) -> Iterator[PredictedImage]:
    """Yield the image objects of predictions.

    Parameters
    ----------
    predictions : Predictions
        The predictions.

    Yields
    ------
    PredictedImage

    Examples
    --------
    >>> predictions = Predictions(image_ids=["IMG_1"], offsets=[0, 1], xy=[[10, 20]])
    >>> next(predicted_images(predictions)).points
    [[10.0, 20.0]]
    """
    for i, (start, end) in enumerate(pairwise(predictions.offsets.tolist())):
        image = PredictedImage(predictions.image_ids[i])
        if predictions.located:
            image.points = predictions.xy[start:end].tolist()
        if predictions.score is not None:
            image.scores = predictions.score[start:end].tolist()
        if predictions.counts is not None and not np.isnan(predictions.counts[i]):
            image.count = float(predictions.counts[i])
        if predictions.sizes is not None:
            image.width, image.height = size_of_image(predictions.sizes[i])
        if predictions.labels is not None:
            image.labels = predictions.labels[start:end].tolist()
        yield image


def annotated_images(annotations: Annotations) -> Iterator[AnnotatedImage]:
    """Yield the image objects of annotations.

    Parameters
    ----------
    annotations : Annotations
        The annotations.

    Yields
    ------
    AnnotatedImage

    Raises
    ------
    InputError
        If an attribute is a value that JSON can't store.

    Examples
    --------
    >>> annotations = Annotations(image_ids=["IMG_1"], offsets=[0, 1], xy=[[10, 20]], radii=[[4, 8]])
    >>> next(annotated_images(annotations)).radii
    [[4.0, 8.0]]
    """
    attributes = list(attributes_by_image(annotations))
    of_points = point_attribute_lists(annotations)
    for i, (start, end) in enumerate(pairwise(annotations.offsets.tolist())):
        image = AnnotatedImage(annotations.image_ids[i])
        if annotations.located:
            image.points = annotations.xy[start:end].tolist()
        else:
            image.count = float(annotations.counts[i])
        if annotations.labels is not None:
            image.labels = annotations.labels[start:end].tolist()
        if annotations.sizes is not None:
            image.width, image.height = size_of_image(annotations.sizes[i])
        if annotations.boxes is not None:
            image.boxes = annotations.boxes[start:end].tolist()
        if annotations.radii is not None:
            image.radii = annotations.radii[start:end].tolist()
        if annotations.level is not None:
            image.levels = annotations.level[start:end].tolist()
        image.attributes = attributes[i] or UNSET
        image.point_attributes = {name: values[start:end] for name, values in of_points.items()} or UNSET
        yield image


def count_quotes(value: Any) -> int:
    """Return the number of double quotes that the JSON text of a decoded file has, if no quote is escaped.

    A text with more quotes repeats a key, of which the decoder keeps one entry without an error, or it has an escaped
    quote. The careful reader finds out which of the two.

    Parameters
    ----------
    value : object
        The decoded file: image objects, a document, or the short form.

    Returns
    -------
    int
        Two for every key and every string.

    Examples
    --------
    >>> count_quotes({"a": [[1.0, 2.0]], "b": []})
    4
    """
    if isinstance(value, str):
        return 2
    if isinstance(value, dict):
        return 2 * len(value) + sum(map(count_quotes, value.values()))
    if isinstance(value, msgspec.Struct):
        fields = (getattr(value, name) for name in value.__struct_fields__)
        return sum(2 + count_quotes(content) for content in fields if content is not UNSET)
    if isinstance(value, list) and value and not isinstance(value[0], tuple | float):
        return sum(map(count_quotes, value))
    return 0


def _image_ids(names: Iterable[str]) -> tuple[str, ...]:
    """Return the ids; raise InputError where one is empty."""
    ids = tuple(names)
    if "" in ids:
        raise InputError("an empty image id")
    return ids


def counts_of(values: Sequence[float | UnsetType]) -> Floats | None:
    """Return the column of counts.

    Parameters
    ----------
    values : sequence of float or UNSET
        The count of every image.

    Returns
    -------
    array of float, (m,), or None
        NaN where an image has no count; None where no image has one.

    Raises
    ------
    InputError
        If a count is larger than ``LARGEST_COUNT``.

    Examples
    --------
    >>> counts_of([3.5, UNSET]).tolist()
    [3.5, nan]
    """
    if all(value is UNSET for value in values):
        return None
    counts = np.array([np.nan if value is UNSET else value for value in values], dtype=np.float64)
    if (counts > LARGEST_COUNT).any():
        raise InputError(f"a count of more than {LARGEST_COUNT:.0e} people")
    return counts


def sizes_of(values: Sequence[tuple[float | UnsetType, float | UnsetType]]) -> Floats | None:
    """Return the column of image sizes.

    Parameters
    ----------
    values : sequence of (width, height)
        Numbers of pixels or UNSET.

    Returns
    -------
    array of float, (m, 2), or None
        NaN where an image has no size; None where no image has one.

    Raises
    ------
    InputError
        If an image has only a width or only a height.

    Examples
    --------
    >>> sizes_of([(640.0, 480.0), (UNSET, UNSET)]).tolist()
    [[640.0, 480.0], [nan, nan]]
    """
    if all(width is UNSET and height is UNSET for width, height in values):
        return None
    if any((width is UNSET) != (height is UNSET) for width, height in values):
        raise InputError("a width without a height")
    return np.array([[np.nan if side is UNSET else side for side in size] for size in values], dtype=np.float64)


def size_of_image(size: Floats) -> tuple[float, float] | tuple[UnsetType, UnsetType]:
    """Return width and height of an image for a file.

    Parameters
    ----------
    size : array of float, (2,)
        Width and height in pixels, NaN where unknown.

    Returns
    -------
    tuple
        Two numbers, or two times UNSET where one of them is unknown.

    Examples
    --------
    >>> size_of_image(np.array([640.0, 480.0])), size_of_image(np.array([np.nan, np.nan]))
    ((640.0, 480.0), (UNSET, UNSET))
    """
    width, height = size.tolist()
    return (UNSET, UNSET) if math.isnan(width) or math.isnan(height) else (width, height)


def attributes_by_image(annotations: Annotations) -> Iterator[dict[str, Attribute]]:
    """Yield the attributes of every image as Python values.

    Parameters
    ----------
    annotations : Annotations
        The annotations of m images.

    Yields
    ------
    dict of str to Attribute
        The attributes of one image; None and NaN are left out.

    Raises
    ------
    InputError
        If a value is not a string, a finite number or a flag.

    Examples
    --------
    >>> values = {"scene": ["street", None]}
    >>> annotations = Annotations(image_ids=["a", "b"], offsets=[0, 0, 0], xy=[], attributes=values)
    >>> list(attributes_by_image(annotations))
    [{'scene': 'street'}, {}]
    """
    columns = _attribute_lists(annotations.attributes)
    for i in range(len(annotations.image_ids)):
        yield {name: column[i] for name, column in columns.items() if column[i] is not None}


def point_attribute_lists(annotations: Annotations) -> dict[str, list[Attribute]]:
    """Return the attributes of the points as Python values.

    Parameters
    ----------
    annotations : Annotations
        The annotations of N points.

    Returns
    -------
    dict of str to list of Attribute
        Lists of N values; NaN becomes None.

    Raises
    ------
    InputError
        If a value is not a string, a finite number or a flag.

    Examples
    --------
    >>> values = {"occlusion": [1, 3]}
    >>> annotations = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[1, 2], [3, 4]], point_attributes=values)
    >>> point_attribute_lists(annotations)
    {'occlusion': [1, 3]}
    """
    return _attribute_lists(annotations.point_attributes)


def _attribute_lists(columns: Mapping[str, NDArray[Any]]) -> dict[str, list[Attribute]]:
    return {name: [_attribute(name, value) for value in values.tolist()] for name, values in columns.items()}


def _point_attributes(
    images: Sequence[Mapping[str, list[Attribute]]], points: Sequence[Sequence[Any]]
) -> dict[str, NDArray[Any]]:
    """Return a column for every attribute of the points, None or NaN where an image lacks the attribute."""
    columns: dict[str, NDArray[Any]] = {}
    for name in dict.fromkeys(chain.from_iterable(images)):
        lists = [image.get(name, [None] * len(rows)) for image, rows in zip(images, points, strict=True)]
        if any(len(values) != len(rows) for values, rows in zip(lists, points, strict=True)):
            raise InputError(f"the point attribute {name!r} and points differ in number")
        columns[name] = attribute_column(list(chain.from_iterable(lists)))
    return columns


def _attribute(name: str, value: Any) -> Attribute:
    """Return a value of an attribute as JSON stores it; raise InputError where JSON can't."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, float) and math.isinf(value):
        raise InputError(f"the attribute {name!r} holds an infinite number, which no file can hold")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InputError(f"the attribute {name!r} holds an integer of more than 64 bits")
    if not isinstance(value, Attribute):
        raise InputError(f"the attribute {name!r} holds {shown(value)}; a file holds strings, numbers and flags")
    return value


def _column(
    name: str,
    images: Sequence[Any],
    points: Sequence[Sequence[Any]],
    part: Callable[[Any], Any],
    *,
    width: int = 1,
) -> Floats | None:
    """Return a column of the points, or None where no image has it."""
    parts = [None if rows is UNSET else rows for rows in map(part, images)]
    if any(rows is not None and len(rows) != len(own) for rows, own in zip(parts, points, strict=True)):
        raise InputError(f"{listed([name])} and points differ in number")
    names = [image.id for image in images]
    column: Floats | None = column_of(name, parts, [len(own) for own in points], lambda lists: _flat(lists, width),
                                      names=names)  # fmt: skip
    return column


def _flat(lists: Sequence[Sequence[Any]], width: int) -> Floats:
    """Return the numbers (or rows of ``width`` numbers) of several lists in one array."""
    # width 2: [[(1, 2)], [], [(3, 4), (5, 6)]] -> [[1, 2], [3, 4], [5, 6]]
    # width 1: [[0.5], [], [0.7, 0.9]] -> [0.5, 0.7, 0.9]. One fromiter takes less than half the time of joined arrays.
    rows = sum(map(len, lists))
    flat = chain.from_iterable(lists)
    if width == 1:
        return np.fromiter(flat, dtype=np.float64, count=rows)
    table = np.fromiter(chain.from_iterable(flat), dtype=np.float64, count=rows * width)
    return table.reshape(rows, width)
