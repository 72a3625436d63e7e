"""COCO JSON: datasets and lists of results, read as points and written as persons with one keypoint.

The id of an image is its COCO id as text, and its ``file_name`` becomes an attribute. Other keys of COCO are not read.
``coco_points`` has the rules by which an entry becomes a point.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import msgspec
import numpy as np

from crowdeval.errors import listed
from crowdeval.formats.coco_entries import coco_entries
from crowdeval.formats.coco_points import people_of, sizes_of_images
from crowdeval.formats.contract import attributes_named, require_points, warn, warn_not_kept
from crowdeval.formats.image_objects import attributes_by_image
from crowdeval.formats.json_kinds import told_by
from crowdeval.formats.source import Source
from crowdeval.points.assemble import attribute_columns
from crowdeval.points.columns import Labels
from crowdeval.points.sets import Annotations, Predictions

_PERSON = {"id": 1, "name": "person", "keypoints": ["head"], "skeleton": []}


@dataclass(frozen=True, slots=True)
class Coco:
    """Reader and writer of COCO JSON, which stores points, boxes, scores, sizes and file names.

    The attributes and methods are those of ``contract.Format``.

    Examples
    --------
    >>> content = b'[{"image_id": 7, "keypoints": [10, 20, 1], "score": 0.5}]'
    >>> COCO.read_predictions(Source("results.json", content)).xy.tolist()
    [[10.0, 20.0]]
    """

    name: str = "coco"
    suffixes: tuple[str, ...] = (".json",)
    summary: str = "COCO JSON: keypoints, else box centres; datasets and result lists"

    def recognises(self, source: Source) -> bool:
        """Return whether the file is JSON with the keys of COCO."""
        return told_by(source).formats == ("coco",)

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a list of results, or of a dataset whose annotations have scores."""
        people = people_of(source, coco_entries(source), "predictions")
        return Predictions(image_ids=people.ids, offsets=people.offsets, xy=people.xy, score=people.score,
                           labels=people.labels)  # fmt: skip

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a dataset, with boxes where every annotation has one."""
        value = coco_entries(source)
        if isinstance(value, list):
            hint = "a list of results is COCO's form of predictions"
            raise source.error('an object with "images" and "annotations"', "a list", hint=hint)
        people = people_of(source, value, "annotations")
        if not value.annotations and b'"licenses"' in source.data:
            warn(f"{source.name}: there are no annotations; CVAT leaves points out of COCO: export 'CVAT for images'")
        names = [{} if image.file_name is None else {"file_name": image.file_name} for image in value.images]
        return Annotations(
            image_ids=people.ids,
            offsets=people.offsets,
            xy=people.xy,
            boxes=people.boxes,
            sizes=sizes_of_images(value.images),
            attributes=attribute_columns(names),
            labels=people.labels,
            classes=people.classes,
        )

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Return a list of results of one keypoint; warn that images without predictions are lost."""
        require_points(self.name, predictions)
        empty = list(compress(predictions.image_ids, np.diff(predictions.offsets) == 0))
        if empty:
            warn(f"a list of COCO results can't hold images without predictions: {listed(empty)} are left out")
        lost = [name for name in ("counts", "sizes") if getattr(predictions, name) is not None]
        if predictions.labels is not None and not _are_numbers(predictions.labels):
            lost.append("names of labels")
        warn_not_kept(self.name, lost)
        ids = _coco_ids(predictions.image_ids)
        scores = [None] * len(predictions.xy) if predictions.score is None else predictions.score.tolist()
        entries = []
        numbers, _ = _categories(predictions.labels, len(predictions.xy))
        rows = zip(predictions.points.image.tolist(), predictions.xy.tolist(), scores, numbers, strict=True)
        for i, (x, y), score, number in rows:
            entry = {"image_id": ids[i], "category_id": number, "keypoints": [x, y, 1]}
            entries.append(entry if score is None else {**entry, "score": score})
        return _encoded_list(entries) + b"\n"

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return a dataset of persons with one keypoint; warn that radii, levels and other attributes are lost."""
        lost = [name for name in ("radii", "level") if getattr(annotations, name) is not None]
        lost += [name for name in attributes_named(annotations) if name != "attribute file_name"]
        warn_not_kept(self.name, lost)
        ids = _coco_ids(annotations.image_ids)
        numbers, categories = _categories(annotations.labels, len(annotations.xy))
        images = _image_entries(annotations, ids)
        return b'{"images": %s,\n"annotations": %s,\n"categories": %s}\n' % (
            _encoded_list(images),
            _encoded_list(_person_entries(annotations, ids, numbers)),
            msgspec.json.encode([{**_PERSON, "id": i, "name": name} for name, i in categories.items()]),
        )


COCO = Coco()


def _image_entries(annotations: Annotations, ids: Sequence[int | str]) -> Iterator[dict[str, Any]]:
    """Yield the entries of the key "images"."""
    sizes = [None] * len(ids) if annotations.sizes is None else annotations.sizes.tolist()
    for name, size, attributes in zip(ids, sizes, attributes_by_image(annotations), strict=True):
        entry: dict[str, Any] = {"id": name}
        if "file_name" in attributes:
            entry["file_name"] = str(attributes["file_name"])
        if size is not None and not np.isnan(size).any():
            entry["width"], entry["height"] = size
        yield entry


def _person_entries(
    annotations: Annotations, ids: Sequence[int | str], numbers: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Yield the entries of the key "annotations", one for every point."""
    boxes = None if annotations.boxes is None else annotations.boxes.tolist()
    rows = zip(annotations.points.image.tolist(), annotations.xy.tolist(), strict=True)
    for row, (image, (x, y)) in enumerate(rows):
        entry: dict[str, Any] = {"id": row + 1, "image_id": ids[image], "category_id": numbers[row], "iscrowd": 0}
        entry |= {"keypoints": [x, y, 2], "num_keypoints": 1}
        if boxes is not None:
            x1, y1, x2, y2 = boxes[row]
            entry |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
        yield entry


def _categories(labels: Labels | None, points: int) -> tuple[list[int], dict[str, int]]:
    """Return the number of the category of every point, and the numbers of the categories by name."""
    if labels is None or not any(labels):
        return [1] * points, {"person": 1}
    names = sorted({label or "person" for label in labels.tolist()})
    numbers = {name: int(name) if _are_numbers(labels) else i for i, name in enumerate(names, start=1)}
    return [numbers[label or "person"] for label in labels.tolist()], numbers


def _are_numbers(labels: Labels) -> bool:
    """Return whether all labels are numbers of categories, as those of results are."""
    return all(label.isascii() and label.isdigit() and len(label) < 10 for label in set(labels.tolist()))


def _coco_ids(names: Sequence[str]) -> Sequence[int | str]:
    """Return the ids as integers where all of them are whole numbers (COCO's tools expect integers), else unchanged."""
    if all(name.isascii() and name.isdigit() and len(name) < 16 and str(int(name)) == name for name in names):
        return [int(name) for name in names]
    return names


def _encoded_list(entries: Iterable[dict[str, Any]]) -> bytes:
    """Return a JSON list with one entry in every line."""
    return b"[%s]" % b",\n".join(map(msgspec.json.encode, entries))
