"""Convert the entries of a COCO file to points, with their boxes and scores.

- An annotation with one visible keypoint (v > 0) is this keypoint.
- An annotation without a visible keypoint is the centre of its box; a warning has the number of such points.
- Where any annotation of the file has several visible keypoints, keypoints are parts of a body, and every point of
  the file is the centre of a box.
- In a list of results a single keypoint is the point, whatever its third number is.
- Annotations with iscrowd = 1 are regions and not people: they are left out with a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec
import numpy as np

from crowdeval.errors import Problems, did_you_mean, shown
from crowdeval.formats.coco_entries import CocoDataset, CocoImage, CocoObject
from crowdeval.formats.contract import Kind, counted, warn
from crowdeval.formats.json_text import is_encodable
from crowdeval.formats.source import Source
from crowdeval.points.columns import Labels
from crowdeval.points.ragged import LARGEST, Floats, Integers, offsets_of

_CORNERS, _PARTS = 8, 3
"""Numbers of boxes from which corners, or parts of the side, in place of x, y, width, height are suspected."""


@dataclass(frozen=True, slots=True)
class People:
    """The points of a file, by image.

    Parameters
    ----------
    ids : tuple of str, (m,)
        The images.
    offsets : array of int, (m + 1,)
        Image ``i`` has the rows ``offsets[i]:offsets[i + 1]``.
    xy : array of float, (N, 2)
        The points in pixels.
    boxes : array of float, (N, 4), or None
        x1, y1, x2, y2 of every point in pixels.
    score : array of float, (N,), or None
        The confidence of every point.
    labels : array of str, (N,), or None
        The category of every point, by name where the file has names.
    classes : mapping of str to str
        Names of categories by their ids.
    """

    ids: tuple[str, ...]
    offsets: Integers
    xy: Floats
    boxes: Floats | None
    score: Floats | None
    labels: Labels | None = None
    classes: Mapping[str, str] = field(default_factory=dict)


def people_of(source: Source, value: CocoDataset | list[CocoObject], kind: Kind) -> People:
    """Return the points of a decoded file.

    Parameters
    ----------
    source : Source
        The file, for its name in messages.
    value : CocoDataset or list of CocoObject
        The decoded entries.
    kind : {"predictions", "annotations"}
        Predictions have scores and no boxes, annotations have boxes and no scores.

    Returns
    -------
    People

    Raises
    ------
    FormatError
        If an entry is no point or has wrong numbers; the error has every problem.

    Examples
    --------
    >>> result = CocoObject(image_id=7, keypoints=[10, 20, 1], score=0.5)
    >>> people = people_of(Source("r.json", b""), [result], "predictions")
    >>> people.ids, people.xy.tolist(), people.score.tolist()
    (('7',), [[10.0, 20.0]], [0.5])
    """
    problems = Problems(source.name)
    results = isinstance(value, list)
    objects = value if isinstance(value, list) else value.annotations
    place = "[{}]" if results else "annotations[{}]"
    index = _image_index(value, problems)
    classes = {} if isinstance(value, list) else category_names(value)
    people = [(place.format(i), entry) for i, entry in enumerate(objects) if not entry.iscrowd]
    kept = [(key, entry) for key, entry in people if not _is_empty(entry, classes)]
    if len(kept) < len(people):
        empty = counted(len(people) - len(kept), "entry", "entries")
        warn(f"{source.name}: {empty} of the category 'empty' for empty images")
    sound = _have_valid_numbers([entry for _, entry in kept])
    for key, entry in kept:
        if not sound:
            _check_numbers(entry, key, problems)
        if str(entry.image_id) not in index:
            near = did_you_mean(str(entry.image_id), index).removeprefix("; ") or None
            problems.add('an image of "images"', shown(entry.image_id), key=f"{key}.image_id", hint=near)
    problems.raise_if_any()
    points, centres = _points(kept, results=results, problems=problems)
    score = _scores(kept, kind, problems)
    problems.raise_if_any()
    for text in _warnings([entry for _, entry in kept], len(objects) - len(people), centres):
        warn(f"{source.name}: {text}")
    if kind == "annotations" and score is not None:
        warn(f"{source.name}: scores are not read as annotations")
    image = np.array([index[str(entry.image_id)] for _, entry in kept], dtype=np.int64)
    # Rows by image, in the order of the file inside an image:
    # image of entries [1, 0, 1] -> order [1, 0, 2], points per image [1, 2], offsets [0, 1, 3]
    order = np.argsort(image, kind="stable")
    return People(
        ids=tuple(index),
        offsets=offsets_of(np.bincount(image, minlength=len(index))),
        xy=np.array(points, dtype=np.float64).reshape(-1, 2)[order],
        boxes=_boxes(source.name, kept, order, kind),
        score=None if score is None else score[order],
        labels=_labels(kept, classes, order),
        classes=classes,
    )


def category_names(value: CocoDataset) -> dict[str, str]:
    """Return the names of the categories of a dataset by their ids.

    Parameters
    ----------
    value : CocoDataset
        The decoded file.

    Returns
    -------
    dict of str to str
        Empty where the file has no list of categories with names.

    Examples
    --------
    >>> category_names(CocoDataset([], [], msgspec.Raw(b'[{"id": 1, "name": "zebra"}]')))
    {'1': 'zebra'}
    """
    try:
        categories = msgspec.json.decode(value.categories or b"[]", type=list[_Category])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return {str(category.id): category.name for category in categories if category.name and is_encodable(category.name)}


class _Category(msgspec.Struct):
    """An entry of ``categories``."""

    id: int | str
    name: str | None = None


def _is_empty(entry: CocoObject, classes: Mapping[str, str]) -> bool:
    """Return whether an entry says that its image is empty, as camera traps have it."""
    return not entry.bbox and not entry.keypoints and classes.get(str(entry.category_id), "").lower() == "empty"


def _labels(kept: Sequence[tuple[str, CocoObject]], classes: Mapping[str, str], order: Integers) -> Labels | None:
    """Return the category of every point; None where the file has no categories."""
    numbers = [entry.category_id for _, entry in kept]
    if all(number is None for number in numbers):
        return None
    names = {number: "" if number is None else classes.get(str(number), str(number)) for number in set(numbers)}
    labels = np.empty(len(numbers), dtype=object)
    labels[:] = [names[number] for number in numbers]
    return labels[order]


def _image_index(value: CocoDataset | list[CocoObject], problems: Problems) -> dict[str, int]:
    """Return the index of every image id; in a list of results the images are in the order of their first entries."""
    if isinstance(value, list):
        names = dict.fromkeys(str(entry.image_id) for entry in value)
        if "" in names:
            problems.add("image ids", "an empty one", key="image_id")
        return {name: i for i, name in enumerate(names)}
    index: dict[str, int] = {}
    for i, image in enumerate(value.images):
        name, key = str(image.id), f"images[{i}]"
        if not name:
            problems.add("an image id", "an empty string", key=f"{key}.id")
        elif name in index:
            problems.add("every image once", f"{name!r}, which is also at images[{index[name]}]", key=f"{key}.id")
        index.setdefault(name, i)
        for side in (image.width, image.height):
            if side is not None and not 0 < side < np.inf:
                problems.add("a positive width and height", f"{side:g}", key=key, image=name)
    return index


def _have_valid_numbers(entries: Sequence[CocoObject]) -> bool:
    """Return whether ``_check_numbers`` would find no problem, from one fast check of the numbers of all entries."""
    boxes = [entry.bbox for entry in entries if entry.bbox]
    keypoints = [entry.keypoints for entry in entries if entry.keypoints]
    if any(len(box) != 4 for box in boxes) or any(len(numbers) % 3 for numbers in keypoints):
        return False
    table = np.fromiter(chain.from_iterable(boxes), np.float64, 4 * len(boxes)).reshape(-1, 4)
    numbers = np.fromiter(chain.from_iterable(keypoints), np.float64)
    scores = np.array([entry.score for entry in entries if entry.score is not None], dtype=np.float64)
    within = (np.abs(table) <= LARGEST).all() and (np.abs(numbers) <= LARGEST).all()
    return bool(within and (table[:, 2:] >= 0).all() and np.isfinite(scores).all())


def _check_numbers(entry: CocoObject, key: str, problems: Problems) -> None:
    """Add the problems of one entry: too many or too few numbers, numbers not finite or out of range."""
    image = str(entry.image_id)
    box, keypoints = entry.bbox or (), entry.keypoints or ()
    if len(box) not in (0, 4):
        problems.add("[x, y, width, height]", counted(len(box), "number"), key=f"{key}.bbox", image=image)
    elif box and not all(abs(number) <= LARGEST for number in box):
        problems.add(f"finite numbers within {LARGEST:.0e}", shown(box), key=f"{key}.bbox", image=image)
    elif box and min(box[2:]) < 0:
        problems.add("a width and height of at least 0", shown(box), key=f"{key}.bbox", image=image)
    if len(keypoints) % 3:
        problems.add(
            "x, y, v of every keypoint", counted(len(keypoints), "number"), key=f"{key}.keypoints", image=image
        )
    elif not all(abs(number) <= LARGEST for number in keypoints):
        problems.add(f"finite numbers within {LARGEST:.0e}", shown(keypoints), key=f"{key}.keypoints", image=image)
    if entry.score is not None and not np.isfinite(entry.score):
        problems.add("a finite number", f"{entry.score}", key=f"{key}.score", image=image)


def _points(
    kept: Sequence[tuple[str, CocoObject]], *, results: bool, problems: Problems
) -> tuple[list[tuple[float, float]], int]:
    """Return the point of every entry, and the number of points that are centres of boxes."""
    visible = [_visible(entry.keypoints or [], results=results) for _, entry in kept]
    parts = any(len(points) > 1 for points in visible)
    points, centres = [], 0
    for (key, entry), candidates in zip(kept, visible, strict=True):
        if len(candidates) == 1 and not parts:
            points.append(candidates[0])
        elif entry.bbox:
            x, y, width, height = entry.bbox
            points.append((x + width / 2, y + height / 2))
            centres += 1
        else:
            hint = "outlines (segmentation) are not read" if not entry.keypoints else None
            hint = "several keypoints are parts of a body: a box is needed" if parts else hint
            found = f"{counted(len(candidates), 'visible keypoint')} and no box"
            problems.add("one visible keypoint, or a box", found, key=key, image=str(entry.image_id), hint=hint)
    return points, centres


def _visible(keypoints: list[float], *, results: bool) -> list[tuple[float, float]]:
    """Return the visible keypoints of an entry."""
    # [5, 6, 2, 0, 0, 0, 7, 8, 1] -> [(5, 6), (7, 8)]: x, y and visibility v of every keypoint, v = 0 is not labelled
    if len(keypoints) == 3:
        return [(keypoints[0], keypoints[1])] if results or keypoints[2] > 0 else []
    triples = zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=True)
    return [(x, y) for x, y, v in triples if v > 0]


def _scores(kept: Sequence[tuple[str, CocoObject]], kind: Kind, problems: Problems) -> Floats | None:
    """Return the scores, None where no entry has one; add a problem where only some predictions have one."""
    scores = [entry.score for _, entry in kept]
    if all(score is None for score in scores):
        return None
    if kind == "predictions":
        for (key, entry), score in zip(kept, scores, strict=True):
            if score is None:
                problems.add("a score for every entry or for none", "none", key=key, image=str(entry.image_id))
    return np.array([np.nan if score is None else score for score in scores], dtype=np.float64)


def _boxes(file: str, kept: Sequence[tuple[str, CocoObject]], order: Integers, kind: Kind) -> Floats | None:
    """Return the corners of the boxes where every annotation has one; warn where only some have."""
    boxes = [entry.bbox for _, entry in kept if entry.bbox]
    if not boxes or kind == "predictions":
        return None
    if len(boxes) < len(kept):
        warn(f"{file}: boxes are not read: they are given for {len(boxes):,} of {counted(len(kept), 'annotation')}")
        return None
    table = np.array(boxes, dtype=np.float64)[order]
    table[:, 2:] += table[:, :2]  # x, y, width, height -> x1, y1, x2, y2
    return table


def _warnings(kept: Sequence[CocoObject], crowds: int, centres: int) -> Iterator[str]:
    """Yield warnings: points that are centres of boxes, regions that are left out, categories that are merged."""
    if centres:
        yield f"the points are the centres of {counted(centres, 'box', 'boxes')}"
    if crowds:
        yield f"{counted(crowds, 'entry', 'entries')} with iscrowd = 1 left out (regions, not people)"
    boxes = np.array([entry.bbox for entry in kept if entry.bbox and len(entry.bbox) == 4], dtype=np.float64)
    if len(boxes) >= _PARTS and boxes.max() <= 1 and boxes[:, 2:].max() < 1 and (boxes[:, 2:] > 0).all():
        yield (
            "all boxes are within 0 and 1, as parts of width and height are, and COCO's are in pixels: "
            "--frame normalized brings them to pixels (of annotations, crowdeval convert does)"
        )
    elif len(boxes) >= _CORNERS and (boxes[:, 2:] >= boxes[:, :2]).all() and (boxes[:, :2] > 0).any(axis=1).all():
        yield (
            "every box is at least as wide as its x and as high as its y, as corners x1, y1, x2, y2 are; COCO has "
            "x, y, width, height: if they are corners, all points are wrong"
        )


def sizes_of_images(images: Sequence[CocoImage]) -> Floats | None:
    """Return the sizes of images.

    Parameters
    ----------
    images : sequence of CocoImage
        The m images.

    Returns
    -------
    array of float, (m, 2), or None
        Width and height in pixels, NaN where one of them is unknown; None where no image has both.

    Examples
    --------
    >>> sizes_of_images([CocoImage(id=7, width=640, height=480), CocoImage(id=9)]).tolist()
    [[640.0, 480.0], [nan, nan]]
    """
    if all(image.width is None or image.height is None for image in images):
        return None
    sides = [(image.width, image.height) for image in images]
    return np.array([(np.nan, np.nan) if None in size else size for size in sides], dtype=np.float64)
