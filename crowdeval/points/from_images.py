"""Sets from Python objects with one entry an image: a dict by image id, or a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Real
from typing import Any

import numpy as np

from crowdeval.errors import InputError, did_you_mean, listed, shown
from crowdeval.points.assemble import (
    ImageAnnotations,
    ImagePredictions,
    assemble_annotations,
    assemble_predictions,
    size_column,
)
from crowdeval.points.from_frames import fields_of_frame, is_frame, label_texts
from crowdeval.points.ragged import Floats, as_floats
from crowdeval.points.sets import Annotations, Predictions, repeated_names
from crowdeval.points.tensors import as_plain, is_tensor, kind_of

_ONE_IMAGE = ("points", "boxes")
"""Keys of the entry of one image, which no dict of images has."""

_KEYS: dict[str, tuple[str, ...]] = {
    "points": ("points", "xy", "keypoints", "centers", "centres"),
    "boxes": ("boxes", "bboxes"),
    "scores": ("scores", "score", "confidences", "conf"),
    "labels": ("labels", "classes"),
    "count": ("count",),
    "size": ("size",),
    "width": ("width",),
    "height": ("height",),
    "radii": ("radii",),
    "levels": ("levels", "level"),
}
_OF: dict[str, tuple[str, ...]] = {
    "predictions": ("points", "boxes", "scores", "labels", "count", "size", "width", "height"),
    "annotations": ("points", "boxes", "labels", "count", "size", "width", "height", "radii", "levels"),
}


def predictions_of_images(images: Any) -> Predictions:
    """Return predictions from one entry an image.

    Parameters
    ----------
    images : mapping of str to entry, or sequence of entries
        An entry is an array of points (M, 2), or (M, 3) with confidences; a pair (points, scores); a number, which is a
        count; a dict with the keys points or boxes, scores, labels, count, width and height; a data frame with the
        columns x, y and perhaps score and label; None for no points. Arrays may be tensors. In a sequence the images
        are called "0", "1", ...

    Returns
    -------
    Predictions

    Raises
    ------
    InputError
        If an entry is none of them; the message names the image.

    Examples
    --------
    >>> predictions_of_images({"a": [[10, 20, 0.9]], "b": []}).score.tolist()
    [0.9]
    """
    entries = _entries(images, "predictions")
    return assemble_predictions(
        {name: predictions_of_entry(f"predictions of image {name!r}", each) for name, each in entries}
    )


def annotations_of_images(images: Any) -> Annotations:
    """Return annotations from one entry an image.

    Parameters
    ----------
    images : mapping of str to entry, or sequence of entries
        An entry is an array of points (N, 2); a whole number, which is a count; a dict with the keys points or boxes,
        labels, count, width and height, radii, levels; a data frame with the columns x and y and perhaps label; None
        for no points. Arrays may be tensors. In a sequence the images are called "0", "1", ...

    Returns
    -------
    Annotations

    Raises
    ------
    InputError
        If an entry is none of them; the message names the image.

    Examples
    --------
    >>> annotations_of_images([[[10, 20], [30, 40]], []]).counts.tolist()
    [2, 0]
    """
    entries = _entries(images, "annotations")
    parts = {name: _fields(f"annotations of image {name!r}", each, "annotations") for name, each in entries}
    counts = [part.get("count") for part in parts.values()]
    if counts and all(
        count is not None and "points" not in part for count, part in zip(counts, parts.values(), strict=True)
    ):
        return Annotations(
            image_ids=parts,
            offsets=[0] * (len(parts) + 1),
            xy=np.empty((0, 2)),
            sizes=size_column([part.get("size") for part in parts.values()]),
            counts=[part["count"] for part in parts.values()],
            located=False,
        )
    return assemble_annotations(
        {name: _annotated(f"annotations of image {name!r}", part) for name, part in parts.items()},
        sizes=size_column([part.get("size") for part in parts.values()]),
    )


def _entries(images: Any, side: str) -> list[tuple[str, Any]]:
    """Return names and entries; raise InputError where the whole is one image, or nothing that holds images."""
    wanted = "expected {id: points} or a list with one entry an image"
    if isinstance(images, Mapping):
        single = [name for name in _ONE_IMAGE if name in images]
        if single:
            raise InputError(f"{side}: {wanted}, found a dict with the key {single[0]!r}, which is one image")
        whole = int | np.integer
        names = [str(name) if isinstance(name, whole) and not isinstance(name, bool) else name for name in images]
        twice = repeated_names(map(str, names))
        if twice:
            raise InputError(f"{side}: expected each image once, found the ids {listed(twice)} as number and as text")
        return list(zip(names, images.values(), strict=True))
    if isinstance(images, str | bytes | Real) or images is None:
        raise InputError(f"{side}: {wanted}, found {kind_of(images)}")
    if isinstance(images, np.ndarray) or is_tensor(images):
        if len(images.shape) != 3:
            raise InputError(f"{side}: {wanted}, found {kind_of(images)}, which is one image: {{id: points}}")
        images = list(images)
    if not isinstance(images, Sequence):
        if not isinstance(images, Iterable):
            raise InputError(f"{side}: {wanted}, found {kind_of(images)}")
        images = list(images)
    if images and _is_one_image(images):
        raise InputError(f"{side}: {wanted}, found the points of one image: {{id: points}}")
    return [(str(i), each) for i, each in enumerate(images)]


def _is_one_image(images: Sequence[Any]) -> bool:
    """Return whether a list is the points of one image: pairs of numbers, or points and confidences."""
    depths = [_depth(each) for each in images[:2]]
    return (depths[0] == 1 and len(images[0]) in (2, 3)) or (len(images) == 2 and depths == [2, 1])


def _depth(value: Any) -> int:
    """Return the number of dimensions of nested lists or an array; 0 for an empty list, which is no points."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        return 0 if 0 in tuple(shape) else len(shape)
    if not isinstance(value, list | tuple) or not value:
        return 0
    return 1 + _depth(value[0])


