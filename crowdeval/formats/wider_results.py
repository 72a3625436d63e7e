"""Results of WIDER FACE for one image: its name, the number of boxes, and a line for each box.

The line of a box is ``x y width height score``, where x and y are the top left corner. The id of the image is the first
line as it stands.
"""

from __future__ import annotations

import re

from crowdeval.errors import shown
from crowdeval.formats.contract import counted
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.number_spellings import NUMBER
from crowdeval.formats.reading import FileImage, Reading
from crowdeval.formats.source import Source

_ROW = "x y width height score"
_COUNT = re.compile(r"[0-9]{1,9}")
_LINE = re.compile(rb"\S[^\n]*")


def _looks_right(source: Source) -> bool:
    """Return whether a file begins with a name, a number of boxes, and a row of five numbers if there are boxes."""
    found = _LINE.finditer(source.data.removeprefix(b"\xef\xbb\xbf"))
    lines = [line.group()[:1000].decode(errors="replace").strip() for line, _ in zip(found, range(3), strict=False)]
    if len(lines) < 2 or NUMBER.fullmatch(lines[0]) or not _COUNT.fullmatch(lines[1]):
        return False
    if len(lines) == 2:
        return int(lines[1]) == 0
    cells = lines[2].split()
    return int(lines[1]) > 0 and len(cells) == 5 and all(map(NUMBER.fullmatch, cells))


def _read(reading: Reading) -> None:
    """Read the boxes of a file."""
    split = enumerate(reading.source.text().split("\n"), start=1)
    lines = [(f"line {number}", line.strip()) for number, line in split if line.strip()]
    if len(lines) < 2:
        reading.problem("the name of an image and the number of its boxes", counted(len(lines), "line"))
        return
    (name_key, name), (count_key, count), *rows = lines
    image = reading.image(name, key=name_key)
    if not _COUNT.fullmatch(count):
        reading.problem("the number of boxes", shown(count), key=count_key, image=image.name)
    elif int(count) != len(rows):
        found = counted(len(rows), "row")
        reading.problem(f"{counted(int(count), 'row')} {_ROW}", found, key=count_key, image=image.name)
    for key, row in rows:
        _read_row(reading, image, row.split(), key)


def _read_row(reading: Reading, image: FileImage, cells: list[str], key: str) -> None:
    """Add the centre of the box of a row."""
    if len(cells) != 5:
        reading.problem(_ROW, counted(len(cells), "cell"), key=key, image=image.name)
        return
    corners: list[float | str] = [*cells[:4]]
    if all(map(NUMBER.fullmatch, cells[:4])):  # else the texts stay, and their problem is that of a corner
        x, y, width, height = map(float, cells[:4])
        corners = [x, y, x + width, y + height]
    reading.box(image, corners, score=cells[4], key=key)


WIDER = ForeignFormat(
    "wider", (), "results of WIDER FACE, one file an image: name, number, x y w h score", _looks_right, _read
)
