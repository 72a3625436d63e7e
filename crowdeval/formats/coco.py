"""COCO JSON: datasets and result lists of keypoints or boxes, read as points and written as one-keypoint persons.

Which point an annotation is: its one visible keypoint (v > 0); without one, the centre of its box, and a warning
says of how many. Where any annotation of the file has several visible keypoints, keypoints are parts of a body
and every point is a box centre. In a list of results a single keypoint counts whatever its third number is.
Annotations with iscrowd = 1 stand for regions, not people: they are passed over, with a warning. An image's id
here is the COCO id as text; its ``file_name`` becomes an attribute. Other keys of COCO are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import msgspec
import numpy as np

from crowdeval.arrays import LARGEST, Floats, Integers, image_of_rows, offsets_of
from crowdeval.errors import Problems, did_you_mean, listed, shown
from crowdeval.formats.contract import Kind, require_points, warn, warn_not_kept
from crowdeval.formats.image_objects import attributes_by_image, attributes_of
from crowdeval.formats.json_text import Object, dialect, parse_source
from crowdeval.formats.source import Source
from crowdeval.points import Annotations, Predictions

Row = list[float] | None
_PERSON = {"id": 1, "name": "person", "keypoints": ["head"], "skeleton": []}


class CocoImage(msgspec.Struct):
    """An entry of ``images``."""

    id: int | str
    width: float | None = None
    height: float | None = None
    file_name: str | None = None


class CocoObject(msgspec.Struct):
    """An entry of ``annotations``, or of a list of results."""

    image_id: int | str
    bbox: Row = None
    keypoints: Row = None
    score: float | None = None
    iscrowd: int | bool = 0
    category_id: int | str | None = None


class CocoDataset(msgspec.Struct):
    """A file of annotations."""

    images: list[CocoImage]
    annotations: list[CocoObject]
    categories: msgspec.Raw = msgspec.Raw(b"")


@dataclass(frozen=True, slots=True)
class Coco:
    """COCO JSON in both directions; holds points, boxes, scores, sizes and file names."""

    name: str = "coco"
    suffixes: tuple[str, ...] = (".json",)
    summary: str = "COCO JSON: keypoints, else box centres; datasets and result lists"

    def recognises(self, source: Source) -> bool:
        """Return whether this is JSON with COCO's keys."""
        return dialect(source) == "coco"

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a list of results, or of a dataset whose annotations have scores."""
        people = _people(source, _decoded(source), "predictions")
        return Predictions(image_ids=people.ids, offsets=people.offsets, xy=people.xy, score=people.score)

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a dataset, with boxes where every annotation has one."""
        value = _decoded(source)
        if isinstance(value, list):
            hint = "a list is COCO's form of predictions"
            raise source.error('an object with "images" and "annotations"', "a list", hint=hint)
        people = _people(source, value, "annotations")
        names = [{} if image.file_name is None else {"file_name": image.file_name} for image in value.images]
        return Annotations(
            image_ids=people.ids,
            offsets=people.offsets,
            xy=people.xy,
            boxes=people.boxes,
            sizes=_sizes(value.images),
            attributes=attributes_of(names),
        )

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Return a list of results, one keypoint each; images without predictions are lost, with a warning."""
        require_points(self.name, predictions)
        empty = list(compress(predictions.image_ids, np.diff(predictions.offsets) == 0))
        if empty:
            warn(f"a list of COCO results can't name images without predictions: {listed(empty)} are left out")
        warn_not_kept(self.name, ["counts"] if predictions.counts is not None else [])
        ids = _coco_ids(predictions.image_ids)
        scores = [None] * len(predictions.xy) if predictions.score is None else predictions.score.tolist()
        entries = []
        for i, (x, y), score in zip(
            image_of_rows(predictions.offsets).tolist(), predictions.xy.tolist(), scores, strict=True
        ):
            entry = {"image_id": ids[i], "category_id": 1, "keypoints": [x, y, 1]}
            entries.append(entry if score is None else {**entry, "score": score})
        return _lines(entries) + b"\n"

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return a dataset of one-keypoint persons; radii, levels and other attributes are lost, with a warning."""
        lost = [name for name in ("radii", "level") if getattr(annotations, name) is not None]
        lost += [f"attribute {name}" for name in annotations.attributes if name != "file_name"]
        warn_not_kept(self.name, lost)
        ids = _coco_ids(annotations.image_ids)
        images = _image_entries(annotations, ids)
        return b'{"images": %s,\n"annotations": %s,\n"categories": %s}\n' % (
            _lines(images),
            _lines(_person_entries(annotations, ids)),
            msgspec.json.encode([_PERSON]),
        )


