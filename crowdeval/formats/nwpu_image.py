"""The JSON of one image of NWPU-Crowd: the points of its heads, and their boxes where every point has one.

{"img_id": "0001.jpg", "human_num": 1, "points": [[3, 4]], "boxes": [[0, 0, 6, 8]]}
"""

from __future__ import annotations

from typing import Any

from crowdeval.errors import shown
from crowdeval.formats.contract import counted
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.json_kinds import is_kind
from crowdeval.formats.json_text import parse_source
from crowdeval.formats.json_values import numbers_at, object_at, point_at, text_at
from crowdeval.formats.reading import Box, Reading


def _read(reading: Reading) -> None:
    """Read one file, which is one image."""
    value = object_at(reading, parse_source(reading.source), "", "an object with img_id and points")
    if value is None:
        return
    name = text_at(reading, value.get("img_id"), "img_id", "the name of an image")
    image = reading.image(name, key="img_id")
    points = value.get("points")
    if not isinstance(points, list):
        reading.problem("a list of points [x, y]", shown(points), key="points", image=image.name)
        return
    number = value.get("human_num")
    if number is not None and number != len(points):
        reading.problem(f"{len(points)}, the number of points", shown(number), key="human_num", image=image.name)
    boxes = _boxes(reading, value.get("boxes"), len(points), image.name)
    for i, point in enumerate(points):
        point_at(reading, image, point, f"points[{i}]", box=boxes[i] if boxes else None)


def _boxes(reading: Reading, value: Any, points: int, image: str) -> list[Box | None]:
    """Return the boxes of all points; none, with a note, where their number is another one."""
    if reading.kind == "predictions" or value is None:
        return []
    if not isinstance(value, list):
        reading.problem("a list of boxes [x1, y1, x2, y2]", shown(value), key="boxes", image=image)
        return []
    if len(value) != points:
        found = f"{counted(len(value), 'box', 'boxes')} and {counted(points, 'point')}"
        reading.note(f"boxes are not kept: image {image!r} has {found}")
        return []
    boxes: list[Box | None] = []
    for i, box in enumerate(value):
        key = f"boxes[{i}]"
        corners = numbers_at(reading, box, key, "a box [x1, y1, x2, y2]", image=image)
        if corners is None:
            boxes.append(None)
            continue
        x1, y1, x2, y2 = corners
        if x2 < x1 or y2 < y1:
            found = shown([x1, y1, x2, y2])
            reading.problem("a box with x1 <= x2 and y1 <= y2", found, key=key, image=image)
        boxes.append((x1, y1, x2, y2))
    return boxes


NWPU_IMAGE = ForeignFormat(
    "nwpu-json", (".json",), "JSON of NWPU-Crowd, one file an image: points and boxes", is_kind("nwpu-json"), _read
)
