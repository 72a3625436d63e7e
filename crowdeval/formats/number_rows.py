"""The rows of numbers of files with one image each, text or NumPy arrays, as one table."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crowdeval.errors import Problems, listed
from crowdeval.points.alignment import stem
from crowdeval.points.ragged import Floats, Integers

_NUMBERS = re.compile(rb"[\s,;]*[-+.]?[0-9]")
_SEPARATOR = re.compile(r"[\s,;]+")
_NOT_A_SEPARATOR = bytes.maketrans(b",;", b"  ")
_BLANK, _LINE_BREAK = 32, 10
"""Codes of a blank, below which are those of tabs and line breaks, and of a line break."""
_PLAIN = b"0123456789+-.eE \t\r\n,;"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of the files of a set.

    Parameters
    ----------
    place : str
        The folder or the file, for messages.
    ids : tuple of str
        The m images.
    counts : array of int, (m,)
        Number of rows of every image.
    table : array of float, (N, width)
        The rows of all images.
    classes : mapping of str to str
        Names of classes by number, for YOLO.
    sizes : mapping of str to (float, float)
        Width and height of images in pixels, by id or stem.
    """

    place: str
    ids: tuple[str, ...]
    counts: Integers
    table: Floats
    classes: Mapping[str, str]
    sizes: Mapping[str, tuple[float, float]]

    def size_table(self) -> Floats:
        """Return the known sizes of the images, (m, 2), NaN where unknown."""
        unknown = (np.nan, np.nan)
        found = [self.sizes.get(name) or self.sizes.get(stem(name)) or unknown for name in self.ids]
        return np.array(found, dtype=np.float64).reshape(-1, 2)


def begins_with_numbers(data: bytes) -> bool:
    """Return whether a text begins with a number, after comments.

    Parameters
    ----------
    data : bytes
        The content of a file.

    Returns
    -------
    bool

    Examples
    --------
    >>> begins_with_numbers(b"# x y\\n1 2\\n"), begins_with_numbers(b"x,y\\n1,2\\n")
    (True, False)
    """
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    while text.startswith(b"#"):
        text = text.partition(b"\n")[2].lstrip()
    return _NUMBERS.match(text) is not None


def is_even_rows(data: bytes) -> bool:
    """Return whether a text has the same number of numbers, 2 to 8, in every line.

    Parameters
    ----------
    data : bytes
        The content of a file.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_even_rows(b"1 2\\n3 4\\n"), is_even_rows(b"1 2\\n3 4 5\\n"), is_even_rows(b"a 2\\n")
    (True, False, False)
    """
    even = _even_table([data])
    return even is not None and 2 <= even[1].shape[1] <= 8


def rows_of(
    place: str,
    files: Sequence[tuple[str, bytes]],
    *,
    classes: Mapping[str, str] | None = None,
    sizes: Mapping[str, tuple[float, float]] | None = None,
    arrays: bool = False,
) -> Rows:
    """Return the rows of files; raise FormatError with the problems of all of them.

    Parameters
    ----------
    place : str
        The folder or the file, for messages.
    files : sequence of (str, bytes)
        The id of every image, and the content of its file.
    classes, sizes
        Names of classes, and sizes of images, see ``Rows``.
    arrays : bool
        Whether the files are NumPy arrays by their names.

    Returns
    -------
    Rows

    Raises
    ------
    FormatError
        If a row is no row of numbers, or rows have different lengths.

    Examples
    --------
    >>> rows_of("preds", [("a", b"1 2 0.5\\n"), ("b", b"")]).counts.tolist()
    [1, 0]
    """
    even = None if arrays else _even_table([data for _, data in files])
    if even is not None:
        return Rows(place, tuple(name for name, _ in files), *even, classes or {}, sizes or {})
    tables: list[Floats | None] = []
    problems = Problems(place)
    width, first = 0, ""
    for name, data in files:
        try:
            table = (_array(data) if data else None) if arrays else _table(data)
        except ValueError as problem:
            problems.add("rows of finite numbers", str(problem), key=name)
            continue
        if table is not None:
            width, first = width or table.shape[1], first or name
            if table.shape[1] != width:
                problems.add(f"{width} columns, as in {first}", f"{table.shape[1]} columns", key=name)
        tables.append(table)
    problems.raise_if_any()
    filled = [table for table in tables if table is not None]
    counts = np.array([0 if table is None else len(table) for table in tables], dtype=np.int64)
    whole = np.concatenate(filled) if filled else np.empty((0, 2))
    return Rows(place, tuple(name for name, _ in files), counts, whole, classes or {}, sizes or {})


