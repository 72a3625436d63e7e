"""Image objects, the unit of native JSON and JSON lines, and their way to columns and back.

``{"id", "points", "scores", "count"}`` is a predicted image, ``{"id", "points", "width", "height", "boxes",
"radii", "levels", "attributes", "point_attributes"}`` an annotated one. What does not fit raises InputError
here; the readers then walk the file again to say where and why (``image_walk``).
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
from crowdeval.points.ragged import Floats, offsets_of
from crowdeval.points.sets import Annotations, Predictions

LARGEST_COUNT = 1e9
"""A count of people beyond this is refused as a mistake."""

LARGEST_LEVEL = 5
"""The head-area levels of NWPU-Crowd are 0 to 5."""

Pair = tuple[float, float]
Quad = tuple[float, float, float, float]
Rows = list[tuple[float, ...]]


class PredictedImage(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The predictions of one image: points, or only a count."""

    id: str
    points: list[Pair] | UnsetType = UNSET
    scores: list[float] | UnsetType = UNSET
    count: float | UnsetType = UNSET


class AnnotatedImage(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The annotations of one image."""

    id: str
    points: list[Pair]
    width: float | UnsetType = UNSET
    height: float | UnsetType = UNSET
    boxes: list[Quad] | UnsetType = UNSET
    radii: list[Pair] | UnsetType = UNSET
    levels: list[int] | UnsetType = UNSET
    attributes: dict[str, Attribute] | UnsetType = UNSET
    point_attributes: dict[str, list[Attribute]] | UnsetType = UNSET


class Header(msgspec.Struct, forbid_unknown_fields=True):
    """The first line of JSON lines: what the file is."""

    format: str


def format_mark(kind: Kind) -> str:
    """Return the value of a file's ``"format"``: ``crowdeval/predictions@1``."""
    return f"crowdeval/{kind}@1"


def predictions_of(images: Sequence[PredictedImage]) -> Predictions:
    """Return the columns of predicted images; raise InputError where they do not fit."""
    located = not images or any(image.points is not UNSET for image in images)
    if located and any(image.points is UNSET for image in images):
        raise InputError("points for some images and only counts for others")
    points = [image.points or [] for image in images]
    return Predictions(
        image_ids=image_ids(image.id for image in images),
        offsets=offsets_of([len(rows) for rows in points]),
        xy=_flat(points, 2),
        score=_column("scores", images, points, lambda image: image.scores),
        counts=counts_of([image.count for image in images]),
        located=located,
    )


def annotations_of(images: Sequence[AnnotatedImage]) -> Annotations:
    """Return the columns of annotated images; raise InputError where they do not fit."""
    points = [image.points for image in images]
    levels = _column("levels", images, points, lambda image: image.levels)
    return Annotations(
        image_ids=image_ids(image.id for image in images),
        offsets=offsets_of([len(rows) for rows in points]),
        xy=_flat(points, 2),
        boxes=_column("boxes", images, points, lambda image: image.boxes, width=4),
        radii=_column("radii", images, points, lambda image: image.radii, width=2),
        level=None if levels is None else levels.astype(np.int64),
        sizes=sizes_of([(image.width, image.height) for image in images]),
        attributes=attribute_columns([image.attributes or {} for image in images]),
        point_attributes=_point_attributes([image.point_attributes or {} for image in images], points),
    )


def scored_rows(kind: Kind, images: Mapping[str, Rows]) -> tuple[tuple[str, ...], Floats]:
    """Return ids and (N, 2 or 3) rows of the short form; raise InputError where lengths are mixed."""
    widths = set(map(len, chain.from_iterable(images.values()))) or {2}
    width = widths.pop()
    if widths or width not in ((2, 3) if kind == "predictions" else (2,)):
        raise InputError("rows of mixed or wrong length")
    return image_ids(images), _flat(list(images.values()), width)


def predictions_of_rows(images: Mapping[str, Rows]) -> Predictions:
    """Return the columns of the short form ``{"IMG_1": [[x, y, score], ...]}``."""
    ids, rows = scored_rows("predictions", images)
    return Predictions(
        image_ids=ids,
        offsets=offsets_of([len(points) for points in images.values()]),
        xy=rows[:, :2],
        score=rows[:, 2] if rows.shape[1] == 3 else None,
    )


def annotations_of_rows(images: Mapping[str, Rows]) -> Annotations:
    """Return the columns of the short form ``{"IMG_1": [[x, y], ...]}``."""
    ids, rows = scored_rows("annotations", images)
    return Annotations(image_ids=ids, offsets=offsets_of([len(points) for points in images.values()]), xy=rows)


def predicted_images(predictions: Predictions) -> Iterator[PredictedImage]:
    """Yield the image objects of predictions."""
    for i, (start, end) in enumerate(pairwise(predictions.offsets.tolist())):
        image = PredictedImage(predictions.image_ids[i])
        if predictions.located:
            image.points = predictions.xy[start:end].tolist()
        if predictions.score is not None:
            image.scores = predictions.score[start:end].tolist()
        if predictions.counts is not None and not np.isnan(predictions.counts[i]):
            image.count = float(predictions.counts[i])
        yield image


def annotated_images(annotations: Annotations) -> Iterator[AnnotatedImage]:
    """Yield the image objects of annotations."""
    attributes = list(attributes_by_image(annotations))
    of_points = point_attribute_lists(annotations)
    for i, (start, end) in enumerate(pairwise(annotations.offsets.tolist())):
        image = AnnotatedImage(annotations.image_ids[i], annotations.xy[start:end].tolist())
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


def quotes(value: Any) -> int:
    """Return how many double quotes the JSON of a decoded file holds, if nothing in it was escaped.

    A file with more of them repeats a key, which decoders do not tell (or escapes a quote: the careful walk
    finds out).

    >>> quotes({"a": [[1.0, 2.0]], "b": []})
    4
    """
    if isinstance(value, str):
        return 2
    if isinstance(value, dict):
        return 2 * len(value) + sum(map(quotes, value.values()))
    if isinstance(value, msgspec.Struct):
        fields = (getattr(value, name) for name in value.__struct_fields__)
        return sum(2 + quotes(content) for content in fields if content is not UNSET)
    if isinstance(value, list) and value and not isinstance(value[0], tuple | float):
        return sum(map(quotes, value))
    return 0


def image_ids(names: Iterable[str]) -> tuple[str, ...]:
    """Return the ids, none of them empty."""
    ids = tuple(names)
    if "" in ids:
        raise InputError("an empty image id")
    return ids


def counts_of(values: Sequence[float | UnsetType]) -> Floats | None:
    """Return the counts column, NaN where an image has none; None where no image has one."""
    if all(value is UNSET for value in values):
        return None
    counts = np.array([np.nan if value is UNSET else value for value in values], dtype=np.float64)
    if (counts > LARGEST_COUNT).any():
        raise InputError("counts beyond belief")
    return counts


def sizes_of(values: Sequence[tuple[float | UnsetType, float | UnsetType]]) -> Floats | None:
    """Return the (m, 2) sizes, NaN where unknown; None where no image has one."""
    if all(width is UNSET and height is UNSET for width, height in values):
        return None
    if any((width is UNSET) != (height is UNSET) for width, height in values):
        raise InputError("a width without a height")
    return np.array([[np.nan if side is UNSET else side for side in size] for size in values], dtype=np.float64)


def size_of_image(size: Floats) -> tuple[float, float] | tuple[UnsetType, UnsetType]:
    """Return width and height, or twice UNSET where they are unknown."""
    width, height = size.tolist()
    return (UNSET, UNSET) if math.isnan(width) or math.isnan(height) else (width, height)


def attributes_by_image(annotations: Annotations) -> Iterator[dict[str, Attribute]]:
    """Yield the attributes of every image as plain values; None and NaN are left out."""
    columns = _plain_columns(annotations.attributes)
    for i in range(len(annotations.image_ids)):
        yield {name: column[i] for name, column in columns.items() if column[i] is not None}


def point_attribute_lists(annotations: Annotations) -> dict[str, list[Attribute]]:
    """Return the attributes of the points as plain values; NaN is None."""
    return _plain_columns(annotations.point_attributes)


def _plain_columns(columns: Mapping[str, NDArray[Any]]) -> dict[str, list[Attribute]]:
    return {name: [_plain(name, value) for value in values.tolist()] for name, values in columns.items()}


def _point_attributes(
    images: Sequence[Mapping[str, list[Attribute]]], points: Sequence[Sequence[Any]]
) -> dict[str, NDArray[Any]]:
    """Return one column an attribute of the points, None or NaN where an image lacks it."""
    columns: dict[str, NDArray[Any]] = {}
    for name in dict.fromkeys(chain.from_iterable(images)):
        lists = [image.get(name, [None] * len(rows)) for image, rows in zip(images, points, strict=True)]
        if any(len(values) != len(rows) for values, rows in zip(lists, points, strict=True)):
            raise InputError(f"the point attribute {name!r} and points differ in number")
        columns[name] = attribute_column(list(chain.from_iterable(lists)))
    return columns


def _plain(name: str, value: Any) -> Attribute:
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
    """Return a column that goes with every point, or None where no image has it."""
    given = [part(image) for image in images]
    parts = [None if rows is UNSET else rows for rows in given]
    if any(rows is not None and len(rows) != len(own) for rows, own in zip(parts, points, strict=True)):
        raise InputError(f"{listed([name])} and points differ in number")
    names = [image.id for image in images]
    column: Floats | None = column_of(name, parts, [len(own) for own in points], lambda lists: _flat(lists, width),
                                      names=names)  # fmt: skip
    return column


def _flat(lists: Sequence[Sequence[Any]], width: int) -> Floats:
    """Return lists of numbers, or of rows of ``width`` numbers, one after the other."""
    rows = sum(map(len, lists))
    flat = chain.from_iterable(lists)
    if width == 1:
        return np.fromiter(flat, dtype=np.float64, count=rows)
    table = np.fromiter(chain.from_iterable(flat), dtype=np.float64, count=rows * width)
    return table.reshape(rows, width)