def predictions_of_entry(place: str, entry: Any) -> ImagePredictions:
    """Return the predictions of one image.

    Parameters
    ----------
    place : str
        Words for the image, with which an error message begins.
    entry : object
        An entry as ``predictions_of_images`` takes it.

    Returns
    -------
    ImagePredictions

    Raises
    ------
    InputError
        If the entry is none.

    Examples
    --------
    >>> predictions_of_entry("image 'a'", {"boxes": [[0, 0, 4, 8]], "scores": [0.5]}).xy.tolist()
    [[2.0, 4.0]]
    """
    fields = _fields(place, entry, "predictions")
    if "points" not in fields and fields.get("count") is not None:
        return ImagePredictions(xy=None, count=fields["count"], size=fields.get("size"))
    xy, _ = _points(place, fields, confidences=True)
    return ImagePredictions(
        xy=xy,
        score=fields.get("scores"),
        count=fields.get("count"),
        size=fields.get("size"),
        labels=fields.get("labels"),
    )


def _annotated(place: str, fields: dict[str, Any]) -> ImageAnnotations:
    """Return the annotations of the fields of one entry."""
    if "points" not in fields and fields.get("count") is not None:
        raise InputError(f"{place}: expected points, as other images have, found only a count")
    xy, boxes = _points(place, fields, confidences=False)
    count = fields.get("count")
    if count is not None and count != len(xy):
        raise InputError(f"{place}: expected as many points as the count of {count:g}, found {len(xy)}")
    level = fields.get("levels")
    return ImageAnnotations(
        xy=xy,
        boxes=boxes,
        radii=fields.get("radii"),
        level=None if level is None else np.asarray(level),
        labels=fields.get("labels"),
    )


def _fields(place: str, entry: Any, side: str) -> dict[str, Any]:
    """Return the fields of one entry under the names of this package, as arrays."""
    try:
        entry = as_plain(entry)
    except Exception as problem:  # the libraries of tensors raise errors of many types
        raise InputError(f"{place}: a tensor that can't be read: {problem}") from None
    if entry is None:
        return {"points": np.empty((0, 2))}
    if isinstance(entry, np.ndarray) and entry.shape == () and entry.dtype.kind in "iuf":
        entry = entry.item()
    if isinstance(entry, bool | np.bool_ | int | float | np.number):
        return {"count": _count(place, entry)}
    if isinstance(entry, Set):
        raise InputError(f"{place}: expected a list of points, found {kind_of(entry)}, which has no order")
    if isinstance(entry, ImagePredictions):
        given = {"points": entry.xy, "scores": entry.score, "count": entry.count, "labels": entry.labels}
        return {name: value for name, value in {**given, "size": entry.size}.items() if value is not None}
    boxes = getattr(entry, "boxes", entry)  # Ultralytics has its detections in an attribute
    if hasattr(boxes, "xyxy") and not isinstance(entry, Mapping):
        entry = _detections(boxes)
    elif is_frame(entry):
        entry = fields_of_frame(place, entry)
    elif not isinstance(entry, Mapping):
        entry = _pair(entry) if side == "predictions" else {"points": entry}
    found: dict[str, Any] = {}
    for name, value in entry.items():
        known = next((field for field, words in _KEYS.items() if name in words), None)
        if known is None or known not in _OF[side]:
            near = did_you_mean(str(name), _OF[side])
            raise InputError(f"{place}: expected the keys {listed(_OF[side], most=10)}, found {name!r}{near}")
        if value is not None:
            found[known] = value
    return _converted(place, found, side)


