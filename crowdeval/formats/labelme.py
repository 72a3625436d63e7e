"""LabelMe JSON: the points and the rectangles of one image, as LabelMe and X-AnyLabeling save them.

The id of the image is the file name in ``imagePath``, else the stem of the JSON file. A rectangle gives its centre;
other shapes and the image inside the file (``imageData``) are not read. ``score``, which X-AnyLabeling writes, is the
confidence.
"""

from __future__ import annotations

from crowdeval.errors import shown
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.json_kinds import is_kind
from crowdeval.formats.json_text import Object, parse_source
from crowdeval.formats.json_values import file_name, found_text, numbers_at, object_at, objects_at, point_at, text_at
from crowdeval.formats.reading import FileImage, Reading

_SHAPES = ("polygon", "line", "linestrip", "circle", "mask")
"""Shapes of LabelMe that are no points; those of X-AnyLabeling have other names, too."""


def _read(reading: Reading) -> None:
    """Read one file, which is one image."""
    value = object_at(reading, parse_source(reading.source), "", "an object with shapes and imagePath")
    if value is None:
        return
    path = text_at(reading, value.get("imagePath"), "imagePath", "the path of the image")
    size = (value.get("imageWidth"), value.get("imageHeight"))
    image = reading.image(file_name(path) or reading.source.stem, size=size)
    for key, shape in objects_at(reading, value.get("shapes"), "shapes"):
        kind = shape.get("shape_type")
        if kind in ("point", "rectangle"):
            _add(reading, image, shape, key)
        elif kind is None or kind in _SHAPES:
            reading.pass_over(kind or "polygon")  # LabelMe takes a shape of no type for a polygon
        elif isinstance(kind, str):
            reading.pass_over(f"{kind[:40]} shape")
        else:
            reading.problem("the name of a shape", shown(kind), key=f"{key}.shape_type", image=image.name)


def _add(reading: Reading, image: FileImage, shape: Object, key: str) -> None:
    """Add a point, or the centre of a rectangle: two opposite corners in any order, or all four."""
    label = text_at(reading, shape.get("label"), f"{key}.label")
    score, points = shape.get("score"), shape.get("points")
    place = f"{key}.points"
    if shape["shape_type"] == "point":
        if isinstance(points, list) and len(points) == 1:
            point_at(reading, image, points[0], f"{place}[0]", score=score, label=label)
        else:
            reading.problem("one point [[x, y]]", found_text(points), key=place, image=image.name)
        return
    if not isinstance(points, list) or len(points) not in (2, 4):
        reading.problem("2 or 4 corners of a rectangle", found_text(points), key=place, image=image.name)
        return
    corners = [
        numbers_at(reading, point, f"{place}[{i}]", "a corner [x, y]", image=image.name)
        for i, point in enumerate(points)
    ]
    xs, ys = ([corner[i] for corner in corners if corner is not None] for i in range(2))
    if len(xs) == len(points):
        reading.box(image, (min(xs), min(ys), max(xs), max(ys)), score=score, label=label, key=key)


LABELME = ForeignFormat(
    "labelme", (".json",), "LabelMe JSON, one file an image: points, centres of rectangles", is_kind("labelme"), _read
)
