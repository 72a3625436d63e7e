"""Text files of numbers, one point a line, checked line by line where something is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crowdeval.datasets.listing import lines_of
from crowdeval.errors import Problems
from crowdeval.formats.contract import counted
from crowdeval.points.ragged import LARGEST, Floats


def number_rows(path: Path, width: int, what: str) -> Floats:
    """Return the numbers of a file as (N, width) float64; an empty file is N = 0.

    Raises
    ------
    FormatError
        With every line that does not hold ``width`` finite numbers; ``what`` names them ("x y").
    """
    lines = [(number, line.replace(",", " ").split()) for number, line in lines_of(path)]
    if not lines:
        return np.empty((0, width))
    try:
        rows = np.array([cells for _, cells in lines], dtype=np.float64)
        if rows.shape[1:] == (width,) and (np.abs(rows) <= LARGEST).all():
            return rows
    except ValueError:
        pass
    problems = Problems(str(path))
    for number, cells in lines:
        if len(cells) != width:
            problems.add(f"{width} numbers ({what})", counted(len(cells), "cell"), line=number)
        elif not all(_is_finite(cell) for cell in cells):
            problems.add(f"finite numbers ({what})", repr(" ".join(cells)), line=number)
    problems.raise_if_any()
    return np.array([[float(cell) for cell in cells] for _, cells in lines])


def _is_finite(cell: str) -> bool:
    try:
        return abs(float(cell)) <= LARGEST
    except ValueError:
        return False
