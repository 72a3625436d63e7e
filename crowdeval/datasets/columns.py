"""The images of a split, one after the other <-> the columns of a whole dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.arrays import Floats, offsets_of
from crowdeval.datasets.contract import Item, Truth
from crowdeval.errors import InputError, listed
from crowdeval.points import Annotations


def annotations_of(items: Sequence[Item], truths: Sequence[Truth], sizes: Floats | None) -> Annotations:
    """Return the columns of a split; an optional column is there when every image with points has it."""
    images = {"file_name": [item.file_name for item in items]}
    images |= _by_name([item.attributes for item in items])
    return Annotations(
        image_ids=tuple(item.image_id for item in items),
        offsets=offsets_of([len(truth.xy) for truth in truths]),
        xy=np.concatenate([np.empty((0, 2)), *(truth.xy for truth in truths)]),
        boxes=_joined("boxes", truths, lambda truth: truth.boxes, 4),
        radii=_joined("radii", truths, lambda truth: truth.radii, 2),
        level=_joined("level", truths, lambda truth: truth.level),
        sizes=sizes,
        attributes={name: attribute(values) for name, values in images.items()},
        point_attributes=_point_attributes(truths),
    )


def truth_of(annotations: Annotations, image: int) -> Truth:
    """Return the true points of one image of a dataset."""
    rows = slice(int(annotations.offsets[image]), int(annotations.offsets[image + 1]))

    def part(column: NDArray[Any] | None) -> Any:
        return None if column is None else column[rows]

    return Truth(
        xy=annotations.xy[rows],
        boxes=part(annotations.boxes),
        radii=part(annotations.radii),
        level=part(annotations.level),
        point_attributes={name: values[rows] for name, values in annotations.point_attributes.items()},
    )


def attribute(values: Sequence[Any]) -> NDArray[Any]:
    """Return an attribute's column: int, float (NaN where unknown), bool or str, else objects with None.

    >>> attribute([1, 2]), attribute([1, None]), attribute(["a", None])
    (array([1, 2]), array([ 1., nan]), array(['a', None], dtype=object))
    """
    kinds = {type(value) for value in values}
    if len(kinds) == 1 and kinds <= {int, float, bool}:
        return np.array(values)
    if kinds == {str} and np.array(values).tolist() == list(values):  # NumPy drops trailing NUL characters
        return np.array(values)
    if kinds and kinds <= {int, float, type(None)} and kinds != {type(None)}:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _by_name(images: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for image in images for name in image)
    return {name: [image.get(name) for image in images] for name in names}


def _joined(name: str, truths: Sequence[Truth], part: Callable[[Truth], Any], width: int | None = None) -> Any:
    columns = [part(truth) for truth in truths]
    if all(column is None for column in columns):
        return None
    if any(column is None and len(truth.xy) for column, truth in zip(columns, truths, strict=True)):
        raise InputError(f"only some images have {listed([name])}")
    empty = np.empty((0, width)) if width else np.empty(0, dtype=np.int64)
    return np.concatenate([empty, *(column for column in columns if column is not None)])


def _point_attributes(truths: Sequence[Truth]) -> dict[str, NDArray[Any]]:
    names = dict.fromkeys(name for truth in truths for name in truth.point_attributes)
    columns = {}
    for name in names:
        parts = [truth.point_attributes.get(name) for truth in truths if len(truth.xy)]
        present = [values for values in parts if values is not None]
        if len(present) != len(parts):
            raise InputError(f"only some images have {listed([name])}")
        # An empty image must not decide the type of the column.
        columns[name] = np.concatenate(present or [truths[0].point_attributes.get(name, np.empty(0))])
    return columns
