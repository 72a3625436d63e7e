"""The text files of the localization track of NWPU-Crowd, and FIDTM's copies of them: one line for every image.

- A line of predictions is ``id n`` and n times ``x y``.
- A line of ground truth is ``id n`` and n times ``x y sigma_s sigma_l level``.
- A line with n = 0 ends after n.

The official scripts read integers only. Here numbers are written in full precision, and as integers where they are
whole, so that nothing is rounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from crowdeval.errors import Problems, UsageError, shown
from crowdeval.formats.contract import Kind, attributes_named, counted, require_points, warn, warn_not_kept
from crowdeval.formats.image_objects import LARGEST_LEVEL
from crowdeval.formats.number_spellings import NUMBER
from crowdeval.formats.source import Source
from crowdeval.points.ragged import LARGEST, Floats, offsets_of
from crowdeval.points.sets import Annotations, Predictions

_POINT, _TRUE_POINT = 2, 5
"""Number of numbers of one point in a file of predictions and in one of ground truth."""
_LEVELS = range(LARGEST_LEVEL + 1)

_LINE = re.compile(rb"[^\r\n]*\S[^\r\n]*")
_COUNT = re.compile(r"[0-9]{1,9}")
_NUMBER_BYTES = b"0123456789+-.eE \t\r\n"


@dataclass(frozen=True, slots=True)
class NWPUText:
    """Reader and writer of NWPU-Crowd text, which stores only points, radii and levels.

    The attributes and methods are those of ``contract.Format``.

    Examples
    --------
    >>> annotations = NWPU.read_annotations(Source("gt.txt", b"1 1 163 341 4 8 1\\n2 0\\n"))
    >>> annotations.image_ids, annotations.xy.tolist(), annotations.radii.tolist(), annotations.level.tolist()
    (('1', '2'), [[163.0, 341.0]], [[4.0, 8.0]], [1])
    """

    name: str = "nwpu"
    suffixes: tuple[str, ...] = (".txt",)
    summary: str = "NWPU-Crowd localization text: id n x y x y ..."

    def recognises(self, source: Source) -> bool:
        """Return whether the first line with points has the number of numbers that its own count requires."""
        for line in _LINE.finditer(source.data.removeprefix(b"\xef\xbb\xbf")):
            cells = line[0].split()
            if len(cells) < 2 or not cells[1].isdigit() or b"".join(cells[1:]).translate(None, _NUMBER_BYTES):
                return False
            if len(cells) - 2 not in (_POINT * int(cells[1][:9]), _TRUE_POINT * int(cells[1][:9])):
                return False
            if int(cells[1][:9]):
                return True
        return bool(source.data.split())  # images without points only

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a file; raise FormatError for ground truth."""
        ids, counts, table = _read(source, "predictions")
        return Predictions(image_ids=ids, offsets=offsets_of(counts), xy=table)

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a file; a file of points only gives annotations without radii and levels."""
        ids, counts, table = _read(source, "annotations")
        if table.shape[1] == _POINT:
            return Annotations(image_ids=ids, offsets=offsets_of(counts), xy=table)
        return Annotations(
            image_ids=ids,
            offsets=offsets_of(counts),
            xy=table[:, :2],
            radii=table[:, 2:4],
            level=table[:, 4].astype(np.int64),
        )

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Return a line for every image; warn that scores and counts are lost."""
        require_points(self.name, predictions)
        columns = {"scores": predictions.score, "counts": predictions.counts, "sizes": predictions.sizes}
        warn_not_kept(self.name, (name for name, column in columns.items() if column is not None))
        return _content(predictions, predictions.xy)

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return a line for every image, with radii and levels where there are radii; warn of other columns."""
        lost = attributes_named(annotations)
        lost += [name for name in ("boxes", "sizes") if getattr(annotations, name) is not None]
        if annotations.radii is None:
            warn_not_kept(self.name, lost + ["level"] * (annotations.level is not None))
            return _content(annotations, annotations.xy)
        warn_not_kept(self.name, lost)
        level = annotations.level
        if level is None:
            warn("the annotations have no levels, which ground truth of the format 'nwpu' needs: level 0 is written")
            level = np.zeros(len(annotations.xy), dtype=np.int64)
        return _content(annotations, np.column_stack([annotations.xy, annotations.radii, level]))


NWPU = NWPUText()


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not blank: its number and its cells ``id n x y ...``."""

    number: int
    cells: list[str]

    @property
    def points(self) -> int | None:
        """The number of points n of the line; None where it is missing or no number."""
        count = self.cells[1] if len(self.cells) > 1 else ""
        return int(count) if _COUNT.fullmatch(count) else None

    def fits(self, width: int) -> bool:
        """Return whether the line has ``width`` numbers for each of its n points."""
        return self.points is not None and len(self.cells) - 2 == self.points * width


def _read(source: Source, kind: Kind) -> tuple[tuple[str, ...], list[int], Floats]:
    """Return the ids, the counts and the (N, 2 or 5) numbers; raise FormatError with every problem."""
    split = ((i, line.split()) for i, line in enumerate(source.text().split("\n"), start=1))
    lines = [_Line(i, cells) for i, cells in split if cells]
    width = _width(lines)
    if kind == "predictions" and width == _TRUE_POINT:
        found = "five (x y sigma_s sigma_l level): this is a ground-truth file"
        raise source.error("two numbers for each point", found, hint="use this file as the annotations")
    if kind == "annotations":
        lines = _with_true_numbers(source.name, lines, width)
    ids = tuple(dict.fromkeys(line.cells[0] for line in lines))
    table = _table(lines, width) if len(ids) == len(lines) else None
    if table is None:
        raise _problems(source.name, lines, width).error()
    return ids, [line.points or 0 for line in lines], table


