"""The text files of NWPU-Crowd's localization track, and FIDTM's copies: a line an image, numbers and blanks.

Predictions are ``id n`` and n times ``x y``; ground truth is ``id n`` and n times ``x y sigma_s sigma_l level``.
A line with n = 0 has nothing after. The official scripts read integers only; numbers are written here in full
precision, as integers where they are whole, so that nothing is rounded.
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
from crowdeval.formats.source import Source
from crowdeval.points.ragged import LARGEST, Floats, offsets_of
from crowdeval.points.sets import Annotations, Predictions

POINT, TRUE_POINT = 2, 5
"""Numbers a point in a file of predictions and in one of ground truth."""
LEVELS = range(LARGEST_LEVEL + 1)

_FIRST_LINE = re.compile(rb"\s*([^\r\n]+)")
_COUNT = re.compile(r"[0-9]{1,9}")
_PLAIN = b"0123456789+-.eE \t\r\n"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class NWPUText:
    """NWPU-Crowd text in both directions; holds points, radii and levels only."""

    name: str = "nwpu"
    suffixes: tuple[str, ...] = (".txt",)
    summary: str = "NWPU-Crowd localization text: id n x y x y ..."

    def recognises(self, source: Source) -> bool:
        """Return whether the first line holds as many numbers as it says."""
        first = _FIRST_LINE.match(source.data.removeprefix(b"\xef\xbb\xbf"))
        cells = first[1].split() if first else []
        if len(cells) < 2 or not cells[1].isdigit() or b"".join(cells[1:]).translate(None, _PLAIN):
            return False
        return len(cells) - 2 in (POINT * int(cells[1][:9]), TRUE_POINT * int(cells[1][:9]))

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a file; ground truth is refused."""
        ids, counts, table = _read(source, "predictions")
        return Predictions(image_ids=ids, offsets=offsets_of(counts), xy=table)

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a file; one of points only gives annotations without radii."""
        ids, counts, table = _read(source, "annotations")
        if table.shape[1] == POINT:
            return Annotations(image_ids=ids, offsets=offsets_of(counts), xy=table)
        return Annotations(
            image_ids=ids,
            offsets=offsets_of(counts),
            xy=table[:, :2],
            radii=table[:, 2:4],
            level=table[:, 4].astype(np.int64),
        )

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Return a line an image; scores and counts are lost, with a warning."""
        require_points(self.name, predictions)
        columns = {"scores": predictions.score, "counts": predictions.counts}
        warn_not_kept(self.name, (name for name, column in columns.items() if column is not None))
        return _written(predictions, predictions.xy)

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return a line an image, with radii and level where there are radii; the rest is lost, with a warning."""
        lost = attributes_named(annotations)
        lost += [name for name in ("boxes", "sizes") if getattr(annotations, name) is not None]
        if annotations.radii is None:
            warn_not_kept(self.name, lost + ["level"] * (annotations.level is not None))
            return _written(annotations, annotations.xy)
        warn_not_kept(self.name, lost)
        level = annotations.level
        if level is None:
            warn("the annotations have no level, which ground truth of the format 'nwpu' needs: 0 is written")
            level = np.zeros(len(annotations.xy), dtype=np.int64)
        return _written(annotations, np.column_stack([annotations.xy, annotations.radii, level]))


NWPU = NWPUText()


@dataclass(frozen=True, slots=True)
class _Line:
    """One line that is not blank: its number, and its cells ``id n x y ...``."""

    number: int
    cells: list[str]

    @property
    def points(self) -> int | None:
        """How many points the line says it has; None where it does not say."""
        said = self.cells[1] if len(self.cells) > 1 else ""
        return int(said) if _COUNT.fullmatch(said) else None

    def fits(self, width: int) -> bool:
        """Return whether there are as many numbers as so many points of this width have."""
        return self.points is not None and len(self.cells) - 2 == self.points * width


def _read(source: Source, kind: Kind) -> tuple[tuple[str, ...], list[int], Floats]:
    """Return ids, counts and the (N, 2 or 5) numbers; raise FormatError with every problem."""
    split = ((i, line.split()) for i, line in enumerate(source.text().split("\n"), start=1))
    lines = [_Line(i, cells) for i, cells in split if cells]
    width = _width(lines)
    if kind == "predictions" and width == TRUE_POINT:
        found = "five (x y sigma_s sigma_l level): this is a ground-truth file"
        raise source.error("two numbers a point", found, hint="give it as the annotations")
    ids = tuple(dict.fromkeys(line.cells[0] for line in lines))
    table = _table(lines, width) if len(ids) == len(lines) else None
    if table is None:
        raise _problems(source.name, lines, width).error()
    return ids, [line.points or 0 for line in lines], table


def _width(lines: Sequence[_Line]) -> int:
    """Return how many numbers a point has: what fits most lines."""
    fitting = {width: sum(bool(line.points) and line.fits(width) for line in lines) for width in (POINT, TRUE_POINT)}
    return TRUE_POINT if fitting[TRUE_POINT] > fitting[POINT] else POINT


def _table(lines: Sequence[_Line], width: int) -> Floats | None:
    """Return the (N, width) numbers, None where anything is not what it should be."""
    flat = [cell for line in lines for cell in line.cells[2:]]
    if not all(line.fits(width) for line in lines) or " ".join(flat).encode().translate(None, _PLAIN):
        return None
    try:
        table = np.array(list(map(float, flat)), dtype=np.float64).reshape(-1, width)
    except ValueError:
        return None
    small, large, level = table[:, 2:].T if width == TRUE_POINT else np.zeros((3, 1))
    sound = np.isfinite(table).all() and (np.abs(table[:, :2]) <= LARGEST).all()
    sound &= ((small >= 0) & (large >= 0)).all() and np.isin(level, LEVELS).all()
    return table if sound else None


def _problems(file: str, lines: Sequence[_Line], width: int) -> Problems:
    """Return what is wrong with every line."""
    problems = Problems(file)
    places: dict[str, int] = {}
    for line in lines:
        image, said = line.cells[0], line.cells[1:2]
        if image in places:
            found = f"{image!r}, which is also in line {places[image]}"
            problems.add("every image once", found, line=line.number)
        places.setdefault(image, line.number)
        if line.points is None:
            found = shown(said[0]) if said else "nothing"
            problems.add("a number of points after the image id", found, line=line.number, image=image)
        elif not line.fits(width):
            expected = f"{counted(line.points * width, 'number')} after the {said[0]} ({width} a point)"
            problems.add(expected, f"{len(line.cells) - 2}", line=line.number, image=image)
        _check_numbers(line, width, problems)
    return problems


def _check_numbers(line: _Line, width: int, problems: Problems) -> None:
    """Note the numbers of one line that are wrong; where they are too many or too few, which is which is unknown."""
    image, fits = line.cells[0], line.fits(width)
    for i, cell in enumerate(line.cells[2:]):
        expected = _wrong(cell, i % width if fits else None)
        if expected:
            hint = "decimals are written with a point" if "," in cell else None
            key = f"number {i % width + 1} of point {i // width + 1}"
            problems.add(expected, shown(cell), line=line.number, key=key, image=image, hint=hint)
    for i in range(2, len(line.cells), width) if fits and width == TRUE_POINT else ():
        radii = line.cells[i + 2 : i + 4]
        if not any(_wrong(cell, None) for cell in radii) and min(map(float, radii)) < 0:
            key = f"point {i // width + 1}"
            expected = "sigma_s and sigma_l of at least 0"
            problems.add(expected, " ".join(radii), line=line.number, key=key, image=image)


def _wrong(cell: str, column: int | None) -> str | None:
    """Return what was expected instead of a cell, None where it is right."""
    if not _NUMBER.fullmatch(cell):
        return "a number"
    value = float(cell)
    if not math.isfinite(value):
        return "a finite number"
    if column in (0, 1) and abs(value) > LARGEST:
        return f"a coordinate within {LARGEST:.0e} pixels"
    if column == 4 and value not in LEVELS:
        return f"a whole number from 0 to {LARGEST_LEVEL}"
    return None


def _written(value: Predictions | Annotations, table: Floats) -> bytes:
    odd = [name for name in value.image_ids if name.split() != [name]]
    if odd:
        raise UsageError(f"the format 'nwpu' can't hold image ids with blanks: {odd[0]!r}")
    cells = [_number(number) for number in table.ravel().tolist()]
    width = table.shape[1]
    lines = [
        " ".join([name, str(end - start), *cells[start * width : end * width]])
        for name, (start, end) in zip(value.image_ids, pairwise(value.offsets.tolist()), strict=True)
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
