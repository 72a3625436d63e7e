"""GeoJSON in pixels, as QuPath exports it: features that are points or groups of points.

The class is the name of ``properties.classification``, else ``properties.label``. The image is
``properties.image_path``, else the stem of the file. Other geometries are not read, and coordinates of a map are
refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crowdeval.errors import shown
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.json_kinds import is_kind
from crowdeval.formats.json_text import Object, parse_source
from crowdeval.formats.json_values import object_at, objects_at, point_at, text_at
from crowdeval.formats.reading import FileImage, Reading

_FARTHEST = 1e6
"""The largest coordinate in pixels; a larger one is that of a map, in metres."""

_MAP = "map coordinates: bring them to pixels first"

_CONFIDENCES = ("score", "confidence", "probability")
"""Properties that other tools write beside a geometry."""

_PASSED = ("LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")


def _read(reading: Reading) -> None:
    """Read one file, whose features are of one image, or of the images that they name."""
    images: dict[str, FileImage] = {}
    far: list[str] = []
    for key, feature in _features(reading, parse_source(reading.source)):
        properties = feature.get("properties")
        properties = Object([]) if properties is None else object_at(reading, properties, _child(key, "properties"))
        if properties is None:
            continue
        path = text_at(reading, properties.get("image_path"), _child(key, "properties.image_path"), "a path")
        name = path or reading.source.stem
        if name not in images:
            images[name] = reading.image(name, key=key)
        label = _label(reading, properties, _child(key, "properties"))
        score = next((properties[word] for word in _CONFIDENCES if properties.get(word) is not None), None)
        for place, point in _points(reading, feature.get("geometry"), _child(key, "geometry")):
            if _is_far(point):
                far.append(place)
            else:
                point_at(reading, images[name], point, place, score=score, label=label)
    if far:
        found = f"{len(far)} beyond {_FARTHEST:,.0f}"
        reading.problem("coordinates in pixels", found, key=far[0], hint=_MAP)
    if not images and not reading.problems:
        reading.image(reading.source.stem)


def _features(reading: Reading, value: Any) -> Iterator[tuple[str, Object]]:
    """Yield the features of a collection, of a list, or the only one, each with its place."""
    if isinstance(value, list):
        found: Any = objects_at(reading, value, "")
    else:
        top = object_at(reading, value, "", "a FeatureCollection, or a list of features")
        if top is None:
            return
        if top.get("crs") is not None:
            reading.problem("coordinates in pixels", "a coordinate reference system", key="crs", hint=_MAP)
            return
        found = [("", top)] if top.get("type") == "Feature" else objects_at(reading, top.get("features"), "features")
    for key, feature in found:
        if feature.get("type") == "Feature":
            yield key, feature
        else:
            reading.problem("'Feature'", shown(feature.get("type")), key=_child(key, "type"))


def _points(reading: Reading, geometry: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield the points of a geometry with their places; pass over what is no point."""
    if geometry is None:
        reading.pass_over("empty feature")
        return
    shape = object_at(reading, geometry, key, "a geometry, an object")
    if shape is None:
        return
    kind, coordinates, place = shape.get("type"), shape.get("coordinates"), f"{key}.coordinates"
    if kind == "Point":
        yield place, coordinates
    elif kind == "MultiPoint" and isinstance(coordinates, list):
        yield from ((f"{place}[{i}]", point) for i, point in enumerate(coordinates))
    elif kind == "MultiPoint":
        reading.problem("a list of points [x, y]", shown(coordinates), key=place)
    elif kind in _PASSED:
        reading.pass_over(str(kind).lower())
    else:
        reading.problem("the type of a geometry", shown(kind), key=f"{key}.type")


def _label(reading: Reading, properties: Object, key: str) -> str:
    """Return the class of a feature; a class of QuPath can have several names."""
    found = properties.get("classification")
    if found is None:
        return text_at(reading, properties.get("label"), f"{key}.label")
    if isinstance(found, str):
        return text_at(reading, found, f"{key}.classification")
    named = object_at(reading, found, f"{key}.classification", "a class, an object") or Object([])
    names = named.get("names")
    if named.get("name") is None and isinstance(names, list):
        texts = [text_at(reading, name, f"{key}.classification.names[{i}]") for i, name in enumerate(names)]
        return ": ".join(texts)
    return text_at(reading, named.get("name"), f"{key}.classification.name")


def _is_far(point: Any) -> bool:
    numbers = [value for value in point if isinstance(value, int | float)] if isinstance(point, list) else []
    return any(abs(value) > _FARTHEST for value in numbers)


def _child(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


GEOJSON = ForeignFormat(
    "geojson", (".geojson",), "GeoJSON in pixels, as QuPath writes it: points", is_kind("geojson"), _read
)
