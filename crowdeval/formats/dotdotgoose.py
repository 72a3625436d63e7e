"""The project of DotDotGoose (``.pnt``): the points of all images, by image and class.

    {"classes": ["zebra"], "points": {"IMG_1.jpg": {"zebra": [{"x": 10, "y": 20}]}, "IMG_3.jpg": {}}, ...}

An image without points is an empty image. Colours, notes and the state of the window are not read.
"""

from __future__ import annotations

from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.json_kinds import is_kind
from crowdeval.formats.json_text import child_key, parse_source
from crowdeval.formats.json_values import object_at, objects_at, text_at
from crowdeval.formats.reading import Reading


def _read(reading: Reading) -> None:
    """Read one project."""
    project = object_at(reading, parse_source(reading.source), "", "a project of DotDotGoose, an object")
    points = None if project is None else object_at(reading, project.get("points"), "points", "an object of images")
    for name, classes in (points or {}).items():
        key = child_key("points", name)
        image = reading.image(text_at(reading, name, key, "the name of an image"), key=key)
        for label, entries in (object_at(reading, classes, key, "an object of classes") or {}).items():
            place = child_key(key, label)
            text = text_at(reading, label, place)
            for each, point in objects_at(reading, entries, place):
                reading.point(image, point.get("x"), point.get("y"), label=text, key=each)


DOTDOTGOOSE = ForeignFormat(
    "dotdotgoose", (".pnt",), "the project of DotDotGoose: points by image and class", is_kind("dotdotgoose"), _read
)
