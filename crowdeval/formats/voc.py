"""Pascal VOC: the XML of one image with its boxes, whose centres are the points.

The image is the text of <filename>. The boxes of the parts of an object are not read. A confidence is the text of
<score> or <confidence> in an object, which results have and annotations have not.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.reading import FileImage, Reading
from crowdeval.formats.source import Source
from crowdeval.formats.xml_text import parse_xml, root_tag, text_of

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_OTHER_SHAPES = {"robndbox": "rotated box", "polygon": "polygon", "segm": "mask", "point": "point of an object"}
_NO_SIZE = ((None, None), ("0", "0"))
"""The sizes of tools that do not know the image."""


def _looks_right(source: Source) -> bool:
    """Return whether a file has the root of Pascal VOC."""
    return root_tag(source.data) == "annotation"


def _read(reading: Reading) -> None:
    """Read the image of a file."""
    root = parse_xml(reading.source, "annotation")
    size = (text_of(root, "size/width"), text_of(root, "size/height"))
    if size == _NO_SIZE[1]:
        reading.note("the size 0 x 0 is not read")
    image = reading.image(text_of(root, "filename"), size=None if size in _NO_SIZE else size, key="filename")
    for i, element in enumerate(root.findall("object")):
        _read_object(reading, image, element, f"object[{i}]")


def _read_object(reading: Reading, image: FileImage, element: Element, key: str) -> None:
    """Add the centre of the box of an object."""
    box = element.find("bndbox")
    if box is None:
        other = next((words for tag, words in _OTHER_SHAPES.items() if element.find(tag) is not None), None)
        if other:
            reading.pass_over(other)
        else:
            reading.problem("a box <bndbox>", "none", key=key, image=image.name)
        return
    if text_of(element, "difficult") == "1":
        reading.note("objects marked as difficult are read like the others")
    score = text_of(element, "score") or text_of(element, "confidence")
    corners = [text_of(box, corner) for corner in _CORNERS]
    reading.box(image, corners, score=score, label=text_of(element, "name"), key=f"{key}.bndbox")


VOC = ForeignFormat(
    "voc", (".xml",), "XML of Pascal VOC, one file an image: the centres of the boxes", _looks_right, _read
)