def _with_true_numbers(file: str, lines: Sequence[_Line], width: int) -> list[_Line]:
    """Return lines of truth in which a number of points that is off by one is that of the points; say it.

    Public files of ground truth have such lines.
    """
    mended, names = [], []
    for line in lines:
        true, rest = divmod(len(line.cells) - 2, width)
        if line.points is not None and not rest and abs(true - line.points) == 1:
            names.append(f"line {line.number} ({line.cells[0]}: {line.points}, has {true})")
            line = _Line(line.number, [line.cells[0], str(true), *line.cells[2:]])
        mended.append(line)
    if names:
        further = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        warn(f"{file}: the number of points is off by one in {', '.join(names[:3])}{further}; the points are counted")
    return mended


def _width(lines: Sequence[_Line]) -> int:
    """Return the number of numbers of a point: the one that fits more lines."""
    fitting = {width: sum(bool(line.points) and line.fits(width) for line in lines) for width in (_POINT, _TRUE_POINT)}
    return _TRUE_POINT if fitting[_TRUE_POINT] > fitting[_POINT] else _POINT


def _table(lines: Sequence[_Line], width: int) -> Floats | None:
    """Return the (N, width) numbers, or None where anything is wrong, without a search for its place."""
    # All cells of all lines are checked and converted at once:
    # width 2, cells [["a", "1", "5", "6"], ["b", "2", "1", "2", "3", "4"]] -> [[5, 6], [1, 2], [3, 4]]
    # float() also reads "1_0", "nan" and "inf": translate() leaves nothing of a text of digits, signs, points and e.
    flat = [cell for line in lines for cell in line.cells[2:]]
    if not all(line.fits(width) for line in lines) or " ".join(flat).encode().translate(None, _NUMBER_BYTES):
        return None
    try:
        table = np.array(list(map(float, flat)), dtype=np.float64).reshape(-1, width)
    except ValueError:
        return None
    level = table[:, 4] if width == _TRUE_POINT else np.zeros(1)  # one valid point
    sound = np.isfinite(table).all() and (np.abs(table[:, :2]) <= LARGEST).all()
    sound &= np.isin(level, _LEVELS).all()
    return table if sound else None


def _problems(file: str, lines: Sequence[_Line], width: int) -> Problems:
    """Return the problems of all lines."""
    problems = Problems(file)
    places: dict[str, int] = {}
    for line in lines:
        image, count = line.cells[0], line.cells[1:2]
        if image in places:
            found = f"{image!r}, which is also in line {places[image]}"
            problems.add("every image once", found, line=line.number)
        places.setdefault(image, line.number)
        if line.points is None:
            found = shown(count[0]) if count else "nothing"
            problems.add("a number of points after the image id", found, line=line.number, image=image)
        elif not line.fits(width):
            expected = f"{counted(line.points * width, 'number')} after the {count[0]} ({width} for each point)"
            problems.add(expected, f"{len(line.cells) - 2}", line=line.number, image=image)
        _check_numbers(line, width, problems)
    return problems


def _check_numbers(line: _Line, width: int, problems: Problems) -> None:
    """Add the problems of the numbers of one line; the column of a number is known only where their number is right."""
    image, fits = line.cells[0], line.fits(width)
    for i, cell in enumerate(line.cells[2:]):
        expected = _expected(cell, i % width if fits else None)
        if expected:
            hint = "decimals are written with a point" if "," in cell else None
            key = f"number {i % width + 1} of point {i // width + 1}"
            problems.add(expected, shown(cell), line=line.number, key=key, image=image, hint=hint)


def _expected(cell: str, column: int | None) -> str | None:
    """Return the expected content of a wrong cell in words, or None for a right cell."""
    if not NUMBER.fullmatch(cell):
        return "a number"
    value = float(cell)
    if not math.isfinite(value):
        return "a finite number"
    if column in (0, 1) and abs(value) > LARGEST:
        return f"a coordinate within {LARGEST:.0e} pixels"
    if column == 4 and value not in _LEVELS:
        return f"a whole number from 0 to {LARGEST_LEVEL}"
    return None


def _content(value: Predictions | Annotations, table: Floats) -> bytes:
    """Return a line for every image; raise UsageError where an id holds a blank, which would end it."""
    with_blanks = [name for name in value.image_ids if name.split() != [name]]
    if with_blanks:
        raise UsageError(f"the format 'nwpu' can't hold image ids with blanks: {with_blanks[0]!r}")
    # width 2, offsets [0, 2, 3]: image 0 has cells 0 to 3, image 1 has cells 4 and 5
    cells = [_number_text(number) for number in table.ravel().tolist()]
    width = table.shape[1]
    lines = [
        " ".join([name, str(end - start), *cells[start * width : end * width]])
        for name, (start, end) in zip(value.image_ids, pairwise(value.offsets.tolist()), strict=True)
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _number_text(value: float) -> str:
    """Return a number as text that reads back as the same float."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
