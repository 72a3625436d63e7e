"""CVAT: the XML of the export "CVAT for images 1.1", alone or as annotations.xml in a ZIP archive.

An element <points> can have several points, each of which is a point here. The point of a <box> is its centre. Other
shapes (polygons, polylines, masks, skeletons, cuboids, ellipses) and the tags of images are not read. A confidence is
the attribute ``score`` of a shape or, in predictions, an <attribute> with the name "score" or "confidence".
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from crowdeval.errors import listed, shown
from crowdeval.formats.contract import counted
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.reading import FileImage, Reading
from crowdeval.formats.source import Source
from crowdeval.formats.xml_text import parse_xml, root_tag

_EXPORT = "'CVAT for images 1.1'"
_FILE = "annotations.xml"
_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_NO_ROTATION = (None, "", "0", "0.0", "0.00")
_CONFIDENCES = ("score", "confidence")
_LARGEST = 1 << 30
"""Most bytes of the unpacked XML."""


def _looks_right(source: Source) -> bool:
    """Return whether a file has the root of CVAT, or is a ZIP archive of such a file."""
    if not source.data.startswith(b"PK"):
        return root_tag(source.data) == "annotations"
    try:
        with ZipFile(io.BytesIO(source.data)) as archive:
            return bool(_members(archive))
    except Exception:  # a damaged archive raises errors of zipfile, struct and others
        return False


def _read(reading: Reading) -> None:
    """Read the images of a file."""
    root = parse_xml(_unpacked(reading.source), "annotations")
    tracks, images = len(root.findall("track")), root.findall("image")
    if tracks:
        hint = f"export the task in the format {_EXPORT}"
        reading.problem(f"images, as in {_EXPORT}", f"{counted(tracks, 'track')} of 'CVAT for video'", hint=hint)
    elif not images:
        reading.problem(f"at least one <image>, as in {_EXPORT}", "none")
    for i, element in enumerate(images):
        key = f"image[{i}]"
        size = (element.get("width"), element.get("height"))
        image = reading.image(element.get("name"), size=size, key=key)
        seen: Counter[str] = Counter()
        for shape in element:
            _read_shape(reading, image, shape, f"{key}.{shape.tag}[{seen[shape.tag]}]")
            seen[shape.tag] += 1


def _read_shape(reading: Reading, image: FileImage, shape: Element, key: str) -> None:
    """Add the points of a shape, or count it as passed over."""
    label, score = shape.get("label"), _confidence(reading, shape)
    if shape.tag == "box":
        if shape.get("rotation") not in _NO_ROTATION:
            reading.note(
                "boxes are rotated: the points are their centres, and the corners are those before the rotation"
            )
        reading.box(image, [shape.get(corner) for corner in _CORNERS], score=score, label=label, key=key)
        return
    if shape.tag != "points":
        reading.pass_over(shape.tag[:40])
        return
    pairs = (shape.get("points") or "").split(";")
    for i, pair in enumerate(pairs):
        place = f"{key}.points[{i}]"
        xy = pair.split(",")
        if len(xy) == 2:
            reading.point(image, *xy, score=score, label=label, key=place)
        else:
            reading.problem("a point x,y", shown(pair), key=place, image=image.name)


def _confidence(reading: Reading, shape: Element) -> str | None:
    """Return the confidence of a shape as the file has it, or None."""
    if "score" in shape.attrib or reading.kind == "annotations":
        return shape.get("score")
    named = (child.text or "" for child in shape.findall("attribute") if child.get("name") in _CONFIDENCES)
    return next(named, None)


def _members(archive: ZipFile) -> list[str]:
    """Return the names of the files annotations.xml of an archive."""
    return [name for name in archive.namelist() if name.rpartition("/")[2] == _FILE]


def _unpacked(source: Source) -> Source:
    """Return the XML of a ZIP archive; other files are returned as they are."""
    if not source.data.startswith(b"PK"):
        return source
    try:
        with ZipFile(io.BytesIO(source.data)) as archive:
            names = _members(archive)
            with archive.open(names[0] if names else _FILE) as file:
                data = file.read(_LARGEST + 1)
    except KeyError:
        raise source.error(f"a ZIP archive with {_FILE}", "one without it") from None
    except Exception as problem:  # a damaged archive raises errors of zipfile, zlib, struct and others
        raise source.error(f"a ZIP archive with {_FILE}", f"a damaged one: {shown(str(problem))}") from None
    if len(names) > 1:
        raise source.error(f"one file {_FILE} in the archive", f"{len(names)}: {listed(names, most=3)}")
    if len(data) > _LARGEST:
        raise source.error(f"an {_FILE} of at most {_LARGEST:,} bytes", "a larger one")
    return replace(source, data=data, suffix=".xml")


CVAT = ForeignFormat(
    "cvat", (".xml",), "XML of CVAT: the export 'CVAT for images 1.1', also in its ZIP", _looks_right, _read
)
