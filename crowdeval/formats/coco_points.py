"""From the entries of a COCO file to points: which point an entry is, and the columns that go with it.

Which point an annotation is: its one visible keypoint (v > 0); without one, the centre of its box, and a warning
says of how many. Where any annotation of the file has several visible keypoints, keypoints are parts of a body
and every point is a box centre. In a list of results a single keypoint counts whatever its third number is.
Annotations with iscrowd = 1 stand for regions, not people: they are passed over, with a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from crowdeval.errors import Problems, did_you_mean, shown
from crowdeval.formats.coco_entries import CocoDataset, CocoImage, CocoObject
from crowdeval.formats.contract import Kind, counted, warn
from crowdeval.formats.source import Source
from crowdeval.points.ragged import LARGEST, Floats, Integers, offsets_of


@dataclass(frozen=True, slots=True)
class People:
    """The points of a file by image, with the columns that go with them."""

    ids: tuple[str, ...]
    offsets: Integers
    xy: Floats
    boxes: Floats | None
    score: Floats | None


def people_of(source: Source, value: CocoDataset | list[CocoObject], kind: Kind) -> People:
    """Return the points of a decoded file; raise FormatError with every problem."""
    problems = Problems(source.name)
    results = isinstance(value, list)
    objects = value if isinstance(value, list) else value.annotations
    place = "[{}]" if results else "annotations[{}]"
    index = _image_index(value, problems)
    kept = [(place.format(i), entry) for i, entry in enumerate(objects) if not entry.iscrowd]
    sound = _sound([entry for _, entry in kept])
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
    for text in _oddities([entry for _, entry in kept], len(objects) - len(kept), centres):
        warn(f"{source.name}: {text}")
    if kind == "annotations" and score is not None:
        warn(f"{source.name}: not read as annotations: scores")
    image = np.array([index[str(entry.image_id)] for _, entry in kept], dtype=np.int64)
    order = np.argsort(image, kind="stable")
    return People(
        ids=tuple(index),
        offsets=offsets_of(np.bincount(image, minlength=len(index))),
        xy=np.array(points, dtype=np.float64).reshape(-1, 2)[order],
        boxes=_boxes(source.name, kept, order, kind),
        score=None if score is None else score[order],
    )


def _image_index(value: CocoDataset | list[CocoObject], problems: Problems) -> dict[str, int]:
    """Return the index of every image; in a list of results, in the order they are first named."""
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


def _sound(entries: Sequence[CocoObject]) -> bool:
    """Return whether ``_check_numbers`` would pass all entries, from a look at all numbers together."""
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
    """Note numbers of one entry that are too many, too few, not finite or out of range."""
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
    """Return the point of every entry, and how many of them are the centre of a box."""
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
            hint = "several keypoints are the parts of a body, not its point" if parts else None
            found = f"{counted(len(candidates), 'visible keypoint')} and no box"
            problems.add("one visible keypoint, or a box", found, key=key, image=str(entry.image_id), hint=hint)
    return points, centres


def _visible(keypoints: list[float], *, results: bool) -> list[tuple[float, float]]:
    if len(keypoints) == 3:
        return [(keypoints[0], keypoints[1])] if results or keypoints[2] > 0 else []
    triples = zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=True)
    return [(x, y) for x, y, v in triples if v > 0]


def _scores(kept: Sequence[tuple[str, CocoObject]], kind: Kind, problems: Problems) -> Floats | None:
    scores = [entry.score for _, entry in kept]
    if all(score is None for score in scores):
        return None
    if kind == "predictions":
        for (key, entry), score in zip(kept, scores, strict=True):
            if score is None:
                problems.add("a score for every entry or for none", "none", key=key, image=str(entry.image_id))
    return np.array([np.nan if score is None else score for score in scores], dtype=np.float64)


def _boxes(file: str, kept: Sequence[tuple[str, CocoObject]], order: Integers, kind: Kind) -> Floats | None:
    """Return boxes as corners where every entry has one; say aloud where only some do."""
    boxes = [entry.bbox for _, entry in kept if entry.bbox]
    if not boxes or kind == "predictions":
        return None
    if len(boxes) < len(kept):
        warn(f"{file}: boxes are not read: they are given for {len(boxes):,} of {counted(len(kept), 'annotation')}")
        return None
    table = np.array(boxes, dtype=np.float64)[order]
    table[:, 2:] += table[:, :2]
    return table


def _oddities(kept: Sequence[CocoObject], crowds: int, centres: int) -> Iterator[str]:
    """Yield what a user should know of the points: made from boxes, regions passed over, categories joined."""
    if centres:
        yield f"the points are the centres of {counted(centres, 'box', 'boxes')}"
    if crowds:
        yield f"passed over {counted(crowds, 'entry', 'entries')} with iscrowd = 1, which stand for regions"
    categories = {entry.category_id for entry in kept}
    if len(categories) > 1:
        yield f"points of {len(categories)} categories are read as one class"


def sizes_of_images(images: Sequence[CocoImage]) -> Floats | None:
    """Return the (m, 2) sizes, NaN where one of the sides is unknown."""
    if all(image.width is None or image.height is None for image in images):
        return None
    sides = [(image.width, image.height) for image in images]
    return np.array([(np.nan, np.nan) if None in size else size for size in sides], dtype=np.float64)
