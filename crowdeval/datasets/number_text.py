"""Text files of numbers with one point a line; where the file is damaged, each wrong line is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crowdeval.datasets.listing import lines_of
from crowdeval.errors import Problems
from crowdeval.formats.contract import counted
from crowdeval.points.ragged import LARGEST, Floats


def number_rows(path: Path, width: int, columns: str) -> Floats:
    """Return the numbers of a text file.

    Parameters
    ----------
    path : Path
        The file; the numbers of a line are separated by blanks or commas.
    width : int
        Number of numbers in each line.
    columns : str
        Names of the numbers for the error message, such as ``"x y"``.

    Returns
    -------
    array of float64, (N, width)
        One row a line; N = 0 for an empty file.

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If a line does not have ``width`` finite numbers; the error has every such line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "img.txt").write_text("1.5 2.5\\n3, 4\\n")
    ...     number_rows(Path(folder, "img.txt"), 2, "x y").tolist()
    [[1.5, 2.5], [3.0, 4.0]]
    """
    lines = [(number, line.replace(",", " ").split()) for number, line in lines_of(path)]
    if not lines:
        return np.empty((0, width))
    # numpy converts a whole file at once; only a file that it refuses is checked line by line below.
    try:
        rows = np.array([cells for _, cells in lines], dtype=np.float64)
        if rows.shape[1:] == (width,) and (np.abs(rows) <= LARGEST).all():
            return rows
    except ValueError:
        pass
    problems = Problems(str(path))
    for number, cells in lines:
        if len(cells) != width:
            problems.add(f"{width} numbers ({columns})", counted(len(cells), "cell"), line=number)
        elif not all(_is_finite(cell) for cell in cells):
            problems.add(f"finite numbers ({columns})", repr(" ".join(cells)), line=number)
    problems.raise_if_any()
    return np.array([[float(cell) for cell in cells] for _, cells in lines])


def _is_finite(cell: str) -> bool:
    try:
        return abs(float(cell)) <= LARGEST
    except ValueError:
        return False