def _even_table(contents: Sequence[bytes]) -> tuple[Integers, Floats] | None:
    """Return the rows of every file and of all files, read at once; None where any line is unusual.

    Thousands of small files are read several times faster so. Other files are read one by one, which names the line.
    """
    text = b"\n".join(contents).translate(_NOT_A_SEPARATOR)
    if text.translate(None, _PLAIN):
        return None
    # A number begins where a blank is followed by another byte. The line of a number, and the file of a line, follow
    # from the line breaks before it: files b"1 2\n3 4" and b"5 6" -> lines of the numbers [0, 0, 1, 1, 2, 2]
    codes = np.frombuffer(b"\n" + text, dtype=np.uint8)
    blank = codes <= _BLANK
    line = np.cumsum(codes == _LINE_BREAK, dtype=np.int32)[1:][blank[:-1] & ~blank[1:]] - 1
    ends = np.cumsum([data.count(b"\n") + 1 for data in contents])
    widths = np.bincount(line, minlength=int(ends[-1]) if len(ends) else 0)
    filled = np.flatnonzero(widths)
    if not len(filled) or (widths[filled] != widths[filled[0]]).any() or widths[filled[0]] < 2:
        return None
    if text.count(b"\r") != text.count(b"\r\n"):  # old line breaks, which separate lines, too
        return None
    try:
        numbers = np.array(text.split(), dtype=np.float64)
    except ValueError:
        return None
    if not np.isfinite(numbers).all():
        return None
    counts: Integers = np.bincount(np.searchsorted(ends, filled, side="right"), minlength=len(contents)).astype(
        np.int64
    )
    return counts, numbers.reshape(-1, int(widths[filled[0]]))


def _table(data: bytes) -> Floats | None:
    """Return the rows of a file; None where it has none; raise ValueError with the first wrong line."""
    if data.startswith(b"\x93NUMPY") or is_archive(data):
        return _array(data)
    return _careful_table(data)


def _careful_table(data: bytes) -> Floats | None:
    """Return the rows of a file, line by line."""
    rows: list[list[float]] = []
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), start=1):
        text = line.strip().strip(",;")
        if not text or text.startswith("#"):
            continue
        try:
            if "_" in text or not text.isascii():
                raise ValueError
            row = [float(cell) for cell in _SEPARATOR.split(text)]
        except ValueError:
            raise ValueError(f"line {number}: {text[:60]!r}") from None
        if rows and len(row) != len(rows[0]):
            raise ValueError(f"line {number} with {len(row)} numbers, after {len(rows[0])} in the first")
        if not np.isfinite(row).all():
            raise ValueError(f"line {number}: {text[:60]!r}")
        rows.append(row)
    return _finite(np.array(rows)) if rows else None


def is_archive(data: bytes) -> bool:
    """Return whether a file is a ZIP archive of NumPy arrays.

    Parameters
    ----------
    data : bytes
        The content of the file.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_archive(b"1 2 3")
    False
    """
    return data.startswith(b"PK\x03\x04") and b".npy" in data[:300]


def _array(data: bytes) -> Floats | None:
    """Return the rows of a NumPy file; an archive holds one array, or ``points`` with or without ``scores``."""
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        arrays = {"points": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except Exception as problem:  # a damaged archive raises errors of zipfile, zlib and NumPy
        raise ValueError(f"no NumPy file of plain numbers ({problem})") from None
    points = arrays.get("points", next(iter(arrays.values())) if len(arrays) == 1 else None)
    if points is None:
        raise ValueError(f"an archive of {listed(arrays, most=5)}, without points")
    if not points.size:
        return None
    if points.dtype.kind not in "fiu" or points.ndim != 2:
        raise ValueError(f"an array of {points.dtype} of shape {points.shape}")
    rows = points.astype(np.float64)
    scores = arrays.get("scores")
    if scores is not None:
        if scores.shape != (len(rows),) or scores.dtype.kind not in "fiu":
            raise ValueError(f"scores of {scores.dtype} of shape {scores.shape} for {len(rows)} points")
        rows = np.column_stack([rows, scores.astype(np.float64)])
    return _finite(rows)


def _finite(rows: Floats) -> Floats:
    """Return rows of 2 to 8 finite numbers; raise ValueError with what they are instead."""
    if rows.ndim != 2 or not rows.shape[1] >= 2:
        raise ValueError(f"an array of shape {rows.shape}" if rows.ndim != 2 else f"{rows.shape[1]} columns")
    if not np.isfinite(rows).all():
        raise ValueError(f"{rows[~np.isfinite(rows).all(axis=1)][0].tolist()}")
    return rows
