"""Counts as text: an image and its number of people in every line, with a blank, comma or semicolon between them."""

from __future__ import annotations

import re

from crowdeval.errors import shown
from crowdeval.formats.contract import counted
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.number_spellings import NUMBER
from crowdeval.formats.reading import Reading
from crowdeval.formats.source import Source
from crowdeval.points.ragged import LARGEST

_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_LINE = re.compile(rb"\S[^\n]*")
_LONGEST = 10_000
"""Most bytes of a line with two cells."""


def _looks_right(source: Source) -> bool:
    """Return whether every line has a name and a number, some name is no number, and some number is not 0."""
    named = counted_any = False
    for found in _LINE.finditer(source.data.removeprefix(b"\xef\xbb\xbf")):
        cells = _cells(found.group().decode(errors="replace")) if len(found.group()) <= _LONGEST else []
        if len(cells) != 2 or not cells[0] or not NUMBER.fullmatch(cells[1]):
            return False
        named = named or not NUMBER.fullmatch(cells[0])
        # Text of NWPU-Crowd has the line "id 0" for an image without points: a file of such lines is left to it.
        counted_any = counted_any or float(cells[1]) != 0
    return named and counted_any


def _read(reading: Reading) -> None:
    """Read the counts of a file."""
    for number, line in enumerate(reading.source.text().split("\n"), start=1):
        if not line.strip():
            continue
        cells, key = _cells(line), f"line {number}"
        if len(cells) != 2:
            hint = "decimals are written with a point" if re.search(r"\d,\d+\s*$", line) and len(cells) == 3 else None
            reading.problem("an image and its count", counted(len(cells), "cell"), key=key, hint=hint)
            continue
        image = reading.image(cells[0], key=key)
        value = float(cells[1]) if NUMBER.fullmatch(cells[1]) else -1.0
        if 0 <= value <= LARGEST:
            image.count = value
        else:
            expected = f"a count, a number from 0 to {LARGEST:.0e}"
            reading.problem(expected, shown(cells[1]), key=key, image=image.name)


def _cells(line: str) -> list[str]:
    """Return the cells of a line."""
    return _SEPARATOR.split(line.strip())


COUNTS = ForeignFormat("counts", (), "counts as text: an image and its count in every line", _looks_right, _read)
