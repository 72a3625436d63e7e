"""Cell Counter: the XML of ImageJ's plugin for the markers of one image.

Markers are on pixels, which are counted from 0; the point of a marker is the middle of its pixel, which is 0.5 further.
The class of a marker is the name of its type where there is one, else the number of the type.
"""

from __future__ import annotations

from crowdeval.errors import listed
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.number_spellings import NUMBER
from crowdeval.formats.reading import Reading
from crowdeval.formats.source import Source
from crowdeval.formats.xml_text import parse_xml, root_tag, text_of

_ROOT = "CellCounter_Marker_File"
_WINDOW = "Counter Window - "


def _looks_right(source: Source) -> bool:
    """Return whether a file has the root of Cell Counter."""
    return root_tag(source.data) == _ROOT


def _read(reading: Reading) -> None:
    """Read the markers of a file."""
    root = parse_xml(reading.source, _ROOT)
    name = text_of(root, "Image_Properties/Image_Filename")
    # The file has the title of the window: "Counter Window - IMG_1.jpg", and longer ones of plugins made from this one.
    image = reading.image(name and name.rpartition(_WINDOW)[2], key="Image_Properties.Image_Filename")
    slices: dict[str, None] = {}
    for i, kind in enumerate(root.findall("Marker_Data/Marker_Type")):
        label = text_of(kind, "Name") or text_of(kind, "Type")
        for j, marker in enumerate(kind.findall("Marker")):
            key = f"Marker_Type[{i}].Marker[{j}]"
            x, y = (_middle(text_of(marker, tag)) for tag in ("MarkerX", "MarkerY"))
            reading.point(image, x, y, label=label, key=key)
            slices[text_of(marker, "MarkerZ") or ""] = None
    if len(slices) > 1:
        hint = "save the markers of every slice as those of an image"
        reading.problem("markers on one slice", f"the slices {listed(slices, most=4)}", key="MarkerZ", hint=hint)
    if slices:
        reading.note("markers are on pixels counted from 0: 0.5 is added to x and y, which is the middle of the pixel")


def _middle(pixel: str | None) -> float | str | None:
    """Return the coordinate of the middle of a pixel; a text that is no number is returned as it is."""
    return float(pixel) + 0.5 if pixel is not None and NUMBER.fullmatch(pixel) else pixel


CELL_COUNTER = ForeignFormat(
    "cell-counter", (".xml",), "XML of ImageJ's Cell Counter, one file an image", _looks_right, _read
)
