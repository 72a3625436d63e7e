"""Tables of the points of one image, with a header and without a column of images; and those of ImageJ and QuPath.

- napari: ``index,axis-0,axis-1[,label]``, where axis-0 is y. Spotiflow: ``y,x[,intensity,probability]``. QuPath's
  points: ``x,y,class,name,color``. Others: ``x,y[,score]``. The image is the name of the file without its suffix.
- ImageJ: ``X`` and ``Y`` beside other columns. The image is in the column ``Label``, alone or as "image:slice"; without
  that column it is the name of the file. A column ``Counter`` has the class.
- QuPath's detections: ``Centroid X px`` and ``Centroid Y px``. The image is in the column ``Image``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from crowdeval.errors import listed, shown
from crowdeval.formats.contract import counted
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.number_spellings import POINT_OR_COMMA
from crowdeval.formats.reading import Reading
from crowdeval.formats.source import Source
from crowdeval.formats.table_headers import LIKE_CONFIDENCE, looks_like_header

Tool = Literal["points", "napari", "imagej", "qupath"]

_SEPARATORS = (",", ";", "\t")
_LONGEST = 10_000
"""Number of characters at the beginning of a file in which the header is searched."""

_SCORES = ("score", "scores", "confidence", "conf", "probability", "prob", "p", "detectionprobability")
_CLASSES = ("label", "classification", "class", "classname", "category", "species")
_PLACES: dict[Tool, tuple[str, str]] = {
    "points": ("x", "y"), "napari": ("axis1", "axis0"), "imagej": ("x", "y"), "qupath": ("centroidxpx", "centroidypx"),
}  # fmt: skip
"""The keys of the columns of x and y."""

_THIRD_AXES = ("z", "axis2")
_AREAS = ("annotation", "pathannotationobject", "tile", "tma core")
"""The object types of QuPath that are no points, unless they have points as their ROI."""

_MEASURED = frozenset(("area", "mean", "min", "max"))
_NOT_NAMED = (
    "", "index", "unnamed:0", "color", "name", "objectid", "objecttype", "parent", "roi", "numpoints", "slice", "frame",
)  # fmt: skip
"""The keys of columns that nobody misses, or that are used besides."""

_ROW_NUMBERS = ("", "index", "unnamed:0", "color", "objectid", "name")
_IMAGES = (
    "id",
    "frame",
    "frameid",
    "key",
    "t",
    "time",
    "slice",
    "scene",
    "sample",
    "source",
    "video",
    "track",
    "tile",
    "imagenumber",
    "number",
)
"""Keys of columns of numbers that may tell images apart."""

_ROI_NAME = re.compile(r"[0-9]{4,}(-[0-9]+){1,3}")
"""The names that ImageJ gives to selections, such as 0050-0100, which also stand behind the image in a Label."""


@dataclass(frozen=True, slots=True)
class _Table:
    """The positions of the columns that are read; None where the table lacks one."""

    tool: Tool
    at: Mapping[str, int]
    image: int | None
    score: int | None
    label: int | None

    def cell(self, row: Sequence[str], key: str) -> str:
        """Return the cell of a column; an empty text where the table lacks it."""
        return row[self.at[key]] if key in self.at else ""


def _looks_right(source: Source) -> bool:
    """Return whether the header has the columns of one image, of ImageJ or of QuPath."""
    line = _first_line(source.data.removeprefix(b"\xef\xbb\xbf")[:_LONGEST].decode(errors="replace"))
    headers = _split(line)[1]
    tool = _tool(headers)
    if tool == "qupath" or _is_calibrated(headers):
        return True
    return tool is not None and not looks_like_header(headers)


def _read(reading: Reading) -> None:
    """Read the points of a file."""
    text = reading.source.text()
    separator, _ = _split(_first_line(text))
    rows = _rows(reading, text, separator)
    line, headers = next(rows, (1, []))
    table = _table(reading, headers, line)
    if table is None:
        return
    if table.image is None:
        reading.image(reading.source.stem)
    slices: dict[str, set[tuple[str, ...]]] = {}
    others: dict[int, list[str]] = {i: [] for i in _unread(table, headers)}
    for line, row in rows:
        if len(row) != len(headers):
            hint = "does a cell have a decimal comma?" if len(row) > len(headers) and separator == "," else None
            reading.problem(counted(len(headers), "cell"), f"{len(row)}", key=f"line {line}", hint=hint)
        else:
            _read_row(reading, table, [cell.strip() for cell in row], f"line {line}", slices)
            for position, cells in others.items():
                cells.append(row[position].strip())
    if table.image is None and table.tool in ("points", "napari"):
        _refuse_images(reading, headers, others)
    for name, seen in slices.items():
        if len(seen) > 1:
            hint = "make an image of every slice, or take one of them"
            reading.problem("points on one slice of the image", f"points on {len(seen)}", image=name, hint=hint)


def _unread(table: _Table, headers: Sequence[str]) -> list[int]:
    """Return the columns that are not read, apart from row numbers and colours."""
    used = {table.image, table.score, table.label, *(table.at[name] for name in _PLACES[table.tool])}
    return [i for i, header in enumerate(headers) if i not in used and _key(header) not in _ROW_NUMBERS]


def _refuse_images(reading: Reading, headers: Sequence[str], others: Mapping[int, Sequence[str]]) -> None:
    """Add a problem for a column that tells several images apart: texts that differ, or numbers that name images."""
    for position, cells in others.items():
        distinct = {*cells} - {""}
        texts = any(not POINT_OR_COMMA.fullmatch(cell) for cell in distinct)
        named = _key(headers[position]) in _IMAGES and len(distinct) < len(cells)
        if len(distinct) > 1 and (texts or named):
            header = headers[position].strip()
            reading.problem(
                "the points of one image",
                f"the column {header!r} with {len(distinct):,} values",
                line=1,
                hint="if they are images, rename it to 'image'; else take it out of the file",
            )


def _table(reading: Reading, headers: Sequence[str], line: int) -> _Table | None:
    """Return the columns that are read; add a problem and return None where the header is no right one."""
    key = f"line {line}"
    tool = _tool(headers)
    at: dict[str, int] = {}
    for position, header in enumerate(headers):
        at.setdefault(_key(header), position)
    if tool != "qupath" and _is_calibrated(headers):
        reading.problem("centroids in pixels", "calibrated units: export centroids in pixels", line=line)
    elif tool is None:
        reading.problem("the columns 'x' and 'y'", listed(map(str.strip, headers), most=8) or "none", key=key)
    elif "shapetype" in at:
        reading.problem("points of napari", "its shapes", key=key, hint="save the points layer")
    elif any(axis in at for axis in _THIRD_AXES):
        axis = next(headers[at[axis]].strip() for axis in _THIRD_AXES if axis in at)
        reading.problem("the two axes x and y", f"a third axis {axis!r}", key=key)
    elif tool != "qupath" and looks_like_header(headers):
        reading.problem("the points of one image", "a column of images", key=key, hint="this is the format 'csv'")
    else:
        return _found(reading, tool, headers, at, key)
    return None


def _found(reading: Reading, tool: Tool, headers: Sequence[str], at: Mapping[str, int], key: str) -> _Table:
    """Return the columns that are read; say which are not."""
    image = at.get("image") if tool == "qupath" else _label_of_imagej(headers) if tool == "imagej" else None
    score = next((at[name] for name in _SCORES if name in at), None)
    classes = ("counter", *_CLASSES) if tool == "imagej" else _CLASSES
    label = next((at[name] for name in classes if name in at and at[name] != image), None)
    table = _Table(tool, at, image, score, label)
    keys = [*map(_key, headers)]
    used = {image, score, label, *(at[name] for name in _PLACES[tool])}
    for position in sorted(column for column in used if column is not None):
        if keys.count(keys[position]) > 1:
            reading.problem(f"one column {headers[position].strip()!r}", f"{keys.count(keys[position])}", key=key)
    unread = [i for i, name in enumerate(keys) if i not in used and name not in _NOT_NAMED]
    like = [headers[i].strip() for i in unread if LIKE_CONFIDENCE.search(keys[i])]
    if score is None and like and reading.kind == "predictions" and tool != "qupath":
        found = f"{listed(like)}, which would not be read"
        reading.problem(
            "confidences in the column 'score'", found, key=key, hint="rename it, or take it out of the file"
        )
    if unread:
        reading.note(f"these columns are not read: {listed((headers[i].strip() for i in unread), most=8)}")
    if tool == "imagej":
        reading.note(
            "X and Y are read as pixels: if the image had a scale, ImageJ wrote them in its unit, not in pixels"
        )
    return table


def _read_row(
    reading: Reading, table: _Table, row: Sequence[str], key: str, slices: dict[str, set[tuple[str, ...]]]
) -> None:
    """Add the point of a row."""
    if table.tool == "qupath" and _is_area(table, row):
        reading.pass_over(table.cell(row, "objecttype").lower())
        return
    name, place = _image_and_slice(table, row, reading.source.stem)
    image = reading.image(name, key=key, again=True)
    slices.setdefault(image.name, set()).add(place)
    x, y = (table.cell(row, column) for column in _PLACES[table.tool])
    if table.image is not None and not x and not y:
        return  # an image without points
    several = table.cell(row, "numpoints")
    if table.tool == "qupath" and several not in ("", "1", "1.0", "NaN"):
        hint = "export the points themselves, as TSV or GeoJSON"
        reading.problem("one point in every row", f"{shown(several)} points", key=key, image=image.name, hint=hint)
    score = None if table.score is None else row[table.score] or None
    label = "" if table.label is None else row[table.label]
    reading.point(image, x, y, score=score, label=label, key=key)


def _image_and_slice(table: _Table, row: Sequence[str], stem: str) -> tuple[str, tuple[str, ...]]:
    """Return the image of a row and its slice, which is a tuple of texts."""
    if table.tool != "imagej":
        return (stem if table.image is None else row[table.image]), ()
    numbers = tuple(table.cell(row, key) for key in ("slice", "frame"))
    if table.image is None:
        return stem, numbers
    # IMG_1.tif:0050-0100:3 is the selection 0050-0100 on slice 3; a column of slices says it without guessing
    name, *rest = row[table.image].split(":")
    named = tuple(text for text in rest if not _ROI_NAME.fullmatch(text))
    return name, numbers if any(numbers) else named


def _is_area(table: _Table, row: Sequence[str]) -> bool:
    """Return whether a row of QuPath is that of an area."""
    return table.cell(row, "objecttype").lower() in _AREAS and "point" not in table.cell(row, "roi").lower()


def _tool(headers: Sequence[str]) -> Tool | None:
    """Return the tool whose header it is, or None."""
    keys = {*map(_key, headers)}
    for tool in ("qupath", "napari"):
        if keys.issuperset(_PLACES[tool]):
            return tool
    if not keys.issuperset(_PLACES["points"]):
        return None
    measured = _label_of_imagej(headers) is not None or headers[0].strip() == "" or keys >= _MEASURED
    return "imagej" if measured and {"X", "Y"}.issubset(header.strip() for header in headers) else "points"


def _is_calibrated(headers: Sequence[str]) -> bool:
    """Return whether QuPath wrote centroids in µm or mm; the letter µ is not looked at, which other tools damage."""
    return any(key.startswith("centroidx") and key.endswith("m") for key in map(_key, headers))


def _label_of_imagej(headers: Sequence[str]) -> int | None:
    """Return the position of ImageJ's column of images, which stands before X; behind it, a Label is a class."""
    names = [header.strip() for header in headers]
    return names.index("Label") if "Label" in names and "X" in names[names.index("Label") :] else None


def _rows(reading: Reading, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the cells of every row that is not blank; the first is the header."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            reading.problem("a row of CSV", str(problem), key=f"line {start}", hint="is a quote not closed?")
            continue
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


def _key(header: str) -> str:
    """Return a header without case, blanks, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "", header).lower()


def _first_line(text: str) -> str:
    """Return the first line that is not blank; an empty text where there is none."""
    return next((line for line in text[:_LONGEST].splitlines() if line.strip()), "")


def _split(line: str) -> tuple[str, list[str]]:
    """Return the separator of a header and its cells."""
    separator = max(_SEPARATORS, key=line.count)
    try:
        return separator, next(csv.reader([line], delimiter=separator), [""])
    except csv.Error:
        return separator, line.split(separator)


IMAGE_CSV = ForeignFormat(
    "image-csv", (".csv", ".tsv"), "CSV of the points of one image: napari, Spotiflow, QuPath, ImageJ, x,y[,score]",
    _looks_right, _read,
)  # fmt: skip
