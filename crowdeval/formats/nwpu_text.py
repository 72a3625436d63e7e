"""The text files of NWPU-Crowd's localization track, and FIDTM's copies: a line an image, numbers and blanks.

Predictions are ``id n`` and n times ``x y``; ground truth is ``id n`` and n times ``x y sigma_s sigma_l level``.
A line with n = 0 has nothing after. The official scripts read integers only; numbers are written here in full
precision, as integers where they are whole, so that nothing is rounded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from crowdeval.arrays import LARGEST, Floats, offsets_of
from crowdeval.errors import Problems, UsageError, shown
from crowdeval.formats.contract import Kind, attributes_named, require_points, warn, warn_not_kept
from crowdeval.formats.source import Source
from crowdeval.points import Annotations, Predictions

POINT, TRUE_POINT = 2, 5
"""Numbers a point in a file of predictions and in one of ground truth."""

_FIRST_LINE = re.compile(rb"\s*([^\r\n]+)")
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


def _read(source: Source, kind: Kind) -> tuple[tuple[str, ...], list[int], Floats]:
    """Return ids, counts and the (N, 2 or 5) numbers; raise FormatError with every problem."""
    lines = [(i, line.split()) for i, line in enumerate(source.text().split("\n"), start=1)]
    lines = [(i, cells) for i, cells in lines if cells]
    problems = Problems(source.name)
    places: dict[str, int] = {}
    counts = []
    for line, cells in lines:
        image = cells[0]
        if image in places:
            problems.add("every image once", f"{image!r}, which is also in line {places[image]}", line=line)
        places.setdefault(image, line)
        if len(cells) < 2 or not re.fullmatch(r"[0-9]{1,9}", cells[1]):
            found = shown(cells[1]) if len(cells) > 1 else "nothing"
            problems.add("a number of points after the image id", found, line=line, image=image)
        else:
            counts.append(int(cells[1]))
    problems.raise_if_any()
    width = _width(lines, kind, counts, problems)
    numbers = [cells[2:] for _, cells in lines]
    for (line, cells), n in zip(lines, counts, strict=True):
        if len(cells) - 2 != n * width:
            expected = f"{n * width} numbers after the {n} ({width} a point)"
            problems.add(expected, f"{len(cells) - 2}", line=line, image=cells[0])
    problems.raise_if_any()
    return tuple(places), counts, _numbers(lines, numbers, width, problems)


def _width(lines: Sequence[tuple[int, list[str]]], kind: Kind, counts: Sequence[int], problems: Problems) -> int:
    """Return how many numbers a point has: what fits most lines."""
    held = [(len(cells) - 2, n) for (_, cells), n in zip(lines, counts, strict=True) if n]
    fitting = {width: sum(found == width * n for found, n in held) for width in (POINT, TRUE_POINT)}
    width = TRUE_POINT if fitting[TRUE_POINT] > fitting[POINT] else POINT
    if kind == "predictions" and width == TRUE_POINT:
        found = "five (x y sigma_s sigma_l level): this is a ground-truth file"
        problems.add("two numbers a point", found, hint="give it as the annotations")
        problems.raise_if_any()
    return width


def _numbers(
    lines: Sequence[tuple[int, list[str]]], numbers: Sequence[list[str]], width: int, problems: Problems
) -> Floats:
    flat = [cell for cells in numbers for cell in cells]
    if not " ".join(flat).encode().translate(None, _PLAIN):
        try:
            table = np.array(list(map(float, flat)), dtype=np.float64).reshape(-1, width)
        except ValueError:
            pass
        else:
            level_fits = width == POINT or _whole(table[:, 4])
            if np.isfinite(table).all() and (np.abs(table[:, :2]) <= LARGEST).all() and level_fits:
                return table
    for line, cells in lines:
        for i, cell in enumerate(cells[2:]):
            expected, hint = _wrong(cell, i % width)
            if expected:
                name = f"number {i % width + 1} of point {i // width + 1}"
                problems.add(expected, shown(cell), line=line, key=name, image=cells[0], hint=hint)
    raise problems.error()


def _wrong(cell: str, column: int) -> tuple[str | None, str | None]:
    """Return what was expected instead of a cell, None where it is right, and a hint."""
    if not _NUMBER.fullmatch(cell):
        return "a number", "decimals are written with a point" if "," in cell else None
    value = np.float64(cell)
    if not np.isfinite(value):
        return "a finite number", None
    if column < 2 and abs(value) > LARGEST:
        return f"a coordinate within {LARGEST:.0e} pixels", None
    if column == 4 and not _whole(value):
        return "a whole number", None
    return None, None


def _whole(values: Floats | np.float64) -> bool:
    return bool(np.all((values == np.round(values)) & (np.abs(values) <= LARGEST)))


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
