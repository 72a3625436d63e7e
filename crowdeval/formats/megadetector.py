"""Results of MegaDetector in its two dialects; the points are the centres of the boxes.

    {"images": [{"file": "IMG_1.jpg", "detections": [{"category": "1", "conf": 0.9, "bbox": [x, y, width, height]}]}],
     "detection_categories": {"1": "animal"}}
    [{"file": "IMG_1.jpg", "detections": [{"category": "animal", "confidence": 0.9, "bbox": [x1, y1, x2, y2]}]}]

The boxes of the first dialect are parts of the image, those of the list are pixels. An image on which MegaDetector
failed has no prediction and is left out. Detections of categories that are not listed are none, as MegaDetector's
description of the format says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crowdeval.errors import listed, shown
from crowdeval.formats.contract import counted
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.json_kinds import is_kind
from crowdeval.formats.json_text import Object, child_key, parse_source
from crowdeval.formats.json_values import numbers_at, object_at, objects_at, text_at
from crowdeval.formats.reading import FileImage, Reading, Size

_SLACK = 0.1
"""How far beyond the image a box may reach, in parts of the image: models and rounding overshoot its edge."""


@dataclass(slots=True)
class _Tally:
    """What is said once for the whole file; ``names`` are the listed categories, None in the list dialect."""

    names: dict[str, str] | None = None
    failed: list[str] = field(default_factory=list)
    unlisted: int = 0
    classified: int = 0
    boxes: int = 0
    largest: float = 0.0


def _read(reading: Reading) -> None:
    """Read one file."""
    value = parse_source(reading.source)
    tally, key = _Tally(), ""
    if not isinstance(value, list):
        top = object_at(reading, value, "", "an object with images, or a list of them")
        if top is None:
            return
        tally.names, value, key = _category_names(reading, top), top.get("images"), "images"
    for place, entry in objects_at(reading, value, key):
        _image(reading, tally, entry, place)
    if tally.names is None and tally.boxes and tally.largest <= 1:
        reading.problem("a list with boxes [x1, y1, x2, y2] in pixels", "only numbers up to 1", key="[0].detections")
    if tally.failed:
        failed = counted(len(tally.failed), "image")
        reading.note(f"MegaDetector failed on {failed}, left out here: {listed(tally.failed, most=3)}")
    if tally.unlisted:
        unlisted = counted(tally.unlisted, "detection")
        reading.note(f"{unlisted} of categories that are not in detection_categories are not read")
    if tally.classified:
        reading.note("classifications are not read; the class is the category of the detection")


def _category_names(reading: Reading, top: Object) -> dict[str, str]:
    """Return the names of the categories."""
    key = "detection_categories"
    found = object_at(reading, top.get(key), key, "an object with the names of the categories")
    return {number: text_at(reading, name, child_key(key, number)) for number, name in (found or {}).items()}


def _image(reading: Reading, tally: _Tally, entry: Object, key: str) -> None:
    """Read the detections of one image."""
    name = text_at(reading, entry.get("file"), f"{key}.file", "the path of an image")
    if "frame_rate" in entry or "frames_processed" in entry:
        reading.problem("an image", "a video", key=key, image=name, hint="take its frames as images")
        return
    detections = entry.get("detections")
    if entry.get("failure") is not None and not detections:
        tally.failed.append(name)
        return
    size: tuple[Any, Any] | None = None
    if tally.names is not None and (entry.get("width"), entry.get("height")) != (None, None):
        sides = [entry.get("width"), entry.get("height")]
        size = _size(reading, sides, key, name)
    image = reading.image(name, size=size, unit=None if tally.names is None else (1.0, 1.0), key=key)
    for place, detection in objects_at(reading, detections, f"{key}.detections"):
        label = _label(reading, tally, detection, place)
        if label is not None:
            _add(reading, tally, image, detection, label=label, key=place)


def _size(reading: Reading, sides: list[Any], key: str, image: str) -> Size | None:
    numbers = numbers_at(reading, sides, key, "numbers of pixels [width, height]", image=image)
    return None if numbers is None else (numbers[0], numbers[1])


def _label(reading: Reading, tally: _Tally, detection: Object, key: str) -> str | None:
    """Return the class of a detection; None where it is of no listed category, and thereby none."""
    category = text_at(reading, detection.get("category"), f"{key}.category", "a category")
    if tally.names is None or category in tally.names:
        return category if tally.names is None else tally.names[category]
    tally.unlisted += 1
    return None


def _add(reading: Reading, tally: _Tally, image: FileImage, detection: Object, *, label: str, key: str) -> None:
    """Add the centre of a box."""
    parts = tally.names is not None
    expected = "a box [x, y, width, height]" if parts else "a box [x1, y1, x2, y2]"
    place = f"{key}.bbox"
    box = numbers_at(reading, detection.get("bbox"), place, expected, image=image.name)
    if box is None:
        return
    tally.classified += bool(detection.get("classifications"))
    tally.boxes += 1
    tally.largest = max(tally.largest, *box)
    x1, y1, x2, y2 = box
    if parts:
        x2, y2 = x1 + x2, y1 + y2
        if min(x1, y1) < -_SLACK or max(x2, y2) > 1 + _SLACK:
            reading.problem("a box in parts of the image, 0 to 1", shown(list(box)), key=place, image=image.name)
            return
    score = detection.get("conf", detection.get("confidence"))
    reading.box(image, (x1, y1, x2, y2), score=score, label=label, key=place)


MEGADETECTOR = ForeignFormat(
    "megadetector", (".json",), "results of MegaDetector: centres of boxes", is_kind("megadetector"), _read
)