def _size(place: str, found: dict[str, Any]) -> tuple[float, float] | None:
    """Return the size in the fields of an entry, taken out of them; None where there is none."""
    width, height = found.pop("width", None), found.pop("height", None)
    if (width is None) != (height is None):
        raise InputError(f"{place}: expected both width and height, or neither")
    size = found.pop("size", None) if width is None else (width, height)
    if size is None:
        return None
    sides = as_floats(f"{place}, size", size)
    if sides.shape != (2,):
        raise InputError(f"{place}: expected a size of width and height, found {kind_of(size)}")
    return float(sides[0]), float(sides[1])


def _count(place: str, given: Any) -> float:
    """Return the count of an entry."""
    if isinstance(given, bool | np.bool_):
        raise InputError(f"{place}: expected a count, found {shown(bool(given))}")
    count = as_floats(f"{place}, count", given)
    if count.size != 1 or not np.isfinite(count).all():
        found = f"{count.size} numbers" if count.size != 1 else str(float(count.reshape(())))
        raise InputError(f"{place}: expected one count, found {found}")
    return float(count.reshape(()))


def _converted(place: str, found: dict[str, Any], side: str) -> dict[str, Any]:
    """Return fields as arrays and numbers; points take the confidences of a third column."""
    size = _size(place, found)
    fields: dict[str, Any] = {} if size is None else {"size": size}
    if "count" in found:
        fields["count"] = _count(place, found.pop("count"))
    if "labels" in found:
        fields["labels"] = label_texts(place, as_plain(found.pop("labels")))
    for name, value in found.items():
        fields[name] = as_floats(f"{place}, {name}", value)
    if "boxes" in fields:
        boxes = fields["boxes"].reshape(-1, 4) if not fields["boxes"].size else fields["boxes"]
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise InputError(f"{place}: expected boxes of shape (N, 4), x1, y1, x2, y2, found {boxes.shape}")
        if (boxes[:, 2:] < boxes[:, :2]).any():
            wrong = boxes[(boxes[:, 2:] < boxes[:, :2]).any(axis=1)][0].tolist()
            raise InputError(
                f"{place}: expected boxes x1, y1, x2, y2 with x1 <= x2 and y1 <= y2, found {wrong}; are they x, y, "
                "width, height?"
            )
        fields["boxes"] = boxes
        fields.setdefault("points", (boxes[:, :2] + boxes[:, 2:]) / 2)
    if "scores" in fields:
        fields["scores"] = fields["scores"].reshape(-1)
    points = fields.get("points")
    if points is not None and points.ndim == 2 and points.shape[1] == 3:
        if side == "annotations":
            raise InputError(
                f"{place}: expected points of shape (N, 2), found {points.shape}; a third column is a confidence"
            )
        if "scores" in fields:
            raise InputError(f"{place}: expected confidences once, found a third column and scores")
        fields["points"], fields["scores"] = points[:, :2], points[:, 2]
    if "points" not in fields and "count" not in fields:
        raise InputError(f"{place}: expected points, boxes or a count, found none of them")
    return fields


def _points(place: str, fields: dict[str, Any], *, confidences: bool) -> tuple[Floats, Floats | None]:
    """Return the points, (N, 2), and the boxes of the fields of one entry."""
    points = fields["points"]
    if not points.size and points.ndim <= 2:
        points = np.empty((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:
        wanted = "(N, 2), or (N, 3) with confidences" if confidences else "(N, 2)"
        raise InputError(f"{place}: expected points of shape {wanted}, found {points.shape}")
    for name in ("scores", "labels", "boxes", "radii", "levels"):
        if fields.get(name) is not None and len(fields[name]) != len(points):
            raise InputError(f"{place}: expected {len(points)} {name}, one for each point, found {len(fields[name])}")
    return points, fields.get("boxes")


def _detections(found: Any) -> dict[str, Any]:
    """Return the fields of detections of Supervision or Ultralytics: boxes, confidences and classes."""
    names = {"scores": ("confidence", "conf"), "labels": ("class_id", "cls")}
    values = {field: [getattr(found, name, None) for name in words] for field, words in names.items()}
    fields = {field: next((each for each in own if each is not None), None) for field, own in values.items()}
    return {"boxes": found.xyxy, **fields}


def _pair(entry: Any) -> dict[str, Any]:
    """Return the fields of an array of points, or of points with confidences and perhaps classes in a tuple."""
    if isinstance(entry, tuple) and len(entry) == 3 and [_depth(each) for each in entry] == [2, 1, 1]:
        return {"points": entry[0], "scores": entry[1], "labels": entry[2]}
    pair = isinstance(entry, list | tuple) and len(entry) == 2
    column = pair and tuple(getattr(entry[1], "shape", ()))[1:] == (1,)
    if pair and (column or (_depth(entry[0]), _depth(entry[1])) in ((2, 1), (0, 0))):
        return {"points": entry[0], "scores": entry[1]}
    return {"points": entry}