COCO = Coco()


@dataclass(frozen=True, slots=True)
class _People:
    """The points of a file by image, with the columns that go with them."""

    ids: tuple[str, ...]
    offsets: Integers
    xy: Floats
    boxes: Floats | None
    score: Floats | None


def _people(source: Source, value: CocoDataset | list[CocoObject], kind: Kind) -> _People:
    problems = Problems(source.name)
    results = isinstance(value, list)
    objects = value if isinstance(value, list) else value.annotations
    place = "[{}]" if results else "annotations[{}]"
    index = _image_index(value, problems)
    kept = [(place.format(i), entry) for i, entry in enumerate(objects) if not entry.iscrowd]
    for key, entry in kept:
        _check_numbers(entry, key, problems)
        if str(entry.image_id) not in index:
            near = did_you_mean(str(entry.image_id), index).removeprefix("; ") or None
            problems.add('an image of "images"', shown(entry.image_id), key=f"{key}.image_id", hint=near)
    problems.raise_if_any()
    points, centres = _points(kept, results=results, problems=problems)
    score = _scores(kept, kind, problems)
    problems.raise_if_any()
    _warn_of(source.name, len(objects) - len(kept), centres, {entry.category_id for _, entry in kept}, kind, score)
    image = np.array([index[str(entry.image_id)] for _, entry in kept], dtype=np.int64)
    order = np.argsort(image, kind="stable")
    return _People(
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


def _check_numbers(entry: CocoObject, key: str, problems: Problems) -> None:
    """Note numbers of one entry that are too many, too few, not finite or out of range."""
    image = str(entry.image_id)
    box, keypoints = entry.bbox or (), entry.keypoints or ()
    if len(box) not in (0, 4):
        problems.add("[x, y, width, height]", f"{len(box)} numbers", key=f"{key}.bbox", image=image)
    elif box and not all(abs(number) <= LARGEST for number in box):
        problems.add(f"finite numbers within {LARGEST:.0e}", shown(box), key=f"{key}.bbox", image=image)
    elif box and min(box[2:]) < 0:
        problems.add("a width and height of at least 0", shown(box), key=f"{key}.bbox", image=image)
    if len(keypoints) % 3:
        problems.add("x, y, v of every keypoint", f"{len(keypoints)} numbers", key=f"{key}.keypoints", image=image)
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
            found = f"{len(candidates)} visible keypoints and no box"
            problems.add("one visible keypoint, or a box", found, key=key, image=str(entry.image_id), hint=hint)
    return points, centres


def _visible(keypoints: list[float], *, results: bool) -> list[tuple[float, float]]:
    if results and len(keypoints) == 3:
        return [(keypoints[0], keypoints[1])]
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
        warn(f"{file}: {len(boxes):,} of {len(kept):,} annotations have a box; boxes are not read")
        return None
    table = np.array(boxes, dtype=np.float64)[order]
    table[:, 2:] += table[:, :2]
    return table


def _warn_of(file: str, crowds: int, centres: int, categories: set[Any], kind: Kind, score: Floats | None) -> None:
    if centres:
        warn(f"{file}: the points are the centres of {centres:,} boxes")
    if crowds:
        warn(f"{file}: {crowds:,} entries with iscrowd = 1 stand for regions and are passed over")
    if len(categories) > 1:
        warn(f"{file}: points of {len(categories)} categories are read as one class")
    if kind == "annotations" and score is not None:
        warn(f"{file}: not read as annotations: scores")


def _sizes(images: Sequence[CocoImage]) -> Floats | None:
    if all(image.width is None or image.height is None for image in images):
        return None
    sides = [(image.width, image.height) for image in images]
    return np.array([(np.nan, np.nan) if None in size else size for size in sides], dtype=np.float64)


def _decoded(source: Source) -> CocoDataset | list[CocoObject]:
    """Decode the fast way; where that fails or a key may be repeated, the careful way."""
    data = source.utf8()
    form: Any = list[CocoObject] if data.lstrip().startswith(b"[") else CocoDataset
    try:
        value: CocoDataset | list[CocoObject] = msgspec.json.decode(data, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _walked(source)
    objects = value if isinstance(value, list) else value.annotations
    other = b"" if isinstance(value, list) else bytes(value.categories)
    for name in ("image_id", "bbox", "keypoints", "score"):
        key = f'"{name}"'.encode()
        given = sum(getattr(entry, name) is not None for entry in objects)
        if data.count(key) - other.count(key) != given:
            return _walked(source)
    return value


def _walked(source: Source) -> CocoDataset | list[CocoObject]:
    """Return the decoded file; raise FormatError with every entry that is not what it should be."""
    value = parse_source(source)
    problems = Problems(source.name)
    decoded: CocoDataset | list[CocoObject]
    if isinstance(value, list):
        decoded = _entries(value, CocoObject, "", problems)
    elif isinstance(value, Object):
        lists = {}
        for name in ("images", "annotations"):
            lists[name] = value.get(name)
            if name in value.repeated:
                problems.add("every key once", f"{name!r} twice", key=name)
            elif not isinstance(lists[name], list):
                problems.add("a list", shown(lists[name]) if name in value else "no such key", key=name)
        problems.raise_if_any()
        decoded = CocoDataset(
            images=_entries(lists["images"], CocoImage, "images", problems),
            annotations=_entries(lists["annotations"], CocoObject, "annotations", problems),
        )
    else:
        problems.add("a COCO dataset or a list of results", shown(value))
    problems.raise_if_any()
    return decoded


def _entries(values: Any, form: type[Any], place: str, problems: Problems) -> list[Any]:
    entries = []
    for i, value in enumerate(values):
        key = f"{place}[{i}]"
        for name in getattr(value, "repeated", {}):
            problems.add("every key once", f"{name!r} twice", key=f"{key}.{name}")
        try:
            entries.append(msgspec.convert(value, form))
        except (msgspec.ValidationError, OverflowError) as problem:
            message, _, path = str(problem).partition(" - at `$")
            expected = message.removeprefix("Expected ").partition(", got ")[0].replace("`", "")
            found = message.partition(", got ")[2].replace("`", "") or message
            problems.add(expected, found, key=f"{key}{path.rstrip('`')}")
    return entries


def _image_entries(annotations: Annotations, ids: Sequence[int | str]) -> Iterator[dict[str, Any]]:
    sizes = [None] * len(ids) if annotations.sizes is None else annotations.sizes.tolist()
    for name, size, attributes in zip(ids, sizes, attributes_by_image(annotations), strict=True):
        entry: dict[str, Any] = {"id": name}
        if "file_name" in attributes:
            entry["file_name"] = str(attributes["file_name"])
        if size is not None and not np.isnan(size).any():
            entry["width"], entry["height"] = size
        yield entry


def _person_entries(annotations: Annotations, ids: Sequence[int | str]) -> Iterator[dict[str, Any]]:
    boxes = None if annotations.boxes is None else annotations.boxes.tolist()
    rows = zip(image_of_rows(annotations.offsets).tolist(), annotations.xy.tolist(), strict=True)
    for row, (image, (x, y)) in enumerate(rows):
        entry: dict[str, Any] = {"id": row + 1, "image_id": ids[image], "category_id": 1, "iscrowd": 0}
        entry |= {"keypoints": [x, y, 2], "num_keypoints": 1}
        if boxes is not None:
            x1, y1, x2, y2 = boxes[row]
            entry |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
        yield entry


def _coco_ids(names: Sequence[str]) -> Sequence[int | str]:
    """Return ids as integers where all of them are, as COCO's tools expect, else as they are."""
    if all(name.isascii() and name.isdigit() and len(name) < 16 and str(int(name)) == name for name in names):
        return [int(name) for name in names]
    return names


def _lines(entries: Iterable[dict[str, Any]]) -> bytes:
    return b"[%s]" % b",\n".join(map(msgspec.json.encode, entries))
